"""Alternating exact least squares: every half-step ends at its minimiser."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from conftest import planted

import nmfcore
from nmfcore import reference


def half(X, B, F):
    """The residual of the gradient conditions of F alone, given B: X ~ F B'."""
    G, C = B.T @ B, X @ B
    return np.sqrt(np.sum(np.diagonal(G) * np.minimum(F, (F @ G - C) / np.diagonal(G)) ** 2)) / np.linalg.norm(X)


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
def test_an_iteration_is_two_exact_solutions(form):
    X, W, H = planted(30, 25, 4)
    result = nmfcore.nmf(form(X), 4, solver="bpp", init=(W, H), max_iter=1, tol=0)
    expected_W = np.stack([scipy.optimize.nnls(H.T, x)[0] for x in X])
    expected_H = np.stack([scipy.optimize.nnls(expected_W, x)[0] for x in X.T], axis=1)
    np.testing.assert_allclose(result.W, expected_W, rtol=0, atol=1e-10 * expected_W.max())
    np.testing.assert_allclose(result.H, expected_H, rtol=0, atol=1e-10 * expected_H.max())
    again = reference.block_principal_pivoting(result.W.T @ result.W, X.T @ result.W).T
    np.testing.assert_allclose(result.H, again, rtol=0, atol=1e-10 * again.max())


@pytest.mark.parametrize("extrapolate", [False, True])
def test_the_gradient_conditions_of_the_last_half_step_hold(extrapolate):
    X, W, H = planted(60, 50, 6)
    result = nmfcore.nmf(X, 6, solver="bpp", init=(W, H), max_iter=7, tol=0, extrapolate=extrapolate)
    assert half(X.T, result.W, result.H.T) < 1e-10


@pytest.mark.parametrize("extrapolate", [False, True])
def test_it_ends_at_a_stationary_point(extrapolate):
    X, W, H = planted(40, 30, 3)
    result = nmfcore.nmf(X, 3, solver="bpp", init=(W, H), max_iter=600, tol=0, extrapolate=extrapolate)
    limit = 1e-8 if extrapolate else 1e-10  # which of its points is the best the objective says, to half its digits
    assert result.kkt_residual < limit and reference.kkt_residual(X, result.W, result.H) < limit
    again = nmfcore.nmf(X, 3, solver="bpp", init=result, tol=1e-6)
    assert again.converged and again.n_iter == 1
    np.testing.assert_allclose(again.W, result.W, rtol=0, atol=1e-6 * result.W.max())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 7, 40])
def test_no_half_step_raises_the_objective(dtype, k):
    X, W, H = planted(50, 40, k, dtype=dtype)
    result = nmfcore.nmf(X, k, solver="bpp", init=(W, H), max_iter=30, tol=0, extrapolate=False)
    values = []
    for n_iter in range(8):
        part = nmfcore.nmf(X, k, solver="bpp", init=(W, H), max_iter=n_iter, tol=0, extrapolate=False)
        values.append(reference.objective(X.astype(float), part.W.astype(float), part.H.astype(float)))
    assert np.all(np.diff(values) <= 1e-6 * values[-1]) and result.objective <= values[-1] * (1 + 1e-6)
    assert result.W.dtype == dtype and result.W.min() >= 0 and result.H.min() >= 0


def test_exact_half_steps_need_no_more_iterations_than_sweeps():
    X, W, H = planted(200, 150, 10)
    exact, swept = (
        nmfcore.nmf(X, 10, solver=solver, init=(W, H), max_iter=20, tol=0, extrapolate=False, **options)
        for solver, options in (("bpp", {}), ("hals", {"inner_iter": 1}))
    )
    assert exact.objective < swept.objective


def test_scale_and_threads_change_no_bit():
    X, W, H = planted(700, 300, 12)
    one = nmfcore.nmf(X, 12, solver="bpp", init=(W, H), max_iter=5, n_threads=1)
    three = nmfcore.nmf(X, 12, solver="bpp", init=(W, H), max_iter=5, n_threads=3)
    scaled = nmfcore.nmf(np.ldexp(X, 40), 12, solver="bpp", init=(W, np.ldexp(H, 40)), max_iter=5)
    for other, H_other in ((three, three.H), (scaled, np.ldexp(scaled.H, -40))):
        np.testing.assert_array_equal(other.W, one.W)
        np.testing.assert_array_equal(H_other, one.H)


def test_more_components_than_the_rank():
    rng = np.random.default_rng(0)
    X = rng.random((20, 2)) @ rng.random((2, 15))
    result = nmfcore.nmf(X, 8, solver="bpp", init="random", random_state=0)
    assert np.all(np.isfinite(result.W)) and np.all(np.isfinite(result.H)) and result.relative_error < 1e-6


def test_an_empty_component_comes_back():
    X, W, H = planted(40, 30, 3)
    H[1] = 0
    result = nmfcore.nmf(X, 3, solver="bpp", init=(W, H), max_iter=50)
    assert result.H[1].any() and result.W[:, 1].any()


@pytest.mark.parametrize("penalty", [nmfcore.penalties.L1(3.0), nmfcore.penalties.L2(1.0)])
def test_penalties(penalty):
    X, W, H = planted(60, 40, 4)
    exact, swept = (
        nmfcore.nmf(X, 4, solver=solver, init=(W, H), max_iter=500, penalty_W=penalty, penalty_H=penalty)
        for solver in ("bpp", "hals")
    )
    assert exact.kkt_residual < 1e-3 and exact.objective < 1.01 * swept.objective
    with pytest.raises(ValueError, match="is not served by solver='bpp'"):
        nmfcore.nmf(X, 4, solver="bpp", penalty_H=nmfcore.penalties.Orthogonality(1.0))


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito", "l1"])
def test_it_serves_least_squares_alone(loss):
    with pytest.raises(ValueError, match="solver='bpp' does not serve loss="):
        nmfcore.nmf(np.ones((4, 3)), 1, loss=loss, solver="bpp")


@pytest.mark.parametrize("option", [{"inner_iter": 3}, {"floor": 0.0}])
def test_it_has_no_options(option):
    with pytest.raises(ValueError, match=r"is not an option of solver='bpp'; it has none"):
        nmfcore.nmf(np.ones((4, 3)), 1, solver="bpp", **option)
