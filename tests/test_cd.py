"""Coordinate descent for Kullback-Leibler: monotone, the same for dense and sparse, and closer than the updates."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import problem
from test_kernels import LEVELS

import nmfcore
from nmfcore import _core, reference
from nmfcore.solvers import CD

KL = {"loss": "kullback-leibler", "tol": 0}


def sweep(kernels, X, F, B, sweeps, n_threads, scale=1.0):
    scratch = np.full(kernels.descent_scratch(len(B), B.shape[1], n_threads), np.nan, F.dtype)
    return kernels.descent(X, F, B, B.sum(axis=0, dtype=np.float64), scratch, sweeps, scale, n_threads)


@pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])
@pytest.mark.parametrize(("m", "n", "k"), [(1, 1, 1), (7, 9, 3), (20, 70, 12), (33, 16, 5)])
def test_a_sweep_is_that_of_the_reference(kernels, m, n, k, dtype):
    X, W, H = problem(m, n, k, zeros=0.4)
    X, F, B = X.astype(dtype), W.astype(dtype), H.T.astype(dtype, order="C")
    expected = W.copy()
    for _ in range(3):
        reference.kullback_leibler_sweep(0.5 * X.astype(float), expected, H.T)
    rtol = 1e-9 if dtype == np.float64 else 2e-2
    bits = []
    for form in (np.ascontiguousarray, np.asfortranarray):
        for n_threads in (1, 3):
            found = F.copy()
            sweep(kernels, form(X), found, B, 3, n_threads, 0.5)
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * expected.max())
            bits.append(found)
    stored, found = sp.csr_array(X), F.copy()
    most = int(np.diff(stored.indptr).max())
    scratch = np.full(kernels.descent_scratch(most, k, 2), np.nan, dtype)
    sums = B.sum(axis=0, dtype=np.float64)
    arrays = stored.indptr, stored.indices, stored.data, np.array([0, m // 2, m])
    kernels.sparse_descent(*arrays, found, B, sums, scratch, most, 3, 0.5, 2)
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * expected.max())
    for other in bits[1:]:
        np.testing.assert_array_equal(other, bits[0])


def test_what_comes_back_is_of_the_first_sweep(dtype):
    X, W, H = problem(20, 30, 4)
    F, B = W.astype(dtype), H.T.astype(dtype, order="C")
    one, three = (sweep(_core.kernels, X.astype(dtype), F.copy(), B, sweeps, 1) for sweeps in (1, 3))
    assert one == three > 0


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("zeros", [0.0, 0.7])
def test_no_iteration_raises_the_objective(form, zeros):
    X, W, H = problem(40, 60, 5, zeros=zeros)
    result = nmfcore.nmf(form(X), 5, solver="cd", init=(W, H), max_iter=40, **KL)
    at = [nmfcore.nmf(form(X), 5, solver="cd", init=(W, H), max_iter=n, **KL) for n in range(8, 20)]
    values = [reference.beta_divergence(X, r.W @ r.H, 1) for r in at]
    np.testing.assert_allclose(values, result.history.objective[8:20], rtol=1e-10)
    assert np.all(np.diff(values) < 0)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_it_comes_closer_than_multiplicative_updates(form):
    X, W, H = problem(60, 50, 4, zeros=0.3)
    cd, mu = (nmfcore.nmf(form(X), 4, solver=s, init=(W, H), max_iter=100, **KL) for s in ("cd", "mu"))
    assert cd.objective < mu.objective and cd.kkt_residual < 0.5 * mu.kkt_residual
    plain = nmfcore.nmf(form(X), 4, solver="mu", init=cd, max_iter=500, **KL)
    np.testing.assert_allclose(plain.objective, cd.objective, rtol=1e-2)


def test_dense_is_sparse_and_threads_change_nothing():
    X, W, H = problem(300, 200, 6, zeros=0.8)
    dense = nmfcore.nmf(X, 6, solver="cd", init=(W, H), max_iter=20, **KL)
    one, more = (
        nmfcore.nmf(sp.csr_array(X), 6, solver="cd", init=(W, H), max_iter=20, n_threads=n, **KL) for n in (1, 3)
    )
    np.testing.assert_array_equal(one.W, more.W)
    np.testing.assert_allclose(one.W @ one.H, dense.W @ dense.H, rtol=1e-7, atol=1e-9)


def test_it_starts_with_multiplicative_updates():
    X, W, H = problem()
    cd = nmfcore.nmf(X, 4, solver="cd", init=(W, H), max_iter=CD.WARM_UP, **KL)
    mu = nmfcore.nmf(X, 4, solver="mu", init=(W, H), max_iter=CD.WARM_UP, extrapolate=False, **KL)
    np.testing.assert_array_equal(cd.W, mu.W)


def test_a_zero_grows_where_it_should():
    X, W, H = problem()
    W[3] = 0
    W[3, 0] = 1.0
    result = nmfcore.nmf(X, 4, solver="cd", init=(W, H), max_iter=60, **KL)
    assert result.W[3, 1:].max() > 1e-3


def test_scale_and_other_losses():
    X, W, H = problem(zeros=0.2)
    one = nmfcore.nmf(X, 4, solver="cd", init=(W, H), max_iter=20, **KL)
    other = nmfcore.nmf(2.0**70 * X, 4, solver="cd", init=(W, 2.0**70 * H), max_iter=20, **KL)
    np.testing.assert_array_equal(other.W, one.W)
    np.testing.assert_allclose(other.objective, 2.0**70 * one.objective, rtol=1e-12)
    with pytest.raises(ValueError, match="solver='cd' does not serve loss='frobenius'; wanted one of"):
        nmfcore.nmf(X, 4, solver="cd")


def test_it_does_not_end_in_the_warm_up_and_many_sweeps_are_many_calls():
    X, W, H = problem(zeros=0.2)
    start = nmfcore.mu(X, 4, loss=1, init=(W, H), max_iter=3000)
    closer = nmfcore.nmf(X, 4, loss=1, solver="cd", init=start)
    assert closer.n_iter > CD.WARM_UP and closer.objective <= start.objective
    for form in (np.asarray, sp.csr_array):
        many = nmfcore.nmf(form(X), 4, solver="cd", init=(W, H), inner_iter=120, max_iter=12, **KL)
        few = nmfcore.nmf(form(X), 4, solver="cd", init=(W, H), inner_iter=1, max_iter=12, **KL)
        assert many.objective < few.objective
