"""Half-steps and multiplicative updates of many fits at once: each fit has the bits that it has alone."""

import numpy as np
import pytest
import scipy.sparse
from test_kernels import LEVELS, lay_out

pytestmark = pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])

RANKS = [5, 1, 12, 3, 8, 9, 4, 17]
ALL = range(len(RANKS))
CALLS = [(ALL, 1), (ALL, 3), ([1, 4], 2), ([2, 3, 6, 7], 2), ([5], 3)]  # the fits that are still going, and threads
SHAPES = [(130, 70), (97, 33), (1, 9), (9, 1)]
LOSSES = [(0, 1.0), (0, 0.0), (0, 0.5), (0, 1.7), (1, 0.3), (2, 0.01)]  # families and their parameters


def stack(rng, rows, dtype):
    """The factors of fits of `RANKS`, one after another, and where each begins."""
    columns = np.concatenate([[0], np.cumsum(RANKS)])
    return (rng.random(rows * columns[-1]) + 0.01).astype(dtype), columns


def part(flat, columns, f, rows):
    """The factor of fit f."""
    return flat[rows * columns[f] : rows * columns[f + 1]].reshape(rows, -1)


def same(a, b):
    """Whether two arrays are equal, also in where they are NaN."""
    return np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("family", "parameter"), LOSSES)
def test_split_many(kernels, family, parameter, shape, layout, dtype):
    rng = np.random.default_rng(0)
    (m, n), shares = shape, (family, parameter) == (0, 1.0)
    X = lay_out((rng.poisson(2.0, shape) + (0.0 if shares else 0.5)).astype(dtype), layout)
    F, columns = stack(rng, m, dtype)
    B, _ = stack(rng, n, dtype)
    F[:2] = 0  # a model that is small, or 0
    loss = family, parameter, 0.5
    for evaluate in (False, True):
        expected = []
        for f, k in enumerate(RANKS):
            num, den = np.full((2, m, k), np.nan, dtype)
            scratch = np.full(kernels.split_scratch(m, n, k, 1), np.nan, dtype)
            factors = part(F, columns, f, m), part(B, columns, f, n)
            expected.append((kernels.split_step(X, *factors, scratch, num, den, *loss, evaluate, 1), num, den))
        for fits, n_threads in CALLS:
            num, den, values = np.full(F.size, np.nan, dtype), np.full(F.size, np.nan, dtype), np.full(8, np.nan)
            scratch = np.full(kernels.split_many_scratch(m, n, max(RANKS), n_threads), np.nan, dtype)
            arrays = X, F, B, (columns, np.array(fits)), scratch, num, den
            kernels.split_many(*arrays, *loss, values if evaluate else None, n_threads)
            for f in ALL:
                value, *gradient = expected[f]
                assert same(values[f], value if evaluate and f in fits else np.nan)
                for one, alone in zip((num, den), gradient, strict=True):
                    assert same(part(one, columns, f, m), alone if f in fits else np.full_like(alone, np.nan))


@pytest.mark.parametrize("exponent", [1.0, 0.5, 0.4])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("m", [1, 50, 4000])
def test_multiply_many(kernels, m, shared, exponent, dtype):
    rng = np.random.default_rng(1)
    (F, columns), (num, _), (den, _) = stack(rng, m, dtype), stack(rng, m, dtype), stack(rng, 1 if shared else m, dtype)
    F[3], den[2], floor = 0, 0, 0.1 * rng.random(columns[-1])
    den_rows = 1 if shared else m
    for fits, n_threads in CALLS:
        G, moved = F.copy(), np.full(8, np.nan)
        stacked = num, den, den_rows, m, (columns, np.array(fits)), floor, exponent, moved, n_threads
        kernels.multiply_many(G, *stacked)
        for f in ALL:
            alone = part(F, columns, f, m).copy()
            if f in fits:
                parts = part(num, columns, f, m), part(den, columns, f, den_rows), floor[columns[f] : columns[f + 1]]
                assert kernels.multiply(alone, *parts, None, None, exponent, 1) == moved[f]
            assert same(part(G, columns, f, m), alone)
        assert same(np.isnan(moved), ~np.isin(np.arange(8), fits))


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_sparse_share_many(kernels, index, dtype):
    rng = np.random.default_rng(2)
    m, n = 60, 90
    X = scipy.sparse.csr_array(rng.random((m, n)).astype(dtype) * (rng.random((m, n)) < 0.2))
    (F, columns), (B, _) = stack(rng, m, dtype), stack(rng, n, dtype)
    stored = X.indptr.astype(index), X.indices.astype(index), X.data, np.array([0, 7, 8, 30, m])
    for evaluate in (False, True):
        for fits, n_threads in CALLS:
            num, values = np.full(F.size, np.nan, dtype), np.full(8, np.nan)
            size = kernels.sparse_product_scratch(n, max(RANKS), 2)
            scratch = np.full(n_threads * (size + 16), np.nan, dtype)
            stacked = F, B, (columns, np.array(fits)), scratch, num
            kernels.sparse_share_many(*stored, *stacked, 0.5, values if evaluate else None, n_threads)
            for f, k in enumerate(RANKS):
                alone, value = np.full((m, k), np.nan, dtype), np.nan
                if f in fits:
                    factors = part(F, columns, f, m), part(B, columns, f, n)
                    value = kernels.sparse_share(*stored, *factors, scratch[:size], alone, 0.5, evaluate, 1)
                assert same(part(num, columns, f, m), alone)
                assert same(values[f], value if evaluate else np.nan)
