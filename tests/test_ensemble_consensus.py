"""What many fits agree on: matching, stability, consensus of clusters, consensus factors."""

import itertools

import numpy as np
import pytest
from conftest import ensemble_of, ensemble_of_factors, random_factors, sparse_product

import nmfcore
from nmfcore._ensemble import clusters, consensus, matching
from nmfcore.reference import ensemble as reference

X = sparse_product()
METHODS = {
    "stability": lambda e, k: e.stability(k),
    "consensus": lambda e, k: e.consensus(k),
    "cophenetic": lambda e, k: e.cophenetic(k),
    "dispersion": lambda e, k: e.dispersion(k),
    "silhouette": lambda e, k: e.silhouette(k),
    "consensus_factors": lambda e, k: e.consensus_factors(X, k),
}


def other(W, H, seed=0, dtype=np.float64):
    """The same factorization with its components in another order and scale."""
    rng = np.random.default_rng(seed)
    largest = 200 if dtype == np.float64 else 30
    order, scales = rng.permutation(len(H)), 10.0 ** rng.integers(-largest, largest, len(H))
    return (W[:, order] * scales).astype(dtype), (H[order] / scales[:, None]).astype(dtype)


@pytest.mark.parametrize("use", METHODS.values(), ids=METHODS)
def test_one_start_and_unknown_ranks(use, fits):
    one = ensemble_of(fits, [(3, 0), (4, 0), (4, 1)])
    with pytest.raises(ValueError, match=r"one fit of rank 3, but .* compares fits; wanted at least two starts"):
        use(one, 3)
    with pytest.raises(ValueError, match="k is 5, but the ensemble has fits of rank 3, 4"):
        use(one, 5)
    with pytest.raises(ValueError, match="k is None, but"):
        use(one, None)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda e: e.match(3, "X"), "of is 'X'; wanted one of 'H', 'W'"),
        (lambda e: e.stability(3, of="samples"), "of is 'samples'"),
        (lambda e: e.consensus(3, "W"), "of is 'W'; wanted one of 'samples', 'features'"),
        (lambda e: e.stability(3, at_most=0), "at_most is 0"),
        (lambda e: e.consensus(3, at_most=1.5), r"at_most is 1\.5"),
        (lambda e: e.consensus(3, random_state=-1), "random_state is -1"),
        (lambda e: e.consensus_factors(3, X), "k is of type ndarray; wanted one of the ranks 2, 3, 4$"),
        (lambda e: e.consensus_factors(X, 3, threshold=0), "threshold is 0"),
        (lambda e: e.consensus_factors(X, 3, neighbours=1.1), r"neighbours is 1\.1; wanted a number > 0 and <= 1"),
        (lambda e: e.consensus_factors(X, 3, n_starts=0), "n_starts is 0"),
        (lambda e: e.consensus_factors(X, 3, refit_H=1), "refit_H is 1"),
        (lambda e: e.consensus_factors(X[1:], 3), r"X has shape \(59, 40\), but W H has \(60, 40\)"),
        (lambda e: e.consensus_factors(-X, 3), "X has 2400 negative entries"),
        (
            lambda e: e.consensus_factors(X, 3, weights=np.ones_like(X)),
            "the fits are without weights, but X comes with it",
        ),
        (
            lambda e: e.consensus_factors(X, 3, threshold=1e-12),
            "0 of 18 components are within threshold=1e-12 of their",
        ),
    ],
)
def test_bad_options(use, message, ensemble):
    with pytest.raises((TypeError, ValueError), match=message):
        use(ensemble)


# Matching


@pytest.mark.parametrize("of", ["H", "W"])
def test_copies_are_matched(of):
    factors = random_factors()
    e = ensemble_of_factors(factors, *(other(*factors, seed) for seed in range(5)))
    found = e.match(of=of)
    np.testing.assert_allclose(found.similarities, 1, rtol=1e-12)
    for one, permutation in zip(e.fits, found.permutations, strict=True):
        np.testing.assert_allclose(one.W[:, permutation] @ one.H[permutation], factors[0] @ factors[1], rtol=1e-9)
        ratios = one.H[permutation] / factors[1]
        np.testing.assert_allclose(ratios, np.broadcast_to(ratios[:, :1], ratios.shape), rtol=1e-9)


def test_the_best_of_all_permutations(ensemble):
    found = ensemble.match(4)
    best = matching.unit_rows(ensemble.best(4).H)
    for one, permutation, similarities in zip(ensemble.of(4), *found, strict=True):
        cosines = best @ matching.unit_rows(one.H).T
        most = max(cosines[range(4), order].sum() for order in itertools.permutations(range(4)))
        np.testing.assert_allclose(similarities, cosines[range(4), permutation], rtol=1e-12)
        np.testing.assert_allclose(similarities.sum(), most, rtol=1e-12)
    assert found.permutations.dtype == np.intp and found.similarities.max() <= 1


def test_an_empty_component_is_like_none():
    W, H = random_factors()
    H[2] = 0
    similarities = ensemble_of_factors((W, H), (W, H)).match().similarities
    assert np.all(similarities[:, 2] == 0) and np.all(similarities[:, [0, 1, 3]] > 0.999)


# Stability


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("of", ["H", "W"])
def test_copies_are_stable(of, dtype):
    factors = random_factors()
    e = ensemble_of_factors(*(other(*factors, seed, dtype) for seed in range(4)))
    found = e.stability(of=of)
    assert 0 <= found.instability <= found.distances.max() < (1e-14 if dtype == np.float64 else 1e-6)
    assert len(found.pairs) == 6 and found.spread < 1e-6


@pytest.mark.parametrize("k", [2, 3, 4])
def test_stability_is_the_reference_s(k, ensemble):
    found = ensemble.stability(k)
    expected = [reference.amari_distance(ensemble.of(k)[i].H, ensemble.of(k)[j].H) for i, j in found.pairs]
    np.testing.assert_allclose(found.distances, expected, atol=1e-14)
    assert (found.instability, found.spread) == (found.distances.mean(), found.distances.std())
    assert {tuple(pair) for pair in found.pairs} == set(itertools.combinations(range(6), 2))
    turned = [reference.amari_distance(ensemble.of(k)[i].W.T, ensemble.of(k)[j].W.T) for i, j in found.pairs]
    np.testing.assert_allclose(ensemble.stability(k, of="W").distances, turned, atol=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_distances_are_symmetric_and_bounded(seed):
    k, n = np.random.default_rng(seed).integers(1, 8, 2)
    one, two = random_factors(k, n=n, seed=seed), random_factors(k, n=n, seed=seed + 100)
    there, back = (
        ensemble_of_factors(one, two).stability().instability,
        ensemble_of_factors(two, one).stability().instability,
    )
    assert there == pytest.approx(back, abs=1e-15) and 0 <= there <= 1


def test_components_without_variance():
    """At one with each other, whatever their scale; those of zeros apart from them."""
    W, H = random_factors(3)
    H[0], H[1] = 0.1, 0
    scaled = H * np.array([7.0, 1, 3])[:, None]
    assert ensemble_of_factors((W, H), (W, scaled[[2, 0, 1]])).stability().instability < 1e-14
    assert ensemble_of_factors((W, H), (W, np.maximum(scaled, 0.1))).stability().instability > 0.1
    assert ensemble_of_factors(random_factors(1, n=1), random_factors(1, n=1, seed=1)).stability().instability == 0


def test_pairs_are_drawn():
    e = ensemble_of_factors(*(random_factors(2, seed=seed) for seed in range(12)))
    all_of_them, some = e.stability(), e.stability(at_most=20)
    assert len(all_of_them.pairs) == 66 and len(some.pairs) == len({tuple(pair) for pair in some.pairs}) == 20
    of_pair = {tuple(pair): d for pair, d in zip(all_of_them.pairs, all_of_them.distances, strict=True)}
    assert all(of_pair[tuple(pair)] == d for pair, d in zip(some.pairs, some.distances, strict=True))
    np.testing.assert_array_equal(some.pairs, e.stability(at_most=20).pairs)
    assert not np.array_equal(some.pairs, e.stability(at_most=20, random_state=1).pairs)


# Consensus of clusters


@pytest.mark.parametrize("k", [2, 3, 4])
def test_consensus_is_the_reference_s(k, ensemble):
    found = ensemble.consensus(k)
    expected = reference.consensus([tuple(one) for one in ensemble.of(k)])
    np.testing.assert_array_equal(found.matrix, expected)
    np.testing.assert_array_equal(found.indices, np.arange(len(X)))
    np.testing.assert_array_equal(
        ensemble.consensus(k, of="features").matrix, reference.consensus([(one.H.T, one.W.T) for one in ensemble.of(k)])
    )
    np.testing.assert_allclose(ensemble.dispersion(k), reference.dispersion(expected), rtol=1e-13)


def test_cophenetic_is_the_reference_s():
    e = ensemble_of_factors(*(random_factors(3, seed=seed) for seed in range(7)))
    C = e.consensus().matrix
    assert np.all(np.diag(C) == 1) and np.array_equal(C, C.T) and 0 < C.min() + C.max() <= 1 + C.min()
    np.testing.assert_allclose(e.cophenetic(), reference.cophenetic(C), rtol=1e-12)
    assert -1 <= e.cophenetic() < 0.99 and e.dispersion() < 0.9


@pytest.mark.parametrize("of", ["samples", "features"])
def test_scale_and_order_of_components_change_nothing(of):
    factors = [random_factors(4, seed=seed) for seed in range(4)]
    one, two = (
        ensemble_of_factors(*factors),
        ensemble_of_factors(*(other(*pair, seed) for seed, pair in enumerate(factors))),
    )
    np.testing.assert_array_equal(one.consensus(of=of).matrix, two.consensus(of=of).matrix)
    assert one.consensus(of=of).matrix.min() < 0.5


def test_identical_labelings():
    factors = random_factors()
    found = ensemble_of_factors(*(other(*factors, seed) for seed in range(4))).consensus()
    assert found.cophenetic == pytest.approx(1, abs=1e-12) and found.dispersion == 1
    assert set(found.matrix.flat) == {0, 1}
    labels = (factors[0] * factors[1].sum(axis=1)).argmax(axis=1)[found.order]
    assert np.count_nonzero(np.diff(labels)) == len(set(labels)) - 1  # blocks


@pytest.mark.parametrize("m", [1, 2, 3, 30])
def test_degenerate_consensus(m):
    """One cluster, or few samples: a tree describes it exactly."""
    found = ensemble_of_factors(random_factors(1, m=m), random_factors(1, m=m, seed=1)).consensus()
    assert found.cophenetic == found.dispersion == 1 and sorted(found.order) == list(range(m))


def test_half_of_the_fits_agree():
    W = np.eye(2)
    found = ensemble_of_factors((W, W), (np.ones((2, 2)) * [1, 2], W)).consensus()
    np.testing.assert_array_equal(found.matrix, [[1, 0.5], [0.5, 1]])
    assert found.dispersion == 0.5 and found.cophenetic == 1


def test_samples_that_have_nothing_are_a_cluster():
    F = np.array([[0.0, 0], [1e-300, 0], [3, 1], [0, 0], [1e-5, 0], [0, 1e-17]])
    for scale in (1, 1e-290, 1e290):
        labels = consensus.dominant_components(scale * F, np.array([[1e-5, 1e5]]))
        np.testing.assert_array_equal(labels, [-1, -1, 1, -1, 0, -1])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_round_off_is_no_cluster(dtype):
    """Of rows and columns in which X has nothing, where some starts have 0 and others next to it."""
    one = np.zeros((6, 5), dtype)
    one[2, 3] = 1
    e = nmfcore.fit_many(one, [1], 10, random_state=0)
    for fit in e.fits[::2]:
        fit.W[:2], fit.H[:, :3] = fit.W.max() * 1e-17, fit.H.max() * 1e-17
    for of in ("samples", "features"):
        assert e.dispersion(of=of) == e.cophenetic(of=of) == 1
        assert set(e.consensus(of=of).matrix.flat) == {0, 1}


def test_samples_are_drawn(ensemble):
    found, again = ensemble.consensus(3, at_most=25), ensemble.consensus(4, at_most=25)
    assert len(found.indices) == 25 and np.all(np.diff(found.indices) > 0)
    np.testing.assert_array_equal(found.indices, again.indices)
    np.testing.assert_array_equal(found.matrix, ensemble.consensus(3).matrix[np.ix_(found.indices, found.indices)])
    assert not np.array_equal(found.indices, ensemble.consensus(3, at_most=25, random_state=1).indices)
    assert (
        ensemble.cophenetic(3, at_most=25) == found.cophenetic
        and ensemble.dispersion(3, at_most=25) == found.dispersion
    )


# Clusters of components


def directions(k=5, each=8, n=12, noise=0.05, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(k), each))
    rows = matching.unit_rows(rng.random((k, n)) ** 3)[labels] + noise * rng.random((k * each, n))
    return matching.unit_rows(rows), labels


def same_label(labels):
    return labels[:, None] == labels


@pytest.mark.parametrize("seed", range(10))
def test_planted_clusters_are_found(seed):
    rows, labels = directions(seed=seed)
    found = clusters.k_means(rows @ rows.T, 5, np.empty(0, int), 10, np.random.default_rng(0))
    np.testing.assert_array_equal(same_label(found), same_label(labels))


@pytest.mark.parametrize("seed", range(5))
def test_lloyd_is_the_reference_s(seed):
    rows, _ = directions(noise=0.8, seed=seed)
    seeds = np.arange(5)
    found, inertia = clusters.lloyd(rows @ rows.T, seeds, 5)
    expected = reference.k_means(rows, (rows @ rows[seeds].T).argmax(axis=1))
    np.testing.assert_array_equal(found, expected)
    means = np.array([rows[found == t].mean(axis=0) for t in range(5)])
    np.testing.assert_allclose(inertia, np.sum((rows - means[found]) ** 2), rtol=1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_drawn_vectors_are_far_from_each_other(seed):
    rows, labels = directions(noise=0.01)
    found = clusters.draw_centres(rows @ rows.T, 5, np.random.default_rng(seed))
    assert sorted(labels[found]) == list(range(5))


@pytest.mark.parametrize("distinct", [1, 2, 3])
def test_no_cluster_is_empty_though_vectors_coincide(distinct):
    rows = matching.unit_rows(np.random.default_rng(0).random((distinct, 6)))[np.arange(12) % distinct]
    found = clusters.k_means(rows @ rows.T, 5, np.arange(2), 4, np.random.default_rng(0))
    assert set(found) == set(range(5))


@pytest.mark.parametrize("noise", [0.05, 1.0])
def test_silhouettes(noise):
    rows, labels = directions(noise=noise)
    labels[labels == 3] = 4
    labels[labels == 4] = 3
    labels[np.flatnonzero(labels == 0)[0]] = 4  # alone
    found = clusters.silhouettes(clusters.euclidean_distances(rows @ rows.T), labels)
    np.testing.assert_allclose(found, reference.silhouettes(rows, labels), rtol=1e-10, atol=1e-12)
    assert found[labels == 4] == 0 and -1 <= found.min() <= found.max() <= 1


def test_silhouettes_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    rows, labels = directions(noise=0.8)
    found = clusters.silhouettes(clusters.euclidean_distances(rows @ rows.T), labels)
    np.testing.assert_allclose(found, metrics.silhouette_samples(rows, labels), rtol=1e-9, atol=1e-12)


def test_one_cluster_has_no_silhouette():
    assert np.isnan(ensemble_of_factors(random_factors(1), random_factors(1, seed=1)).silhouette())


def test_results_can_be_compared(ensemble):
    """By identity: they hold arrays, of which a comparison entry by entry has no truth value."""
    for compute in (
        lambda: ensemble.match(3),
        lambda: ensemble.stability(3),
        lambda: ensemble.consensus(3),
        lambda: ensemble.consensus_factors(X, 3),
    ):
        one, other = compute(), compute()
        assert one == one and one != other and len({one, other}) == 2


def test_what_is_returned_is_exported(ensemble):
    assert isinstance(ensemble.match(3), nmfcore.Matching)
    assert isinstance(ensemble.stability(3), nmfcore.Stability)
    assert isinstance(ensemble.consensus(3), nmfcore.Consensus)
    assert isinstance(ensemble.consensus_factors(X, 3), nmfcore.ConsensusFactors)
