"""Components of one fit beside those of another."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .._checks import Random
from .._fit import Result
from .._runtime import single_blas


class Matching(NamedTuple):
    """The components of each start beside those of the best one.

    Attributes
    ----------
    permutations : ndarray of intp, shape (n_starts, k)
        Component `permutations[i, t]` of start i goes with component t of the best one.
    similarities : ndarray of float64, shape (n_starts, k)
        The cosine of the two, from 0 to 1; 0 where one of them is empty.
    """

    permutations: np.ndarray
    similarities: np.ndarray


class Stability(NamedTuple):
    """How far fits from different starts are apart.

    Attributes
    ----------
    instability : float
        The mean of the distances, from 0 (all the same) to 1.
    spread : float
        Their standard deviation.
    distances : ndarray of float64, shape (n_pairs,)
    pairs : ndarray of intp, shape (n_pairs, 2)
        Which fits of that rank each of them is of.
    """

    instability: float
    spread: float
    distances: np.ndarray
    pairs: np.ndarray


def components(fit: Result, of: str) -> np.ndarray:
    """The components of a fit, in rows, as the rows of H or the columns of W."""
    return fit.H if of == "H" else fit.W.T


def unit_rows(F: np.ndarray) -> np.ndarray:
    """Rows over their Euclidean norms, float64, whatever their scale; rows of zeros stay."""
    F = F.astype(np.float64, order="C")
    largest = np.abs(F).max(axis=1, keepdims=True)
    F /= np.where(largest > 0, largest, 1)
    with np.errstate(under="ignore"):
        norms = np.sqrt(np.square(F).sum(axis=1, keepdims=True))
    return np.divide(F, norms, out=F, where=norms > 0)


def standard_rows(F: np.ndarray) -> np.ndarray:
    """Rows whose inner products are their correlations.

    Those without variance, which have none, are at one with each other and apart from all others; so are those of
    zeros. Two more columns make them so.
    """
    F = unit_rows(F)
    empty = ~F.any(axis=1)
    F -= F.mean(axis=1, keepdims=True)
    constant = np.square(F).sum(axis=1) <= (8 * np.finfo(np.float64).eps) ** 2 * F.shape[1]
    F[constant] = 0
    return np.column_stack([unit_rows(F), constant & ~empty, empty])


def match(fits: Sequence[Result], best: Result, of: str) -> Matching:
    """Each component of each fit to one of the best, with the largest sum of cosines (an assignment problem)."""
    from scipy.optimize import linear_sum_assignment

    wanted = unit_rows(components(best, of))
    found = []
    for fit in fits:
        with single_blas():  # whose bits depend on the number of threads
            cosines = np.minimum(wanted @ unit_rows(components(fit, of)).T, 1)
        found.append((linear_sum_assignment(cosines, maximize=True)[1], cosines))
    permutations = np.array([permutation for permutation, _ in found])
    taken = [np.take_along_axis(cosines, permutation[:, None], axis=1)[:, 0] for permutation, cosines in found]
    return Matching(permutations, np.array(taken))


def stability(fits: Sequence[Result], of: str, at_most: int, rng: Random) -> Stability:
    """Distances of pairs of fits, of all pairs or of those that are drawn."""
    pairs = np.column_stack(np.triu_indices(len(fits), 1))
    if len(pairs) > at_most:
        pairs = pairs[np.sort(rng.permutation(len(pairs))[:at_most])]
    rows = [standard_rows(components(fit, of)) for fit in fits]
    with single_blas():
        distances = np.array([distance(rows[i] @ rows[j].T) for i, j in pairs])
    return Stability(float(distances.mean()), float(distances.std()), distances, pairs)


def distance(correlations: np.ndarray) -> float:
    """What is missing to 1 in the largest absolute correlation of each component with one of the other fit, on average.

    Of both fits: the Amari-type error of Wu et al. 2016 (doi:10.1073/pnas.1521171113).
    """
    sizes = np.minimum(np.abs(correlations), 1)
    return float(1 - (sizes.max(axis=0).mean() + sizes.max(axis=1).mean()) / 2)
