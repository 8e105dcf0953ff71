"""Separable NMF: the rows that it chooses, and W."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore import reference
from nmfcore._starts.spa import successive_projections
from nmfcore.data.storage import as_data as held

FORMS = [np.ascontiguousarray, np.asfortranarray, sp.csr_array, sp.csc_array, sp.coo_array]


def pure(m=200, n=40, k=5, seed=0, zeros=0.5, dtype=np.float64):
    """X = W H with the rows of H, each times a positive number, at `rows`; the sums of W differ very much."""
    rng = np.random.default_rng(seed)
    H = rng.random((k, n)) * (rng.random((k, n)) >= zeros) + 0.01 * (rng.random((k, n)) >= zeros)
    H[:, :k] += np.eye(k)  # makes the rank k
    W = rng.dirichlet(np.full(k, 0.5), m) * 0.9 + 0.1 / k
    rows = rng.choice(m, k, replace=False)
    W[rows] = np.eye(k)
    W *= 10.0 ** rng.integers(-3, 4, (m, 1))
    return (W @ H).astype(dtype), rows, W, H


@settings(max_examples=60, deadline=None)
@given(
    k=st.integers(2, 12),
    more_rows=st.integers(0, 100),
    more_columns=st.integers(0, 40),
    seed=st.integers(0, 999),
    form=st.sampled_from(FORMS),
    scale=st.sampled_from([1e-250, 1.0, 1e250]),
)
def test_separable_data_are_recovered_exactly(k, more_rows, more_columns, seed, form, scale):
    X, rows, *_ = pure(k + more_rows, k + more_columns, k, seed)
    X *= scale
    result = nmfcore.separable(form(X), k)
    assert set(result.rows) == set(rows)
    np.testing.assert_array_equal(result.H, X[result.rows])
    np.testing.assert_allclose(result.W @ result.H, X, rtol=0, atol=1e-10 * X.max())
    length = np.linalg.norm(result.H / scale, axis=1)
    np.testing.assert_allclose(result.W[result.rows] * length / length[:, None], np.eye(k), rtol=0, atol=1e-10)
    assert result.relative_error < 1e-10


def test_the_coordinates_are_those_of_the_model():
    X, rows, W, _ = pure()
    result = nmfcore.separable(X, 5)
    order = [list(rows).index(row) for row in result.rows]
    np.testing.assert_allclose(result.W, (W / np.diagonal(W[rows]))[:, order], rtol=1e-9, atol=1e-12 * W.max())


def test_coordinates_of_nearly_parallel_rows():
    """The error is the condition number of H times round-off; normal equations would square it to 1e12."""
    rng = np.random.default_rng(0)
    W = np.vstack([np.eye(4), rng.dirichlet(np.ones(4), 100)])
    X = W @ (1 + 1e-6 * rng.random((4, 30)))
    result = nmfcore.separable(X, 4)
    assert set(result.rows) == set(range(4))
    np.testing.assert_allclose(result.W, W[:, result.rows], rtol=0, atol=1e-8)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("form", FORMS)
def test_rows_are_the_reference_s(form, normalize, dtype):
    X = np.random.default_rng(0).gamma(0.4, size=(300, 70)).astype(dtype)
    X[X < 0.1] = 0
    X[[3, 50]] = 0
    result = nmfcore.separable(form(X), 30, normalize=normalize)
    assert list(result.rows) == reference.successive_projections(X, 30, normalize)
    assert result.W.dtype == result.H.dtype == dtype
    np.testing.assert_array_equal(result.H, X[result.rows])


def test_normalize_decides():
    X = np.array([[1.0, 0.0], [2.0, 2.0], [0.0, 1.0]])
    assert set(nmfcore.separable(X, 2).rows) == {0, 2}
    assert nmfcore.separable(X, 2, normalize=False).rows[0] == 1


def test_w_is_the_least_squares_solution():
    X = np.random.default_rng(1).gamma(0.5, size=(80, 30))
    W, H = nmfcore.separable(X, 6)
    gradient = W @ (H @ H.T) - X @ H.T
    size = np.abs(X @ H.T).max()
    assert W.min() >= 0 and (W == 0).any()
    assert np.abs(np.minimum(W, gradient / size)).max() < 1e-11


def test_the_error_is_that_of_the_factors(dtype):
    X = np.random.default_rng(1).gamma(0.5, size=(80, 30)).astype(dtype)
    result = nmfcore.separable(X, 6)
    expected = np.linalg.norm(X - result.W.astype(float) @ result.H) / np.linalg.norm(X)
    np.testing.assert_allclose(result.relative_error, expected, rtol=1e-5 if dtype == np.float32 else 1e-10)


def test_float32():
    X, rows, *_ = pure(dtype=np.float32)
    result = nmfcore.separable(X, 5)
    assert set(result.rows) == set(rows) and result.W.dtype == np.float32 and result.relative_error < 1e-6


def test_the_first_of_equal_rows_is_taken():
    X, rows, *_ = pure()
    found = nmfcore.separable(X, 5).rows
    np.testing.assert_array_equal(nmfcore.separable(np.vstack([X, 3 * X[::-1], X / 7]), 5).rows, found)
    again = nmfcore.separable(np.vstack([3 * X[rows], X]), 5).rows
    assert set(again) == set(range(5))


@pytest.mark.parametrize("normalize", [True, False])
def test_permuted_rows_and_columns(normalize):
    rng = np.random.default_rng(2)
    X = rng.gamma(0.5, size=(90, 30))
    order, columns = rng.permutation(90), rng.permutation(30)
    found = nmfcore.separable(X, 8, normalize=normalize).rows
    np.testing.assert_array_equal(order[nmfcore.separable(X[order], 8, normalize=normalize).rows], found)
    np.testing.assert_array_equal(nmfcore.separable(X[:, columns], 8, normalize=normalize).rows, found)


def test_an_orthogonal_map_changes_nothing():
    rng = np.random.default_rng(3)
    X = rng.gamma(0.5, size=(90, 30))
    rotation, _ = np.linalg.qr(rng.standard_normal((30, 30)))
    expected = reference.successive_projections(X, 12, normalize=False)
    assert reference.successive_projections(X @ rotation, 12, normalize=False) == expected


@pytest.mark.parametrize("scale", [1e-290, 2.0**-40, 3.7, 1e290])
def test_scale(scale):
    X = np.random.default_rng(4).gamma(0.5, size=(60, 20))
    one, other = nmfcore.separable(X, 7), nmfcore.separable(scale * X, 7)
    np.testing.assert_array_equal(one.rows, other.rows)
    np.testing.assert_allclose(other.W, one.W, rtol=0, atol=1e-9 * one.W.max())
    np.testing.assert_allclose(other.relative_error, one.relative_error, rtol=1e-9)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_the_same_bits_for_any_threads(form, dtype):
    X = np.random.default_rng(5).gamma(0.3, size=(3000, 400)).astype(dtype)
    X[X < 0.3] = 0
    one, two = (nmfcore.separable(form(X), 12, n_threads=n) for n in (1, 2))
    for attribute in ("rows", "W", "H", "relative_error"):
        np.testing.assert_array_equal(getattr(one, attribute), getattr(two, attribute))


def test_noise_moves_the_rows_little():
    X, _, _, H = pure(m=400, zeros=0.3)
    shares = H / H.sum(axis=1, keepdims=True)
    for noise in (1e-8, 1e-5, 1e-3):
        noisy = X * (1 + noise * np.random.default_rng(6).standard_normal(X.shape))
        found = nmfcore.separable(np.abs(noisy), 5).H
        found = found / found.sum(axis=1, keepdims=True)
        distance = np.linalg.norm(found[:, None] - shares, axis=2)
        assert set(distance.argmin(axis=1)) == set(range(5)) and distance.min(axis=1).max() < 3 * noise


def test_close_and_tiny_rows_are_told_apart():
    """The residual of the second row is 1e-12 of the row, so the difference of squared norms has no digit of it."""
    X = np.zeros((4, 5))
    X[:3, :2], X[1, 2], X[2, 3], X[3, 4] = 1, 1e-12, 2e-13, 1e-300
    assert list(nmfcore.separable(X[:3], 3).rows) == [0, 1, 2]
    assert set(nmfcore.separable(X, 4).rows) == {0, 1, 2, 3}


def test_residuals_are_computed_again_where_their_norms_have_lost_their_digits(dtype):
    """Rows near one line, whose differences are below half of the digits of their squared norms."""
    rng = np.random.default_rng(7)
    small = np.float64(np.finfo(dtype).eps) ** 0.3
    X = (1 + small * rng.random((100, 12))).astype(dtype)
    X = np.vstack([X, X[:4] / 2])
    found, _ = held(X, 1)
    assert list(successive_projections(found, 8, normalize=False)) == reference.successive_projections(X, 8, False)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("rank", [0, 1, 4])
def test_more_components_than_independent_rows(form, rank, dtype):
    rng = np.random.default_rng(8)
    X = form((rng.random((30, rank)) @ rng.random((rank, 20))).astype(dtype))
    message = re.escape(f"k is 6, but X has only {rank} linearly independent rows, to round-off; wanted k <= {rank}")
    with pytest.raises(ValueError, match=message):
        nmfcore.separable(X, 6)
    with pytest.raises(ValueError, match=message):
        nmfcore.hals(X, 6, init="spa")
    with pytest.raises(ValueError, match="k is 2000000000, but X has only"):
        nmfcore.separable(X, 2_000_000_000)
    if rank:
        assert len(nmfcore.separable(X, rank).rows) == rank


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "k is 0; wanted an integer >= 1"),
        ({"k": 1.0}, TypeError, "k is 1.0 (float)"),
        ({"normalize": 1}, TypeError, "normalize is 1 (int); wanted True or False"),
        ({"n_threads": 0}, ValueError, "n_threads is 0"),
        ({"X": -np.eye(3)}, ValueError, "X has 3 negative entries"),
        ({"X": np.full((2, 2), np.nan)}, ValueError, "X has 4 NaN entries"),
    ],
)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        nmfcore.separable(**({"X": np.eye(3), "k": 2} | options))


def test_input_is_left_as_it_is():
    X, *_ = pure()
    before = X.copy()
    X.flags.writeable = False
    W, H = nmfcore.separable(X, 5)
    np.testing.assert_array_equal(X, before)
    assert W.flags.c_contiguous and H.T.flags.c_contiguous and not np.shares_memory(H, X)


@pytest.mark.parametrize("form", FORMS)
def test_as_a_start(form, dtype):
    X, *_ = pure(dtype=dtype)
    start = nmfcore.hals(form(X), 5, init="spa", max_iter=0)
    assert start.relative_error < (1e-12 if dtype == np.float64 else 1e-5)
    rng = np.random.default_rng(9)
    noisy = X * rng.gamma(10.0, 0.1, X.shape).astype(dtype)
    result = nmfcore.hals(form(noisy), 5, init="spa")
    assert result.W.dtype == dtype and np.all(np.diff(result.history.objective) <= 0)
    np.testing.assert_allclose(
        result.history.objective[0],
        0.5 * (nmfcore.separable(noisy, 5).relative_error * np.linalg.norm(noisy)) ** 2,
        rtol=0.02,
    )
