"""The memory that a mask takes beside X, as `nmf` documents it."""

import tracemalloc

import numpy as np
import pytest

import nmfcore

DENSE_BLOCKS = 60e6  # bytes of blocks of rows and of scratch memory, whatever the size of X


@pytest.mark.parametrize("share", [0.01, 0.1, 0.24, 0.4, 0.9])
def test_memory_of_a_mask(share):
    rng = np.random.default_rng(0)
    X = rng.random((3000, 2000))
    mask = rng.random(X.shape) < share
    options = {"max_iter": 1, "init": "random", "random_state": 0, "tol": 0}
    nmfcore.hals(X[:30, :30], 2, mask=np.eye(30, dtype=bool), **options)  # imports what a mask needs
    tracemalloc.start()
    nmfcore.hals(X, 3, mask=mask, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    wanted = X.nbytes + 160 * np.count_nonzero(mask) if share < 0.25 else 3 * X.nbytes
    assert peak < wanted + DENSE_BLOCKS
