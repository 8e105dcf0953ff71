"""The kernels for several fits at once, with the memory and the threads that they take."""

from collections.abc import Sequence

import numpy as np

from ._workspace import Workspace, aligned_empty


class Stack:
    """Matrices of some fits, one behind the other in one array: all have `rows` rows, each its own columns."""

    def __init__(self, rows: int, ranks: Sequence[int], dtype: np.dtype) -> None:
        self.rows, self.ranks = rows, ranks
        self.columns = np.concatenate(([0], np.cumsum(ranks))).astype(np.int64)
        self.flat = aligned_empty(rows * int(self.columns[-1]), dtype)
        self.views = _views(self.flat, rows * self.columns, [(rows, k) for k in ranks])

    def __getitem__(self, fit: int) -> np.ndarray:
        """The matrix of a fit, where it lies."""
        return self.views[fit]

    def like(self) -> "Stack":
        """Another one of that shape, not filled."""
        return Stack(self.rows, self.ranks, self.flat.dtype)


class Squares:
    """A k x k matrix in float64 for each fit, one behind the other."""

    def __init__(self, ranks: Sequence[int]) -> None:
        self.first = np.concatenate(([0], np.cumsum(np.square(ranks)))).astype(np.int64)
        self.flat = np.empty(int(self.first[-1]))
        self.views = _views(self.flat, self.first, [(k, k) for k in ranks])

    def __getitem__(self, fit: int) -> np.ndarray:
        """The matrix of a fit, where it lies."""
        return self.views[fit]


def _views(flat: np.ndarray, first: np.ndarray, shapes: list[tuple[int, int]]) -> list[np.ndarray]:
    ends = zip(first[:-1].tolist(), first[1:].tolist(), strict=True)
    return [flat[i:j].reshape(shape) for (i, j), shape in zip(ends, shapes, strict=True)]


class Bulk:
    """What `Workspace` does for one fit, for those `fits` (indices, ascending) of stacks; each to the same bits."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def product(self, X: np.ndarray, B: Stack, out: Stack, fits: np.ndarray, scale: float) -> None:
        """out = scale X B, for X (rows x terms) with unit stride along one axis."""
        for f in fits:
            self.workspace.product(X, B[f], out[f], scale)

    def sparse_product(self, X: Sequence[np.ndarray], B: Stack, out: Stack, fits: np.ndarray, scale: float) -> None:
        """out = scale X B, for the arrays of X in compressed rows."""
        for f in fits:
            self.workspace.sparse_product(*X, B[f], out[f], scale)

    def split_step(
        self,
        X: np.ndarray,
        F: Stack,
        B: Stack,
        family: str,
        parameter: float,
        num: Stack,
        den: Stack,
        fits: np.ndarray,
        scale: float,
        evaluate: bool,
    ) -> np.ndarray:
        """num and den of half-steps; returns what `Workspace.split_step` does."""
        return np.array(
            [self.workspace.split_step(X, F[f], B[f], family, parameter, num[f], den[f], scale, evaluate) for f in fits]
        )

    def gram(self, F: Stack, fits: np.ndarray, out: Squares) -> None:
        """out = F'F."""
        for f in fits:
            out[f][:] = self.workspace.gram(F[f])

    def column_sums(self, F: Stack, fits: np.ndarray, out: Stack) -> None:
        """The sum of each column, in float64; out has one row."""
        for f in fits:
            out[f][:] = self.workspace.column_sums(F[f])

    def inner(self, A: Stack | Squares, B: Stack | Squares, fits: np.ndarray) -> np.ndarray:
        """The sums of A_ij B_ij."""
        return np.array([self.workspace.inner(A[f], B[f]) for f in fits])

    def copy(self, source: Stack, target: Stack, fits: np.ndarray) -> None:
        """target = source."""
        for f in fits:
            np.copyto(target[f], source[f])

    def extrapolate(self, new: Stack, old: Stack, weights: np.ndarray, rising: bool, fits: np.ndarray) -> None:
        """old <- max(0, new + weight (new - old)), a weight for each of the fits; with `rising` new where it fell."""
        for f, weight in zip(fits, weights, strict=True):
            self.workspace.extrapolate(new[f], old[f], weight, rising)

    def sweep(self, G: Squares, C: Stack, F: Stack, fits: np.ndarray, most: np.ndarray, stop: float) -> np.ndarray:
        """Coordinate sweeps over F in place, at most `most` of each fit; returns what `Workspace.sweep` does."""
        return np.array([self.workspace.sweep(G[f], C[f], F[f], int(n), stop) for f, n in zip(fits, most, strict=True)])

    def multiply(self, F: Stack, num: Stack, den: Stack, exponent: float, floor: float, fits: np.ndarray) -> np.ndarray:
        """F <- max(floor mean F_t, F (num / den)^exponent); returns what `Workspace.multiply` does."""
        sums = Stack(1, F.ranks, np.dtype(np.float64))
        self.column_sums(F, fits, sums)
        return np.array(
            [self.workspace.multiply(F[f], num[f], den[f], exponent, floor * sums[f][0] / F.rows) for f in fits]
        )
