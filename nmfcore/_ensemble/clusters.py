"""Clusters of unit vectors, of which nothing is needed but their Gram matrix G, however long they are.

The products are BLAS's, which the caller keeps to one thread: its bits depend on their number.
"""

import numpy as np

from .._checks import Random

MOST = 300  # iterations of k-means


def distances(G: np.ndarray) -> np.ndarray:
    """Euclidean distances between the vectors."""
    found = np.sqrt(np.maximum(2 - 2 * G, 0))
    np.fill_diagonal(found, 0)
    return found


def densities(D: np.ndarray, neighbours: int) -> np.ndarray:
    """The mean distance of each vector to its nearest ones."""
    neighbours = min(neighbours, len(D) - 1)
    if neighbours == 0:
        return np.zeros(len(D))
    return np.partition(D, neighbours, axis=1)[:, : neighbours + 1].sum(axis=1) / neighbours  # itself is at 0


def silhouettes(D: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How much nearer each vector is to its own cluster than to the next one, from -1 to 1 (Rousseeuw 1987).

    With a and b the mean distances to the others of its own cluster and to the next one, (b - a) / max(a, b); 0 for a
    vector that is alone in its cluster, and NaN for all where there is one cluster.
    """
    sums, counts = _sums(D, labels)
    if len(counts) == 1:
        return np.full(len(D), np.nan)
    rows = np.arange(len(D))
    own, others = counts[labels], sums / counts
    a = sums[rows, labels] / np.maximum(own - 1, 1)
    others[rows, labels] = np.inf
    b = others.min(axis=1)
    larger = np.maximum(a, b)
    return np.where((own > 1) & (larger > 0), (b - a) / np.where(larger > 0, larger, 1), 0)


def k_means(G: np.ndarray, k: int, seeds: np.ndarray, n_starts: int, rng: Random) -> np.ndarray:
    """The labels 0 ... k - 1 of the lowest sum of squared distances to the means of clusters, none of them empty.

    Lloyd's algorithm, first from the vectors `seeds`, then from such as are drawn by their squared distance to those
    before (Arthur & Vassilvitskii 2007).
    """
    starts = [seeds] if len(seeds) else []
    starts += [plus_plus(G, k, rng) for _ in range(n_starts - len(starts))]
    return min((lloyd(G, start, k) for start in starts), key=lambda found: found[1])[0]


def plus_plus(G: np.ndarray, k: int, rng: Random) -> np.ndarray:
    """k of the vectors, far from each other; any of them where all coincide with one of those before.

    Each is the one of a few drawn that lowers the sum of the squared distances most.
    """
    chances, chosen = np.ones(len(G)), np.empty(0, np.intp)
    while len(chosen) < k:
        sums = np.cumsum(chances if chances.any() else np.ones(len(G)))
        drawn = [rng.random() * sums[-1] for _ in range(2 + int(np.log(k)) if len(chosen) else 1)]
        tried = np.minimum(np.searchsorted(sums, drawn, side="right"), len(G) - 1)
        left = np.minimum(chances if len(chosen) else np.inf, np.maximum(2 - 2 * G[tried], 0))
        best = int(np.argmin(left.sum(axis=1)))
        chances, chosen = left[best], np.append(chosen, tried[best])
    return chosen


def lloyd(G: np.ndarray, start: np.ndarray, k: int) -> tuple[np.ndarray, float]:
    """Labels at which k-means from those vectors stands still, and the sum of the squared distances to the means."""
    rows = np.arange(len(G))
    labels = _filled(G[:, start].argmax(axis=1), 1 - G[:, start].max(axis=1), k)
    for _ in range(MOST):
        sums, counts = _sums(G, labels)
        along = sums / counts  # the inner products of vectors and means
        squares = np.bincount(labels, along[rows, labels], k) / counts  # of the norms of the means
        far = np.maximum(1 - 2 * along + squares, 0)
        new = _filled(far.argmin(axis=1), far.min(axis=1), k)
        if np.array_equal(new, labels):
            break
        labels = new
    return labels, float(far[rows, labels].sum())


def _filled(labels: np.ndarray, far: np.ndarray, k: int) -> np.ndarray:
    """Where a cluster is empty, the vector that is farthest from its mean and not alone makes it."""
    labels = labels.copy()
    counts = np.bincount(labels, minlength=k)
    for empty in np.flatnonzero(counts == 0):
        i = int(np.argmax(np.where(counts[labels] > 1, far, -1)))
        counts[labels[i]] -= 1
        counts[empty], labels[i] = 1, empty
    return labels


def _sums(A: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sums of the columns of A by label, all of which occur, and how many there are."""
    counts = np.bincount(labels)
    return A @ np.eye(len(counts))[labels], counts
