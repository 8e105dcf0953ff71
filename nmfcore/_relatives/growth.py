"""The tree of hierarchical rank-2 NMF, as it grows: leaves, and their splits on trial."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._checks import Random
from .._fit import FitRequest, Options, Result, run_fit
from .._runtime import Workspace
from .._starts import FLOOR, singular_triplets
from ..data import Data, Dense, Names, Sparse
from ..losses import CANCELLATION, EPS
from .assignment import ROUND_OFF, Assignment, of_labels
from .hierarchy import Hierarchy
from .iterations import Iterations

REFINED = 1e-4  # the share of the objective from which on an exchange of rows is worth an iteration


class Node(NamedTuple):
    """A part of the rows: the square of their largest singular value, and its direction."""

    rows: np.ndarray
    parent: int
    energy: float
    direction: np.ndarray


class ClusterTreeBuilder:
    """The tree, leaf by leaf."""

    def __init__(
        self, data: Data, rng: Random, workspace: Workspace, of_fits: dict[str, Any], refine: int, names: Names
    ) -> None:
        self.data, self.rng, self.workspace, self.names = data, rng, workspace, names
        self.of_fits, self.refining = of_fits, Options(refine, REFINED, None, False, None, None)
        self.matrix = data.X if isinstance(data, Dense) else _csr(data)
        self.nodes = [self._node(np.arange(data.shape[0]), -1)]
        self.children: dict[int, tuple[int, int]] = {}
        self.trials: dict[int, tuple[float, tuple[Node, Node] | None]] = {}

    def grow(self, n_leaves: int, ends: Callable[[], bool]) -> None:
        """Split until there are so many leaves, or none that a split describes better, or until it is to end."""
        leaves = [0]
        while not ends() and len(leaves) < n_leaves:
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

    def hierarchy(self) -> Hierarchy:
        """The tree as arrays."""
        children = np.array([self.children.get(i, (-1, -1)) for i in range(len(self.nodes))])
        leaves = np.flatnonzero(children[:, 0] < 0)
        labels = np.empty(self.data.shape[0], np.intp)
        for label, leaf in enumerate(leaves):
            labels[self.nodes[leaf].rows] = label
        components = np.array([self.nodes[leaf].direction for leaf in leaves])
        total = self.data.measures.squared_norm
        squares = total - sum(self.nodes[leaf].energy for leaf in leaves)
        if not squares > CANCELLATION[self.data.dtype] * total:
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
            names=self.names,
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
        W, H = run_fit(FitRequest(part, 2, random_state=self.rng, **self.of_fits), Result)
        second = W[:, 1] * np.linalg.norm(H[1]) > W[:, 0] * np.linalg.norm(H[0])
        if self.refining.max_iter:
            start = Assignment(held, of_labels(held, second.astype(np.intp), 2), self.workspace)
            second = Iterations(start, self.refining, 0.0).run().method.W[:, 1] > 0
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
        return part, kind.of(part, self.workspace).with_exponent(self.data.measures.exponent)


def _csr(data: Sparse) -> Any:
    import scipy.sparse

    indptr, indices, values, _ = data.rows
    return scipy.sparse.csr_array((values, indices, indptr), shape=data.shape)
