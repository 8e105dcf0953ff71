"""One factorization from many: which components it comes from, and that it is the best one for them."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import ensemble_of_factors, fit_from_random, random_factors, sparse_product

import nmfcore
from nmfcore import Ensemble
from nmfcore._ensemble import consensus_factors, matching
from nmfcore.reference import ensemble as reference

X = sparse_product()


def apart(found, wanted):
    """How much less than 1 the cosine of a wanted part and the nearest one that was found is, at most."""
    return 1 - (matching.unit_rows(wanted) @ matching.unit_rows(found).T).max(axis=1).min()


@pytest.mark.parametrize("k", [2, 3, 4])
def test_parts_are_the_reference_s(k, ensemble):
    found = ensemble.consensus_factors(X, k, n_starts=1, threshold=0.4)
    first = int(np.argmin(ensemble.objectives(k)))
    expected = reference.consensus_parts([one.H for one in ensemble.of(k)], first, 0.4, 0.3)
    np.testing.assert_allclose(np.sort(found.H, axis=0), np.sort(expected, axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.H.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(found.W, nmfcore.transform(X, found.H), rtol=1e-10, atol=1e-12)
    W, H = found
    assert W is found.W and H is found.H and np.all(np.diff(W.sum(axis=0)) <= 0)  # the largest first
    kept = ~found.dropped
    assert found.clusters.shape == found.distances.shape == found.silhouettes.shape == (6, k)
    assert np.all((found.distances < 0.4) == kept) and np.all(np.isnan(found.silhouettes) == ~kept)
    assert_medians(ensemble.of(k), found)


def assert_medians(fits, found):
    for t, part in enumerate(found.H):
        rows = np.array([fits[i].H[u] for i, u in np.argwhere(found.clusters == t)])
        median = np.median(matching.unit_rows(rows), axis=0)
        np.testing.assert_allclose(median / median.sum(), part, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("best", range(6))
def test_clusters_begin_with_the_best_fit(best):
    """Of fits that have nothing in common the clusters depend on where they begin."""
    factors = [random_factors(4, seed=seed) for seed in range(6)]
    found = ensemble_of_factors(*factors, best=best).consensus_factors(
        factors[0][0] @ factors[0][1], 4, n_starts=1, threshold=2
    )
    expected = reference.consensus_parts([H for _, H in factors], best, 2, 0.3)
    np.testing.assert_allclose(np.sort(found.H, axis=0), np.sort(expected, axis=0), rtol=1e-9, atol=1e-12)


def test_a_median_of_zero_is_a_mean():
    rows = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0], [0, 1, 0]])
    found = consensus_factors.cluster_medians(rows, np.array([0, 0, 0, 1, 1]), 2)
    np.testing.assert_allclose(found, [[1 / 3, 1 / 3, 1 / 3], [0.25, 0.75, 0]])


def test_planted_parts_are_found_better_than_by_the_worst_start():
    rng = np.random.default_rng(1)
    W, H = rng.gamma(0.4, size=(80, 6)), rng.gamma(0.25, size=(6, 50))
    Y = W @ H + 0.02 * rng.random((80, 50))
    e = Ensemble([fit_from_random(Y, 6, seed, max_iter=30) for seed in range(15)], range(15))
    errors = [apart(one.H, H) for one in e.fits]
    found = e.consensus_factors(Y, 6)
    assert apart(found.H, H) < 0.5 * max(errors)
    assert apart(found.H, H) < np.median(errors) * 1.05
    assert_medians(e.fits, found)


def test_outliers_are_dropped():
    W, H = random_factors(3, n=30)
    rng = np.random.default_rng(2)
    factors = [(W, H * rng.uniform(0.95, 1.05, H.shape)) for _ in range(9)]
    strange = H.copy()
    strange[1] = np.where(np.arange(30) == 7, 1.0, 0)
    e = ensemble_of_factors(*factors, (W, strange))
    found = e.consensus_factors(W @ H, 3)
    np.testing.assert_array_equal(np.argwhere(found.dropped), [[9, 1]])
    assert apart(found.H, H) < 1e-3 and found.silhouette > 0.9
    kept = e.consensus_factors(W @ H, 3, threshold=2.0)
    assert not kept.dropped.any() and kept.silhouette < found.silhouette
    assert e.silhouette() == pytest.approx(kept.silhouette)
    first = ensemble_of_factors((W, strange), *factors)  # the best one is the strange one
    np.testing.assert_allclose(first.consensus_factors(W @ H, 3).H, found.H, rtol=1e-12)


def test_empty_components_are_dropped():
    W, H = random_factors(3)
    H[1] = 0
    rest = random_factors(3)[1]
    found = ensemble_of_factors((W, rest), (W, rest), (W, H)).consensus_factors(W @ rest, 3)
    np.testing.assert_array_equal(np.argwhere(found.dropped), [[2, 1]])
    assert np.isinf(found.distances[2, 1])
    with pytest.raises(ValueError, match="2 of 6 components are not 0 everywhere; wanted at least k=3"):
        ensemble_of_factors((W, np.diag([1.0, 0, 0]) @ rest), (W, np.diag([0, 0, 1.0]) @ rest)).consensus_factors(
            W @ rest, 3
        )


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("refit_H", [False, True])
def test_storage_threads_and_seeds(form, refit_H, ensemble):
    one = ensemble.consensus_factors(form(X), 3, refit_H=refit_H, n_threads=1)
    two = ensemble.consensus_factors(form(X), 3, refit_H=refit_H, n_threads=2, random_state=0)
    for name in ("W", "H", "clusters", "distances", "silhouettes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    other_seed = ensemble.consensus_factors(X, 3, refit_H=refit_H, random_state=np.random.default_rng(5))
    np.testing.assert_allclose(one.H, other_seed.H, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.W, other_seed.W, rtol=1e-9, atol=1e-12)


def test_float32():
    e = Ensemble([fit_from_random(X.astype(np.float32), 3, seed, max_iter=40) for seed in range(4)], range(4))
    for refit_H in (False, True):
        found = e.consensus_factors(X.astype(np.float32), 3, refit_H=refit_H)
        assert (
            found.W.dtype == found.H.dtype == np.float32 and found.W.flags.c_contiguous and found.H.T.flags.c_contiguous
        )
    assert apart(found.H, e.best().H) < 0.1


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_the_scale_of_x_changes_nothing(scale, ensemble):
    """Nor that of the components; powers of two would change no digit."""
    fits = [replace(one, H=one.H * scale) for one in ensemble.of(3)]
    found, before = Ensemble(fits, range(6)).consensus_factors(scale * X, 3), ensemble.consensus_factors(X, 3)
    np.testing.assert_allclose(found.H, before.H, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(found.W / scale, before.W, rtol=1e-9, atol=1e-11)
    assert Ensemble(fits, range(6)).silhouette() == pytest.approx(ensemble.silhouette(3))


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5, nmfcore.Huber(0.5), "l21"])
def test_the_loss_of_the_fits(loss):
    """W is at the minimum of that loss for H, and H at that for W where it is fitted again."""
    fits = [nmfcore.nmf(X, 3, loss=loss, init="random", random_state=seed, max_iter=60) for seed in range(4)]
    e = Ensemble(fits, range(4))
    found, again = (e.consensus_factors(X, 3, refit_H=refit) for refit in (False, True))
    of_W = nmfcore.nmf(X, 3, loss=loss, fixed_H=found.H, max_iter=1000, tol=1e-6).objective
    of_H = nmfcore.nmf(X, 3, loss=loss, fixed_W=found.W, max_iter=1000, tol=1e-6).objective

    for one, reached in ((found, of_W), (again, of_H)):
        evaluated = nmfcore.nmf(X, 3, loss=loss, init=tuple(one), max_iter=0)
        assert evaluated.objective == pytest.approx(one.objective, rel=1e-9) and one.objective <= reached * (1 + 1e-4)
        assert one.relative_error == pytest.approx(np.linalg.norm(X - one.W @ one.H) / np.linalg.norm(X))
    assert again.objective <= found.objective * (1 + 1e-9) and again.objective < 1.1 * e.best().objective


def test_a_loss_given_as_an_object_is_that_of_the_fits():
    """The loss is rebuilt from the options of the fits, with the bits of the same loss given again."""
    fits = [nmfcore.nmf(X, 3, loss=nmfcore.Huber(1.0), init="random", random_state=seed) for seed in range(3)]
    e = Ensemble(fits, range(3))
    one, same = e.consensus_factors(X, 3), e.consensus_factors(X, 3, loss=nmfcore.Huber(1.0))
    assert one.W.tobytes() == same.W.tobytes() and one.objective == same.objective
    unknown = [replace(fit, options=fit.options | {"loss": "Cauchy(scale=1.0)"}) for fit in fits]
    with pytest.raises(ValueError, match=r"the fit has the loss Cauchy.*, which no result holds; wanted it as loss="):
        Ensemble(unknown, range(3)).consensus_factors(X, 3)


def test_hidden_entries():
    mask = np.random.default_rng(0).random(X.shape) < 0.1
    hidden = np.where(mask, 1e3, X)
    e = Ensemble([fit_from_random(hidden, 3, seed, mask=mask, max_iter=40) for seed in range(4)], range(4))
    with pytest.raises(ValueError, match="the fits are with mask, but X comes without it; wanted it as in the fits"):
        e.consensus_factors(hidden, 3)
    for refit_H in (False, True):
        found = e.consensus_factors(hidden, 3, mask=mask, refit_H=refit_H)
        same = e.consensus_factors(np.ma.MaskedArray(hidden, mask), 3, refit_H=refit_H)
        np.testing.assert_array_equal(found.W, same.W)
        assert np.linalg.norm((X - found.W @ found.H)[~mask]) < 0.4 * np.linalg.norm(X[~mask])


def test_missing_entries():
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    e = Ensemble([fit_from_random(holes, 3, seed, missing="nan", max_iter=40) for seed in range(4)], range(4))
    found = e.consensus_factors(holes, 3, refit_H=True)
    assert np.nansum((holes - found.W @ found.H) ** 2) < 2.2 * e.best().objective


def test_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"gene {j}" for j in range(40)])
    e = Ensemble([fit_from_random(frame, 3, seed, max_iter=40) for seed in range(3)], range(3))
    found = e.consensus_factors(frame)
    assert found.names == e.best().names and found.names[1][1] == "gene 1"
    with pytest.raises(ValueError, match="the columns of X are not those of H"):
        e.consensus_factors(frame[frame.columns[::-1]])
