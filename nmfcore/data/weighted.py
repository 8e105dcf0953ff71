"""X whose entries have weights omega >= 0: one weight with exceptions, or a weight for every entry.

The losses see Omega o X in `dot` and the weighted sums in `measures`. No product, sum or step looks at what stands in X
where the weight is 0.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .._weighted import Box, Places, Quadratic, dense_sweep, gram_sweep
from .._workspace import Workspace
from .base import Measures, measure
from .dense import Dense, contiguous_rows
from .sparse import DENSE_BLOCK, Sparse, scan_stored

KEPT = 1.0 / 1024  # the share of a sum that must be left when terms are taken out, or the rest is summed anew


def _along(k: int, sweeps: int) -> bool:
    """Whether residuals along the places, which each sweep reads, cost less than Gram matrices of the rows."""
    return k > 12 + 8 * sweeps


class Weights(NamedTuple):
    """Omega: `base` but for the places (rows, columns), which have weights of their own; for dense, none has not."""

    base: float
    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    dense: np.ndarray | None = None


class Facts(NamedTuple):
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

    facts: Facts
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

    def _transposed_facts(self) -> Facts:
        return self.facts._replace(unobserved=self.facts.unobserved[::-1])

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """Sum of omega (x - (F B'))^2, summed entry by entry."""
        num, den = np.empty_like(F), np.empty_like(F)
        return 2 * self.split_step(F, B, "beta", 2.0, num, den, True)

    def descent(self, F: np.ndarray, B: np.ndarray, sums: np.ndarray, sweeps: int) -> float:
        """Not served: the sums of B are not those of a row."""
        raise NotImplementedError("coordinate descent for Kullback-Leibler takes no weights")


@dataclass(slots=True)
class Weighted(_Held):
    """A dense X with a weight for every entry; X and Omega lie in memory the same way. See `Data` for the protocol."""

    X: np.ndarray
    Omega: np.ndarray
    facts: Facts

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
    def T(self) -> "Weighted":
        """The transpose, without a copy."""
        return Weighted(self.X.T, self.Omega.T, self._transposed_facts())

    @property
    def _scale(self) -> float:
        return math.ldexp(1.0, -self.measures.exponent)

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out = (Omega o X) B, by blocks of rows; starts ask for it, no iteration does."""
        for rows in _row_blocks(self.shape):
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

    def shared(self, G: np.ndarray, B: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The quadratic that all rows share: none."""
        return np.zeros_like(G), np.zeros((1, len(G)), self.dtype)

    def sweep(
        self,
        shared: tuple[np.ndarray, np.ndarray],
        added: Quadratic,
        box: Box,
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
class Corrected(_Held):
    """X with one weight, `base`, but for some places: see `_core/weighted.pxi`, and `Data` for the protocol.

    product is Omega o X; for base 0 it is not needed by least squares, whose places hold it.
    """

    product: Dense | Sparse
    base: float
    rows: Places
    columns: Places
    facts: Facts

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
    def T(self) -> "Corrected":
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
        for rows in _row_blocks(self.shape):
            Omega = self._weights(rows)
            X = self.product.take(range(*rows.indices(self.shape[0])))
            yield rows, np.divide(X, Omega, out=X, where=Omega > 0), Omega

    def shared(self, G: np.ndarray, B: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The quadratic that all rows share: that of base, and the products with X where the places have none."""
        if self.base == 0:
            return np.zeros_like(G), np.zeros((1, len(G)), self.dtype)
        return self.base * G, self.product.dot(B, out)

    def sweep(
        self,
        shared: tuple[np.ndarray, np.ndarray],
        added: Quadratic,
        box: Box,
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


def _row_blocks(shape: tuple[int, int]) -> Iterator[slice]:
    step = max(1, DENSE_BLOCK // shape[1])
    return (slice(i, min(shape[0], i + step)) for i in range(0, shape[0], step))


def weigh(X: Any, weights: Weights, workspace: Workspace) -> Weighted | Corrected:
    """Hold X, an array or a CSR array in canonical form, with its weights, of which some are positive."""
    if weights.dense is not None:
        return _weigh_all(X if isinstance(X, np.ndarray) else X.toarray(), weights.dense, workspace)
    base, rows, columns, omega, _ = weights
    rest = _Rest(X, rows, columns)
    x = np.where(omega > 0, rest.taken, 0).astype(X.dtype)
    total = base * (float(X.shape[0]) * X.shape[1] - len(rows)) + float(np.sum(omega, dtype=np.float64))
    seen, values, w64 = omega > 0, x.astype(np.float64), omega.astype(np.float64)

    def scan(scale: float) -> tuple[float, float, float, float]:
        own = scale * values
        found = float(w64 @ own), float(w64 @ own**2), np.min(x, where=seen, initial=np.inf), np.max(x, initial=0)
        if base == 0:
            return found
        all_others = rest.scan(workspace, scale)
        sums = (base * part + own_part for part, own_part in zip(all_others[:2], found[:2], strict=True))
        return *sums, np.minimum(all_others[2], found[2]), np.maximum(all_others[3], found[3])

    measures = measure(scan, total, X.dtype)
    scale = math.ldexp(1.0, -measures.exponent)
    if base:
        product = rest.product(base, omega * x, workspace, measures)
    else:
        indptr = np.searchsorted(rows, np.arange(X.shape[0] + 1))
        product = _held((omega * x, np.ascontiguousarray(columns), indptr), X.shape, workspace, measures)
    entropy = -scale * float((w64 * values) @ np.log(np.where(seen, w64, 1)))
    entropy -= math.log(base or 1.0) * (measures.mean * total - scale * float(w64 @ values))
    hidden = [np.bincount(side[~seen if base else seen], minlength=size) for side, size in _sides(X, rows, columns)]
    empty = (X.shape[1], X.shape[0]) if base else (0, 0)
    unobserved = tuple(np.flatnonzero(count == size) for count, size in zip(hidden, empty, strict=True))
    y = np.zeros_like(x) if base else omega * x * x.dtype.type(scale)
    w = omega - x.dtype.type(base)
    by_column = np.argsort(columns, kind="stable")
    of_rows = _places(X.shape[0], rows, columns, w, y)
    of_columns = _places(X.shape[1], *(part[by_column] for part in (columns, rows, w, y)))
    facts = Facts(workspace, measures, total, unobserved, entropy)
    return Corrected(product, float(base), of_rows, of_columns, facts)


def _sides(X: Any, rows: np.ndarray, columns: np.ndarray) -> list[tuple[np.ndarray, int]]:
    return [(rows, X.shape[0]), (columns, X.shape[1])]


def _places(size: int, major: np.ndarray, minor: np.ndarray, w: np.ndarray, y: np.ndarray) -> Places:
    index = np.int32 if max(len(minor), size, minor.max(initial=0)) < 2**31 else np.int64
    return Places.of(np.searchsorted(major, np.arange(size + 1)).astype(index), minor.astype(index), w, y)


def stored_at(X: Any, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where in the entries of a canonical CSR array those places are stored, and whether they are."""
    n = X.shape[1]
    keys = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)) * n + X.indices
    at = np.searchsorted(keys, rows * n + columns)
    return at, np.append(keys, -1)[at] == rows * n + columns


class _Rest:
    """A copy of the entries of X, an array or a CSR array, without those at the places, which are in `taken`."""

    def __init__(self, X: Any, rows: np.ndarray, columns: np.ndarray) -> None:
        self.X, self.is_dense = X, isinstance(X, np.ndarray)
        self.taken = np.zeros(len(rows), X.dtype)
        if self.is_dense:
            self.entries, self.stored, self.at = X.copy(order="K"), slice(None), (rows, columns)
        else:
            at, self.stored = stored_at(X, rows, columns)
            self.entries, self.at = X.data.copy(), at[self.stored]
        self.taken[self.stored] = self.entries[self.at]
        self.entries[self.at] = 0

    def scan(self, workspace: Workspace, scale: float) -> tuple[float, float, float, float]:
        """(sum, sum of squares, smallest, largest): the sums are those of scale times the entries."""
        others = np.ones(self.entries.shape, dtype=bool)
        others[self.at] = False
        low = float(np.min(self.entries, where=others, initial=np.inf))
        if self.is_dense:
            total, squares, _, high = workspace.scan(contiguous_rows(self.entries), scale)
            return total, squares, low, high
        total, squares, _, high = scan_stored(workspace, self.entries, scale)
        all_stored = np.count_nonzero(others) == math.prod(self.X.shape) - len(self.stored)
        return total, squares, low if all_stored else np.minimum(low, 0.0), high

    def product(self, base: float, y: np.ndarray, workspace: Workspace, measures: Measures) -> Dense | Sparse:
        """Omega o X, given its entries at the places; the array is then no longer the rest."""
        if base:
            self.entries *= self.entries.dtype.type(base)
        self.entries[self.at] = y[self.stored]
        if self.is_dense:
            return Dense(self.entries, workspace, measures)
        return _held((self.entries, self.X.indices, self.X.indptr), self.X.shape, workspace, measures)


def _held(arrays: tuple, shape: tuple[int, int], workspace: Workspace, measures: Measures) -> Sparse:
    from scipy.sparse import csr_array  # here, since few need it

    return replace(Sparse.of(csr_array(arrays, shape=shape), workspace), measures=measures)


def _weigh_all(X: np.ndarray, Omega: np.ndarray, workspace: Workspace) -> Weighted:
    """Hold X with a weight for every entry, both in the order of X, without what stands where the weight is 0."""
    order = "F" if X.flags.f_contiguous and not X.flags.c_contiguous else "C"
    X, Omega = np.asarray(X, order=order), np.asarray(Omega, X.dtype, order=order)
    seen = Omega > 0
    if not seen.all():
        X = np.where(seen, X, X.dtype.type(0)).astype(X.dtype, order=order, copy=False)
    total = float(np.sum(Omega, dtype=np.float64))

    def scan(scale: float) -> tuple[float, float, float, float]:
        first = squares = 0.0
        for rows in _row_blocks(X.shape):
            block = scale * X[rows].astype(np.float64)
            weighted = Omega[rows] * block
            first, squares = first + float(np.sum(weighted)), squares + float(np.sum(weighted * block))
        return first, squares, float(np.min(X, where=seen, initial=np.inf)), float(np.max(X))

    measures = measure(scan, total, X.dtype)
    unobserved = np.flatnonzero(~seen.any(axis=1)), np.flatnonzero(~seen.any(axis=0))
    return Weighted(X, Omega, Facts(workspace, measures, total, unobserved))
