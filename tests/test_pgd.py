"""Projected gradient descent: it never raises an objective, and ends where the others end."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import problem

import nmfcore

LOSSES = ["frobenius", "kullback-leibler", "itakura-saito", 0.5, 3.0, nmfcore.Huber(0.3), "l1"]


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_step_raises_the_objective(loss, dtype):
    X, W, H = problem(30, 25, 3)
    result = nmfcore.nmf(X.astype(dtype), 3, loss=loss, solver="pgd", init=(W, H), max_iter=30, tol=0)
    values = []
    for n_iter in range(5):
        part = nmfcore.nmf(X.astype(dtype), 3, loss=loss, solver="pgd", init=(W, H), max_iter=n_iter, tol=0)
        again = nmfcore.nmf(X.astype(dtype), 3, loss=loss, solver="mu", init=part, max_iter=0)
        np.testing.assert_allclose(again.objective, part.objective, rtol=1e-4 if dtype == np.float32 else 1e-10)
        values.append(again.objective)
    assert np.all(np.diff(values) < 0) and result.objective < values[-1]
    assert result.W.min() >= 0 and result.H.min() >= 0


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_it_ends_at_a_stationary_point(loss, form):
    X, W, H = problem(30, 25, 2, zeros=0.2)
    result = nmfcore.nmf(form(X), 2, loss=loss, solver="pgd", init=(W, H), max_iter=3000, tol=0)
    assert result.kkt_residual < 1e-3
    further = nmfcore.nmf(form(X), 2, loss=loss, init=result, max_iter=200)
    np.testing.assert_allclose(further.objective, result.objective, rtol=1e-4)


def test_it_stops_at_a_stationary_point():
    X, W, H = np.ones((4, 3)), np.ones((4, 1)), np.ones((1, 3))
    result = nmfcore.nmf(X, 1, solver="pgd", init=(W, H), max_iter=10)
    assert result.converged and result.n_iter == 1
    np.testing.assert_array_equal(result.W, W)


def test_an_empty_component_does_not_end_the_fit():
    X, W, H = problem(30, 25, 3)
    W[:, 1] = 0
    result = nmfcore.nmf(X, 3, solver="pgd", init=(W, H), max_iter=300)
    healthy = nmfcore.nmf(X, 2, solver="pgd", init=(W[:, ::2], H[::2]), max_iter=300)
    assert result.objective < 1.05 * healthy.objective


def test_a_set_that_once_led_to_a_model_of_zero():
    X = np.random.default_rng(2).random((1, 7)) + 0.1
    sparse = nmfcore.penalties.Hoyer(0.5, 1)
    result = nmfcore.nmf(X, 1, loss="kullback-leibler", solver="pgd", random_state=0, penalty_H=sparse, max_iter=30)
    assert np.isfinite(result.objective) and (result.kkt_residual <= 0.01 or not result.converged)
