"""X whose entries have weights omega >= 0: one weight with exceptions, or a weight for every entry.

The losses see Omega o X in `dot` and the weighted sums in `measures`. No product, sum or step looks at what stands in X
where the weight is 0.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from .._runtime import ExceptionEntries, Quadratic, SweepBounds, Workspace, dense_sweep, gram_sweep
from .base import Measures
from .dense import Dense
from .sparse import DENSE_BLOCK, Sparse

KEPT = 1.0 / 1024  # the share of a sum that must be left when terms are taken out, or the rest is summed anew


def _along(k: int, sweeps: int) -> bool:
    """Whether residuals along the places, which each sweep reads, cost less than Gram matrices of the rows."""
    return k > 12 + 8 * sweeps


class WeightStatistics(NamedTuple):
    """What all products with X and its transpose share."""

    workspace: Workspace
    measures: Measures
    total: float
    """The sum of the weights."""
    unobserved: tuple[np.ndarray, np.ndarray]
    """The rows and the columns without a positive weight."""
    entropy: float = 0.0
    """Sum of y log omega over the entries y of Omega o X."""


class _Held:
    """What both kinds say of X."""

    facts: WeightStatistics
    weighted = True

    @property
    def workspace(self) -> Workspace:
        """The memory and the threads of the fit."""
        return self.facts.workspace

    @property
    def measures(self) -> Measures:
        """Mean and squared norm are weighted, the smallest and the largest are of the entries with a weight."""
        return self.facts.measures

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return self.facts.total

    @property
    def unobserved(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows and the columns without a positive weight."""
        return self.facts.unobserved

    def _transposed_facts(self) -> WeightStatistics:
        return self.facts._replace(unobserved=self.facts.unobserved[::-1])

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """Sum of omega (x - (F B'))^2, summed entry by entry."""
        num, den = np.empty_like(F), np.empty_like(F)
        return 2 * self.split_step(F, B, "beta", 2.0, num, den, True)


@dataclass(slots=True)
class DenselyWeighted(_Held):
    """A dense X with a weight for every entry; X and Omega lie in memory the same way. See `Data` for the protocol."""

    X: np.ndarray
    Omega: np.ndarray
    facts: WeightStatistics

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
        """Entries that a product visits."""
        return self.X.size

    @property
    def T(self) -> "DenselyWeighted":
        """The transpose, without a copy."""
        return DenselyWeighted(self.X.T, self.Omega.T, self._transposed_facts())

    @property
    def _scale(self) -> float:
        return math.ldexp(1.0, -self.measures.exponent)

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out = (Omega o X) B, by blocks of rows; starts ask for it, no iteration does."""
        for rows in row_blocks(self.shape):
            self.workspace.product(np.ascontiguousarray(self.Omega[rows] * self.X[rows]), B, out[rows], self._scale)
        return out

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
        """The two parts of the weighted gradient, and the value; no m x n array is made."""
        arrays = num, den, self._scale, evaluate, self.Omega
        return self.workspace.split_step(self.X, F, B, family, parameter, *arrays)

    def shared_quadratic(self, G: np.ndarray, B: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The quadratic that all rows share: none."""
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
        """Sweeps over F in place: the change of the first one, and half the weighted squares after the last."""
        return dense_sweep(self.workspace, self.X, self.Omega, self._scale, added, box, F, B, sweeps, stop)

    def costs(self, k: int) -> tuple[float, float]:
        """Flop of what an update of a factor needs first, and of each sweep."""
        return 2.0 * self.size * k, 8.0 * self.size * k


@dataclass(slots=True)
class SparselyReweighted(_Held):
    """X with one weight, `base`, but for some places: see `_core/weighted.pxi`, and `Data` for the protocol.

    product is Omega o X; for base 0 it is not needed by least squares, whose places hold it.
    """

    product: Dense | Sparse
    base: float
    rows: ExceptionEntries
    columns: ExceptionEntries
    facts: WeightStatistics

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
        """Entries that a product visits."""
        return self.product.size

    @property
    def T(self) -> "SparselyReweighted":
        """The transpose, without a copy."""
        sides = {"rows": self.columns, "columns": self.rows}
        return replace(self, product=self.product.T, **sides, facts=self._transposed_facts())

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out = (Omega o X) B."""
        return self.product.dot(B, out)

    def _weigh(self, B: np.ndarray) -> np.ndarray:
        """Omega B, anew where places take out almost all of a sum."""
        indptr, indices, w, _, bounds = self.rows
        whole = self.base * self.workspace.column_sums(B)
        out = np.empty((self.shape[0], B.shape[1]), self.dtype)
        out = self.workspace.sparse_product(indptr, indices, w, bounds, B, out, 1.0) + whole.astype(self.dtype)
        anew = np.flatnonzero((out < KEPT * whole).any(axis=1))
        for row in anew:
            self.workspace.product(self._weights(slice(row, row + 1)), B, out[row : row + 1])
        return out

    def _weights(self, rows: slice) -> np.ndarray:
        """Those rows of Omega as a new array."""
        indptr, indices, w = self.rows[:3]
        first, last, _ = rows.indices(self.shape[0])
        Omega = np.full((last - first, self.shape[1]), self.base, self.dtype)
        stored, lengths = slice(indptr[first], indptr[last]), np.diff(indptr[first : last + 1])
        Omega[np.repeat(np.arange(last - first), lengths), indices[stored]] += w[stored]
        return Omega

    def curvature(self, B: np.ndarray) -> np.ndarray:
        """Sum of omega_ij b_jt^2 over j."""
        return self._weigh(B * B)

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
        """The two parts of the weighted gradient, and the value.

        For Kullback-Leibler on sparse X along stored entries and places; else by dense blocks of rows.
        """
        if family == "beta" and parameter == 1 and isinstance(self.product, Sparse):
            scale = math.ldexp(1.0, -self.measures.exponent)
            share = self.workspace.sparse_share(*self.product.rows, F, B, num, scale, evaluate)
            den[:] = self._weigh(B)
            return share + self.facts.entropy + self.workspace.inner(F, den) if evaluate else 0.0
        value = 0.0
        for rows, X, Omega in self._blocks():
            arrays = num[rows], den[rows], 1.0, evaluate, Omega
            value += self.workspace.split_step(X, F[rows], B, family, parameter, *arrays)
        return value

    def _blocks(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Blocks of rows of the scaled X and of Omega as arrays."""
        for rows in row_blocks(self.shape):
            Omega = self._weights(rows)
            X = self.product.take(range(*rows.indices(self.shape[0])))
            yield rows, np.divide(X, Omega, out=X, where=Omega > 0), Omega

    def shared_quadratic(self, G: np.ndarray, B: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The quadratic that all rows share: that of base, and the products with X where the places have none."""
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
        """Sweeps over F in place: the change of the first one, and half the weighted squares after the last."""
        G, C = shared
        everything = added._replace(C=C + added.C if added.C.any() else C)
        along = _along(F.shape[1], max(1, sweeps))
        problem = self.base, G, self.rows, everything, box, F, B, sweeps, stop, along
        moved, value = gram_sweep(self.workspace, *problem)
        return moved, value - added.value(F, self.workspace) + 0.5 * self.measures.squared_norm

    def costs(self, k: int) -> tuple[float, float]:
        """Flop of what an update of a factor needs first, and of each sweep."""
        places, rows = float(len(self.rows.indices)), 2.0 * self.shape[0] * k * k
        first = 2.0 * self.size * k * (self.base != 0)
        if _along(k, 2):
            return first + 2 * places * k, 8 * places * k + rows
        return first + places * k * k, rows


def row_blocks(shape: tuple[int, int]) -> Iterator[slice]:
    """Rows of which a dense block is held at a time."""
    step = max(1, DENSE_BLOCK // shape[1])
    return (slice(i, min(shape[0], i + step)) for i in range(0, shape[0], step))
