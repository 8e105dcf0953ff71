"""The relatives of NMF on little data, on data of any scale, and what they leave as it is."""

import numpy as np
import pytest
import scipy.sparse as sp

from nmfcore._hierarchical import hierarchical
from nmfcore._orthogonal import orthogonal
from nmfcore._projective import projective
from nmfcore._semi import semi
from nmfcore._symmetric import symmetric

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
    """The error is that of other units; objectives out of the range of float64 are infinite or 0."""
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
