"""How often two samples are in one cluster, over many fits (Brunet et al. 2004)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .._checks import Random
from .._fit import Result, components


@dataclass(frozen=True, eq=False)
class Consensus:
    """The share of fits in which two samples (features) are in one cluster.

    Attributes
    ----------
    matrix : ndarray of float64, shape (p, p)
        Symmetric, from 0 to 1, with ones on the diagonal.
    indices : ndarray of intp, shape (p,)
        Which samples (features) it is of, rising.
    """

    matrix: np.ndarray = field(repr=False)
    indices: np.ndarray = field(repr=False)

    @property
    def cophenetic(self) -> float:
        """How well a tree describes it: the correlation of 1 - matrix with the cophenetic distances, average linkage.

        1 where all fits agree, and wherever all pairs have one distance, which a tree describes exactly.
        """
        distances = self._distances()
        if len(distances) == 0 or distances.min() == distances.max():
            return 1.0
        from scipy.cluster.hierarchy import cophenet

        in_tree = cophenet(self._tree())
        distances, in_tree = (values - values.mean() for values in (distances, in_tree))
        sizes = np.sqrt(np.square(distances).sum() * np.square(in_tree).sum())
        return float(np.clip((distances * in_tree).sum() / sizes, -1, 1)) if sizes > 0 else 0.0

    @property
    def dispersion(self) -> float:
        """The mean of 4 (matrix - 1/2)^2: 1 where all fits agree, 0 where all entries are 1/2.

        Kim & Park 2007 (doi:10.1093/bioinformatics/btm134).
        """
        return float(np.square(2 * self.matrix - 1).mean())

    @property
    def order(self) -> np.ndarray:
        """The rows in the order of the leaves of that tree, in which clusters are blocks on the diagonal."""
        if len(self.matrix) == 1:
            return np.zeros(1, np.intp)
        from scipy.cluster.hierarchy import leaves_list

        return leaves_list(self._tree()).astype(np.intp)

    def _distances(self) -> np.ndarray:
        """Of each pair once, row by row."""
        return 1 - self.matrix[np.triu_indices(len(self.matrix), 1)]

    def _tree(self) -> np.ndarray:
        from scipy.cluster.hierarchy import linkage

        return linkage(self._distances(), "average")


def consensus(fits: Sequence[Result], of: str, at_most: int, rng: Random) -> Consensus:
    """Of all samples (features), or of those that are drawn where there are more than `at_most`."""
    size = len(fits[0].W) if of == "samples" else fits[0].H.shape[1]
    indices = np.arange(size) if size <= at_most else np.sort(rng.permutation(size)[:at_most])
    together = np.zeros((len(indices), len(indices)))
    for fit in fits:
        found = (labels(fit.W, fit.H.T) if of == "samples" else labels(fit.H.T, fit.W))[indices]
        together += found[:, None] == found
    return Consensus(together / len(fits), indices)


def labels(F: np.ndarray, B: np.ndarray) -> np.ndarray:
    """The component t of which a row i of a factor has most: the largest F_it sum(B_t), where B is the other factor.

    That is what t contributes to the sum of the row in the model, on which the scales of components have no effect.
    Rows whose amounts are round-off beside the largest of all rows have the label -1: where X has nothing, a fit can be
    0 or not, as it happens.
    """
    mantissas, exponents = components.sizes(B, components.NORMS["l1"])
    mantissas, more = np.frexp(F.astype(np.float64) * mantissas)
    exponents = np.where(mantissas > 0, more + exponents, -components.LAST // 4)
    with np.errstate(under="ignore"):
        amounts = np.ldexp(mantissas, exponents - exponents.max())
    most = amounts.max(axis=1)
    return np.where(most > np.finfo(F.dtype).eps * most.max(), amounts.argmax(axis=1), -1)
