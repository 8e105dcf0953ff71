"""Rates of the kernels beside the machine's peak, the rate of a large square numpy product in the same session.

Best time against best time, since what else the machine does only ever adds to either. The peak is measured again
before and after each kernel.
"""

import time
from collections.abc import Callable

import numpy as np
import pytest
import scipy.sparse
from threadpoolctl import threadpool_limits

from nmfcore._runtime import threads
from nmfcore._runtime.workspace import Workspace
from nmfcore.data.sparse import Compressed

SIZES = [(2000, 2000, 20), (2000, 2000, 100), (7000, 250, 40)]
PEAK_SIZE = 2048
PEAK_REPEATS = 3
SETTLE_SECONDS = 0.2  # for which the idle threads of a BLAS go on spinning on the processors that a kernel wants
SWEEP_ROUNDS = 50

pytestmark = [
    pytest.mark.benchmark(max_time=0.5, min_rounds=10),
    pytest.mark.parametrize("dtype", ["float32", "float64"]),
    pytest.mark.parametrize(("m", "n", "k"), SIZES, ids=[f"{m}x{n}-k{k}" for m, n, k in SIZES]),
]


@pytest.fixture(scope="session")
def n_threads():
    count = threads.thread_count(None)
    with threadpool_limits(limits=count, user_api="blas"):
        yield count


@pytest.fixture(scope="session")
def peak(n_threads):
    """Measure the peak for a dtype, in flop/s: the best so far."""
    squares = {dtype: np.ones((3, PEAK_SIZE, PEAK_SIZE), dtype) for dtype in ("float32", "float64")}
    best = dict.fromkeys(squares, 0.0)

    def measure(dtype: str) -> float:
        A, B, out = squares[dtype]
        for _ in range(PEAK_REPEATS):
            start = time.perf_counter()
            np.matmul(A, B, out=out)
            best[dtype] = max(best[dtype], 2 * PEAK_SIZE**3 / (time.perf_counter() - start))
        return best[dtype]

    return measure


@pytest.fixture
def rate(benchmark, peak, dtype, record_property):
    """Run a benchmark and store its rates, given the flop and, for a product, the bytes of its arrays."""

    def run(kernel: Callable[[], object], flop: float, *arrays: np.ndarray, setup: Callable | None = None) -> None:
        peak(dtype)
        time.sleep(SETTLE_SECONDS)
        if setup is None:
            benchmark(kernel)
        else:
            benchmark.pedantic(kernel, setup=setup, rounds=SWEEP_ROUNDS, warmup_rounds=2)
        if benchmark.disabled:
            return
        best = benchmark.stats.stats.min
        info = {
            "GFLOP/s": flop / best / 1e9,
            "share of peak": flop / best / peak(dtype),
        }
        if arrays:
            info["GB/s"] = sum(array.nbytes for array in arrays) / best / 1e9
        benchmark.extra_info.update(info)
        record_property("rates", info)

    return run


@pytest.fixture
def workspace(dtype, n_threads):
    return Workspace(np.dtype(dtype), n_threads)


def matrix(m: int, n: int, dtype: str) -> np.ndarray:
    return np.random.default_rng(0).random((m, n)).astype(dtype)


def test_product(rate, workspace, dtype, m, n, k):
    X, B, out = matrix(m, n, dtype), matrix(n, k, dtype), matrix(m, k, dtype)
    rate(lambda: workspace.product(X, B, out), 2 * m * n * k, X, B, out)
    np.testing.assert_allclose(out, X @ B, rtol=1e-3)  # the rate of a wrong result means nothing


def test_transposed_product(rate, workspace, dtype, m, n, k):
    X, W, out = matrix(m, n, dtype), matrix(m, k, dtype), matrix(n, k, dtype)
    rate(lambda: workspace.product(X.T, W, out), 2 * m * n * k, X, W, out)
    np.testing.assert_allclose(out, X.T @ W, rtol=1e-3)


@pytest.mark.parametrize("sweeps", [1, 5], ids=["1sweep", "5sweeps"])
def test_sweep(rate, workspace, dtype, m, n, k, sweeps):
    B, F0 = matrix(n, k, dtype), matrix(m, k, dtype)
    G, C, F = workspace.gram(B), (1 - F0) @ (B.T @ B), np.empty_like(F0)
    # From the same F every time: where nothing moves any more the kernel stops before it has done all the sweeps.
    rate(
        lambda: workspace.sweep(G, C, F, sweeps, 0.0),
        2 * m * k * k * sweeps,
        setup=lambda: np.copyto(F, F0),
    )
    assert F.min() >= 0 and not np.array_equal(F, F0)


@pytest.mark.parametrize("beta", [1.0, 0.0], ids=["kullback-leibler", "itakura-saito"])
def test_split_step(rate, workspace, dtype, m, n, k, beta):
    X, F, B, num, den = (matrix(*shape, dtype) for shape in ((m, n), (m, k), (n, k), (m, k), (m, k)))
    X += 0.01
    flop = (4 if beta == 1 else 6) * m * n * k
    rate(lambda: workspace.split_step(X, F, B, "beta", beta, num, den, 1.0, False), flop, X, F, B, num)
    V = F @ B.T
    np.testing.assert_allclose(num, (X * V ** (beta - 2)) @ B, rtol=1e-2)


def sparse_matrix(m: int, n: int, dtype: str) -> Compressed:
    """Fifty entries a row, columns as unevenly used as words are."""
    rng = np.random.default_rng(0)
    column = (n * rng.random(50 * m) ** 3).astype(np.int32)
    X = scipy.sparse.csr_array((np.ones(50 * m, dtype), (np.repeat(np.arange(m), 50), column)), shape=(m, n))
    X.sum_duplicates()
    return Compressed.of(X)


def test_sparse_product(rate, workspace, dtype, m, n, k):
    X, B, out = sparse_matrix(m, 10 * n, dtype), matrix(10 * n, k, dtype), matrix(m, k, dtype)
    rate(lambda: workspace.sparse_product(*X, B, out, 1.0), 2 * len(X.data) * k, X.data, X.indices, B, out)
    first = slice(0, X.indptr[1])
    np.testing.assert_allclose(out[0], X.data[first] @ B[X.indices[first]], rtol=1e-3)


def test_sparse_share(rate, workspace, dtype, m, n, k):
    X, F, B, num = (sparse_matrix(m, 10 * n, dtype), *(matrix(*s, dtype) for s in ((m, k), (10 * n, k), (m, k))))
    flop = 4 * len(X.data) * k
    rate(lambda: workspace.sparse_share(*X, F, B, num, 1.0, False), flop, X.data, X.indices, F, B, num)
    assert np.isclose(F[0] @ num[0], X.data[: X.indptr[1]].sum(), rtol=1e-3)
