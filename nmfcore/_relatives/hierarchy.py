"""The result of hierarchical clustering by NMF of rank 2."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .._runtime import Members, Storable, files, names_to_array
from ..data import Names
from .check_relatives import check_cut, check_node


@dataclass(frozen=True, eq=False)
class Hierarchy(Storable):
    """A binary tree of clusters of the rows of X.

    Nodes are numbered in the order of their creation: node 0 is all of X, and the i-th split created the nodes
    2 i - 1 and 2 i.

    Attributes
    ----------
    labels : ndarray of intp, shape (m,)
        The leaf of each row, numbered from 0 in the order of `leaves`.
    components : ndarray, shape (n_leaves, n)
        The direction that fits the rows of each leaf best, >= 0 and of norm 1.
    leaves : ndarray of intp, shape (n_leaves,)
        The nodes that were not split.
    parents : ndarray of intp, shape (n_nodes,)
        The parent of each node; -1 for node 0.
    children : ndarray of intp, shape (n_nodes, 2)
        The two children of each node; -1 for a leaf.
    sizes : ndarray of intp, shape (n_nodes,)
        The number of rows of each node.
    gains : ndarray of float64, shape (n_nodes,)
        By how much the split of each node lowers the objective, or would lower it; 0 where no split was tried.
    objective : float
        Half the squared error; see `hierarchical`.
    relative_error : float
        (2 objective)^(1/2) / ||X||_F.
    names : tuple of two, each a tuple of str or None
        The names of the rows and columns of X, if it was a data frame or an AnnData.

    See Also
    --------
    hierarchical : The function that returns it.
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

    _file_kind: ClassVar = files.FileFormat("nmfcore hierarchy", "no hierarchy of nmfcore", "Hierarchy.save")

    def cut(self, n_leaves: int) -> np.ndarray:
        """The labels of the tree when it had n_leaves: the last splits are undone.

        Parameters
        ----------
        n_leaves : int
            From 1 to the number of leaves.

        Returns
        -------
        ndarray of intp, shape (m,)
            From 0 to n_leaves - 1.

        Raises
        ------
        InputTypeError
            n_leaves is not an integer.
        InputError
            n_leaves is out of its range.
        """
        n_leaves = check_cut(n_leaves, len(self.leaves))
        top = self.leaves.copy()
        while (later := top >= 2 * n_leaves - 1).any():  # nodes of splits that are undone
            top[later] = self.parents[top[later]]
        kept = np.unique(top)
        return np.searchsorted(kept, top)[self.labels]

    def rows(self, node: int) -> np.ndarray:
        """The indices of the rows of a node.

        Parameters
        ----------
        node : int
            From 0 to n_nodes - 1.

        Returns
        -------
        ndarray of intp, shape (sizes[node],)

        Raises
        ------
        InputTypeError
            node is not an integer.
        InputError
            The tree has no node of that number.
        """
        node, below = check_node(node, len(self.parents)), self.leaves.copy()
        while (later := below > node).any():
            below[later] = self.parents[below[later]]
        return np.flatnonzero((below == node)[self.labels])

    def __str__(self) -> str:
        """The tree in lines: the number of a node, its rows, and its gain or its label."""
        lines: list[str] = []
        stack: list[tuple[int, int]] = [(0, 0)]
        labels: dict[Any, int] = {leaf: label for label, leaf in enumerate(self.leaves.tolist())}
        while stack:
            node, depth = stack.pop()
            end = f"leaf {labels[node]}" if node in labels else f"gain {self.gains[node]:.4g}"
            lines.append(f"{'  ' * depth}{node}: {self.sizes[node]} rows, {end}")
            stack.extend((int(child), depth + 1) for child in self.children[node][::-1] if child >= 0)
        return "\n".join(lines)

    def _to_arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: getattr(self, name) for name in ("labels", "components", "parents", "sizes", "gains")}
        numbers = {name: np.asarray(getattr(self, name)) for name in ("objective", "relative_error")}
        return arrays | numbers | {"names": names_to_array(self.names)}

    @classmethod
    def _from_members(cls, members: Members) -> "Hierarchy":
        """The tree follows from the parents and the labels; `cut` and `rows` rely on it to be one."""
        components = members.floats("components", (None, None), least=0, most=2)
        n_leaves, n = components.shape
        nodes = 2 * n_leaves - 1
        labels = members.indices("labels", (None,), n_leaves)
        parents = members.indices("parents", (nodes,), nodes, least=-1)
        children = _children_of(parents)
        leaves = np.flatnonzero(children[:, 0] < 0)
        sizes = np.zeros(nodes, np.intp)
        sizes[leaves] = np.bincount(labels, minlength=n_leaves)
        for node in range(nodes - 1, 0, -1):
            sizes[parents[node]] += sizes[node]
        if not sizes.all() or not np.array_equal(sizes, members.indices("sizes", (nodes,), len(labels) + 1)):
            raise ValueError("labels or sizes")
        return cls(
            labels=labels,
            components=np.ascontiguousarray(components),
            leaves=leaves,
            parents=parents,
            children=children,
            sizes=sizes,
            gains=members.floats("gains", (nodes,), np.float64, 0),
            objective=members.number("objective", 0),
            relative_error=members.number("relative_error", 0),
            names=members.names((len(labels), n)),
        )


def _children_of(parents: np.ndarray) -> np.ndarray:
    """The children of each node; a ValueError where the parents are not those of a tree in the order of its splits."""
    pairs = parents[1:].reshape(-1, 2)
    first = np.arange(1, len(parents), 2)
    split = pairs[:, 0]
    if parents[0] != -1 or np.any(pairs[:, 1] != split) or np.any(split < 0) or np.any(split >= first):
        raise ValueError("parents")
    if len(np.unique(split)) != len(split):
        raise ValueError("parents")
    children = np.full((len(parents), 2), -1)
    children[split] = np.column_stack([first, first + 1])
    return children
