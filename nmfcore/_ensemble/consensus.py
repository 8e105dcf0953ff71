"""The consensus matrix: how often two samples are in one cluster, over many fits (Brunet et al. 2004).

The label of a sample is the component with the largest amount W_it sum(H_t) in the model. The scale of a component,
which a fit may put into W or into H, has no effect on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .._checks import Random
from .._fit import Result, components


@dataclass(frozen=True, eq=False)
class Consensus:
    """The share of the fits in which two samples (or two features) are in one cluster.

    Attributes
    ----------
    matrix : ndarray of float64, shape (p, p)
        The consensus matrix: symmetric, with entries from 0 to 1 and ones on the diagonal.
    indices : ndarray of intp, shape (p,)
        The samples (features) that its rows and columns stand for, in increasing order.
    """

    matrix: np.ndarray = field(repr=False)
    indices: np.ndarray = field(repr=False)

    @property
    def cophenetic(self) -> float:
        """The cophenetic correlation: that of the distances 1 - matrix and those in their average-linkage tree.

        It is 1 if all fits agree, and if all distances are equal.
        """
        distances = self._distances()
        if len(distances) == 0 or distances.min() == distances.max():
            return 1.0
        from scipy.cluster.hierarchy import cophenet

        tree_distances = np.asarray(cophenet(self._tree()))
        distances, tree_distances = distances - distances.mean(), tree_distances - tree_distances.mean()
        sizes = np.sqrt(np.square(distances).sum() * np.square(tree_distances).sum())
        return float(np.clip((distances * tree_distances).sum() / sizes, -1, 1)) if sizes > 0 else 0.0

    @property
    def dispersion(self) -> float:
        """The mean of 4 (matrix - 1/2)^2: 1 if all fits agree, 0 if all entries are 1/2.

        Kim & Park 2007, doi:10.1093/bioinformatics/btm134.
        """
        return float(np.square(2 * self.matrix - 1).mean())

    @property
    def order(self) -> np.ndarray:
        """The order of the rows in which clusters are blocks on the diagonal: that of the leaves of the tree."""
        if len(self.matrix) == 1:
            return np.zeros(1, np.intp)
        from scipy.cluster.hierarchy import leaves_list

        return leaves_list(self._tree()).astype(np.intp)

    def _distances(self) -> np.ndarray:
        """1 - matrix of each pair once, row by row."""
        return 1 - self.matrix[np.triu_indices(len(self.matrix), 1)]

    def _tree(self) -> np.ndarray:
        from scipy.cluster.hierarchy import linkage

        return linkage(self._distances(), "average")


def build_consensus(fits: Sequence[Result], axis: str, max_items: int, rng: Random) -> Consensus:
    """The consensus of all samples or features, or of `max_items` random ones if there are more."""
    size = len(fits[0].W) if axis == "samples" else fits[0].H.shape[1]
    indices = np.arange(size) if size <= max_items else np.sort(rng.permutation(size)[:max_items])
    counts = np.zeros((len(indices), len(indices)))
    for fit in fits:
        factors = (fit.W, fit.H.T) if axis == "samples" else (fit.H.T, fit.W)
        labels = dominant_components(*factors)[indices]
        counts += labels[:, None] == labels
    return Consensus(counts / len(fits), indices)


def dominant_components(F: np.ndarray, B: np.ndarray) -> np.ndarray:
    """The component t with the largest amount F_it sum(B_t) in each row i of F, where B is the other factor.

    A row gets the label -1 if its amounts are round-off compared with the largest of all rows. Where X is zero, a fit
    may be zero or almost zero by chance.
    """
    mantissas, exponents = components.sizes(B, components.NORMS["l1"])
    mantissas, more = np.frexp(F.astype(np.float64) * mantissas)
    exponents = np.where(mantissas > 0, more + exponents, -components.LAST // 4)
    with np.errstate(under="ignore"):
        amounts = np.ldexp(mantissas, exponents - exponents.max())
    largest = amounts.max(axis=1)
    return np.where(largest > np.finfo(F.dtype).eps * largest.max(), amounts.argmax(axis=1), -1)
