"""Zeros that make a loss infinite are refused, and a fit far from stationary has not converged."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import nmfcore
from nmfcore import penalties

INFINITE = ["itakura-saito", 0.5, "kullback-leibler"]


def zeros(shape, places, elsewhere):
    F = np.full(shape, elsewhere)
    F[places] = 0
    return F


def positive(m=6, n=8):
    return np.random.default_rng(0).random((m, n)) + 0.1


@pytest.mark.parametrize("loss", INFINITE)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"fixed_W": zeros((6, 2), 2, np.nan)}, "fixed_W: every component is 0 in row 2 of X"),
        ({"fixed_H": zeros((2, 8), np.s_[:, 5], np.nan)}, "fixed_H: every component is 0 in column 5 of X"),
        ({"penalty_W": penalties.Box(0, zeros((6, 2), [1, 4], np.inf))}, "penalty_W: every component is 0 in rows 1"),
        ({"penalty_H": penalties.Box(0, zeros((2, 8), np.s_[:, 0], 1.0))}, "penalty_H: every component is 0 in column"),
        ({"init": (zeros((6, 2), 3, 1.0), np.ones((2, 8))), "floor": 0}, "init: every component is 0 in row 3 of X"),
        (
            {"fixed_W": np.kron(np.eye(2), np.ones((3, 1))), "fixed_H": zeros((2, 8), (0, 1), np.nan)},
            "fixed_W and fixed_H: every component is 0 in some entries of rows 0, 1, 2 of X",
        ),
    ],
    ids=["fixed rows", "fixed columns", "bounds", "bounds of H", "start", "both"],
)
def test_rows_without_a_component_are_named(loss, options, words):
    with pytest.raises(nmfcore.InputError) as error:
        nmfcore.nmf(positive(), 2, loss=loss, solver="mu", **options)
    assert words in str(error.value)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_zeros_over_what_is_zero_or_hidden_are_taken(make):
    X, known = positive(), zeros((6, 2), 2, np.nan)
    empty = X.copy()
    empty[2] = 0
    result = nmfcore.nmf(make(empty), 2, loss="kullback-leibler", fixed_W=known, random_state=0)
    assert np.isfinite(result.objective) and not result.W[2].any()
    hidden = np.zeros(X.shape, bool)
    hidden[2] = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the row has no observed entry
        result = nmfcore.nmf(make(X), 2, loss="kullback-leibler", fixed_W=known, mask=hidden, random_state=0)
    assert np.isfinite(result.objective)
    for loss in ("frobenius", 1.5):  # finite under a model of 0
        assert np.isfinite(nmfcore.nmf(X, 2, loss=loss, fixed_W=known, random_state=0).objective)


@pytest.mark.parametrize("beta", [1.1, 1.5, 1.9])
@pytest.mark.parametrize("seed", range(3))
def test_projected_gradient_descent_ends_where_updates_do(beta, seed):
    rng = np.random.default_rng(seed)
    blocks = np.kron(np.eye(2), np.ones((2, 2))) * 5 + 0.01
    counts = rng.poisson(3, (30, 20)).astype(float)
    for X, k, most in ((blocks, 2, 1e-4), (counts, 4, 1.1)):
        options = {"loss": beta, "init": "random", "random_state": seed, "max_iter": 500}
        steps, updates = (nmfcore.nmf(X, k, solver=solver, **options) for solver in ("pgd", "mu"))
        assert steps.objective <= max(most * updates.objective, 1e-5 * X.sum())
        assert steps.kkt_residual < 0.1


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "itakura-saito", 0.5, 1.5, 3, "l1"])
@pytest.mark.parametrize("solver", ["auto", "mu", "pgd", "cd", "bpp"])
def test_converged_means_near_a_stationary_point(loss, solver):
    X = positive(20, 15)
    for seed in range(3):
        for tol in (1e-1, 1e-4):
            try:
                result = nmfcore.nmf(X, 3, loss=loss, solver=solver, init="random", random_state=seed, tol=tol)
            except nmfcore.InputError:
                pytest.skip("not served")
            assert not result.converged or (result.kkt_residual <= 0.01 and result.reason in ("tol", "stalled"))


def test_a_fit_that_stops_far_from_stationary_says_so():
    X = positive(30, 20)
    with pytest.warns(
        nmfcore.ConvergenceWarning, match=r"but its KKT residual is .*; lower tol, or take another start"
    ):
        result = nmfcore.nmf(X, 3, solver="pgd", init="random", random_state=0, tol=10.0)
    assert result.reason == "tol" and not result.converged


def test_options_say_which_solver_ran():
    X = positive()
    for options, solver in (
        ({}, "hals"),
        ({"loss": "kullback-leibler"}, "mu"),
        ({"loss": "kullback-leibler", "penalty_W": penalties.Hoyer(0.5, 0)}, "pgd"),
        ({"fixed_H": np.ones((2, 8))}, "bpp"),
        ({"solver": "pgd"}, "pgd"),
    ):
        assert nmfcore.nmf(X, 2, random_state=0, max_iter=2, tol=0, **options).options["solver"] == solver
