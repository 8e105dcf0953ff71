"""The fit: against the algorithms, against scikit-learn, and the laws that it must obey."""

import numpy as np
import pytest
from conftest import planted
from sklearn.decomposition import non_negative_factorization

import nmfcore
from nmfcore import reference
from nmfcore._cli._demo import swimmer
from nmfcore._runtime import calls, threads

PLAIN = {"tol": 0, "inner_iter": 1, "extrapolate": False}
SHAPES = [(30, 20, 4), (129, 65, 9), (64, 200, 1), (5, 7, 11), (1, 12, 1), (40, 1, 1)]


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_plain_iterations_are_the_textbook_s(m, n, k, dtype):
    X, W0, H0 = planted(m, n, k, dtype=dtype)
    W, H = reference.hals(X.astype(float), W0.astype(float), H0.astype(float), 5)
    found = nmfcore.hals(X, k, init=(W0, H0), max_iter=5, **PLAIN)
    tolerance = 1e-10 if dtype == np.float64 else 1e-2
    np.testing.assert_allclose(found.W, W, rtol=0, atol=tolerance * W.max())
    np.testing.assert_allclose(found.H, H, rtol=0, atol=tolerance * H.max())
    assert found.W.dtype == found.H.dtype == dtype


def test_plain_iterations_are_scikit_learn_s():
    X, W0, H0 = planted(150, 90, 12)
    W, H, _ = non_negative_factorization(
        X, W=W0.copy(), H=H0.copy(), n_components=12, init="custom", solver="cd", tol=0, max_iter=7
    )
    found = nmfcore.hals(X, 12, init=(W0, H0), max_iter=7, **PLAIN)
    np.testing.assert_allclose(found.W, W, rtol=0, atol=1e-10 * W.max())
    np.testing.assert_allclose(found.H, H, rtol=0, atol=1e-10 * H.max())


@pytest.mark.parametrize(("m", "n", "k"), [(150, 90, 7), (40, 300, 12), (70, 70, 1)])
def test_default_iterations_are_the_reference_s(m, n, k):
    X, W0, H0 = planted(m, n, k + 2, noise=0.4)
    W0, H0 = W0[:, :k], H0[:k]
    W, H, values = reference.extrapolated_hals(X, W0, H0, 40)
    found = nmfcore.hals(X, k, init=(W0, H0), max_iter=40, tol=0)
    np.testing.assert_allclose(found.history.objective, values, rtol=1e-9)
    np.testing.assert_allclose(found.W @ found.H, W @ H, rtol=1e-5, atol=1e-7 * X.max())


def test_default_goes_through_restarts():
    """The safeguard's branches are met in the comparison with the reference: somewhere the objective stays."""
    X, W0, H0 = planted(150, 90, 9, noise=0.4)
    objective = nmfcore.hals(X, 7, init=(W0[:, :7], H0[:7]), max_iter=40, tol=0).history.objective
    assert np.any(np.diff(objective) == 0)


@pytest.mark.parametrize("options", [{}, {"extrapolate": False}, {"inner_iter": 3}, PLAIN], ids=str)
@pytest.mark.parametrize("init", ["random", "nndsvd", "nndsvda", "nndsvdar"])
def test_result(options, init, dtype):
    X, *_ = planted(80, 60, 6, dtype=dtype)
    result = nmfcore.hals(X, 6, init=init, random_state=3, max_iter=60, **options)
    W, H = result
    X, W64, H64 = (A.astype(float) for A in (X, W, H))
    tolerance = 1e-10 if dtype == np.float64 else 1e-3
    assert W.shape == (80, 6) and H.shape == (6, 60) and W.min() >= 0 and H.min() >= 0
    np.testing.assert_allclose(result.objective, reference.objective(X, W64, H64), rtol=tolerance)
    np.testing.assert_allclose(result.relative_error, np.linalg.norm(X - W64 @ H64) / np.linalg.norm(X), rtol=tolerance)
    np.testing.assert_allclose(
        result.kkt_residual, reference.kkt_residual(X, W64, H64), rtol=1e-6 if dtype == np.float64 else 0.05, atol=1e-6
    )
    history = result.history
    assert len(history.objective) == len(history.seconds) == result.n_iter + 1
    assert np.all(np.diff(history.objective) <= 0) and np.all(np.diff(history.seconds) >= 0)
    assert history.objective[-1] == result.objective


def test_history_is_of_what_would_have_been_returned():
    X, W0, H0 = planted(90, 70, 8, noise=0.4)
    whole = nmfcore.hals(X, 8, init=(W0, H0), max_iter=25, tol=0)
    for n_iter in (0, 1, 2, 7, 24):
        part = nmfcore.hals(X, 8, init=(W0, H0), max_iter=n_iter, tol=0)
        assert part.n_iter == n_iter and part.objective == whole.history.objective[n_iter]
        np.testing.assert_allclose(part.objective, reference.objective(X, *part), rtol=1e-10)


def test_plain_objective_falls_in_every_iteration(dtype):
    X, W0, H0 = planted(60, 50, 5, dtype=dtype)
    for options in (PLAIN, {"tol": 0, "extrapolate": False}):
        start = reference.objective(X, W0, H0)
        previous = start
        for n_iter in range(1, 8):
            W, H = nmfcore.hals(X, 5, init=(W0, H0), max_iter=n_iter, **options)
            value = reference.objective(X.astype(float), W.astype(float), H.astype(float))
            assert value <= previous + (1e-12 if dtype == np.float64 else 1e-6) * start
            previous = value


@pytest.fixture
def all_threads(monkeypatch):
    """As many threads as were asked for, whatever else runs on this machine."""
    monkeypatch.setattr(threads.ThreadBudget, "threads", lambda crowd: crowd.n_threads)


def test_threads_change_no_bit(dtype, all_threads):
    X, *_ = planted(700, 600, 20, dtype=dtype)
    for init in ("random", "nndsvda"):
        one, *others = (nmfcore.hals(X, 15, init=init, random_state=0, max_iter=15, n_threads=t) for t in (1, 2, 3))
        for other in others:
            np.testing.assert_array_equal(other.W, one.W)
            np.testing.assert_array_equal(other.H, one.H)
            np.testing.assert_array_equal(other.history.objective, one.history.objective)


@pytest.mark.parametrize("order", ["F", "strided", "sliced", "reversed", "read-only"])
def test_memory_order_changes_nothing(order, dtype):
    X, W0, H0 = planted(90, 75, 6, dtype=dtype)
    if order == "strided":
        other = np.repeat(np.repeat(X, 2, 0), 3, 1)[::2, ::3]
    elif order == "sliced":
        other = np.hstack([X, X])[:, :75]
    elif order == "reversed":
        other = np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1]
    else:
        other = np.array(X, order="F" if order == "F" else "C")
        other.flags.writeable = order != "read-only"
    copy = other.copy()
    one, two = (nmfcore.hals(Y, 6, init=(W0, H0), max_iter=8, tol=0) for Y in (X, other))
    np.testing.assert_array_equal(one.W, two.W)
    np.testing.assert_array_equal(one.H, two.H)
    np.testing.assert_array_equal(other, copy)


def test_start_is_never_written_to():
    X, W0, H0 = planted(40, 30, 4)
    W0.flags.writeable = H0.flags.writeable = False
    for start in ((W0, H0), (np.asfortranarray(W0), np.asfortranarray(H0)), (W0.astype(np.float32), H0.tolist())):
        first = [np.array(F) for F in start]
        for n_iter in (0, 3):
            result = nmfcore.hals(X, 4, init=start, max_iter=n_iter)
            assert not any(np.shares_memory(result.W, F) or np.shares_memory(result.H, F) for F in (W0, H0))
        np.testing.assert_array_equal(first[0], start[0])
        np.testing.assert_array_equal(first[1], start[1])
    np.testing.assert_array_equal(nmfcore.hals(X, 4, init=(W0, H0), max_iter=0).W, W0)
    np.testing.assert_array_equal(nmfcore.hals(X, 4, init=(W0, H0), max_iter=0).H, H0)


@pytest.mark.parametrize("power", [-400, -3, 0, 5, 400])
def test_scale_law_to_the_bit(power):
    X, W0, H0 = planted(60, 45, 5)
    one = nmfcore.hals(X, 5, init=(W0, H0), max_iter=20)
    scaled = nmfcore.hals(np.ldexp(X, power), 5, init=(np.ldexp(W0, power), H0), max_iter=20)
    np.testing.assert_array_equal(scaled.W, np.ldexp(one.W, power))
    np.testing.assert_array_equal(scaled.H, one.H)
    assert (scaled.n_iter, scaled.relative_error, scaled.kkt_residual) == (
        one.n_iter,
        one.relative_error,
        one.kkt_residual,
    )
    assert scaled.objective == np.ldexp(one.objective, 2 * power)


def test_components_may_be_scaled_by_powers_of_two():
    X, W0, H0 = planted(60, 45, 5)
    D = np.ldexp(1.0, [-3, 4, 0, 1, -7])
    one = nmfcore.hals(X, 5, init=(W0, H0), max_iter=20, tol=0)
    other = nmfcore.hals(X, 5, init=(W0 * D, H0 / D[:, None]), max_iter=20, tol=0)
    np.testing.assert_array_equal(other.W, one.W * D)
    np.testing.assert_array_equal(other.H, one.H / D[:, None])


@pytest.mark.parametrize("scale", [1e-150, 1e-20, 1e20, 1e150])
def test_huge_and_tiny_entries(scale):
    X, *_ = planted(50, 40, 3, noise=0)
    one, other = (nmfcore.hals(Y, 3, random_state=0, max_iter=300) for Y in (X, X * scale))
    assert np.isfinite(other.W).all() and np.isfinite(other.H).all()
    np.testing.assert_allclose(other.relative_error, one.relative_error, rtol=1e-2, atol=1e-6)


def test_single_precision_of_large_entries():
    X, *_ = planted(50, 40, 3, dtype=np.float32)
    for scale in (1e-30, 1e30):
        result = nmfcore.hals(X * np.float32(scale), 3, random_state=0)
        np.testing.assert_allclose(result.relative_error, nmfcore.hals(X, 3, random_state=0).relative_error, rtol=1e-2)


def test_one_matrix_of_both_extremes():
    X = np.full((12, 9), 1e-150)
    X[0, 0] = 1e150
    result = nmfcore.hals(X, 2, random_state=0)
    assert result.relative_error < 1e-6 and np.isfinite(result.W).all()


def test_zero_rows_columns_and_matrices(dtype):
    X, W0, H0 = planted(30, 25, 3, dtype=dtype)
    X[4], X[:, 7] = 0, 0
    result = nmfcore.hals(X, 3, init=(W0, H0), max_iter=50)
    assert not result.W[4].any() and not result.H[:, 7].any()
    without = nmfcore.hals(
        np.delete(X, 4, 0), 3, init=(np.delete(W0, 4, 0), H0), max_iter=1, inner_iter=1, extrapolate=False, tol=0
    )
    plain = nmfcore.hals(X, 3, init=(W0, H0), max_iter=1, inner_iter=1, extrapolate=False, tol=0)
    np.testing.assert_allclose(np.delete(plain.W, 4, 0), without.W, rtol=1e-5)
    for init in ("auto", "random", "nndsvd", "nndsvdar"):
        zero = nmfcore.hals(np.zeros((6, 5), dtype), 2, init=init)
        assert zero.objective == 0 and zero.relative_error == 0 and zero.converged and np.isfinite(zero.W).all()


def test_duplicated_rows_get_the_same_coordinates():
    X, W0, H0 = planted(200, 25, 3)
    X[150], W0[150] = X[2], W0[2]
    W, _ = nmfcore.hals(X, 3, init=(W0, H0), max_iter=9, **PLAIN)
    np.testing.assert_array_equal(W[150], W[2])


def test_eckart_young():
    X, *_ = planted(60, 50, 8, noise=0.5)
    singular = np.linalg.svd(X, compute_uv=False)
    for k in (1, 2, 5):
        result = nmfcore.hals(X, k, random_state=0, tol=1e-8, max_iter=2000)
        bound = 0.5 * np.sum(singular[k:] ** 2)
        assert result.objective >= bound * (1 - 1e-12)
        if k == 1:  # the leading singular pair is non-negative (Perron)
            np.testing.assert_allclose(result.objective, bound, rtol=1e-10)


def test_exact_factorization_is_found_and_measured_truly():
    X = swimmer()
    best = min(
        (nmfcore.hals(X, 17, init=init, random_state=0, max_iter=2000) for init in ("auto", "nndsvd", "random")),
        key=lambda result: result.relative_error,
    )
    assert best.relative_error < 1e-6 and best.converged
    np.testing.assert_allclose(best.objective, reference.objective(X, *best), rtol=1e-3, atol=1e-24 * np.sum(X**2))


def test_kkt_residual_at_convergence():
    X, *_ = planted(80, 60, 4)
    options = {"init": "random", "random_state": 0, "max_iter": 5000}  # a start in which LAPACK has no part
    loose, tight = (nmfcore.hals(X, 4, tol=tol, **options) for tol in (1e-3, 1e-9))
    assert tight.converged and tight.kkt_residual < 1e-8 < loose.kkt_residual < 1e-2


def test_start_at_a_stationary_point():
    X, *_ = planted(80, 60, 4)
    end = nmfcore.hals(X, 4, random_state=0, tol=1e-13, max_iter=20000)
    again = nmfcore.hals(X, 4, init=(end.W, end.H))
    assert again.converged and again.n_iter == 1 and again.reason == "tol"
    np.testing.assert_allclose(again.W, end.W, rtol=1e-7, atol=1e-7 * end.W.max())


def test_more_components_fit_no_worse():
    X, *_ = planted(80, 60, 6, noise=0.5)
    result = nmfcore.hals(X, 3, random_state=0)
    for _ in range(3):
        W, H = (
            np.pad(result.W, ((0, 0), (0, 1))),
            np.vstack([result.H, X[np.argmax(((X - result.W @ result.H) ** 2).sum(1))]]),
        )
        more = nmfcore.hals(X, result.W.shape[1] + 1, init=(W, H))
        assert more.objective <= result.objective * (1 + 1e-12)
        result = more


def test_tol_stops_and_zero_does_not():
    X, *_ = planted(50, 40, 3)
    assert nmfcore.hals(X, 3, random_state=0, tol=1e-2).n_iter < nmfcore.hals(X, 3, random_state=0, tol=1e-5).n_iter
    result = nmfcore.hals(X, 3, random_state=0, tol=0, max_iter=500)
    assert (result.n_iter, result.converged, result.reason) == (500, False, "max_iter")


def test_round_off_ends_a_fit_in_single_precision():
    X, *_ = planted(50, 40, 3, dtype=np.float32)
    result = nmfcore.hals(X, 3, random_state=0, tol=1e-12, max_iter=100000)
    assert result.converged and result.n_iter < 100000


def test_random_states():
    X, *_ = planted(50, 40, 3)

    def fit(random_state):
        return nmfcore.hals(X, 3, init="random", random_state=random_state, max_iter=3).W

    for state in (7, np.int64(7), np.uint8(7)):
        np.testing.assert_array_equal(fit(state), fit(np.random.default_rng(7)))
    np.testing.assert_array_equal(fit(np.random.RandomState(5)), fit(np.random.RandomState(5)))
    assert not np.array_equal(fit(1), fit(2))
    np.random.seed(11)
    first = fit(None)
    np.random.seed(11)
    np.testing.assert_array_equal(fit(None), first)
    assert not np.array_equal(fit(None), first)


def test_nmf_is_the_same_door():
    X, W0, H0 = planted(30, 20, 3)
    for options in ({}, {"loss": 2}, {"loss": "frobenius", "solver": "hals"}):
        np.testing.assert_array_equal(
            nmfcore.nmf(X, 3, init=(W0, H0), **options).W, nmfcore.hals(X, 3, init=(W0, H0)).W
        )


def test_calls_cut_into_blocks_change_no_bit(monkeypatch):
    """Large problems are computed in several calls, so that a Ctrl-C is heard between them."""
    X, W0, H0 = planted(700, 300, 9)
    for order in "CF":
        monkeypatch.setattr(calls, "CALL_FLOP", 5e9)
        whole = nmfcore.hals(np.asarray(X, order=order), 9, init=(W0, H0), max_iter=8)
        monkeypatch.setattr(calls, "CALL_FLOP", 1e5)
        cut = nmfcore.hals(np.asarray(X, order=order), 9, init=(W0, H0), max_iter=8)
        np.testing.assert_allclose(cut.W, whole.W, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(cut.H, whole.H, rtol=1e-9, atol=1e-12)


def test_single_precision_converges_like_double():
    X, W0, H0 = planted(300, 200, 6, noise=1e-3)
    double = nmfcore.hals(X, 6, init=(W0, H0), max_iter=1000)
    single = nmfcore.hals(X.astype(np.float32), 6, init=(W0, H0), max_iter=1000)
    assert double.reason == "tol" and single.converged
    np.testing.assert_allclose(single.relative_error, double.relative_error, rtol=1e-3)


def test_starts_of_extreme_scale():
    X, W0, H0 = planted(60, 45, 5)
    one = nmfcore.hals(X, 5, init=(W0, H0), max_iter=20, tol=0)
    D = np.ldexp(1.0, [500, 0, -560, 3, 0])
    other = nmfcore.hals(X, 5, init=(W0 * D, H0 / D[:, None]), max_iter=20, tol=0)
    np.testing.assert_array_equal(other.W, one.W * D)
    single = nmfcore.hals(X.astype(np.float32), 5, init=(W0 * 2.0**60, H0 * 2.0**-60), max_iter=20, tol=0)
    np.testing.assert_allclose(single.relative_error, one.relative_error, rtol=1e-3)
    with pytest.raises(ValueError, match="beyond the range of float32, the dtype of X"):
        nmfcore.hals(X.astype(np.float32), 5, init=(W0 * 1e60, H0))


def test_objectives_beyond_the_range_of_float64():
    X, *_ = planted(30, 20, 3)
    with np.errstate(all="raise"):
        assert nmfcore.hals(X * 1e170, 3, random_state=0, max_iter=5).objective == np.inf
        assert nmfcore.hals(X * 1e-200, 3, random_state=0, max_iter=5).objective == 0


def test_a_result_is_a_start():
    X, *_ = planted(30, 20, 3)
    first = nmfcore.hals(X, 3, random_state=0, max_iter=5, tol=0)
    assert nmfcore.hals(X, 3, init=first, max_iter=5, tol=0).objective < first.objective
