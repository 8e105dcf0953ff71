"""Hierarchical rank-2 NMF: the door, and the tree that it grows."""

import math
import time
from typing import Any, NamedTuple

import numpy as np

from . import _check, _check_relatives, _frames
from ._api import nmf
from ._assignment import ROUND_OFF, Assignment, of_labels
from ._course import Course
from ._driver import Options
from ._hierarchy import Hierarchy
from ._numbers import number
from ._singular import FLOOR, Random, singular_triplets
from ._threads import single_blas
from ._workspace import Workspace
from .data import Data, Dense, Sparse
from .losses import EPS
from .losses.frobenius import CANCELLED

REFINED = 1e-4  # the share of the objective from which on an exchange of rows is worth an iteration


def hierarchical(
    X: Any,
    n_leaves: int,
    *,
    max_iter: int = 100,
    tol: float = 1e-3,
    refine: int = 10,
    max_time: float | None = None,
    n_threads: int | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> Hierarchy:
    r"""Split the rows of X in two by NMF of rank 2, and the parts again, to a tree of clusters.

    Each leaf is described by the one direction that fits its rows best, so that the objective is

    .. math:: f = \frac12 \sum_{leaves} \|X_{leaf} - \sigma_1 u_1 v_1'\|_F^2 = \frac12 \|X\|_F^2
       - \frac12 \sum_{leaves} \sigma_1^2(X_{leaf}),

    as in `orthogonal`. The next leaf to be split is the one whose split lowers it most [1]_.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Samples (documents, pixels) in rows; finite, >= 0.
    n_leaves : int
        Leaves to end with, at most m. There are fewer where no leaf is left that a split describes better.
    max_iter, tol
        Of each fit of rank 2; see `hals`. Which of two components is larger is known early.
    refine : int
        Most iterations of `orthogonal` from the two parts of a split, in which they exchange rows; each lowers the
        objective. 0: as the references have it.
    max_time : float, optional
        Seconds after which no further split is looked for.
    n_threads : int, optional
        See `hals`; the result does not depend on it, to the bit.
    random_state : int, Generator, RandomState, optional
        Of the starts of the fits; None: NumPy's global state.

    Returns
    -------
    Hierarchy
        labels, the tree, the directions of the leaves; `cut` gives fewer clusters.

    Raises
    ------
    TypeError
        X holds no real numbers; an option of the wrong type.
    ValueError
        X is empty, or has NaN, infinite or negative entries; an option out of its range; more leaves than rows.

    Notes
    -----
    With W H the NMF of rank 2 of the rows of a leaf, row i goes to the first child where
    :math:`w_{i1} \|h_1\| \ge w_{i2} \|h_2\|` [2]_, a row of zeros too. Each leaf is split on trial when it is made, at
    the cost of a fit of rank 2 of its rows: so a balanced tree takes about log2(n_leaves) such fits of X. Memory: the
    rows of a leaf are copied.

    References
    ----------
    .. [1] N. Gillis, D. Kuang, H. Park, "Hierarchical clustering of hyperspectral images using rank-two nonnegative
       matrix factorization", IEEE Trans. Geoscience and Remote Sensing 53 (2015) 2066-2078.
       doi:10.1109/TGRS.2014.2352857
    .. [2] D. Kuang, H. Park, "Fast rank-2 nonnegative matrix factorization for hierarchical document clustering", KDD
       2013, 739-747. doi:10.1145/2487575.2487606

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.kron(np.eye(3), np.ones((2, 2)))
    >>> tree = nmfcore.hierarchical(X, 3, random_state=0)
    >>> len(set(tree.labels)), bool(tree.relative_error < 1e-6)
    (3, True)
    """
    clock = time.perf_counter()
    max_iter, tol = _check.count(max_iter, "max_iter", 1), number(tol, "tol")
    refine = _check.count(refine, "refine", 0)
    until = clock + (math.inf if max_time is None else number(max_time, "max_time"))
    rng, n_threads = _check.generator(random_state), _check.threads(n_threads)
    X, names = _frames.unwrap(X)
    data, workspace = _check.data(X, n_threads)
    n_leaves = _check_relatives.leaves(n_leaves, data.shape[0])
    of_fits = {"max_iter": max_iter, "tol": tol, "n_threads": n_threads}
    growth = Growth(data, rng, workspace, of_fits, refine, until)
    with single_blas():
        growth.grow(n_leaves)
        return growth.hierarchy(names)


class Node(NamedTuple):
    """A part of the rows: the square of their largest singular value, and its direction."""

    rows: np.ndarray
    parent: int
    energy: float
    direction: np.ndarray


class Growth:
    """The tree, leaf by leaf."""

    def __init__(
        self, data: Data, rng: Random, workspace: Workspace, of_fits: dict[str, Any], refine: int, until: float
    ) -> None:
        self.data, self.rng, self.workspace, self.until = data, rng, workspace, until
        self.of_fits, self.refining = of_fits, Options(refine, REFINED, None, False, None, None)
        self.matrix = data.X if isinstance(data, Dense) else _csr(data)
        self.nodes = [self._node(np.arange(data.shape[0]), -1)]
        self.children: dict[int, tuple[int, int]] = {}
        self.trials: dict[int, tuple[float, tuple[Node, Node] | None]] = {}

    def grow(self, n_leaves: int) -> None:
        """Split until there are so many leaves, or none that a split describes better."""
        leaves = [0]
        while len(leaves) < n_leaves and time.perf_counter() < self.until:
            for leaf in leaves:
                if leaf not in self.trials:
                    self.trials[leaf] = self._try(leaf)
            best = max(leaves, key=lambda leaf: self.trials[leaf][0])  # the first of equal ones
            halves = self.trials[best][1]
            if halves is None:
                break
            self.children[best] = len(self.nodes), len(self.nodes) + 1
            self.nodes.extend(halves)
            leaves.remove(best)
            leaves.extend(self.children[best])
            self.trials[best] = self.trials[best][0], None

    def hierarchy(self, names: Any) -> Hierarchy:
        """The tree as arrays."""
        children = np.array([self.children.get(i, (-1, -1)) for i in range(len(self.nodes))])
        leaves = np.flatnonzero(children[:, 0] < 0)
        labels = np.empty(self.data.shape[0], np.intp)
        for label, leaf in enumerate(leaves):
            labels[self.nodes[leaf].rows] = label
        components = np.array([self.nodes[leaf].direction for leaf in leaves])
        total = self.data.measures.squared_norm
        squares = total - sum(self.nodes[leaf].energy for leaf in leaves)
        if not squares > CANCELLED[self.data.dtype] * total:
            squares = self._squared_residual(labels, components)
        with np.errstate(over="ignore", under="ignore"):
            gains = [0.5 * self.trials.get(i, (0.0, None))[0] for i in range(len(self.nodes))]
            gains = np.ldexp(gains, 2 * self.data.measures.exponent)
            objective = float(np.ldexp(0.5 * squares, 2 * self.data.measures.exponent))
        return Hierarchy(
            labels=labels,
            components=components,
            leaves=leaves,
            parents=np.array([node.parent for node in self.nodes]),
            children=children,
            sizes=np.array([len(node.rows) for node in self.nodes]),
            gains=gains,
            objective=objective,
            relative_error=math.sqrt(squares / total) if total > 0 else 0.0,
            names=names,
        )

    def _squared_residual(self, labels: np.ndarray, components: np.ndarray) -> float:
        """Of each row beside the direction of its leaf, entry by entry."""
        B = np.ascontiguousarray(components.T)
        C, rows = self.data.dot(B, np.empty((len(labels), len(components)), B.dtype)), np.arange(len(labels))
        W = np.zeros_like(C)
        W[rows, labels] = C[rows, labels]
        return self.data.squared_residual(W, B)

    def _try(self, leaf: int) -> tuple[float, tuple[Node, Node] | None]:
        """What a split would gain of ||X||^2, and its parts; none where it gains nothing but round-off."""
        node = self.nodes[leaf]
        if len(node.rows) == 1 or not node.energy > 0:
            return 0.0, None
        part, held = self._part(node.rows)
        W, H = nmf(part, 2, random_state=self.rng, **self.of_fits)
        second = W[:, 1] * np.linalg.norm(H[1]) > W[:, 0] * np.linalg.norm(H[0])
        if self.refining.max_iter:
            start = Assignment(held, of_labels(held, second.astype(np.intp), 2), self.workspace)
            second = Course(start, self.refining, 0.0).run().method.W[:, 1] > 0
        if second.all() or not second.any():
            return 0.0, None
        halves = tuple(self._node(node.rows[side], leaf) for side in (~second, second))
        gain = halves[0].energy + halves[1].energy - node.energy
        return (gain, halves) if gain > ROUND_OFF * EPS[self.data.dtype] * node.energy else (0.0, None)

    def _node(self, rows: np.ndarray, parent: int) -> Node:
        _, s, V = singular_triplets(self._part(rows)[1], 1, self.rng, self.workspace, FLOOR)
        return Node(rows, parent, float(s[0]) ** 2, np.abs(V[:, 0]))

    def _part(self, rows: np.ndarray) -> tuple[Any, Data]:
        """Those rows of X, and the same held as X is, times the same power of two."""
        part = self.matrix if len(rows) == self.data.shape[0] else self.matrix[rows]
        kind = Dense if isinstance(self.data, Dense) else Sparse
        return part, kind.of(part, self.workspace).at(self.data.measures.exponent)


def _csr(data: Sparse) -> Any:
    import scipy.sparse

    indptr, indices, values, _ = data.rows
    return scipy.sparse.csr_array((values, indices, indptr), shape=data.shape)
