"""Projective NMF: optimality, clusters, parts, and a comparison with multiplicative updates."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import problem, same_clusters
from test_orthogonal import rays

from nmfcore._relatives.projective import projective
from nmfcore.reference import relatives


def objective(X, W):
    return 0.5 * np.sum((X - W @ (W.T @ X)) ** 2)


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("n_iter", [0, 1, 2, 7, 40])
def test_it_does_what_the_reference_does(n_iter, form, dtype):
    X, start, _ = problem(zeros=0.3)
    found = projective(form(X.astype(dtype)), 4, init=start, max_iter=n_iter, tol=0)
    wanted = relatives.projective(X.astype(dtype).astype(float), start, n_iter)
    np.testing.assert_allclose(found.W, wanted, rtol=0, atol=1e-9 if dtype == np.float64 else 5e-3)
    assert found.W.dtype == found.H.dtype == dtype and found.n_iter == n_iter
    np.testing.assert_allclose(found.objective, objective(X, found.W.astype(float)), rtol=1e-4)
    np.testing.assert_allclose(found.H, found.W.T @ X, rtol=1e-4, atol=1e-4)


def test_multiplicative_updates_are_monotone_and_slower():
    X, start, _ = problem(60, 50, 5, zeros=0.3)
    values = [objective(X, relatives.projective_mu(X, start / 100, n)) for n in range(12)]
    assert (np.diff(values) <= 0).all()
    r = projective(X, 5, init=start, max_iter=30, tol=0)
    assert r.objective < objective(X, relatives.projective_mu(X, start / 100, 300))


def test_it_ends_where_the_conditions_hold():
    X, _, _ = problem(zeros=0.5)
    r = projective(X, 4, random_state=0, tol=1e-14, max_iter=5000)
    assert r.converged and r.kkt_residual < 1e-6 and (np.diff(r.history.objective) <= 0).all()
    A, W = X @ X.T, r.W
    gradient = W @ (W.T @ A @ W) + A @ W @ (W.T @ W) - 2 * A @ W
    size = 1e-5 * np.linalg.norm(X) ** 2
    assert np.abs(gradient[W > 0]).max() < size < gradient[W == 0].max() and gradient.min() > -size
    # the gradient is right
    D = np.random.default_rng(0).standard_normal(W.shape) * 1e-6
    V = W + 0.1
    gradient = V @ (V.T @ A @ V) + A @ V @ (V.T @ V) - 2 * A @ V
    np.testing.assert_allclose(objective(X, V + D) - objective(X, V - D), 2 * np.sum(gradient * D), rtol=1e-5)


def test_clusters_of_separated_rows():
    X, labels = rays(spread=0.2)
    r = projective(X, 4, random_state=0)
    assert same_clusters(r.labels, labels)
    G = r.W.T @ r.W
    assert (
        np.abs(G - np.diag(np.diag(G))).max() < 0.1 * np.diag(G).min()
    )  # nearly orthogonal, although no constraint says so


def test_parts_of_images():
    """The columns of W for X' are parts that lie apart; the shares of a new sample are a product."""
    rng = np.random.default_rng(0)
    parts = np.kron(np.eye(4), rng.random((1, 6)) + 0.5)
    X = rng.gamma(0.5, size=(50, 4)) @ parts
    r = projective(X.T, 4, random_state=0)
    assert r.relative_error < 1e-6 and ((r.W > 1e-6) == (parts[np.argmax(r.W.T @ parts.T, axis=1)].T > 0)).all()
    new = rng.gamma(0.5, size=(5, 4)) @ parts
    np.testing.assert_allclose((new @ r.W) @ r.W.T, new, atol=1e-5)


def test_one_component_is_the_leading_singular_vector():
    X, _, _ = problem()
    r = projective(X, 1, random_state=0, tol=1e-13)
    np.testing.assert_allclose(r.W[:, 0], np.abs(np.linalg.svd(X)[0][:, 0]), atol=1e-6)


def test_scale_threads_and_storage(dtype):
    X, _, _ = problem(200, 150, zeros=0.3)
    X, options = X.astype(dtype), {"random_state": 3, "max_iter": 20, "n_starts": 1}
    r = projective(X, 4, **options)
    one, scaled = projective(X, 4, n_threads=1, **options), projective(X * dtype(2.0**-30), 4, **options)
    np.testing.assert_array_equal(one.W, r.W)
    np.testing.assert_array_equal(scaled.W, r.W)
    np.testing.assert_array_equal(scaled.H, r.H * dtype(2.0**-30))
    plain, tiny = (projective(X.astype(float) * scale, 4, **options) for scale in (1.0, 1e-160))
    np.testing.assert_allclose(tiny.W, plain.W, rtol=0, atol=1e-8)


def test_more_components_than_rows_and_nothing_at_all():
    X = np.random.default_rng(0).random((3, 4))
    r = projective(X, 7, random_state=0)
    assert r.W.shape == (3, 7) and np.isfinite(r.W).all() and r.relative_error < 0.3
    zero = projective(np.zeros((3, 2)), 2, random_state=0)
    assert not zero.W.any() and zero.objective == 0 and zero.converged


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"X": -np.eye(3)}, ValueError, "X has 3 negative entries"),
        ({"init": np.ones((2, 2))}, ValueError, "init has shape (2, 2); wanted (3, 2)"),
        ({"init": np.full((3, 2), np.inf)}, ValueError, "init has 6 infinite entries"),
        ({"k": 1.5}, TypeError, "k is 1.5 (float); wanted an integer >= 1"),
    ],
)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        projective(**({"X": np.eye(3), "k": 2} | options))
