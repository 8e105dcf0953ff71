"""The kernels of Newton's method with the memory and the threads of a `Workspace`; see `_core/newton.pxi`."""

from typing import NamedTuple

import numpy as np

from .._core import kernels
from .calls import parts, task_parts
from .workspace import FLOAT64, INT32, Workspace

STEPS = 10  # of a row; 6 to 10 are usual
NEWTON_ROWS = 8  # at least of one call
TERM_FLOP = 30  # for a term, its powers and derivatives


class RowTerms(NamedTuple):
    """What is added to the loss of each row f of a factor, 1/2 f G f' - f C, and the bounds of f.

    G: k x k, float64, or None for 0. C: float64, one row, or one for each row of the factor. lower, upper: the same in
    the dtype of the factor, or None for 0 and infinity.
    """

    G: np.ndarray | None
    C: np.ndarray
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None

    def rows(self, rows: slice) -> "RowTerms":
        """Return the terms of some rows."""
        C, lower, upper = (a if a is None or len(a) == 1 else a[rows] for a in (self.C, self.lower, self.upper))
        assert C is not None
        return RowTerms(self.G, C, lower, upper)


def minimise_rows(
    workspace: Workspace,
    X: np.ndarray,
    weights: np.ndarray | None,
    scale: float,
    added: RowTerms,
    F: np.ndarray,
    B: np.ndarray,
    beta: float,
) -> float:
    """Run `_core.kernels.newton` on F, in place, and return its value. weights: of every entry of X, or None."""
    terms, k = B.shape
    flop, moved = _flop(terms, k), 0.0
    for rows in parts(len(F), flop, NEWTON_ROWS):
        part, own = F[rows], None if weights is None else weights[rows]
        threads = workspace.threads(flop * len(part))
        memory = _memory(workspace, terms, k, threads)
        moved += kernels.newton(X[rows], own, part, B, added.rows(rows), memory, beta, scale, threads)
    return moved


def minimise_sparse_rows(
    workspace: Workspace,
    X: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray],
    scale: float,
    added: RowTerms,
    F: np.ndarray,
    B: np.ndarray,
    beta: float,
) -> float:
    """Run `_core.kernels.sparse_newton` on F, in place, and return its value.

    X: indptr, indices and data of the entries that count, their weights or None, and the first row of each task.
    """
    indptr, indices, data, weights, bounds = X
    k = B.shape[1]
    flop, moved = _flop(int(indptr[-1]), k) + STEPS * len(F) * k**3 / 3, 0.0
    threads = workspace.threads(flop)
    memory = _memory(workspace, int(np.diff(indptr).max()), k, threads)
    for part in task_parts(bounds, flop):
        entries = indptr, indices, data, weights
        moved += kernels.sparse_newton(*entries, part, F, B, added, memory, beta, scale, threads)
    return moved


def _flop(terms: int, k: int) -> float:
    """Flop of a row."""
    return STEPS * (terms * (k * k + 6.0 * k + TERM_FLOP) + k**3 / 3)


def _memory(workspace: Workspace, terms: int, k: int, threads: int) -> tuple[np.ndarray, np.ndarray]:
    size, marks = kernels.newton_scratch(terms, k, threads)
    return workspace.reserve(size, FLOAT64), workspace.reserve(marks, INT32)
