"""Semi-NMF: optimality, the bound by singular values, and X of any sign."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import same_clusters

import nmfcore
from nmfcore._relatives.semi import semi
from nmfcore.reference import relatives


def signed(m=60, n=20, k=4, noise=0.3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.gamma(0.5, size=(m, k)) @ rng.standard_normal((k, n)) + noise * rng.standard_normal((m, n))
    return X, rng.random((m, k)) + 0.1


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("n_iter", [0, 1, 3])
def test_it_does_what_the_reference_does(n_iter, form, dtype):
    X, start = signed()
    r = semi(form(X.astype(dtype)), 4, init=start, max_iter=n_iter, tol=0)
    W, H = relatives.semi(X.astype(dtype).astype(float), start, n_iter)
    sizes = np.linalg.norm(H, axis=1)
    tolerance = 1e-10 if dtype == np.float64 else 1e-3
    np.testing.assert_allclose(r.W, W * sizes, rtol=0, atol=tolerance)
    np.testing.assert_allclose(r.H, H / sizes[:, None], rtol=0, atol=tolerance)
    assert r.W.dtype == r.H.dtype == dtype and r.W.min() >= 0
    np.testing.assert_allclose(r.objective, 0.5 * np.sum((X - r.W @ r.H) ** 2), rtol=1e-4)


def test_it_ends_where_the_conditions_hold():
    X, _ = signed()
    r = semi(X, 2, random_state=0, n_starts=1, tol=1e-14, max_iter=5000)
    assert r.converged and r.kkt_residual < 1e-7 and (np.diff(r.history.objective) <= 0).all()
    residual, size = r.W @ r.H - X, 1e-5 * np.linalg.norm(X)
    assert np.abs(r.W.T @ residual).max() < size * np.linalg.norm(r.W)
    gradient = residual @ r.H.T
    assert np.abs(gradient[r.W > 0]).max() < size < gradient[r.W == 0].max() and gradient.min() > -size


def test_a_minimum_that_is_not_attained():
    """Rows less their mean lie in no half-space: W grows while the error falls, and the fit still ends."""
    X, _ = signed()
    X -= X.mean(axis=0)
    left = np.linalg.svd(X, compute_uv=False)[3:]
    early, late = (semi(X, 3, random_state=0, n_starts=1, tol=tol, max_iter=3000) for tol in (1e-3, 1e-14))
    assert 0.5 * left @ left * 1.1 < late.objective < early.objective and late.reason == "tol"
    assert 10 * early.W.max() < late.W.max() < np.inf


def test_no_better_than_singular_values_and_for_x_above_0_as_good():
    X, _ = signed()
    for Y, close in ((X, False), (np.abs(X), True)):
        left = np.linalg.svd(Y, compute_uv=False)[3:]
        r = semi(Y, 3, random_state=0, tol=1e-10, max_iter=3000)
        least = 0.5 * left @ left
        assert r.objective >= least * (1 - 1e-12) and (r.objective < least * 1.001 or not close)
    assert semi(np.abs(X), 3, random_state=0).objective < nmfcore.hals(np.abs(X), 3).objective


def test_clusters_of_either_sign():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 90)
    centres = np.array([[5.0, 5, -5, 0], [-5, 5, 5, 0], [0, -5, -5, 5]])
    r = semi(centres[labels] + 0.3 * rng.standard_normal((90, 4)), 3, random_state=0)
    np.testing.assert_allclose(np.linalg.norm(r.H, axis=1), 1)
    # the start decides between equivalent factors; from the clusters the fit stays there
    r = semi(centres[labels] + 0.3 * rng.standard_normal((90, 4)), 3, init=np.eye(3)[labels])
    assert same_clusters(r.labels, labels)


def test_scale_threads_dependent_columns_and_nothing(dtype):
    X, _ = signed(200, 150)
    X, options = X.astype(dtype), {"random_state": 3, "max_iter": 20, "n_starts": 1}
    r = semi(X, 4, **options)
    np.testing.assert_array_equal(semi(X, 4, n_threads=1, **options).W, r.W)
    np.testing.assert_array_equal(semi(X * dtype(2.0**30), 4, **options).W, r.W * dtype(2.0**30))
    many = semi(X[:3, :4], 7, random_state=0)
    assert np.isfinite(many.W).all() and np.isfinite(many.H).all() and many.relative_error < 0.6
    equal = semi(X[:, :9], 2, init=np.ones((200, 2)), max_iter=3)
    assert np.isfinite(equal.H).all() and equal.objective <= 0.5 * np.sum(X[:, :9].astype(float) ** 2)
    zero = semi(np.zeros((3, 2), dtype), 2, random_state=0)
    assert not zero.H.any() and zero.objective == 0 and zero.converged


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"X": [[np.inf, 1.0]]}, ValueError, "X has 1 infinite entry, the first (inf) at (0, 0); wanted finite"),
        ({"init": -np.ones((3, 2))}, ValueError, "init has 6 negative entries"),
        ({"k": 0}, ValueError, "k is 0; wanted an integer >= 1"),
    ],
)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        semi(**({"X": np.eye(3), "k": 2} | options))
