"""Sparse X gives what the equal dense X gives, and bad sparse X one clear sentence."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore

PLAIN = {"inner_iter": 1, "extrapolate": False, "tol": 0, "max_iter": 5}


def random_sparse(m, n, density, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return np.where(rng.random((m, n)) < density, rng.gamma(1.0, size=(m, n)), 0).astype(dtype)


def unsorted(X):
    """The same matrix with each row stored from its end."""
    rows = [np.flatnonzero(row)[::-1] for row in X]
    indptr = np.cumsum([0, *map(len, rows)])
    indices = np.concatenate(rows).astype(np.int32)
    values = np.concatenate([X[i, row] for i, row in enumerate(rows)])
    return sp.csr_array((values, indices, indptr), shape=X.shape)


def with_duplicates(X):
    """The same matrix with each entry stored as two halves."""
    half = sp.coo_array(X / 2)
    row, column = np.tile(half.row, 2), np.tile(half.col, 2)
    order = np.argsort(row, kind="stable")
    indptr = np.searchsorted(row[order], np.arange(X.shape[0] + 1))
    return sp.csr_array((np.tile(half.data, 2)[order], column[order], indptr), shape=X.shape)


def with_stored_zeros(X):
    columns = np.indices(X.shape)[1]
    return sp.csr_array((X.ravel(), columns.ravel(), np.arange(X.shape[0] + 1) * X.shape[1]), shape=X.shape)


def with_long_indices(X):
    Y = sp.csr_array(X)
    Y.indices, Y.indptr = Y.indices.astype(np.int64), Y.indptr.astype(np.int64)
    return Y


FORMS = [
    sp.csr_array,
    sp.csc_array,
    sp.csr_matrix,
    sp.csc_matrix,
    sp.coo_array,
    sp.lil_array,
    sp.dok_array,
    unsorted,
    with_duplicates,
    with_stored_zeros,
    with_long_indices,
]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("init", ["nndsvda", "random"])
def test_every_form_of_sparse_gives_the_dense_result(form, init):
    X = random_sparse(60, 40, 0.2)
    X[3], X[:, 5] = 0, 0
    expected = nmfcore.hals(X, 4, init=init, random_state=0, max_iter=20, tol=0)
    found = nmfcore.hals(form(X), 4, init=init, random_state=0, max_iter=20, tol=0)
    np.testing.assert_allclose(found.W, expected.W, rtol=1e-9, atol=1e-9 * expected.W.max())
    np.testing.assert_allclose(found.H, expected.H, rtol=1e-9, atol=1e-9 * expected.H.max())
    np.testing.assert_allclose(found.history.objective, expected.history.objective, rtol=1e-10)
    np.testing.assert_allclose(found.kkt_residual, expected.kkt_residual, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(1, 30),
    n=st.integers(1, 30),
    k=st.integers(1, 12),
    density=st.floats(0, 1),
    scale=st.sampled_from([1e-150, 1.0, 1e150]),
    csc=st.booleans(),
    seed=st.integers(0, 99),
)
def test_random_patterns(m, n, k, density, scale, csc, seed):
    X = random_sparse(m, n, density, seed) * scale
    rng = np.random.default_rng(seed)
    init = rng.random((m, k)), rng.random((k, n)) * scale
    expected = nmfcore.hals(X, k, init=init, **PLAIN)
    found = nmfcore.hals((sp.csc_array if csc else sp.csr_array)(X), k, init=init, **PLAIN)
    np.testing.assert_allclose(found.W @ found.H, expected.W @ expected.H, rtol=1e-8, atol=1e-9 * X.max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
def test_dtypes(dtype):
    X = (2 * random_sparse(40, 30, 0.3)).astype(dtype)
    found, expected = nmfcore.hals(sp.csr_array(X), 3, random_state=0), nmfcore.hals(X, 3, random_state=0)
    assert found.W.dtype == expected.W.dtype
    np.testing.assert_allclose(found.objective, expected.objective, rtol=1e-5)


@pytest.mark.parametrize("form", [unsorted, with_duplicates, sp.csc_array, sp.coo_array])
def test_the_callers_matrix_is_left_as_it_is(form):
    X = form(random_sparse(30, 20, 0.3))
    arrays = {name: getattr(X, name) for name in ("data", "indices", "indptr", "row", "col") if hasattr(X, name)}
    before = {name: array.copy() for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    nmfcore.hals(X, 3, random_state=0)
    for name, array in arrays.items():
        assert getattr(X, name) is array or np.shares_memory(getattr(X, name), array)
        np.testing.assert_array_equal(array, before[name])


def test_the_same_bits_for_any_threads():
    X = sp.csr_array(random_sparse(3000, 500, 0.05))
    one, two = (nmfcore.hals(X, 7, random_state=0, max_iter=10, n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(one.H, two.H)


@pytest.mark.parametrize("X", [sp.csr_array((5, 4)), sp.csc_array((5, 4)), sp.csr_array(np.zeros((3, 3)))])
def test_a_matrix_without_entries(X):
    result = nmfcore.hals(X, 2, random_state=0)
    assert result.objective == 0 and result.relative_error == 0


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_no_start_is_out_of_scale_with_a_matrix_without_entries(scale):
    start = np.ones((5, 2)), np.full((2, 4), scale)
    assert nmfcore.hals(np.zeros((5, 4)), 2, init=start, max_iter=3).objective == 0


def test_an_exact_fit_is_measured_entry_by_entry():
    rng = np.random.default_rng(0)
    W = rng.random((40, 3)) * (rng.random((40, 3)) < 0.4)
    H = rng.random((3, 30)) * (rng.random((3, 30)) < 0.4)
    start = W + 1e-9 * (W > 0), H
    result = nmfcore.hals(sp.csr_array(W @ H), 3, init=start, max_iter=0)
    np.testing.assert_allclose(result.objective, 0.5 * np.sum((W @ H - start[0] @ H) ** 2), rtol=1e-4)


def broken(**arrays):
    X = sp.csr_array(np.eye(4))
    for name, value in arrays.items():
        setattr(X, name, np.asarray(value))
    return X


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (broken(indices=[0, 1, 2, 4]), r"X.indices has indices from 0 to 4; wanted 0 to 3"),
        (broken(indices=[0, -1, 2, 3]), r"X.indices has indices from -1 to 3; wanted 0 to 3"),
        (broken(indptr=[0, 1, 2, 3, 9]), r"X.indptr runs from 0 to 9, or decreases; wanted 5 non-decreasing numbers"),
        (broken(indptr=[0, 3, 2, 3, 4]), r"X.indptr runs from 0 to 4, or decreases"),
        (broken(indptr=[0, 1, 4]), r"X.indptr has 3 numbers; wanted 5"),
        (broken(data=[1.0, 2.0, -3.0, 4.0]), r"X has 1 negative entry, the first \(-3.0\) at \(2, 2\)"),
        (broken(data=[1.0, np.nan, np.nan, 4.0]), r"X has 2 NaN entries, the first \(nan\) at \(1, 1\)"),
        (broken(data=[np.inf, 1.0, 1.0, 4.0]).tocsc(), r"X has 1 infinite entry, the first \(inf\) at \(0, 0\)"),
        (sp.csr_array((0, 4)), r"X is empty, shape \(0, 4\)"),
    ],
)
def test_bad_matrices(X, message):
    with pytest.raises(ValueError, match=message):
        nmfcore.hals(X, 2)


def test_complex_entries():
    with pytest.raises(TypeError, match="X is complex"):
        nmfcore.hals(sp.csr_array(np.eye(3) * 1j), 2)


def test_sparse_starting_factors_are_refused():
    with pytest.raises(TypeError, match=r"init\[0\] \(W0\) is a sparse csr_array; wanted a dense array"):
        nmfcore.hals(np.eye(3), 2, init=(sp.csr_array(np.ones((3, 2))), np.ones((2, 3))))
