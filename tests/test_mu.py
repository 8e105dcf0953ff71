"""Multiplicative updates against their algorithms, scikit-learn, and what the theory of beta-divergences says."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import PLAIN, problem
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import non_negative_factorization

import nmfcore
from nmfcore import reference

BETAS = [-1.0, 0.0, 0.5, 0.7, 1.0, 1.5, 2.0, 2.5, 3.0]


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("form", [np.ascontiguousarray, np.asfortranarray, sp.csr_array, sp.csc_array])
def test_iterates_of_the_reference(beta, form):
    X, W0, H0 = problem(70, 110, 5, zeros=0.4 if beta > 0 else 0)
    if beta <= 0 and sp.issparse(form(X)):
        pytest.skip("infinite at the zeros of sparse X")
    W, H = reference.mu(X, W0, H0, 6, beta)
    result = nmfcore.mu(form(X), 5, loss=beta, init=(W0, H0), max_iter=6, **PLAIN)
    np.testing.assert_allclose(result.W, W, rtol=1e-10)
    np.testing.assert_allclose(result.H, H, rtol=1e-10)
    np.testing.assert_allclose(result.objective, reference.beta_divergence(X, W @ H, beta), rtol=1e-10)
    error = np.linalg.norm(X - W @ H) / np.linalg.norm(X)
    np.testing.assert_allclose(result.relative_error, error, rtol=1e-8)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "itakura-saito", 1.5])
def test_iterates_of_scikit_learn(loss):
    X, W0, H0 = problem()
    W, H, _ = non_negative_factorization(
        X, W=W0.copy(), H=H0.copy(), n_components=4, init="custom", solver="mu", beta_loss=loss, max_iter=10, tol=0
    )
    result = nmfcore.mu(X, 4, loss=loss, init=(W0, H0), max_iter=10, **PLAIN)
    np.testing.assert_allclose(result.W, W, rtol=1e-10)
    np.testing.assert_allclose(result.H, H, rtol=1e-10)


@pytest.mark.parametrize("beta", [1.0, 1.3, 1.5])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_extrapolated_iterates_of_the_reference(beta, form):
    X, W0, H0 = problem(zeros=0.3)
    W, H, values = reference.extrapolated_mu(X, W0, H0, 25, beta)
    result = nmfcore.mu(form(X), 4, loss=beta, init=(W0, H0), max_iter=25, tol=0)
    np.testing.assert_allclose(result.history.objective, values, rtol=1e-9)
    np.testing.assert_allclose(result.W @ result.H, W @ H, rtol=1e-6, atol=1e-9 * X.max())


@pytest.mark.parametrize("beta", [*BETAS, 0.25, 1.25])
def test_plain_updates_never_raise_the_objective(beta):
    X, W0, H0 = problem(25, 20, 3, seed=1)
    values = []
    for n_iter in range(12):
        result = nmfcore.mu(X, 3, loss=beta, init=(W0, H0), max_iter=n_iter, **PLAIN)
        values.append(reference.beta_divergence(X, result.W @ result.H, beta))
        np.testing.assert_allclose(result.objective, values[-1], rtol=1e-10)
    assert np.all(np.diff(values) < 0)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_extrapolation_is_faster_and_its_history_is_of_what_is_returned(loss, form):
    X, W0, H0 = problem(60, 50, 5, zeros=0.5)
    plain = nmfcore.mu(form(X), 5, loss=loss, init=(W0, H0), max_iter=60, tol=0, extrapolate=False)
    fast = nmfcore.mu(form(X), 5, loss=loss, init=(W0, H0), max_iter=60, tol=0)
    assert fast.objective < plain.objective
    assert np.all(np.diff(fast.history.objective) <= 0)
    beta = {"frobenius": 2, "kullback-leibler": 1}.get(loss, loss)
    np.testing.assert_allclose(fast.objective, reference.beta_divergence(X, fast.W @ fast.H, beta), rtol=1e-9)


@pytest.mark.parametrize("beta", BETAS)
def test_gradient_by_finite_differences(beta):
    X, F, Ht = problem(6, 5, 2)
    num, den = reference.beta_gradient(X, F, Ht.T, beta)
    for i, t in ((0, 0), (3, 1), (5, 0)):
        step = np.zeros_like(F)
        step[i, t] = 1e-5
        rise = reference.beta_divergence(X, (F + step) @ Ht, beta) - reference.beta_divergence(X, (F - step) @ Ht, beta)
        np.testing.assert_allclose(rise / 2e-5, (den - num)[i, t], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_kullback_leibler_keeps_the_marginals(form):
    X, W0, H0 = problem(zeros=0.5)
    result = nmfcore.mu(form(X), 4, loss="kullback-leibler", init=(W0, H0), max_iter=7, **PLAIN)
    np.testing.assert_allclose((result.W @ result.H).sum(axis=0), X.sum(axis=0), rtol=1e-12)


def test_rank_one_kullback_leibler_is_solved_by_one_iteration():
    X, W0, H0 = problem(k=1)
    result = nmfcore.mu(X, 1, loss="kullback-leibler", init=(W0, H0), max_iter=1, **PLAIN)
    np.testing.assert_allclose(result.W @ result.H, np.outer(X.sum(axis=1), X.sum(axis=0)) / X.sum(), rtol=1e-12)


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("c", [2.0**-100, 2.0**60, 3.7])
def test_scale_law(beta, c):
    X, W0, H0 = problem()
    one = nmfcore.mu(X, 4, loss=beta, init=(W0, H0), max_iter=5, tol=0)
    other = nmfcore.mu(c * X, 4, loss=beta, init=(W0, c * H0), max_iter=5, tol=0)
    np.testing.assert_allclose(other.history.objective / c**beta, one.history.objective, rtol=1e-10)
    if c != 3.7:  # a power of two changes no bit
        np.testing.assert_array_equal(other.W, one.W)
        np.testing.assert_array_equal(other.H / c, one.H)


def test_itakura_saito_does_not_see_the_scale_of_a_row():
    X, W0, H0 = problem()
    a = np.exp(np.random.default_rng(0).normal(size=(40, 1)) * 5)
    one = nmfcore.mu(X, 4, loss=0, init=(W0, H0), max_iter=5, tol=0)
    other = nmfcore.mu(a * X, 4, loss=0, init=(a * W0, H0), max_iter=5, tol=0)
    np.testing.assert_allclose(other.history.objective, one.history.objective, rtol=1e-9)
    np.testing.assert_allclose(other.H, one.H, rtol=1e-9)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_continuity_in_beta(beta):
    X, W0, H0 = problem()
    one, near = (
        nmfcore.mu(X, 4, loss=b, init=(W0, H0), max_iter=5, **PLAIN)
        for b in (beta, beta + 1e-7 * (1 if beta < 2 else -1))
    )
    np.testing.assert_allclose(near.objective, one.objective, rtol=1e-5)
    np.testing.assert_allclose(near.W, one.W, rtol=1e-5)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_a_model_of_zero_under_a_count_is_infinitely_far(form):
    X, W0, H0 = problem(zeros=0.5)
    W0[3] = 0
    result = nmfcore.mu(form(X), 4, loss=1, init=(W0, H0), max_iter=50)
    assert np.isinf(result.history.objective[0])
    again = nmfcore.mu(form(X), 4, loss=1, init=(np.maximum(W0, 1e-9), H0), max_iter=50)
    assert np.isfinite(again.objective) and again.W[3].max() > 0.01


def test_two_is_frobenius_and_names_are_betas():
    X, W0, H0 = problem()
    for name, beta in (("frobenius", 2), ("kullback-leibler", 1), ("itakura-saito", 0.0)):
        one, other = (nmfcore.nmf(X, 4, loss=b, solver="mu", init=(W0, H0), max_iter=3) for b in (name, beta))
        np.testing.assert_array_equal(one.W, other.W)
    np.testing.assert_array_equal(
        nmfcore.nmf(X, 4, loss=nmfcore.BetaDivergence(1.0), random_state=0).W,
        nmfcore.mu(X, 4, loss="kullback-leibler", random_state=0).W,
    )


@pytest.mark.parametrize("loss", [0.5, "kullback-leibler", "frobenius"])
def test_the_floor_lets_a_zero_grow(loss):
    X, W0, H0 = problem()
    W0[3] = 0
    W0[3, 0] = 1e-3
    stuck = nmfcore.mu(X, 4, loss=loss, init=(W0, H0), max_iter=300, **PLAIN)
    assert np.all(stuck.W[3, 1:] == 0)
    free = nmfcore.mu(X, 4, loss=loss, init=(W0, H0), max_iter=300, tol=0)
    assert free.W[3, 1:].max() > 1e-3
    assert free.objective < stuck.objective


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5])
def test_zero_rows_and_columns(loss):
    X, W0, H0 = problem(zeros=0.3)
    X[4], X[:, 7] = 0, 0
    result = nmfcore.mu(X, 4, loss=loss, init=(W0, H0), max_iter=30)
    sparse = nmfcore.mu(sp.csr_array(X), 4, loss=loss, init=(W0, H0), max_iter=30)
    np.testing.assert_allclose(sparse.W @ sparse.H, result.W @ result.H, rtol=1e-7, atol=1e-9)
    assert (result.W @ result.H)[4].max() < 1e-9 and np.isfinite(result.objective)


@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(1, 30),
    n=st.integers(1, 30),
    k=st.integers(1, 20),
    density=st.floats(0, 1),
    beta=st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.0]),
    n_threads=st.integers(1, 3),
    seed=st.integers(0, 99),
)
def test_sparse_patterns(m, n, k, density, beta, n_threads, seed):
    X, W0, H0 = problem(m, n, k, seed, zeros=1 - density)
    options = {"loss": beta, "init": (W0, H0), "max_iter": 4, "tol": 0}
    dense = nmfcore.mu(X, k, **options)
    for form in (sp.csr_array, sp.csc_array):
        found = nmfcore.mu(form(X), k, n_threads=n_threads, **options)
        np.testing.assert_allclose(found.W @ found.H, dense.W @ dense.H, rtol=1e-7, atol=1e-10)
        np.testing.assert_allclose(found.objective, dense.objective, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "itakura-saito", 0.5])
def test_the_same_bits_for_any_threads(loss):
    X, W0, H0 = problem(700, 300, 12)
    one, more = (nmfcore.mu(X, 12, loss=loss, init=(W0, H0), max_iter=4, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.W, more.W)
    np.testing.assert_array_equal(one.H, more.H)
    assert one.objective == more.objective


def test_sparse_kullback_leibler_has_the_same_bits_for_any_threads():
    X, W0, H0 = problem(3000, 400, 12, zeros=0.9)
    one, more = (nmfcore.mu(sp.csr_array(X), 12, loss=1, init=(W0, H0), max_iter=4, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.W, more.W)
    assert one.objective == more.objective


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "itakura-saito"])
def test_float32(loss):
    X, W0, H0 = problem()
    single = nmfcore.mu(X.astype(np.float32), 4, loss=loss, init=(W0, H0), max_iter=20)
    double = nmfcore.mu(X, 4, loss=loss, init=(W0, H0), max_iter=20)
    assert single.W.dtype == single.H.dtype == np.float32
    np.testing.assert_allclose(single.objective, double.objective, rtol=1e-3)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5, "itakura-saito"])
def test_the_kkt_residual_falls_and_does_not_see_scales(loss):
    X, W0, H0 = problem()
    residuals = [nmfcore.mu(X, 4, loss=loss, init=(W0, H0), max_iter=n, tol=0).kkt_residual for n in (0, 20, 2000)]
    assert residuals[0] > residuals[1] > 10 * residuals[2]
    d = np.array([1e-3, 1.0, 7.0, 1e5])
    scaled = nmfcore.mu(5 * X, 4, loss=loss, init=(W0 * d, 5 * H0 / d[:, None]), max_iter=20, tol=0)
    np.testing.assert_allclose(scaled.kkt_residual, residuals[1], rtol=1e-6)


@pytest.mark.parametrize("loss", ["kullback-leibler", 0.5])
def test_an_exact_fit_converges(loss):
    _, W0, H0 = problem()
    result = nmfcore.mu(W0 @ H0, 4, loss=loss, init=(W0, H0))
    assert result.converged and result.n_iter <= 2 and result.objective < 1e-9


def test_a_rule_for_stopping():
    X, W0, H0 = problem()
    result = nmfcore.mu(X, 4, loss="kullback-leibler", init=(W0, H0), max_iter=5000, tol=1e-3)
    assert result.reason == "tol" and 5 < result.n_iter < 5000


def test_random_state_and_made_starts():
    X, *_ = problem(zeros=0.4)
    for form in (np.asarray, sp.csr_array):
        for init in ("random", "nndsvd", "nndsvda", "nndsvdar", "spa"):
            one, two = (nmfcore.mu(form(X), 4, loss=1, init=init, random_state=3, max_iter=30) for _ in range(2))
            np.testing.assert_array_equal(one.W, two.W)
            assert np.isfinite(one.objective) and one.objective < one.history.objective[0]


@pytest.mark.parametrize("form", [np.ascontiguousarray, np.asfortranarray])
@pytest.mark.parametrize("shape", [(193, 40), (40, 193), (1, 30), (30, 1), (385, 7)])
def test_a_single_row_is_left_over(form, shape, monkeypatch):
    monkeypatch.setattr("nmfcore._runtime.calls.CALL_FLOP", 1.0)  # as many calls as there can be
    X, W0, H0 = problem(*shape, 3)
    result = nmfcore.mu(form(X), 3, loss=0, init=(W0, H0), max_iter=3, **PLAIN)
    W, H = reference.mu(X, W0, H0, 3, 0)
    np.testing.assert_allclose(result.W @ result.H, W @ H, rtol=1e-10)
    np.testing.assert_allclose(result.objective, reference.beta_divergence(X, W @ H, 0), rtol=1e-10)


@pytest.mark.parametrize(("beta", "near"), [(sum([0.1] * 10), 1), (0.1 + 0.2 - 0.3, 0), (2 - 1e-12, 2)])
def test_a_beta_next_to_a_named_one_is_that_one(beta, near):
    X, W0, H0 = problem()
    one, other = (nmfcore.nmf(X, 4, loss=b, solver="mu", init=(W0, H0), max_iter=5, tol=0) for b in (beta, near))
    np.testing.assert_array_equal(one.W, other.W)


def test_an_infinite_objective_is_refused():
    X, W0, H0 = problem()
    X[0, 0] = 1e7
    with pytest.raises(
        nmfcore.InputError, match="the objective is infinite at the end of the fit with loss='beta=-60'"
    ):
        nmfcore.mu(X, 4, loss=-60, init=(W0, H0), max_iter=3)
    W0[3] = 0
    with pytest.raises(nmfcore.InputError, match="init: every component is 0 in row 3 of X, where X is not"):
        nmfcore.mu(X, 4, loss=1, init=(W0, H0), floor=0, max_iter=5)


def test_small_models_in_float32():
    X, W0, H0 = problem()
    X[3] *= 1e-22
    W0[3] *= 1e-22
    single = nmfcore.nmf(X.astype(np.float32), 4, loss=1, solver="cd", init=(W0, H0), max_iter=40, tol=0)
    double = nmfcore.nmf(X, 4, loss=1, solver="cd", init=(W0, H0), max_iter=40, tol=0)
    np.testing.assert_allclose(single.objective, double.objective, rtol=1e-3)
