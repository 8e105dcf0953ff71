"""X in compressed rows, and once more in compressed columns: both halves of an iteration run along stored entries."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._workspace import Workspace
from .base import Measures, measure

TASK_COST = 16384  # entries, plus rows, of a task of a product
RESIDUAL_BLOCK = 1 << 20  # entries of the m x n residual that exist at a time
SCAN_ROW = 32768


@dataclass(slots=True)
class Compressed:
    """The arrays of a CSR matrix in canonical form, and the first row of each task."""

    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray
    bounds: np.ndarray

    @classmethod
    def of(cls, matrix: Any) -> "Compressed":
        """The arrays of a SciPy CSR matrix, or those of the transpose of a CSC one, without a copy."""
        rows = len(matrix.indptr) - 1
        cost = matrix.indptr.astype(np.int64) + np.arange(rows + 1)
        first = np.searchsorted(cost, np.arange(0, cost[-1], TASK_COST))
        return cls(matrix.indptr, matrix.indices, matrix.data, np.unique(np.append(first, rows)))


@dataclass(slots=True)
class Sparse:
    """A sparse matrix, whose entries that are not stored are 0; see `Data` for the protocol."""

    shape: tuple[int, int]
    rows: Compressed
    columns: Compressed
    workspace: Workspace
    measures: Measures

    @classmethod
    def of(cls, X: Any, workspace: Workspace) -> "Sparse":
        """Hold X, a SciPy CSR or CSC matrix in canonical form; its other orientation is made here, once."""
        size = X.shape[0] * X.shape[1]
        measures = measure(lambda scale: _scan(workspace, X.data, scale), size, X.dtype)
        if X.nnz < size:
            measures = measures._replace(smallest=min(measures.smallest, 0.0))
        if X.format == "csr":
            rows, columns = Compressed.of(X), Compressed.of(X.tocsc())
        else:
            rows, columns = Compressed.of(X.tocsr()), Compressed.of(X)
        return cls(X.shape, rows, columns, workspace, measures)

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        return self.rows.data.dtype

    @property
    def size(self) -> int:
        """Entries that a product visits."""
        return len(self.rows.data)

    @property
    def T(self) -> "Sparse":
        """The transpose, without a copy."""
        return Sparse(self.shape[::-1], self.columns, self.rows, self.workspace, self.measures)

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out = X B."""
        rows = self.rows
        scale = math.ldexp(1.0, -self.measures.exponent)
        return self.workspace.sparse_product(rows.indptr, rows.indices, rows.data, rows.bounds, B, out, scale)

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """||X - F B'||_F^2, by blocks of rows: 2 m n k flop, since it is asked for near an exact fit only."""
        indptr, indices, data = self.rows.indptr, self.rows.indices, self.rows.data
        step = max(1, RESIDUAL_BLOCK // self.shape[1])
        residual = np.empty((min(step, self.shape[0]), self.shape[1]), dtype=self.dtype)
        B_rows, nothing = np.ascontiguousarray(B.T), np.zeros((1, self.shape[1]), dtype=self.dtype)
        total = 0.0
        for i in range(0, self.shape[0], step):
            block = self.workspace.product(F[i : i + step], B_rows, residual[: len(F[i : i + step])])
            stored = slice(indptr[i], indptr[i + len(block)])
            row = np.repeat(np.arange(len(block)), np.diff(indptr[i : i + len(block) + 1]))
            block[row, indices[stored]] -= np.ldexp(data[stored], -self.measures.exponent)
            total += sum(self.workspace.squared_distance(nothing, block[j : j + 1], 1.0) for j in range(len(block)))
        return total


def _scan(workspace: Workspace, values: np.ndarray, scale: float) -> tuple[float, float, float, float]:
    """(sum, sum of squares, smallest, largest) of scale times the stored entries, unscaled the last two."""
    whole = len(values) // SCAN_ROW * SCAN_ROW
    parts = [part for part in (values[:whole].reshape(-1, SCAN_ROW), values[whole:].reshape(1, -1)) if part.size]
    found = [workspace.scan(part, scale) for part in parts]
    if not found:
        return 0.0, 0.0, 0.0, 0.0
    total, squares, low, high = zip(*found, strict=True)
    return sum(total), sum(squares), min(low), max(high)
