"""The kernels of weighted least squares with the memory and the threads of a `Workspace`; see `_core/weighted.pxi`."""

from typing import NamedTuple

import numpy as np

from .._core import kernels
from .calls import parts, task_parts
from .workspace import FLOAT64, Workspace

TASK_PLACES = 1024  # cost of a task in exceptions; a row adds ROW_PLACES
ROW_PLACES = 16
GROUP = 8  # rows of a task of `_core.kernels.weighted_descent`


class ExceptionEntries(NamedTuple):
    """The entries of X with a weight of their own, in compressed rows with rising indices.

    w: the weight less that of the other entries. y: the weight times the entry. bounds: the first row of each task,
    then the number of rows.
    """

    indptr: np.ndarray
    indices: np.ndarray
    w: np.ndarray
    y: np.ndarray
    bounds: np.ndarray

    @classmethod
    def of(cls, indptr: np.ndarray, indices: np.ndarray, w: np.ndarray, y: np.ndarray) -> "ExceptionEntries":
        """Build from the arrays; all tasks get about the same number of places and rows."""
        rows = len(indptr) - 1
        cost = indptr.astype(np.int64) + ROW_PLACES * np.arange(rows + 1)
        first = np.searchsorted(cost, np.arange(0, cost[-1], TASK_PLACES))
        return cls(indptr, indices, w, y, np.unique(np.append(first, rows)).astype(np.int64))


class Quadratic(NamedTuple):
    """The quadratic 1/2 f (G + ridge diag(q)) f' - f C that is added for each row f of a factor.

    G: k x k, float64 (E in `_core.kernels.weighted_sweep`). C: one row, or one for each row of the factor. ridge: one
    number, or one for each row. q: k numbers.
    """

    G: np.ndarray
    C: np.ndarray
    ridge: np.ndarray
    q: np.ndarray

    @classmethod
    def none(cls, k: int, dtype: np.dtype) -> "Quadratic":
        """Return the quadratic 0."""
        return cls(np.zeros((k, k)), np.zeros((1, k), dtype), np.zeros(1), np.zeros(k))

    def value(self, F: np.ndarray, workspace: Workspace) -> float:
        """Return the sum over the rows of F."""
        if not (self.G.any() or self.C.any() or self.ridge.any()):
            return 0.0
        crossed = 0.5 * float(np.sum(self.G * workspace.gram(F))) - float(np.sum(self.C * F, dtype=np.float64))
        return crossed + 0.5 * float(np.sum(np.einsum("it,it,t->i", F, F, self.q, dtype=np.float64) * self.ridge))

    def rows(self, rows: slice) -> "Quadratic":
        """Return the quadratic of some rows."""
        C, ridge = (a[rows] if len(a) > 1 else a for a in (self.C, self.ridge))
        return self._replace(C=C, ridge=ridge)


class SweepBounds(NamedTuple):
    """Bounds of a factor: one row, or one for each of its rows."""

    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(
        cls, k: int, dtype: np.dtype, lower: np.ndarray | None = None, upper: np.ndarray | None = None
    ) -> "SweepBounds":
        """Build from bounds, by default 0 and infinity."""
        lower = np.zeros((1, k), dtype) if lower is None else lower
        return cls(lower, np.full((1, k), np.inf, dtype) if upper is None else upper)

    def rows(self, rows: slice) -> "SweepBounds":
        """Return the bounds of some rows."""
        return SweepBounds(*(a[rows] if len(a) > 1 else a for a in self))


def gram_sweep(
    workspace: Workspace,
    base: float,
    G: np.ndarray,
    places: ExceptionEntries,
    added: Quadratic,
    box: SweepBounds,
    F: np.ndarray,
    B: np.ndarray,
    sweeps: int,
    stop: float,
    along: bool = False,
) -> tuple[float, float]:
    """Run `_core.kernels.weighted_sweep` on F, in place, and return its values. G: base B'B."""
    terms, k = B.shape
    flop = len(places.indices) * k * (2.0 + 8.0 * sweeps if along else k) + 2.0 * (1 + sweeps) * len(F) * k * k
    threads = workspace.threads(flop)
    most = int(np.diff(places.indptr).max()) if along else 0
    size, columns = kernels.weighted_sweep_scratch(terms, k, most, threads)
    scratch = workspace.reserve(size + columns, FLOAT64)  # as much for float32, which needs half of it
    scratch, columns = scratch[:size], scratch[size : size + columns].view(F.dtype) if along else None
    moved = value = 0.0
    for bounds in task_parts(places.bounds, flop):
        part = (*places[:4], bounds)
        sums = kernels.weighted_sweep(G, base, part, added, box, F, B, scratch, columns, sweeps, stop, threads)
        moved, value = moved + sums[0], value + sums[1]
    return moved, value


def dense_sweep(
    workspace: Workspace,
    X: np.ndarray,
    weights: np.ndarray,
    scale: float,
    added: Quadratic,
    box: SweepBounds,
    F: np.ndarray,
    B: np.ndarray,
    sweeps: int,
    stop: float,
) -> tuple[float, float]:
    """Run `_core.kernels.weighted_descent` on F, in place, and return its values. weights: of every entry of X."""
    terms, k = B.shape
    flop = (2.0 + 8.0 * sweeps) * terms * k
    moved = value = 0.0
    for rows in parts(len(F), flop, GROUP):
        threads = workspace.threads(flop * len(F[rows]))
        scratch = workspace.reserve(kernels.weighted_descent_scratch(terms, k, threads), F.dtype)
        part = added.rows(rows), box.rows(rows), F[rows]
        sums = kernels.weighted_descent(X[rows], weights[rows], scale, *part, B, scratch, sweeps, stop, threads)
        moved, value = moved + sums[0], value + sums[1]
    return moved, value
