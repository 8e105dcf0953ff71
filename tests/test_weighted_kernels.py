"""The kernels of weighted least squares, at every instruction-set level, against one textbook sweep a row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import LEVELS

from nmfcore._runtime.weighted import ExceptionEntries
from nmfcore.reference import weighted as reference

pytestmark = pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])

SIZES = [(1, 1, 1), (7, 9, 3), (21, 40, 8), (9, 70, 17), (33, 150, 25), (13, 30, 49), (5, 11, 70), (40, 3, 2)]


class Problem:
    """Rows with weights, some 0 and some `base`, a penalty and bounds."""

    def __init__(self, m, n, k, base, dtype, seed=0, share=0.3):
        rng = np.random.default_rng(seed)
        self.F, self.B, self.X = (rng.random(shape).astype(dtype) for shape in ((m, k), (n, k), (m, n)))
        self.F[rng.random(self.F.shape) < 0.3] = 0
        self.weights = np.where(rng.random((m, n)) < share, 3 * rng.random((m, n)), base).astype(dtype)
        self.weights[rng.random((m, n)) < 0.2] = 0
        self.weights[m // 2] = 0  # a row without observations, one almost without, and one without places
        self.weights[m // 3, 1:] = 0
        self.weights[m - 1] = base
        self.base, self.dtype, self.shape, self.free = base, dtype, (m, n, k), False
        E = rng.random((k, k))
        self.E, self.C = E @ E.T, (0.1 * rng.standard_normal((m, k))).astype(dtype)
        self.ridge, self.q = rng.random(m) * (rng.random(m) < 0.5), rng.random(k)
        self.lower, self.upper = (0.1 * rng.random((m, k))).astype(dtype), np.full((1, k), 0.7, dtype)

    def without_additions(self):
        k, dtype = self.shape[2], self.dtype
        self.E, self.C, self.ridge, self.q = np.zeros((k, k)), np.zeros((1, k), dtype), np.zeros(1), np.zeros(k)
        self.lower, self.upper = np.zeros((1, k), dtype), np.full((1, k), np.inf, dtype)
        return self

    def expected(self, sweeps, stop=0.0):
        F = self.F.astype(float)
        added = (a.astype(float) for a in (self.E, self.C, self.ridge, self.q, self.lower, self.upper))
        arrays = (a.astype(float) for a in (self.X, self.weights))
        return F, *reference.weighted_hals_sweep(*arrays, F, self.B.astype(float), *added, sweeps, stop)

    def places(self, index=np.int32):
        rows, columns = np.nonzero(self.weights != self.base)
        indptr = np.searchsorted(rows, np.arange(self.shape[0] + 1)).astype(index)
        weights, x = self.weights[rows, columns], self.X[rows, columns]
        return ExceptionEntries.of(indptr, columns.astype(index), weights - self.dtype(self.base), weights * x)

    def gram_sweep(self, kernels, sweeps, stop=0.0, n_threads=1, index=np.int32, along=False):
        F, B, places = self.F.copy(), self.B.astype(float), self.places(index)
        rest = np.where(self.weights == self.base, self.X, 0).astype(float)
        C = (self.C + self.base * rest @ B).astype(self.dtype)
        most = int(np.diff(places.indptr).max())
        size, columns = kernels.weighted_sweep_scratch(*B.shape, most, n_threads)
        scratch, columns = np.full(size, np.nan), np.full(columns, np.nan, self.dtype) if along else None
        added, box = (self.E, C, self.ridge, self.q), (self.lower, self.upper)
        found = kernels.weighted_sweep(
            self.base * B.T @ B, self.base, places, added, box, F, self.B, scratch, columns, sweeps, stop, n_threads
        )
        return F, *found

    def place_sweep(self, *arguments, **options):
        return self.gram_sweep(*arguments, **options, along=True)

    def dense_sweep(self, kernels, sweeps, stop=0.0, n_threads=1, order="C", scale=1.0):
        F, (_, n, k) = self.F.copy(), self.shape
        X = np.where(self.weights > 0, self.X / self.dtype(scale), np.nan)
        X, weights = (np.array(A, self.dtype, order=order) for A in (X, self.weights))
        scratch = np.full(kernels.weighted_descent_scratch(n, k, n_threads), np.nan, self.dtype)
        added, box = (self.E, self.C, self.ridge, self.q), (self.lower, self.upper)
        found = kernels.weighted_descent(X, weights, scale, added, box, F, self.B, scratch, sweeps, stop, n_threads)
        return F, *found

    def weighted_squares(self):
        return 0.5 * float(np.sum(self.weights.astype(float) * self.X.astype(float) ** 2))

    def added_value(self, F):
        F = F.astype(float)
        curved = F @ self.E + np.broadcast_to(self.ridge, len(F))[:, None] * self.q * F
        return float(np.sum(F * (0.5 * curved - self.C)))


def check(found, expected, dtype, tolerance=None):
    tolerance = tolerance or (1e-10 if dtype == np.float64 else 2e-3)
    np.testing.assert_allclose(found[0], expected[0], rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found[1:], expected[1:], rtol=tolerance, atol=tolerance * abs(expected[2]))


@pytest.mark.parametrize("sweeps", [0, 1, 4])
@pytest.mark.parametrize("base", [0.0, 1.0, 0.7])
@pytest.mark.parametrize("along", [False, True])
@pytest.mark.parametrize(("m", "n", "k"), SIZES)
def test_sweeps_by_gram_matrices_and_along_places(kernels, m, n, k, base, sweeps, along, dtype):
    problem = Problem(m, n, k, dtype(base), dtype)
    one = problem.gram_sweep(kernels, sweeps, along=along)
    check(one, problem.expected(sweeps), dtype)
    for n_threads, index in ((2, np.int64), (3, np.int32)):
        more = problem.gram_sweep(kernels, sweeps, n_threads=n_threads, index=index, along=along)
        np.testing.assert_array_equal(more[0], one[0])
        assert more[1:] == one[1:]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("sweeps", [0, 1, 4])
@pytest.mark.parametrize(("m", "n", "k"), SIZES)
def test_dense_sweep(kernels, m, n, k, sweeps, order, dtype):
    problem = Problem(m, n, k, dtype(1), dtype, share=0.9)
    one = problem.dense_sweep(kernels, sweeps, order=order, scale=0.5)
    F, moved, quadratic = problem.expected(sweeps)
    value = quadratic + problem.weighted_squares() - problem.added_value(F)
    check(one, (F, moved, value), dtype)
    for n_threads in (2, 3):
        more = problem.dense_sweep(kernels, sweeps, n_threads=n_threads, order="F", scale=0.5)
        np.testing.assert_array_equal(more[0], one[0])
        assert more[1:] == one[1:]


@pytest.mark.parametrize("stop", [0.5, 0.01])
def test_each_row_stops_on_its_own(kernels, stop):
    problem = Problem(60, 50, 12, 0.0, np.float64).without_additions()
    problem.F[:20] *= 1e-3
    expected = problem.expected(30, stop)
    assert np.abs(expected[0] - problem.expected(30)[0]).max() > 1e-6
    for sweep in (problem.gram_sweep, problem.place_sweep, problem.dense_sweep):
        found = sweep(kernels, 30, stop)
        np.testing.assert_allclose(found[0], expected[0], rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(1, 20),
    n=st.integers(1, 40),
    k=st.integers(1, 20),
    base=st.sampled_from([0.0, 1.0]),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_any_weights(kernels, m, n, k, base, share, seed):
    problem = Problem(m, n, k, base, np.float64, seed, share).without_additions()
    expected = problem.expected(2)
    for sweep in (problem.gram_sweep, problem.place_sweep):
        # A row of which little is observed loses up to five of sixteen digits, and a sweep may magnify that.
        check(sweep(kernels, 2), expected, np.float64, tolerance=1e-8)
    np.testing.assert_allclose(problem.dense_sweep(kernels, 2)[0], expected[0], rtol=1e-10, atol=1e-10)


def test_what_is_hidden_leaves_no_round_off(kernels, dtype):
    """A component that only hidden entries see has no curvature: its coordinate stays as it is."""
    problem = Problem(6, 40, 5, dtype(1), dtype).without_additions()
    problem.weights[:] = 1
    problem.weights[:, :4] = 0
    problem.B[4:, 2] = 0
    problem.F[:, 2] = 0.25
    for found in (sweep(kernels, 3) for sweep in (problem.gram_sweep, problem.place_sweep, problem.dense_sweep)):
        np.testing.assert_array_equal(found[0][:, 2], 0.25)
    problem.B[4, 2] = dtype(1e-6)  # of which almost only hidden entries see anything
    for along in (False, True):
        check(problem.gram_sweep(kernels, 1, along=along), problem.expected(1), dtype)


def test_integer_weights_count_entries(kernels):
    problem = Problem(8, 30, 6, 1.0, np.float64).without_additions()
    problem.weights = np.random.default_rng(1).integers(0, 4, problem.X.shape).astype(float)
    twice = problem.gram_sweep(kernels, 1)[0]
    for i, counts in enumerate(problem.weights.astype(int)):
        B, x = np.repeat(problem.B, counts, axis=0), np.repeat(problem.X[i], counts)
        f = problem.F[i].copy()
        reference.bounded_sweep(B.T @ B, x @ B, f)
        np.testing.assert_allclose(twice[i], f, rtol=1e-10, atol=1e-12)
