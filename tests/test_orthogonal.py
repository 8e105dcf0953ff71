"""Orthogonal NMF: clusters by direction, and agreement with spherical k-means."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import same_clusters

from nmfcore._relatives.orthogonal import orthogonal
from nmfcore.reference import relatives


def rays(m=150, n=12, k=4, spread=0.1, sizes=0.5, seed=0, dtype=np.float64):
    """Rows of different norms near k directions, and the direction of each row."""
    rng = np.random.default_rng(seed)
    B, labels = rng.gamma(0.3, size=(k, n)) + np.eye(k, n), np.resize(np.arange(k), m)
    X = B[labels] * rng.lognormal(0, sizes, (m, 1))
    return (X * rng.lognormal(0, spread, X.shape)).astype(dtype), labels


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("n_iter", [0, 1, 5])
def test_it_does_what_the_reference_does(n_iter, form, dtype):
    X, _ = rays(spread=1.0, dtype=dtype)
    start = np.random.default_rng(1).integers(0, 4, len(X))
    r = orthogonal(form(X), 4, init=start, max_iter=n_iter, tol=0)
    B, labels = relatives.orthogonal(X.astype(float), start, 4, n_iter)
    np.testing.assert_array_equal(r.labels, labels)
    directions = r.H / np.linalg.norm(r.H, axis=1, keepdims=True)
    np.testing.assert_allclose(directions, B, rtol=0, atol=1e-12 if dtype == np.float64 else 1e-5)
    assert r.W.dtype == r.H.dtype == dtype and r.n_iter == n_iter
    np.testing.assert_allclose(
        r.objective, 0.5 * np.sum((X - r.W @ r.H) ** 2), rtol=1e-10 if dtype == np.float64 else 1e-4
    )


def test_spherical_k_means_on_separated_data():
    X, labels = rays(spread=0.2)
    found = orthogonal(X, 4, random_state=0).labels
    assert same_clusters(found, labels)
    assert same_clusters(found, relatives.spherical_kmeans(X, labels, 4, 20))
    # Rows of norm 1 that are not separated: the same partition except for a few rows
    X, labels = rays(spread=0.9, sizes=0)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    found = orthogonal(X, 4, init=labels).labels
    assert np.mean(found == relatives.spherical_kmeans(X, labels, 4, 50)) > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_many_separated_clusters(seed):
    X, labels = rays(300, 40, 15, spread=0.1)
    r = orthogonal(X, 15, random_state=seed)
    assert same_clusters(r.labels, labels) and len(r.objectives) == 10


def test_the_objective_is_what_singular_values_leave():
    X, _ = rays(spread=1.0)
    r = orthogonal(X, 4, random_state=0, tol=1e-15)
    left = np.sum(X**2) - sum(np.linalg.norm(X[r.labels == t], 2) ** 2 for t in range(4))
    np.testing.assert_allclose(r.objective, 0.5 * left, rtol=1e-10)
    assert r.kkt_residual < 1e-6 and (np.diff(r.history.objective) <= 0).all() and r.converged
    np.testing.assert_allclose(r.W.T @ r.W, np.eye(4), atol=1e-14)
    np.testing.assert_allclose(r.W.T @ X, r.H, atol=1e-5 * np.linalg.norm(X))
    assert ((r.W > 0).sum(axis=1) == 1).all() and r.H.min() >= 0
    np.testing.assert_allclose(r.relative_error, np.linalg.norm(X - r.W @ r.H) / np.linalg.norm(X))


def test_more_clusters_than_directions():
    """Empty clusters are 0; rows of zeros belong to no cluster."""
    X = np.array([[1.0, 0, 0], [2, 0, 0], [0, 3, 0], [0, 0, 0]])
    r = orthogonal(X, 4, random_state=0)
    assert r.relative_error == 0 and r.labels[3] == -1 and r.labels[0] == r.labels[1] != r.labels[2]
    empty = np.setdiff1d(np.arange(4), r.labels)
    assert len(empty) == 2 and not r.W[:, empty].any() and not r.H[empty].any()
    zero = orthogonal(np.zeros((3, 2)), 2, random_state=0)
    assert (zero.labels == -1).all() and zero.objective == 0 and zero.converged


def test_an_empty_cluster_takes_the_row_that_is_fitted_worst():
    X, labels = rays(spread=0.05)
    for start in (np.zeros_like(labels), np.where(labels == 3, 0, labels)):
        assert same_clusters(orthogonal(X, 4, init=start).labels, labels)


def test_scale_threads_storage_and_seeds(dtype):
    X, _ = rays(400, spread=1.0, dtype=dtype)
    r = orthogonal(X, 4, random_state=3, n_starts=2)
    for same in (
        orthogonal(X, 4, random_state=3, n_starts=2, n_threads=1),
        orthogonal(X * dtype(2.0**20), 4, random_state=3, n_starts=2),
    ):
        np.testing.assert_array_equal(same.W, r.W)
        np.testing.assert_array_equal(same.labels, r.labels)
    X, _ = rays(400, spread=0.3, dtype=dtype)
    X.flags.writeable = False
    r = orthogonal(X, 4, random_state=3)
    for same in (
        orthogonal(X.astype(float) * 1e-160, 4, random_state=3),
        orthogonal(sp.csr_array(X), 4, random_state=3),
    ):
        assert same_clusters(same.labels, r.labels)
        assert same.relative_error == pytest.approx(r.relative_error, rel=1e-5)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"X": -np.eye(3)}, ValueError, "X has 3 negative entries"),
        ({"init": [0.0, 1.0, 1.0]}, TypeError, "init has dtype float64; wanted integers, the cluster of each row"),
        ({"init": [0, 1]}, ValueError, "init has shape (2,); wanted a cluster for each row of X, (3,)"),
        ({"init": [0, 1, 2]}, ValueError, "init has indices from 0 to 2; wanted 0 to 1"),
        ({"init": [0, 1, 1], "n_starts": 3}, ValueError, "n_starts is 3, but init says where to start; wanted 1"),
        ({"max_iter": -1}, ValueError, "max_iter is -1; wanted an integer >= 0"),
        ({"max_time": -1}, ValueError, "max_time is -1"),
    ],
)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        orthogonal(**({"X": np.eye(3), "k": 2} | options))


def test_a_fit_without_progress_ends_after_two_iterations():
    result = orthogonal(np.random.default_rng(0).random((20, 10)), 3, random_state=0, tol=0.9)
    assert (result.n_iter, result.converged) == (2, True)
