"""The truncated singular value decomposition, and `Result.optimality`, which compares errors with it."""

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import planted

import nmfcore
from nmfcore.reference import svd

SHAPES = [(200, 90), (90, 200), (120, 30), (30, 120), (70, 70)]  # some are iterated, some decomposed as a whole


def falling(m, n, seed=0, base=0.8, rank=None):
    """A matrix of both signs whose singular values are powers of `base`."""
    rng = np.random.default_rng(seed)
    size = min(m, n) if rank is None else rank
    U, V = (np.linalg.qr(rng.standard_normal((length, size)))[0] for length in (m, n))
    return (U * base ** np.arange(size)) @ V.T


def check_orthonormal(U, Vt, tolerance):
    for F in (U.T, Vt):
        np.testing.assert_allclose(F @ F.T, np.eye(len(F)), atol=tolerance)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [np.array, np.asfortranarray, sp.csr_array, sp.csc_array])
def test_numpy_s_and_the_textbook_s(shape, kind, dtype):
    X = falling(*shape, base=0.6).astype(dtype)
    U, s, Vt = nmfcore.svd(kind(X), 6, power_iter=8, random_state=0)
    expected = np.linalg.svd(X.astype(np.float64), full_matrices=False)
    tolerance = 1e-9 if dtype == np.float64 else 1e-4
    assert U.dtype == s.dtype == Vt.dtype == dtype and U.shape == (shape[0], 6) and Vt.shape == (6, shape[1])
    np.testing.assert_allclose(s, expected[1][:6], rtol=tolerance)
    np.testing.assert_allclose((U * s) @ Vt, (expected[0][:, :6] * expected[1][:6]) @ expected[2][:6], atol=tolerance)
    check_orthonormal(U, Vt, 1e-13 if dtype == np.float64 else 2e-6)
    for found, plain in zip((U, s, Vt), svd.svd(X.astype(np.float64), 6), strict=True):
        np.testing.assert_allclose(found, plain, atol=10 * tolerance)


@pytest.mark.parametrize("shape", [(400, 300), (300, 400)])
def test_by_itself_it_is_as_accurate_as_promised(shape):
    rng = np.random.default_rng(1)
    X = falling(*shape, base=0.97) + 1e-3 * rng.standard_normal(shape)
    s, exact = nmfcore.svd(X, 10, random_state=0)[1], np.linalg.svd(X, compute_uv=False)
    assert np.all(s <= exact[:10] * (1 + 1e-12)) and np.max(exact[:10] ** 2 - s**2) < 1e-2 * exact[9] ** 2
    few = nmfcore.svd(X, 10, power_iter=0, oversampling=2, random_state=0)[1]
    many = nmfcore.svd(X, 10, power_iter=0, oversampling=40, random_state=0)[1]
    assert few.sum() < many.sum() < s.sum()


@pytest.mark.parametrize("shape", SHAPES)
def test_all_triplets(shape, dtype):
    X = np.random.default_rng(2).standard_normal(shape).astype(dtype)
    U, s, Vt = nmfcore.svd(X, min(shape), random_state=0)
    np.testing.assert_allclose((U * s) @ Vt, X, atol=1e-12 if dtype == np.float64 else 2e-5)
    check_orthonormal(U, Vt, 1e-13 if dtype == np.float64 else 5e-6)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("rank", [0, 1, 5])
def test_lower_rank(shape, rank, dtype):
    X = falling(*shape, rank=rank).astype(dtype)
    k = 12 if min(shape) > 12 else min(shape)
    U, s, Vt = nmfcore.svd(X, k, random_state=0)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(s[:rank], 0.8 ** np.arange(rank), rtol=100 * eps)
    assert np.all(s[rank:] <= 20 * eps)
    check_orthonormal(U, Vt, 20 * eps)


def test_small_singular_values_beside_large_ones():
    X = falling(300, 200, base=0.2)  # from 1, by 1e-7 at the tenth, to less than round-off
    U, s, Vt = nmfcore.svd(X, 12, random_state=0)
    np.testing.assert_allclose(s, 0.2 ** np.arange(12), rtol=1e-6)
    check_orthonormal(U, Vt, 1e-13)


@pytest.mark.parametrize("X", [[[3.0, 0.0, -4.0]], [[3.0], [0.0], [-4.0]], [[-5.0]]])
def test_one_row_or_column(X):
    U, s, Vt = nmfcore.svd(X, 1)
    np.testing.assert_allclose(s, [5.0])
    np.testing.assert_allclose((U * s) @ Vt, X, atol=1e-15)
    assert U[np.argmax(np.abs(U[:, 0])), 0] > 0


def test_zeros():
    for kind in (np.array, sp.csr_array):
        U, s, Vt = nmfcore.svd(kind(np.zeros((60, 50))), 3, random_state=0)
        np.testing.assert_array_equal(s, 0)
        check_orthonormal(U, Vt, 1e-15)


def test_powers_of_two_change_no_digit():
    X = falling(150, 80)
    U, s, Vt = nmfcore.svd(X, 5, random_state=0)
    for exponent in (-900, 900):
        found = nmfcore.svd(np.ldexp(X, exponent), 5, random_state=0)
        for one, other in zip((U, np.ldexp(s, exponent), Vt), found, strict=True):
            np.testing.assert_array_equal(other, one)


@pytest.mark.parametrize("kind", [np.array, sp.csr_array])
def test_bits_do_not_depend_on_threads(kind, dtype, monkeypatch):
    monkeypatch.setattr("nmfcore._runtime.threads.ThreadBudget.threads", lambda crowd: crowd.n_threads)
    X = kind(falling(700, 400, base=0.95).astype(dtype))
    one = nmfcore.svd(X, 20, random_state=0, n_threads=1)
    for n_threads in (2, 5):
        for found, expected in zip(nmfcore.svd(X, 20, random_state=0, n_threads=n_threads), one, strict=True):
            np.testing.assert_array_equal(found, expected)


def test_signs_and_subspaces_do_not_depend_on_the_seed():
    X = falling(200, 150, base=0.5)
    one, other = (nmfcore.svd(X, 5, power_iter=6, random_state=seed) for seed in (0, 1))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-7)


def test_sparse_and_data_frames_are_the_dense_matrix():
    pandas = pytest.importorskip("pandas")
    X = falling(200, 90) * (np.random.default_rng(3).random((200, 90)) < 0.2)
    before, expected = X.copy(), nmfcore.svd(X, 4, random_state=0)
    for other in (sp.csr_array(X), sp.csc_array(X), sp.coo_array(X), pandas.DataFrame(X)):
        for found, dense in zip(nmfcore.svd(other, 4, random_state=0), expected, strict=True):
            np.testing.assert_allclose(found, dense, atol=1e-10)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"k": 6}, ValueError, r"k is 6, but X of shape \(5, 8\) has 5 singular values; wanted k <= 5"),
        ({"k": 0}, ValueError, "k is 0; wanted an integer >= 1"),
        ({"power_iter": -1}, ValueError, "power_iter is -1; wanted an integer >= 0"),
        ({"power_iter": "many"}, ValueError, "power_iter is 'many'"),
        ({"oversampling": 1.5}, TypeError, "oversampling is 1.5"),
        ({"X": [[1.0, np.nan]], "k": 1}, ValueError, "X has 1 NaN entry"),
        ({"X": [[1j]], "k": 1}, TypeError, "X is complex"),
    ],
)
def test_what_bad_input_gets(arguments, error, message):
    with pytest.raises(error, match=message):
        nmfcore.svd(**({"X": np.ones((5, 8)), "k": 2} | arguments))


def test_optimality_is_the_error_beside_eckart_and_young_s():
    X, *_ = planted(200, 150, 8, noise=0.3)
    result = nmfcore.hals(X, 5, random_state=0)
    singular = np.linalg.svd(X, compute_uv=False)
    for given, scale in ((X, 1.0), (sp.csr_array(X), 1.0), (np.ldexp(X, 300), 2.0**300)):
        fit = nmfcore.hals(given, 5, random_state=0)
        found = fit.optimality(given, random_state=0)
        np.testing.assert_allclose(found.error, np.linalg.norm(X - result.W @ result.H) * scale, rtol=1e-9)
        np.testing.assert_allclose(found.best, np.linalg.norm(singular[5:]) * scale, rtol=1e-5)
        assert found.ratio == found.error / found.best > 1
        np.testing.assert_allclose(found.error, fit.relative_error * np.linalg.norm(X) * scale, rtol=1e-12)


def test_optimality_where_nothing_is_left():
    X, *_ = planted(20, 6, 3)
    full = nmfcore.hals(X, 7, random_state=0).optimality(X)
    assert full.best == 0 < full.error and full.ratio == np.inf
    nothing = nmfcore.hals(np.zeros((4, 3)), 3, random_state=0).optimality(np.zeros((4, 3)))
    assert nothing == (0, 0, 1)
    noise = np.random.default_rng(0).random((300, 200))  # > 0: the best factors are nearly so
    assert nmfcore.hals(noise, 1, random_state=0).optimality(noise, random_state=0).ratio == pytest.approx(1, abs=1e-9)


def test_optimality_refuses():
    X, *_ = planted(20, 12, 3)
    result = nmfcore.hals(X, 3, random_state=0)
    with pytest.raises(ValueError, match=r"X has shape \(12, 20\), but W H has \(20, 12\); wanted the X of the fit"):
        result.optimality(X.T)
    weighted = nmfcore.hals(X, 3, weights=np.arange(1.0, 241).reshape(X.shape), random_state=0)
    with pytest.raises(ValueError, match="the fit had weights, and the least error"):
        weighted.optimality(X)
    hidden = np.where(np.eye(20, 12) > 0, np.nan, X)
    with pytest.raises(ValueError, match="the fit had missing, and the least error"):
        nmfcore.hals(hidden, 3, missing="nan", random_state=0).optimality(X)
