"""Problems that the tests share."""

import functools
from dataclasses import replace

import hypothesis
import numpy as np
import pytest

import nmfcore

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


def sparse_product(m=60, n=40, k=4, noise=0.1, seed=0):
    """Data near a product of sparse factors."""
    rng = np.random.default_rng(seed)
    W, H = rng.gamma(0.5, size=(m, k)), rng.gamma(0.3, size=(k, n))
    return W @ H * rng.gamma(1 / noise, noise, (m, n))


def random_factors(k=4, m=30, n=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.5, size=(m, k)), rng.gamma(0.5, size=(k, n))


def fit_from_random(X, k, seed, **options):
    return nmfcore.hals(X, k, init="random", random_state=seed, **options)


@pytest.fixture(scope="session")
def fits():
    """Six fits of `sparse_product()` for each of three ranks, by (rank, start)."""
    X = sparse_product()
    keys = [(k, start) for k in (2, 3, 4) for start in range(6)]
    return {(k, start): fit_from_random(X, k, 10 * k + start, max_iter=40) for k, start in keys}


@pytest.fixture(scope="session")
def ensemble(fits):
    """All of `fits`."""
    return ensemble_of(fits)


def ensemble_of(fits, keys=None, failures=()):
    """The ensemble of some of the fits in a dictionary by (rank, start)."""
    keys = list(fits) if keys is None else keys
    return nmfcore.Ensemble([fits[key] for key in keys], [start for _, start in keys], failures)


def ensemble_of_factors(*factors, best=0):
    """An ensemble of those pairs (W, H); the one with the index `best` has the lowest objective."""
    fits = [replace(_any_result(), W=W, H=H, objective=float(i != best)) for i, (W, H) in enumerate(factors)]
    return nmfcore.Ensemble(fits, range(len(fits)))


@functools.cache
def _any_result():
    return nmfcore.hals(np.ones((2, 2)), 1, max_iter=1)


@pytest.fixture(params=[np.float64, np.float32], ids=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture
def rtol(dtype):
    return 1e-12 if dtype == np.float64 else 2e-4


def outcome(value):
    """What a call returns, without the times that it took."""
    if isinstance(value, dict):
        return {key: outcome(part) for key, part in value.items() if key not in ("time", "seconds", "options")}
    if isinstance(value, (list, tuple)):
        return [outcome(part) for part in value]
    if isinstance(value, np.ndarray) or not hasattr(value, "__dict__"):
        return np.array(value)
    return outcome(vars(value))
