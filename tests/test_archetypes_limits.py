"""Archetypal analysis of small data and of constant data, and what it refuses."""

import re
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from test_archetypes import far, loss, planted

import nmfcore
from nmfcore._archetypes import fit


@pytest.mark.parametrize("init", ["aa++", "furthest_sum", "random"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("k", [1, 2, 3, 7])
@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_few_distinct_points(distinct, k, form, init, dtype):
    """As many archetypes as distinct points describe X exactly, for any k and with duplicates."""
    points = np.array([[0.0, 0.0, 1.0], [5.0, -2.0, 0.0], [0.0, 3.0, 1.0]])[:distinct].astype(dtype)
    for X in (points, np.repeat(points, 4, axis=0)):
        r = nmfcore.archetypes(form(X), k, init=init, random_state=0, n_starts=3)
        assert np.isfinite(r.archetypes).all() and r.B.shape == (k, len(X))
        np.testing.assert_allclose(r.W.sum(axis=1), 1, atol=1e-6)
        np.testing.assert_allclose(r.B.sum(axis=1), 1, atol=1e-14)
        if k >= distinct:
            np.testing.assert_allclose(r.W @ r.archetypes, X, atol=1e-5 if dtype == np.float32 else 1e-12)
            assert r.explained_variance > 1 - 1e-6


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_small_and_degenerate_data(data):
    """No NaN, rows on the simplex, archetypes within the range of X, and the objective is that of its definition."""
    m, n, k = data.draw(st.integers(1, 7)), data.draw(st.integers(1, 3)), data.draw(st.integers(1, 7))
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    X = data.draw(
        st.sampled_from([rng.random, rng.standard_normal, lambda size: rng.integers(0, 3, size).astype(float)])
    )
    X = X((m, n))[rng.integers(0, m, m) if data.draw(st.booleans()) else np.arange(m)]
    X = X + data.draw(st.sampled_from([0.0, 1.0, 1e6]))
    if data.draw(st.booleans()):
        X[:, 0] = X[0, 0]
    huber = data.draw(st.sampled_from([None, 0.1, 1e-12, 1e-310]))
    weights = data.draw(st.sampled_from([None, np.arange(m) + 1.0, np.where(np.arange(m) == 0, 1.0, 1e-300)]))
    form = data.draw(st.sampled_from([np.asarray, np.asfortranarray, sp.csr_array]))
    delta = data.draw(st.sampled_from([0.0, 0.0, 0.2]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = nmfcore.archetypes(form(X), k, weights=weights, huber=huber, delta=delta, random_state=0, max_iter=60)
    np.testing.assert_allclose(r.W.sum(axis=1), 1, rtol=0, atol=1e-14)
    assert r.W.min() >= 0 and r.B.min() >= 0 and np.isfinite(r.history.objective).all()
    assert delta or np.all((X.min(axis=0) <= r.archetypes) & (r.archetypes <= X.max(axis=0)))
    assert np.isfinite(r.explained_variance) and r.explained_variance <= 1
    options = {} if weights is None else {"weights": weights}
    expected = loss(X, r, **options, **({} if huber is None else {"huber": huber}))
    lengths = (1e-14 * np.abs(X).max()) * np.ones(m)  # round-off of a residual
    atol = np.sum((1 if weights is None else weights) * np.minimum(lengths, huber or 1) * (lengths + np.abs(X).max()))
    np.testing.assert_allclose(r.objective, expected, rtol=1e-9, atol=atol)


def test_one_archetype_of_few_points():
    """The archetype is 0 after the mean has been subtracted, or close to it."""
    r = nmfcore.archetypes([[0.0], [1.0], [1.0]], 1, random_state=0)
    np.testing.assert_array_equal(r.W, np.ones((3, 1)))
    np.testing.assert_allclose([r.archetypes[0, 0], r.objective], [2 / 3, 1 / 3], rtol=1e-12)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = rng.random((rng.integers(1, 6), rng.integers(1, 3)))
        r = nmfcore.archetypes(X, 1, random_state=0)
        np.testing.assert_array_equal(r.W, np.ones((len(X), 1)))
        np.testing.assert_allclose(r.archetypes[0], X.mean(axis=0), rtol=1e-5)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("offset", [0.0, 1.0])
def test_archetypes_of_non_negative_points_are_not_negative(form, offset, dtype):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X = ((offset + rng.random((60, 8))) * (rng.random((60, 8)) < 0.5)).astype(dtype)
        assert nmfcore.archetypes(form(X), 4, random_state=seed, n_starts=1).archetypes.min() >= 0


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray])
@pytest.mark.parametrize("k", [1, 5])
def test_one_copy_of_dense_points_is_in_memory(form, k, dtype):
    """And (8 k + 12) (m + n) numbers and 8 MB, as the documentation says."""
    m, n = 20000, 100
    X = form(np.random.default_rng(0).random((m, n)).astype(dtype))
    tracemalloc.start()
    try:
        nmfcore.archetypes(X, k, random_state=0, max_iter=2, n_threads=1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < X.nbytes + 8 * (8 * k + 12) * (m + n) + 8e6


SCALES = [5e-324, 1e-310, 1e-300, 1e-150, 1.0, 1e150, 1e300]


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
@pytest.mark.parametrize("huber", [None, 0.3, 1e-310, 1e300])
@pytest.mark.parametrize("scale", SCALES)
def test_extreme_scales(scale, huber, form):
    """Neither a warning nor NaN; the objective is infinite or 0 only where its square leaves the range."""
    X, _ = planted(40, 3, 3, noise=0.3)
    X = np.rint(X * 100) * scale if scale < 1e-300 else X * scale
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = nmfcore.archetypes(form(X), 3, huber=huber, random_state=0, n_starts=2, max_iter=30)
        W = r.transform(form(X))
    assert np.isfinite(r.archetypes).all() and not np.isnan(r.history.objective).any() and r.objective >= 0
    assert 0.3 < r.explained_variance <= 1
    np.testing.assert_allclose(W.sum(axis=1), 1, rtol=1e-12)
    if 1e-300 <= scale and np.finfo(np.longdouble).max > 1e400:  # archetypes below it are rounded to few digits
        X, Z = (np.asarray(values, np.longdouble) for values in (X, r.archetypes))
        lengths = np.sqrt(np.sum((X - r.W @ Z) ** 2, axis=1))
        near = np.minimum(lengths, np.longdouble(np.inf if huber is None else huber))
        expected = np.sum(near * (lengths - near / 2))
        with np.errstate(over="ignore", under="ignore"):
            np.testing.assert_allclose(r.objective, float(expected), rtol=1e-6, atol=5e-324)


def test_one_archetype_is_the_mean():
    X, _ = planted(100, 5, 4, noise=0.5)
    for options, mean in (({}, X.mean(axis=0)), ({"weights": np.arange(104.0)}, np.arange(104.0) @ X / 5356)):
        r = nmfcore.archetypes(X, 1, random_state=0, tol=1e-12, **options)
        np.testing.assert_allclose(r.archetypes[0], mean, atol=1e-6)
        assert abs(r.explained_variance) < 1e-9


@pytest.mark.parametrize("value", [0.0, -3.0, 1e300, 1e-300])
def test_a_constant_matrix(value):
    r = nmfcore.archetypes(np.full((6, 3), value), 2, random_state=0)
    np.testing.assert_array_equal(r.archetypes, np.full((2, 3), value))
    assert r.objective == 0 and r.explained_variance == 1 and r.converged


def test_more_archetypes_than_features():
    angle = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    X = np.column_stack([np.cos(angle), np.sin(angle)])
    X = np.vstack([X, 0.3 * X])
    errors = [nmfcore.archetypes(X, k, random_state=0, n_starts=5).objective for k in (3, 6, 9, 12)]
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert nmfcore.archetypes(X, 12, init=range(12)).objective < 1e-25


def test_an_archetype_without_points_moves_to_the_worst_one():
    X, Z = planted(200, 6, 3)
    inside = np.vstack([X, X.mean(axis=0)[None]])
    for rows in ([0, 1, 203], [0, 0, 0], [203, 203, 203]):
        assert far(nmfcore.archetypes(inside, 3, init=rows).archetypes, Z) < 1e-5


def test_candidates_that_are_not_used_are_dropped(monkeypatch):
    X = np.random.default_rng(8).standard_normal((300, 6))
    sizes = []
    improve = fit.Candidates.improve

    def counted(self, *arguments):
        improve(self, *arguments)
        sizes.append(len(self.rows))

    monkeypatch.setattr(fit.Candidates, "improve", counted)
    kept = nmfcore.archetypes(X, 5, random_state=0, n_starts=1)
    monkeypatch.setattr(fit, "SPARE", 1.5)
    dropped = nmfcore.archetypes(X, 5, random_state=0, n_starts=1)
    assert max(sizes[kept.n_iter :]) < max(sizes[: kept.n_iter]) and np.all(np.diff(dropped.history.objective) <= 0)
    np.testing.assert_allclose(dropped.objective, loss(X, dropped), rtol=1e-11)


def test_stops():
    X = np.random.default_rng(9).standard_normal((200, 5))
    assert nmfcore.archetypes(X, 4, random_state=0, tol=0, max_iter=7).n_iter == 7
    start = nmfcore.archetypes(X, 4, init=[3, 1, 4, 15], max_iter=0)
    np.testing.assert_allclose(start.archetypes, X[[3, 1, 4, 15]], rtol=1e-13)
    timed = nmfcore.archetypes(X, 4, random_state=0, tol=0, max_time=0, n_starts=3)
    assert timed.reason == "max_time" and timed.n_iter == 1 and len(timed.objectives) == 1 and not timed.converged


def test_data_frames():
    pandas = pytest.importorskip("pandas")
    X, _ = planted(30, 3, 2)
    frame = pandas.DataFrame(X, columns=list("abc"))
    r = nmfcore.archetypes(frame, 2, random_state=0)
    np.testing.assert_array_equal(r.W, nmfcore.archetypes(X, 2, random_state=0).W)
    with pytest.raises(ValueError, match="the columns of X are not those of H"):
        r.transform(frame[["a", "c", "b"]])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 0}, ValueError, "k is 0; wanted an integer >= 1"),
        ({"X": np.full((2, 2), np.nan)}, ValueError, "X has 4 NaN entries"),
        ({"delta": 1.5}, ValueError, "delta is 1.5; wanted a number from 0 to 1"),
        ({"huber": 0}, ValueError, "huber is 0; wanted a finite number > 0"),
        ({"weights": [1.0, 2.0]}, ValueError, "weights has shape (2,); wanted one for each row of X, (3,)"),
        ({"weights": [1.0, -2.0, 0.0]}, ValueError, "weights has 1 negative entry"),
        ({"weights": np.zeros(3)}, ValueError, "weights are 0 everywhere"),
        ({"init": "best"}, ValueError, "init is 'best'; wanted one of 'auto', 'aa++', 'furthest_sum', 'random'"),
        ({"init": [0, 1, 2]}, ValueError, "init has shape (3,), but k is 2"),
        ({"init": [0, 3]}, ValueError, "init has indices from 0 to 3; wanted 0 to 2"),
        ({"init": [0.0, 1.0]}, TypeError, "init has dtype float64"),
        ({"init": [0, 1], "n_starts": 2}, ValueError, "n_starts is 2, but init says where to start; wanted 1"),
        ({"n_starts": 0}, ValueError, "n_starts is 0"),
        ({"tol": -1}, ValueError, "tol is -1"),
    ],
)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        nmfcore.archetypes(**({"X": np.eye(3), "k": 2} | options))


def test_input_is_left_as_it_is():
    X, _ = planted()
    before = X.copy()
    X.flags.writeable = False
    weights = np.ones(len(X))
    weights.flags.writeable = False
    nmfcore.archetypes(X, 4, weights=weights, random_state=0)
    np.testing.assert_array_equal(X, before)
