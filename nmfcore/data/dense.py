"""X as an array in memory, in C or Fortran order, without a copy.

From given factors the memory order of X changes no bit of W and H. ||X|| and the mean are summed in the order in which
X lies, so they differ in round-off, and with them objectives and computed starts.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from .._runtime import BatchKernels, FactorBatch, RowTerms, Workspace, minimise_rows
from .base import NOTHING, Measures, measure

RESIDUAL_BLOCK = 1 << 20  # entries of the m x n residual that are in memory at a time
NORM_BLOCK = 1 << 16  # entries of rows times weights; a block this small is squared while it is in cache


def contiguous_rows(X: np.ndarray) -> np.ndarray:
    """X, or X' if only the columns of X are contiguous or X has a single column."""
    return X.T if X.shape[1] == 1 or (X.shape[0] > 1 and X.strides[0] == X.itemsize) else X


def fingerprint_of(X: np.ndarray, workspace: Workspace, scale: float) -> int:
    """The number that tells scale X from another, whatever its memory order."""
    rows = contiguous_rows(X)
    return workspace.fingerprint(rows, scale, rows is not X)


@dataclass(slots=True)
class Dense:
    """An array with unit stride along one of its axes; see `UnweightedData` for the protocol."""

    X: np.ndarray
    workspace: Workspace
    measures: Measures

    weighted = False

    @classmethod
    def of(cls, X: np.ndarray, workspace: Workspace) -> "Dense":
        """Measure X, in one reading, and keep a reference to it."""
        rows = contiguous_rows(X)
        return cls(X, workspace, measure(lambda scale: workspace.scan(rows, scale), X.size, X.dtype))

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.X.shape

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        return self.X.dtype

    @property
    def size(self) -> int:
        """Number of entries that a product reads."""
        return self.X.size

    @property
    def unobserved(self) -> tuple[np.ndarray, np.ndarray]:
        """No rows and no columns: every entry counts."""
        return NOTHING, NOTHING

    @property
    def total(self) -> float:
        """The number of entries."""
        return float(self.shape[0]) * self.shape[1]

    @property
    def T(self) -> "Dense":
        """The transpose, on the same memory."""
        return Dense(self.X.T, self.workspace, self.measures)

    def row_slice(self, first: int, last: int) -> "Dense":
        """The rows first ... last - 1 of X, with the same power of two."""
        X = self.X[first:last] if last - first > 1 else np.ascontiguousarray(self.X[first:last])
        return Dense.of(X, self.workspace).with_exponent(self.measures.exponent)

    def with_exponent(self, exponent: int) -> "Dense":
        """The same X times 2**-exponent."""
        return replace(self, measures=self.measures.with_exponent(exponent))

    @property
    def _scale(self) -> float:
        return math.ldexp(1.0, -self.measures.exponent)

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Compute out = X B."""
        return self.workspace.product(self.X, B, out, self._scale)

    def dot_many(self, B: FactorBatch, out: FactorBatch, fits: np.ndarray, kernels: BatchKernels) -> None:
        """Compute out = X B for several fits in one reading of X."""
        kernels.product(self.X, B, out, fits, self._scale)

    def fingerprints(self) -> tuple[int, ...]:
        """The number that tells X from another."""
        return (fingerprint_of(self.X, self.workspace, self._scale),)

    def take(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copy rows of X to a new array."""
        return np.ascontiguousarray(self.X[rows]) * self.dtype.type(self._scale)

    def squared_row_norms(self, weights: np.ndarray) -> np.ndarray:
        """Sum of (weights_i X_ij)^2 over j for each row i, in blocks of rows."""
        m, n = self.shape
        step = max(1, NORM_BLOCK // n)
        out = np.empty(m)
        for i in range(0, m, step):
            block = self.X[i : i + step] * self._scale * weights[i : i + step, None]
            np.einsum("ij,ij->i", block, block, out=out[i : i + step])
        return out

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """||X - F B'||_F^2, in blocks of contiguous rows of X or of X'."""
        rows = contiguous_rows(self.X)
        if rows is not self.X:
            F, B = B, F
        step = max(1, RESIDUAL_BLOCK // rows.shape[1])
        product = np.empty((min(step, len(rows)), rows.shape[1]), dtype=rows.dtype)
        B_rows = np.ascontiguousarray(B.T)
        total = 0.0
        for i in range(0, len(rows), step):
            block = rows[i : i + step]
            model = self.workspace.product(F[i : i + step], B_rows, product[: len(block)])
            total += self.workspace.squared_distance(block, model, self._scale)
        return total

    def split_step(
        self,
        F: np.ndarray,
        B: np.ndarray,
        family: str,
        parameter: float,
        num: np.ndarray,
        den: np.ndarray,
        evaluate: bool,
    ) -> float:
        """Compute the two parts of the gradient, and the objective, without an m x n array."""
        return self.workspace.split_step(self.X, F, B, family, parameter, num, den, self._scale, evaluate)

    def split_many(
        self,
        F: FactorBatch,
        B: FactorBatch,
        family: str,
        parameter: float,
        num: FactorBatch,
        den: FactorBatch,
        fits: np.ndarray,
        evaluate: bool,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """Compute `split_step` for several fits."""
        return kernels.split_step(self.X, F, B, family, parameter, num, den, fits, self._scale, evaluate)

    def descent(self, F: np.ndarray, B: np.ndarray, sums: np.ndarray, sweeps: int) -> float:
        """Sweep over the coordinates of F for the Kullback-Leibler divergence."""
        return self.workspace.descent(self.X, F, B, sums, sweeps, self._scale)

    def minimise_rows(self, F: np.ndarray, B: np.ndarray, beta: float, added: RowTerms) -> float:
        """Minimise the beta-divergence over F, in place."""
        return minimise_rows(self.workspace, self.X, None, self._scale, added, F, B, beta)
