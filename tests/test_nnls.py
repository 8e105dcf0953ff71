"""Non-negative least squares is exact for any shape, sign, rank and scale."""

import re

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import LEVELS

import nmfcore
from nmfcore import reference

levels = pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])


def problem(m=60, k=9, n=50, seed=0, zeros=0.5, dtype=np.float64):
    """B and X of either sign; about that share of the solution is 0."""
    rng = np.random.default_rng(seed)
    B = rng.standard_normal((m, k)) + rng.integers(0, 2)
    Y = rng.random((k, n)) * (rng.random((k, n)) >= zeros)
    return B.astype(dtype), (B @ Y + 0.1 * rng.standard_normal((m, n))).astype(dtype)


def exact(B, X):
    return np.stack([scipy.optimize.nnls(B, x)[0] for x in X.T.astype(float)], axis=1)


def pivot(kernels, G, C, F, most_exchanges=50, n_threads=1):
    size, marks = kernels.pivot_scratch(F.shape[1], n_threads)
    scratch, marks = np.full(size, np.nan), np.full(marks, -1, np.int32)
    return kernels.pivot(G.astype(float), C, F, most_exchanges, scratch, marks, n_threads)


def gradient_conditions(G, C, Y):
    """The largest violation of the conditions, as a share of the terms of the gradient."""
    gradient = G @ Y - C
    whole = np.sqrt(np.diagonal(G))[:, None] * np.linalg.norm(np.sqrt(np.diagonal(G))[:, None] * Y, axis=0) + np.abs(C)
    return np.max(np.where(Y > 0, np.abs(gradient), np.maximum(0, -gradient)) / np.where(whole > 0, whole, 1))


@levels
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 25, 40])
@pytest.mark.parametrize("n", [1, 7, 9, 100, 1100])
def test_kernel(kernels, k, n, dtype):
    B, X = problem(2 * k + 5, k, n, seed=k + n, dtype=dtype)
    G, C = (B.T @ B).astype(float), np.ascontiguousarray((B.T @ X).T)
    expected = reference.block_principal_pivoting(G, C.astype(float))
    rng = np.random.default_rng(1)
    tolerance = 1e-10 if dtype == np.float64 else 1e-6
    found = []
    for start in (np.ones_like(C), np.zeros_like(C), rng.integers(0, 2, C.shape).astype(dtype)):
        for n_threads in (1, 3):
            F = start.copy()
            systems = pivot(kernels, G, C, F, n_threads=n_threads)
            assert n <= systems <= 20 * n
            np.testing.assert_allclose(F, expected, rtol=0, atol=tolerance * expected.max())
            found.append(F)
    for more in found[
        1:
    ]:  # only the passive set determines the bits: not the path to it, the threads or the other rows
        np.testing.assert_array_equal(more, found[0])
    F = np.ones_like(C[:1])
    pivot(kernels, G, C[-1:], F)
    np.testing.assert_array_equal(F[0], found[0][-1])


@levels
@pytest.mark.parametrize("most_exchanges", [0, 1, 2])
def test_the_active_set_method_ends_where_exchanges_do(kernels, most_exchanges):
    B, X = problem(90, 21, 70)
    G, C = B.T @ B, np.ascontiguousarray((B.T @ X).T)
    F = np.ones_like(C)
    systems = pivot(kernels, G, C, F, most_exchanges)
    assert systems > (10 if most_exchanges == 0 else 2) * len(C)
    np.testing.assert_allclose(F.T, exact(B, X), rtol=0, atol=1e-12)


@levels
def test_where_full_exchanges_go_in_circles(kernels):
    rng = np.random.default_rng(1)
    B, X = rng.standard_normal((12, 12)), rng.standard_normal((12, 2000))
    G, C = B.T @ B, np.ascontiguousarray((B.T @ X).T)
    F = np.ones_like(C)
    assert pivot(kernels, G, C, F, 5000) < 10 * len(C)  # no row takes 5000 exchanges
    np.testing.assert_allclose(F.T, exact(B, X), rtol=0, atol=1e-8)


@levels
def test_a_coordinate_that_nothing_depends_on_is_left_as_it_is(kernels, dtype):
    B, X = problem(dtype=dtype)
    B[:, 4] = 0
    G, C = (B.T @ B).astype(float), np.ascontiguousarray((B.T @ X).T)
    F = np.full_like(C, 0.75)
    pivot(kernels, G, C, F)
    assert np.all(F[:, 4] == dtype(0.75))
    others = np.delete(np.arange(9), 4)
    alone = np.ones((len(C), 8), dtype)
    pivot(kernels, G[np.ix_(others, others)], np.ascontiguousarray(C[:, others]), alone)
    np.testing.assert_allclose(F[:, others], alone, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-12)


@settings(max_examples=60, deadline=None)
@given(
    m=st.integers(1, 40), k=st.integers(1, 30), n=st.integers(1, 20), zeros=st.floats(0, 1), seed=st.integers(0, 999)
)
def test_any_shape_reaches_the_least_objective(m, k, n, zeros, seed):
    B, X = problem(m, k, n, seed, zeros)
    Y = nmfcore.nnls(B, X)
    assert Y.shape == (k, n) and Y.min() >= 0 and np.all(np.isfinite(Y))
    best = np.linalg.norm(X - B @ exact(B, X), axis=0)
    np.testing.assert_allclose(np.linalg.norm(X - B @ Y, axis=0), best, rtol=1e-9, atol=1e-7 * np.linalg.norm(X))


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.9])
def test_it_is_what_scipy_finds(zeros):
    B, X = problem(200, 30, 300, zeros=zeros)
    expected = exact(B, X)
    for Y in (nmfcore.nnls(B, X), nmfcore.nnls(G=B.T @ B, C=B.T @ X)):
        np.testing.assert_allclose(Y, expected, rtol=0, atol=1e-10 * expected.max())
    assert gradient_conditions(B.T @ B, B.T @ X, nmfcore.nnls(B, X)) < 1e-12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtypes_and_layouts(dtype):
    B, X = problem(dtype=dtype)
    Y = nmfcore.nnls(B, X)
    assert Y.dtype == dtype
    expected = exact(B, X)
    np.testing.assert_allclose(Y, expected, rtol=0, atol=(1e-12 if dtype == np.float64 else 1e-5) * expected.max())
    B.flags.writeable = X.flags.writeable = False
    for b, x in ((np.asfortranarray(B), np.asfortranarray(X)), (B[::-1], X[::-1]), (B.tolist(), X.tolist())):
        np.testing.assert_allclose(nmfcore.nnls(b, x), Y, rtol=0, atol=1e-5 if dtype == np.float32 else 1e-13)
    assert nmfcore.nnls(B.astype(np.float64), X.astype(np.float32)).dtype == np.float32
    assert nmfcore.nnls(B.astype(np.float32), (100 * X).astype(int)).dtype == np.float64


@pytest.mark.parametrize("form", [sp.csr_array, sp.csc_array, sp.coo_array, sp.csr_matrix])
def test_sparse(form):
    B, X = problem()
    X = np.where(np.abs(X) > 1, X, 0)
    np.testing.assert_allclose(nmfcore.nnls(B, form(X)), nmfcore.nnls(B, X), rtol=0, atol=1e-13)
    np.testing.assert_array_equal(nmfcore.nnls(B, form(np.zeros_like(X))), 0)


@pytest.mark.parametrize("method", ["bpp", "hals"])
def test_a_vector_gives_a_vector(method):
    B, X = problem()
    Y = nmfcore.nnls(B, X[:, 0], method=method)
    assert Y.shape == (9,)
    np.testing.assert_allclose(Y, exact(B, X)[:, 0], rtol=0, atol=1e-4)
    np.testing.assert_array_equal(nmfcore.nnls(G=B.T @ B, C=B.T @ X[:, 0]).shape, (9,))


@pytest.mark.parametrize("method", ["bpp", "hals"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_powers_of_two_change_no_digit(method, dtype):
    B, X = problem(dtype=dtype)
    Y = nmfcore.nnls(B, X, method=method)
    of_B = np.random.default_rng(0).integers(-20, 20, B.shape[1])
    for of_X in (-60, 7, 61):
        scaled = nmfcore.nnls(np.ldexp(B, of_B), np.ldexp(X, of_X), method=method)
        np.testing.assert_array_equal(scaled, np.ldexp(Y, (of_X - of_B)[:, None]))
    B, X = B.astype(float), X.astype(float)
    G, C = B.T @ B, B.T @ X
    Y = nmfcore.nnls(G=G, C=C, method=method)
    for scale in (-500, 400):
        np.testing.assert_array_equal(nmfcore.nnls(G=G, C=np.ldexp(C, scale), method=method), np.ldexp(Y, scale))
        scaled = nmfcore.nnls(G=np.ldexp(G, of_B + of_B[:, None]), C=np.ldexp(C, of_B[:, None]), method=method)
        np.testing.assert_array_equal(scaled, np.ldexp(Y, -of_B[:, None]))


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_scales(scale):
    B, X = problem()
    Y = nmfcore.nnls(B, X)
    np.testing.assert_allclose(nmfcore.nnls(scale * B, scale * X), Y, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(nmfcore.nnls(B, scale * X), scale * Y, rtol=1e-9, atol=1e-12 * scale)


@pytest.mark.parametrize("method", ["bpp", "hals"])
def test_threads_change_no_bit(method):
    B, X = problem(50, 23, 3000)
    one = nmfcore.nnls(B, X, method=method, n_threads=1)
    for n_threads in (2, 3):
        np.testing.assert_array_equal(nmfcore.nnls(B, X, method=method, n_threads=n_threads), one)


def test_hals_comes_as_close_as_asked_for():
    B, X = problem()
    expected = exact(B, X)
    errors = [np.abs(nmfcore.nnls(B, X, method="hals", tol=tol) - expected).max() for tol in (1e-1, 1e-3, 1e-9)]
    assert errors[0] > errors[1] > errors[2] and errors[2] < 1e-8
    first = nmfcore.nnls(B, X, method="hals", max_iter=1)
    F = np.zeros((50, 9))
    reference.hals_sweep(B.T @ B, (B.T @ X).T, F)
    np.testing.assert_allclose(first, F.T, rtol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rank_deficient(dtype):
    B, X = problem(dtype=dtype)
    B = np.hstack([B, B[:, :4], B[:, 4:5] + B[:, 5:6], 0 * B[:, :1], -B[:, :2], 2 * B[:, 7:8]])
    Y = nmfcore.nnls(B, X)
    assert np.all(np.isfinite(Y)) and Y.min() >= 0 and not Y[14].any()
    best = np.linalg.norm(X - B @ exact(B, X), axis=0)
    np.testing.assert_allclose(
        np.linalg.norm(X - B @ Y.astype(float), axis=0), best, rtol=1e-4 if dtype == np.float32 else 1e-10
    )


def test_singular_equations_with_a_penalty():
    """With a penalty on the sum of Y, the third column, which is the sum of the others, costs less than both."""
    B = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    Y = nmfcore.nnls(G=B.T @ B, C=B.T @ np.array([1.0, 1.0]) - 0.1)
    np.testing.assert_allclose(Y, [0, 0, 0.95], atol=1e-12)


def test_zeros():
    B, X = problem()
    np.testing.assert_array_equal(nmfcore.nnls(B, 0 * X), 0)
    np.testing.assert_array_equal(nmfcore.nnls(0 * B, X), 0)
    np.testing.assert_array_equal(nmfcore.nnls(-np.abs(B), np.abs(X)), 0)


def test_nothing_passed_is_modified():
    B, X = problem()
    G, C = B.T @ B, B.T @ X
    before = [array.copy() for array in (B, X, G, C)]
    nmfcore.nnls(B, X), nmfcore.nnls(G=G, C=C)
    for array, copy in zip((B, X, G, C), before, strict=True):
        np.testing.assert_array_equal(array, copy)


B, X = problem(6, 2, 3)
G, C = B.T @ B, B.T @ X
NAN, INF = np.where(np.eye(6, 2), np.nan, B), np.where(np.eye(6, 3), np.inf, X)
BAD = {
    "nothing": ({}, TypeError, "nnls was given nothing; wanted B and X, or G and C"),
    "B alone": ({"B": B}, TypeError, "nnls was given B; wanted B and X, or G and C"),
    "too much": ({"B": B, "X": X, "G": G}, TypeError, "nnls was given B, G, X; wanted"),
    "rows": ({"B": B, "X": X[1:]}, ValueError, "B has 6 rows and X has 5; wanted the same number"),
    "length": ({"B": B, "X": X[1:, 0]}, ValueError, "B has 6 rows and X has 5; wanted the same number"),
    "B vector": ({"B": B[0], "X": X}, ValueError, "B has 1 dimension, shape (2,); wanted a matrix (2)"),
    "X cube": ({"B": B, "X": X[None]}, ValueError, "X has 3 dimensions"),
    "X ragged": ({"B": B, "X": [[1.0], [1.0, 2.0]]}, ValueError, "X cannot be read as a matrix"),
    "B empty": ({"B": B[:, :0], "X": X}, ValueError, "B is empty, shape (6, 0)"),
    "X empty": ({"B": B, "X": X[:, :0]}, ValueError, "X is empty, shape (6, 0)"),
    "B sparse": ({"B": sp.csr_array(B), "X": X}, TypeError, "B is a sparse csr_array; wanted a dense array"),
    "B complex": ({"B": 1j * B, "X": X}, TypeError, "B is complex (complex128); wanted real numbers"),
    "B nan": ({"B": NAN, "X": X}, ValueError, "B has 2 NaN entries, the first (nan) at (0, 0); wanted finite numbers"),
    "X infinite": ({"B": B, "X": INF}, ValueError, "X has 3 infinite entries, the first (inf) at (0, 0)"),
    "X sparse": ({"B": B, "X": sp.csr_array(-INF)}, ValueError, "X has 3 infinite entries, the first (-inf) at (0, 0)"),
    "G shape": ({"G": B, "C": C}, ValueError, "G has shape (6, 2); wanted a square, B'B"),
    "C rows": ({"G": G, "C": X}, ValueError, "C has 6 rows and G has 2; wanted the same number"),
    "G negative": ({"G": G - 99 * np.eye(2), "C": C}, ValueError, "wanted B'B, whose diagonal is >= 0"),
    "G asymmetric": ({"G": [[2, 1], [0, 2]], "C": C}, ValueError, "G[0, 1] is 1.0 and G[1, 0] is 0.0; wanted a symm"),
    "G indefinite": (
        {"G": [[2, 3], [3, 2]], "C": C},
        ValueError,
        "G[0, 1] is 3.0, more than the root of G[0, 0] G[1, 1]; wanted",
    ),
    "G nan": ({"G": np.nan * G, "C": C}, ValueError, "G has 4 NaN entries"),
    "C nan": ({"G": G, "C": np.nan * C}, ValueError, "C has 6 NaN entries"),
    "unbounded": (
        {"G": [[1, 0], [0, 0]], "C": [1, 1]},
        ValueError,
        "C has positive entries in row 1, where G[1, 1] is",
    ),
    "method": ({"B": B, "X": X, "method": "cg"}, ValueError, "method is 'cg'; wanted one of 'bpp', 'hals'"),
    "tol": ({"B": B, "X": X, "tol": 1e-3}, ValueError, "tol is an option of method='hals'; method='bpp' is exact"),
    "max_iter": (
        {"B": B, "X": X, "method": "hals", "max_iter": 0},
        ValueError,
        "max_iter is 0; wanted an integer >= 1",
    ),
    "threads": ({"B": B, "X": X, "n_threads": 0}, ValueError, "n_threads is 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name):
    arguments, error, message = BAD[name]
    with pytest.raises(error, match=re.escape(message)):
        nmfcore.nnls(**arguments)
