"""X whose entries have weights omega >= 0: one base weight with exceptions, or a weight for every entry.

`dot` multiplies by Omega o X, and `measures` are weighted. Entries of X whose weight is 0 are never read.

Base weight with exceptions (`SparselyReweighted`). Masks, NaN, ratings and weights all take this form. C is the product
of Omega o X and the other factor. The Gram matrix of a row is that of the base weight plus w b b' for each exception:
with base 1 this subtracts hidden entries, with base 0 it adds observed ones. If more than a quarter of a dense X are
exceptions, X has a weight for every entry (`DenselyWeighted`): without gathering, an entry costs a third.

Lost digits. Subtraction loses digits when little is left. If less than 1/65536 of a diagonal entry of the Gram matrix
of a row remains (1/1024 in float32), the kernel sums that row over all its entries. A component that only hidden
entries use therefore has a curvature of exactly 0.

Two algorithms for a row. The first forms the Gram matrix of the row: k^2 flop for each exception, but cheap sweeps. The
second keeps the residuals at the exceptions: 2 k flop for each exception, and 8 k for each one in each sweep;
coordinates are taken in pairs, which share one reading of a residual. The count of flop decides, at about k = 20. With
a weight for every entry, 4 rows are updated together and share the reading of B: 10 m n k flop a sweep.

Losses other than least squares multiply the two parts of the gradient of a block by its weights. Kullback-Leibler on
sparse X stays sparse: num runs along the stored entries of Omega o X, and den is a sum of columns with corrections.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .._runtime import (
    ExceptionEntries,
    Quadratic,
    RowTerms,
    SweepBounds,
    Workspace,
    dense_sweep,
    gram_sweep,
    minimise_rows,
    minimise_sparse_rows,
)
from .base import Measures
from .dense import Dense, fingerprint_of
from .pairs import pair_products
from .sparse import DENSE_BLOCK, Sparse

MIN_SHARE = 1.0 / 1024  # if subtraction leaves less than this share of a sum, the sum is computed directly


def _residuals_are_cheaper(k: int, sweeps: int) -> bool:
    """Whether sweeps along the residuals at the exceptions cost less than the Gram matrices of the rows."""
    return k > 12 + 8 * sweeps


class WeightStatistics(NamedTuple):
    """Statistics that X and its transpose share."""

    workspace: Workspace
    measures: Measures
    total: float
    """The sum of the weights."""
    unobserved: tuple[np.ndarray, np.ndarray]
    """Indices of the rows and of the columns without a positive weight."""
    entropy: float = 0.0
    """Sum of y log omega over the entries y of Omega o X."""


class _WeightedStorage(ABC):
    """The members that both storages with weights share."""

    statistics: WeightStatistics
    weighted = True

    @property
    def workspace(self) -> Workspace:
        """Scratch memory and threads of the fit."""
        return self.statistics.workspace

    @property
    def measures(self) -> Measures:
        """Mean and squared norm are weighted; smallest and largest are over the entries with a positive weight."""
        return self.statistics.measures

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return self.statistics.total

    @property
    def unobserved(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the rows and of the columns without a positive weight."""
        return self.statistics.unobserved

    def _transposed_statistics(self) -> WeightStatistics:
        return self.statistics._replace(unobserved=self.statistics.unobserved[::-1])

    @abstractmethod
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
        """Compute the two parts of the weighted gradient, and the objective."""

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """Sum of omega (x - (F B'))^2, summed entry by entry."""
        num, den = np.empty_like(F), np.empty_like(F)
        return 2 * self.split_step(F, B, "beta", 2.0, num, den, True)


@dataclass(slots=True)
class DenselyWeighted(_WeightedStorage):
    """A dense X with a weight for every entry, in the memory order of X; see `WeightedData` for the protocol."""

    X: np.ndarray
    Omega: np.ndarray
    statistics: WeightStatistics

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
    def T(self) -> "DenselyWeighted":
        """The transpose, on the same memory."""
        return DenselyWeighted(self.X.T, self.Omega.T, self._transposed_statistics())

    @property
    def _scale(self) -> float:
        return math.ldexp(1.0, -self.measures.exponent)

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Compute out = (Omega o X) B in blocks of rows; used by starts, not by iterations."""
        for rows in row_blocks(self.shape):
            self.workspace.product(np.ascontiguousarray(self.Omega[rows] * self.X[rows]), B, out[rows], self._scale)
        return out

    def fingerprints(self) -> tuple[int, ...]:
        """The numbers that tell X and its weights from others."""
        return tuple(
            fingerprint_of(A, self.workspace, scale) for A, scale in ((self.X, self._scale), (self.Omega, 1.0))
        )

    def curvature(self, B: np.ndarray) -> np.ndarray:
        """Sum of omega_ij b_jt^2 over j."""
        return self.workspace.product(self.Omega, B * B, np.empty((self.shape[0], B.shape[1]), self.dtype))

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
        """Compute the two parts of the weighted gradient, and the objective, without an m x n array."""
        arrays = num, den, self._scale, evaluate, self.Omega
        return self.workspace.split_step(self.X, F, B, family, parameter, *arrays)

    @property
    def lists_entries(self) -> bool:
        """Yes: X and its weights are dense."""
        return True

    def minimise_rows(self, F: np.ndarray, B: np.ndarray, beta: float, added: RowTerms) -> float:
        """Minimise the weighted beta-divergence over F, in place."""
        return minimise_rows(self.workspace, self.X, self.Omega, self._scale, added, F, B, beta)

    def shared_quadratic(self, G: np.ndarray, B: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Zeros: the rows share no quadratic."""
        return np.zeros_like(G), np.zeros((1, len(G)), self.dtype)

    def sweep(
        self,
        shared: tuple[np.ndarray, np.ndarray],
        added: Quadratic,
        box: SweepBounds,
        F: np.ndarray,
        B: np.ndarray,
        sweeps: int,
        stop: float,
    ) -> tuple[float, float]:
        """Sweep over F in place; return the squared change of the first sweep and half the squared residual."""
        return dense_sweep(self.workspace, self.X, self.Omega, self._scale, added, box, F, B, sweeps, stop)

    def costs(self, k: int) -> tuple[float, float]:
        """Flop of an update before its sweeps, and of each sweep."""
        return 2.0 * self.size * k, 8.0 * self.size * k


@dataclass(slots=True)
class SparselyReweighted(_WeightedStorage):
    """X with one weight `base` and exceptions; see `_core/weighted.pxi`, and `WeightedData` for the protocol.

    `rows` and `columns` have the exceptions by row and by column. `product` is Omega o X; with base 0 least squares do
    not need it, since the exceptions contain the same entries.
    """

    product: Dense | Sparse
    base: float
    rows: ExceptionEntries
    columns: ExceptionEntries
    statistics: WeightStatistics

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        return self.product.shape

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        return self.product.dtype

    @property
    def size(self) -> int:
        """Number of entries that a product reads."""
        return self.product.size

    @property
    def T(self) -> "SparselyReweighted":
        """The transpose, on the same memory."""
        sides = {"rows": self.columns, "columns": self.rows}
        return replace(self, product=self.product.T, **sides, statistics=self._transposed_statistics())

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Compute out = (Omega o X) B."""
        return self.product.dot(B, out)

    def fingerprints(self) -> tuple[int, ...]:
        """The numbers that tell Omega o X and the weights from others."""
        indptr, indices, w, _, bounds = self.rows
        steps = self.shape[1], 1
        return *self.product.fingerprints(), self.workspace.sparse_fingerprint(indptr, indices, w, bounds, 1.0, steps)

    def _weights_times(self, B: np.ndarray) -> np.ndarray:
        """Omega B; rows from which the exceptions subtract almost everything are computed directly."""
        indptr, indices, w, _, bounds = self.rows
        whole = self.base * self.workspace.column_sums(B)
        out = np.empty((self.shape[0], B.shape[1]), self.dtype)
        out = self.workspace.sparse_product(indptr, indices, w, bounds, B, out, 1.0) + whole.astype(self.dtype)
        for row in np.flatnonzero((out < MIN_SHARE * whole).any(axis=1)):
            self.workspace.product(self._weights(slice(row, row + 1)), B, out[row : row + 1])
        return out

    def _weighted_model_times(self, F: np.ndarray, B: np.ndarray, out: np.ndarray) -> None:
        """out = (Omega o (F B')) B; rows of which the exceptions subtract almost everything are computed directly."""
        indptr, indices, w, _, bounds = self.rows
        lines = np.repeat(np.arange(self.shape[0]), np.diff(indptr))
        model = (w * pair_products(F, B, lines, indices)).astype(self.dtype)
        self.workspace.sparse_product(indptr, indices, model, bounds, B, out, 1.0)
        if self.base == 0:
            return
        whole = self.workspace.product(F, (self.base * self.workspace.gram(B)).astype(self.dtype), np.empty_like(out))
        out += whole
        B_rows = np.ascontiguousarray(B.T)
        for row in np.flatnonzero((out < MIN_SHARE * whole).any(axis=1)):
            weighted = self._weights(slice(row, row + 1)) * self.workspace.product(
                F[row : row + 1], B_rows, np.empty((1, len(B)), self.dtype)
            )
            self.workspace.product(weighted, B, out[row : row + 1])

    def _weights(self, rows: slice) -> np.ndarray:
        """Rows of Omega as a new array."""
        indptr, indices, w = self.rows[:3]
        first, last, _ = rows.indices(self.shape[0])
        Omega = np.full((last - first, self.shape[1]), self.base, self.dtype)
        stored, lengths = slice(indptr[first], indptr[last]), np.diff(indptr[first : last + 1])
        Omega[np.repeat(np.arange(last - first), lengths), indices[stored]] += w[stored]
        return Omega

    def curvature(self, B: np.ndarray) -> np.ndarray:
        """Sum of omega_ij b_jt^2 over j."""
        return self._weights_times(B * B)

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
        """Compute the two parts of the weighted gradient, and the objective.

        Kullback-Leibler on sparse X runs along stored entries and exceptions, and so does the gradient of least
        squares; other losses, and the residual of least squares, which is summed entry by entry, run through dense
        blocks of rows.
        """
        if family == "beta" and parameter == 2 and isinstance(self.product, Sparse) and not evaluate:
            self.dot(B, num)
            self._weighted_model_times(F, B, den)
            return 0.0
        if family == "beta" and parameter == 1 and isinstance(self.product, Sparse):
            scale = math.ldexp(1.0, -self.measures.exponent)
            share = self.workspace.sparse_share(*self.product.rows, F, B, num, scale, evaluate)
            den[:] = self._weights_times(B)
            return share + self.statistics.entropy + self.workspace.inner(F, den) if evaluate else 0.0
        value = 0.0
        for rows, X, Omega in self._blocks():
            arrays = num[rows], den[rows], 1.0, evaluate, Omega
            value += self.workspace.split_step(X, F[rows], B, family, parameter, *arrays)
        return value

    @property
    def lists_entries(self) -> bool:
        """Whether the entries with a weight are no more than a product reads."""
        return self.base == 0 or isinstance(self.product, Dense)

    def minimise_rows(self, F: np.ndarray, B: np.ndarray, beta: float, added: RowTerms) -> float:
        """Minimise the weighted beta-divergence over F, in place.

        For Kullback-Leibler the sum of Omega o (F B') is linear in F, and the other terms are those of Omega o X. Least
        squares with base 0 run along the exceptions; other losses through dense blocks of rows.
        """
        if beta == 1:
            sums = self._weights_times(B).astype(np.float64)
            return self.product.minimise_rows(F, B, beta, added._replace(C=added.C - sums))
        if self.base == 0:
            indptr, indices, w, y, bounds = self.rows
            entries = indptr, indices, np.divide(y, w, out=np.zeros_like(y), where=w > 0), w, bounds
            return minimise_sparse_rows(self.workspace, entries, 1.0, added, F, B, beta)
        return sum(
            minimise_rows(self.workspace, X, Omega, 1.0, added.rows(rows), F[rows], B, beta)
            for rows, X, Omega in self._blocks()
        )

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Yield blocks of rows of the scaled X and of Omega as arrays."""
        for rows in row_blocks(self.shape):
            Omega = self._weights(rows)
            X = self.product.take(range(*rows.indices(self.shape[0])))
            yield rows, np.divide(X, Omega, out=X, where=Omega > 0), Omega

    def shared_quadratic(self, G: np.ndarray, B: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """G and C with the base weight for every entry; zeros for base 0, where the exceptions have everything."""
        if self.base == 0:
            return np.zeros_like(G), np.zeros((1, len(G)), self.dtype)
        return self.base * G, self.product.dot(B, out)

    def sweep(
        self,
        shared: tuple[np.ndarray, np.ndarray],
        added: Quadratic,
        box: SweepBounds,
        F: np.ndarray,
        B: np.ndarray,
        sweeps: int,
        stop: float,
    ) -> tuple[float, float]:
        """Sweep over F in place; return the squared change of the first sweep and half the squared residual."""
        G, C = shared
        everything = added._replace(C=C + added.C if added.C.any() else C)
        along_residuals = _residuals_are_cheaper(F.shape[1], max(1, sweeps))
        problem = self.base, G, self.rows, everything, box, F, B, sweeps, stop, along_residuals
        moved, value = gram_sweep(self.workspace, *problem)
        return moved, value - added.value(F, self.workspace) + 0.5 * self.measures.squared_norm

    def costs(self, k: int) -> tuple[float, float]:
        """Flop of an update before its sweeps, and of each sweep."""
        n_exceptions, rows = float(len(self.rows.indices)), 2.0 * self.shape[0] * k * k
        first = 2.0 * self.size * k * (self.base != 0)
        if _residuals_are_cheaper(k, 2):
            return first + 2 * n_exceptions * k, 8 * n_exceptions * k + rows
        return first + n_exceptions * k * k, rows


def row_blocks(shape: tuple[int, int]) -> Iterator[slice]:
    """Slices of rows whose dense blocks fit in memory."""
    step = max(1, DENSE_BLOCK // shape[1])
    return (slice(i, min(shape[0], i + step)) for i in range(0, shape[0], step))
