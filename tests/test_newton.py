"""Newton's method on rows: the exact minimum for 1 <= beta <= 2, for dense, sparse and weighted X, with penalties."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import LEVELS

import nmfcore
from nmfcore import _core, penalties, reference


def counts(m, n, k, seed=0, alike=0.0, level=20.0):
    """Counts of m samples under k components, of which each is a share `alike` of a common one."""
    rng = np.random.default_rng(seed)
    H = rng.gamma(0.5, size=(k, n)) * (1 - alike) + alike * rng.random(n)
    W = rng.gamma(0.5, size=(m, k))
    return rng.poisson(level * W @ H / k).astype(float), H


def run(kernels, X, F, B, beta, weights=None, G=None, C=None, lower=None, upper=None, n_threads=1):
    sizes = kernels.newton_scratch(len(B), B.shape[1], n_threads)
    memory = np.full(sizes[0], np.nan), np.full(sizes[1], -1, np.int32)
    C = np.zeros((1, B.shape[1])) if C is None else C
    sums = B.sum(axis=0, dtype=float) if beta == 1 and weights is None else 0
    added = G, np.ascontiguousarray(C - sums), lower, upper
    return kernels.newton(X, weights, F, B, added, memory, beta, 1.0, n_threads)


def gradient(X, F, B, beta, weights=None):
    V = np.maximum(F @ B.T, 1e-300)
    slope = V ** (beta - 1) - X * V ** (beta - 2)
    return (slope if weights is None else weights * slope) @ B


def start(X, B):
    level = X.sum(axis=1) / (B.sum() or 1)
    return np.ascontiguousarray(np.repeat(level[:, None] + 1e-3, B.shape[1], axis=1))


@pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])
@pytest.mark.parametrize("beta", [1.0, 1.3, 1.5, 2.0])
@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (5, 9, 3), (7, 70, 12), (4, 30, 40)])
def test_the_kernel_reaches_the_minimum_that_the_reference_reaches(kernels, beta, m, n, k):
    X, H = counts(m, n, k)
    X += X.sum() == 0  # the reference divides by the model
    B = np.ascontiguousarray(H.T)
    F = start(X, B)
    expected = reference.newton_rows(X, F, B, beta)
    found = [F.copy() for _ in range(3)]
    run(kernels, X, found[0], B, beta)
    run(kernels, np.asfortranarray(X), found[1], B, beta, n_threads=2)
    again = found[0].copy()
    assert run(kernels, X, again, B, beta) <= 1e-18 * X.sum() * max(1, X.max()) ** (beta - 1)
    np.testing.assert_array_equal(found[1], found[0])
    values = [reference.beta_divergence(X, np.maximum(A @ B.T, 1e-300), beta) for A in (found[0], expected)]
    np.testing.assert_allclose(*values, rtol=1e-10, atol=1e-10 * X.sum())
    if k <= n:
        np.testing.assert_allclose(found[0], expected, rtol=1e-5, atol=1e-8 * expected.max())
    weights = np.full(X.shape, 0.7)
    run(kernels, X, found[2], B, beta, weights)
    np.testing.assert_allclose(found[2] @ B.T, found[0] @ B.T, rtol=1e-6, atol=1e-7 * X.max())
    single = F.astype(np.float32)
    run(kernels, X.astype(np.float32), single, B.astype(np.float32), beta)
    np.testing.assert_allclose(single @ B.T, found[0] @ B.T, rtol=1e-3, atol=1e-4 * X.max())


@pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])
@pytest.mark.parametrize("beta", [1.0, 1.5, 2.0])
def test_the_kernel_takes_many_components(kernels, beta):
    X, H = counts(3, 20, 131)
    B = np.ascontiguousarray(H.T)
    F = start(X, B)
    run(kernels, X, F, B, beta)
    slope, scale = gradient(X, F, B, beta), np.maximum(F @ B.T, 1e-300) ** (beta - 1) @ B
    assert F.min() == 0 and np.all(slope >= -1e-7 * scale) and np.all(np.abs(slope[F > 0]) <= 1e-7 * scale[F > 0])


@given(
    st.integers(0, 10**6),
    st.integers(1, 12),
    st.integers(1, 12),
    st.floats(1, 2),
    st.sampled_from([0.0, 0.9, 1.0]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_no_direction_within_the_bounds_lowers_the_objective(seed, n, k, beta, alike, bounded):
    rng = np.random.default_rng(seed)
    X, H = counts(3, n, k, seed, alike)
    B = np.ascontiguousarray((H * (rng.random(H.shape) < 0.7)).T)
    X[:, ~B.any(axis=1)] = 0  # no component reaches these
    weights = rng.random(X.shape) * (rng.random(X.shape) < 0.8)
    G, C = np.diag(rng.random(k)), rng.standard_normal((3, k))
    lower, upper = (0.1 * rng.random((3, k)), 0.1 + rng.random((3, k))) if bounded else (None, None)
    F = np.clip(start(X, B), lower, upper) if bounded else start(X, B)
    run(_core.kernels, X, F, B, beta, weights, G, C, lower, upper)
    slope = gradient(X, F, B, beta, weights) + F @ G - C
    size = gradient(0 * X, F, B, beta, weights) + F @ G + np.abs(C) + 1e-3
    low, high = (0, np.inf) if lower is None else (lower, upper)
    assert np.all((F >= low) & (F <= high))
    assert np.all((slope >= -1e-8 * size) | (F >= high)) and np.all((slope <= 1e-8 * size) | (F <= low))


def test_it_reaches_what_a_general_solver_reaches():
    X, H = counts(1, 8, 3, level=50)

    def objective(f):
        return reference.beta_divergence(X, f[None] @ H, 1)

    best = scipy.optimize.minimize(objective, np.ones(3), bounds=[(1e-12, None)] * 3, tol=1e-14)
    assert nmfcore.transform(X, H, loss="kullback-leibler", full_output=True).objective <= best.fun * (1 + 1e-12)


@pytest.mark.parametrize("beta", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("kind", ["none", "mask", "weights", "few weights", "missing"])
def test_transform_is_exact_for_every_storage(beta, form, kind):
    X, H = counts(9, 30, 12, alike=0.8)
    rng = np.random.default_rng(1)
    weights = {
        "none": np.ones(X.shape),
        "mask": 1.0 * (rng.random(X.shape) < 0.9),
        "weights": rng.random(X.shape) + 0.1,
        "few weights": rng.random(X.shape) * (rng.random(X.shape) < 0.3),
        "missing": 1.0 * (X != 0),
    }[kind]
    options = {
        "none": {},
        "mask": {"mask": weights == 0},
        "weights": {"weights": weights},
        "few weights": {"weights": sp.csr_array(weights)},
        "missing": {"missing": "unstored"},
    }[kind]
    if kind == "missing" and form in (np.asarray, np.asfortranarray):
        form = sp.csr_array
    r = nmfcore.transform(form(X), H, loss=beta, **options, full_output=True)
    slope = gradient(X, r.W, H.T, beta, weights)
    size = gradient(0 * X, r.W, H.T, beta, weights)
    exact = 1e-8 if kind != "mask" or beta < 2 or not sp.issparse(form(X)) else 1e-4  # sweeps serve that pair
    assert (r.converged and r.n_iter <= 3) or exact > 1e-8
    assert np.all(slope >= -exact * size) and np.all(r.W * slope <= exact * (r.W * size).max())
    np.testing.assert_array_equal(nmfcore.transform(form(X), H, loss=beta, **options, n_threads=3), r.W)
    single = nmfcore.transform(form(X[2:3]), H, loss=beta, **_row(options, 2))
    np.testing.assert_allclose(single[0], r.W[2], rtol=1e-3 if exact > 1e-8 else 1e-6, atol=1e-8 * r.W.max())


def _row(options, i):
    return {name: value[[i]] if hasattr(value, "shape") else value for name, value in options.items()}


@pytest.mark.parametrize(
    "penalty",
    [penalties.L1(0.3), penalties.L2(0.01), penalties.L1(0.2) + penalties.L2(0.1), penalties.Box(lower=0.1, upper=3.0)],
)
@pytest.mark.parametrize("beta", [1.0, 1.5])
def test_penalties_and_bounds_are_served(penalty, beta):
    X, H = counts(8, 30, 6)
    found = nmfcore.transform(X, H, loss=beta, penalty_W=penalty, full_output=True)
    plain = nmfcore.transform(
        X, H, loss=beta, penalty_W=penalty, solver="mu", max_iter=20000, tol=1e-9, full_output=True
    )
    assert found.n_iter <= 3 and found.objective <= plain.objective * (1 + 1e-12)
    np.testing.assert_allclose(found.W, plain.W, rtol=1e-3, atol=1e-4 * plain.W.max())


def test_fixed_values_stay_and_the_others_are_exact():
    X, H = counts(8, 30, 6)
    fixed = np.full((8, 6), np.nan)
    fixed[:, 0], fixed[3, 1:3] = 0, 2.5
    W = nmfcore.transform(X, H, loss="kullback-leibler", fixed_W=fixed)
    free = np.isnan(fixed)
    np.testing.assert_array_equal(W[~free], fixed[~free])
    slope, size = gradient(X, W, H.T, 1), H.sum(axis=1)
    assert np.all((slope >= -1e-9 * size)[free]) and np.all((W * slope <= 1e-9 * W.max() * size)[free])


def test_powers_of_two_change_no_digit():
    X, H = counts(6, 20, 5)
    W = nmfcore.transform(X, H, loss="kullback-leibler")
    for p in (-300, 3, 300):
        np.testing.assert_array_equal(nmfcore.transform(np.ldexp(X, p), H, loss="kullback-leibler"), np.ldexp(W, p))


def test_components_that_are_the_same_share_what_they_explain():
    X, H = counts(5, 20, 3)
    both = nmfcore.transform(X, np.vstack([H, H]), loss="kullback-leibler")
    once = nmfcore.transform(X, H, loss="kullback-leibler")
    np.testing.assert_allclose(both[:, :3] + both[:, 3:], once, rtol=1e-7, atol=1e-9 * once.max())


def test_a_fit_of_both_factors_descends():
    X, _ = counts(20, 30, 3)
    r = nmfcore.nmf(X, 3, loss="kullback-leibler", solver="newton", random_state=0, max_iter=30, tol=0)
    assert np.all(np.diff(r.history.objective) <= 1e-9 * r.objective)
    plain = nmfcore.nmf(X, 3, loss="kullback-leibler", init=r, max_iter=100, tol=0)
    np.testing.assert_allclose(plain.objective, r.objective, rtol=1e-2)


@pytest.mark.parametrize("exponent", [-40, 0, 6, 40])
def test_columns_without_a_component_leave_the_scale_of_H_as_it_is(exponent):
    X, H = counts(9, 30, 4)
    H[:, [3, 17]] = 0
    X[:, [3, 17]] = 0
    plain = nmfcore.transform(np.delete(X, [3, 17], axis=1), np.delete(H, [3, 17], axis=1), loss="kullback-leibler")
    for form in (np.asarray, sp.csr_array):
        found = nmfcore.transform(form(X), np.ldexp(H, exponent), loss="kullback-leibler", full_output=True)
        np.testing.assert_allclose(np.ldexp(found.W, exponent), plain, rtol=1e-9, atol=1e-9 * plain.max())
        np.testing.assert_array_equal(found.H, np.ldexp(H, exponent))
        np.testing.assert_array_equal(found.unobserved[1], [3, 17])
