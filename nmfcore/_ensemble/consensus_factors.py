"""One factorization from many: the medians of clusters of components (Kotliar et al. 2019, doi:10.7554/eLife.43803)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .._checks import Random
from .._fit import FitRequest, Result, components, loss_of_fit, run_fit
from .._runtime import single_blas
from ..data import Names
from . import clusters
from .check_ensemble import require_components
from .matching import unit_rows


@dataclass(frozen=True, eq=False)
class ConsensusFactors:
    """A factorization X ~ W H on which many fits agree; ``W, H = factors`` unpacks it.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        Fitted to H, in the dtype of the fits.
    H : ndarray, shape (k, n)
        The medians of the clusters, sorted by their share of the model, the largest first. Each row has the sum 1,
        unless H was refitted.
    objective : float
        The loss at (W, H), without penalties.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    clusters : ndarray of intp, shape (n_starts, k)
        For each component of each start the row of H to which it belongs; -1 if it was dropped.
    distances : ndarray of float64, shape (n_starts, k)
        The mean distance of each component to its nearest neighbours; infinite for a zero component.
    silhouettes : ndarray of float64, shape (n_starts, k)
        From -1 to 1; NaN for a dropped component, and if k is 1.
    names : tuple of two, each a tuple of str or None
        The names of the rows and of the columns of X, as in the fits.
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
        """Whether each component was dropped as an outlier: ndarray of bool, shape (n_starts, k)."""
        return self.clusters < 0

    @property
    def silhouette(self) -> float:
        """The mean silhouette of the components that were kept."""
        return float(self.silhouettes[~self.dropped].mean())


class ComponentClusters(NamedTuple):
    """The components of all starts, in the rows of one matrix, and their clusters."""

    rows: np.ndarray  # of norm 1
    labels: np.ndarray  # -1 for dropped components
    distances: np.ndarray
    silhouettes: np.ndarray


def cluster_components(
    fits: Sequence[Result], best: Result, threshold: float, neighbours: float, n_starts: int, rng: Random
) -> ComponentClusters:
    """Put the components of all fits into k clusters; drop those that are far from their neighbours."""
    k = len(best.H)
    rows = unit_rows(np.vstack([fit.H for fit in fits]))
    kept = np.flatnonzero(rows.any(axis=1))
    require_components(len(kept), k, len(rows))
    groups = ComponentClusters(rows, np.full(len(rows), -1), np.full(len(rows), np.inf), np.full(len(rows), np.nan))
    first = next(i for i, fit in enumerate(fits) if fit is best) * k
    with single_blas():
        G = rows[kept] @ rows[kept].T
        D = clusters.euclidean_distances(G)
        groups.distances[kept] = clusters.neighbour_distances(D, max(1, int(neighbours * len(fits))))
        near = groups.distances[kept] < threshold
        require_components(int(near.sum()), k, len(rows), groups.distances[kept], threshold)
        if not near.all():
            G, D, kept = G[np.ix_(near, near)], D[np.ix_(near, near)], kept[near]
        seeds = np.flatnonzero((kept >= first) & (kept < first + k))
        groups.labels[kept] = clusters.k_means(G, k, seeds, n_starts, rng)
        groups.silhouettes[kept] = clusters.silhouettes(D, groups.labels[kept])
    return groups


def cluster_medians(rows: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """The median of each cluster, entry by entry, divided by its sum; the mean of a cluster whose median is 0."""
    H = np.array([np.median(rows[labels == t], axis=0) for t in range(k)])
    for t in np.flatnonzero(~H.any(axis=1)):
        H[t] = rows[labels == t].mean(axis=0)
    return H / H.sum(axis=1, keepdims=True)


def fit_consensus(
    fits: Sequence[Result], groups: ComponentClusters, X: Any, refit_H: bool, options: dict[str, Any]
) -> ConsensusFactors:
    """Fit W to the medians of the clusters, sort the components, and fit H to that W if `refit_H`."""
    k, first = len(fits[0].H), fits[0]
    H = cluster_medians(groups.rows, groups.labels, k).astype(first.H.dtype)
    fitted = run_fit(FitRequest(X, k, fixed_H=H, **options), Result)
    order = components.ranking(fitted.W, H.T, components.SIZES["share"])
    W, H = np.ascontiguousarray(fitted.W[:, order]), np.asfortranarray(H[order])
    if refit_H:
        fitted = run_fit(FitRequest(X, k, fixed_W=W, **options), Result)
        H = fitted.H
    new_labels = np.append(np.argsort(order), -1)  # the last entry keeps the label -1
    shape = len(fits), k
    return ConsensusFactors(
        W,
        H,
        fitted.objective,
        fitted.relative_error,
        clusters=new_labels[groups.labels].reshape(shape),
        distances=groups.distances.reshape(shape),
        silhouettes=groups.silhouettes.reshape(shape),
        names=first.names,
    )


def refit_options(fit: Result, loss: Any, weights: Any, mask: Any) -> dict[str, Any]:
    """The options with which one factor is fitted again, as in the fits, of which `fit` is one."""
    loss = loss_of_fit(fit.options) if loss is None else loss
    return {"loss": loss, "missing": fit.options.get("missing"), "weights": weights, "mask": mask}
