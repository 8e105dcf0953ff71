"""Penalties: the quadratics that touch them, the fits that they change, and the textbook's formulas."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import problem
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import non_negative_factorization

import nmfcore
from nmfcore import penalties, reference
from nmfcore.penalties import Units

PLAIN = {"inner_iter": 1, "extrapolate": False, "tol": 0}
GRAPH = sp.csr_array(sp.random(12, 12, density=0.3, random_state=1))
GRAPH = GRAPH + GRAPH.T
TARGET = np.random.default_rng(2).random((12, 4))


def log_det(F, delta):
    return np.linalg.slogdet(F.T @ F + delta * np.eye(F.shape[1]))[1]


def smooth(F, A):
    return sum(A[i, j] * np.sum((F[i] - F[j]) ** 2) for i in range(len(F)) for j in range(i))


#: Each penalty, and what it says of a factor, written out.
PENALTIES = {
    "l1": (penalties.L1(0.7), lambda F: 0.7 * F.sum()),
    "l2": (penalties.L2(0.7), lambda F: 0.35 * np.sum(F**2)),
    "elastic": (penalties.ElasticNet(0.8, 0.25), lambda F: 0.2 * F.sum() + 0.3 * np.sum(F**2)),
    "group": (penalties.Group(0.7), lambda F: 0.7 * np.linalg.norm(F, axis=0).sum()),
    "orthogonality": (
        penalties.Orthogonality(0.7),
        lambda F: 0.35 * (np.sum(F.T @ F) - np.sum(F**2)),
    ),
    "smooth": (penalties.Smooth(0.7), lambda F: 0.35 * np.sum(np.diff(F, axis=0) ** 2)),
    "graph": (penalties.Smooth(0.7, GRAPH), lambda F: 0.35 * smooth(F, GRAPH.toarray())),
    "volume": (penalties.MinVolume(0.7, 0.2), lambda F: 0.35 * log_det(F, 0.2)),
    "prior": (penalties.Prior(TARGET, 0.7), lambda F: 0.35 * np.sum((F - TARGET) ** 2)),
    "two": (penalties.L1(0.1) + penalties.Smooth(0.2), lambda F: 0.1 * F.sum() + 0.1 * np.sum(np.diff(F, axis=0) ** 2)),
}
SCALE_FREE = [name for name, (penalty, _) in PENALTIES.items() if penalty.removable_by_scaling]


def factor(seed, size=1.0):
    return size * np.random.default_rng(seed).random((12, 4))


def within(penalty, factor=0, objective=0.0):
    return penalty.in_units(Units(factor, objective), (12, 4), False)


@pytest.mark.parametrize("name", PENALTIES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), near=st.floats(1e-3, 10))
def test_the_quadratic_touches_the_penalty_from_above(name, seed, near):
    penalty, written_out = PENALTIES[name]
    penalty, ones, F = within(penalty), np.ones(4), factor(seed)
    other = np.maximum(0, F + near * (factor(seed + 1) - 0.5))
    np.testing.assert_allclose(penalty.value(F, ones), written_out(F), rtol=1e-12)
    G, C = penalty.majorizer(F, ones)

    def quadratic(Y):
        return 0.5 * np.sum((Y @ G) * Y) - np.sum(C * Y)

    rise, bound = written_out(other) - written_out(F), quadratic(other) - quadratic(F)
    assert rise <= bound + 1e-9 * (abs(rise) + abs(bound))
    step = 1e-6 * factor(seed + 2)
    slope = (written_out(F + step) - written_out(F - step)) / 2
    np.testing.assert_allclose(np.sum((F @ G - C) * step), slope, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", SCALE_FREE)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_shares_bound_what_a_scaling_of_the_components_does(name, seed):
    penalty = within(PENALTIES[name][0])
    F, norms, scale = factor(seed), factor(seed + 1)[0] + 0.1, 3 * factor(seed + 2)[0]
    np.testing.assert_allclose(penalty.value(F, norms), PENALTIES[name][1](F * norms), rtol=1e-12)
    G, C = penalty.majorizer(F, norms)
    G1, C1 = penalty.majorizer(F * norms, np.ones(4))
    np.testing.assert_allclose(F @ G - C, (F * norms @ G1 - C1) * norms, rtol=1e-9, atol=1e-13)
    bound = penalty.value(F, norms) + 0.5 * np.sum(penalty.norm_curvature(F, norms) * (scale**2 - 1))
    assert penalty.value(F, norms * scale) <= bound * (1 + 1e-12)


@pytest.mark.parametrize("name", PENALTIES)
def test_units(name):
    penalty, written_out = PENALTIES[name]
    F = factor(3)
    np.testing.assert_allclose(within(penalty, 3, -1.0).value(F, np.ones(4)), written_out(8 * F) / 0.5, rtol=1e-12)


SOLVERS = {
    "hals": {"inner_iter": 1},
    "mu": {"floor": 0},
    "pgd": {},
}


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("sides", ["W", "H", "both"])
def test_no_iteration_raises_the_penalised_objective(solver, name, sides):
    penalty, written_out = PENALTIES[name]
    X, W, H = problem(12, 12, 4)
    known = {f"penalty_{side}": penalty for side in "WH" if sides in (side, "both")}
    if name == "volume" and sides != "both":
        known = {"penalty_W": penalties.L2(0.1), "penalty_H": penalties.L2(0.1)} | known
    if name == "volume" and solver == "mu":
        with pytest.raises(ValueError, match=r"MinVolume\(0.7, 0.2\) is not served by solver='mu'"):
            nmfcore.nmf(X, 4, solver=solver, **known)
        return
    if name == "prior":
        known = {side: penalties.Prior(TARGET if side == "penalty_W" else TARGET.T, 0.7) for side in known}
    options = {"solver": solver, "init": (W, H), "extrapolate": False, "tol": 0, **SOLVERS[solver], **known}
    found = nmfcore.nmf(X, 4, max_iter=40, **options)
    assert np.all(np.diff(found.history.objective) <= 1e-12 * found.history.objective[0])
    assert found.objective < found.history.objective[0]
    assert found.relative_error == pytest.approx(np.linalg.norm(X - found.W @ found.H) / np.linalg.norm(X), rel=1e-9)
    value = reference.objective(X, found.W, found.H)
    if sides == "both":
        value += written_out(found.W) + written_out(found.H.T)
    elif name in SCALE_FREE:
        F, B = (found.W, found.H.T) if sides == "W" else (found.H.T, found.W)
        value += written_out(F * np.linalg.norm(B, axis=0))
    elif name == "prior":
        value += written_out(found.W if sides == "W" else found.H.T)
    else:
        F, B = (found.W, found.H) if sides == "W" else (found.H.T, found.W)
        value += written_out(F) + 0.05 * np.sum(B**2)
    np.testing.assert_allclose(found.objective, value, rtol=1e-9)


@pytest.mark.parametrize(
    "loss", ["kullback-leibler", "itakura-saito", 0.5, 1.5, 3.0, nmfcore.Huber(0.3), "l1"], ids=str
)
@pytest.mark.parametrize("name", ["l1", "l2", "elastic", "group", "orthogonality", "prior"])
def test_multiplicative_updates_are_monotone_for_every_loss(loss, name):
    X, W, H = problem(12, 12, 4)
    known = {"penalty_W": PENALTIES[name][0], "penalty_H": penalties.L2(0.3)}
    found = nmfcore.mu(X, 4, loss=loss, init=(W, H), max_iter=60, extrapolate=False, tol=0, floor=0, **known)
    assert np.all(np.diff(found.history.objective) <= 1e-12 * found.history.objective[0])
    plain = nmfcore.mu(X, 4, loss=loss, init=(found.W, found.H), max_iter=0).objective
    value = plain + PENALTIES[name][1](found.W) + 0.15 * np.sum(found.H**2)
    np.testing.assert_allclose(found.objective, value, rtol=1e-9)


@pytest.mark.parametrize("name", [name for name in PENALTIES if name not in ("volume", "prior")])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_fits_end_at_a_stationary_point(name, form):
    X, W, H = problem(12, 12, 3, zeros=0.2)
    penalty, written_out = PENALTIES[name]
    found = nmfcore.hals(
        form(X), 3, penalty_W=penalty, penalty_H=penalties.L2(0.5), init=(W, H), max_iter=20000, tol=1e-9
    )
    assert found.kkt_residual < 1e-6
    for i, t in np.ndindex(found.W.shape):
        step = np.zeros_like(found.W)
        step[i, t] = 1e-5
        if found.W[i, t] == 0 and name in ("group",):
            continue
        above, below = (reference.objective(X, F, found.H) + written_out(F) for F in (found.W + step, found.W - step))
        slope = (above - below) / 2e-5
        assert abs(slope) < 1e-3 if found.W[i, t] > 1e-4 else slope > -1e-3


def test_a_penalty_of_zero_changes_no_bit():
    X, W, H = problem(40, 30, 4)
    none = nmfcore.hals(X, 4, init=(W, H), max_iter=20, tol=0)
    zero = nmfcore.hals(X, 4, init=(W, H), max_iter=20, tol=0, penalty_W=penalties.L1(0), penalty_H=penalties.L2(0))
    np.testing.assert_array_equal(none.W, zero.W)
    np.testing.assert_array_equal(none.H, zero.H)


def test_a_penalty_on_one_factor_does_not_see_how_the_start_is_scaled():
    X, W, H = problem(40, 30, 4)
    D = np.array([1e-3, 1.0, 7.0, 1e4])
    for known in ({"penalty_W": penalties.L1(0.5)}, {"penalty_H": penalties.Group(0.5) + penalties.Smooth(0.1)}):
        one, other = (
            nmfcore.hals(X, 4, init=start, max_iter=15, tol=0, **known) for start in ((W, H), (W * D, H / D[:, None]))
        )
        np.testing.assert_allclose(other.W @ other.H, one.W @ one.H, rtol=1e-8)
        np.testing.assert_allclose(other.history.objective, one.history.objective, rtol=1e-10)


@pytest.mark.parametrize("c", [2.0**-60, 3.0, 2.0**40])
def test_scale_law(c):
    """c X with W alone scaled: what the strengths must be for the same fit."""
    X, W, H = problem(40, 30, 4)
    one = nmfcore.hals(X, 4, init=(W, H), max_iter=10, tol=0, penalty_W=penalties.L1(0.5), penalty_H=penalties.L2(0.1))
    strengths = {"penalty_W": penalties.L1(0.5 * c), "penalty_H": penalties.L2(0.1 * c**2)}
    other = nmfcore.hals(c * X, 4, init=(c * W, H), max_iter=10, tol=0, **strengths)
    np.testing.assert_allclose(other.W, c * one.W, rtol=1e-9, atol=1e-12 * c)
    np.testing.assert_allclose(other.history.objective, c**2 * one.history.objective, rtol=1e-10)


@pytest.mark.parametrize("form", [np.ascontiguousarray, sp.csr_array])
@pytest.mark.parametrize(
    ("solver", "alpha_W", "alpha_H", "l1_ratio"),
    [("cd", 0.01, "same", 0.5), ("cd", 0.02, 0.0, 1.0), ("cd", 0.0, 0.03, 0.0), ("mu", 0.01, "same", 0.0)],
)
def test_iterates_of_scikit_learn(form, alpha_W, alpha_H, l1_ratio, solver):
    """For multiplicative updates with L1 scikit-learn adds to the denominator what is here taken off the numerator."""
    X, W, H = problem(30, 20, 4, zeros=0.3)
    X = form(X)
    expected = non_negative_factorization(
        X, W=W.copy(), H=H.copy(), n_components=4, init="custom", solver=solver, max_iter=8, tol=0,
        alpha_W=alpha_W, alpha_H=alpha_H, l1_ratio=l1_ratio,
    )  # fmt: skip
    own = {"cd": {"solver": "hals", "inner_iter": 1}, "mu": {"solver": "mu", "floor": 0}}[solver]
    known = dict(
        zip(("penalty_W", "penalty_H"), penalties.scikit_learn(X.shape, alpha_W, alpha_H, l1_ratio), strict=True)
    )
    found = nmfcore.nmf(X, 4, init=(W, H), max_iter=8, tol=0, extrapolate=False, **own, **known)
    np.testing.assert_allclose(found.W, expected[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.H, expected[1], rtol=1e-9, atol=1e-12)


def test_the_penalised_least_squares_of_the_textbook():
    """D <- D o XS' / (D (SS' + nu I)), S <- S o (D'X - lambda) / ((D'D + mu I) S), numerators kept non-negative."""
    X, D, S = problem(30, 20, 4)
    first = D * (X @ S.T) / (D @ (S @ S.T + 0.3 * np.eye(4)))
    strength = 0.7 * float((first.T @ X).max(axis=1).min())  # cuts off some numerators of each component
    found = nmfcore.mu(
        X, 4, init=(D, S), max_iter=2, tol=0, floor=0, extrapolate=False,
        penalty_W=penalties.L2(0.3), penalty_H=penalties.L1(strength) + penalties.L2(0.2),
    )  # fmt: skip
    for _ in range(2):
        D = D * (X @ S.T) / (D @ (S @ S.T + 0.3 * np.eye(4)))
        den = (D.T @ D + 0.2 * np.eye(4)) @ S
        S = S * np.maximum(0, D.T @ X - strength) / np.where(den > 0, den, 1)
    assert (S == 0).any() and (S > 0).any()
    np.testing.assert_allclose(found.W, D, rtol=1e-9)
    np.testing.assert_allclose(found.H, S, rtol=1e-9)


def test_what_penalties_are_for():
    X, *_ = problem(60, 40, 6)
    zeros = [
        np.mean(nmfcore.hals(X, 6, random_state=0, max_iter=500, penalty_H=penalties.L1(s)).H == 0) for s in (0, 3, 30)
    ]
    assert zeros[0] < zeros[1] < zeros[2]
    rough, even = (
        nmfcore.hals(X, 6, random_state=0, max_iter=500, penalty_H=penalties.Smooth(s), penalty_W=penalties.L2(0.1)).H
        for s in (0, 10)
    )
    assert np.sum(np.diff(even) ** 2) < 0.5 * np.sum(np.diff(rough) ** 2)
    apart = nmfcore.hals(X, 6, random_state=0, max_iter=500, penalty_W=penalties.Orthogonality(100.0)).W
    overlap = (apart.T @ apart) / np.outer(np.linalg.norm(apart, axis=0), np.linalg.norm(apart, axis=0)).clip(1e-300)
    assert (overlap - np.diag(np.diagonal(overlap))).max() < 0.05


@pytest.mark.parametrize("solver", ["hals", "mu"])
def test_a_group_penalty_switches_components_off(solver):
    rng = np.random.default_rng(0)
    X = rng.gamma(0.5, size=(80, 3)) @ rng.gamma(0.5, size=(3, 50)) + 0.001 * rng.random((80, 50))
    known = {"penalty_W": penalties.Group(1.0), "penalty_H": penalties.Group(1.0)}
    found = nmfcore.nmf(X, 8, solver=solver, random_state=0, max_iter=1000, tol=1e-7, **known)
    sizes = np.linalg.norm(found.W, axis=0) * np.linalg.norm(found.H, axis=1)
    assert np.sum(sizes > 1e-12 * sizes.max()) == 3 and found.relative_error < 0.01
    assert np.all((sizes == 0) == (sizes < 1e-12 * sizes.max())) or solver == "mu"  # which keeps a floor


def test_minimum_volume_finds_the_mixed_parts():
    """Samples near no pure part: least squares alone leaves the parts undetermined, the smallest ones are the truth."""
    rng = np.random.default_rng(0)
    parts = rng.random((3, 40))
    mixed = rng.dirichlet(np.ones(3), size=2000)
    X = mixed[mixed.max(axis=1) < 0.8][:500] @ parts

    def distance(H):
        H, T = (F / np.linalg.norm(F, axis=1, keepdims=True) for F in (H, parts))
        return 1 - (H @ T.T).max(axis=1).min()

    plain = nmfcore.hals(X, 3, random_state=0, max_iter=3000, tol=1e-8)
    strengths = {"penalty_W": penalties.L2(1e-3), "penalty_H": penalties.MinVolume(0.05, 0.01)}
    small = nmfcore.hals(X, 3, random_state=0, max_iter=3000, tol=1e-8, **strengths)
    assert distance(small.H) < 0.5 * distance(plain.H)


def test_inputs_are_left_alone_and_threads_change_nothing():
    X, W, H = problem(300, 200, 4)
    target = np.ones((300, 4))
    target.flags.writeable = False
    known = {"penalty_W": penalties.Prior(target, 0.1) + penalties.L1(0.1), "penalty_H": penalties.Smooth(0.3)}
    one, more = (nmfcore.hals(X, 4, init=(W, H), max_iter=10, tol=0, n_threads=n, **known) for n in (1, 3))
    np.testing.assert_array_equal(one.W, more.W)
    single = nmfcore.hals(X.astype(np.float32), 4, init=(W, H), max_iter=10, tol=0, **known)
    assert single.W.dtype == np.float32
    np.testing.assert_allclose(single.objective, one.objective, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: penalties.L1(-1), ValueError, "strength of L1 is -1; wanted a finite number >= 0"),
        (lambda: penalties.L2("a"), TypeError, r"strength of L2 is 'a' \(str\); wanted a number >= 0"),
        (lambda: penalties.MinVolume(1, 0), ValueError, "delta of MinVolume is 0; wanted a finite number > 0"),
        (lambda: penalties.ElasticNet(1, 2), ValueError, "l1_ratio is 2; wanted 0 <= l1_ratio <= 1"),
        (lambda: penalties.scikit_learn((3, 4), 1, "x"), ValueError, "alpha_H is 'x'; wanted a number >= 0 or 'same'"),
        (lambda: penalties.L1(1) + 1, TypeError, "unsupported operand"),
    ],
)
def test_bad_penalties(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        ({"penalty_W": 0.1}, TypeError, r"penalty_W is 0.1 \(float\); wanted None, or an object of nmfcore.penalties"),
        (
            {"penalty_H": penalties.Prior(np.ones((3, 3)), 1)},
            ValueError,
            r"penalty_H=Prior\(..., 1\): target has shape \(3, 3\); wanted \(4, 12\)",
        ),
        (
            {"penalty_W": penalties.Prior(-np.ones((12, 4)), 1)},
            ValueError,
            r"penalty_W=Prior\(..., 1\): target has 48 bad entries, the first \(-1.0\) at \(0, 0\); wanted numbers",
        ),
        (
            {"penalty_W": penalties.Smooth(1, np.ones((3, 3)))},
            ValueError,
            r"penalty_W=Smooth\(1, ...\): graph has shape \(3, 3\); wanted \(12, 12\)",
        ),
        ({"penalty_W": penalties.Smooth(1, np.triu(np.ones((12, 12))))}, ValueError, "graph is not symmetric"),
        ({"penalty_W": penalties.Smooth(1, -np.ones((12, 12)))}, ValueError, "graph has negative, NaN or infinite"),
        (
            {"penalty_W": penalties.MinVolume(1)},
            ValueError,
            r"penalty_W=MinVolume\(...\) alone can be removed by scaling; wanted penalty_H, too",
        ),
        (
            {"penalty_W": penalties.L1(1), "solver": "cd", "loss": "kullback-leibler"},
            ValueError,
            r"penalty_W=L1\(1\) alone is not served by solver='cd' with loss='kullback-leibler'; wanted",
        ),
        (
            {"penalty_W": penalties.L2(1) + penalties.MinVolume(1), "penalty_H": penalties.L2(1), "solver": "mu"},
            ValueError,
            r"penalty_W=MinVolume\(1, 0.1\) is not served by solver='mu'",
        ),
    ],
)
def test_what_is_refused(known, error, message):
    with pytest.raises(error, match=message):
        nmfcore.nmf(np.ones((12, 12)), 4, **known)


def test_coordinate_descent_takes_l1():
    X, W, H = problem(30, 20, 4, zeros=0.4)
    known = {"penalty_W": penalties.L1(0.5), "penalty_H": penalties.L1(0.2)}
    for form in (np.asarray, sp.csr_array):
        options = {"loss": 1, "solver": "cd", "init": (W, H), "tol": 0, **known}
        found = nmfcore.nmf(form(X), 4, max_iter=100, **options)
        assert np.all(np.diff(found.history.objective) <= 1e-12 * found.history.objective[0])
        value = reference.beta_divergence(X, found.W @ found.H, 1) + 0.5 * found.W.sum() + 0.2 * found.H.sum()
        np.testing.assert_allclose(found.objective, value, rtol=1e-10)
        assert found.kkt_residual < 0.1 * nmfcore.nmf(form(X), 4, max_iter=15, **options).kkt_residual
