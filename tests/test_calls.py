"""Work is cut into kernel calls of bounded flop, between which Ctrl-C is heard, and the cut changes no bit."""

from types import SimpleNamespace

import numpy as np
import pytest

import nmfcore
from nmfcore._runtime import Workspace, batch, calls, workspace
from nmfcore.data.sparse import Compressed

MOST = 2e10  # flop: some 0.4 s on two cores


def zeros(*shape):
    """An array of zeros that takes no memory."""
    return np.broadcast_to(0.0, shape)


class CountingKernels:
    """Kernels that compute nothing and note their flop."""

    FAMILIES = workspace.kernels.FAMILIES

    def __init__(self):
        self.flop = []

    def __getattr__(self, name):
        if name.endswith("_scratch"):
            return lambda *sizes: (1, 1, 1) if name == "step_scratch" else 1 if self._is_single(name) else (1, 1)
        return lambda *arguments: self._count(name, *arguments)

    @staticmethod
    def _is_single(name):
        return name not in {"sweep_scratch", "pivot_scratch", "project_scratch"}

    def _count(self, name, *a):
        self.flop.append(getattr(self, f"_{name}")(*a))
        return (0.0, 0.0, 0.0, 0.0) if name == "scan" else 0.0

    def _product(self, X, B, scratch, out, scale, n_threads, part, parts):
        return 2.0 * X.size * B.shape[1] / parts

    def _product_many(self, X, B, stack, scratch, out, scale, n_threads, part, parts, *rest):
        return 2.0 * X.size * np.diff(stack[0])[stack[1]].sum() / parts

    def _sparse_product(self, indptr, indices, data, bounds, B, *rest):
        return 2.0 * (indptr[bounds[-1]] - indptr[bounds[0]]) * B.shape[1]

    def _sparse_share(self, *a):
        return 2 * self._sparse_product(*a[:4], a[5])

    def _sparse_descent(self, *a):
        return 20 * a[9] * self._sparse_product(*a[:4], a[5]) / 2

    def _split_step(self, X, F, B, *rest):
        return (6.0 * B.shape[1] + 200) * X.size

    def _descent(self, X, F, B, sums, scratch, sweeps, *rest):
        return 20.0 * sweeps * X.size * B.shape[1]

    def _gram(self, F, *rest):
        return float(F.size) * F.shape[1]

    def _gram_many(self, F, rows, stack, *rest):
        return float(rows) * np.square(np.diff(stack[0])[stack[1]]).sum()

    def _sweep(self, G, C, F, lower, upper, most, *rest):
        return 2.0 * F.size * F.shape[1] * most

    def _pivot(self, G, C, F, *rest):
        return 4.0 * len(F) * (F.shape[1] ** 3 / 3 + 6 * F.shape[1] ** 2)

    def _scan(self, X, *rest):
        return 20.0 * X.size

    def scan_rows(self, columns):
        return max(1, 32768 // columns)


@pytest.fixture
def counting(monkeypatch):
    kernels = CountingKernels()
    monkeypatch.setattr(workspace, "kernels", kernels)
    monkeypatch.setattr(batch, "kernels", kernels)
    return kernels


SHAPES = [(16000, 24000, 250), (24000, 16000, 250), (5000, 10**6, 100), (10**6, 5000, 100), (100, 10**7, 20)]


@pytest.mark.parametrize(("m", "n", "k"), [*SHAPES, (10**7, 100, 20), (8191, 10**6, 50), (16383, 3000, 1500)])
def test_no_call_for_a_dense_array_is_long(counting, m, n, k):
    of = Workspace(np.dtype(float), 2)
    X, F, B, G = zeros(m, n), zeros(m, k), zeros(n, k), zeros(k, k)
    of.product(X, B, F)
    of.scan(X)
    of.sweep(G, F, F, 10, 0.01)
    if k < 1000:
        of.pivot(G, F, F)
    assert max(counting.flop) < MOST
    counting.flop.clear()
    assert sum(len(F[part]) for part in calls.parts(m, k * k)) == m
    assert calls.call_size(k * k) * k * k < MOST


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_no_call_for_gradients_and_descent_is_long(counting, m, n, k):
    of = Workspace(np.dtype(float), 2)
    rows = min(m, 400)
    X, F, B = zeros(rows, n), zeros(rows, k), zeros(n, k)
    of.split_step(X, F, B, "beta", 1.5, np.empty((rows, k)), np.empty((rows, k)), 1.0, True)
    of.descent(X, F, B, zeros(k), 100, 1.0)
    assert max(counting.flop) < MOST


def test_no_call_for_a_sparse_matrix_is_long(counting):
    rows, of = 10**5, Workspace(np.dtype(float), 2)
    X = SimpleNamespace(indptr=np.arange(rows + 1) * 10**4, indices=np.broadcast_to(0, 10**9), data=zeros(10**9))
    F, B = zeros(rows, 200), zeros(10**6, 200)
    arrays = Compressed.of(X)
    of.sparse_product(*arrays, B, F, 1.0)
    of.sparse_share(*arrays, F, B, F, 1.0, True)
    of.sparse_descent(*arrays, F, B, zeros(200), 100, 1.0)
    assert max(counting.flop) < MOST


@pytest.mark.parametrize(("m", "n"), [(16000, 2400), (2400, 16000), (1000, 10**6)])
def test_no_call_for_many_fits_is_long(counting, m, n, monkeypatch):
    ranks = [50] * 100
    monkeypatch.setattr(batch, "aligned_empty", lambda size, dtype: zeros(size))
    of = batch.BatchKernels(Workspace(np.dtype(float), 2))
    F, B, fits = batch.FactorBatch(m, ranks, float), batch.FactorBatch(n, ranks, float), np.arange(100)
    of.product(zeros(m, n), B, F, fits, 1.0)
    of.gram(B, fits, batch.GramBatch(ranks))
    assert max(counting.flop) < MOST


@pytest.mark.parametrize("call_flop", [1e3, 1e5, 1e7])
@pytest.mark.parametrize(("m", "n"), [(300, 1100), (1100, 5000), (17000, 70)])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_the_cut_of_a_product_changes_no_bit(call_flop, m, n, layout, monkeypatch):
    rng, of = np.random.default_rng(0), Workspace(np.dtype(float), 2)
    X, B = np.asarray(rng.random((m, n)), order=layout), rng.random((n, 5))
    whole = of.product(X, B, np.empty((m, 5)))
    monkeypatch.setattr(calls, "CALL_FLOP", call_flop)
    np.testing.assert_array_equal(of.product(X, B, np.empty((m, 5))), whole)


@pytest.mark.parametrize(("loss", "solver"), [("frobenius", "hals"), ("kullback-leibler", "mu"), (1.5, "mu")])
@pytest.mark.parametrize("shape", [(300, 1100), (1100, 300)])
def test_fits_together_are_those_alone_however_calls_are_cut(loss, solver, shape, monkeypatch):
    monkeypatch.setattr(calls, "CALL_FLOP", 1e5)
    monkeypatch.setattr(calls, "MANY_FLOP", 2e6)
    X = np.random.default_rng(0).gamma(0.5, size=shape) + 0.01
    together = nmfcore.fit_many(X, [3, 5], n_starts=2, random_state=0, max_iter=3, loss=loss, solver=solver)
    options = {"loss": loss, "solver": solver, "init": "random", "max_iter": 3}
    for one in together.fits:
        alone = nmfcore.nmf(X, one.W.shape[1], random_state=one.options["random_state"], **options)
        np.testing.assert_array_equal(one.W, alone.W)


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito", 1.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_gradients_of_long_rows_are_sums_over_parts_of_them(loss, weighted, monkeypatch):
    X = np.random.default_rng(0).gamma(0.5, size=(20, 5000)) + 0.01
    weights = np.random.default_rng(1).random(X.shape) + 0.1 if weighted else None
    start = np.random.default_rng(2).random((20, 4)), np.random.default_rng(3).random((4, 5000))
    options = {"loss": loss, "solver": "mu", "init": start, "max_iter": 5, "weights": weights}
    whole = nmfcore.nmf(X, 4, **options)
    monkeypatch.setattr(calls, "CALL_FLOP", 1e6)
    cut = nmfcore.nmf(X, 4, **options, n_threads=1)
    other = nmfcore.nmf(X, 4, **options, n_threads=3)
    np.testing.assert_allclose(cut.W, whole.W, rtol=1e-9)
    np.testing.assert_allclose(cut.objective, whole.objective, rtol=1e-12)
    np.testing.assert_array_equal(cut.W, other.W)
