"""Factors in sets: each row or column a distribution, or of a given sparseness."""

import itertools

import numpy as np
import pytest
import scipy.sparse
from conftest import planted

import nmfcore
from nmfcore import reference
from nmfcore._runtime.workspace import Workspace
from nmfcore.losses.frobenius import Normal
from nmfcore.penalties import L1, L2, ORTHANT, Box, Hoyer, MinVolume, Orthogonality, SumToOne
from nmfcore.penalties.sets import HoyerCone, PartlyFixedSimplex, Simplex
from nmfcore.solvers import ComponentHALS, ProjectedHALS
from nmfcore.solvers.projected import largest_eigenvalue_bound

SETS = [SumToOne(0), SumToOne(1), Hoyer(0.4, 0), Hoyer(0.4, 1)]
ON = [{f"penalty_{factor}": chosen} for factor in "WH" for chosen in SETS]
BOTH = {"penalty_W": SumToOne(1), "penalty_H": Hoyer(0.3, 1)}


def show(on):
    return "-".join(f"{name[-1]}{type(p).__name__}{p.axis}" for name, p in on.items())


def assert_feasible(result, on, dtype=np.float64):
    """The factors lie in their sets, to round-off."""
    W, H = result
    for name, chosen in on.items():
        F = (W if name.endswith("W") else H).astype(float)
        assert F.min() >= 0
        sums = F.sum(chosen.axis)
        if isinstance(chosen, SumToOne):
            np.testing.assert_allclose(sums, 1, rtol=1e-13 if dtype == np.float64 else 1e-6)
        elif F.shape[chosen.axis] > 1:
            n, norms = np.sqrt(F.shape[chosen.axis]), np.sqrt((F * F).sum(chosen.axis))
            found = (n - sums[norms > 0] / norms[norms > 0]) / (n - 1)
            np.testing.assert_allclose(found, chosen.level, rtol=0, atol=1e-12 if dtype == np.float64 else 1e-5)


def mixtures(m=400, n=30, k=4, seed=0):
    """Samples that are mixtures of k spectra, some of them pure."""
    rng = np.random.default_rng(seed)
    W = np.concatenate([np.eye(k), rng.dirichlet(np.full(k, 0.4), m - k)])
    return W @ rng.gamma(0.6, size=(k, n)), W


@pytest.mark.parametrize("on", [*ON, BOTH], ids=show)
def test_every_iterate_is_feasible_and_none_is_higher(on, dtype):
    X, W0, H0 = planted(60, 40, 5, dtype=dtype)
    iterates = []
    result = nmfcore.hals(
        X,
        5,
        init=(W0, 3 * H0),
        extrapolate=False,
        max_iter=40,
        tol=0,
        callback=lambda s: iterates.append((s.W, s.H)),
        **on,
    )
    for factors in iterates:
        assert_feasible(factors, on, dtype)
    objective = [reference.objective(X.astype(float), W.astype(float), H.astype(float)) for W, H in iterates]
    assert np.all(np.diff(objective) <= 1e-12 * objective[0] if dtype == np.float64 else 1e-5 * objective[0])
    np.testing.assert_allclose(result.history.objective[1:], objective, rtol=1e-9 if dtype == np.float64 else 1e-3)
    assert objective[-1] < 0.9 * result.history.objective[0]


@pytest.mark.parametrize("on", [*ON, BOTH], ids=show)
def test_extrapolated_fits_are_feasible_and_no_worse(on):
    X, W0, H0 = planted(60, 40, 5)
    plain = nmfcore.hals(X, 5, init=(W0, H0), extrapolate=False, max_iter=100, tol=0, **on)
    fast = nmfcore.hals(X, 5, init=(W0, H0), max_iter=100, tol=0, **on)
    assert_feasible(fast, on)
    assert fast.objective < 1.1 * plain.objective


@pytest.mark.parametrize("on", ON, ids=show)
def test_the_end_is_a_fixed_point(on):
    """No row or component has a better point, given the rest.

    X are mixtures: else a component may grow for ever as its share falls.
    """
    ((argument, chosen),) = on.items()
    of_W = argument.endswith("W")
    samples = mixtures(60, 20, 3)[0] + 0.05 * np.random.default_rng(1).random((60, 20))
    result = nmfcore.hals(samples if of_W else samples.T, 3, random_state=0, max_iter=20000, tol=1e-8, **on)
    # The constrained factor F in samples ~ F B', and the axis along which its entries belong together.
    F, B = (result.W, result.H.T) if of_W else (result.H.T, result.W)
    axis = chosen.axis if of_W else 1 - chosen.axis
    G, C, there = B.T @ B, samples @ B, F.copy()
    project = reference.project_simplex if isinstance(chosen, SumToOne) else reference.project_hoyer
    parameter = 1.0 if isinstance(chosen, SumToOne) else chosen.level
    if axis == 0:
        moved = reference.component_sweep(G, C, there, lambda x: project(x, parameter))
    else:
        bound = np.linalg.eigvalsh(G)[-1]
        moved = reference.projected_steps(G, C, there, bound, lambda x: project(x, parameter), 1)
    assert result.converged
    assert moved <= 1e-10 * np.sum(samples**2)
    assert result.kkt_residual < 1e-4


def test_mixtures_are_recovered(dtype):
    X, W = mixtures()
    result = nmfcore.hals(X.astype(dtype), 4, penalty_W=SumToOne(1), init="spa", max_iter=2000, tol=1e-7)
    assert result.relative_error < (1e-5 if dtype == np.float64 else 1e-3)
    near = np.abs(result.W[:, :, None] - W[:, None, :]).max(axis=0)  # which component is which
    order = near.argmin(axis=0)
    assert sorted(order) == [0, 1, 2, 3]
    assert near.min(axis=0).max() < (1e-3 if dtype == np.float64 else 1e-2)


@pytest.mark.parametrize("on", [*ON, BOTH], ids=show)
def test_sparse_data_and_threads(on):
    X, W0, H0 = planted(70, 50, 4)
    X[X < 0.5] = 0
    options = {"init": (W0, H0), "max_iter": 15, "tol": 0, "inner_iter": 2, **on}
    one = nmfcore.hals(X, 4, n_threads=1, **options)
    for n_threads in (2, 3):
        more = nmfcore.hals(X, 4, n_threads=n_threads, **options)
        np.testing.assert_array_equal(more.W, one.W)
        np.testing.assert_array_equal(more.H, one.H)
    for kind in (scipy.sparse.csr_array, scipy.sparse.csc_array):
        stored = nmfcore.hals(kind(X), 4, **options)
        np.testing.assert_allclose(stored.W @ stored.H, one.W @ one.H, rtol=1e-6, atol=1e-8 * X.max())


@pytest.mark.parametrize("factor", "WH")
@pytest.mark.parametrize("axis", [0, 1])
def test_the_other_factor_takes_the_scale(factor, axis):
    X, W0, H0 = planted(50, 40, 4)
    on = {f"penalty_{factor}": SumToOne(axis)}
    grow = [1.0, 2.0**14] if factor == "W" else [2.0**14, 1.0]
    one = nmfcore.hals(X, 4, init=(W0, H0), max_iter=20, tol=0, **on)
    many = nmfcore.hals(2.0**14 * X, 4, init=(grow[0] * W0, grow[1] * H0), max_iter=20, tol=0, **on)
    np.testing.assert_allclose(many.W, grow[0] * one.W, rtol=1e-9, atol=1e-12 * grow[0])
    np.testing.assert_allclose(many.H, grow[1] * one.H, rtol=1e-9, atol=1e-12 * grow[1])
    made = nmfcore.hals(1e-20 * X, 4, random_state=0, max_iter=300, **on)
    assert_feasible(made, on)
    assert made.relative_error < 1.1 * one.relative_error


@pytest.mark.parametrize("on", ON, ids=show)
@pytest.mark.parametrize("shape", [(1, 6, 1), (6, 1, 1), (7, 5, 1), (5, 9, 8)])
def test_odd_shapes(on, shape):
    m, n, k = shape
    X = np.random.default_rng(0).random((m, n)) + 0.1
    assert_feasible(nmfcore.hals(X, k, random_state=0, **on), on)
    assert np.isfinite(nmfcore.hals(np.zeros((m, n)), k, random_state=0, **on).objective)


def test_a_start_outside_keeps_its_model_where_it_can():
    X, W0, H0 = planted(30, 20, 3)
    for on, axis in (({"penalty_W": SumToOne(0)}, 0), ({"penalty_H": SumToOne(1)}, 1)):
        W, H = nmfcore.hals(X, 3, init=(W0, H0), max_iter=0, **on)
        np.testing.assert_allclose(W @ H, W0 @ H0, rtol=1e-12)
        np.testing.assert_allclose((W if axis == 0 else H).sum(axis), 1, rtol=1e-14)
    W, H = nmfcore.hals(X, 3, init=(W0, H0), max_iter=0, penalty_W=SumToOne(1))
    np.testing.assert_allclose(W, W0 / W0.sum(1, keepdims=True), rtol=1e-13)
    np.testing.assert_allclose(H, H0 * W0.sum(1).mean(), rtol=1e-13)
    W0[3] = 0  # a row that no division brings there
    assert_feasible(nmfcore.hals(X, 3, init=(W0, H0), penalty_W=SumToOne(1)), {"penalty_W": SumToOne(1)})


@pytest.mark.parametrize("chosen", [SumToOne(1), SumToOne(0), Hoyer(0.5, 0)], ids=repr)
@pytest.mark.parametrize("more", [L1(0.01), L2(0.1), Orthogonality(0.1), Orthogonality(30.0)], ids=repr)
def test_with_penalties(chosen, more):
    X, W0, H0 = planted(40, 30, 4)
    on = {"penalty_W": chosen + more, "penalty_H": L2(0.01)}
    result = nmfcore.hals(X, 4, init=(W0, H0), extrapolate=False, max_iter=60, tol=0, **on)
    assert_feasible(result, {"penalty_W": chosen})
    history = result.history.objective
    assert np.all(np.diff(history) <= 1e-12 * history[0])


def test_minimum_volume_of_mixtures_without_pure_samples():
    rng = np.random.default_rng(1)
    W, H = rng.dirichlet(np.ones(3), 500), rng.random((3, 40))
    W = W[W.max(axis=1) < 0.8]
    on = {"penalty_W": SumToOne(1), "penalty_H": MinVolume(0.01, 1e-3)}
    close, wide = (
        nmfcore.hals(W @ H, 3, random_state=0, max_iter=3000, tol=1e-8, **chosen)
        for chosen in (on, {"penalty_W": SumToOne(1)})
    )
    assert_feasible(close, {"penalty_W": SumToOne(1)})
    error = [np.abs(result.H[:, None] - H[None]).max(axis=2).min(axis=0).max() for result in (close, wide)]
    assert error[0] < 0.02 < 0.1 < error[1]


@pytest.mark.parametrize("kind", ["simplex", "cone"])
def test_a_half_step_is_that_of_the_reference(kind, dtype):
    X, F, H0 = planted(70, 30, 6, dtype=dtype)
    G, C = H0.astype(float) @ H0.T.astype(float), X @ H0.T
    workspace = Workspace(F.dtype, 2)
    project = reference.project_simplex if kind == "simplex" else reference.project_hoyer
    tolerance = 1e-9 if dtype == np.float64 else 2e-3
    for axis in (0, 1):
        domain = Simplex(axis, 2.0) if kind == "simplex" else HoyerCone(axis, 0.4)
        start = F.copy()
        domain.project_start(start, workspace)
        found, expected = start.copy(), start.astype(float)

        def nearest(x, parameter=2.0 if kind == "simplex" else 0.4):
            return project(x, parameter)

        if axis == 0:
            moved, *_ = (reference.component_sweep(G, C, expected, nearest) for _ in range(3))
            step = ComponentHALS(3).update(found, Normal(G, C), domain, 0.0, 9, workspace)
        else:
            bound = largest_eigenvalue_bound(domain.tangent(G), workspace)
            moved = reference.projected_steps(G, C, expected, bound, nearest, 6)
            step = ProjectedHALS(6).update(found, Normal(G, C), domain, 0.0, 9, workspace)
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * expected.max())
        np.testing.assert_allclose(step, moved, rtol=tolerance)


@pytest.mark.parametrize("inner_iter", [1, 2, 7, 40])
def test_no_half_step_raises_the_quadratic(inner_iter):
    for seed in range(10):
        X, F, H0 = planted(40, 30, 6, seed)
        G, C, workspace = H0 @ H0.T, X @ H0.T, Workspace(F.dtype, 1)
        for domain in (Simplex(1, 1.0), Simplex(0, 1.0), HoyerCone(1, 0.5), HoyerCone(0, 0.5)):
            solver = (ComponentHALS, ProjectedHALS)[domain.axis](inner_iter)
            found = F.copy()
            domain.project_start(found, workspace)
            values = []
            for _ in range(5):
                values.append(0.5 * np.sum((found @ G - 2 * C) * found))
                solver.update(found, Normal(G, C), domain, 0.0, 9, workspace)
            assert np.all(np.diff(values) <= 1e-12 * abs(values[0]))


def test_the_bound_of_eigenvalues_is_one_and_close():
    rng, workspace = np.random.default_rng(0), Workspace(np.float32, 1)
    for k, sign in itertools.product((1, 2, 7, 40), (0, 1)):
        for G in (np.eye(k), np.ones((k, k)), (B := rng.random((50, k))).T @ B, np.diag(10.0 ** -np.arange(k))):
            G = G - sign * 3 * np.eye(k)
            largest = np.abs(np.linalg.eigvalsh(G)).max()
            for scale in (1.0, 1e-100, 1e100):
                bound = largest_eigenvalue_bound(scale * G, workspace)
                assert largest * (1 - 1e-12) <= bound / scale <= 1.13 * largest
    assert largest_eigenvalue_bound(np.zeros((3, 3)), workspace) == 0


def test_projected_gradient_ends_where_it_should():
    """Given one factor the problem is convex. The nearest point is that of the step, not of its positive part."""
    X, _, H0 = planted(30, 20, 4)
    of_one = {"penalty_W": SumToOne(1), "fixed_H": 2 * H0, "random_state": 0}
    exact = nmfcore.nmf(X, 4, solver="hals", max_iter=500, tol=1e-9, **of_one)
    slow = nmfcore.nmf(X, 4, solver="pgd", max_iter=2000, tol=0, **of_one)
    assert_feasible(slow, {"penalty_W": SumToOne(1)})
    assert slow.objective <= exact.objective * (1 + 1e-6)
    counts = nmfcore.nmf(X, 3, loss="kullback-leibler", random_state=0, penalty_W=SumToOne(1), max_iter=300)
    assert_feasible(counts, {"penalty_W": SumToOne(1)})
    assert counts.objective < 0.5 * counts.history.objective[0]


def test_the_orthant_is_no_set():
    X, W0, H0 = planted(30, 20, 3)
    assert ORTHANT.kind == "bounds"
    free, held = (nmfcore.hals(X, 3, init=(W0, H0), max_iter=300, **on) for on in ({}, {"penalty_W": Hoyer(0.9, 0)}))
    assert held.objective > free.objective


@pytest.mark.parametrize(
    ("on", "message"),
    [
        ({"penalty_W": SumToOne(2)}, r"penalty_W=SumToOne\(2\): axis is 2; wanted 1"),
        ({"penalty_H": Hoyer(0.5, None)}, "axis is None; wanted 1"),
        ({"penalty_W": SumToOne(1) + Hoyer(0.5, 0)}, "two sets"),
        ({"penalty_W": Hoyer(0.5, 1), "solver": "mu"}, "not served by solver='mu'"),
        ({"penalty_W": Hoyer(0.5, 1), "fixed_W": np.where(np.eye(9, 3), 1, np.nan)}, "two sets"),
        ({"penalty_W": Box(upper=1.0) + Hoyer(0.2, 0)}, "two sets"),
    ],
)
def test_what_is_refused(on, message):
    with pytest.raises(ValueError, match=message):
        nmfcore.nmf(np.ones((9, 8)), 3, **on)


@pytest.mark.parametrize("level", [-0.1, 1.1, np.nan, "much"])
def test_a_level_is_checked(level):
    with pytest.raises((ValueError, TypeError), match="level of Hoyer is"):
        Hoyer(level, 0)


@pytest.mark.parametrize("solver", ["auto", "pgd"])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_a_simplex_with_given_values(solver, form):
    rng = np.random.default_rng(0)
    W, H = rng.dirichlet(np.ones(4), 50), rng.random((4, 20))
    given = np.full(W.shape, np.nan)
    given[:20, 0], given[5], given[7, 1:] = W[:20, 0], W[5], 0.0
    given[7, 0] = np.nan
    options = {"penalty_W": SumToOne(1), "fixed_W": given, "random_state": 0, "solver": solver}
    for n_iter in (0, 1, 5):
        found = nmfcore.nmf(form(W @ H), 4, max_iter=n_iter, **options)
        np.testing.assert_allclose(found.W.sum(axis=1), 1, rtol=1e-12)
        np.testing.assert_allclose(found.W[~np.isnan(given)], given[~np.isnan(given)], rtol=1e-15)
        assert found.W.min() >= 0
    plain = nmfcore.nmf(form(W @ H), 4, max_iter=40, extrapolate=False, tol=0, **options)
    assert np.all(np.diff(plain.history.objective) <= 1e-12 * plain.history.objective[0])
    assert plain.relative_error < 0.1


def test_the_projection_onto_a_simplex_with_given_values():
    rng = np.random.default_rng(1)
    F, given = rng.normal(size=(6, 5)), np.full((6, 5), np.nan)
    given[0, 1], given[2, :3], given[3] = 0.4, 0.1, 0.2
    found = F.copy()
    PartlyFixedSimplex(1, 1.0, given).project(found, Workspace(np.dtype(float), 1))
    for x, held, y in zip(F, given, found, strict=True):
        free = np.isnan(held)
        expected = held.copy()
        if free.any():
            expected[free] = reference.project_simplex(x[free], 1 - np.nansum(held))
        np.testing.assert_allclose(y, expected, atol=1e-14)


def test_given_values_that_no_simplex_holds():
    given = np.full((6, 3), np.nan)
    given[2] = 0.5
    with pytest.raises(ValueError, match=r"penalty_W=SumToOne\(1\): the fixed values of row 2 sum to 1.5; wanted at"):
        nmfcore.hals(np.ones((6, 4)), 3, penalty_W=SumToOne(1), fixed_W=given)
    given[2] = np.nan
    given[0, 0] = 0.1
    with pytest.raises(ValueError, match=r"SumToOne\(0\) is not served by solver='hals' .* wanted one of \['pgd'\]"):
        nmfcore.hals(np.ones((6, 4)), 3, penalty_W=SumToOne(0), fixed_W=given)


@pytest.mark.parametrize("size", [1e8, 1e16, 1e30])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("hoyer", [False, True])
def test_entries_far_beyond_the_sum(size, axis, hoyer, dtype):
    """However large they are, what is nearest has the sum or the sparseness, and is found."""
    rng = np.random.default_rng(0)
    F = (size * rng.normal(size=(40, 7))).astype(dtype)
    F[3] = F[3, 0]
    found, workspace = F.copy(), Workspace(np.dtype(dtype), 2)
    if hoyer:
        workspace.project_hoyer(found, 0.5, axis)
        assert np.all(np.isfinite(found)) and np.all(found >= 0)
        return
    workspace.project_simplex(found, 1.0, axis)
    np.testing.assert_allclose(found.sum(axis=axis), 1, rtol=1e-5 if dtype == np.float32 else 1e-12)
    assert np.all(np.take_along_axis(found, F.argmax(axis=axis, keepdims=True), axis) > 0)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_nan_does_not_hang(axis):
    workspace, F = Workspace(np.dtype(float), 1), np.full((5, 3), np.nan)
    workspace.project_simplex(F, 1.0, axis)
    workspace.project_hoyer(F, 0.5, axis)
    assert F.shape == (5, 3)
