"""The first iterations on a compressed X: what they save, that they change no answer, and what they never touch."""

import time

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore import penalties
from nmfcore._fit import FitRequest
from nmfcore._fit.problem import Problem
from nmfcore._starts import compress
from nmfcore.sklearn import NMF


def planted(m=400, n=300, k=4, noise=0.1, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.gamma(0.5, size=(m, k)) @ rng.gamma(0.5, size=(k, n))
    return np.maximum(X + noise * X.std() * rng.standard_normal(X.shape), 0)


X = planted()
LARGE = planted(1500, 1000, 10)  # compressed without being asked


def fit(X=X, k=4, **options):
    return nmfcore.hals(X, k, **{"random_state": 0, "n_threads": 1, "compress": True} | options)


def same(one, other):
    np.testing.assert_array_equal(one.W, other.W)
    np.testing.assert_array_equal(one.H, other.H)
    np.testing.assert_allclose(one.objective, other.objective, rtol=1e-12)
    assert (one.n_iter, one.reason, one.history.compressed) == (other.n_iter, other.reason, other.history.compressed)


def compressed(X, size, n_threads=1):
    problem = Problem(FitRequest(X, n_threads=n_threads), nmfcore.Result)
    return compress(problem.data, size, problem.workspace), problem.data


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 12),
    st.integers(1, 5),
    st.sampled_from([np.float32, np.float64]),
    st.integers(0, 5),
)
def test_the_storage_is_a_product_of_thin_matrices(m, n, size, k, dtype, seed):
    rng = np.random.default_rng(seed)
    data, whole = compressed(rng.random((m, n)).astype(dtype), size)
    A, B = data.A.astype(float), data.B.astype(float)
    assert data.shape == whole.shape and A.shape[1] == B.shape[1] <= size + (size >= min(m, n)) * min(m, n)
    rtol = 1e-4 if dtype == np.float32 else 1e-10
    for storage, dense in ((data, A @ B.T), (data.T, B @ A.T)):
        F, C = (rng.random((rows, k)).astype(dtype) for rows in dense.shape)
        np.testing.assert_allclose(storage.dot(C, np.empty_like(F)), dense @ C, rtol=rtol, atol=rtol * k * n)
        np.testing.assert_allclose(storage.squared_residual(F, C), np.sum((dense - F @ C.T) ** 2), rtol=10 * rtol)
        np.testing.assert_allclose(storage.measures.squared_norm, np.sum(dense**2), rtol=rtol)


@pytest.mark.parametrize("shape", [(300, 200), (200, 300)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_the_projection_leaves_is_little_more_than_the_least(shape, dtype):
    X = planted(*shape, k=5, noise=0.3).astype(dtype)
    data, whole = compressed(X, 20)
    singular = np.linalg.svd(X.astype(float), compute_uv=False)
    rest = np.sum((np.ldexp(X.astype(float), -whole.measures.exponent) - data.A.astype(float) @ data.B.T) ** 2)
    least = np.ldexp(np.sum(singular[20:] ** 2), -2 * whole.measures.exponent)
    assert least * (1 - 1e-5) <= rest <= 1.1 * least
    short = data.B if shape[0] > shape[1] else data.A
    np.testing.assert_allclose(short.T @ short, np.eye(20), atol=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("init", ["nndsvda", "random"])
def test_converged_objectives_are_no_worse(noise, init):
    ratios = []
    for seed in range(5):
        X = planted(noise=noise, seed=seed)
        options = {"init": init, "random_state": seed, "tol": 1e-6, "max_iter": 2000}
        with_it, without = (fit(X, compress=compress, **options) for compress in (True, False))
        assert with_it.history.compressed > 0 == without.history.compressed
        assert with_it.converged and with_it.kkt_residual < 1e-4
        ratios.append(with_it.objective / without.objective)
    assert np.median(ratios) <= 1.001


def test_few_exact_iterations_are_left():
    long, short = fit(compress=False, tol=0, max_iter=100), fit(tol=0, max_iter=100)
    target = long.history.objective[60] * (1 + 1e-6)
    exact = np.flatnonzero(long.history.objective <= target)[0]
    c = short.history.compressed
    assert np.flatnonzero(short.history.objective[c:] <= target)[0] <= exact / 3


@pytest.mark.parametrize("options", [{}, {"init": "random"}, {"penalty_H": penalties.L1(0.1)}], ids=str)
def test_threads_memory_order_and_scale_change_no_bit(options):
    plain = fit(**options)
    assert plain.history.compressed > 0
    same(fit(n_threads=2, **options), plain)
    start = fit(max_iter=0, **options | {"compress": False})
    given = fit(init=start, **{key: value for key, value in options.items() if key != "init"})
    fortran = fit(np.asfortranarray(X), init=start, **{key: value for key, value in options.items() if key != "init"})
    same(fortran, given)
    if "penalty_H" not in options:
        scaled = fit(np.ldexp(X, 60), init=(np.ldexp(start.W, 60), start.H))
        np.testing.assert_array_equal(scaled.H, given.H)
        np.testing.assert_array_equal(scaled.W, np.ldexp(given.W, 60))


def test_float32():
    r = fit(X.astype(np.float32))
    assert r.history.compressed > 0 and r.W.dtype == np.float32
    np.testing.assert_allclose(r.objective, fit().objective, rtol=1e-3)


def test_x_stays_and_other_forms_give_the_same():
    before = X.copy()
    same(fit(X.tolist()), fit())
    np.testing.assert_array_equal(X, before)


def test_fits_side_by_side_equal_single_fits():
    ensemble = nmfcore.fit_many(X, [3, 4], n_starts=2, random_state=0, n_threads=2, tol=1e-3, compress=True)
    for result in (*ensemble.of(3), *ensemble.of(4)):
        assert result.history.compressed > 0
        k, seed = len(result.H), result.options["random_state"]
        same(result, fit(k=k, init="random", random_state=seed, tol=1e-3))
    off = nmfcore.fit_many(X, [3], n_starts=2, random_state=0, compress=False)
    assert all(result.history.compressed == 0 for result in off.of())


def test_the_history_counts_compressed_iterations():
    seen = []
    r = fit(tol=0, max_iter=80, callback=lambda state: seen.append(state.iteration))
    c = r.history.compressed
    assert seen == list(range(c + 1, 81)) and r.n_iter == 80
    assert len(r.history.objective) == len(r.history.seconds) == 81
    assert np.all(np.diff(r.history.objective) <= 0) and np.all(np.diff(r.history.seconds) >= 0)
    start = fit(max_iter=0, compress=False)
    np.testing.assert_allclose(r.history.objective[0], start.objective, rtol=1e-9)
    W, H = fit(tol=0, max_iter=c + 1)
    np.testing.assert_allclose(r.history.objective[c + 1], 0.5 * np.sum((X - W @ H) ** 2), rtol=1e-9)


@pytest.mark.parametrize("k", [2, 10, 60])
@pytest.mark.parametrize("max_iter", [9, 10])
def test_flop_say_when(k, max_iter):
    for X in (LARGE, np.ascontiguousarray(LARGE.T), LARGE[:600, :600]):
        m, n = X.shape
        saves = max_iter >= 10 and 4 * m * n * k >= 5e7 and 2 * k * (m + n) <= m * n / 8
        assert (fit(X, k, tol=0, max_iter=max_iter, init="random", compress="auto").history.compressed > 0) == saves


def test_the_last_iteration_is_exact():
    for max_iter in (2, 10, 20):
        r = fit(tol=0, max_iter=max_iter, compress=True)
        assert 0 < r.history.compressed < max_iter == r.n_iter


def test_a_good_start_is_kept():
    good = fit(tol=1e-9, max_iter=5000)
    again = fit(init=good)
    assert again.history.compressed == 0 and again.objective <= good.objective * (1 + 1e-12)


def test_time_is_limited():
    begin = time.perf_counter()
    r = fit(planted(2000, 1500), max_time=1e-4, tol=0)
    assert r.reason == "max_time" and time.perf_counter() - begin < 10


def test_a_checkpoint_goes_on_to_the_same_bits(tmp_path):
    kept = []
    whole = fit(tol=0, max_iter=60, callback=lambda state: kept.append(state.checkpoint()))
    kept[2].save(tmp_path / "c.npz")
    resumed = fit(tol=0, max_iter=60, init=nmfcore.Checkpoint.load(tmp_path / "c.npz"))
    same(resumed, whole)
    resumed.save(tmp_path / "r.npz")
    assert nmfcore.Result.load(tmp_path / "r.npz").history.compressed == whole.history.compressed > 0


@pytest.mark.parametrize(
    "X", [np.zeros((300, 200)), np.ones((300, 200)), planted(k=2, noise=0), np.eye(300)[:, :200]], ids=str
)
@pytest.mark.parametrize("k", [1, 4, 150])
def test_matrices_without_noise(X, k):
    r = fit(X, k, compress=True, init="random", max_iter=100)
    assert np.isfinite(r.W).all() and np.isfinite(r.H).all() and r.relative_error <= 1
    if np.linalg.matrix_rank(X) <= min(k, 2) and X.any():
        assert r.relative_error < 1e-3


def test_small_matrices_can_be_compressed():
    r = fit(planted(6, 5, 2), 3, compress=True, max_iter=30)
    assert r.history.compressed > 0 and r.relative_error < 0.3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"X": sp.csr_array(X)}, "X is sparse"),
        ({"weights": np.ones_like(X) + np.eye(*X.shape)}, "entries of X have weights"),
        ({"mask": X > 3}, "entries of X have weights"),
        ({"loss": "kullback-leibler"}, "loss is 'kullback-leibler'"),
        ({"solver": "mu"}, "solver is 'mu'"),
        ({"fixed_H": np.ones((4, 300))}, "a whole factor is fixed"),
        ({"extrapolate": False}, "extrapolate is False"),
        ({"max_iter": 1}, "max_iter is 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_compressed(options, words):
    def call(compress):
        return nmfcore.nmf(**{"X": X, "k": 4, "max_iter": 12, "random_state": 0} | options, compress=compress)

    with pytest.raises(nmfcore.InputError, match=f"compress is True, but {words}; wanted 'auto' or False"):
        call(True)
    assert call("auto").history.compressed == 0


@pytest.mark.parametrize("value", ["yes", None, 1, 0.5])
def test_another_value(value):
    error = nmfcore.InputError if isinstance(value, str) else nmfcore.InputTypeError
    with pytest.raises(error, match=f"compress is {value!r}; wanted 'auto', True or False"):
        fit(compress=value)


def test_the_estimators_use_it():
    model = NMF(10, init="nndsvda", random_state=0, tol=1e-4).fit(LARGE)
    plain = fit(LARGE, 10, compress=False, tol=1e-5, max_iter=300)
    assert model.n_iter_ < 200 and 0.5 * model.reconstruction_err_**2 <= 1.001 * plain.objective
    same(fit(LARGE, 10, compress="auto"), fit(LARGE, 10))
