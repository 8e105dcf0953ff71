"""Weights and missing entries: one objective, however it is said, stored and computed."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import planted, problem
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore import penalties, reference
from nmfcore._runtime.weighted import Quadratic, SweepBounds
from nmfcore._runtime.workspace import Workspace
from nmfcore.data import DenselyWeighted, SparselyReweighted, Weights, weigh
from nmfcore.reference import weighted as weighted_reference

TEXTBOOK = {"inner_iter": 1, "extrapolate": False, "tol": 0}
LOSSES = ["frobenius", "kullback-leibler", "itakura-saito", 0.5, 1.5, nmfcore.Huber(1.0), "l1"]


def model(result):
    return result.W @ result.H


def weighted_loss(X, Omega, V, loss):
    """Sum of omega d(x | v), weight by weight."""
    total = 0.0
    for omega in np.unique(Omega[Omega > 0]):
        x, v = X[Omega == omega], V[Omega == omega]
        if isinstance(loss, nmfcore.Huber):
            value = reference.robust_loss(x, v, loss.delta, False)
        elif loss == "l1":
            limit = 1e-3 * np.sum(Omega[Omega > 0] * X[Omega > 0]) / Omega.sum()
            value = reference.robust_loss(x, v, limit, True)
        else:
            beta = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0}.get(loss, loss)
            value = 0.5 * np.sum((x - v) ** 2) if beta == 2 else reference.beta_divergence(x, v, beta)
        total += omega * value
    return total


def some_weights(shape, kind, seed=0):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < 0.2
    return {
        "mask": np.where(mask, 0.0, 1.0),
        "few": np.where(mask, rng.integers(0, 4, shape) / 2, 1.0),
        "rare": np.where(rng.random(shape) < 0.3, rng.integers(1, 4, shape), 0.0),
        "all": rng.integers(0, 9, shape) / 4,
    }[kind]


KINDS = ["mask", "few", "rare", "all"]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array])
def test_weights_of_one_are_a_plain_fit(loss, form):
    X, W, H = problem(50, 40, 4)
    options = {"init": (W, H), "extrapolate": False, "tol": 0, "max_iter": 10}
    if loss == "frobenius":
        options["inner_iter"] = 1
    plain = nmfcore.nmf(form(X), 4, loss=loss, **options)
    ones = nmfcore.nmf(form(X), 4, loss=loss, weights=np.ones(X.shape), **options)
    np.testing.assert_allclose(ones.W, plain.W, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ones.H, plain.H, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(ones.history.objective, plain.history.objective, rtol=1e-12)
    np.testing.assert_allclose(ones.relative_error, plain.relative_error, rtol=1e-12)
    np.testing.assert_allclose(ones.kkt_residual, plain.kkt_residual, rtol=1e-9)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_what_stands_at_hidden_places_changes_no_bit(loss, form):
    X, W, H = problem(40, 30, 4)
    mask = some_weights(X.shape, "mask") == 0
    found = []
    for filling in (1.0, np.nan, np.inf, -7.0, 1e300):
        X[mask] = filling
        found.append(nmfcore.nmf(form(X), 4, loss=loss, mask=mask, init=(W, H), max_iter=15, tol=0))
    X[mask] = np.nan
    if form is np.asarray:
        found.append(nmfcore.nmf(X, 4, loss=loss, missing="nan", init=(W, H), max_iter=15, tol=0))
        masked = np.ma.masked_array(X, mask)
        found.append(nmfcore.nmf(masked, 4, loss=loss, init=(W, H), max_iter=15, tol=0))
    for other in found[1:]:
        np.testing.assert_array_equal(other.W, found[0].W)
        np.testing.assert_array_equal(other.H, found[0].H)
        assert other.objective == found[0].objective and other.relative_error == found[0].relative_error


@pytest.mark.parametrize("kind", KINDS)
def test_hals_is_the_textbooks(kind, dtype):
    X, W, H = problem(40, 30, 5)
    Omega = some_weights(X.shape, kind)
    expected = weighted_reference.weighted_hals(X, Omega, W, H, 6)
    arrays = (a.astype(dtype) for a in (W, H))
    found = nmfcore.hals(X.astype(dtype), 5, weights=Omega, init=tuple(arrays), max_iter=6, **TEXTBOOK)
    tolerance = 1e-9 if dtype == np.float64 else 5e-3
    np.testing.assert_allclose(found.W, expected[0], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.H, expected[1], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(
        found.objective, weighted_reference.weighted_objective(X, Omega, *expected), rtol=10 * tolerance
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_every_loss_takes_every_kind_of_weights(loss, kind):
    X, W, H = problem(40, 30, 4)
    Omega = some_weights(X.shape, kind)
    result = nmfcore.nmf(X, 4, loss=loss, solver="mu", weights=Omega, init=(W, H), max_iter=30, tol=0)
    np.testing.assert_allclose(result.objective, weighted_loss(X, Omega, model(result), loss), rtol=1e-9)
    error = np.sqrt(np.sum(Omega * (X - model(result)) ** 2) / np.sum(Omega * X**2))
    np.testing.assert_allclose(result.relative_error, error, rtol=1e-9)
    sparse = nmfcore.nmf(sp.csc_array(X), 4, loss=loss, solver="mu", weights=Omega, init=(W, H), max_iter=30, tol=0)
    np.testing.assert_allclose(model(sparse), model(result), rtol=1e-7)
    options = {"solver": "mu", "weights": Omega, "init": (W, H), "tol": 0, "extrapolate": False}
    steps = [nmfcore.nmf(X, 4, loss=loss, max_iter=n, **options) for n in range(5)]
    values = [weighted_loss(X, Omega, model(step), loss) for step in steps]
    assert np.all(np.diff(values) < 0)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_a_multiplicative_update_is_that_of_the_weighted_loss(beta, kind, form):
    X, W, H = problem(30, 20, 3)
    Omega = some_weights(X.shape, kind)
    found = nmfcore.mu(form(X), 3, loss=beta, weights=Omega, init=(W, H), max_iter=1, extrapolate=False, floor=0)
    exponent = 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1
    F, B, Y = W.copy(), H.T.copy(), X
    for Y, weights in ((X, Omega), (X.T, Omega.T)):
        V = F @ B.T
        F = F * (((weights * Y * V ** (beta - 2)) @ B) / ((weights * V ** (beta - 1)) @ B)) ** exponent
        F, B = B, F
    np.testing.assert_allclose(found.W @ found.H, F @ B.T, rtol=1e-9)


def sides_of(X, Omega):
    """The same data by corrections of a base and by a weight for every entry."""
    workspace, found = Workspace(X.dtype, 2), []
    for base in (0.0, 1.0):
        rows, columns = np.nonzero(Omega != base)
        few = Weights(base, rows, columns, Omega[rows, columns])
        found += [weigh(X, few, workspace), weigh(sp.csr_array(X), few, workspace)]
    found.append(weigh(X, few._replace(dense=Omega), workspace))
    assert [type(data) for data in found] == 4 * [SparselyReweighted] + [DenselyWeighted]
    return found


@settings(max_examples=60, deadline=None)
@given(
    m=st.integers(1, 25),
    n=st.integers(1, 25),
    k=st.integers(1, 30),
    hidden=st.floats(0, 1),
    seed=st.integers(0, 99),
    transposed=st.booleans(),
)
def test_all_representations_are_one(m, n, k, hidden, seed, transposed):
    rng = np.random.default_rng(seed)
    X, Omega = rng.gamma(1.0, size=(m, n)), np.where(rng.random((m, n)) < 0.3, 3 * rng.random((m, n)), 1.0)
    Omega[rng.random((m, n)) < hidden] = 0
    Omega[0, 0] = 1
    if transposed:
        X, Omega, m, n = X.T, Omega.T, n, m
    X = X / X[Omega > 0].max()  # in a fit it is scaled by a power of two, which here is 1
    F, B = rng.random((m, k)), rng.random((n, k))
    expected, one = F.copy(), None
    moved, _ = weighted_reference.weighted_hals_sweep(X, Omega, expected, B, sweeps=2)
    value = 0.5 * np.sum(Omega * (X - expected @ B.T) ** 2)
    close = {"rtol": 1e-10, "atol": 1e-10}
    for data in sides_of(X, Omega):
        found = F.copy()
        shared = data.shared_quadratic(B.T @ B, B, np.empty((m, k)))
        found_moved, found_value = data.sweep(
            shared, Quadratic.none(k, X.dtype), SweepBounds.of(k, X.dtype), found, B, 2, 0.0
        )
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(found_moved, moved, rtol=1e-8)
        np.testing.assert_allclose(found_value, value, rtol=1e-8, atol=1e-9 * np.sum(Omega * X**2))
        facts = [data.dot(B, np.empty((m, k))), data.curvature(B), data.squared_residual(F, B), data.total]
        facts += [data.measures.mean, data.measures.squared_norm, data.measures.exponent, *data.unobserved]
        one = one or facts
        for own, other in zip(facts, one, strict=True):
            np.testing.assert_allclose(own, other, **close)
    np.testing.assert_allclose(one[0], (Omega * X) @ B, **close)
    np.testing.assert_allclose(one[1], Omega @ B**2, **close)
    np.testing.assert_allclose(one[2], np.sum(Omega * (X - F @ B.T) ** 2), rtol=1e-10)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("solver", ["hals", "mu", "pgd"])
def test_a_weight_of_two_is_the_row_twice(form, solver):
    X, W, H = problem(20, 15, 3)
    counts = np.random.default_rng(0).integers(0, 4, 20)
    weights = np.broadcast_to(counts[:, None], X.shape)
    twice, long_W = np.repeat(X, counts, axis=0), np.repeat(W, counts, axis=0)
    options = {"solver": solver, "max_iter": 4, "tol": 0} | ({"inner_iter": 1} if solver == "hals" else {})
    found = nmfcore.nmf(form(X), 3, weights=weights, fixed_W=W, init=(W, H), **options)
    expected = nmfcore.nmf(form(twice), 3, fixed_W=long_W, init=(long_W, H), **options)
    np.testing.assert_allclose(found.H, expected.H, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.objective, expected.objective, rtol=1e-10)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{"extrapolate": False}, {}])
def test_hals_never_rises_and_ends_at_a_stationary_point(form, kind, options):
    X, W, H = problem(40, 30, 4)
    Omega = some_weights(X.shape, kind)
    result = nmfcore.hals(form(X), 4, weights=Omega, init=(W, H), max_iter=3000, tol=1e-9, **options)
    values, reached = result.history.objective, 1e-4 if options or kind == "rare" else 1e-6
    assert np.all(np.diff(values) <= 1e-12 * values[0]) and result.kkt_residual < reached
    np.testing.assert_allclose(values[0], weighted_reference.weighted_objective(X, Omega, W, H), rtol=1e-10)
    np.testing.assert_allclose(values[-1], weighted_reference.weighted_objective(X, Omega, *result), rtol=1e-10)


@pytest.mark.parametrize("hidden", [0.1, 0.5])
def test_planted_factors_are_found_from_what_is_left(hidden):
    X, W, H = planted(80, 60, 3, noise=0)
    mask = np.random.default_rng(1).random(X.shape) < hidden
    result = nmfcore.hals(np.where(mask, np.nan, X), 3, missing="nan", init=(W, H), max_iter=3000, tol=1e-8)
    assert np.linalg.norm((model(result) - X)[mask]) < 1e-3 * np.linalg.norm(X[mask])


def test_sparse_entries_that_are_not_stored_may_be_missing():
    X, W, H = problem(60, 40, 3)
    seen = np.random.default_rng(0).random(X.shape) < 0.4
    X[3, :5] = 0  # of which those that are stored are observed
    rows, columns = np.nonzero(seen)
    stored = sp.csr_array((X[rows, columns], (rows, columns)), shape=X.shape)
    found = nmfcore.hals(stored, 3, missing="unstored", init=(W, H), max_iter=20, **TEXTBOOK)
    expected = nmfcore.hals(X, 3, mask=~seen, init=(W, H), max_iter=20, **TEXTBOOK)
    np.testing.assert_allclose(model(found), model(expected), rtol=1e-9)
    for weights in (some_weights(X.shape, "all"), sp.csr_array(some_weights(X.shape, "all"))):
        found = nmfcore.hals(stored, 3, weights=weights, missing="unstored", init=(W, H), max_iter=20, **TEXTBOOK)
        both = seen * some_weights(X.shape, "all")
        expected = nmfcore.hals(X, 3, weights=both, init=(W, H), max_iter=20, **TEXTBOOK)
        np.testing.assert_allclose(model(found), model(expected), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5])
def test_however_weights_are_said(kind, loss):
    X, W, H = problem(30, 40, 4, zeros=0.5)
    Omega, mask = some_weights(X.shape, kind), some_weights(X.shape, "mask", 5) == 0
    options = {"loss": loss, "init": (W, H), "max_iter": 10, "extrapolate": False}
    if loss == "frobenius":
        options["inner_iter"] = 1
    one = nmfcore.nmf(X, 4, weights=np.where(mask, 0, Omega), **options)
    for form in (np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array, sp.coo_array):
        for weights in (Omega, np.asfortranarray(Omega), sp.csr_array(Omega), sp.csc_array(Omega)):
            for hidden in (mask, sp.csr_array(mask), sp.coo_array(mask)):
                other = nmfcore.nmf(form(X), 4, weights=weights, mask=hidden, **options)
                np.testing.assert_allclose(model(other), model(one), rtol=1e-8, atol=1e-10)
    only_mask = nmfcore.nmf(X, 4, mask=mask, **options)
    for form in (np.asarray, sp.csr_array):
        other = nmfcore.nmf(form(X), 4, mask=sp.csc_array(mask), **options)
        np.testing.assert_allclose(model(other), model(only_mask), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("k", [5, 30])
def test_the_same_bits_for_any_threads(kind, form, k, dtype):
    X, *_ = problem(400, 300, 5)
    X, Omega = X.astype(dtype), some_weights(X.shape, kind)
    for loss in ("frobenius", "kullback-leibler"):
        one, more = (
            nmfcore.nmf(form(X), k, loss=loss, weights=Omega, random_state=0, max_iter=4, tol=0, n_threads=n)
            for n in (1, 3)
        )
        np.testing.assert_array_equal(one.W, more.W)
        np.testing.assert_array_equal(one.H, more.H)
        assert one.objective == more.objective and one.kkt_residual == more.kkt_residual


def test_inputs_are_left_as_they_are():
    X, W, H = problem(30, 20, 3)
    X[4, 5] = np.nan
    arrays = {"X": X, "weights": some_weights(X.shape, "few"), "mask": some_weights(X.shape, "mask") == 0}
    sparse = {name: sp.csr_array(np.nan_to_num(array)) for name, array in arrays.items()}
    held = [*arrays.values(), *(A.data for A in sparse.values()), *(A.indices for A in sparse.values())]
    before = [array.copy() for array in held]
    for array in held:
        array.flags.writeable = False
    nmfcore.hals(missing="nan", k=3, init=(W, H), max_iter=3, **arrays)
    for loss in ("frobenius", "kullback-leibler", 1.5):
        nmfcore.nmf(k=3, loss=loss, init=(W, H), max_iter=3, **sparse)
    for array, was in zip(held, before, strict=True):
        np.testing.assert_array_equal(array, was)


@pytest.mark.parametrize("solver", ["hals", "mu", "pgd"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_rows_and_columns_without_entries(solver, form):
    X, W, H = problem(30, 20, 3)
    mask = np.zeros(X.shape, dtype=bool)
    mask[[4, 9]], mask[:, 7] = True, True
    with pytest.warns(UserWarning) as said:
        result = nmfcore.nmf(form(X), 3, mask=mask, solver=solver, init=(W, H), max_iter=20)
    texts = [str(warning.message) for warning in said]
    assert "2 rows of X have no observed entry (the first is row 4): nothing determines W there" in texts[0]
    assert "1 column of X has no observed entry (it is column 7): nothing determines H there" in texts[1]
    np.testing.assert_array_equal(result.unobserved[0], [4, 9])
    np.testing.assert_array_equal(result.unobserved[1], [7])
    assert not result.W[[4, 9]].any() and not result.H[:, 7].any()
    rest = np.ix_(~mask.all(axis=1), ~mask.all(axis=0))
    alone = nmfcore.nmf(form(X[rest]), 3, solver=solver, init=(W[rest[0].ravel()], H[:, rest[1].ravel()]), max_iter=20)
    if solver == "mu":
        np.testing.assert_allclose(model(result)[rest], model(alone), rtol=1e-6)
    assert alone.unobserved[0].size == alone.unobserved[1].size == 0


@pytest.mark.parametrize("kind", KINDS)
def test_penalties_bounds_and_given_values_go_with_weights(kind):
    X, W, H = problem(40, 30, 4)
    Omega = some_weights(X.shape, kind)
    fixed = np.full(W.shape, np.nan)
    fixed[:3] = W[:3]
    asked = {
        "penalty_W": penalties.L1(0.3) + penalties.L2(0.1),
        "penalty_H": penalties.L2(0.2) + penalties.Box(upper=0.9) + penalties.Smooth(0.5),
        "fixed_W": fixed,
    }
    result = nmfcore.hals(X, 4, weights=Omega, init=(W, H), max_iter=4000, tol=1e-9, **asked)
    assert result.H.max() <= 0.9 + 1e-12 and result.kkt_residual < 1e-5
    np.testing.assert_allclose(result.W[:3], W[:3], rtol=1e-12)
    rough = 0.5 * 0.5 * np.sum(np.diff(result.H, axis=1) ** 2)
    value = weighted_reference.weighted_objective(X, Omega, *result) + rough
    value += 0.3 * result.W.sum() + 0.05 * np.sum(result.W**2) + 0.1 * np.sum(result.H**2)
    np.testing.assert_allclose(result.objective, value, rtol=1e-10)
    sparse = nmfcore.hals(sp.csr_array(X), 4, weights=Omega, init=(W, H), max_iter=4000, tol=1e-9, **asked)
    np.testing.assert_allclose(sparse.objective, result.objective, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "itakura-saito", "l1"])
def test_scales(kind, loss):
    X, *_ = problem(30, 20, 3)
    Omega = some_weights(X.shape, kind)
    one = nmfcore.nmf(X, 3, loss=loss, weights=Omega, random_state=0, max_iter=15, tol=0)
    heavy = nmfcore.nmf(X, 3, loss=loss, weights=2.0**40 * Omega, random_state=0, max_iter=15, tol=0)
    np.testing.assert_array_equal(heavy.W, one.W)
    np.testing.assert_allclose(heavy.objective, 2.0**40 * one.objective, rtol=1e-12)
    large = nmfcore.nmf(2.0**100 * X, 3, loss=loss, weights=Omega, random_state=0, max_iter=15, tol=0)
    np.testing.assert_allclose(model(large), 2.0**100 * model(one), rtol=1e-12)


def test_starts():
    X, *_ = planted(60, 50, 4)
    mask = some_weights(X.shape, "mask") == 0
    for init in ("auto", "random", "nndsvd", "nndsvda", "nndsvdar"):
        start = nmfcore.hals(X, 4, mask=mask, init=init, random_state=0, max_iter=0)
        better = nmfcore.hals(X, 4, mask=mask, init=start, max_iter=50)
        assert better.objective < start.objective < 0.5 * np.sum(X**2)
    with pytest.raises(ValueError, match="init is 'spa', which takes whole rows of X, but entries have weights"):
        nmfcore.hals(X, 4, mask=mask, init="spa")


X = np.random.default_rng(0).random((6, 5)) + 0.1
BAD = {
    "negative": ({"weights": -X}, ValueError, "weights has 30 negative entries, the first"),
    "NaN": ({"weights": np.where(X > 0.5, np.nan, X)}, ValueError, "weights has .* NaN entries"),
    "infinite": ({"weights": np.full(X.shape, np.inf)}, ValueError, "weights has 30 infinite entries"),
    "sparse negative": ({"weights": sp.csr_array(-X)}, ValueError, "weights has 30 negative entries"),
    "shape": ({"weights": X.T}, ValueError, r"weights have shape \(5, 6\); wanted that of X, \(6, 5\)"),
    "text": ({"weights": "many"}, TypeError, "weights has dtype"),
    "mask of numbers": ({"mask": X}, TypeError, "mask has dtype float64; wanted booleans, True where"),
    "mask of another shape": ({"mask": X.T > 0}, ValueError, r"mask has shape \(5, 6\); wanted that of X"),
    "sparse mask": ({"mask": sp.csr_array(X.T > 0)}, ValueError, r"mask has shape \(5, 6\); wanted that of X"),
    "all masked": ({"mask": X > 0}, ValueError, "leave nothing of X; wanted a positive weight somewhere"),
    "all weights 0": ({"weights": 0 * X}, ValueError, "leave nothing of X"),
    "all weights not stored": ({"weights": sp.csr_array(X.shape)}, ValueError, "leave nothing of X"),
    "all hidden": ({"mask": sp.csr_array(X > 0)}, ValueError, "leave nothing of X"),
    "missing": ({"missing": "zeros"}, ValueError, "missing is 'zeros'; wanted one of 'nan', 'unstored'"),
    "unstored": ({"missing": "unstored"}, ValueError, "missing is 'unstored', but X is dense; wanted a sparse X"),
    "cd": ({"mask": X < 0.5, "loss": "kullback-leibler", "solver": "cd"}, ValueError, "solver='cd' does not serve"),
    "l21": ({"mask": X < 0.5, "loss": nmfcore.L21()}, ValueError, "loss is 'l21', which has no weights"),
}  # fmt: skip


@pytest.mark.parametrize(("options", "error", "message"), BAD.values(), ids=BAD)
def test_bad_weights(options, error, message):
    with pytest.raises(error, match=message):
        nmfcore.nmf(X, 2, **options)


def test_bad_entries_of_X():
    mask = X < 0.5
    for form in (np.asarray, sp.csr_array):
        for bad, name in ((np.nan, "NaN"), (np.inf, "infinite"), (-1.0, "negative")):
            Y = np.where(mask, np.nan, X)
            Y[tuple(np.argwhere(~mask)[3])] = bad
            for hidden in (mask, sp.csr_array(mask)):
                with pytest.raises(ValueError, match=f"X has 1 {name} entry, the first"):
                    nmfcore.hals(form(Y), 2, mask=hidden)
    zeros = np.where(mask, 0, X)
    assert nmfcore.nmf(zeros, 2, loss="itakura-saito", mask=mask, max_iter=3).objective > 0
    zeros[tuple(np.argwhere(~mask)[3])] = 0
    with pytest.raises(
        ValueError, match="X has zeros that are not hidden, where loss='itakura-saito with weights' is infinite"
    ):
        nmfcore.nmf(zeros, 2, loss="itakura-saito", mask=mask)
    with pytest.raises(ValueError, match="missing is 'nan', but X is sparse"):
        nmfcore.hals(sp.csr_array(X), 2, missing="nan")
    with pytest.raises(ValueError, match="the largest weight is 1e-60; wanted a largest weight from 1e-09"):
        nmfcore.hals(X.astype(np.float32), 2, weights=np.full(X.shape, 1e-60))
