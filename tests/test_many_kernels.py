"""The kernels for many fits at once: each fit gets the bits that the kernel of one fit gives it alone."""

from contextlib import contextmanager

import numpy as np
import pytest
from test_kernels import LEVELS, lay_out, product, sweep

pytestmark = pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])

# Ranks around the vectors, the panels and the narrow tiles, on either side of the widest Gram matrix that is made
# without panels, and more columns together than a block of panels holds; and which of them still go on.
STACKS = [
    ([1, 1, 1], [0, 2]),
    ([2, 1, 5, 8, 3], [0, 1, 2, 3, 4]),
    ([10] * 20, [*range(13), 17, 19]),
    ([1, 70, 2, 7, 24, 48, 49, 9, 130, 15, 1, 16], [1, 2, 3, 5, 6, 8, 9, 10]),
]
SHAPES = [(1, 1), (33, 1100), (1100, 33), (300, 1543)]
THREADS = (1, 2, 3)


class FactorBatch:
    """Ranks, those of the fits that go on, and matrices of all fits in a flat array."""

    def __init__(self, ranks, fits, dtype, seed=0):
        self.ranks, self.dtype, self.rng = ranks, dtype, np.random.default_rng(seed)
        self.columns = np.concatenate([[0], np.cumsum(ranks)]).astype(np.int64)
        self.squares = np.concatenate([[0], np.cumsum(np.square(ranks))]).astype(np.int64)
        self.fits = np.array(fits, np.int64)
        self.listed = self.columns, self.fits

    def random(self, rows):
        return self.rng.random(rows * self.columns[-1]).astype(self.dtype)

    def empty(self, rows):
        return np.full(rows * self.columns[-1], np.nan, self.dtype)

    def of(self, flat, fit):
        """The matrix of one fit, apart."""
        rows = len(flat) // self.columns[-1]
        return flat[rows * self.columns[fit] : rows * self.columns[fit + 1]].reshape(rows, -1).copy()

    def gram_of(self, flat, fit):
        return flat[self.squares[fit] : self.squares[fit + 1]].reshape(self.ranks[fit], -1)

    def others(self):
        return [fit for fit in range(len(self.ranks)) if fit not in self.fits]


def nan_scratch(size, dtype=float):
    return np.full(size, np.nan, dtype)


@contextmanager
def scratch_of(size, dtype=float):
    """Scratch full of NaN, behind which nothing may be written."""
    whole = nan_scratch(size + 1000, dtype)
    yield whole[:size]
    assert np.isnan(whole[size:]).all()


def product_many(kernels, X, B, stack, scale, n_threads):
    out = stack.empty(len(X))
    columns = sum(stack.ranks[fit] for fit in stack.fits)
    with scratch_of(kernels.product_scratch(*X.shape, columns, n_threads), X.dtype) as scratch:
        kernels.product_many(X, B, stack.listed, scratch, out, scale, n_threads, 0, 1, 0, len(X))
    return out


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize(("ranks", "fits"), STACKS)
@pytest.mark.parametrize(("m", "n"), SHAPES)
def test_product_many(kernels, m, n, ranks, fits, layout, dtype):
    stack = FactorBatch(ranks, fits, dtype)
    X, B = lay_out(stack.rng.random((m, n)).astype(dtype), layout), stack.random(n)
    alone = {fit: product(kernels, X, stack.of(B, fit), 0.5) for fit in fits}
    for n_threads in THREADS:
        out = product_many(kernels, X, B, stack, 0.5, n_threads)
        for fit in fits:
            np.testing.assert_array_equal(stack.of(out, fit), alone[fit])
        assert all(np.isnan(stack.of(out, fit)).all() for fit in stack.others())


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize(("m", "n"), [(33, 1100), (1100, 33), (1300, 1100)])
def test_the_bits_of_a_column_do_not_depend_on_those_beside_it(kernels, m, n, layout, dtype):
    rng = np.random.default_rng(1)
    X, B = lay_out(rng.random((m, n)).astype(dtype), layout), rng.random((n, 260)).astype(dtype)
    wide = product(kernels, X, B)
    for k in (1, 2, 3, 4, 5, 17, 100):  # the narrow tiles are among them
        first = rng.integers(260 - k)
        some = np.ascontiguousarray(B[:, first : first + k])
        np.testing.assert_array_equal(product(kernels, X, some, n_threads=1 + k % 3), wide[:, first : first + k])


@pytest.mark.parametrize(("ranks", "fits"), STACKS)
@pytest.mark.parametrize("rows", [1, 127, 1500])
def test_gram_many(kernels, rows, ranks, fits, dtype):
    stack = FactorBatch(ranks, fits, dtype)
    F, alone = stack.random(rows), {}
    for fit in fits:
        alone[fit] = np.full((ranks[fit], ranks[fit]), np.nan)
        kernels.gram(stack.of(F, fit), nan_scratch(kernels.gram_scratch(rows, ranks[fit], 1)), alone[fit], 1)
    for n_threads in THREADS:
        G = nan_scratch(stack.squares[-1])
        with scratch_of(kernels.gram_many_scratch(rows, stack.listed, n_threads)) as scratch:
            kernels.gram_many(F, rows, stack.listed, stack.squares, scratch, G, n_threads)
        for fit in fits:
            np.testing.assert_array_equal(stack.gram_of(G, fit), alone[fit])
        assert all(np.isnan(stack.gram_of(G, fit)).all() for fit in stack.others())


def test_gram_uses_nothing_of_what_lies_behind_the_factor(kernels, dtype):
    for k in (1, 3, 10, 31, 128, 129, 200):  # narrow ones, and wide ones in panels
        behind = np.full(300 * k + 64, np.nan, dtype)
        F = behind[: 300 * k].reshape(300, k)
        F[:] = np.random.default_rng(2).random(F.shape)
        for n_threads in THREADS:
            out = np.full((k, k), np.nan)
            with scratch_of(kernels.gram_scratch(300, k, n_threads)) as scratch:
                kernels.gram(F, scratch, out, n_threads)
            np.testing.assert_allclose(out, F.T.astype(float) @ F.astype(float), rtol=1e-13)


@pytest.mark.parametrize(("ranks", "fits"), STACKS)
@pytest.mark.parametrize("rows", [1, 65, 300])
def test_sweep_many(kernels, rows, ranks, fits, dtype):
    stack = FactorBatch(ranks, fits, dtype)
    C, F, G = stack.random(rows), stack.random(rows), nan_scratch(stack.squares[-1])
    most, stop = stack.rng.integers(1, 7, len(ranks)), stack.rng.random(len(ranks)) * 0.2
    alone, moved = {}, {}
    for fit in fits:
        B = stack.rng.random((40, ranks[fit]))
        stack.gram_of(G, fit)[:] = B.T @ B
        alone[fit] = stack.of(F, fit)
        moved[fit] = sweep(kernels, stack.gram_of(G, fit), stack.of(C, fit), alone[fit], most[fit], stop[fit])
    for n_threads in THREADS:
        found, value = F.copy(), np.full(len(ranks), np.nan)
        size = kernels.sweep_many_scratch(stack.listed, stack.squares, n_threads)
        with scratch_of(size, dtype) as scratch:
            kernels.sweep_many(G, stack.squares, C, found, rows, stack.listed, most, stop, scratch, value, n_threads)
        for fit in fits:
            np.testing.assert_array_equal(stack.of(found, fit), alone[fit])
            assert value[fit] == moved[fit]
        for fit in stack.others():
            np.testing.assert_array_equal(stack.of(found, fit), stack.of(F, fit))
            assert np.isnan(value[fit])


@pytest.mark.parametrize(("ranks", "fits"), STACKS)
@pytest.mark.parametrize("rows", [1, 2100])
def test_sums_many(kernels, rows, ranks, fits, dtype):
    stack = FactorBatch(ranks, fits, dtype)
    A, B = stack.random(rows), stack.random(rows)
    for n_threads in THREADS:
        found, sums = np.full(len(ranks), np.nan), np.full(stack.columns[-1], np.nan)
        kernels.inner_many(A, B, rows, stack.listed, found, n_threads)
        kernels.column_sums_many(A, rows, stack.listed, sums, n_threads)
        for fit in fits:
            assert found[fit] == kernels.inner(stack.of(A, fit), stack.of(B, fit), 1)
            np.testing.assert_array_equal(stack.of(sums, fit)[0], kernels.column_sums(stack.of(A, fit), 1))
        assert all(np.isnan(found[fit]) and np.isnan(stack.of(sums, fit)).all() for fit in stack.others())


@pytest.mark.parametrize("rising", [False, True])
@pytest.mark.parametrize(("ranks", "fits"), STACKS)
@pytest.mark.parametrize("rows", [1, 2100])
def test_extrapolate_many_and_copy_many(kernels, rows, ranks, fits, rising, dtype):
    stack = FactorBatch(ranks, fits, dtype)
    new, old, weights = stack.random(rows), stack.random(rows), stack.rng.random(len(ranks))
    for n_threads in THREADS:
        found, copied = old.copy(), stack.empty(rows)
        kernels.extrapolate_many(new, found, rows, stack.listed, weights, rising, n_threads)
        kernels.copy_many(new, copied, rows, stack.listed, n_threads)
        for fit in fits:
            alone = stack.of(old, fit)
            kernels.extrapolate(stack.of(new, fit), alone, weights[fit], rising, 1)
            np.testing.assert_array_equal(stack.of(found, fit), alone)
            np.testing.assert_array_equal(stack.of(copied, fit), stack.of(new, fit))
        for fit in stack.others():
            np.testing.assert_array_equal(stack.of(found, fit), stack.of(old, fit))
            assert np.isnan(stack.of(copied, fit)).all()


def test_no_fit_is_left(kernels, dtype):
    stack = FactorBatch([3, 2], [], dtype)
    F, listed = stack.empty(5), stack.listed
    kernels.product_many(np.ones((5, 5), dtype), F, listed, stack.empty(1), F, 1.0, 2, 0, 1, 0, 5)
    kernels.gram_many(F, 5, listed, stack.squares, nan_scratch(9), nan_scratch(13), 2)
    moved = nan_scratch(2)
    most = np.ones(2, np.int64)
    kernels.sweep_many(nan_scratch(13), stack.squares, F, F, 5, listed, most, moved, stack.empty(1), moved, 2)
    kernels.inner_many(F, F, 5, listed, moved, 2)
    kernels.column_sums_many(F, 5, listed, nan_scratch(5), 2)
    kernels.extrapolate_many(F, F, 5, listed, moved, True, 2)
    kernels.copy_many(F, F, 5, listed, 2)
    assert np.isnan(F).all() and np.isnan(moved).all()
