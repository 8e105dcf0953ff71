"""What differs between platforms: on Windows C's long has 32 bits, so `np.ldexp` takes no int64 exponents there, and
NumPy before 2.0 makes int32 of integers without a dtype."""

import pickle

import numpy as np
import pytest
import scipy.sparse
from conftest import outcome

import nmfcore
from nmfcore import penalties

X = np.random.default_rng(0).gamma(0.5, size=(40, 30)) + 0.01
S = scipy.sparse.csr_array(np.where(X > 0.3, X, 0))
CALLS = {
    "hals": lambda: nmfcore.hals(X, 3, max_iter=3),
    "hals, random": lambda: nmfcore.hals(X, 3, init="random", max_iter=3, random_state=0),
    "hals, given": lambda: nmfcore.hals(X, 3, init=(X[:, :3], X[:3]), max_iter=3),
    "hals, known": lambda: nmfcore.hals(X, 3, fixed_H=X[:3], max_iter=3),
    "hals, penalty": lambda: nmfcore.hals(X, 3, penalty_H=penalties.L1(0.1), max_iter=3),
    "hals, sparse": lambda: nmfcore.hals(S, 3, max_iter=3),
    "hals, mask": lambda: nmfcore.hals(X, 3, mask=X > 2, max_iter=3),
    "mu": lambda: nmfcore.mu(X, 3, max_iter=3),
    "mu, sparse": lambda: nmfcore.mu(S, 3, max_iter=3),
    "fit_many": lambda: nmfcore.fit_many(X, [2, 3], n_starts=2, max_iter=3, random_state=0),
    "fit_many, sparse": lambda: nmfcore.fit_many(S, [2, 3], n_starts=2, max_iter=3, random_state=0),
    "normalize": lambda: nmfcore.hals(X, 3, max_iter=3).normalize("l1"),
    "transform": lambda: nmfcore.transform(X, X[:3] + 0.1, max_iter=3),
    "nnls": lambda: nmfcore.nnls(X[:, :3], X),
    "svd": lambda: nmfcore.svd(X, 3),
    "separable": lambda: nmfcore.separable(X, 3),
    "archetypes": lambda: nmfcore.archetypes(X, 3, random_state=0),
    "symmetric": lambda: nmfcore.symmetric(X @ X.T, 3, random_state=0),
    "complete": lambda: nmfcore.complete(S, 3, random_state=0),
}


@pytest.mark.filterwarnings("ignore::nmfcore.ConvergenceWarning")
@pytest.mark.parametrize("name", CALLS)
def test_exponents_are_those_of_c(name, monkeypatch):
    ldexp = np.ldexp

    def checked(x, exponent, *rest, **options):
        if isinstance(exponent, np.ndarray | np.generic):
            assert exponent.dtype.itemsize <= np.dtype(np.intc).itemsize
        return ldexp(x, exponent, *rest, **options)

    monkeypatch.setattr(np, "ldexp", checked)
    CALLS[name]()


@pytest.mark.filterwarnings("ignore::nmfcore.ConvergenceWarning")
@pytest.mark.parametrize("name", CALLS)
def test_integers_without_a_dtype_may_be_short(name, monkeypatch):
    arange = np.arange

    def short(*arguments, **options):
        numbers = arange(*arguments, **options)
        return numbers.astype(np.int32) if numbers.dtype == np.int64 and "dtype" not in options else numbers

    np.random.seed(0)
    expected = outcome(CALLS[name]())
    monkeypatch.setattr(np, "arange", short)
    np.random.seed(0)
    assert pickle.dumps(outcome(CALLS[name]())) == pickle.dumps(expected)
