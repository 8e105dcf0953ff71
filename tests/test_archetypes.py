"""Archetypal analysis: recovery, constraints, and what the result does not depend on."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import LEVELS

import nmfcore
from nmfcore._archetypes import simplex
from nmfcore._archetypes.simplex import fit_blocks, fit_rows
from nmfcore._runtime.workspace import Workspace
from nmfcore.reference import archetypes

FIELDS = ("W", "B", "archetypes", "objective", "explained_variance", "objectives")


def planted(m=300, n=6, k=4, seed=0, noise=0.0, corners=True, dtype=np.float64):
    """Mixtures of k points of either sign, which are among them, and the k points."""
    rng = np.random.default_rng(seed)
    Z = 3 * rng.standard_normal((k, n))
    W = rng.dirichlet(np.full(k, 0.7), m)
    X = np.vstack([Z, W @ Z]) if corners else W @ Z
    return (X + noise * rng.standard_normal(X.shape)).astype(dtype), Z


def loss(X, result, **options):
    return archetypes.archetypes_objective(X.astype(float), result.W.astype(float), result.B, **options)


def far(found, wanted):
    """The largest distance of a true archetype from the nearest fitted one."""
    return np.linalg.norm(found[None] - wanted[:, None], axis=2).min(axis=1).max()


def gaps(x, points, f):
    """An upper bound on how far a step to a vertex can lower 1/2 ||x - f points||^2."""
    gradient = (f @ points - x) @ points.T
    return f @ gradient - gradient.min()


@settings(max_examples=80, deadline=None)
@given(
    k=st.integers(1, 20),
    n=st.integers(1, 12),
    seed=st.integers(0, 999),
    repeated=st.booleans(),
    warm=st.booleans(),
    scale=st.sampled_from([1e-8, 1.0, 1e8]),
)
def test_rows_on_the_simplex_are_solved_to_the_end(k, n, seed, repeated, warm, scale):
    """Optimality, also with more points than dimensions and repeated points; the start does not matter."""
    rng = np.random.default_rng(seed)
    Z, X = scale * rng.standard_normal((k, n)), scale * rng.standard_normal((50, n))
    Z = Z[rng.integers(0, k, k)] if repeated else Z
    F = rng.dirichlet(np.ones(k), 50) if warm else np.zeros((50, k))
    values = fit_rows(Workspace(np.float64, 1), Z @ Z.T, X @ Z.T, F)
    assert F.min() >= 0
    np.testing.assert_allclose(F.sum(axis=1), 1, rtol=0, atol=4e-16 * k)
    size = scale**2 * (np.linalg.norm(X / scale, axis=1) + np.linalg.norm(Z / scale, axis=1).max()) ** 2
    assert all(gaps(x, Z, f) < 1e-11 * s for x, f, s in zip(X, F, size, strict=True))
    squared = np.sum((X - F @ Z) ** 2, axis=1)
    np.testing.assert_allclose(np.sum(X**2, axis=1) + values, squared, rtol=0, atol=1e-11 * size.max())


def test_a_coordinate_that_is_negative_by_round_off():
    """A step from 1/2 to about -1e-17: its length is 1 to round-off, and no coordinate blocks it."""
    Z, F = np.array([[0.0], [1.0]]), np.full((200, 2), 0.5)
    C = np.column_stack([np.zeros(200), np.linspace(-3e-16, 0, 200)])
    fit_rows(Workspace(np.float64, 1), Z @ Z.T, C, F)
    assert F.min() >= 0


@pytest.mark.parametrize("level_threads", [1, 2])
@pytest.mark.parametrize("rows", [1, 127, 128, 129, 700])
def test_rows_are_independent_problems(rows, level_threads, dtype):
    rng = np.random.default_rng(0)
    Z, X = rng.standard_normal((7, 4)), rng.standard_normal((rows, 4))
    F = np.zeros((rows, 7), dtype)
    C = (X @ Z.T).astype(dtype)
    fit_rows(Workspace(dtype, level_threads), Z @ Z.T, C, F)
    for i in (0, rows // 2, rows - 1):
        alone = np.zeros((1, 7), dtype)
        fit_rows(Workspace(dtype, 1), Z @ Z.T, C[i : i + 1], alone)
        np.testing.assert_array_equal(alone[0], F[i])
    expected = archetypes.nearest_in_hull(X[-1], Z)
    np.testing.assert_allclose(F[-1] @ Z, expected @ Z, atol=1e-6 if dtype == np.float64 else 1e-5)


@pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])
def test_every_level(kernels, dtype, monkeypatch):
    rng = np.random.default_rng(2)
    Z, X = rng.standard_normal((9, 5)), rng.standard_normal((300, 5))
    M = (X @ Z.T).astype(dtype)
    monkeypatch.setattr(simplex, "kernels", kernels)
    for n_threads in (1, 2):
        F = np.zeros((300, 9), dtype)
        simplex.fit_rows(Workspace(dtype, n_threads), Z @ Z.T, M, F)
        assert max(gaps(x, Z, f) for x, f in zip(X, F.astype(float), strict=True)) < 1e3 * np.finfo(dtype).eps
        values, rows = simplex.column_minima(Workspace(dtype, n_threads), M, 0.5, 2.0)
        np.testing.assert_array_equal(rows, np.argmin(np.where(M < 0, 2.0, 0.5) * M, axis=0))
        np.testing.assert_array_equal(values, np.min(np.where(M < 0, 2.0, 0.5) * M, axis=0))


def test_blocks_reach_the_joint_minimum():
    rng = np.random.default_rng(1)
    S, A = rng.standard_normal((12, 5)), rng.standard_normal((30, 3))
    D, Q = 60 * rng.standard_normal((3, 5)), A.T @ A
    B = fit_blocks(Workspace(np.float64, 1), Q, S @ S.T, D @ S.T, np.eye(3, 12), 2000)
    gradient = (Q @ B @ S - D) @ S.T
    assert np.all(np.einsum("ti,ti->t", B, gradient) - gradient.min(axis=1) < 1e-11 * np.abs(gradient).max())


@settings(max_examples=40, deadline=None)
@given(k=st.integers(2, 6), n=st.integers(5, 12), seed=st.integers(0, 99), scale=st.sampled_from([1e-200, 1.0, 1e150]))
def test_planted_corners_are_found(k, n, seed, scale):
    X, Z = planted(200, n, k, seed)
    result = nmfcore.archetypes(scale * X, k, random_state=seed, n_starts=4, init="furthest_sum", max_iter=5000)
    assert far(result.archetypes / scale, Z) < 1e-6
    assert result.explained_variance > 1 - 1e-10 and result.converged


def test_corners_that_are_no_points_are_found_nearly():
    X, Z = planted(3000, 8, 5, noise=0.01, corners=False)
    assert far(nmfcore.archetypes(X, 5, random_state=0).archetypes, Z) < 1.5 * far(X, Z)


@pytest.mark.parametrize("init", ["auto", "aa++", "furthest_sum", "random"])
@pytest.mark.parametrize("options", [{}, {"huber": 0.5}, {"delta": 0.2}, {"weights": np.arange(1.0, 301.0)}])
def test_what_every_fit_keeps_to(init, options, dtype):
    X, _ = planted(296, 6, 4, noise=0.4, dtype=dtype)
    r = nmfcore.archetypes(X, 5, init=init, random_state=0, **options)
    assert r.W.dtype == r.archetypes.dtype == dtype and r.W.flags.c_contiguous and r.converged
    assert r.W.shape == (300, 5) and r.B.shape == (5, 300) and r.archetypes.shape == (5, 6)
    assert r.W.min() >= 0 and r.B.min() >= 0
    np.testing.assert_allclose(r.W.sum(axis=1), 1, rtol=0, atol=8 * np.finfo(dtype).eps)
    bounds = 1 - options.get("delta", 0), 1 + options.get("delta", 0)
    assert np.all(r.B.sum(axis=1) >= bounds[0] - 1e-14) and np.all(r.B.sum(axis=1) <= bounds[1] + 1e-14)
    rtol = 1e-11 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(r.archetypes, r.B @ X, atol=20 * np.finfo(dtype).eps * np.abs(X).max())
    counted = {name: value for name, value in options.items() if name != "delta"}
    np.testing.assert_allclose(r.objective, loss(X, r, **counted), rtol=rtol)
    assert np.all(np.diff(r.history.objective) <= 0) and len(r.history.seconds) == r.n_iter + 1
    assert r.history.objective[-1] == r.objective == r.objectives.min()


@pytest.mark.parametrize("seed", range(5))
def test_no_worse_than_the_reference(seed):
    """From the same start; extrapolation can lead to another local minimum, so objectives need not be equal."""
    X, _ = planted(40, 3, 4, seed, noise=0.5)
    rows = np.arange(4)
    result = nmfcore.archetypes(X, 4, init=rows, tol=1e-10)
    expected = archetypes.archetypes_objective(X, *archetypes.archetypes(X, rows, 30))
    assert result.objective <= expected * (1 + 1e-3)


def test_one_iteration_is_the_reference_s():
    """Where the candidates suffice, an iteration is exact block coordinate descent, as in the reference."""
    X, _ = planted(30, 2, 3, noise=0.5)
    result = nmfcore.archetypes(X, 3, init=[0, 1, 2], max_iter=0)
    W, B = archetypes.archetypes(X, np.array([0, 1, 2]), 0, steps=3000)
    np.testing.assert_allclose(result.W, W, atol=1e-7)
    np.testing.assert_array_equal(result.B, B)


def test_a_converged_fit_is_stationary():
    X, _ = planted(200, 5, 4, noise=0.5)
    r = nmfcore.archetypes(X, 4, random_state=0, tol=1e-13, max_iter=5000)
    Z = r.B @ X
    Y, Z = X - X.mean(axis=0), Z - X.mean(axis=0)
    assert max(gaps(x, Z, w) for x, w in zip(Y, r.W, strict=True)) < 1e-11 * np.sum(Y**2)
    gradient = r.W.T @ (r.W @ Z - Y) @ Y.T
    assert np.all(np.einsum("ti,ti->t", r.B, gradient) - gradient.min(axis=1) < 1e-5 * r.objective)


@pytest.mark.parametrize("huber", [None, 0.3])
@pytest.mark.parametrize("change", ["moved", "turned", "scaled", "permuted", "columns"])
def test_what_changes_nothing(change, huber):
    X, _ = planted(120, 5, 4, noise=0.3)
    rng = np.random.default_rng(3)
    order, units = np.arange(len(X)), 1.0
    Y, rows = X, np.array([0, 1, 2, 3])
    if change == "moved":
        Y = X + 1e3 * rng.standard_normal(5)
    elif change == "turned":
        Y = X @ np.linalg.qr(rng.standard_normal((5, 5)))[0]
    elif change == "scaled":
        units, Y = 1e-100, 1e-100 * X
    elif change == "columns":
        Y = np.asfortranarray(np.hstack([X[:, ::-1], np.full((len(X), 1), 7.0)]))
    else:
        order = rng.permutation(len(X))
        Y, rows = X[order], np.argsort(order)[rows]
    one = nmfcore.archetypes(X, 4, init=[0, 1, 2, 3], huber=huber, tol=0, max_iter=8)
    other = nmfcore.archetypes(Y, 4, init=rows, huber=huber and huber * units, tol=0, max_iter=8)
    np.testing.assert_allclose(other.W, one.W[order], rtol=0, atol=1e-7)
    np.testing.assert_allclose(other.B, one.B[:, order], rtol=0, atol=1e-7)
    np.testing.assert_allclose(other.objective, one.objective * units**2, rtol=1e-9)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("options", [{}, {"huber": 0.5}, {"delta": 0.1}])
def test_the_same_bits_for_any_threads(form, options, dtype):
    X, _ = planted(20000, 30, 8, noise=0.3, dtype=dtype)
    one, two = (
        nmfcore.archetypes(form(X), 8, random_state=0, n_starts=2, max_iter=5, tol=0, n_threads=n, **options)
        for n in (1, 2)
    )
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("form", [sp.csr_array, sp.csc_array, sp.coo_array, np.asfortranarray])
def test_storage(form):
    rng = np.random.default_rng(4)
    X = rng.standard_normal((150, 12)) * (rng.random((150, 12)) < 0.4)
    one, other = (nmfcore.archetypes(Y, 4, init=[0, 1, 2, 3], tol=0, max_iter=8) for Y in (X, form(X)))
    np.testing.assert_allclose(other.W, one.W, rtol=0, atol=1e-8)
    np.testing.assert_allclose(other.archetypes, one.archetypes, rtol=0, atol=1e-8)


@pytest.mark.parametrize("huber", [None, 0.5])
def test_whole_weights_are_repetitions(huber):
    X, _ = planted(60, 4, 3, noise=0.4)
    counts = np.random.default_rng(5).integers(1, 5, len(X))
    weighted = nmfcore.archetypes(X, 3, init=[0, 1, 2], weights=counts, huber=huber, tol=0, max_iter=10)
    where = np.cumsum(counts) - counts
    repeated = nmfcore.archetypes(np.repeat(X, counts, axis=0), 3, init=where[:3], huber=huber, tol=0, max_iter=10)
    np.testing.assert_allclose(weighted.archetypes, repeated.archetypes, rtol=0, atol=1e-8)
    np.testing.assert_allclose(weighted.objective, repeated.objective, rtol=1e-10)
    np.testing.assert_allclose(weighted.explained_variance, repeated.explained_variance, rtol=1e-10)


def test_a_point_without_weight_counts_nowhere_but_in_the_hull():
    X, _ = planted(60, 4, 3, noise=0.4)
    weights = np.ones(len(X))
    weights[10] = 0
    r = nmfcore.archetypes(X, 3, weights=weights, random_state=0)
    rest = np.delete(np.arange(len(X)), 10)
    residual = (X - r.W @ r.archetypes)[rest]
    np.testing.assert_allclose(r.objective, 0.5 * np.sum(residual**2), rtol=1e-10)


def test_outliers_move_robust_archetypes_less():
    X, Z = planted(300, 4, 3, noise=0.02)
    X = np.vstack([X, 20 * np.random.default_rng(6).standard_normal((3, 4))])
    robust, plain = (nmfcore.archetypes(X, 3, huber=h, random_state=0, n_starts=8).archetypes for h in (0.02, None))
    assert far(robust, Z) < 0.3 * far(plain, Z)


def test_a_huge_threshold_is_least_squares():
    X, _ = planted(100, 4, 3, noise=0.4)
    robust, plain = (nmfcore.archetypes(X, 3, huber=h, random_state=0, tol=0, max_iter=9) for h in (1e9, None))
    np.testing.assert_allclose(robust.archetypes, plain.archetypes, rtol=0, atol=1e-9)


def test_relaxed_archetypes_lie_outside_and_fit_no_worse():
    X, Z = planted(2000, 3, 4, seed=1, corners=False)
    X -= Z.mean(axis=0)  # moves the origin into the hull
    errors = [nmfcore.archetypes(X, 4, delta=delta, random_state=0, n_starts=3).objective for delta in (0, 0.1, 0.5)]
    assert errors[0] > errors[1] and errors[2] < 1e-3 * errors[0]


def test_more_starts_are_no_worse():
    X = np.random.default_rng(7).standard_normal((300, 6))
    many = nmfcore.archetypes(X, 5, random_state=0, n_starts=6)
    assert len(many.objectives) == 6 and many.objective == many.objectives.min() < many.objectives.max()
    assert nmfcore.archetypes(X, 5, random_state=0, n_starts=1).objective == many.objectives[0]


@pytest.mark.parametrize("k", [5, 6, 8])
@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_planted_corners_are_found_for_any_seed(k, noise):
    """By the default number of starts. The corners are those of a polygon, of which one start mostly misses one."""
    angle = 2 * np.pi * np.arange(k) / k
    Z = np.column_stack([np.cos(angle), np.sin(angle)])
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = np.vstack([Z, rng.dirichlet(np.ones(k), 200) @ Z]) + noise * rng.standard_normal((200 + k, 2))
        assert far(nmfcore.archetypes(X, k, random_state=seed).archetypes, Z) < 0.1 + 5 * noise


def test_the_default_starts_are_the_best_of_many():
    """They start where a few iterations from many starts end lowest; one archetype, or given points, need one start."""
    X = np.random.default_rng(7).standard_normal((200, 6))
    found = nmfcore.archetypes(X, 5, random_state=0)
    short = nmfcore.archetypes(X, 5, random_state=0, n_starts=20, max_iter=10)
    assert len(found.objectives) == 2 and found.objective <= short.objective
    assert len(nmfcore.archetypes(X, 1, random_state=0).objectives) == 1
    assert len(nmfcore.archetypes(X, 2, init=[3, 4]).objectives) == 1


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_transform(form, dtype):
    X, _ = planted(300, 6, 4, noise=0.3, dtype=dtype)
    r = nmfcore.archetypes(form(X), 4, random_state=0)
    atol = 1e-9 if dtype == np.float64 else 1e-3
    W = r.transform(form(X))
    assert W.dtype == dtype
    np.testing.assert_allclose(W, r.W, rtol=0, atol=atol)
    np.testing.assert_array_equal(r.transform(form(X[7:8])), W[7:8])
    np.testing.assert_allclose(r.transform(r.archetypes), np.eye(4), rtol=0, atol=atol)


def test_transform_far_away_and_bad_input():
    X, _ = planted(50, 6, 4)
    r = nmfcore.archetypes(1e-200 * X, 4, random_state=0)
    assert np.all(np.abs(r.transform(1e200 * X).sum(axis=1) - 1) < 1e-12)
    np.testing.assert_allclose(r.transform(0 * X).sum(axis=1), 1)
    with pytest.raises(ValueError, match="X has 5 columns, but the archetypes have 6"):
        r.transform(X[:, :5])
