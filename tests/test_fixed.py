"""Bounds, given values, and a whole factor given: transform."""

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from conftest import problem

import nmfcore
from nmfcore import penalties, reference

LOSSES = ["frobenius", "kullback-leibler", "itakura-saito", 1.5, nmfcore.Huber(0.3), "l1", "l21"]


def partly(F, share=0.3, seed=0):
    """Some of the entries, NaN for the others."""
    return np.where(np.random.default_rng(seed).random(F.shape) < share, F, np.nan)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
@pytest.mark.parametrize("solver", ["auto", "pgd"])
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array])
def test_given_values_stay_and_the_rest_is_fitted(loss, solver, form):
    if loss == "itakura-saito" and form is sp.csr_array:
        pytest.skip("infinite at the zeros of sparse X")
    if loss == "l21" and solver == "pgd":
        pytest.skip("not served")
    X, W, H = problem(30, 25, 4, zeros=0.2 * (loss != "itakura-saito"))
    fixed_W, fixed_H = partly(W), partly(H, seed=1)
    fixed_H[2] = H[2]
    found = nmfcore.nmf(
        form(X), 4, loss=loss, solver=solver, fixed_W=fixed_W, fixed_H=fixed_H, random_state=0, max_iter=30, tol=0
    )
    for F, fixed in ((found.W, fixed_W), (found.H, fixed_H)):
        np.testing.assert_allclose(F[~np.isnan(fixed)], fixed[~np.isnan(fixed)], rtol=1e-15)
    assert found.objective < 0.9 * found.history.objective[0]


@pytest.mark.parametrize("known", ["box", "fixed", "both"])
def test_iterates_of_the_reference(known):
    X, W, H = problem(70, 40, 5)
    upper, fixed = np.full(H.shape, np.inf), np.full(H.shape, np.nan)
    if known != "fixed":
        upper[:] = 0.8
    if known != "box":
        fixed[1], fixed[3, ::2] = 0.3, 0.0
    said = {"fixed_H": fixed if known != "box" else None}
    if known != "fixed":
        said["penalty_H"] = penalties.Box(upper=0.8)
    found = nmfcore.hals(X, 5, init=(W, H), inner_iter=1, extrapolate=False, max_iter=8, tol=0, **said)
    lower = np.where(np.isnan(fixed), 0.0, fixed).T
    upper = np.where(np.isnan(fixed), upper, fixed).T
    Ht = np.clip(H.T, lower, upper)
    values = [reference.objective(X, W, Ht.T)]
    for _ in range(8):
        reference.hals_sweep(Ht.T @ Ht, X @ Ht, W)
        reference.hals_sweep(W.T @ W, X.T @ W, Ht, lower, upper)
        values.append(reference.objective(X, W, Ht.T))
    np.testing.assert_allclose(found.W, W, rtol=1e-10)
    np.testing.assert_allclose(found.H, Ht.T, rtol=1e-10)
    np.testing.assert_allclose(found.history.objective, values, rtol=1e-12)


@pytest.mark.parametrize("solver", ["hals", "mu", "pgd"])
def test_a_box_holds_in_every_iteration_and_the_fit_ends_stationary(solver):
    X, W, H = problem(30, 25, 3)
    upper = 0.5 + np.random.default_rng(0).random(H.shape)
    box = penalties.Box(0.1, upper)
    for n_iter in range(4):
        found = nmfcore.nmf(X, 3, solver=solver, init=(W, H), penalty_H=box, max_iter=n_iter, tol=0)
        assert np.all(found.H >= 0.1 - 1e-15) and np.all(found.H <= upper + 1e-15)
    found = nmfcore.nmf(X, 3, solver=solver, init=(W, H), penalty_H=box, max_iter=5000, tol=1e-8)
    assert found.kkt_residual < 1e-2
    gradient = found.W.T @ (found.W @ found.H - X)
    inside = (found.H > 0.1 + 1e-6) & (found.H < upper - 1e-6)
    assert np.all(np.abs(gradient[inside]) < 0.1)
    assert np.all(gradient[found.H <= 0.1 + 1e-12] > -0.1) and np.all(gradient[found.H >= upper - 1e-12] < 0.1)


@pytest.mark.parametrize("c", [2.0**-70, 3.0, 2.0**60])
def test_scale_law(c):
    X, W, H = problem()
    one, other = (
        nmfcore.hals(
            s * X, 4, init=(W, s * H), penalty_H=penalties.Box(upper=0.8 * s), fixed_W=partly(W), max_iter=9, tol=0
        )
        for s in (1, c)
    )
    np.testing.assert_allclose(other.W, one.W, rtol=1e-9)
    np.testing.assert_allclose(other.H, c * one.H, rtol=1e-9)


def test_a_whole_factor_given_is_returned_to_the_bit():
    X, W, H = problem()
    H = np.asfortranarray(H)
    H.flags.writeable = False
    found = nmfcore.hals(X, 4, fixed_H=H, random_state=0)
    np.testing.assert_array_equal(found.H, H)
    assert found.converged and found.history.objective[0] > found.objective
    found = nmfcore.hals(X, 4, fixed_W=W)
    np.testing.assert_array_equal(found.W, W)
    expected = np.column_stack([scipy.optimize.nnls(W, x)[0] for x in X.T])
    np.testing.assert_allclose(reference.objective(X, W, found.H), reference.objective(X, W, expected), rtol=1e-5)


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
def test_transform_is_non_negative_least_squares(form):
    X, _, H = problem(50, 30, 6, zeros=0.3)
    expected = np.stack([scipy.optimize.nnls(H.T, x)[0] for x in X])
    W = nmfcore.transform(form(X), H, tol=1e-12)
    np.testing.assert_allclose(W, expected, rtol=1e-6, atol=1e-7)
    for rows in ([7], range(10, 20)):
        part = nmfcore.transform(form(X)[list(rows)], H, tol=1e-12)
        np.testing.assert_allclose(part, expected[list(rows)], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_transform_agrees_with_the_fit(loss):
    X, W, H = problem(40, 30, 3)
    found = nmfcore.nmf(X, 3, loss=loss, init=(W, H), max_iter=3000, tol=1e-7)
    again = nmfcore.transform(X, found.H, loss=loss, max_iter=5000, tol=1e-8)
    objective = nmfcore.nmf(X, 3, loss=loss, init=(again, found.H), max_iter=0).objective
    np.testing.assert_allclose(objective, found.objective, rtol=1e-3)


def test_transform_with_what_else_is_known():
    X, W, H = problem(40, 30, 4)
    plain = nmfcore.transform(X, H)
    sparse = nmfcore.transform(X, H, penalty_W=penalties.L1(20.0))
    assert np.mean(sparse == 0) > np.mean(plain == 0)
    fixed = np.full(W.shape, np.nan)
    fixed[:, 0] = 0
    assert np.all(nmfcore.transform(X, H, fixed_W=fixed)[:, 0] == 0)
    single = nmfcore.transform(X.astype(np.float32), H)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, plain, rtol=1e-3, atol=1e-3)
    one, more = (nmfcore.transform(X, H, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one, more)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_transform_of_rows_with_missing_entries(loss):
    rng = np.random.default_rng(0)
    W, H = rng.random((30, 3)), rng.random((3, 20))
    hidden = rng.random((30, 20)) < 0.3
    X = np.where(hidden, np.nan, W @ H)
    found = nmfcore.transform(X, H, loss=loss, missing="nan", tol=1e-9, max_iter=20000)
    np.testing.assert_allclose(found, W, rtol=1e-3, atol=1e-3)
    again = nmfcore.transform(np.where(hidden, 7.0, X), H, loss=loss, mask=hidden, tol=1e-9, max_iter=20000)
    np.testing.assert_array_equal(again, found)


def test_start_beside_a_given_factor_of_extreme_scale():
    X, _, H = problem()
    one = nmfcore.transform(X, H)
    for s in (2.0**-300, 2.0**200):
        np.testing.assert_array_equal(nmfcore.transform(X, s * H), one / s)
        np.testing.assert_array_equal(nmfcore.transform(s * X, s * H), one)
    assert np.all(nmfcore.transform(X, np.zeros_like(H)) >= 0)


@pytest.mark.parametrize(
    ("said", "error", "message"),
    [
        ({"fixed_H": np.ones((3, 5))}, ValueError, r"fixed_H: array has shape \(3, 5\); wanted \(4, 30\)"),
        (
            {"fixed_W": -np.ones((40, 4))},
            ValueError,
            r"fixed_W: array has 160 bad entries, the first \(-1.0\) at \(0, 0\); wanted numbers >= 0, or NaN",
        ),
        ({"fixed_W": "a"}, ValueError, "fixed_W: array is not an array of real numbers"),
        ({"fixed_W": 1j * np.ones((40, 4))}, ValueError, "fixed_W: array is not an array of real numbers"),
        (
            {"fixed_W": np.ones((40, 4)), "fixed_H": np.ones((4, 30))},
            ValueError,
            "fixed_W and fixed_H leave nothing to fit",
        ),
        (
            {"penalty_H": penalties.Box(upper=-1.0)},
            ValueError,
            r"penalty_H=Box\(lower=0.0, upper=-1.0\): upper is below lower, below 0 or",
        ),
        ({"penalty_H": penalties.Box(-1.0, 1.0)}, ValueError, "lower is -1.0 somewhere; wanted numbers >= 0"),
        (
            {"penalty_H": penalties.Box(upper=np.ones(7))},
            ValueError,
            r"bounds are not numbers that broadcast to \(4, 30\)",
        ),
        (
            {"penalty_H": penalties.Box(upper=0.5), "fixed_H": np.ones((4, 30))},
            ValueError,
            r"fixed_H has 120 values outside of penalty_H=Box\(lower=0.0, upper=0.5\), the first \(1.0\) at \(0, 0\)",
        ),
        (
            {"fixed_H": partly(np.ones((4, 30))), "solver": "cd", "loss": "kullback-leibler"},
            ValueError,
            r"fixed_H \(fixed values\) is not served by solver='cd' with loss='kullback-leibler'; wanted one of",
        ),
    ],
)
def test_what_is_refused(said, error, message):
    X, *_ = problem()
    with pytest.raises(error, match=message):
        nmfcore.nmf(X, 4, **said)


@pytest.mark.parametrize(
    ("H", "error", "message"),
    [
        (np.ones((4, 29)), ValueError, r"H has shape \(4, 29\); wanted \(4, 30\)"),
        (np.ones(30), ValueError, r"H has 1 dimension, shape \(30,\); wanted a matrix"),
        (None, TypeError, "H has dtype object; wanted real numbers"),
        (np.full((4, 30), np.nan), ValueError, "H has 120 NaN entries"),
        (-np.ones((4, 30)), ValueError, "H has 120 negative entries"),
        (sp.csr_array(np.ones((4, 30))), TypeError, "H is a sparse csr_array; wanted a dense array"),
        (np.ones((0, 30)), ValueError, r"H is empty, shape \(0, 30\)"),
    ],
)
def test_transform_refuses(H, error, message):
    X, *_ = problem()
    with pytest.raises(error, match=message):
        nmfcore.transform(X, H)


def test_transform_takes_a_result():
    X, W, H = problem()
    found = nmfcore.hals(X, 4, init=(W, H), max_iter=5)
    np.testing.assert_array_equal(nmfcore.transform(X, found), nmfcore.transform(X, found.H))
