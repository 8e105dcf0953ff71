"""The choice of a rank: what is planted is found, what it is computed from, what changes nothing, bad input."""

import dataclasses
import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore import reference
from nmfcore._fit import FitRequest
from nmfcore._fit.problem import Problem
from nmfcore._rank import ard, elbow, speckled
from nmfcore._rank.fits import HoldoutScore, Task, append_components, choose_rank, divergence, start_fit
from nmfcore._rank.mdl import code_length, description_length
from nmfcore._rank.select_rank import METHODS, select_rank
from nmfcore.reference import rank

RANKS = range(1, 7)


def planted(m=90, n=60, k=3, seed=0, noise=0.3, zeros=0.2, counts=False):
    """W H with Gaussian noise, clipped at 0, or counts of that mean."""
    rng = np.random.default_rng(seed)
    W, H = (rng.gamma(1.0, size=size) * (rng.random(size) >= zeros) for size in ((m, k), (k, n)))
    X = W @ H
    if counts:
        return rng.poisson(3 * X).astype(float)
    return np.maximum(0, X + noise * X.std() * rng.standard_normal(X.shape))


def chosen(X, method="speckled", ranks=RANKS, **options):
    return select_rank(X, ranks, method, **{"random_state": 0, "n_threads": 1} | options)


def problem(X, loss="frobenius", max_iter=100):
    return Problem(FitRequest(X, loss=loss, n_threads=1, max_iter=max_iter, tol=1e-4), nmfcore.Result)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("k", [3, 4])
def test_a_planted_rank_is_found(method, k):
    choice = chosen(planted(k=k, seed=1, noise=0.2, zeros=0.3), method)
    assert (choice.k, choice.method, choice.ranks) == (k, method, tuple(RANKS))
    assert len(choice.score) == len(choice.spread) == len(RANKS) and np.isfinite(choice.score[1:]).all()
    assert str(choice).splitlines()[k].endswith("<") and choice.why in str(choice) and choice.why.count("\n") == 0


@pytest.mark.parametrize("method", ["speckled", "bi-cross-validation", "ard", "elbow"])
@pytest.mark.parametrize("stored", [np.asarray, sp.csr_array])
def test_in_counts_too(method, stored):
    """Under Kullback-Leibler, dense and sparse."""
    X = stored(planted(k=3, zeros=0.5, counts=True))
    assert chosen(X, method, loss="kullback-leibler").k == 3


@pytest.mark.parametrize("method", ["speckled", "bi-cross-validation", "mdl", "ard"])
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_with_little_noise_or_none(method, noise):
    assert chosen(planted(k=3, noise=noise), method).k == 3


def test_relevance_with_ranks_beyond_both_sizes():
    """The noise is that of the largest rank which leaves a residual."""
    X = planted(k=2, noise=0.2)[:12, :10]
    assert chosen(X, "ard", [2, 40], max_iter=200).k == 2


def test_sparse_data_without_entries_and_with_stored_zeros():
    """What is hidden depends on what is not 0, not on what is stored; of nothing the usual share is."""
    assert chosen(sp.csr_array((30, 20)), "speckled", [1, 2]).k == 1
    plain, place = sp.csr_array(np.eye(20)), np.arange(20)
    values, at = np.repeat([1.0, 0.0], 20), (np.tile(place, 2), np.append(place, (place + 1) % 20))
    zeros = sp.csr_array(sp.coo_array((values, at), shape=(20, 20)))
    assert zeros.nnz == 40
    one, other = (chosen(X, "speckled", [1, 2]).score for X in (plain, zeros))
    np.testing.assert_array_equal(one, other)


def test_the_floor_is_never_above_the_error():
    choice = chosen(np.ones((10, 8)), "elbow", [1, 2, 3])
    assert np.all(choice.more["floor"] <= choice.score)


def test_ranks_above_that_of_a_block_are_mentioned():
    X = planted(k=3)[:30, :20]
    reasons = [chosen(X, "bi-cross-validation", [1, most], n_repeats=1).why for most in (10, 11)]
    assert "the rank of a block of X is at most 10" in reasons[1] and "block of X is" not in reasons[0]
    with pytest.raises(ValueError, match=r"X has shape \(1, 20\); wanted two rows and two columns"):
        chosen(X[:1], "speckled", [1])


def test_about_the_share_is_hidden(monkeypatch):
    """Of entries that are not 0 and of zeros, each on its own; the storage and the size of a block change nothing."""
    X = np.random.default_rng(0).random((600, 500))
    X[X < 0.6] = 0
    rows, columns, weights = speckled.hidden_entries(X, (0.07, 0.02), 5)
    assert np.all(np.diff(rows * 500 + columns) > 0)
    for share, of in ((0.07, X > 0), (0.02, X == 0)):
        count = np.count_nonzero(of[rows, columns])
        assert abs(count - share * of.sum()) < 4 * math.sqrt(share * of.sum())
        np.testing.assert_array_equal(weights[of[rows, columns]], 1 / share)
    counts = np.bincount(rows[X[rows, columns] > 0], minlength=600)
    assert abs(counts.var() / (200 * 0.07 * 0.93) - 1) < 0.25
    monkeypatch.setattr(speckled, "BLOCK", 1500)
    for other in (X, np.asfortranarray(X), sp.csr_array(X), X.astype(np.float32)):
        for one, again in zip((rows, columns, weights), speckled.hidden_entries(other, (0.07, 0.02), 5), strict=True):
            np.testing.assert_array_equal(one, again)
    stored = sp.csr_array(X)
    stored.data[::3] = 0  # stored zeros are zeros
    for one, again in zip(
        *(speckled.hidden_entries(A, (0.2, 0.1), 5) for A in (stored, stored.toarray())), strict=True
    ):
        np.testing.assert_array_equal(one, again)


@given(st.integers(1, 10**15), st.floats(1e-9, 0.5), st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_positions_are_drawn_at_a_cost_of_their_number(count, share, seed):
    share = min(share, 1e5 / count)
    drawn = speckled.draw_positions(count, share, np.random.default_rng(seed))
    assert np.all(np.diff(drawn) > 0) and np.all((drawn >= 0) & (drawn < count))
    assert abs(len(drawn) - count * share) < 6 * math.sqrt(count * share) + 6


def test_the_storage_changes_no_choice():
    X = planted(40, 50, 3, counts=True)
    X[X < np.quantile(X, 0.7)] = 0
    dense, sparse = (chosen(form(X), ranks=range(1, 6)) for form in (np.asarray, sp.csr_array))
    assert dense.k == sparse.k
    np.testing.assert_allclose(dense.score, sparse.score, rtol=0.05)


def test_no_row_or_column_is_hidden_as_a_whole():
    for seed in range(30):
        rows, columns, _ = speckled.hidden_entries(np.ones((12, 3)), (0.5, 0.5), seed)
        assert np.bincount(rows, minlength=12).max() < 3 and np.bincount(columns, minlength=3).max() < 12


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_the_largest_visible_entry(form):
    X = np.random.default_rng(1).random((9, 7)) * (np.random.default_rng(2).random((9, 7)) < 0.6)
    rows, columns, _ = speckled.hidden_entries(X, (0.4, 0.3), 0)
    visible = X.copy()
    visible[rows, columns] = 0
    expected = np.minimum(visible.max(axis=1)[rows], visible.max(axis=0)[columns])
    np.testing.assert_array_equal(speckled.largest_visible(form(X), rows, columns), expected)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_hidden_values_do_not_reach_a_fit(loss):
    """Dense or sparse: a fit beside hidden entries does not depend on what stands there."""
    X = planted(counts=True)
    rows, columns, _ = speckled.hidden_entries(X, (0.1, 0.1), 3)
    other = X.copy()
    other[rows, columns] = 1e3 * np.arange(len(rows))
    fits = []
    for values in (X, other, sp.csr_array(X), sp.csr_array(other)):
        whole = problem(values, loss)
        part = speckled.hide_entries(whole, values, rows, columns)
        fits.append(start_fit(part, 3, "random", 0).run())
    np.testing.assert_array_equal(fits[0].W, fits[1].W)
    np.testing.assert_array_equal(fits[2].H, fits[3].H)
    np.testing.assert_allclose(fits[0].W @ fits[0].H, fits[2].W @ fits[2].H, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", "itakura-saito", 1.5])
def test_the_score_is_that_of_the_reference(loss):
    X = planted(counts=True) + 0.5
    mask = np.random.default_rng(7).random(X.shape) < 0.1
    rows, columns = np.nonzero(mask)
    part = speckled.hide_entries(problem(X, loss), X, rows, columns)
    fit = start_fit(part, 2, "random", 0).run()
    model = fit.W @ fit.H
    model[rows[0], columns[0]] = 1e9  # kept within the range of what is seen
    found = HoldoutScore(part.data, part.loss).evaluate([(X[rows, columns], model[rows, columns], 1.0)])
    beta = {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0}.get(loss, loss)
    assert found == pytest.approx(rank.holdout_error(X, mask, model, beta), rel=1e-9)
    twice = [(X[rows, columns][cut], model[rows, columns][cut], 2.0) for cut in (slice(5), slice(5, None))]
    assert HoldoutScore(part.data, part.loss).evaluate(twice) == pytest.approx(found, rel=1e-9)


def test_the_description_length_is_that_of_the_reference():
    X = planted()
    whole = problem(X)
    fit = start_fit(whole, 4, "random", 0).run()
    expected = rank.description_length(X, fit.W, fit.H)
    assert description_length(fit, whole.data) == pytest.approx(expected, rel=1e-8)


def test_the_length_of_a_code_in_its_limits():
    """Nothing for zeros; equal entries cost next to nothing; finer steps cost a bit for each halving."""
    assert code_length(np.zeros(50), 0.1) == 0
    assert 0 <= code_length(np.full(50, 3.0), 0.1) < 1
    v = np.random.default_rng(0).gamma(2.0, size=400)
    assert code_length(v, 0.0005) - code_length(v, 0.001) == pytest.approx(400, rel=0.02)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_relevance_is_that_of_the_reference(loss):
    """As many iterations from the same start, X scaled by a power of two as a fit has it."""
    X = planted(counts=True)
    whole = problem(X, loss, max_iter=25)
    whole.request = dataclasses.replace(whole.request, tol=0.0)
    phi = ard.estimate_noise(whole, 5, np.random.default_rng(2))
    found = ard.fit_relevance(whole, 5, phi, np.random.default_rng(1))
    fit, scaled = start_fit(whole, 5, "random", np.random.default_rng(1)), np.ldexp(X, -whole.data.measures.exponent)
    expected = rank.relevance(scaled, fit.w.factor, fit.h.factor.T, phi, 25, loss == "frobenius")
    assert found.n_iter == 25
    np.testing.assert_allclose(found.excess, expected, rtol=1e-7)


def test_relevance_lowers_its_objective():
    """More iterations never end higher, for either loss."""
    for loss in ("frobenius", "kullback-leibler"):
        objectives = []
        for n_iter in range(1, 30):
            whole = problem(planted(30, 20, counts=True), loss, max_iter=n_iter)
            whole.request = dataclasses.replace(whole.request, tol=0.0)
            phi = ard.estimate_noise(problem(planted(30, 20, counts=True), loss), 5, np.random.default_rng(2))
            objectives.append(ard.fit_relevance(whole, 5, phi, np.random.default_rng(1)).objective)
        assert (np.diff(objectives) <= 1e-9 * np.abs(objectives[1:])).all()


def test_the_noise_is_that_of_the_data():
    """Its variance for least squares, in the units of the fit, and 1 for counts."""
    X = planted(300, 200, noise=0.0) + 10
    noisy = X + np.random.default_rng(0).standard_normal(X.shape)
    whole = problem(noisy)
    assert np.ldexp(ard.estimate_noise(whole, 6, np.random.default_rng(0)), 2 * whole.data.measures.exponent) == (
        pytest.approx(1, rel=0.03)
    )
    whole = problem(noisy, "kullback-leibler")
    assert np.ldexp(ard.estimate_noise(whole, 6, np.random.default_rng(0)), whole.data.measures.exponent) == 1


def test_the_elbow_is_that_of_the_reference():
    """For errors that fall, and such that rise here and there."""
    rng = np.random.default_rng(0)
    for noise in (0.0, 0.05):
        for _ in range(20):
            ranks, error = np.sort(rng.choice(40, 8, replace=False)) + 1, np.sort(rng.random(8))[::-1]
            error = error + noise * rng.random(8)
            assert elbow.find_elbow(ranks, error)[0] == rank.elbow(list(ranks), list(error))


def test_the_floor_of_the_elbow_is_the_truncated_svd():
    X = planted(noise=0.5)
    choice = chosen(X, "elbow")
    s = np.linalg.svd(X, compute_uv=False)
    expected = np.sqrt(1 - np.cumsum(s**2)[:6] / np.sum(s**2))
    np.testing.assert_allclose(choice.table()["floor"], expected, rtol=1e-2)
    assert (choice.score >= expected * (1 - 1e-9)).all()


def test_the_error_of_the_best_is_monotone_in_k():
    """Invariant: from the best fit of rank k and a component of zeros, no fit of rank k + 1 is worse."""
    X, best = planted(noise=0.6), None
    for k in range(1, 8):
        starts = ["random"] * 2
        if best is not None:
            W, H = best
            starts.append((np.hstack([W, np.zeros((len(W), 1))]), np.vstack([H, np.zeros((1, H.shape[1]))])))
        fits = [nmfcore.nmf(X, k, init=init, random_state=k, max_iter=30, n_threads=1) for init in starts]
        if best is not None:
            assert fits[-1].objective <= best.objective * (1 + 1e-12)
        best = min(fits, key=lambda fit: fit.objective)


def test_appended_components_are_faint():
    X = planted()
    whole = problem(X)
    fit = start_fit(whole, 3, "random", 0).run()
    W, H = append_components(fit, 5, whole.data, np.random.default_rng(0))
    np.testing.assert_allclose(W[:, :3] @ H[:3], fit.W @ fit.H, rtol=1e-12)
    added = W[:, 3:] @ H[3:]
    assert 0 < added.mean() < 0.1 * X.mean()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("exponent", [-100, 1, 100])
def test_the_choice_does_not_depend_on_scale(method, exponent):
    X = planted(m=40, n=30, noise=0.5)
    options = {"n_repeats": 1} if "n_repeats" in METHODS[method].options else {}
    one, other = (chosen(Y, method, range(1, 5), **options) for Y in (X, X * 10.0**exponent))
    assert one.k == other.k
    np.testing.assert_allclose(one.score, other.score, rtol=0.05, atol=0.02)


def test_storage_threads_and_dtype_change_no_choice():
    X = sp.random(80, 50, density=0.4, random_state=0).toarray() + planted(80, 50, 3)
    X[X < 0.5] = 0
    before = X.copy()
    kinds = (np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array, sp.coo_array, np.float32)
    found = [chosen(kind(X), n_repeats=2) for kind in kinds]
    assert len({choice.k for choice in found}) == 1
    for choice in found[1:5]:
        np.testing.assert_allclose(choice.score, found[0].score, rtol=1e-3)
    np.testing.assert_array_equal(chosen(X, n_repeats=2, n_threads=2).score, found[0].score)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize("method", METHODS)
def test_threads_change_no_bit(method):
    X = planted(150, 120, counts=True)
    loss = "frobenius" if method == "mdl" else "kullback-leibler"
    one, two = (chosen(X, method, [2, 3, 5], loss=loss, max_iter=15, n_threads=threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.score, two.score)


def test_a_data_frame_is_read():
    pandas = pytest.importorskip("pandas")
    X = planted(40, 30)
    choice = chosen(pandas.DataFrame(X), n_repeats=2)
    np.testing.assert_array_equal(choice.score, chosen(X, n_repeats=2).score)
    frame = choice.to_frame()
    assert list(frame) == ["k", "score", "spread", "chosen"] and list(frame.k[frame.chosen]) == [choice.k]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("X", [np.zeros((8, 7)), np.ones((9, 8)), np.eye(8)], ids=["zeros", "ones", "identity"])
def test_data_without_a_rank_to_find(method, X):
    """Nothing crashes, and where one component is all there is, or none, the smallest rank that can be is chosen."""
    choice = chosen(X, method, range(1, 5), **({"fraction": 0.2} if method == "speckled" else {}))
    assert choice.k in range(1, 5) and not np.isnan(choice.score[1:]).any()
    if X.std() == 0 and method in ("speckled", "bi-cross-validation", "mdl", "elbow"):
        assert choice.k == 1


def test_of_sparse_data_no_more_is_hidden_than_half_of_what_is_stored():
    """Some of it stored, most of it zeros, whatever the storage; a fraction that is asked for counts."""
    X, shares = sp.csr_array(sp.random(300, 200, density=0.02, random_state=0)), []
    hidden_entries = speckled.hidden_entries
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speckled, "hidden_entries", lambda *given: shares.append(given[1]) or hidden_entries(*given))
        for options in ({}, {"fraction": 0.03}):
            chosen(X, ranks=[1, 2], n_repeats=1, **options)
        chosen(X.toarray(), ranks=[1, 2], n_repeats=1)
    assert shares == [(0.05, pytest.approx(0.01)), (0.03, 0.03), (0.05, pytest.approx(0.01))]


def test_the_tolerance_follows_the_spread():
    """At a high signal-to-noise ratio a rank that is better by far less than a thousandth of a constant is chosen."""
    rng = np.random.default_rng(3)
    W, H = rng.gamma(0.5, size=(80, 4)), rng.gamma(0.5, size=(4, 60))
    W[:, 3] *= 0.02
    X = W @ H + 1e-4 * rng.random((80, 60))
    for method in ("speckled", "bi-cross-validation"):
        found = chosen(X, method, range(1, 7))
        assert found.k == 4 and found.score[2] - found.score[3] < 1e-3


def test_one_standard_error():
    table = np.array([[0.5, 0.41, 0.398, 0.40], [0.52, 0.43, 0.431, 0.43], [0.48, 0.38, 0.379, 0.37]])
    task = Task(None, None, (1, 2, 3, 4), {"rule": "best", "tol": 1e-3}, None, None)
    best = choose_rank("hidden entries", task, table)
    assert best.k == 2 and "as well as k = 4, which has the least error, 0.4, within the spread" in best.why
    task.options["rule"] = "one-standard-error"
    assert choose_rank("hidden entries", task, table + np.array([0, 0.02, 0, 0])).k == 3
    found = choose_rank("hidden entries", task, table + np.array([0, 0.01, 0, 0]))
    assert found.k == 2 and "within one standard error of that" in found.why
    X = planted(40, 30, 4)
    assert chosen(X, rule="one-standard-error").k <= chosen(X, rule="best").k
    with pytest.raises(ValueError, match="rule is 'least'; wanted one of 'best', 'one-standard-error'"):
        chosen(X, rule="least")
    with pytest.raises(ValueError, match="rule is 'best', but method='mdl' has no such option"):
        chosen(X, "mdl", rule="best")


def test_no_rank_is_better_than_a_constant():
    X = np.random.default_rng(0).random((40, 30))
    for method in ("speckled", "bi-cross-validation"):
        found = chosen(X, method, [2, 3, 4])
        assert "no rank predicts them better than a constant" in found.why
        assert "it is the smallest of the given ranks" in found.why


def test_topics_of_counts():
    """Of planted topics, where most words are rare, as many as there are."""
    rng = np.random.default_rng(0)
    topics, share = rng.dirichlet(np.full(600, 0.05), 6), rng.dirichlet(np.full(6, 0.1), 200)
    X = sp.csr_array(rng.poisson(share @ topics * 150).astype(float))
    for loss in ("frobenius", "kullback-leibler"):
        found = chosen(X, ranks=[1, 2, 4, 6, 8], loss=loss)
        assert found.k == 6 and np.all(found.score < 1.2)


def test_ranks_in_any_order_and_one_alone():
    X = planted(40, 30)
    np.testing.assert_array_equal(chosen(X, ranks=[4, 2, 3]).score, chosen(X, ranks=iter([2, 3, 4])).score)
    alone = chosen(X, ranks=np.array([3]))
    assert alone.k == 3 and "no other rank was given" in alone.why
    assert "largest of the given ranks" in chosen(X, ranks=[1, 2]).why


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"ranks": []}, ValueError, "ranks is empty"),
        ({"ranks": 5}, TypeError, r"ranks is 5 \(int\), a single rank; wanted the ranks to choose from"),
        ({"ranks": "35"}, TypeError, "ranks is '35'"),
        ({"ranks": [2, 0]}, ValueError, r"ranks\[1\] is 0"),
        ({"ranks": [2, 3.0]}, TypeError, r"ranks\[1\] is 3.0"),
        ({"ranks": [2, True]}, TypeError, r"ranks\[1\] is True"),
        ({"ranks": [2, 3, 2]}, ValueError, "ranks has 2 more than once"),
        ({"method": "elbow", "ranks": [2, 3]}, ValueError, "at least 3 for method='elbow'"),
        ({"method": "elbow", "ranks": [2, 3, 99]}, ValueError, r"ranks has 99, but X has shape \(20, 15\)"),
        ({"method": "guess"}, ValueError, "method is 'guess'; wanted one of 'speckled'"),
        ({"method": 3}, TypeError, "method is 3"),
        ({"n_starts": 5}, ValueError, "n_starts is 5, but method='speckled' has no such option"),
        ({"method": "mdl", "fraction": 0.1}, ValueError, "fraction is 0.1, but method='mdl'"),
        ({"method": "stability", "n_starts": 1}, ValueError, "n_starts is 1; wanted an integer >= 2"),
        ({"method": "cophenetic", "n_starts": 1}, ValueError, "n_starts is 1; wanted an integer >= 2"),
        ({"n_repeats": 0}, ValueError, "n_repeats is 0"),
        ({"fraction": 0.7}, ValueError, "fraction is 0.7"),
        ({"fraction": 1e-9}, ValueError, "hides no entry"),
        ({"max_iter": 0}, ValueError, "max_iter is 0"),
        ({"tol": -1}, ValueError, "tol is -1"),
        ({"verbose": 1}, TypeError, "verbose is 1"),
        ({"random_state": -1}, ValueError, "random_state is -1"),
        ({"loss": "l1"}, ValueError, "loss is 'l1'; wanted 'frobenius', 'kullback-leibler' or another beta"),
        ({"method": "mdl", "loss": "kullback-leibler"}, ValueError, "wanted 'frobenius' for method='mdl'"),
        ({"method": "ard", "loss": 0}, ValueError, "wanted 'frobenius' or 'kullback-leibler' for method='ard'"),
        ({"X": np.full((4, 4), np.nan)}, ValueError, "X has 16 NaN entries"),
        ({"X": np.ma.masked_less(np.eye(4), 1)}, ValueError, "X is a masked array"),
        ({"X": np.ones((1, 9)), "method": "bi-cross-validation"}, ValueError, "wanted two rows and two columns"),
        ({"X": np.eye(5), "loss": "itakura-saito"}, ValueError, "zeros among 25 entries"),
    ],
)
def test_bad_input_is_refused_by_name(options, kind, words):
    with pytest.raises(kind, match=words):
        select_rank(**{"X": planted(20, 15), "ranks": [1, 2], "n_threads": 1} | options)


def test_it_says_how_far_it_is(capsys):
    chosen(planted(20, 15), ranks=[1, 2], n_repeats=2, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4 and lines[0].startswith("repeat 1 of 2  k = 1  score")


def test_the_sums_are_those_of_the_reference():
    X, V = planted() + 1, planted(seed=1) + 1
    for beta in (2, 1, 0, 1.5, -1, 3):
        assert divergence(X, V, beta) == pytest.approx(reference.beta_divergence(X, V, beta), rel=1e-10)


@given(
    st.integers(1, 8).flatmap(lambda n: st.lists(st.lists(st.floats(0, 2), min_size=n, max_size=n), min_size=2)),
    st.sampled_from([1e-3, 0.1]),
)
def test_one_standard_error_prefers_smaller_models(table, tol):
    ranks = tuple(range(2, 2 + len(table[0])))
    chosen = {}
    for rule in ("best", "one-standard-error"):
        task = Task(None, None, ranks, {"rule": rule, "tol": tol}, None, None)
        chosen[rule] = choose_rank("hidden entries", task, table).k
    assert chosen["one-standard-error"] <= chosen["best"] <= ranks[int(np.argmin(np.mean(table, axis=0)))]


def test_one_standard_error_needs_repeats():
    with pytest.raises(nmfcore.InputError, match="n_repeats is 1, which gives no standard error; wanted at least 2"):
        select_rank(planted(), [1, 2], rule="one-standard-error", n_repeats=1)


@pytest.mark.parametrize("share", [1e-18, 1e-9, 0.05, 0.5])
@pytest.mark.parametrize("count", [1, 2, 1000, 2**61])
def test_positions_of_huge_matrices(count, share):
    if count * share > 1e6:
        pytest.skip("these do not fit in memory")
    positions = speckled.draw_positions(count, share, np.random.Generator(np.random.Philox(0)))
    assert np.all(np.diff(positions) > 0) and np.all((positions >= 0) & (positions < count))
    assert abs(len(positions) - count * share) <= 6 * np.sqrt(count * share)


def test_a_matrix_whose_entries_have_no_numbers():
    with pytest.raises(nmfcore.InputError, match=r"4.6e\+18 entries; wanted at most 2.3e\+18 for method='speckled'"):
        speckled.refuse_endless_matrix((2**31, 2**31))
