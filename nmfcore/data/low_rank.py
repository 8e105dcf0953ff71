"""A product of two thin matrices in the place of X: what a fit sees in its first iterations on a large dense X."""

from dataclasses import dataclass

import numpy as np

from .._runtime import Workspace
from .base import NOTHING, Measures

RESIDUAL_BLOCK = 1 << 20  # entries of A B' that are in memory at a time


@dataclass(slots=True)
class LowRank:
    """A B' with A (m x l) and B (n x l), one of which has orthonormal columns, for the losses of normal equations.

    The measures are those of A B'. A product with k columns costs 2 (m + n) l k flop. Entries may be negative.
    """

    A: np.ndarray
    B: np.ndarray
    workspace: Workspace
    measures: Measures

    weighted = False

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return len(self.A), len(self.B)

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        return self.A.dtype

    @property
    def size(self) -> int:
        """Number of entries that a product reads."""
        return self.A.size + self.B.size

    @property
    def unobserved(self) -> tuple[np.ndarray, np.ndarray]:
        """No rows and no columns: every entry counts."""
        return NOTHING, NOTHING

    @property
    def T(self) -> "LowRank":
        """The transpose, on the same memory."""
        return LowRank(self.B, self.A, self.workspace, self.measures)

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Compute out = X B for this X, as A times a small matrix."""
        small = self.workspace.product(self.B.T, B, np.empty((self.B.shape[1], B.shape[1]), self.dtype))
        return self.workspace.product(self.A, small, out)

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """||X - F B'||_F^2 for this X, summed entry by entry, in blocks of rows."""
        step, total = max(1, RESIDUAL_BLOCK // len(self.B)), 0.0
        own, other = np.ascontiguousarray(self.B.T), np.ascontiguousarray(B.T)
        for i in range(0, len(self.A), step):
            shape = len(self.A[i : i + step]), len(self.B)
            X = self.workspace.product(self.A[i : i + step], own, np.empty(shape, self.dtype))
            V = self.workspace.product(F[i : i + step], other, np.empty(shape, self.dtype))
            total += self.workspace.squared_distance(X, V, 1.0)
        return total
