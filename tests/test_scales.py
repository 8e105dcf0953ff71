"""Entries next to the ends of the range of a dtype: no warning, no wrong number, and results that scale with X."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import example, given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore import penalties

X = np.random.default_rng(0).random((12, 9))
S = X[:9] + X[:9].T
PATIENT = {"max_iter": 5, "tol": 0, "random_state": 0}
LOSSES = ["frobenius", "kullback-leibler", 1.5, 3.0, "itakura-saito", 0.5, "l1"]
EXPONENTS = {np.float64: [-1060, -1020, -700, 700, 1020], np.float32: [-145, -125, -70, 70, 125]}
DOORS = {
    "archetypes": lambda X: nmfcore.archetypes(X, 2, random_state=0).archetypes,
    "orthogonal": lambda X: nmfcore.orthogonal(X, 2, **PATIENT).W,
    "projective": lambda X: nmfcore.projective(X, 2, **PATIENT).W,
    "semi": lambda X: nmfcore.semi(X, 2, **PATIENT).W,
    "separable": lambda X: nmfcore.separable(X, 3).H,
    "svd": lambda X: nmfcore.svd(X, 3, random_state=0)[1],
    "symmetric": lambda X: nmfcore.symmetric(X[:9] + X[:9].T, 2, **PATIENT).W ** 2,
    "nnls": lambda X: nmfcore.nnls(S[:, :4], X[:9]),
    "transform": lambda X: nmfcore.transform(X, S[:3]),
}

SCALE_FREE = {"orthogonal", "projective"}  # their W


@pytest.mark.parametrize("dtype", EXPONENTS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_fits(dtype, loss, form):
    if form is sp.csr_array and loss in (0.5, 3.0, 1.5):
        pytest.skip("the same path as the other losses")
    base = (X + (loss == "itakura-saito")).astype(dtype)
    one = nmfcore.nmf(form(base), 3, loss=loss, **PATIENT)
    for exponent in EXPONENTS[dtype]:
        scaled = np.ldexp(base, exponent)
        found = nmfcore.nmf(form(scaled), 3, loss=loss, **PATIENT)
        seen = np.abs(np.ldexp(scaled.astype(float), -exponent) - base).max()  # digits that are lost
        room = 1e-9 if dtype is np.float64 else 1e-3
        np.testing.assert_allclose(found.relative_error, one.relative_error, rtol=room + 100 * seen)
        product = np.ldexp(np.ldexp(found.W.astype(float), -(exponent // 2)) @ found.H, -(exponent - exponent // 2))
        np.testing.assert_allclose(product, one.W.astype(float) @ one.H, rtol=0.1, atol=room + 100 * seen)
        assert np.isfinite(found.kkt_residual)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("exponent", [-1000, -500, 500, 1000])
def test_other_doors(door, exponent):
    one, found = DOORS[door](X), DOORS[door](np.ldexp(X, exponent))
    found = found if door in SCALE_FREE else np.ldexp(found, -exponent)
    np.testing.assert_allclose(found, one, rtol=1e-6, atol=1e-9 * np.abs(one).max())


@pytest.mark.parametrize("method", ["speckled", "bi-cross-validation", "mdl", "ard", "stability", "elbow"])
def test_the_choice_of_the_rank(method):
    one = nmfcore.select_rank(X, [1, 2, 3], method, random_state=0)
    for exponent in (-1050, -1000, 1000):
        found = nmfcore.select_rank(np.ldexp(X, exponent), [1, 2, 3], method, random_state=0)
        assert found.k == one.k
        np.testing.assert_allclose(found.score, one.score, rtol=1e-6, atol=1e-6)


def test_rows_far_apart():
    scales = np.ldexp(1.0, np.array([0, 500, -500] + [0] * 9))
    np.testing.assert_array_equal(nmfcore.separable(scales[:, None] * X, 3).rows, nmfcore.separable(X, 3).rows)


@pytest.mark.parametrize("loss", ["kullback-leibler", "l1", 1.5])
def test_the_relative_error_of_a_model_far_above_X(loss):
    room = penalties.Box(1e150, np.inf)
    found = nmfcore.nmf(X, 2, loss=loss, penalty_W=room, penalty_H=penalties.Box(1e50, np.inf), **PATIENT)
    model = 1e-200 * np.linalg.norm(found.W @ found.H * 1e-100) * 1e100  # its square is beyond the range
    np.testing.assert_allclose(found.relative_error * 1e-200, model / np.linalg.norm(X), rtol=1e-6)


def test_what_is_beyond_the_range_is_refused():
    known_W, known_H = np.full((12, 2), np.nan), np.full((2, 9), np.nan)
    known_W[0] = known_H[0] = 1e200
    with pytest.raises(nmfcore.InputError, match=r"fixed_W \(fixed values\) has values too large beside X"):
        nmfcore.nmf(X, 2, loss="kullback-leibler", fixed_W=known_W, fixed_H=known_H)
    with pytest.raises(nmfcore.InputError, match="Y of the result has 1 infinite entries: it is beyond the range"):
        nmfcore.nnls(np.array([[1e-300], [0]]), np.array([[1e300], [1.0]]))
    with pytest.raises(nmfcore.InputError, match="init='nndsvdar' needs k <= min"):
        nmfcore.fit_many(X, [3, 12], 2, init="nndsvdar")
    with pytest.raises(nmfcore.InputError, match="fixed_W: array has shape"):
        nmfcore.fit_many(X, [2, 3], 2, fixed_W=known_W)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5, "l1", nmfcore.Huber(1.0), nmfcore.L21()])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_the_objective_of_nothing_is_zero(loss, dtype):
    nothing = np.zeros((5, 4), dtype)
    fits = [nmfcore.nmf(form(nothing), 2, loss=loss) for form in (np.asarray, sp.csr_array)]
    if loss != nmfcore.L21():
        fits += nmfcore.fit_many(nothing, [1, 2], 2, loss=loss, random_state=0).fits
    for fit in fits:
        assert fit.relative_error == 0 and not (fit.W @ fit.H).any() and fit.converged
        if not isinstance(loss, nmfcore.L21):
            assert fit.objective == 0


def test_absolute_values_of_nothing():
    """The loss of X = 0 under a model that is 0 in some entries is the sum of the others."""
    known = np.array([[0.0, 0, 2, 3], [0, 1, 0, 3]])
    found = nmfcore.nmf(np.zeros((3, 4)), 2, loss="l1", penalty_W=penalties.SumToOne(1), fixed_H=known, max_iter=2)
    np.testing.assert_allclose(found.objective, np.abs(found.W @ known).sum(), rtol=1e-12)


HIDDEN = np.random.default_rng(1).random((12, 9)) < 0.2
WEIGHTS = np.random.default_rng(2).choice([0.5, 1.0, 2.0], (12, 9))
RELATIVE = penalties.L1(0.01, relative=True)
FITS = {
    **{f"loss {loss}": {"loss": loss} for loss in [*LOSSES, -1.0, nmfcore.L21()]},
    **{f"{loss} by pgd": {"loss": loss, "solver": "pgd"} for loss in LOSSES},
    **{f"init {init}": {"init": init} for init in ("random", "nndsvd", "nndsvdar")},
    **{f"mask, {loss}": {"loss": loss, "mask": HIDDEN} for loss in ("frobenius", "kullback-leibler", "l1")},
    **{f"weights, {loss}": {"loss": loss, "weights": WEIGHTS} for loss in ("frobenius", 1.5)},
    **{f"sums, {loss}": {"loss": loss, "penalty_H": penalties.SumToOne(axis=1)} for loss in ("frobenius", 1, 0.5)},
    **{f"Hoyer, {loss}": {"loss": loss, "penalty_W": penalties.Hoyer(0.5, axis=0)} for loss in ("frobenius", -1.0)},
    **{f"relative L1, {loss}": {"loss": loss, "penalty_H": RELATIVE} for loss in ("frobenius", 1, 0.5, -1.0)},
}


def fit(options):
    return lambda X: nmfcore.nmf(X + np.ldexp(X.dtype.type(1), np.frexp(X.max())[1]), 3, **PATIENT, **options).H


def fit_of_many(X):
    return nmfcore.fit_many(X, [1, 3], 3, **PATIENT).best(3).H


ALL_DOORS = {
    **{name: fit(options) for name, options in FITS.items()},
    **{name: door for name, door in DOORS.items() if name not in ("transform", "nnls")},
    "nnls": lambda X: nmfcore.nnls(S[:, :4].astype(X.dtype), X[:9]),
    "nnls with B of that scale": lambda X: nmfcore.nnls(X[:, :4], X[:, 4:]),
    "transform": lambda X: nmfcore.transform(X, X[:3], loss="kullback-leibler"),
    "fit_many": fit_of_many,
    "hierarchical": lambda X: nmfcore.hierarchical(X, 3, random_state=0).components,
    "separable, rows as they are": lambda X: nmfcore.separable(X, 3, normalize=False).W,
    "complete": lambda X: nmfcore.complete(sp.coo_array(X), 2, strength=0, random_state=0, max_iter=5).H,
}


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(ALL_DOORS)), st.sampled_from([np.float64, np.float32]), st.floats(-1, 1))
def test_powers_of_two_change_no_digit(door, dtype, share):
    """Where no digit of X is lost, a result is that of X times a power of two."""
    least, most = {np.float64: (-900, 1015), np.float32: (-96, 118)}[dtype]
    exponent = int(share * (most if share > 0 else -least)) // 2 * 2
    base = X.astype(dtype)
    one, found = ALL_DOORS[door](base), ALL_DOORS[door](np.ldexp(base, exponent))
    np.testing.assert_array_equal(np.frexp(found)[0], np.frexp(one)[0])


@pytest.mark.filterwarnings("ignore::nmfcore.ConvergenceWarning")
@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(ALL_DOORS)), st.sampled_from(list(EXPONENTS)), st.floats(0, 1), st.booleans())
@example("loss L21(epsilon=0.001)", np.float32, 0.0, False)
@example("fit_many", np.float32, 0.2, False)
@example("hierarchical", np.float64, 0.0, True)
@example("relative L1, -1.0", np.float64, 0.1, False)
@example("transform", np.float64, 0.0, True)
def test_no_warning_at_the_ends_of_the_range(door, dtype, share, above):
    """Results are finite, next to the largest number and where most digits of X are lost."""
    ends = {np.float64: (-1070, 1021), np.float32: (-145, 125)}[dtype]
    room = 5 if door.startswith("sums") else 0  # W has the sums of the columns of X
    exponent = ends[1] - room - int(share * 20) if above else ends[0] + int(share * 100)
    found = ALL_DOORS[door](np.ldexp(X.astype(dtype), exponent))
    assert np.isfinite(found).all()


def test_updates_of_an_entry_near_0_in_float32():
    """The gradient of a power of 4 is near the smallest number of float32, and the step beyond the largest."""
    tiny = np.ldexp(X.astype(np.float32), -145)
    assert np.isfinite(nmfcore.nmf(tiny, 3, loss=4.0, solver="pgd", **PATIENT).W).all()
    assert nmfcore.select_rank(tiny, [1, 2, 3], "ard", loss="kullback-leibler", random_state=0).k in (1, 2, 3)


@pytest.mark.parametrize("exponent", [-1000, -600, -200, 200])
def test_pure_rows_of_lengths_far_apart(exponent):
    H = np.array([[1.0, 0.0, 2.0, 0.0], [0.0, 1.0, 1.0, 1.0], [3.0, 1.0, 0.0, 0.0]])
    mixtures = np.vstack([np.eye(3), np.random.default_rng(0).dirichlet(np.ones(3), 5)]) @ H
    lengths = np.array([0] + [min(exponent, 0)] * 7) if exponent < 0 else np.array([0, 0, 0] + [-exponent] * 5)
    found = nmfcore.separable(np.ldexp(mixtures, lengths[:, None]), 3, normalize=False)
    assert sorted(found.rows) == [0, 1, 2] or exponent < 0
    model = np.ldexp(found.W, -lengths[:, None]) @ found.H  # of rows whose other parts are exactly 0
    assert np.isfinite(model).all() and found.relative_error < 1e-12


def test_relative_strengths_of_a_small_X():
    options = {"loss": 0.5, "penalty_H": penalties.L2(0.01, relative=True)}
    one = nmfcore.nmf(X, 3, **options, **PATIENT)
    found = nmfcore.nmf(np.ldexp(X, -1040), 3, **options, **PATIENT)
    np.testing.assert_allclose(found.relative_error, one.relative_error, rtol=1e-6)
    with pytest.raises(nmfcore.InputError, match=r"wanted at most 1\.0e\+12, or X in float64$"):
        nmfcore.nmf(X.astype(np.float32), 3, penalty_W=penalties.L2(1e20, relative=True))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore::nmfcore.ConvergenceWarning")
def test_estimators():
    sklearn = pytest.importorskip("nmfcore.sklearn")
    one = sklearn.NMF(3, random_state=0).fit(X)
    for exponent in (-1000, 1000):
        found = sklearn.NMF(3, random_state=0).fit(np.ldexp(X, exponent))
        np.testing.assert_allclose(np.ldexp(found.reconstruction_err_, -exponent), one.reconstruction_err_, rtol=0.01)
    for dtype, exponents in EXPONENTS.items():
        for exponent in exponents:
            scaled = np.ldexp(X.astype(dtype), exponent)
            model = sklearn.MiniBatchNMF(3, batch_size=5, random_state=0, max_iter=50)
            W = model.fit_transform(scaled)
            again = model.transform(scaled)
            for F in (W, again, model.components_):
                assert np.isfinite(F).all()
            half = exponent // 2
            product = np.ldexp(W.astype(float), -half) @ np.ldexp(model.components_.astype(float), half - exponent)
            assert np.linalg.norm(product - X) < 0.5 * np.linalg.norm(X)
            assert np.isfinite(model.partial_fit(scaled).components_).all()
