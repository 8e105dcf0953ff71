"""What hierarchical rank-2 NMF gives back."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..data import Names
from . import check_relatives


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A binary tree of clusters of the rows of X.

    Nodes have numbers in the order in which they were made: 0 is all of X, and the i-th split made 2 i - 1 and 2 i.

    Attributes
    ----------
    labels : ndarray of intp, shape (m,)
        The leaf of each row, from 0, in the order of `leaves`.
    components : ndarray, shape (n_leaves, n)
        The direction that describes the rows of each leaf best, >= 0 and of norm 1.
    leaves : ndarray of intp, shape (n_leaves,)
        The nodes that were not split.
    parents : ndarray of intp, shape (n_nodes,)
        Of each node; -1 for the root.
    children : ndarray of intp, shape (n_nodes, 2)
        Of each node; -1 for a leaf.
    sizes : ndarray of intp, shape (n_nodes,)
        How many rows.
    gains : ndarray of float64, shape (n_nodes,)
        By how much the split of each node lowers the objective, or would lower it; 0 where it was not tried.
    objective : float
        See `hierarchical`.
    relative_error : float
        (2 objective)^(1/2) / ||X||_F.
    names : tuple of two, each a tuple of str or None
        Of the rows and of the columns of X, where it was a data frame or an AnnData.
    """

    labels: np.ndarray = field(repr=False)
    components: np.ndarray = field(repr=False)
    leaves: np.ndarray = field(repr=False)
    parents: np.ndarray = field(repr=False)
    children: np.ndarray = field(repr=False)
    sizes: np.ndarray = field(repr=False)
    gains: np.ndarray = field(repr=False)
    objective: float
    relative_error: float
    names: Names = field(repr=False, default=(None, None))

    def cut(self, n_leaves: int) -> np.ndarray:
        """The labels that as many leaves would have given: the last splits are undone.

        Parameters
        ----------
        n_leaves : int
            From 1 to the number of leaves.

        Returns
        -------
        ndarray of intp, shape (m,)

        Raises
        ------
        TypeError, ValueError
            Another number of leaves.
        """
        n_leaves = check_relatives.cut(n_leaves, len(self.leaves))
        top = self.leaves.copy()
        while (later := top >= 2 * n_leaves - 1).any():  # nodes that splits made which are undone
            top[later] = self.parents[top[later]]
        kept = np.unique(top)
        return np.searchsorted(kept, top)[self.labels]

    def rows(self, node: int) -> np.ndarray:
        """The indices of the rows of a node.

        Parameters
        ----------
        node : int

        Returns
        -------
        ndarray of intp

        Raises
        ------
        TypeError, ValueError
            No node of that number.
        """
        node, below = check_relatives.node(node, len(self.parents)), self.leaves.copy()
        while (later := below > node).any():
            below[later] = self.parents[below[later]]
        return np.flatnonzero((below == node)[self.labels])

    def __str__(self) -> str:
        """The tree in lines: number, rows, gain; leaves with their label."""
        lines: list[str] = []
        stack: list[tuple[int, int]] = [(0, 0)]
        names: dict[Any, int] = {leaf: label for label, leaf in enumerate(self.leaves.tolist())}
        while stack:
            node, depth = stack.pop()
            what = f"leaf {names[node]}" if node in names else f"gain {self.gains[node]:.4g}"
            lines.append(f"{'  ' * depth}{node}: {self.sizes[node]} rows, {what}")
            stack.extend((int(child), depth + 1) for child in self.children[node][::-1] if child >= 0)
        return "\n".join(lines)
