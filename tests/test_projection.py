"""Projections on the simplex and on Hoyer's cone, at every instruction-set level, against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import LEVELS

from nmfcore import reference
from nmfcore._runtime.workspace import Workspace

pytestmark = pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])
# Sizes around the 16 problems of a vector; for columns also more than one task (32768 entries), with rows left over.
SHAPES = [(1, 1, 0), (1, 1, 1), (1, 7, 0), (7, 1, 1), (7, 1, 0), (15, 16, 1), (17, 3, 0), (17, 3, 1), (50, 40, 0)]
SHAPES += [(50, 40, 1), (33, 5, 1), (17005, 2, 0), (3000, 17, 0)]
KINDS = ["normal", "far", "ties", "low", "heavy"]
SPARSENESS = [0.0, 1e-9, 0.3, 0.8, 0.999, 1.0]


def project(kernels, F, name, parameter, axis, n_threads=1):
    """A method of Workspace, with the kernels of one level."""
    F = F.copy()
    workspace = Workspace(F.dtype, n_threads)
    target = parameter if name == "simplex" else workspace.hoyer_target(F.shape[axis], parameter)
    if axis == 0:
        kernels.project_columns(F, name == "hoyer", target, n_threads)
    else:
        size, wide = kernels.project_scratch(F.shape[1], n_threads)
        arrays = np.full(size, np.nan, F.dtype), np.full(wide, np.nan)
        kernels.project_rows(F, name == "hoyer", target, *arrays, n_threads)
    return F


def problem(kind, shape, dtype, seed=0):
    F = np.random.default_rng(seed).standard_normal(shape)
    F = {"normal": F, "far": F + 1e6, "ties": np.round(F), "low": -np.exp(F), "heavy": np.exp(5 * F)}[kind]
    return F.astype(dtype)


def sparseness(f, axis):
    n = f.shape[axis]
    return (np.sqrt(n) - f.sum(axis) / np.sqrt((f * f).sum(axis))) / (np.sqrt(n) - 1)


@pytest.mark.parametrize(("m", "k", "axis"), SHAPES)
def test_simplex(kernels, m, k, axis, dtype):
    eps = np.finfo(dtype).eps
    for kind in KINDS:
        F = problem(kind, (m, k), dtype)
        found = project(kernels, F, "simplex", 2.5, axis)
        expected = np.apply_along_axis(reference.project_simplex, axis, F.astype(float), 2.5)
        size = np.abs(F).max() if dtype == np.float64 else 1.0  # the reference rounds where x is large
        np.testing.assert_allclose(found, expected, rtol=0, atol=8 * eps * (size + 2.5))
        np.testing.assert_allclose(found.sum(axis, dtype=float), 2.5, rtol=1e-12 if dtype == np.float64 else 1e-6)
        assert found.min() >= 0
        again = project(kernels, found, "simplex", 2.5, axis)
        np.testing.assert_allclose(again, found, rtol=16 * eps, atol=16 * eps * found.max())
        assert not again[found == 0].any()
        np.testing.assert_array_equal(project(kernels, F, "simplex", 2.5, axis, 3), found)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("m", "k", "axis"), SHAPES)
def test_hoyer(kernels, m, k, axis, kind, dtype):
    F, eps = problem(kind, (m, k), dtype), np.finfo(dtype).eps
    shared = np.abs(F).max() / max(np.ptp(F), eps)  # the digits that the entries have in common
    for level in SPARSENESS if m * k < 3000 else (0.6,):
        found = project(kernels, F, "hoyer", level, axis)
        expected = np.apply_along_axis(reference.project_hoyer, axis, F.astype(float), level)
        tolerance = (1e3 if dtype == np.float64 else 30) * eps * max(1, shared) * np.abs(F).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
        positive = found.any(axis)
        if F.shape[axis] > 1 and positive.any():
            met = sparseness(np.compress(positive, found.astype(float), 1 - axis), axis)
            np.testing.assert_allclose(met, level, rtol=0, atol=1e-12 if dtype == np.float64 else 2e-6)
        if kind != "ties":
            again = project(kernels, found, "hoyer", level, axis)
            np.testing.assert_allclose(again, found, rtol=0, atol=1e3 * eps * found.max())
    np.testing.assert_array_equal(project(kernels, F, "hoyer", level, axis, 3), found)


@settings(max_examples=80, deadline=None)
@given(
    x=st.lists(st.integers(-40, 40), min_size=1, max_size=12),
    level=st.floats(0, 1),
    total=st.floats(1e-3, 1e3),
    seed=st.integers(0, 99),
)
def test_no_point_of_the_set_is_nearer(kernels, x, level, total, seed):
    rng, x = np.random.default_rng(seed), np.array([x], float)
    n = x.size
    order = rng.permutation(n)
    on_simplex = project(kernels, x, "simplex", total, 1)
    permuted = project(kernels, x[:, order], "simplex", total, 1)
    np.testing.assert_allclose(permuted, on_simplex[:, order], rtol=0, atol=1e-12)
    others = total * rng.dirichlet(np.full(n, 0.5), size=100)
    assert np.linalg.norm(others - x, axis=1).min() >= np.linalg.norm(on_simplex - x) - 1e-10
    on_cone = project(kernels, x, "hoyer", level, 1)
    distance = np.linalg.norm(on_cone - x)
    assert abs(np.linalg.norm(project(kernels, x[:, order], "hoyer", level, 1) - x[:, order]) - distance) < 1e-9
    others = project(kernels, rng.gamma(0.3, size=(100, n)) + 1e-3 * rng.random((100, n)), "hoyer", level, 1)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    others *= np.maximum(0, others @ x.T)
    assert np.linalg.norm(others - x, axis=1).min() >= distance - 1e-9


def test_equal_entries_prefer_the_first(kernels):
    x = np.array([[-3.0, 2.0, 2.0, 1.0, 2.0]])
    np.testing.assert_allclose(project(kernels, x, "hoyer", 1.0, 1), [[0, 2, 0, 0, 0]], rtol=1e-15)
    np.testing.assert_allclose(project(kernels, x.T, "hoyer", 1.0, 0).T, [[0, 2, 0, 0, 0]], rtol=1e-15)
    found = project(kernels, x, "hoyer", 0.6, 1)[0]
    assert found[1] > found[2] == found[4] > 0 == found[0] == found[3]
    assert sparseness(found, 0) == pytest.approx(0.6, abs=1e-14)


def test_no_positive_entry(kernels):
    assert not project(kernels, -np.ones((3, 4)), "hoyer", 0.5, 1).any()
    np.testing.assert_allclose(project(kernels, -np.ones((3, 4)), "simplex", 1.0, 1), 0.25)


def test_a_workspace_cuts_its_calls(kernels, monkeypatch, dtype):
    F = problem("normal", (500, 6), dtype)
    workspace = Workspace(F.dtype, 2)
    monkeypatch.setattr("nmfcore._runtime.calls.CALL_FLOP", 60 * 6 * 37)
    for axis in (0, 1):
        found = F.copy()
        workspace.project_simplex(found, 1.0, axis)
        expected = np.apply_along_axis(reference.project_simplex, axis, F.astype(float), 1.0)
        np.testing.assert_allclose(found, expected, rtol=0, atol=8 * np.finfo(dtype).eps)
        workspace.project_hoyer(found, 0.5, axis)
        expected = np.apply_along_axis(reference.project_hoyer, axis, expected, 0.5)
        np.testing.assert_allclose(found, expected, rtol=0, atol=100 * np.finfo(dtype).eps)
