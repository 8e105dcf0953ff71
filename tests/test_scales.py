"""Entries next to the ends of the range of a dtype: no warning, no wrong number, and results that scale with X."""

import numpy as np
import pytest
import scipy.sparse as sp

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
