"""The sparse product of many fits at once gives each of them the bits of the product of that fit alone."""

import numpy as np
import pytest
import scipy.sparse

from nmfcore import _core


def runnable_levels():
    levels = []
    for level in _core.LEVELS:
        try:
            levels.append(_core.load(level))
        except ImportError:
            continue
    return levels


pytestmark = [
    pytest.mark.parametrize("kernels", runnable_levels(), ids=lambda kernels: kernels.__name__.rpartition(".")[2]),
    pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["f64", "f32"]),
]

# Around a panel (16 columns in float64, 32 in float32): one fit in less, in one, in several; borders of fits that are
# those of panels; fits within a panel, over its border, over several.
RANKS = {
    "one": [3],
    "whole panels": [16, 16, 32],
    "same": [10] * 20,
    "mixed": [2, 15, 7, 1, 9, 33, 4, 4, 1, 1, 12, 70, 5],
    "many": [2 + (7 * f) % 14 for f in range(140)],
}


def entries(dtype, rows=300, terms=210, seed=5):
    """Words in documents: some columns far more often than others, empty rows and columns, a full row."""
    rng = np.random.default_rng(seed)
    X = rng.random((rows, terms)) * (rng.random((rows, terms)) < 0.6 / np.arange(1, terms + 1) ** 0.5)
    X[7], X[rows - 1], X[:, 11], X[9] = 0, 0, 0, 1
    return scipy.sparse.csr_array(X.astype(dtype))


def stacked(rng, rows, columns, dtype):
    return rng.random(rows * columns[-1]).astype(dtype)


def factor(flat, rows, columns, f):
    return flat[rows * columns[f] : rows * columns[f + 1]].reshape(rows, -1)


def alone(kernels, arrays, bounds, B, rows, scale):
    out = np.full((rows, B.shape[1]), np.nan, B.dtype)
    scratch = np.full(kernels.sparse_product_scratch(*B.shape, 1), np.nan, B.dtype)
    kernels.sparse_product(*arrays, bounds, B, scratch, out, scale, 1)
    return out


def many(kernels, arrays, bounds, B, columns, fits, terms, out, scale, n_threads):
    scratch = np.full(kernels.sparse_product_many_scratch(terms, n_threads), np.nan, B.dtype)
    fits = np.asarray(fits, dtype=np.int64)
    kernels.sparse_product_many(*arrays, np.asarray(bounds), B, (columns, fits), scratch, out, scale, n_threads)
    return out


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("ranks", RANKS.values(), ids=RANKS.keys())
def test_each_fit_gets_the_bits_of_the_product_alone(kernels, dtype, ranks, index):
    rng, X = np.random.default_rng(7), entries(dtype)
    rows, terms = X.shape
    arrays = X.indptr.astype(index), X.indices.astype(index), X.data
    columns = np.cumsum([0, *ranks], dtype=np.int64)
    B = stacked(rng, terms, columns, dtype)
    wanted = [
        alone(kernels, arrays, np.array([0, rows]), factor(B, terms, columns, f), rows, 0.3) for f in range(len(ranks))
    ]
    np.testing.assert_allclose(wanted[0], 0.3 * (X.astype(float) @ factor(B, terms, columns, 0)), rtol=1e-4)
    for n_threads, bounds in (
        (1, [0, rows]),
        (1, [0, 8, 8, 131, rows]),
        (2, [0, 130, 131, 290, rows]),
        (3, range(rows + 1)),
    ):
        out = np.full(rows * columns[-1], np.nan, dtype)
        many(kernels, arrays, bounds, B, columns, range(len(ranks)), terms, out, 0.3, n_threads)
        for f, expected in enumerate(wanted):
            np.testing.assert_array_equal(factor(out, rows, columns, f), expected)


@pytest.mark.parametrize("fits", [[0], [12], [1, 2, 5], [0, 3, 4, 8, 9, 11], []], ids=str)
@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_only_the_listed_fits_are_touched(kernels, dtype, fits, n_threads):
    rng, X, ranks = np.random.default_rng(8), entries(dtype), RANKS["mixed"]
    rows, terms = X.shape
    arrays, bounds = (X.indptr, X.indices, X.data), np.array([0, 40, 100, 200, rows])
    columns = np.cumsum([0, *ranks], dtype=np.int64)
    B = stacked(rng, terms, columns, dtype)
    before = stacked(rng, rows, columns, dtype)
    out = many(kernels, arrays, bounds, B, columns, fits, terms, before.copy(), 1.5, n_threads)
    for f in range(len(ranks)):
        expected = factor(before, rows, columns, f)
        if f in fits:
            expected = alone(kernels, arrays, bounds, factor(B, terms, columns, f), rows, 1.5)
        np.testing.assert_array_equal(factor(out, rows, columns, f), expected)


def test_rows_without_entries_are_zeros_and_other_tasks_rows_are_left_alone(kernels, dtype):
    X = entries(dtype)
    rows, terms = X.shape
    columns = np.array([0, 10, 24], dtype=np.int64)
    B = np.ones(terms * columns[-1], dtype)
    out = np.full(rows * columns[-1], np.nan, dtype)
    many(kernels, (X.indptr, X.indices, X.data), [5, 8, 100], B, columns, [0, 1], terms, out, 1.0, 2)
    for f in range(2):
        found = factor(out, rows, columns, f)
        assert np.all(found[7] == 0) and np.all(found[9] == terms)
        assert np.all(np.isnan(found[:5])) and np.all(np.isnan(found[100:])) and not np.any(np.isnan(found[5:100]))
    empty = scipy.sparse.csr_array((rows, terms), dtype=dtype)
    out[:] = np.nan
    many(kernels, (empty.indptr, empty.indices, empty.data), [0, rows], B, columns, [0, 1], terms, out, 1.0, 2)
    assert np.all(out == 0)


def test_a_fit_that_is_not_finite_spoils_no_other(kernels, dtype):
    rng, X = np.random.default_rng(9), entries(dtype)
    rows, terms = X.shape
    columns = np.cumsum([0, 5, 6, 7, 8], dtype=np.int64)
    B = stacked(rng, terms, columns, dtype)
    factor(B, terms, columns, 1)[:] = np.inf
    arrays, bounds, out = (X.indptr, X.indices, X.data), np.array([0, rows]), np.empty(rows * columns[-1], dtype)
    many(kernels, arrays, bounds, B, columns, range(4), terms, out, 1.0, 1)
    for f in range(4):
        expected = alone(kernels, arrays, bounds, factor(B, terms, columns, f), rows, 1.0)
        np.testing.assert_array_equal(factor(out, rows, columns, f), expected)
        assert np.all(np.isfinite(expected[10])) == (f != 1)


def test_the_scratch_does_not_grow_with_the_fits(kernels, dtype):
    assert kernels.sparse_product_many_scratch(1000, 2) == 2 * kernels.sparse_product_many_scratch(1000, 1)
    assert kernels.sparse_product_many_scratch(54000, 1) * 4 <= 128 * 54000 * 1.01
