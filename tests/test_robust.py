"""Huber and L1: their algorithms, and what outliers do to them."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import PLAIN, problem

import nmfcore
from nmfcore import reference


@pytest.mark.parametrize("form", [np.ascontiguousarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("loss", [nmfcore.Huber(0.3), nmfcore.Huber(1e-3), nmfcore.losses.L1(), "l1"], ids=str)
def test_iterates_and_objective_of_the_reference(loss, form):
    X, W, H = problem(70, 110, 5, zeros=0.3)
    absolute = not isinstance(loss, nmfcore.Huber)
    limit = 1e-3 * X.mean() if absolute else loss.delta
    result = nmfcore.mu(form(X), 5, loss=loss, init=(W, H), max_iter=5, **PLAIN)
    values, Ht = [reference.robust_loss(X, W @ H, limit, absolute)], H.T.copy()
    for _ in range(5):
        reference.robust_update(X, W, Ht, limit)
        reference.robust_update(X.T, Ht, W, limit)
        values.append(reference.robust_loss(X, W @ Ht.T, limit, absolute))
    np.testing.assert_allclose(result.W, W, rtol=1e-8)
    np.testing.assert_allclose(result.H, Ht.T, rtol=1e-8)
    np.testing.assert_allclose(result.history.objective, values, rtol=1e-9)
    assert np.all(np.diff(values) < 0)


def test_huber_beyond_every_residual_is_least_squares():
    X, W, H = problem()
    one = nmfcore.mu(X, 4, loss=nmfcore.Huber(1e6), init=(W, H), max_iter=20, tol=0)
    other = nmfcore.mu(X, 4, loss="frobenius", init=(W, H), max_iter=20, tol=0, extrapolate=False)
    plain = nmfcore.mu(X, 4, loss=nmfcore.Huber(1e6), init=(W, H), max_iter=20, tol=0, extrapolate=False)
    np.testing.assert_allclose(plain.W, other.W, rtol=1e-9)
    np.testing.assert_allclose(plain.objective, other.objective, rtol=1e-9)
    assert one.objective < plain.objective


@pytest.mark.parametrize("c", [2.0**-90, 3.0, 2.0**50])
def test_scale_law(c):
    X, W, H = problem()
    for loss, scaled, degree in (
        (nmfcore.Huber(0.3), nmfcore.Huber(0.3 * c), 2),
        (nmfcore.losses.L1(), nmfcore.losses.L1(), 1),
    ):
        one = nmfcore.mu(X, 4, loss=loss, init=(W, H), max_iter=5, tol=0)
        other = nmfcore.mu(c * X, 4, loss=scaled, init=(W, c * H), max_iter=5, tol=0)
        np.testing.assert_allclose(other.history.objective / c**degree, one.history.objective, rtol=1e-9)


@pytest.mark.parametrize("loss", [nmfcore.Huber(0.1), "l1"], ids=str)
def test_outliers_do_not_move_the_fit(loss):
    rng = np.random.default_rng(0)
    truth = rng.gamma(1.0, size=(80, 3)) @ rng.gamma(1.0, size=(3, 60))
    X = truth + np.where(rng.random(truth.shape) < 0.03, 30 * truth.max(), 0)
    error = {
        name: np.linalg.norm(truth - (r.W @ r.H)) / np.linalg.norm(truth)
        for name, r in (
            ("robust", nmfcore.mu(X, 3, loss=loss, init="random", random_state=0, max_iter=2000)),
            ("squares", nmfcore.mu(X, 3, init="random", random_state=0, max_iter=2000)),
        )
    }
    assert error["robust"] < 0.02 < 1 < error["squares"]


@pytest.mark.parametrize("loss", [nmfcore.Huber(0.1), nmfcore.losses.L1()], ids=str)
def test_extrapolated_history_and_threads(loss):
    X, W, H = problem(300, 200, 5)
    one, more = (nmfcore.mu(X, 5, loss=loss, init=(W, H), max_iter=30, tol=0, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.W, more.W)
    assert np.all(np.diff(one.history.objective) <= 0)
    residuals = [nmfcore.mu(X, 5, loss=loss, init=(W, H), max_iter=n, tol=0).kkt_residual for n in (0, 50)]
    assert residuals[1] < residuals[0] / 10


def test_x_without_entries():
    for loss in (nmfcore.Huber(1.0), "l1"):
        assert np.isfinite(nmfcore.mu(np.zeros((4, 3)), 2, loss=loss, random_state=0).objective)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nmfcore.Huber(0), ValueError, "delta is 0; wanted a finite number > 0"),
        (lambda: nmfcore.Huber("1"), TypeError, r"delta is '1' \(str\); wanted a number > 0"),
        (lambda: nmfcore.losses.L1(np.nan), ValueError, "epsilon is nan; wanted a finite number > 0"),
        (lambda: nmfcore.BetaDivergence(np.inf), ValueError, "beta is inf; wanted a finite number"),
        (lambda: nmfcore.mu(np.eye(3), 2, loss="huber"), ValueError, r"or an object such as nmfcore.Huber\(delta\)"),
    ],
)
def test_bad_parameters(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_deltas(dtype):
    X, W, H = problem()
    X = X.astype(dtype)
    squares = nmfcore.mu(X, 4, loss="frobenius", init=(W, H), max_iter=50, tol=0, extrapolate=False)
    for scale, delta in ((1, 1e39), (1, 1e300), (1e-30, 1e300)):
        found = nmfcore.mu(dtype(scale) * X, 4, loss=nmfcore.Huber(delta), init=(W, scale * H), max_iter=50, **PLAIN)
        np.testing.assert_allclose(found.objective / scale**2, squares.objective, rtol=1e-3)
    small = nmfcore.mu(X, 4, loss=nmfcore.Huber(1e-7), init=(W, H), max_iter=50)
    assert small.n_iter > 5
    with pytest.raises(ValueError, match=r"delta is (1000|an integer of 1329 bits)"):
        nmfcore.Huber(10**400)


def test_the_loss_l1_is_deprecated_at_the_top():
    with pytest.warns(DeprecationWarning, match=r"nmfcore\.L1 is deprecated; use nmfcore\.losses\.L1"):
        assert nmfcore.L1 is nmfcore.losses.L1
