"""The relatives of NMF on small data and on data of any scale; they do not change their input."""

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore._relatives.hierarchical import hierarchical
from nmfcore._relatives.orthogonal import orthogonal
from nmfcore._relatives.projective import projective
from nmfcore._relatives.quartic import minimize_quartic
from nmfcore._relatives.semi import semi
from nmfcore._relatives.symmetric import symmetric

FLAT = {"orthogonal": orthogonal, "projective": projective, "semi": semi, "symmetric": symmetric}


def little(name, m, n, scale=1.0):
    """Small integers, some of them 0, times a scale; for `symmetric` of rank one."""
    X = np.random.default_rng(m + n).integers(0, 4, (m, n)).astype(float)
    return (np.outer(X[:, 0], X[:, 0]) if name == "symmetric" else X) * scale


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
def test_little_data(name, form, kind):
    for m, n, k in ((1, 1, 1), (1, 5, 2), (2, 1, 4), (3, 2, 1), (7, 5, 4)):
        X = little(name, m, n).astype(kind)
        r = FLAT[name](form(X), k, random_state=0, max_iter=20)
        assert r.W.dtype == r.H.dtype == (np.float32 if kind == "float32" else np.float64)
        found = np.linalg.norm(X - r.W.astype(float) @ r.H) / (np.linalg.norm(X) or 1)
        assert r.relative_error == pytest.approx(found, abs=2e-3 if kind == "float32" else 1e-7)
        assert r.W.min() >= 0 and np.isfinite(r.kkt_residual) and r.labels.shape == (len(X),)


@pytest.mark.parametrize("name", FLAT)
@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_units_far_from_one(name, scale):
    """The relative error does not depend on the units; objectives out of the range of float64 are infinite or 0."""
    r, same = (FLAT[name](little(name, 9, 6, s), 2, random_state=0, max_iter=20) for s in (scale, 1.0))
    assert r.relative_error == pytest.approx(same.relative_error, abs=1e-7)
    assert np.isfinite(r.W).all() and np.isfinite(r.H).all() and r.objective in (0.0, np.inf)
    tree, same = (hierarchical(little("", 9, 6, s), 3, random_state=0) for s in (scale, 1.0))
    assert tree.labels.tolist() == same.labels.tolist() and tree.objective in (0.0, np.inf)


@pytest.mark.parametrize("name", FLAT)
def test_input_is_left_as_it_is(name):
    X = little(name, 9, 6)
    before, start = X.copy(), np.full((len(X), 2), 0.5)
    start[0, 0] = 0.7
    X.flags.writeable = start.flags.writeable = False
    FLAT[name](X, 2, init=np.arange(9) % 2 if name == "orthogonal" else start)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("unit", [1, 1e4, 1e8, 1e16, 1e60, 1e-8])
def test_the_least_value_of_a_quartic_at_any_scale(unit):
    """-2 u t + (u t)^4 / 2 is least at u t = 1."""
    t = minimize_quartic(np.array([-2 * unit, 0, 0, 0.5 * unit**4]), 1e9)
    assert t * unit == pytest.approx(1, rel=1e-12)
    for coefficients, least in (
        ([-1.0, 0, 0, 0], 7),
        ([0, 0, 0, 0], 0),
        ([0, 1.0, 0, 0], 0),
        ([0, -1.0, 0, 0.5], pytest.approx(1)),
    ):
        assert minimize_quartic(np.array(coefficients, float), 7.0) == least


@pytest.mark.parametrize("name", ["symmetric", "projective"])
def test_a_start_with_a_tiny_column_is_left(name):
    """A tiny component grows; it is not taken for a stationary point."""
    rng = np.random.default_rng(0)
    X = rng.gamma(0.5, 1, (30, 4)) @ rng.gamma(0.5, 1, (4, 20)) + 0.05 * rng.random((30, 20))
    X = X @ X.T if name == "symmetric" else X
    init = np.column_stack([np.ones(30), 1e-16 * rng.random(30)])
    r = FLAT[name](X, 2, init=init, max_iter=500)
    best = FLAT[name](X, 2, n_starts=5, random_state=0, max_iter=500)
    assert r.relative_error < 1.2 * best.relative_error and r.kkt_residual < 0.01


def test_a_start_that_float32_cannot_hold():
    X = little("semi", 9, 6).astype(np.float32)
    init = np.column_stack([np.ones(9), np.full(9, 1e-60)])
    with pytest.raises(ValueError, match="init has columns too small for float32"):
        semi(X, 2, init=init)
