"""Problems that the tests share."""

import hypothesis
import numpy as np
import pytest

# The same examples in every run: the outcome of the suite is a property of the code.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.load_profile("same")


def planted(m: int, n: int, k: int, seed: int = 0, noise: float = 0.1, dtype=np.float64):
    """X near a product of rank k, and a random start (W0, H0) for it."""
    rng = np.random.default_rng(seed)
    X = (
        rng.gamma(0.5, size=(m, k))
        @ rng.gamma(0.5, size=(k, n))
        * rng.gamma(1 / max(noise, 1e-9), max(noise, 1e-9), (m, n))
    )
    return X.astype(dtype), rng.random((m, k)).astype(dtype), rng.random((k, n)).astype(dtype)


#: The textbook's algorithm, for as many iterations as asked for.
PLAIN = {"extrapolate": False, "floor": 0, "tol": 0}


def problem(m=40, n=30, k=4, seed=0, zeros=0.0):
    """Positive data with noise, some of it 0, and a positive start."""
    rng = np.random.default_rng(seed)
    X = rng.gamma(1.0, size=(m, k)) @ rng.gamma(1.0, size=(k, n)) * rng.gamma(10.0, 0.1, size=(m, n)) + 0.01
    X[rng.random(X.shape) < zeros] = 0
    return X, rng.random((m, k)) + 0.1, rng.random((k, n)) + 0.1


def same_clusters(found, wanted):
    """Whether two labellings are the same but for the numbers of the clusters."""
    pairs = set(zip(found.tolist(), wanted.tolist(), strict=True))
    return len(pairs) == len(set(found.tolist())) == len(set(wanted.tolist()))


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture
def rtol(dtype):
    return 1e-12 if dtype == np.float64 else 2e-4
