"""What many fits agree on: matching, stability, consensus of clusters, consensus factors."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from test_ensemble import FITS, X, ensemble, fit

import nmfcore
from nmfcore import _clusters, _consensus, _consensus_factors, _matching
from nmfcore import reference_ensemble as reference
from nmfcore._ensemble import Ensemble
from nmfcore._types import Failure

E = ensemble()
METHODS = {
    "stability": lambda e, k: e.stability(k),
    "consensus": lambda e, k: e.consensus(k),
    "cophenetic": lambda e, k: e.cophenetic(k),
    "dispersion": lambda e, k: e.dispersion(k),
    "silhouette": lambda e, k: e.silhouette(k),
    "consensus_factors": lambda e, k: e.consensus_factors(k, X),
}


def made(*factors, best=0):
    """An ensemble of those factors, of which one pair is the best."""
    fits = [replace(FITS[2, 0], W=W, H=H, objective=float(i != best)) for i, (W, H) in enumerate(factors)]
    return Ensemble(fits, range(len(fits)))


def drawn(k=4, m=30, n=20, seed=0):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.5, size=(m, k)), rng.gamma(0.5, size=(k, n))


def other(W, H, seed=0, dtype=np.float64):
    """The same factorization with its components in another order and scale."""
    rng = np.random.default_rng(seed)
    largest = 200 if dtype == np.float64 else 30
    order, scales = rng.permutation(len(H)), 10.0 ** rng.integers(-largest, largest, len(H))
    return (W[:, order] * scales).astype(dtype), (H[order] / scales[:, None]).astype(dtype)


@pytest.mark.parametrize("use", METHODS.values(), ids=METHODS)
def test_one_start_and_unknown_ranks(use):
    one = ensemble([(3, 0), (4, 0), (4, 1)])
    with pytest.raises(ValueError, match=r"one fit of rank 3, but .* compares fits; wanted at least two starts"):
        use(one, 3)
    with pytest.raises(ValueError, match="k is 5, but the ensemble has fits of rank 3, 4"):
        use(one, 5)
    with pytest.raises(ValueError, match="k is None, but"):
        use(one, None)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda: E.match(3, "X"), "of is 'X'; wanted one of 'H', 'W'"),
        (lambda: E.stability(3, of="samples"), "of is 'samples'"),
        (lambda: E.consensus(3, "W"), "of is 'W'; wanted one of 'samples', 'features'"),
        (lambda: E.stability(3, at_most=0), "at_most is 0"),
        (lambda: E.consensus(3, at_most=1.5), r"at_most is 1\.5"),
        (lambda: E.consensus(3, random_state=-1), "random_state is -1"),
        (lambda: E.consensus_factors(3, X, threshold=0), "threshold is 0"),
        (lambda: E.consensus_factors(3, X, neighbours=1.1), r"neighbours is 1\.1; wanted a number > 0 and <= 1"),
        (lambda: E.consensus_factors(3, X, n_starts=0), "n_starts is 0"),
        (lambda: E.consensus_factors(3, X, refit_H=1), "refit_H is 1"),
        (lambda: E.consensus_factors(3, X[1:]), r"X has shape \(59, 40\), but W H has \(60, 40\)"),
        (lambda: E.consensus_factors(3, -X), "X has 2400 negative entries"),
        (
            lambda: E.consensus_factors(3, X, weights=np.ones_like(X)),
            "the fits are without weights, but X comes with it",
        ),
        (lambda: E.consensus_factors(3, X, threshold=1e-12), "0 of 18 components are within threshold=1e-12 of their"),
    ],
)
def test_bad_options(use, message):
    with pytest.raises((TypeError, ValueError), match=message):
        use()


# Matching


@pytest.mark.parametrize("of", ["H", "W"])
def test_copies_are_matched(of):
    factors = drawn()
    e = made(factors, *(other(*factors, seed) for seed in range(5)))
    found = e.match(of=of)
    np.testing.assert_allclose(found.similarities, 1, rtol=1e-12)
    for one, permutation in zip(e.fits, found.permutations, strict=True):
        np.testing.assert_allclose(one.W[:, permutation] @ one.H[permutation], factors[0] @ factors[1], rtol=1e-9)
        ratios = one.H[permutation] / factors[1]
        np.testing.assert_allclose(ratios, np.broadcast_to(ratios[:, :1], ratios.shape), rtol=1e-9)


def test_the_best_of_all_permutations():
    found = E.match(4)
    best = _matching.unit_rows(E.best(4).H)
    for one, permutation, similarities in zip(E.of(4), *found, strict=True):
        cosines = best @ _matching.unit_rows(one.H).T
        most = max(cosines[range(4), order].sum() for order in itertools.permutations(range(4)))
        np.testing.assert_allclose(similarities, cosines[range(4), permutation], rtol=1e-12)
        np.testing.assert_allclose(similarities.sum(), most, rtol=1e-12)
    assert found.permutations.dtype == np.intp and found.similarities.max() <= 1


def test_an_empty_component_is_like_none():
    W, H = drawn()
    H[2] = 0
    similarities = made((W, H), (W, H)).match().similarities
    assert np.all(similarities[:, 2] == 0) and np.all(similarities[:, [0, 1, 3]] > 0.999)


# Stability


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("of", ["H", "W"])
def test_copies_are_stable(of, dtype):
    factors = drawn()
    e = made(*(other(*factors, seed, dtype) for seed in range(4)))
    found = e.stability(of=of)
    assert 0 <= found.instability <= found.distances.max() < (1e-14 if dtype == np.float64 else 1e-6)
    assert len(found.pairs) == 6 and found.spread < 1e-6


@pytest.mark.parametrize("k", [2, 3, 4])
def test_stability_is_the_reference_s(k):
    found = E.stability(k)
    expected = [reference.amari_distance(E.of(k)[i].H, E.of(k)[j].H) for i, j in found.pairs]
    np.testing.assert_allclose(found.distances, expected, atol=1e-14)
    assert (found.instability, found.spread) == (found.distances.mean(), found.distances.std())
    assert {tuple(pair) for pair in found.pairs} == set(itertools.combinations(range(6), 2))
    turned = [reference.amari_distance(E.of(k)[i].W.T, E.of(k)[j].W.T) for i, j in found.pairs]
    np.testing.assert_allclose(E.stability(k, of="W").distances, turned, atol=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_distances_are_symmetric_and_bounded(seed):
    k, n = np.random.default_rng(seed).integers(1, 8, 2)
    one, two = drawn(k, n=n, seed=seed), drawn(k, n=n, seed=seed + 100)
    there, back = made(one, two).stability().instability, made(two, one).stability().instability
    assert there == pytest.approx(back, abs=1e-15) and 0 <= there <= 1


def test_components_without_variance():
    """At one with each other, whatever their scale; those of zeros apart from them."""
    W, H = drawn(3)
    H[0], H[1] = 0.1, 0
    scaled = H * np.array([7.0, 1, 3])[:, None]
    assert made((W, H), (W, scaled[[2, 0, 1]])).stability().instability < 1e-14
    assert made((W, H), (W, np.maximum(scaled, 0.1))).stability().instability > 0.1
    assert made(drawn(1, n=1), drawn(1, n=1, seed=1)).stability().instability == 0


def test_pairs_are_drawn():
    e = made(*(drawn(2, seed=seed) for seed in range(12)))
    all_of_them, some = e.stability(), e.stability(at_most=20)
    assert len(all_of_them.pairs) == 66 and len(some.pairs) == len({tuple(pair) for pair in some.pairs}) == 20
    of_pair = {tuple(pair): d for pair, d in zip(all_of_them.pairs, all_of_them.distances, strict=True)}
    assert all(of_pair[tuple(pair)] == d for pair, d in zip(some.pairs, some.distances, strict=True))
    np.testing.assert_array_equal(some.pairs, e.stability(at_most=20).pairs)
    assert not np.array_equal(some.pairs, e.stability(at_most=20, random_state=1).pairs)


# Consensus of clusters


@pytest.mark.parametrize("k", [2, 3, 4])
def test_consensus_is_the_reference_s(k):
    found = E.consensus(k)
    expected = reference.consensus([tuple(one) for one in E.of(k)])
    np.testing.assert_array_equal(found.matrix, expected)
    np.testing.assert_array_equal(found.indices, np.arange(len(X)))
    np.testing.assert_array_equal(
        E.consensus(k, of="features").matrix, reference.consensus([(one.H.T, one.W.T) for one in E.of(k)])
    )
    np.testing.assert_allclose(E.dispersion(k), reference.dispersion(expected), rtol=1e-13)


def test_cophenetic_is_the_reference_s():
    e = made(*(drawn(3, seed=seed) for seed in range(7)))
    C = e.consensus().matrix
    assert np.all(np.diag(C) == 1) and np.array_equal(C, C.T) and 0 < C.min() + C.max() <= 1 + C.min()
    np.testing.assert_allclose(e.cophenetic(), reference.cophenetic(C), rtol=1e-12)
    assert -1 <= e.cophenetic() < 0.99 and e.dispersion() < 0.9


@pytest.mark.parametrize("of", ["samples", "features"])
def test_scale_and_order_of_components_change_nothing(of):
    factors = [drawn(4, seed=seed) for seed in range(4)]
    one, two = made(*factors), made(*(other(*pair, seed) for seed, pair in enumerate(factors)))
    np.testing.assert_array_equal(one.consensus(of=of).matrix, two.consensus(of=of).matrix)
    assert one.consensus(of=of).matrix.min() < 0.5


def test_identical_labelings():
    factors = drawn()
    found = made(*(other(*factors, seed) for seed in range(4))).consensus()
    assert found.cophenetic == pytest.approx(1, abs=1e-12) and found.dispersion == 1
    assert set(found.matrix.flat) == {0, 1}
    labels = (factors[0] * factors[1].sum(axis=1)).argmax(axis=1)[found.order]
    assert np.count_nonzero(np.diff(labels)) == len(set(labels)) - 1  # blocks


@pytest.mark.parametrize("m", [1, 2, 3, 30])
def test_degenerate_consensus(m):
    """One cluster, or few samples: a tree describes it exactly."""
    found = made(drawn(1, m=m), drawn(1, m=m, seed=1)).consensus()
    assert found.cophenetic == found.dispersion == 1 and sorted(found.order) == list(range(m))


def test_half_of_the_fits_agree():
    W = np.eye(2)
    found = made((W, W), (np.ones((2, 2)) * [1, 2], W)).consensus()
    np.testing.assert_array_equal(found.matrix, [[1, 0.5], [0.5, 1]])
    assert found.dispersion == 0.5 and found.cophenetic == 1


def test_samples_that_have_nothing_are_a_cluster():
    labels = _consensus.labels(np.array([[0.0, 0], [1e-300, 0], [3, 1], [0, 0]]), np.array([[1e-5, 1e5]]))
    np.testing.assert_array_equal(labels, [-1, 0, 1, -1])


def test_samples_are_drawn():
    found, again = E.consensus(3, at_most=25), E.consensus(4, at_most=25)
    assert len(found.indices) == 25 and np.all(np.diff(found.indices) > 0)
    np.testing.assert_array_equal(found.indices, again.indices)
    np.testing.assert_array_equal(found.matrix, E.consensus(3).matrix[np.ix_(found.indices, found.indices)])
    assert not np.array_equal(found.indices, E.consensus(3, at_most=25, random_state=1).indices)
    assert E.cophenetic(3, at_most=25) == found.cophenetic and E.dispersion(3, at_most=25) == found.dispersion


# Clusters of components


def directions(k=5, each=8, n=12, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(k), each))
    rows = _matching.unit_rows(rng.random((k, n)) ** 3)[labels] + noise * rng.random((k * each, n))
    return _matching.unit_rows(rows), labels


def together(labels):
    return labels[:, None] == labels


@pytest.mark.parametrize("seed", range(10))
def test_planted_clusters_are_found(seed):
    rows, labels = directions(seed=seed)
    found = _clusters.k_means(rows @ rows.T, 5, np.empty(0, int), 10, np.random.default_rng(0))
    np.testing.assert_array_equal(together(found), together(labels))


@pytest.mark.parametrize("seed", range(5))
def test_lloyd_is_the_reference_s(seed):
    rows, _ = directions(noise=0.8, seed=seed)
    seeds = np.arange(5)
    found, inertia = _clusters.lloyd(rows @ rows.T, seeds, 5)
    expected = reference.k_means(rows, (rows @ rows[seeds].T).argmax(axis=1))
    np.testing.assert_array_equal(found, expected)
    means = np.array([rows[found == t].mean(axis=0) for t in range(5)])
    np.testing.assert_allclose(inertia, np.sum((rows - means[found]) ** 2), rtol=1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_drawn_vectors_are_far_from_each_other(seed):
    rows, labels = directions(noise=0.01)
    found = _clusters.plus_plus(rows @ rows.T, 5, np.random.default_rng(seed))
    assert sorted(labels[found]) == list(range(5))


@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_no_cluster_is_empty_though_vectors_coincide(distinct):
    rows = _matching.unit_rows(np.random.default_rng(0).random((distinct, 6)))[np.arange(12) % distinct]
    found = _clusters.k_means(rows @ rows.T, 5, np.arange(2), 4, np.random.default_rng(0))
    assert set(found) == set(range(5))


@pytest.mark.parametrize("noise", [0.05, 1.0])
def test_silhouettes(noise):
    rows, labels = directions(noise=noise)
    labels[labels == 3] = 4
    labels[labels == 4] = 3
    labels[np.flatnonzero(labels == 0)[0]] = 4  # alone
    found = _clusters.silhouettes(_clusters.distances(rows @ rows.T), labels)
    np.testing.assert_allclose(found, reference.silhouettes(rows, labels), rtol=1e-10, atol=1e-12)
    assert found[labels == 4] == 0 and -1 <= found.min() <= found.max() <= 1


def test_silhouettes_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rows, labels = directions(noise=0.8)
    found = _clusters.silhouettes(_clusters.distances(rows @ rows.T), labels)
    np.testing.assert_allclose(found, metrics.silhouette_samples(rows, labels), rtol=1e-9, atol=1e-12)


def test_one_cluster_has_no_silhouette():
    assert np.isnan(made(drawn(1), drawn(1, seed=1)).silhouette())


# Consensus factors


def apart(found, wanted):
    """The largest sine-like distance of a wanted part to the nearest one that was found."""
    return 1 - (_matching.unit_rows(wanted) @ _matching.unit_rows(found).T).max(axis=1).min()


@pytest.mark.parametrize("k", [2, 3, 4])
def test_parts_are_the_reference_s(k):
    found = E.consensus_factors(k, X, n_starts=1, threshold=0.4)
    first = int(np.argmin(E.objectives(k)))
    expected = reference.consensus_parts([one.H for one in E.of(k)], first, 0.4, 0.3)
    np.testing.assert_allclose(np.sort(found.H, axis=0), np.sort(expected, axis=0), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.H.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(found.W, nmfcore.transform(X, found.H), rtol=1e-10, atol=1e-12)
    W, H = found
    assert W is found.W and H is found.H and np.all(np.diff(W.sum(axis=0)) <= 0)  # the largest first
    kept = ~found.dropped
    assert found.clusters.shape == found.distances.shape == found.silhouettes.shape == (6, k)
    assert np.all((found.distances < 0.4) == kept) and np.all(np.isnan(found.silhouettes) == ~kept)
    assert_medians(E.of(k), found)


def assert_medians(fits, found):
    for t, part in enumerate(found.H):
        rows = np.array([fits[i].H[u] for i, u in np.argwhere(found.clusters == t)])
        median = np.median(_matching.unit_rows(rows), axis=0)
        np.testing.assert_allclose(median / median.sum(), part, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("best", range(6))
def test_clusters_begin_with_the_best_fit(best):
    """Of fits that have nothing in common the clusters depend on where they begin."""
    factors = [drawn(4, seed=seed) for seed in range(6)]
    found = made(*factors, best=best).consensus_factors(4, factors[0][0] @ factors[0][1], n_starts=1, threshold=2)
    expected = reference.consensus_parts([H for _, H in factors], best, 2, 0.3)
    np.testing.assert_allclose(np.sort(found.H, axis=0), np.sort(expected, axis=0), rtol=1e-9, atol=1e-12)


def test_a_median_of_zero_is_a_mean():
    rows = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.6, 0.8, 0], [0, 1, 0]])
    found = _consensus_factors.medians(rows, np.array([0, 0, 0, 1, 1]), 2)
    np.testing.assert_allclose(found, [[1 / 3, 1 / 3, 1 / 3], [0.25, 0.75, 0]])


def test_planted_parts_are_found_better_than_by_the_worst_start():
    rng = np.random.default_rng(1)
    W, H = rng.gamma(0.4, size=(80, 6)), rng.gamma(0.25, size=(6, 50))
    Y = W @ H + 0.02 * rng.random((80, 50))
    e = Ensemble([fit(6, seed, Y, max_iter=30) for seed in range(15)], range(15))
    errors = [apart(one.H, H) for one in e.fits]
    found = e.consensus_factors(6, Y)
    assert apart(found.H, H) < 0.5 * max(errors)
    assert apart(found.H, H) < np.median(errors) * 1.05
    assert_medians(e.fits, found)


def test_outliers_are_dropped():
    W, H = drawn(3, n=30)
    rng = np.random.default_rng(2)
    factors = [(W, H * rng.uniform(0.95, 1.05, H.shape)) for _ in range(9)]
    strange = H.copy()
    strange[1] = np.where(np.arange(30) == 7, 1.0, 0)
    e = made(*factors, (W, strange))
    found = e.consensus_factors(3, W @ H)
    np.testing.assert_array_equal(np.argwhere(found.dropped), [[9, 1]])
    assert apart(found.H, H) < 1e-3 and found.silhouette > 0.9
    kept = e.consensus_factors(3, W @ H, threshold=2.0)
    assert not kept.dropped.any() and kept.silhouette < found.silhouette
    assert e.silhouette() == pytest.approx(kept.silhouette)
    first = made((W, strange), *factors)  # the best one is the strange one
    np.testing.assert_allclose(first.consensus_factors(3, W @ H).H, found.H, rtol=1e-12)


def test_empty_components_are_dropped():
    W, H = drawn(3)
    H[1] = 0
    rest = drawn(3)[1]
    found = made((W, rest), (W, rest), (W, H)).consensus_factors(3, W @ rest)
    np.testing.assert_array_equal(np.argwhere(found.dropped), [[2, 1]])
    assert np.isinf(found.distances[2, 1])
    with pytest.raises(ValueError, match="2 of 6 components are not 0 everywhere; wanted at least k=3"):
        made((W, np.diag([1.0, 0, 0]) @ rest), (W, np.diag([0, 0, 1.0]) @ rest)).consensus_factors(3, W @ rest)


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("refit_H", [False, True])
def test_storage_threads_and_seeds(form, refit_H):
    one = E.consensus_factors(3, form(X), refit_H=refit_H, n_threads=1)
    two = E.consensus_factors(3, form(X), refit_H=refit_H, n_threads=2, random_state=0)
    for name in ("W", "H", "clusters", "distances", "silhouettes"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    other_seed = E.consensus_factors(3, X, refit_H=refit_H, random_state=np.random.default_rng(5))
    np.testing.assert_allclose(one.H, other_seed.H, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.W, other_seed.W, rtol=1e-9, atol=1e-12)


def test_float32():
    e = Ensemble([fit(3, seed, X.astype(np.float32), max_iter=40) for seed in range(4)], range(4))
    for refit_H in (False, True):
        found = e.consensus_factors(3, X.astype(np.float32), refit_H=refit_H)
        assert (
            found.W.dtype == found.H.dtype == np.float32 and found.W.flags.c_contiguous and found.H.T.flags.c_contiguous
        )
    assert apart(found.H, e.best().H) < 0.1


@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_the_scale_of_x_changes_nothing(scale):
    """Nor that of the components; powers of two would change no digit."""
    fits = [replace(one, H=one.H * scale) for one in E.of(3)]
    found, before = Ensemble(fits, range(6)).consensus_factors(3, scale * X), E.consensus_factors(3, X)
    np.testing.assert_allclose(found.H, before.H, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(found.W / scale, before.W, rtol=1e-9, atol=1e-11)
    assert Ensemble(fits, range(6)).silhouette() == pytest.approx(E.silhouette(3))


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5, nmfcore.Huber(0.5), "l21"])
def test_the_loss_of_the_fits(loss):
    """W is at the minimum of that loss for H, and H at that for W where it is fitted again."""
    fits = [nmfcore.nmf(X, 3, loss=loss, init="random", random_state=seed, max_iter=60) for seed in range(4)]
    e = Ensemble(fits, range(4))
    asked = {"loss": loss} if isinstance(loss, nmfcore.Huber) else {}
    if asked:
        with pytest.raises(ValueError, match=r"the fits have the loss Huber.*, which no result holds; wanted it as"):
            e.consensus_factors(3, X)
    found, again = (e.consensus_factors(3, X, refit_H=refit, **asked) for refit in (False, True))
    of_W = nmfcore.nmf(X, 3, loss=loss, fixed_H=found.H, max_iter=1000, tol=1e-6).objective
    of_H = nmfcore.nmf(X, 3, loss=loss, fixed_W=found.W, max_iter=1000, tol=1e-6).objective

    def objective(factors):
        return nmfcore.nmf(X, 3, loss=loss, init=tuple(factors), max_iter=0).objective

    assert objective(found) <= of_W * (1 + 1e-4) and objective(again) <= of_H * (1 + 1e-4)
    assert objective(again) <= objective(found) * (1 + 1e-9) and objective(again) < 1.1 * e.best().objective


def test_hidden_entries():
    mask = np.random.default_rng(0).random(X.shape) < 0.1
    hidden = np.where(mask, 1e3, X)
    e = Ensemble([fit(3, seed, hidden, mask=mask, max_iter=40) for seed in range(4)], range(4))
    with pytest.raises(ValueError, match="the fits are with mask, but X comes without it; wanted it as in the fits"):
        e.consensus_factors(3, hidden)
    for refit_H in (False, True):
        found = e.consensus_factors(3, hidden, mask=mask, refit_H=refit_H)
        same = e.consensus_factors(3, np.ma.MaskedArray(hidden, mask), refit_H=refit_H)
        np.testing.assert_array_equal(found.W, same.W)
        assert np.linalg.norm((X - found.W @ found.H)[~mask]) < 0.4 * np.linalg.norm(X[~mask])


def test_missing_entries():
    holes = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    e = Ensemble([fit(3, seed, holes, missing="nan", max_iter=40) for seed in range(4)], range(4))
    found = e.consensus_factors(3, holes, refit_H=True)
    assert np.nansum((holes - found.W @ found.H) ** 2) < 2.2 * e.best().objective


def test_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"gene {j}" for j in range(40)])
    e = Ensemble([fit(3, seed, frame, max_iter=40) for seed in range(3)], range(3))
    found = e.consensus_factors(None, frame)
    assert found.names == e.best().names and found.names[1][1] == "gene 1"
    with pytest.raises(ValueError, match="X has other columns than H"):
        e.consensus_factors(None, frame[frame.columns[::-1]])


# Table


def test_table():
    e = ensemble([(2, 0), (2, 1), (2, 2), (3, 0), *((4, start) for start in range(5))])
    table = e.table()
    assert table["k"].tolist() == [2, 3, 4] and table["fits"].tolist() == [3, 1, 5]
    for i, k in enumerate(e.ranks):
        assert table["best"][i] == e.best(k).objective and table["relative_error"][i] == e.best(k).relative_error
        assert table["median"][i] == np.median(e.objectives(k))
        expected = [np.nan] * 4
        if k != 3:
            expected = [e.stability(k).instability, e.cophenetic(k), e.dispersion(k), e.silhouette(k)]
        found = [table[name][i] for name in ("instability", "cophenetic", "dispersion", "silhouette")]
        np.testing.assert_array_equal(found, expected)
    assert all(len(column) == 0 for column in Ensemble([], []).table().values())


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_table_as_a_frame(library):
    pytest.importorskip(library)
    frame, table = E.to_frame(library), E.table()
    assert list(frame.columns) == list(table)
    for name, column in table.items():
        np.testing.assert_array_equal(frame[name].to_numpy(), column)
    with pytest.raises(ValueError, match="library is 'arrow'"):
        E.to_frame("arrow")


def test_text():
    lines = str(ensemble(failures=[Failure(9, 0, "k is 9")])).splitlines()
    assert lines[0] == "Ensemble(18 fits of rank 2, 3, 4, 1 failed)" == repr(ensemble(failures=[Failure(9, 0, "")]))
    assert lines[1].split() == ["rank", "fits", "best", "median", "rel.", "error"]
    assert [line.split()[:2] for line in lines[2:5]] == [["2", "6"], ["3", "6"], ["4", "6"]]
    assert float(lines[4].split()[2]) == pytest.approx(E.best(4).objective, rel=1e-5)
    assert lines[5] == "failed: rank 9, start 0: k is 9"
    assert str(Ensemble([], [])) == "Ensemble(no fits)"
