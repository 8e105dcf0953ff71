"""X as a sparse matrix, kept in compressed rows and in compressed columns.

With both orientations the products with X and with X' both run along stored entries and never scatter. The thin factor
is copied into panels of two cache lines a row, and X is read again for each panel: the gathered panel stays in the
second-level cache, which whole rows of a wide factor would leave (20 Newsgroups, k = 100: 94 to 48 ms for both
products). Tasks have about the same number of entries. A Kullback-Leibler half-step is one pass that takes a dot
product, a division and an update for each entry, without an array of nnz entries. Losses other than least squares and
Kullback-Leibler see the zeros as well and go through dense blocks of rows.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .._runtime import (
    FLOAT64,
    BatchKernels,
    FactorBatch,
    RowTerms,
    Workspace,
    minimise_rows,
    minimise_sparse_rows,
)
from .base import NOTHING, Measures, measure

TASK_COST = 16384  # stored entries plus rows in one task of a product
DENSE_BLOCK = 1 << 20  # entries of dense rows that are in memory at a time
SCAN_ROW = 32768  # stored entries that are scanned as one row


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
        return cls(matrix.indptr, matrix.indices, matrix.data, np.unique(np.append(first, rows)).astype(np.int64))


class Orientations:
    """A SciPy CSR or CSC matrix in canonical form; the other orientation is computed at its first use."""

    def __init__(self, X: Any) -> None:
        self.stored = X.data
        self._X = X
        self._cache: dict[str, Compressed] = {}

    def of(self, form: str) -> Compressed:
        """The compressed rows ("csr") or columns ("csc")."""
        if form not in self._cache:
            self._cache[form] = Compressed.of(self._X.asformat(form))
        return self._cache[form]


@dataclass(slots=True)
class Sparse:
    """A sparse matrix whose entries that are not stored are 0; see `UnweightedData` for the protocol."""

    shape: tuple[int, int]
    orientations: Orientations
    form: str
    """The orientation whose rows are the rows of this matrix: "csr", or "csc" for a transpose."""
    workspace: Workspace
    measures: Measures

    weighted = False

    @classmethod
    def of(cls, X: Any, workspace: Workspace) -> "Sparse":
        """Measure X, a SciPy CSR or CSC matrix in canonical form, and keep a reference to it."""
        size = X.shape[0] * X.shape[1]
        measures = measure(lambda scale: scan_stored(workspace, X.data, scale), size, X.dtype)
        if X.nnz < size:
            measures = measures._replace(smallest=min(measures.smallest, 0.0))
        return cls(X.shape, Orientations(X), "csr", workspace, measures)

    @property
    def rows(self) -> Compressed:
        """The compressed rows."""
        return self.orientations.of(self.form)

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        return self.orientations.stored.dtype

    @property
    def size(self) -> int:
        """Number of entries that a product reads."""
        return len(self.orientations.stored)

    @property
    def unobserved(self) -> tuple[np.ndarray, np.ndarray]:
        """No rows and no columns: every entry counts."""
        return NOTHING, NOTHING

    @property
    def total(self) -> float:
        """The number of entries, stored or not."""
        return float(self.shape[0]) * self.shape[1]

    @property
    def T(self) -> "Sparse":
        """The transpose, on the same memory."""
        other = "csc" if self.form == "csr" else "csr"
        return Sparse((self.shape[1], self.shape[0]), self.orientations, other, self.workspace, self.measures)

    def row_slice(self, first: int, last: int) -> "Sparse":
        """The rows first ... last - 1 of X on the same memory, with the same power of two."""
        import scipy.sparse

        indptr, indices, data, _ = self.rows
        stored = slice(indptr[first], indptr[last])
        arrays = data[stored], indices[stored], indptr[first : last + 1] - indptr[first]
        rows = scipy.sparse.csr_array(arrays, shape=(last - first, self.shape[1]))
        return Sparse.of(rows, self.workspace).with_exponent(self.measures.exponent)

    def with_exponent(self, exponent: int) -> "Sparse":
        """The same X times 2**-exponent."""
        return replace(self, measures=self.measures.with_exponent(exponent))

    @property
    def _scale(self) -> float:
        return math.ldexp(1.0, -self.measures.exponent)

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Compute out = X B."""
        return self.workspace.sparse_product(*self.rows, B, out, self._scale)

    def dot_many(self, B: FactorBatch, out: FactorBatch, fits: np.ndarray, kernels: BatchKernels) -> None:
        """Compute out = X B for several fits."""
        kernels.sparse_product(self.rows, B, out, fits, self._scale)

    def fingerprints(self) -> tuple[int, ...]:
        """The number that tells X from another, which stored zeros do not change."""
        return (self.workspace.sparse_fingerprint(*self.rows, self._scale, (self.shape[1], 1)),)

    def take(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copy rows of X to a new dense array."""
        indptr, indices, data, _ = self.rows
        out = np.zeros((len(rows), self.shape[1]), dtype=self.dtype)
        for line, i in zip(out, rows, strict=True):
            stored = slice(indptr[i], indptr[i + 1])
            line[indices[stored]] = data[stored] * self.dtype.type(self._scale)
        return out

    def squared_row_norms(self, weights: np.ndarray) -> np.ndarray:
        """Sum of (weights_i X_ij)^2 over j for each row i, along stored entries."""
        row = np.repeat(np.arange(self.shape[0]), np.diff(self.rows.indptr))
        return np.bincount(row, (self.rows.data * self._scale * weights[row]) ** 2, minlength=self.shape[0])

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """||X - F B'||_F^2, in dense blocks of rows: 2 m n k flop, needed only near an exact fit."""
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
        """Compute the two parts of the gradient, and the objective.

        Kullback-Leibler runs along stored entries, since the sum of F B' over all entries is a product of column sums.
        Other losses go through dense blocks of rows.
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
        """Compute `split_step` for several fits; losses that need dense blocks take the fits one by one."""
        if family == "beta" and parameter == 1:
            stored = kernels.sparse_share(self.rows, F, B, num, fits, self._scale, evaluate)
            if evaluate:
                of_F, of_B = (kernels.column_sums(A, fits, FactorBatch(1, A.ranks, FLOAT64)) for A in (F, B))
                stored += [_inner(of_F.of_fit(f), of_B.of_fit(f)) for f in fits.tolist()]
            return stored
        return np.array(
            [self.split_step(F[f], B[f], family, parameter, num[f], den[f], evaluate) for f in fits.tolist()]
        )

    def descent(self, F: np.ndarray, B: np.ndarray, sums: np.ndarray, sweeps: int) -> float:
        """Sweep over the coordinates of F for the Kullback-Leibler divergence, along stored entries."""
        return self.workspace.sparse_descent(*self.rows, F, B, sums, sweeps, self._scale)

    def minimise_rows(self, F: np.ndarray, B: np.ndarray, beta: float, added: RowTerms) -> float:
        """Minimise the beta-divergence over F, in place; Kullback-Leibler runs along stored entries."""
        if beta == 1:
            indptr, indices, data, bounds = self.rows
            return minimise_sparse_rows(
                self.workspace, (indptr, indices, data, None, bounds), self._scale, added, F, B, beta
            )
        return sum(
            minimise_rows(self.workspace, block, None, self._scale, added.rows(rows), F[rows], B, beta)
            for rows, block in self._dense_rows()
        )

    def _dense_rows(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Yield blocks of rows as dense arrays; each block overwrites the one before."""
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
    """The inner product of two vectors; the bits of a BLAS product may depend on their alignment."""
    return float(np.sum(a * b))


def scan_stored(workspace: Workspace, values: np.ndarray, scale: float) -> tuple[float, float, float, float]:
    """(sum, sum of squares) of scale times the stored entries, and their (smallest, largest) without the scale."""
    whole = len(values) // SCAN_ROW * SCAN_ROW
    parts = [part for part in (values[:whole].reshape(-1, SCAN_ROW), values[whole:].reshape(1, -1)) if part.size]
    scans = [workspace.scan(part, scale) for part in parts]
    if not scans:
        return 0.0, 0.0, 0.0, 0.0
    total, squares, low, high = zip(*scans, strict=True)
    return sum(total), sum(squares), min(low), max(high)
