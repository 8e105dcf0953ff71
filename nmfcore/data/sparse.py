"""X in compressed rows, and once more in compressed columns: both halves of an iteration run along stored entries."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .._runtime import FLOAT64, BatchKernels, FactorBatch, Workspace
from .base import NOTHING, Measures, measure

TASK_COST = 16384  # entries, plus rows, of a task of a product
DENSE_BLOCK = 1 << 20  # entries of dense rows that exist at a time
SCAN_ROW = 32768


class Compressed(NamedTuple):
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


class Orientations:
    """A SciPy CSR or CSC matrix in canonical form, and its other orientation from when that is first asked for."""

    def __init__(self, X: Any) -> None:
        self.stored = X.data
        self._X, self._made = X, {}

    def of(self, form: str) -> Compressed:
        """The compressed rows ("csr") or columns ("csc")."""
        if form not in self._made:
            self._made[form] = Compressed.of(self._X.asformat(form))
        return self._made[form]


@dataclass(slots=True)
class Sparse:
    """A sparse matrix, whose entries that are not stored are 0; see `Data` for the protocol."""

    shape: tuple[int, int]
    orientations: Orientations
    form: str
    """Of its rows: "csr", or "csc" for those of the transpose."""
    workspace: Workspace
    measures: Measures

    weighted: ClassVar[bool] = False

    @classmethod
    def of(cls, X: Any, workspace: Workspace) -> "Sparse":
        """Hold X, a SciPy CSR or CSC matrix in canonical form."""
        size = X.shape[0] * X.shape[1]
        measures = measure(lambda scale: scan_stored(workspace, X.data, scale), size, X.dtype)
        if X.nnz < size:
            measures = measures._replace(smallest=min(measures.smallest, 0.0))
        return cls(X.shape, Orientations(X), "csr", workspace, measures)

    @property
    def rows(self) -> Compressed:
        """Its compressed rows."""
        return self.orientations.of(self.form)

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        return self.orientations.stored.dtype

    @property
    def size(self) -> int:
        """Entries that a product visits."""
        return len(self.orientations.stored)

    @property
    def unobserved(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows and the columns without an entry that counts: none."""
        return NOTHING, NOTHING

    @property
    def total(self) -> float:
        """The sum of the weights, all of which are 1."""
        return float(self.shape[0]) * self.shape[1]

    @property
    def T(self) -> "Sparse":
        """The transpose, without a copy."""
        other = "csc" if self.form == "csr" else "csr"
        return Sparse(self.shape[::-1], self.orientations, other, self.workspace, self.measures)

    def row_slice(self, first: int, last: int) -> "Sparse":
        """The rows first ... last - 1, whose entries stay where they lie, times the same power of two."""
        import scipy.sparse

        indptr, indices, data, _ = self.rows
        stored = slice(indptr[first], indptr[last])
        arrays = data[stored], indices[stored], indptr[first : last + 1] - indptr[first]
        rows = scipy.sparse.csr_array(arrays, shape=(last - first, self.shape[1]))
        return Sparse.of(rows, self.workspace).with_exponent(self.measures.exponent)

    def with_exponent(self, exponent: int) -> "Sparse":
        """The same times 2**-exponent."""
        return replace(self, measures=self.measures.with_exponent(exponent))

    @property
    def _scale(self) -> float:
        return math.ldexp(1.0, -self.measures.exponent)

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out = X B."""
        return self.workspace.sparse_product(*self.rows, B, out, self._scale)

    def dot_many(self, B: FactorBatch, out: FactorBatch, fits: np.ndarray, kernels: BatchKernels) -> None:
        """out = X B for those fits."""
        kernels.sparse_product(self.rows, B, out, fits, self._scale)

    def take(self, rows: Sequence[int]) -> np.ndarray:
        """Those rows as a new dense array."""
        indptr, indices, data, _ = self.rows
        out = np.zeros((len(rows), self.shape[1]), dtype=self.dtype)
        for line, i in zip(out, rows, strict=True):
            stored = slice(indptr[i], indptr[i + 1])
            line[indices[stored]] = data[stored] * self.dtype.type(self._scale)
        return out

    def squared_row_norms(self, weights: np.ndarray) -> np.ndarray:
        """Sum of (weights_i X_ij)^2 over j, along stored entries."""
        row = np.repeat(np.arange(self.shape[0]), np.diff(self.rows.indptr))
        return np.bincount(row, (self.rows.data * self._scale * weights[row]) ** 2, minlength=self.shape[0])

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """||X - F B'||_F^2, by dense blocks of rows: 2 m n k flop, but it is asked for near an exact fit only."""
        B_rows, total = np.ascontiguousarray(B.T), 0.0
        for rows, block in self._dense_rows():
            model = self.workspace.product(F[rows], B_rows, np.empty_like(block))
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
        """The two parts of the gradient, and the value.

        For Kullback-Leibler along stored entries, since the sum of F B' over all of them is a product of sums; for
        other losses by dense blocks of rows.
        """
        workspace = self.workspace
        if family == "beta" and parameter == 1:
            stored = workspace.sparse_share(*self.rows, F, B, num, self._scale, evaluate)
            return stored + _inner(workspace.column_sums(F), workspace.column_sums(B)) if evaluate else 0.0
        return sum(
            workspace.split_step(block, F[rows], B, family, parameter, num[rows], den[rows], self._scale, evaluate)
            for rows, block in self._dense_rows()
        )

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
        """`split_step` for those fits; those that need dense blocks make them one after the other."""
        if family == "beta" and parameter == 1:
            stored = kernels.sparse_share(self.rows, F, B, num, fits, self._scale, evaluate)
            if evaluate:
                of_F, of_B = (kernels.column_sums(A, fits, FactorBatch(1, A.ranks, FLOAT64)) for A in (F, B))
                stored += [_inner(of_F.alone(f), of_B.alone(f)) for f in fits.tolist()]
            return stored
        return np.array(
            [self.split_step(F[f], B[f], family, parameter, num[f], den[f], evaluate) for f in fits.tolist()]
        )

    def descent(self, F: np.ndarray, B: np.ndarray, sums: np.ndarray, sweeps: int) -> float:
        """Coordinate sweeps over F for the Kullback-Leibler divergence, along stored entries."""
        return self.workspace.sparse_descent(*self.rows, F, B, sums, sweeps, self._scale)

    def _dense_rows(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Blocks of rows as arrays, one after the other in the same memory."""
        indptr, indices, data, _ = self.rows
        m, n = self.shape
        step = max(1, DENSE_BLOCK // n)
        memory = np.empty((min(step, m), n), dtype=self.dtype)
        for i in range(0, m, step):
            last = min(m, i + step)
            block, stored = memory[: last - i], slice(indptr[i], indptr[last])
            block[:] = 0
            block[np.repeat(np.arange(last - i), np.diff(indptr[i : last + 1])), indices[stored]] = data[stored]
            yield slice(i, last), block


def _inner(a: np.ndarray, b: np.ndarray) -> float:
    """Their inner product; that of a BLAS may depend on where they lie."""
    return float(np.sum(a * b))


def scan_stored(workspace: Workspace, values: np.ndarray, scale: float) -> tuple[float, float, float, float]:
    """(sum, sum of squares, smallest, largest) of scale times the stored entries, unscaled the last two."""
    whole = len(values) // SCAN_ROW * SCAN_ROW
    parts = [part for part in (values[:whole].reshape(-1, SCAN_ROW), values[whole:].reshape(1, -1)) if part.size]
    found = [workspace.scan(part, scale) for part in parts]
    if not found:
        return 0.0, 0.0, 0.0, 0.0
    total, squares, low, high = zip(*found, strict=True)
    return sum(total), sum(squares), min(low), max(high)
