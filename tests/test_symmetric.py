"""Symmetric NMF: optimality, recovery, and what the result does not depend on."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import same_clusters

from nmfcore._relatives.symmetric import symmetric
from nmfcore.reference import relatives


def low_rank(n=60, k=4, noise=0.1, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    F = rng.gamma(0.5, size=(n, k))
    N = rng.random((n, n))
    return (F @ F.T + noise * (N + N.T)).astype(dtype), rng.random((n, k)) + 0.1


def blocks(n=240, k=4, inside=0.4, outside=0.05, seed=0):
    """The normalised adjacency matrix of a graph with planted clusters, and the clusters."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, k, n)
    edges = np.triu(rng.random((n, n)) < np.where(labels[:, None] == labels, inside, outside), 1)
    A = (edges + edges.T).astype(float)
    degrees = A.sum(axis=0)
    return A / np.sqrt(np.outer(degrees, degrees)), labels


def objective(S, W):
    return 0.5 * np.sum((S.astype(float) - W.astype(float) @ W.T.astype(float)) ** 2)


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("n_iter", [0, 1, 2, 7, 40])
def test_it_does_what_the_reference_does(n_iter, form, dtype):
    S, start = low_rank(dtype=dtype)
    found = symmetric(form(S), 4, init=start, max_iter=n_iter, tol=0)
    wanted = relatives.symmetric(S.astype(float), start, n_iter)
    np.testing.assert_allclose(found.W, wanted, rtol=0, atol=1e-9 if dtype == np.float64 else 2e-3)
    assert found.W.dtype == dtype and found.n_iter == n_iter and not found.converged
    np.testing.assert_allclose(found.objective, objective(S, found.W), rtol=1e-9 if dtype == np.float64 else 1e-3)
    np.testing.assert_array_equal(found.H, found.W.T)


def test_planted_blocks_of_a_graph():
    S, labels = blocks()
    for X in (S, sp.csr_array(S)):
        assert same_clusters(symmetric(X, 4, random_state=0).labels, labels)


def test_it_ends_where_the_conditions_hold():
    S, _ = blocks(80)
    r = symmetric(S, 4, random_state=0, tol=1e-14, max_iter=5000)
    assert r.converged and r.kkt_residual < 1e-6
    gradient = 2 * (r.W @ (r.W.T @ r.W) - S @ r.W)
    size = np.linalg.norm(S) ** 1.5
    assert gradient.min() > -1e-5 * size and np.abs(gradient * r.W).max() < 1e-5 * size
    assert np.abs(gradient[r.W > 0]).max() < 1e-5 * size < gradient.max()  # where W is 0, the gradient need not be 0


def test_the_objective_never_rises():
    S, _ = low_rank(noise=2.0)
    r = symmetric(S, 6, random_state=0, max_iter=200, tol=0, n_starts=1)
    assert (np.diff(r.history.objective) <= 0).all() and len(r.history.objective) == 201
    assert r.objective == r.history.objective[-1] == r.objectives.min()


def test_one_component_is_the_leading_eigenvector():
    S, _ = low_rank()
    values, vectors = np.linalg.eigh(S)
    r = symmetric(S, 1, random_state=0, tol=1e-13)
    np.testing.assert_allclose(r.W[:, 0], np.sqrt(values[-1]) * np.abs(vectors[:, -1]), atol=1e-5)


def test_an_exact_factorization_is_found_to_round_off():
    S = np.kron(np.eye(3), np.ones((4, 4)))
    r = symmetric(S, 3, random_state=0)
    assert r.reason == "tol" and r.relative_error < 1e-8
    np.testing.assert_allclose(r.relative_error, np.linalg.norm(S - r.W @ r.H) / np.linalg.norm(S), atol=1e-15)


def test_scale_threads_storage_and_seeds(dtype):
    S, _ = low_rank(200, dtype=dtype)
    options = {"random_state": 3, "max_iter": 30, "n_starts": 1}
    r = symmetric(S, 4, **options)
    for same in (symmetric(S, 4, n_threads=1, **options), symmetric(np.asfortranarray(S), 4, **options)):
        np.testing.assert_array_equal(same.W, r.W)
    np.testing.assert_array_equal(symmetric(S * dtype(2.0**20), 4, **options).W, r.W * dtype(2.0**10))
    plain, tiny = (symmetric(S.astype(float) * scale, 4, **options) for scale in (1.0, 1e-200))
    np.testing.assert_allclose(tiny.W * 1e100, plain.W, rtol=0, atol=1e-8)


def test_more_components_than_rows_and_nothing_at_all():
    S, _ = low_rank(5, 2)
    r = symmetric(S, 9, random_state=0)
    assert r.W.shape == (5, 9) and np.isfinite(r.W).all() and r.relative_error < 0.1
    zero = symmetric(np.zeros((3, 3)), 2, random_state=0)
    assert not zero.W.any() and zero.objective == 0 and zero.converged and (zero.labels == -1).all()
    one = symmetric([[4.0]], 1, random_state=0)
    np.testing.assert_allclose(one.W, [[2.0]])


def test_a_start_of_single_nodes_of_a_graph():
    """W'S W = 0, so that W = 0 has the lowest objective of all multiples of W; a fit could not leave it."""
    S = np.kron(np.eye(2), np.ones((4, 4)) - np.eye(4))
    r = symmetric(S, 2, init=np.eye(8)[:, [0, 4]])
    assert same_clusters(r.labels, np.repeat([0, 1], 4)) and r.converged


def test_callbacks_and_limits(capsys):
    S, start = low_rank(noise=1.0)
    seen = []
    r = symmetric(S, 4, init=start, tol=0, verbose=True, callback=lambda state: seen.append(state) or len(seen) == 3)
    assert r.reason == "callback" and r.n_iter == 3 and [state.iteration for state in seen] == [1, 2, 3]
    assert seen[-1].objective == r.objective and "relative error" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="has left iteration 1"):
        assert seen[0].W is not None
    with pytest.raises(RuntimeError, match="fits of `complete` and others cannot be resumed"):
        symmetric(S, 4, init=start, callback=lambda state: state.checkpoint())
    symmetric(S, 4, init=start, max_iter=1, callback=lambda state: np.testing.assert_array_equal(state.H, state.W.T))
    assert symmetric(S, 4, random_state=0, max_time=0).n_iter == 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"S": np.ones((2, 3))}, ValueError, "S has shape (2, 3); wanted a square matrix"),
        ({"S": [[1.0, 2.0], [3.0, 1.0]]}, ValueError, "S is not symmetric: S[0, 1] is 2, S[1, 0] is 3"),
        ({"S": sp.csr_array([[1.0, 2.0], [0.0, 1.0]])}, ValueError, "S is not symmetric: S[0, 1] is 2, S[1, 0] is 0"),
        ({"S": [[1.0, -2.0], [-2.0, 1.0]]}, ValueError, "S has 2 negative entries, the first (-2.0) at (0, 1)"),
        ({"S": np.full((2, 2), np.nan)}, ValueError, "S has 4 NaN entries"),
        ({"k": 0}, ValueError, "k is 0; wanted an integer >= 1"),
        ({"init": np.ones((3, 1))}, ValueError, "init has shape (3, 1); wanted (2, 2)"),
        ({"init": np.eye(2) - np.eye(2)[0]}, ValueError, "init has 1 negative entry"),
        ({"init": [[1.0, 0.0], [1.0, 0.0]]}, ValueError, "init has 1 column of zeros; wanted a positive entry in each"),
        ({"init": np.ones((2, 2)), "n_starts": 2}, ValueError, "n_starts is 2, but init says where to start; wanted 1"),
        ({"n_starts": "many"}, ValueError, "n_starts is 'many'; wanted 'auto' or an integer >= 1"),
        ({"tol": -1}, ValueError, "tol is -1; wanted a finite number >= 0"),
        ({"callback": 3}, TypeError, "callback is 3 (int)"),
    ],
)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        symmetric(**({"S": np.eye(2), "k": 2} | options))


def test_the_best_of_several_starts():
    S, _ = low_rank(noise=1.0)
    rng = np.random.default_rng(5)
    alone = [symmetric(S, 5, random_state=rng, n_starts=1) for _ in range(4)]
    r = symmetric(S, 5, random_state=5, n_starts=4)
    np.testing.assert_array_equal(r.objectives, [one.objective for one in alone])
    best = int(np.argmin(r.objectives))
    np.testing.assert_array_equal(r.W, alone[best].W)
    assert r.n_iter == alone[best].n_iter and len(set(r.objectives)) > 1


def test_names_of_a_data_frame():
    pd = pytest.importorskip("pandas")
    S, _ = low_rank(6)
    names = tuple("abcdef")
    assert symmetric(pd.DataFrame(S, names, names), 2, random_state=0).names == (names, names)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_symmetric_to_round_off(form, dtype):
    S, start = low_rank(dtype=dtype)
    for off, refused in ((100, False), (1e5, True)):
        T = S.copy()
        T[3, 5] += dtype(off * np.finfo(dtype).eps * S.max())
        if refused:
            with pytest.raises(ValueError, match=r"S is not symmetric: S\[3, 5\] is"):
                symmetric(form(T), 4, init=start)
        else:
            assert symmetric(form(T), 4, init=start, max_iter=30).relative_error < 0.2
