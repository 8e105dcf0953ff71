"""Each kernel, at every instruction-set level of this machine, against plain NumPy."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from nmfcore import _core, reference


def runnable_levels():
    levels = []
    for level in _core.LEVELS:
        try:
            levels.append(_core.load(level))
        except ImportError:
            continue
    return levels


LEVELS = runnable_levels()
pytestmark = pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])

# Around every tile: rows of a product tile (4, 8), vectors (2 ... 16) and panels (x 3), groups, blocks of panels,
# the depth of a tile (32, 512), the group of a sweep (64).
SIZES = [
    (1, 1, 1),
    (1, 9, 4),
    (9, 1, 2),
    (7, 8, 9),
    (8, 33, 3),
    (65, 31, 17),
    (63, 513, 25),
    (130, 70, 49),
    (40, 1030, 5),
    (1500, 20, 4),
    (33, 40, 400),
]
LAYOUTS = ["C", "F", "columns", "rows", "reversed"]


def lay_out(X, layout):
    """The same matrix in another memory layout."""
    if layout == "F":
        return np.asfortranarray(X)
    if layout == "columns":  # a slice of a wider array
        wide = np.full((X.shape[0], X.shape[1] + 3), np.nan, X.dtype)
        wide[:, 1:-2] = X
        return wide[:, 1:-2]
    if layout == "rows":  # every other row
        tall = np.full((2 * X.shape[0], X.shape[1]), np.nan, X.dtype)
        tall[::2] = X
        return tall[::2]
    return np.ascontiguousarray(X[::-1])[::-1] if layout == "reversed" else np.ascontiguousarray(X)


def product(kernels, X, B, scale=1.0, n_threads=1, parts=1):
    out = np.full((X.shape[0], B.shape[1]), np.nan, X.dtype)
    scratch = np.full(kernels.product_scratch(*X.shape, B.shape[1], n_threads, parts), np.nan, X.dtype)
    for part in range(parts):
        kernels.product(X, B, scratch, out, scale, n_threads, part, parts)
    return out


@pytest.mark.parametrize("layout", ["C", "F"])
@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (33, 1100, 3), (1300, 1100, 50), (5, 9000, 260), (9000, 70, 2)])
def test_a_product_in_several_calls_has_the_bits_of_one(kernels, m, n, k, layout, dtype):
    rng = np.random.default_rng(2)
    X, B = np.asarray(rng.random((m, n)), dtype, order=layout), rng.random((n, k)).astype(dtype)
    whole = product(kernels, X, B, 0.5)
    for n_threads, parts in [(1, 2), (2, 3), (3, 7), (2, n)] if n < 2000 else [(1, 2), (2, 7)]:
        np.testing.assert_array_equal(product(kernels, X, B, 0.5, n_threads, parts), whole)


def test_fingerprint(kernels, dtype):
    """The number of the NumPy twin, for either memory order, cut into rows, with any threads, dense and sparse."""
    rng = np.random.default_rng(5)
    A = scipy.sparse.random_array((300, 700), density=0.3, rng=rng, format="csr", dtype=dtype)
    X = A.toarray()
    expected = reference.fingerprint(0.25 * X.astype(float))
    bounds = np.array([0, 1, 200, 300])
    for n_threads in (1, 2, 3):
        assert kernels.fingerprint(X, 0, 700, 1, 0.25, n_threads) == expected
        assert kernels.fingerprint(np.asfortranarray(X).T, 0, 1, 700, 0.25, n_threads) == expected
        arrays = A.indptr, A.indices, A.data, bounds
        assert kernels.sparse_fingerprint(*arrays, 700, 1, 0.25, n_threads) == expected
    two = [kernels.fingerprint(X[rows], rows.start * 700, 700, 1, 0.25, 2) for rows in (slice(0, 9), slice(9, 300))]
    assert sum(two) % 2**64 == expected
    for change in (X[::-1], X[:, ::-1], np.where(X == X.max(), X * dtype(1 + 1e-6), X)):
        assert kernels.fingerprint(np.ascontiguousarray(change), 0, 700, 1, 0.25, 1) != expected


def test_sums_continue_those_of_the_rows_before(kernels, dtype):
    A = np.random.default_rng(4).random((5000, 33)).astype(dtype)
    step = kernels.scan_rows(33)
    total = squares = 0.0
    for i in range(0, 5000, step):
        total, squares, *_ = kernels.scan(A[i : i + step], 0.25, total, squares, 2)
    assert (total, squares) == kernels.scan(A, 0.25, 0.0, 0.0, 1)[:2]


def sweep(kernels, G, C, F, max_sweeps, stop, n_threads=1, bounds=(None, None)):
    size, groups = kernels.sweep_scratch(*F.shape, n_threads)
    scratch, moved = np.full(size, np.nan, F.dtype), np.full(groups, np.nan)
    return kernels.sweep(G.astype(float), C, F, *bounds, max_sweeps, stop, scratch, moved, n_threads)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("m", "n", "k"), SIZES)
def test_product(kernels, m, n, k, layout, dtype, rtol):
    rng = np.random.default_rng(0)
    X, B = rng.random((m, n)).astype(dtype), rng.random((n, k)).astype(dtype)
    X.flags.writeable = False
    expected = 0.5 * (X.astype(float) @ B)
    np.testing.assert_allclose(product(kernels, lay_out(X, layout), B, 0.5), expected, rtol=rtol)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("m", "n", "k"), SIZES)
def test_product_gives_the_same_bits_for_any_threads_and_layout(kernels, m, n, k, layout, dtype):
    rng = np.random.default_rng(1)
    X, B = rng.random((m, n)).astype(dtype), rng.random((n, k)).astype(dtype)
    one = product(kernels, X, B)
    for n_threads in (2, 3, 5):
        np.testing.assert_array_equal(product(kernels, lay_out(X, layout), B, n_threads=n_threads), one)


@settings(max_examples=60, deadline=None)
@given(
    m=st.integers(1, 80),
    n=st.integers(1, 80),
    k=st.integers(1, 60),
    layout=st.sampled_from(LAYOUTS),
    n_threads=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_product_of_any_shape(kernels, m, n, k, layout, n_threads, seed):
    rng = np.random.default_rng(seed)
    X, B = rng.random((m, n)), rng.random((n, k))
    np.testing.assert_allclose(product(kernels, lay_out(X, layout), B, n_threads=n_threads), X @ B, rtol=1e-13)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("k", [1, 3, 8, 17, 64, 70, 150])
def test_sparse_product(kernels, k, index, dtype, rtol):
    rng = np.random.default_rng(7)
    X = rng.random((50, 90)).astype(dtype) * (rng.random((50, 90)) < 0.2)
    X[7], X[:, 11], X[9] = 0, 0, 1  # an empty row, an empty column, a full row
    B, stored = rng.random((90, k)).astype(dtype), scipy.sparse.csr_array(X)
    indptr, indices = stored.indptr.astype(index), stored.indices.astype(index)
    found = []
    for n_threads, bounds in ((1, [0, 50]), (2, [0, 7, 8, 30, 50]), (3, [0, 1, 49, 50])):
        out = np.full((50, k), np.nan, dtype)
        scratch = np.full(kernels.sparse_product_scratch(90, k, n_threads), np.nan, dtype)
        kernels.sparse_product(indptr, indices, stored.data, np.array(bounds), B, scratch, out, 0.5, n_threads)
        found.append(out)
    np.testing.assert_allclose(found[0], 0.5 * (X.astype(float) @ B), rtol=rtol)
    for more in found[1:]:
        np.testing.assert_array_equal(more, found[0])


BETA_SIZES = [(1, 1, 1), (70, 100, 3), (5, 300, 7), (300, 5, 9), (130, 210, 49), (65, 97, 110)]


@pytest.mark.parametrize("beta", [-1.0, 0.0, 0.5, 0.7, 1.0, 1.5, 2.5])
@pytest.mark.parametrize(("m", "n", "k"), BETA_SIZES)
def test_split_step(kernels, m, n, k, beta, dtype, rtol):
    rng = np.random.default_rng(8)
    X, F, B = (rng.random(shape).astype(dtype) + dtype(0.01) for shape in ((m, n), (m, k), (n, k)))
    x, f, b = X.astype(float), F.astype(float), B.astype(float)
    expected = reference.beta_gradient(0.5 * x, f, b, beta)
    divergence = reference.beta_divergence(0.5 * x, f @ b.T, beta)
    bits = []
    for layout in ("C", "F", "columns"):
        for n_threads in (1, 3):
            num, den = np.full((2, m, k), np.nan, dtype)
            scratch = np.full(kernels.split_scratch(m, n, k, n_threads), np.nan, dtype)
            value = kernels.split_step(lay_out(X, layout), F, B, scratch, num, den, 0, beta, 0.5, True, n_threads)
            np.testing.assert_allclose(num, expected[0], rtol=10 * rtol)
            if beta != 1:
                np.testing.assert_allclose(den, expected[1], rtol=10 * rtol)
            np.testing.assert_allclose(value, divergence, rtol=10 * rtol)
            assert kernels.split_step(lay_out(X, layout), F, B, scratch, num, den, 0, beta, 0.5, False, n_threads) == 0
            bits.append((num, den, value))
        np.testing.assert_array_equal(bits[-1][0], bits[-2][0])
        assert bits[-1][2] == bits[-2][2]


def test_split_step_where_the_model_is_zero(kernels, dtype):
    X, F, B = np.array([[0, 1]], dtype), np.zeros((1, 2), dtype), np.ones((2, 2), dtype)
    num, den = np.empty((2, 1, 2), dtype)
    kernels.split_step(X, F, B, np.empty(kernels.split_scratch(1, 2, 2, 1), dtype), num, den, 0, 0.0, 1.0, False, 1)
    assert np.all(np.isfinite(num)) and np.all(np.isfinite(den)) and np.all(num > den)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("k", [1, 3, 8, 17, 64, 70, 150])
def test_sparse_share(kernels, k, index, dtype, rtol):
    rng = np.random.default_rng(9)
    X = rng.random((50, 90)).astype(dtype) * (rng.random((50, 90)) < 0.2)
    X[7], X[:, 11], X[9] = 0, 0, 1
    F, B = rng.random((50, k)).astype(dtype), rng.random((90, k)).astype(dtype)
    stored, x, V = scipy.sparse.csr_array(X), 0.5 * X.astype(float), F.astype(float) @ B.astype(float).T
    value = np.sum(np.where(x > 0, x * np.log(np.where(x > 0, x, 1) / V) - x, 0))
    found = []
    for n_threads, bounds in ((1, [0, 50]), (3, [0, 7, 8, 30, 50])):
        num = np.full((50, k), np.nan, dtype)
        scratch = np.full(kernels.sparse_product_scratch(90, k, 2 * n_threads), np.nan, dtype)
        arrays = stored.indptr.astype(index), stored.indices.astype(index), stored.data, np.array(bounds)
        share = kernels.sparse_share(*arrays, F, B, scratch, num, 0.5, True, n_threads)
        np.testing.assert_allclose(share, value, rtol=10 * rtol)
        assert kernels.sparse_share(*arrays, F, B, scratch, num, 0.5, False, n_threads) == 0
        found.append(num)
    np.testing.assert_allclose(found[0], (x / V) @ B, rtol=10 * rtol)
    np.testing.assert_array_equal(found[1], found[0])


def multiplicative_problem(shared, dtype):
    """F and the two parts of a gradient, some of it 0; float64 copies of F and den as whole matrices."""
    rng = np.random.default_rng(10)
    m, k = 3000, 17
    F, num = rng.random((m, k)).astype(dtype), rng.random((m, k)).astype(dtype)
    den = rng.random((1 if shared else m, k)).astype(dtype)
    F[5], den[0, 3] = 0, 0
    return F, num, den, F.astype(float), np.broadcast_to(den, (m, k)).astype(float)


def test_column_sums(kernels, dtype):
    F, *_ = multiplicative_problem(False, dtype)
    np.testing.assert_allclose(kernels.column_sums(F, 2), F.astype(float).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("shared", [False, True])
def test_kkt_residual_of_a_split_gradient(kernels, shared, dtype):
    F, num, den, f, d = multiplicative_problem(shared, dtype)
    mean = f.mean(axis=0)
    step = np.minimum(f, mean * (1 - num / np.where(d > 0, d, np.inf)))
    expected = np.sum(d * np.abs(step)), np.sum(f * num)
    np.testing.assert_allclose(kernels.split_kkt(F, num, den, None, None, mean, 2), expected, rtol=1e-10)


@pytest.mark.parametrize("exponent", [1.0, 0.5, 0.4])
@pytest.mark.parametrize("shared", [False, True])
def test_multiply(kernels, exponent, shared, dtype, rtol):
    F, num, den, f, d = multiplicative_problem(shared, dtype)
    floor = np.full(F.shape[1], 1e-3)
    expected = np.maximum(floor, np.where(d > 0, f * (num / np.where(d > 0, d, 1)) ** exponent, f))
    squared_step = np.sum(np.where(f > 0, d * (expected - f) ** 2 / np.where(f > 0, f, 1), 0))
    found = []
    for n_threads in (1, 3):
        G = F.copy()
        found.append(kernels.multiply(G, num, den, floor, None, None, exponent, n_threads))
        np.testing.assert_allclose(G, expected, rtol=rtol)
    np.testing.assert_allclose(found[0], squared_step, rtol=1e-3 if dtype == np.float32 else 1e-9)
    assert found[0] == found[1]


@pytest.mark.parametrize("k", [1, 2, 7, 8, 9, 16, 23, 24, 25, 49, 100])
@pytest.mark.parametrize("m", [1, 5, 127, 129, 255, 257, 2100])
def test_gram(kernels, m, k, dtype):
    F = np.random.default_rng(5).random((m, k)).astype(dtype)
    F.flags.writeable = False
    found = []
    for n_threads in (1, 2, 3):
        out = np.full((k, k), np.nan)
        kernels.gram(F, np.full(kernels.gram_scratch(m, k, n_threads), np.nan), out, n_threads)
        found.append(out)
    np.testing.assert_allclose(found[0], F.T.astype(float) @ F.astype(float), rtol=1e-13)
    np.testing.assert_array_equal(found[0], found[0].T)
    for more in found[1:]:
        np.testing.assert_array_equal(more, found[0])


@pytest.mark.parametrize("max_sweeps", [1, 3])
@pytest.mark.parametrize(("m", "n", "k"), SIZES)
def test_sweep(kernels, m, n, k, max_sweeps, dtype):
    rng = np.random.default_rng(2)
    F, B, X = rng.random((m, k)).astype(dtype), rng.random((n, k)).astype(dtype), rng.random((m, n)).astype(dtype)
    F[rng.random(F.shape) < 0.3] = 0
    B[:, k // 2] *= rng.integers(2)  # an empty component: its column of F must stay
    G, C = (B.T @ B).astype(dtype), (X @ B).astype(dtype)
    expected = F.astype(float)
    moved = reference.accelerated_sweeps(G.astype(float), C.astype(float), expected, max_sweeps, 0.0)
    F_one = F.copy()
    moved_one = sweep(kernels, G, C, F_one, max_sweeps, 0.0)
    tolerance = 1e-10 if dtype == np.float64 else 2e-3
    np.testing.assert_allclose(F_one, expected, rtol=tolerance, atol=tolerance * expected.max())
    np.testing.assert_allclose(moved_one, moved, rtol=10 * tolerance)
    for n_threads in (2, 3):
        F_more = F.copy()
        assert sweep(kernels, G, C, F_more, max_sweeps, 0.0, n_threads) == moved_one
        np.testing.assert_array_equal(F_more, F_one)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("m", "n", "k"), SIZES)
def test_sweep_within_bounds(kernels, m, n, k, shared, dtype):
    rng = np.random.default_rng(2)
    F, B, X = rng.random((m, k)).astype(dtype), rng.random((n, k)).astype(dtype), rng.random((m, n)).astype(dtype)
    rows = 1 if shared else m
    lower, upper = 0.2 * rng.random((rows, k)).astype(dtype), (0.2 + rng.random((rows, k))).astype(dtype)
    upper[rng.random(upper.shape) < 0.2] = np.inf
    held = rng.random(upper.shape) < 0.2
    upper[held] = lower[held]
    F = np.clip(F, lower, upper)
    G, C = (B.T @ B).astype(dtype), (X @ B).astype(dtype)
    expected = F.astype(float)
    moved, *_ = (reference.hals_sweep(G.astype(float), C.astype(float), expected, lower, upper) for _ in range(3))
    found = []
    for n_threads in (1, 3):
        found.append(F.copy())
        value = sweep(kernels, G, C, found[-1], 3, 0.0, n_threads, (lower, upper))
        np.testing.assert_allclose(value, moved, rtol=1e-9 if dtype == np.float64 else 2e-2)
    tolerance = 1e-10 if dtype == np.float64 else 2e-3
    np.testing.assert_allclose(found[0], expected, rtol=tolerance, atol=tolerance * expected.max())
    np.testing.assert_array_equal(found[0], found[1])
    assert np.all(found[0] >= lower) and np.all(found[0] <= upper)


@pytest.mark.parametrize("shared", [False, True])
def test_updates_and_residuals_within_bounds(kernels, shared, dtype, rtol):
    rng = np.random.default_rng(11)
    m, k = 300, 9
    F, num, den = rng.random((3, m, k)).astype(dtype)
    rows = 1 if shared else m
    lower, upper = 0.3 * rng.random((rows, k)).astype(dtype), (0.3 + rng.random((rows, k))).astype(dtype)
    F = np.clip(F, lower, upper)
    f, d, n = F.astype(float), den.astype(float), num.astype(float)
    G, floor = F.copy(), np.full(k, 1e-9)
    moved = kernels.multiply(G, num, den, floor, lower, upper, 0.5, 2)
    expected = np.clip(f * np.sqrt(n / d), lower, upper)
    np.testing.assert_allclose(G, expected, rtol=rtol)
    np.testing.assert_allclose(moved, np.sum(d * (expected - f) ** 2 / f), rtol=1e-3 if dtype == np.float32 else 1e-9)
    mean = f.mean(axis=0)
    step = np.clip(mean * (1 - n / d), f - upper, f - lower)
    found = kernels.split_kkt(F, num, den, lower, upper, mean, 2)
    np.testing.assert_allclose(found, (np.sum(d * np.abs(step)), np.sum(f * n)), rtol=1e-9)
    gram = f.T @ f
    step = np.clip((f @ gram - n) / gram.diagonal(), f - upper, f - lower)
    found = kernels.squared_kkt_residual(gram, num, F, lower, upper, 2)
    np.testing.assert_allclose(found, np.sum(gram.diagonal() * step**2), rtol=1e-9)


def test_sweeps_stop_group_by_group_as_the_reference_does(kernels):
    rng = np.random.default_rng(3)
    F, B = rng.random((300, 12)), rng.random((40, 12))
    X = rng.random((300, 40))
    F[:100] = 1e-3 * F[:100]  # groups that converge at different speed
    G, C = B.T @ B, X @ B
    for precision in (0.5, 0.1, 0.01):
        expected, found = F.copy(), F.copy()
        moved = reference.accelerated_sweeps(G, C, expected, 50, precision)
        np.testing.assert_allclose(sweep(kernels, G, C, found, 50, precision**2), moved, rtol=1e-12)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (1000, 33), (5, 40000), (70000, 2)])
def test_sums(kernels, shape, dtype):
    rng = np.random.default_rng(4)
    A, B = rng.random(shape).astype(dtype), rng.random(shape).astype(dtype)
    a, b = A.astype(float), B.astype(float)
    total, squares, low, high = kernels.scan(A, 0.25, 0.0, 0.0, 1)
    np.testing.assert_allclose((total, squares), (0.25 * a.sum(), (0.25 * a).ravel() @ (0.25 * a).ravel()), rtol=1e-12)
    assert (low, high) == (A.min(), A.max())
    np.testing.assert_allclose(kernels.inner(A, B, 1), np.sum(a * b), rtol=1e-12)
    np.testing.assert_allclose(kernels.squared_distance(A, B, 0.5, 1), np.sum((0.5 * a - b) ** 2), rtol=1e-12)
    for n_threads in (2, 3):
        assert kernels.scan(A, 0.25, 0.0, 0.0, n_threads) == (total, squares, low, high)
        assert kernels.inner(A, B, n_threads) == kernels.inner(A, B, 1)
        assert kernels.squared_distance(A, B, 0.5, n_threads) == kernels.squared_distance(A, B, 0.5, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, -1.0])
@pytest.mark.parametrize("place", [(0, 0), (2, 40), (69, 99)])
def test_scan_sees_a_bad_entry(kernels, bad, place, dtype):
    A = np.ones((70, 100), dtype)
    A[place] = bad
    _, squares, low, _ = kernels.scan(A, 1.0, 0.0, 0.0, 1)
    assert not np.isfinite(squares) or low < 0


@pytest.mark.parametrize(("m", "k"), [(1, 1), (7, 3), (300, 17), (2000, 40)])
def test_squared_kkt_residual(kernels, m, k, dtype):
    rng = np.random.default_rng(6)
    F, C, B = rng.random((m, k)).astype(dtype), rng.random((m, k)).astype(dtype), rng.random((9, k))
    F[rng.random(F.shape) < 0.3] = 0
    G = B.T @ B
    G[:, k // 2] = G[k // 2] = 0  # an empty component, which counts for nothing
    d = G.diagonal()
    step = np.minimum(F, (F @ G - C) / np.where(d > 0, d, np.inf))
    found = kernels.squared_kkt_residual(G, C, F, None, None, 1)
    np.testing.assert_allclose(found, np.sum(d * step**2), rtol=1e-10, atol=1e-300)
    assert kernels.squared_kkt_residual(G, C, F, None, None, 3) == found


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (4000, 33)])
def test_extrapolate(kernels, shape, dtype):
    rng = np.random.default_rng(5)
    new, old = (rng.random(shape).astype(dtype) for _ in range(2))
    tolerance = 4 * np.finfo(dtype).eps
    change, out = dtype(0.75) * (new - old), old.copy()
    kernels.extrapolate(new, out, 0.75, False, 2)
    np.testing.assert_allclose(out, np.maximum(0, new + change), rtol=0, atol=tolerance)
    assert (out == 0).any() or new.size < 100
    out = old.copy()
    kernels.extrapolate(new, out, 0.75, True, 2)
    np.testing.assert_allclose(out, new + np.maximum(0, change), rtol=0, atol=tolerance)
