"""Problems that the tests share."""

import numpy as np
import pytest


def planted(m: int, n: int, k: int, seed: int = 0, noise: float = 0.1, dtype=np.float64):
    """X near a product of rank k, and a random start (W0, H0) for it."""
    rng = np.random.default_rng(seed)
    X = (
        rng.gamma(0.5, size=(m, k))
        @ rng.gamma(0.5, size=(k, n))
        * rng.gamma(1 / max(noise, 1e-9), max(noise, 1e-9), (m, n))
    )
    return X.astype(dtype), rng.random((m, k)).astype(dtype), rng.random((k, n)).astype(dtype)


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture
def rtol(dtype):
    return 1e-12 if dtype == np.float64 else 2e-4
