"""L2,1: its algorithms, what a wrong sample does to it, and what goes with it."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import problem

import nmfcore
from nmfcore import penalties, reference

SWEEP = {"loss": "l21", "inner_iter": 1, "extrapolate": False, "tol": 0}


def limit_of(X, epsilon=1e-3):
    return epsilon * np.linalg.norm(X) / np.sqrt(len(X))


@pytest.mark.parametrize("form", [np.ascontiguousarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("epsilon", [1e-3, 0.2])
def test_iterates_and_objective_of_the_reference(form, epsilon):
    X, W, H = problem(70, 40, 5, zeros=0.3)
    found = nmfcore.nmf(form(X), 5, init=(W, H), max_iter=6, **SWEEP | {"loss": nmfcore.L21(epsilon)})
    Ht, limit = H.T.copy(), limit_of(X, epsilon)
    values = [reference.l21_loss(X, W, H, limit)]
    for _ in range(6):
        reference.l21_iteration(X, W, Ht, limit)
        values.append(reference.l21_loss(X, W, Ht.T, limit))
    np.testing.assert_allclose(found.W, W, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found.H, Ht.T, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(found.history.objective, values, rtol=1e-10)
    assert np.all(np.diff(values) < 0)
    np.testing.assert_allclose(found.relative_error, np.linalg.norm(X - W @ Ht.T) / np.linalg.norm(X), rtol=1e-9)


def test_wrong_samples_do_not_move_the_fit():
    rng = np.random.default_rng(0)
    truth = rng.gamma(1.0, size=(100, 3)) @ rng.gamma(1.0, size=(3, 30))
    X = truth.copy()
    X[::20] = 8 * rng.gamma(1.0, size=(5, 30))
    right = np.arange(100) % 20 != 0
    error = {}
    for loss in ("l21", "frobenius"):
        found = nmfcore.nmf(X, 3, loss=loss, init="random", random_state=0, max_iter=3000)
        error[loss] = np.linalg.norm((truth - found.W @ found.H)[right]) / np.linalg.norm(truth[right])
    assert error["l21"] < 0.01 < 0.1 < error["frobenius"]


def test_extrapolation_threads_float32_and_the_kkt_residual():
    X, W, H = problem(300, 60, 5)
    plain = nmfcore.nmf(X, 5, init=(W, H), max_iter=40, **SWEEP)
    one, more = (nmfcore.nmf(X, 5, loss="l21", init=(W, H), max_iter=40, tol=0, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.W, more.W)
    assert one.objective < plain.objective and np.all(np.diff(one.history.objective) <= 0)
    np.testing.assert_allclose(one.objective, reference.l21_loss(X, one.W, one.H, limit_of(X)), rtol=1e-9)
    single = nmfcore.nmf(X.astype(np.float32), 5, loss="l21", init=(W, H), max_iter=40, tol=0)
    np.testing.assert_allclose(single.objective, one.objective, rtol=1e-3)
    start, end = (nmfcore.nmf(X, 5, loss="l21", init=(W, H), max_iter=n, tol=0).kkt_residual for n in (0, 2000))
    assert end < 1e-5 * start


@pytest.mark.parametrize("c", [2.0**-90, 3.0, 2.0**50])
def test_scale_law(c):
    X, W, H = problem()
    one, other = (nmfcore.nmf(s * X, 4, loss="l21", init=(W, s * H), max_iter=5, tol=0) for s in (1, c))
    np.testing.assert_allclose(other.history.objective / c, one.history.objective, rtol=1e-9)


def test_one_factor_given():
    X, *_ = problem()
    whole = nmfcore.nmf(X, 4, loss="l21", random_state=0, max_iter=5000, tol=1e-9)
    for given in ({"fixed_W": whole.W}, {"fixed_H": whole.H}):
        found = nmfcore.nmf(X, 4, loss="l21", max_iter=5000, tol=1e-9, **given)
        np.testing.assert_allclose(found.objective, whole.objective, rtol=1e-6)


def test_penalties_never_raise_the_penalised_objective():
    X, W, H = problem()
    options = {"penalty_W": penalties.L1(0.02), "penalty_H": penalties.L2(0.1) + penalties.Box(upper=3.0)}
    found = nmfcore.nmf(X, 4, init=(W, np.minimum(H, 3)), max_iter=60, **SWEEP, **options)
    assert np.all(np.diff(found.history.objective) <= 0) and found.H.max() <= 3
    value = reference.l21_loss(X, found.W, found.H, limit_of(X))
    np.testing.assert_allclose(found.objective, value + 0.02 * found.W.sum() + 0.05 * (found.H**2).sum(), rtol=1e-9)


def test_x_of_zeros_and_of_one_sample():
    assert np.isfinite(nmfcore.nmf(np.zeros((4, 3)), 2, loss="l21", random_state=0).objective)
    assert nmfcore.nmf(np.ones((1, 3)), 1, loss="l21").relative_error < 1e-6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "mu"}, r"solver='mu' does not serve loss='l21'; wanted one of \['hals'"),
        (
            {"penalty_W": penalties.L2(1.0), "penalty_H": penalties.L2(1.0)},
            r"penalty_W=L2\(1.0\) is not served with loss='l21'",
        ),
    ],
)
def test_what_it_does_not_serve(options, message):
    with pytest.raises(ValueError, match=message):
        nmfcore.nmf(np.eye(4), 2, loss="l21", **options)


def test_bad_epsilon():
    with pytest.raises(ValueError, match="epsilon is 0; wanted a finite number > 0"):
        nmfcore.L21(0)
