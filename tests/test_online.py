"""Online updates: the kernel on every level, the solver against the NumPy reference and against plain updates."""

import numpy as np
import pytest
import scipy.sparse
from conftest import problem
from test_kernels import LEVELS

import nmfcore
from nmfcore import losses
from nmfcore.data.storage import as_data
from nmfcore.reference import online
from nmfcore.sklearn._online import ElasticNetTerm, OnlineSolver, OnlineState

BETAS = [2, 1, 0, 0.5, 1.5, 3, -0.5]
NO_PENALTIES = (ElasticNetTerm(0.0, 0.0), ElasticNetTerm(0.0, 0.0))


@pytest.mark.parametrize("kernels", LEVELS, ids=lambda kernels: kernels.__name__.rpartition(".")[2])
@pytest.mark.parametrize("gamma", [1.0, 0.5, 0.4])
@pytest.mark.parametrize("rows", ["B", "den", "none"])
@pytest.mark.parametrize(("m", "k"), [(1, 1), (1, 9), (5000, 17), (700, 64), (600, 129)])
def test_accumulate(kernels, m, k, rows, gamma, dtype, rtol):
    """B may be a row with den, or den alone; a coordinate without curvature stays, a small one becomes 0."""
    rng = np.random.default_rng(3)
    F, num, A = (rng.random((m, k)).astype(dtype) for _ in range(3))
    B = rng.random((1 if rows == "B" else m, k)).astype(dtype)
    den = rng.random((1 if rows != "none" else m, k)).astype(dtype)
    least = np.full(k, 0.1)
    if k > 3:
        B[:, 3] = den[:, 3] = 0
    f, n, d, a, b = (x.astype(float) for x in (F, num, den, A, B))
    a, b = 0.3 * a + f ** (1 / gamma) * n, np.broadcast_to(0.3 * b + d, (m, k))
    expected = np.where(b > 0, (a / np.where(b > 0, b, 1)) ** gamma, f)
    kept = expected >= least
    expected, a = kept * expected, kept * a
    found = []
    for n_threads in (1, 3):
        G, sum_A, sum_B = F.copy(), A.copy(), B.copy()
        found.append((*kernels.accumulate(G, num, den, sum_A, sum_B, least, 0.3, gamma, n_threads), G, sum_A, sum_B))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    moved, size, *arrays = found[0]
    for array, wanted in zip(arrays, (expected, a, b[: len(B)]), strict=True):
        np.testing.assert_allclose(array, wanted, rtol=rtol)
    precision = 1e-3 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose((moved, size), (np.sum((expected - f) ** 2), np.sum(expected**2)), rtol=precision)


def passes(X, W, H, beta, rho, penalties=NO_PENALTIES, size=16, times=3, n_threads=2):
    """W, H and the costs after some passes over X in batches, by the solver."""
    data, workspace = as_data(X, n_threads)
    exponent, loss = data.measures.exponent, losses.beta_loss(beta)
    solver = OnlineSolver(OnlineState.start(H, exponent, loss), loss, penalties, workspace)
    of_W, costs = exponent - exponent // 2, []
    W = np.ldexp(W, -of_W)
    for _ in range(times):
        for i in range(0, len(W), size):
            batch = data.row_slice(i, min(len(W), i + size))
            costs.append(solver.cost_unit * solver.step(batch, W[i : i + size], rho).cost)
    return np.ldexp(W, of_W), solver.state.H, np.array(costs)


@pytest.mark.parametrize("alpha", [0.0, 0.3])
@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("store", [np.asarray, np.asfortranarray, scipy.sparse.csr_array, scipy.sparse.csc_array])
def test_the_solver_is_the_reference(store, beta, alpha):
    X, W0, H0 = problem(m=49, n=23)  # the last batch is a single row
    W, H, A, B = W0.copy(), H0.copy(), H0.copy(), np.ones_like(H0)
    for _ in range(3):
        for i in range(0, len(X), 16):
            rows = slice(i, i + 16)
            of_batch = (alpha, 2 * alpha), (alpha * len(X[rows]), alpha * len(X[rows]) / 2)
            online.online_step(X[rows], W[rows], H, A, B, beta, 0.6, of_batch)
    found_W, found_H, _ = passes(
        store(X), W0, H0, beta, 0.6, (ElasticNetTerm(alpha, 2 * alpha), ElasticNetTerm(alpha, alpha / 2))
    )
    np.testing.assert_allclose(found_W, W, rtol=1e-11)
    np.testing.assert_allclose(found_H, H, rtol=1e-11)


@pytest.mark.parametrize("beta", BETAS)
def test_one_batch_that_forgets_all_is_the_plain_update(beta):
    X, W0, H0 = problem()
    W, H, costs = passes(X, W0, H0, beta, 0.0, size=len(X), times=5)
    plain = nmfcore.mu(X, 4, loss=beta, init=(W0, H0), max_iter=5, tol=0, floor=0, extrapolate=False)
    np.testing.assert_allclose(W, plain.W, rtol=1e-11)
    np.testing.assert_allclose(H, plain.H, rtol=1e-11)
    assert np.all(np.diff(costs) < 0)


@pytest.mark.parametrize("store", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("beta", [2, 1, 0.5])
def test_threads_and_powers_of_two_change_no_digit(beta, store):
    """With a rho of 0 nothing knows of the 1 that B begins with."""
    X, W0, H0 = problem(m=700, n=300, zeros=0.3)
    one = passes(store(X), W0, H0, beta, 0.0, size=256, n_threads=1)
    for found in (passes(store(X), W0, H0, beta, 0.0, size=256, n_threads=3), one):
        for a, b in zip(found, one, strict=True):
            np.testing.assert_array_equal(a, b)
    large = passes(store(np.ldexp(X, 600)), np.ldexp(W0, 300), np.ldexp(H0, 300), beta, 0.0, size=256, n_threads=1)
    for found, expected in zip(large[:2], one[:2], strict=True):
        np.testing.assert_array_equal(found, np.ldexp(expected, 300))


def test_small_coordinates_become_zero_and_stay():
    X, W0, H0 = problem(n=3)
    H0[1, 2] = 1e-30
    _, H, _ = passes(X, W0, H0, 1, 0.5)
    assert H[1, 2] == 0
    _, H, _ = passes(X, W0, H0, 2, 0.5)
    assert H[1, 2] > 0  # for beta > 1 nothing is cut


def test_no_component_is_lost_where_X_is_zero():
    W, H, costs = passes(np.zeros((30, 5)), np.ones((30, 2)), np.ones((2, 5)), 2, 0.7)
    assert np.isfinite(W).all() and np.isfinite(H).all() and costs[-1] == 0
