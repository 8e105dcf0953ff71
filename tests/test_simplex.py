"""Multiplicative updates of factors whose rows or columns sum to one."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from conftest import planted
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore import losses, penalties, reference
from nmfcore.penalties import SumToOne
from nmfcore.solvers.simplex import simplex_update

POWERS = {"kl": (0.0, -1.0), "is": (0.0, -2.0), "ls": (1.0, 0.0), "cubic": (2.0, 0.0), "penalised": (1.0, -1.0)}
LOSSES = ["kullback-leibler", "itakura-saito", 0.5, 1.2, 1.5, 1.8, 3, "l1", losses.Huber(0.5)]


def counts(seed, m=80, n=96, k=6):
    rng = np.random.default_rng(seed)
    return rng.poisson(20 * rng.gamma(0.5, size=(m, k)) @ rng.gamma(0.3, size=(k, n)) + 1).astype(float)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(sorted(POWERS)), st.integers(1, 7), st.integers(-300, 300))
def test_update_is_that_of_the_reference(seed, name, k, exponent):
    rng = np.random.default_rng(seed)
    f, num, den = rng.gamma(0.5, size=(3, 4, k)) + 1e-12
    num[rng.random(num.shape) < 0.2] = 0
    f /= f.sum(axis=1, keepdims=True)
    new = simplex_update(f, np.ldexp(num, exponent), np.ldexp(den, exponent), POWERS[name], 1.0)
    for i in range(4):
        if num[i].any():
            wanted = reference.simplex_multiplicative_update(f[i], num[i], den[i], POWERS[name], 1.0)
            np.testing.assert_allclose(new[i], wanted, rtol=1e-6, atol=1e-7)  # a multiplier near -den has few digits
    np.testing.assert_allclose(new.sum(axis=1), 1, rtol=1e-14)
    assert (new >= 0).all()


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("side", ["W", "H"])
@pytest.mark.parametrize("axis", [0, 1])
def test_sums_are_exact_and_the_objective_never_rises(loss, side, axis, dtype):
    X = (planted(30, 20, 3)[0] + 0.01).astype(dtype)
    penalty = {f"penalty_{side}": SumToOne(axis)}
    options = {"loss": loss, "init": "random", "random_state": 0, "max_iter": 60, "tol": 0, "extrapolate": False}
    result = nmfcore.nmf(X, 3, n_threads=1, **options, **penalty)
    assert result.options["solver"] == "mu"
    sums = getattr(result, side).sum(axis=axis, dtype=np.float64)
    np.testing.assert_allclose(sums, 1, rtol=4 * np.finfo(dtype).eps * X.shape[1])
    rises = np.diff(result.history.objective) / result.history.objective[1:]
    assert rises.max() <= 0
    again = nmfcore.nmf(X, 3, n_threads=2, **options, **penalty)
    assert np.array_equal(again.W, result.W) and np.array_equal(again.H, result.H)


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito", 1.5])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("constraint", [{"penalty_H": SumToOne(1)}, {"penalty_W": SumToOne(0)}])
def test_iterations_are_at_most_twice_those_of_the_free_fit(loss, seed, constraint):
    """The constraint costs nothing here, since the components can be scaled."""
    X, options = counts(seed) + 0.5, {"loss": loss, "init": "random", "random_state": seed, "tol": 0}
    free = nmfcore.nmf(X, 6, max_iter=600, **options)
    wanted = 1.01 * free.objective
    of_free = np.argmax(free.history.objective <= wanted)
    summed = nmfcore.nmf(X, 6, max_iter=int(2 * of_free), **options, **constraint)
    assert summed.objective <= wanted


@pytest.mark.parametrize("loss", ["kullback-leibler", "itakura-saito", 0.5, 1.5])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_transform_ends_at_the_optimum(loss, make):
    rng = np.random.default_rng(3)
    H = rng.gamma(0.7, size=(4, 30)) + 0.05
    X = rng.poisson(rng.dirichlet(np.ones(4), 6) @ H * 5).astype(float)
    if loss in ("itakura-saito", 0.5):
        if make is not np.asarray:
            pytest.skip("infinite or dense at the zeros of X")
        X += 0.5
    W = nmfcore.transform(make(X), H, loss=loss, penalty_W=SumToOne(axis=1), tol=1e-10, max_iter=20000)
    beta = losses.BetaDivergence({"kullback-leibler": 1, "itakura-saito": 0}.get(loss, loss)).beta
    for x, w in zip(X, W, strict=True):
        best = min(

                scipy.optimize.minimize(
                    lambda v, x=x: reference.beta_divergence(x[None], (v @ H)[None], beta),
                    start, bounds=[(1e-9, 1)] * 4, constraints={"type": "eq", "fun": lambda v: v.sum() - 1},
                    method="SLSQP", options={"ftol": 1e-13, "maxiter": 500},
                ).fun
                for start in (np.full(4, 0.25), w)

        )  # fmt: skip
        found = reference.beta_divergence(x[None], (w @ H)[None], beta)
        assert found <= best + 1e-5 * abs(best)
        assert w.sum() == pytest.approx(1, abs=1e-12)


def test_empty_samples_have_shares_that_sum_to_one():
    X = counts(0, 12, 9, 3)
    X[4] = 0
    result = nmfcore.nmf(X, 3, loss="kullback-leibler", penalty_W=SumToOne(1), random_state=0, max_iter=500)
    np.testing.assert_allclose(result.W.sum(axis=1), 1, rtol=1e-12)
    cheapest = result.H.sum(axis=1).argmin()  # the row costs sum_t W_t sum_j H_tj
    assert result.W[4].argmax() == cheapest and result.W[4].max() > 0.9


def test_with_other_penalties_and_weights():
    X, shares = planted(30, 20, 3)[0] + 0.01, SumToOne(1)
    for options in (
        {"penalty_W": shares + penalties.L1(0.1)},
        {"penalty_W": shares, "penalty_H": penalties.L2(0.1)},
        {"penalty_W": shares + penalties.Orthogonality(0.1)},
        {"penalty_W": shares, "weights": np.random.default_rng(0).random(X.shape)},
        {"penalty_W": shares, "mask": np.random.default_rng(0).random(X.shape) < 0.2},
        {"penalty_W": shares, "penalty_H": shares},
    ):
        result = nmfcore.nmf(X, 3, loss="kullback-leibler", solver="mu", random_state=0, extrapolate=False, **options)
        assert np.diff(result.history.objective).max() <= 0
        np.testing.assert_allclose(result.W.sum(axis=1), 1, rtol=1e-12)


def test_powers_of_two_change_no_digit():
    X = counts(1, 20, 15, 3) + 0.5
    for loss in ("kullback-leibler", "itakura-saito", 1.5):
        one, other = (
            nmfcore.nmf(c * X, 3, loss=loss, penalty_W=SumToOne(1), random_state=0, max_iter=30) for c in (1.0, 2.0**40)
        )
        assert np.array_equal(one.W, other.W) and np.array_equal(one.H * 2.0**40, other.H)
