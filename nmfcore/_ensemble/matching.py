"""Comparison of the components of different fits: matching by cosines, distances by correlations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from .._checks import Random
from .._fit import Result
from .._runtime import single_blas


@dataclass(frozen=True, eq=False)
class Matching:
    """The components of each start, matched with those of the best fit.

    ``permutations, similarities = matching`` unpacks it.

    Attributes
    ----------
    permutations : ndarray of intp, shape (n_starts, k)
        Component ``permutations[i, t]`` of start i is matched with component t of the best fit.
    similarities : ndarray of float64, shape (n_starts, k)
        The cosine of the two components, from 0 to 1; 0 if one of them is zero.
    """

    permutations: np.ndarray = field(repr=False)
    similarities: np.ndarray = field(repr=False)

    def __iter__(self) -> Iterator[np.ndarray]:
        """The permutations, then the similarities."""
        return iter((self.permutations, self.similarities))


@dataclass(frozen=True, eq=False)
class Stability:
    """The distances between fits from different starts.

    ``instability, spread, distances, pairs = stability`` unpacks it.

    Attributes
    ----------
    instability : float
        The mean distance, from 0 (all fits are the same) to 1.
    spread : float
        The standard deviation of the distances.
    distances : ndarray of float64, shape (n_pairs,)
        The distance of each pair of fits.
    pairs : ndarray of intp, shape (n_pairs, 2)
        The indices of the two fits of each pair, among the fits of that rank.
    """

    instability: float
    spread: float
    distances: np.ndarray = field(repr=False)
    pairs: np.ndarray = field(repr=False)

    def __iter__(self) -> Iterator[float | np.ndarray]:
        """The attributes in their order."""
        return iter((self.instability, self.spread, self.distances, self.pairs))


def match_components(fits: Sequence[Result], best: Result, factor: str) -> Matching:
    """Match the components of each fit with those of the best one: an assignment problem with the cosines as gains."""
    from scipy.optimize import linear_sum_assignment

    reference = unit_rows(component_rows(best, factor))
    permutations, similarities = [], []
    for fit in fits:
        with single_blas():  # the bits of a BLAS product depend on the number of threads
            cosines = np.minimum(reference @ unit_rows(component_rows(fit, factor)).T, 1)
        permutation = linear_sum_assignment(cosines, maximize=True)[1]
        permutations.append(permutation)
        similarities.append(np.take_along_axis(cosines, permutation[:, None], axis=1)[:, 0])
    return Matching(np.array(permutations), np.array(similarities))


def measure_stability(fits: Sequence[Result], factor: str, max_pairs: int, rng: Random) -> Stability:
    """Compute the distance of all pairs of fits, or of `max_pairs` random ones if there are more."""
    pairs = np.column_stack(np.triu_indices(len(fits), 1))
    if len(pairs) > max_pairs:
        pairs = pairs[np.sort(rng.permutation(len(pairs))[:max_pairs])]
    rows = [standardized_rows(component_rows(fit, factor)) for fit in fits]
    with single_blas():
        distances = np.array([amari_distance(rows[i] @ rows[j].T) for i, j in pairs])
    return Stability(float(distances.mean()), float(distances.std()), distances, pairs)


def component_rows(fit: Result, factor: str) -> np.ndarray:
    """The rows of H or the columns of W, as the rows of a matrix."""
    return fit.H if factor == "H" else fit.W.T


def unit_rows(F: np.ndarray) -> np.ndarray:
    """Divide each row by its Euclidean norm, in float64 and without overflow. Zero rows stay zero."""
    F = F.astype(np.float64, order="C")
    largest = np.abs(F).max(axis=1, keepdims=True)
    F /= np.where(largest > 0, largest, 1)
    with np.errstate(under="ignore"):
        norms = np.sqrt(np.square(F).sum(axis=1, keepdims=True))
    return np.divide(F, norms, out=F, where=norms > 0)


def standardized_rows(F: np.ndarray) -> np.ndarray:
    """Rows whose inner products are the correlations of the rows of F.

    A constant row has no correlation. Two more columns define one: constant rows have the correlation 1 with each
    other and 0 with all others; so have zero rows.
    """
    F = unit_rows(F)
    zero = ~F.any(axis=1)
    F -= F.mean(axis=1, keepdims=True)
    constant = np.square(F).sum(axis=1) <= (8 * np.finfo(np.float64).eps) ** 2 * F.shape[1]
    F[constant] = 0
    return np.column_stack([unit_rows(F), constant & ~zero, zero])


def amari_distance(correlations: np.ndarray) -> float:
    """The Amari-type distance of two fits (Wu et al. 2016, doi:10.1073/pnas.1521171113), from 0 to 1.

    It is 1 minus the largest absolute correlation of a component with one of the other fit, averaged over the
    components of both fits.
    """
    sizes = np.minimum(np.abs(correlations), 1)
    return float(1 - (sizes.max(axis=0).mean() + sizes.max(axis=1).mean()) / 2)
