"""Completion of ratings: against the reference, by its properties, and at its limits."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore.reference import ratings


def rated(m=40, n=30, share=0.4, seed=0, empty=False, dtype=np.float64):
    """Ratings from 1 to 5 of low rank and the mask of the known ones; perhaps with empty rows and a column."""
    rng = np.random.default_rng(seed)
    taste = rng.gamma(1.0, size=(m, 3)) @ rng.gamma(1.0, size=(3, n)) / 2 + rng.random((m, 1)) + rng.random(n)
    observed = rng.random((m, n)) < share
    if empty:
        observed[[0, m - 1]] = observed[:, 1] = False
    return sparse(np.clip(np.round(taste), 1, 5), observed, dtype), observed


def sparse(X, observed, dtype=np.float64):
    """The observed entries as a sparse matrix; zeros are stored, too."""
    users, items = np.nonzero(observed)
    return sp.coo_array((X[users, items].astype(dtype), (users, items)), shape=X.shape)


def parts(result):
    return result.W, result.H, result.user_bias, result.item_bias, result.mean


def same(first, second):
    return all(np.array_equal(a, b) for a, b in zip(parts(first), parts(second), strict=True))


OPTIONS = [
    {},
    {"strength": (0.3, 0.01)},
    {"per_rating": False, "strength": 2.0},
    {"biases": False},
    {"biases": False, "nonnegative": False, "per_rating": False},
    {"nonnegative": ("W",)},
    {"nonnegative": ("H",), "strength": 0},
    {"nonnegative": False},
]


@pytest.mark.parametrize(("k", "options"), [(4, options) for options in OPTIONS] + [(60, OPTIONS[0])], ids=str)
def test_the_iterates_are_those_of_the_reference(k, options, dtype):
    X, observed = rated(empty=True, dtype=dtype)
    start, result = (nmfcore.complete(X, k, tol=0, random_state=0, max_iter=n, **options) for n in (0, 5))
    strength = options.get("strength", 0.08)
    strengths = strength if isinstance(strength, tuple) else (strength, strength)
    per_rating, free = options.get("per_rating", True), options.get("nonnegative", True)
    signs = (free, free) if isinstance(free, bool) else ("W" in free, "H" in free)
    expected = ratings.complete(
        X.toarray().astype(float),
        observed,
        *(np.asarray(factor, np.float64) for factor in (start.W, start.H)),
        5,
        strengths,
        per_rating,
        options.get("biases", True),
        signs,
    )
    for found, wanted in zip(parts(result), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-9 if dtype == np.float64 else 2e-3)
    value = ratings.completion_objective(X.toarray(), observed, *parts(result), strengths, per_rating)
    np.testing.assert_allclose(result.objective, value, rtol=1e-10 if dtype == np.float64 else 1e-5)
    assert result.W.dtype == result.H.dtype == result.user_bias.dtype == result.item_bias.dtype == dtype


def test_a_planted_matrix_is_recovered():
    rng = np.random.default_rng(0)
    X = rng.gamma(1.0, size=(60, 3)) @ rng.gamma(1.0, size=(3, 50))
    observed = rng.random(X.shape) < 0.6
    result = nmfcore.complete(
        sparse(X, observed), 3, strength=0, biases=False, tol=1e-10, max_iter=5000, random_state=0
    )
    assert result.converged
    assert result.rmse(sparse(X, ~observed)) < 1e-6 * X.mean()
    value = ratings.completion_objective(X, observed, *parts(result), (0, 0))
    assert value < 1e-13 * np.sum(X**2)
    np.testing.assert_allclose(result.objective, value, rtol=0.1)  # near an exact fit


def test_biases_alone_are_a_linear_system():
    X, observed = rated(20, 15)
    result = nmfcore.complete(X, 0, strength=0.1, tol=1e-12, max_iter=1000)
    A = np.zeros((X.nnz, 35))
    A[np.arange(X.nnz), X.row] = A[np.arange(X.nnz), 20 + X.col] = 1
    ridge = 0.1 * np.concatenate([observed.sum(axis=1), observed.sum(axis=0)])
    expected = np.linalg.solve(A.T @ A + np.diag(ridge), A.T @ (X.data - X.data.mean()))
    np.testing.assert_allclose(np.concatenate([result.user_bias, result.item_bias]), expected, atol=1e-9)
    assert result.mean == pytest.approx(X.data.mean(), rel=1e-14)
    assert result.W.shape == (20, 0)
    assert result.H.shape == (0, 15)


def test_it_ends_at_a_stationary_point():
    X, observed = rated()
    model = nmfcore.complete(X, 3, strength=0.1, tol=1e-9, max_iter=20000, random_state=0)
    W, H, b, c, mean = parts(model)
    residual = np.where(observed, X.toarray() - mean - b[:, None] - c - W @ H, 0)
    for F, B, bias, r, seen in ((W, H.T, b, residual, observed), (H.T, W, c, residual.T, observed.T)):
        n = seen.sum(axis=1)
        gradient = 0.1 * n[:, None] * F - r @ B
        assert np.abs(np.minimum(F, gradient)).max() < 1e-6
        assert np.abs(0.1 * n * bias - r.sum(axis=1)).max() < 1e-6
        assert (F == 0).any()


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_objective_never_rises(options):
    X, _ = rated()
    values = nmfcore.complete(X, 5, tol=0, max_iter=60, random_state=0, **options).history.objective
    assert (np.diff(values) <= 1e-13 * values[0]).all()
    assert values[-1] < values[1]


def test_the_number_of_threads_changes_no_bit(dtype, monkeypatch):
    monkeypatch.setattr("nmfcore._runtime.threads.ThreadBudget.threads", lambda self: self.n_threads)
    X, _ = rated(300, 200, dtype=dtype)
    one, two, five = (nmfcore.complete(X, 9, max_iter=6, random_state=0, n_threads=n) for n in (1, 2, 5))
    assert same(one, two)
    assert same(one, five)
    assert np.array_equal(one.history.objective, five.history.objective)


def test_a_permutation_of_the_users_permutes_what_is_found():
    X, _ = rated()
    order = np.random.default_rng(1).permutation(40)
    one = nmfcore.complete(X, 3, tol=0, max_iter=10, random_state=0)
    other = nmfcore.complete(X.tocsr()[order], 3, tol=0, max_iter=10, random_state=0)
    np.testing.assert_allclose(other.W, one.W[order], atol=1e-9)
    np.testing.assert_allclose(other.user_bias, one.user_bias[order], atol=1e-9)
    np.testing.assert_allclose(other.H, one.H, atol=1e-9)


@pytest.mark.parametrize("factor", [4.0, 2.0**-40, 2.0**400])
def test_a_power_of_two_changes_no_bit_but_the_exponents(factor):
    X, _ = rated()
    one, other = (
        nmfcore.complete(X * c, 3, strength=(0.1 * c, 0.1), random_state=0, max_iter=20) for c in (1.0, factor)
    )
    assert np.array_equal(other.W, one.W * np.sqrt(factor))
    assert np.array_equal(other.H, one.H * np.sqrt(factor))
    assert np.array_equal(other.user_bias, one.user_bias * factor)
    assert other.mean == one.mean * factor
    assert other.objective == one.objective * factor**2
    assert other.n_iter == one.n_iter


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_ratings_of_any_size(size):
    X, _ = rated()
    result = nmfcore.complete(X * size, 3, random_state=0, max_iter=5)
    assert all(np.isfinite(part).all() for part in parts(result))
    assert nmfcore.complete(X * size, 0).rmse(X * size) < X.data.std() * size


def test_what_is_stored_is_observed():
    X, observed = rated()
    X = X.toarray()
    X[observed & (X == 1)] = 0
    stored = nmfcore.complete(sparse(X, observed), 0)
    assert stored.mean == pytest.approx(X[observed].mean())
    assert nmfcore.complete(sparse(X, observed & (X > 0)), 0).mean == pytest.approx(X[observed & (X > 0)].mean())
    only = sp.coo_array(([0.0, 0.0, 0.0], ([0, 1, 1], [0, 0, 1])), shape=(2, 2))
    for result in (nmfcore.complete(only, 2, random_state=0), nmfcore.complete(only, 2, biases=False, random_state=0)):
        assert np.array_equal(result.predict([0, 1], [0, 1]), [0, 0])
        assert result.converged


def test_ratings_may_be_negative_and_equal():
    X, _ = rated()
    X.data -= 3
    result = nmfcore.complete(X, 2, random_state=0)
    assert (result.W >= 0).all()
    assert (result.H >= 0).all()
    assert result.rmse(X) < X.data.std()
    X.data[:] = -2.5
    assert np.array_equal(nmfcore.complete(X, 2, random_state=0).predict(3, 4), -2.5)


@pytest.mark.parametrize("per_rating", [True, False])
def test_who_has_no_rating(per_rating):
    X, _ = rated(empty=True)
    result = nmfcore.complete(X, 3, per_rating=per_rating, random_state=0)
    users, items = result.unobserved
    assert users.tolist() == [0, 39]
    assert items.tolist() == [1]
    assert not result.W[users].any()
    assert not result.H[:, items].any()
    assert not result.user_bias[users].any()
    assert not result.item_bias[items].any()
    assert np.array_equal(result.predict(0, np.arange(30)), result.mean + result.item_bias)
    assert np.array_equal(result.predict([0, 39], 1), [result.mean] * 2)


def test_predictions():
    X, _ = rated()
    result = nmfcore.complete(X, 3, random_state=0)
    full = result.mean + result.user_bias[:, None] + result.item_bias + result.W @ result.H
    users, items = np.random.default_rng(0).integers(0, 30, (2, 4, 5))
    np.testing.assert_allclose(result.predict(users, items), full[users, items], rtol=1e-13)
    clipped = result.predict(users, items, limits=(2, 3.5))
    np.testing.assert_allclose(clipped, np.clip(full[users, items], 2, 3.5), rtol=1e-13)
    assert clipped.dtype == np.float64
    assert result.predict([], []).shape == (0,)
    assert result.rmse(X) == pytest.approx(np.sqrt(np.mean((full[X.row, X.col] - X.data) ** 2)))
    assert result.rmse(X, limits=(3, 3)) == pytest.approx(np.sqrt(np.mean((3 - X.data) ** 2)))


def test_recommendations_are_the_best_of_what_is_not_rated():
    X, observed = rated()
    result = nmfcore.complete(X, 3, random_state=0)
    for user in range(40):
        full = result.predict(user, np.arange(30))
        left = [item for item in range(30) if not observed[user, item] and item not in (3, 7)]
        left.sort(key=lambda item: (-full[item], item))
        items, ratings = result.recommend(user, 6, exclude=[7, 3])
        assert items.tolist() == left[:6]
        assert np.array_equal(ratings, full[items])
        assert len(result.recommend(user, 100)[0]) == 30 - observed[user].sum()


def test_equal_recommendations_come_by_their_index():
    X = sp.coo_array(([5.0, 1.0, 3.0], ([0, 0, 1], [2, 4, 4])), shape=(2, 6))
    items, ratings = nmfcore.complete(X, 0, strength=0.1).recommend(1)
    assert items.tolist() == [2, 0, 1, 3, 5]
    assert len(set(ratings)) == 2


def test_storage_does_not_matter_and_nothing_is_written_to():
    X, _ = rated()
    expected = nmfcore.complete(X, 3, random_state=0)
    csr = X.tocsr()
    shuffled = csr.copy()
    for i in range(40):
        row = slice(*shuffled.indptr[i : i + 2])
        shuffled.indices[row], shuffled.data[row] = shuffled.indices[row][::-1].copy(), shuffled.data[row][::-1].copy()
    shuffled.has_sorted_indices = shuffled.has_canonical_format = False
    wide = csr.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    for other in (csr, X.tocsc(), X.tolil(), X.todok(), shuffled, wide, sp.csr_matrix(csr), csr.astype(np.int8)):
        arrays = [getattr(other, name) for name in ("data", "indices", "indptr") if other.format in ("csr", "csc")]
        before = [array.copy() for array in arrays]
        for array in arrays:
            array.flags.writeable = False
        assert same(nmfcore.complete(other, 3, random_state=0), expected)
        assert all(np.array_equal(array, old) for array, old in zip(arrays, before, strict=True))


def test_the_callback_measures_and_ends():
    X, observed = rated()
    test = sparse(X.toarray() + 3, observed)
    seen = []

    def callback(state):
        seen.append(state)
        assert state.completion.n_iter == state.iteration
        assert state.completion.objective == state.objective
        assert np.array_equal(state.completion.W, state.W)
        assert np.array_equal(state.completion.H, state.H)
        share = state.completion.rmse(X) / np.sqrt(np.mean(X.data**2))
        assert state.relative_error == pytest.approx(share)
        assert state.completion.rmse(test) > 0
        return state.iteration == 4

    result = nmfcore.complete(X, 3, tol=0, random_state=0, callback=callback)
    assert result.reason == "callback"
    assert result.n_iter == 4
    assert not result.converged
    with pytest.raises(RuntimeError, match="has left iteration 2"):
        _ = seen[1].completion


def test_why_it_ends():
    X, _ = rated()
    assert nmfcore.complete(X, 3, random_state=0).reason == "tol"
    assert nmfcore.complete(X, 3, random_state=0, max_iter=2).reason == "max_iter"
    assert nmfcore.complete(X, 3, random_state=0, tol=1e-30, max_iter=100_000).reason == "stalled"
    result = nmfcore.complete(X, 3, random_state=0, max_time=0)
    assert (result.reason, result.n_iter) == ("max_time", 1)
    assert len(result.history.objective) == len(result.history.seconds) == 2
    assert nmfcore.complete(X, 3, random_state=0, tol=0, max_iter=30).n_iter == 30


def test_random_state():
    X, _ = rated()
    assert same(*(nmfcore.complete(X, 3, random_state=seed) for seed in (0, np.random.default_rng(0))))
    assert not same(*(nmfcore.complete(X, 3, random_state=seed) for seed in (0, 1)))
    assert nmfcore.complete(X, 3, random_state=np.random.RandomState(0), nonnegative=False).converged


X, _ = rated(6, 5)
GOOD = {"X": X, "k": 2}
DOUBLE = sp.coo_array(([1.0, 2.0, 3.0], ([0, 0, 1], [1, 1, 1])), shape=(2, 2))
NAN = sp.csr_array(np.array([[1.0, np.nan], [np.inf, 2.0]]))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"X": X.toarray()},
            TypeError,
            "X is of type ndarray; wanted a sparse matrix whose stored entries are the rat",
        ),
        ({"X": X.tobsr()}, TypeError, "X is in BSR, which stores more than was rated; wanted COO, CSR or CSC"),
        ({"X": X.astype(complex)}, TypeError, "X is complex"),
        ({"X": DOUBLE}, ValueError, "X has 1 more ratings than pairs of a user and an item"),
        ({"X": sp.csr_array((3, 4))}, ValueError, "X has no stored entries; wanted at least one rating"),
        ({"X": sp.csr_array((0, 4))}, ValueError, "X is empty"),
        ({"X": NAN}, ValueError, r"X has 1 NaN entry, the first \(nan\) at \(0, 1\)"),
        ({"X": NAN.tocsc()[:, :1]}, ValueError, r"X has 1 infinite entry, the first \(inf\) at \(1, 0\)"),
        ({"k": 0, "biases": False}, ValueError, "k is 0; wanted an integer >= 1"),
        ({"k": -1}, ValueError, "k is -1; wanted an integer >= 0"),
        ({"strength": -1.0}, ValueError, "strength is -1.0; wanted a finite number >= 0"),
        ({"strength": (1.0, np.nan)}, ValueError, r"strength\[1\] \(of biases\) is nan; wanted a finite number >= 0"),
        ({"strength": (1, 2, 3)}, ValueError, "strength has 3 elements; wanted a number or a pair"),
        ({"strength": "strong"}, TypeError, "strength is 'strong'"),
        ({"per_rating": 1}, TypeError, "per_rating is 1"),
        ({"biases": "yes"}, TypeError, "biases is 'yes'"),
        ({"nonnegative": "W"}, TypeError, r"nonnegative is 'W' \(str\); wanted True, False"),
        ({"nonnegative": ("W", "B")}, ValueError, "nonnegative is .*; wanted True, False"),
        ({"max_iter": -1}, ValueError, "max_iter is -1"),
        ({"tol": -1}, ValueError, "tol is -1"),
        ({"max_time": "1"}, TypeError, "max_time is '1'"),
        ({"n_threads": 0}, ValueError, "n_threads is 0"),
        ({"random_state": -1}, ValueError, "random_state is -1"),
        ({"callback": 1}, TypeError, "callback is 1"),
    ],
)
def test_errors(options, error, message):
    with pytest.raises(error, match=message):
        nmfcore.complete(**GOOD | options)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda r: r.predict([0.5], [1]), TypeError, "users has dtype float64; wanted integers"),
        (lambda r: r.predict([0], [5]), ValueError, "items has indices from 5 to 5; wanted 0 to 4"),
        (lambda r: r.predict([-1], [0]), ValueError, "users has indices from -1 to -1; wanted 0 to 5"),
        (lambda r: r.predict([1, 2], [1, 2, 3]), ValueError, r"users has shape \(2,\), items \(3,\)"),
        (lambda r: r.predict(1, 2, limits=5), TypeError, "limits is 5; wanted None or a pair"),
        (lambda r: r.predict(1, 2, limits=("a", "b")), TypeError, "limits is"),
        (lambda r: r.predict(1, 2, limits=(5, 1)), ValueError, "limits is"),
        (lambda r: r.recommend(6), ValueError, "user is 6; wanted an index below 6"),
        (lambda r: r.recommend(0, -1), ValueError, "n is -1"),
        (lambda r: r.recommend(0, exclude=[9]), ValueError, "exclude has indices from 9 to 9; wanted 0 to 4"),
        (lambda r: r.rmse(X.T), ValueError, r"X_test has shape \(5, 6\); wanted that of X, \(6, 5\)"),
        (lambda r: r.rmse(X.toarray()), TypeError, "X_test is of type ndarray"),
    ],
)
def test_errors_of_a_result(call, error, message):
    with pytest.raises(error, match=message):
        call(nmfcore.complete(**GOOD, random_state=0))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_pattern(data):
    m, n, k = (data.draw(st.integers(1, most)) for most in (9, 9, 4))
    count = data.draw(st.integers(1, m * n))
    cells = data.draw(st.permutations(range(m * n)))[:count]
    values = data.draw(st.lists(st.integers(-5, 5), min_size=count, max_size=count))
    options = data.draw(st.sampled_from(OPTIONS))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    X = sp.coo_array((np.array(values, dtype), np.divmod(np.array(cells), n)), shape=(m, n))
    result = nmfcore.complete(X, k, random_state=0, max_iter=20, **options)
    assert all(np.isfinite(part).all() for part in parts(result))
    history = result.history.objective
    assert (np.diff(history) <= (1e-12 if dtype == np.float64 else 1e-5) * history[0]).all()
    free = options.get("nonnegative", True)
    assert free is False or free == ("H",) or (result.W >= 0).all()
    assert free is False or free == ("W",) or (result.H >= 0).all()
    users, items = result.unobserved
    assert set(users) == set(range(m)) - set(X.row)
    assert set(items) == set(range(n)) - set(X.col)
    assert not result.W[users].any()
    assert not result.item_bias[items].any()
    strength = options.get("strength", 0.08)
    strengths = strength if isinstance(strength, tuple) else (strength, strength)
    observed = np.zeros((m, n), bool)
    observed[X.row, X.col] = True
    value = ratings.completion_objective(
        X.toarray(), observed, *parts(result), strengths, options.get("per_rating", True)
    )
    scale = float(np.sum(X.data.astype(float) ** 2))
    assert abs(result.objective - value) <= (1e-11 if dtype == np.float64 else 1e-4) * scale
