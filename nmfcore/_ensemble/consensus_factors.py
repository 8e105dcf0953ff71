"""One factorization from many: the medians of clusters of components (Kotliar et al. 2019)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .._checks import Random
from .._fit import Result, components, nmf
from .._runtime import single_blas
from ..data import Names
from . import check_ensemble, clusters
from .matching import unit_rows


@dataclass(frozen=True, eq=False)
class ConsensusFactors:
    """A factorization X ~ W H whose parts are what many fits agree on; `W, H = factors` unpacks it.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        Fitted to H; of the dtype of the fits.
    H : ndarray, shape (k, n)
        The parts, by their share of the model, the largest first. Each row has the sum 1, unless it was fitted again.
    objective : float
        The loss at (W, H), without penalties.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    clusters : ndarray of intp, shape (n_starts, k)
        The row of H to which each component of each start belongs; -1 for those that were dropped.
    distances : ndarray of float64, shape (n_starts, k)
        The mean distance of each component to its nearest neighbours; infinite for those that are 0.
    silhouettes : ndarray of float64, shape (n_starts, k)
        From -1 to 1; NaN for those that were dropped, and where k is 1.
    names : tuple of two, each a tuple of str or None
        Of the rows and columns of X, as the fits have them.
    """

    W: np.ndarray = field(repr=False)
    H: np.ndarray = field(repr=False)
    objective: float
    relative_error: float
    clusters: np.ndarray = field(repr=False)
    distances: np.ndarray = field(repr=False)
    silhouettes: np.ndarray = field(repr=False)
    names: Names = field(repr=False, default=(None, None))

    def __iter__(self) -> Iterator[np.ndarray]:
        """W, then H."""
        return iter((self.W, self.H))

    @property
    def dropped(self) -> np.ndarray:
        """Which components of which starts were left out as outliers, shape (n_starts, k)."""
        return self.clusters < 0

    @property
    def silhouette(self) -> float:
        """The mean silhouette of the components that were kept."""
        return float(self.silhouettes[~self.dropped].mean())


class Grouping(NamedTuple):
    """Components of all starts, one after the other, and their clusters."""

    rows: np.ndarray  # of norm 1
    labels: np.ndarray  # -1 for those that were dropped
    distances: np.ndarray
    silhouettes: np.ndarray


def grouped(
    fits: Sequence[Result], best: Result, threshold: float, neighbours: float, n_starts: int, rng: Random
) -> Grouping:
    """The components of all fits in k clusters, without those that are far from their neighbours."""
    k = len(best.H)
    rows = unit_rows(np.vstack([fit.H for fit in fits]))
    there = np.flatnonzero(rows.any(axis=1))
    check_ensemble.enough_components(len(there), k, len(rows))
    found = Grouping(rows, np.full(len(rows), -1), np.full(len(rows), np.inf), np.full(len(rows), np.nan))
    first = next(i for i, fit in enumerate(fits) if fit is best) * k
    with single_blas():
        G = rows[there] @ rows[there].T
        D = clusters.distances(G)
        found.distances[there] = clusters.densities(D, max(1, int(neighbours * len(fits))))
        near = found.distances[there] < threshold
        check_ensemble.enough_components(int(near.sum()), k, len(rows), found.distances[there], threshold)
        if not near.all():
            G, D, there = G[np.ix_(near, near)], D[np.ix_(near, near)], there[near]
        seeds = np.flatnonzero((there >= first) & (there < first + k))
        found.labels[there] = clusters.k_means(G, k, seeds, n_starts, rng)
        found.silhouettes[there] = clusters.silhouettes(D, found.labels[there])
    return found


def medians(rows: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """The median of each cluster, entry by entry, with the sum 1; the mean, where no entry is in half of its rows."""
    found = np.array([np.median(rows[labels == t], axis=0) for t in range(k)])
    for t in np.flatnonzero(~found.any(axis=1)):
        found[t] = rows[labels == t].mean(axis=0)
    return found / found.sum(axis=1, keepdims=True)


def factors(
    fits: Sequence[Result], grouping: Grouping, X: Any, refit_H: bool, options: dict[str, Any]
) -> ConsensusFactors:
    """W for the medians of the clusters, the components in order, and H for that W, if it is asked for."""
    k, first = len(fits[0].H), fits[0]
    H = medians(grouping.rows, grouping.labels, k).astype(first.H.dtype)
    fitted = nmf(X, k, fixed_H=H, **options)
    order = components.ranking(fitted.W, H.T, components.SIZES["share"])
    W, H = np.ascontiguousarray(fitted.W[:, order]), np.asfortranarray(H[order])
    if refit_H:
        fitted = nmf(X, k, fixed_W=W, **options)
        H = fitted.H
    place = np.append(np.argsort(order), -1)  # so that -1 stays
    found = place[grouping.labels], grouping.distances, grouping.silhouettes
    places = (values.reshape(len(fits), k) for values in found)
    return ConsensusFactors(W, H, fitted.objective, fitted.relative_error, *places, first.names)
