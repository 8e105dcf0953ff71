"""The step from X and its weights to their storage, `DenselyWeighted` or `SparselyReweighted`."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .._runtime import ExceptionEntries, Workspace
from .base import Measures, measure
from .dense import Dense, contiguous_rows
from .sparse import Sparse, scan_stored
from .weighted import DenselyWeighted, SparselyReweighted, WeightStatistics, row_blocks


class Weights(NamedTuple):
    """Omega: `base` except for `weights` at the positions (rows, columns), or `dense` with a weight for every entry."""

    base: float
    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    dense: np.ndarray | None = None


def weigh(X: Any, weights: Weights, workspace: Workspace) -> DenselyWeighted | SparselyReweighted:
    """Store X, an array or a CSR array in canonical form, with its weights, at least one of which is positive."""
    if weights.dense is not None:
        return _weigh_all(X if isinstance(X, np.ndarray) else X.toarray(), weights.dense, workspace)
    base, rows, columns, omega, _ = weights
    if not isinstance(X, np.ndarray):
        X = _drop_entries(X, rows[omega == 0], columns[omega == 0])
    others = _BaseEntries(X, rows, columns)
    x = np.where(omega > 0, others.removed, 0).astype(X.dtype)
    total = base * (float(X.shape[0]) * X.shape[1] - len(rows)) + float(np.sum(omega, dtype=np.float64))
    has_weight, values, w64 = omega > 0, *(part.astype(np.float64, copy=False) for part in (x, omega))

    def scan(scale: float) -> tuple[float, float, float, float]:
        own = scale * values
        own_total, own_squares = float(np.sum(w64 * own)), float(np.sum(w64 * own**2))
        low, high = np.min(x, where=has_weight, initial=np.inf), np.max(x, initial=0)
        if base == 0:
            return own_total, own_squares, low, high
        base_total, base_squares, base_low, base_high = others.scan(workspace, scale)
        low, high = np.minimum(base_low, low), np.maximum(base_high, high)
        return base * base_total + own_total, base * base_squares + own_squares, low, high

    measures = measure(scan, total, X.dtype)
    scale = math.ldexp(1.0, -measures.exponent)
    if base:
        product = others.product(base, omega * x, workspace, measures)
    else:
        indptr = np.searchsorted(rows, np.arange(X.shape[0] + 1))
        product = _sparse((omega * x, np.ascontiguousarray(columns), indptr), X.shape, workspace, measures)
    entropy = -scale * float(np.sum(w64 * values * np.log(np.where(has_weight, w64, 1))))
    entropy -= math.log(base or 1.0) * (measures.mean * total - scale * float(np.sum(w64 * values)))
    counted = ~has_weight if base else has_weight
    hidden = [np.bincount(side[counted], minlength=size) for side, size in _sides(X, rows, columns)]
    empty = (X.shape[1], X.shape[0]) if base else (0, 0)
    without_rows, without_columns = (np.flatnonzero(count == size) for count, size in zip(hidden, empty, strict=True))
    y = np.zeros_like(x) if base else omega * x * x.dtype.type(scale)
    w = omega - x.dtype.type(base)
    by_column = np.argsort(columns, kind="stable")
    of_rows = _exceptions(X.shape[0], rows, columns, w, y)
    of_columns = _exceptions(X.shape[1], *(part[by_column] for part in (columns, rows, w, y)))
    statistics = WeightStatistics(workspace, measures, total, (without_rows, without_columns), entropy)
    return SparselyReweighted(product, float(base), of_rows, of_columns, statistics)


def _sides(X: Any, rows: np.ndarray, columns: np.ndarray) -> list[tuple[np.ndarray, int]]:
    return [(rows, X.shape[0]), (columns, X.shape[1])]


def _exceptions(size: int, major: np.ndarray, minor: np.ndarray, w: np.ndarray, y: np.ndarray) -> ExceptionEntries:
    index = np.int32 if max(len(minor), size, minor.max(initial=0)) < 2**31 else np.int64
    return ExceptionEntries.of(np.searchsorted(major, np.arange(size + 1)).astype(index), minor.astype(index), w, y)


def find_stored(X: Any, rows: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The index of each position among the stored entries of a canonical CSR array, and whether it is stored."""
    n = X.shape[1]
    keys = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)) * n + X.indices
    at = np.searchsorted(keys, rows * n + columns)
    return at, np.append(keys, -1)[at] == rows * n + columns


def entries_at(A: Any, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The entries of an array or of a canonical CSR array at these positions."""
    if isinstance(A, np.ndarray):
        return A[rows, columns]
    at, stored = find_stored(A, rows, columns)
    return np.where(stored, np.append(A.data, 0)[at], 0)


def _drop_entries(X: Any, rows: np.ndarray, columns: np.ndarray) -> Any:
    """A CSR array without entries stored at the given positions: hidden entries count the same, stored or not."""
    at, stored = find_stored(X, rows, columns)
    if not stored.any():
        return X
    kept = np.ones(X.nnz, dtype=bool)
    kept[at[stored]] = False
    indptr = np.concatenate([[0], np.cumsum(kept)])[X.indptr].astype(X.indptr.dtype)
    return type(X)((X.data[kept], X.indices[kept], indptr), shape=X.shape)


class _BaseEntries:
    """The entries of X that have the base weight: a copy with 0 at the exceptions, whose entries are in `removed`."""

    def __init__(self, X: Any, rows: np.ndarray, columns: np.ndarray) -> None:
        self.X, self.is_dense = X, isinstance(X, np.ndarray)
        self.removed = np.zeros(len(rows), X.dtype)
        if self.is_dense:
            self.entries, self.stored, self.at = X.copy(order="K"), np.ones(len(rows), dtype=bool), (rows, columns)
        else:
            at, self.stored = find_stored(X, rows, columns)
            self.entries, self.at = X.data.copy(), at[self.stored]
        self.removed[self.stored] = self.entries[self.at]
        self.entries[self.at] = 0

    def scan(self, workspace: Workspace, scale: float) -> tuple[float, float, float, float]:
        """(sum, sum of squares, smallest, largest) of the entries; the sums are of scale times the entries."""
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
        """Turn the entries into Omega o X, given the products y at the exceptions; call it once, and last."""
        if base:
            self.entries *= self.entries.dtype.type(base)
        self.entries[self.at] = y[self.stored]
        if self.is_dense:
            return Dense(self.entries, workspace, measures)
        return _sparse((self.entries, self.X.indices, self.X.indptr), self.X.shape, workspace, measures)


def _sparse(arrays: tuple, shape: tuple[int, int], workspace: Workspace, measures: Measures) -> Sparse:
    from scipy.sparse import csr_array  # here, since few need it

    return replace(Sparse.of(csr_array(arrays, shape=shape), workspace), measures=measures)


def _weigh_all(X: np.ndarray, Omega: np.ndarray, workspace: Workspace) -> DenselyWeighted:
    """Store X with a weight for every entry, both in the memory order of X, with 0 where the weight is 0."""
    order = "F" if X.flags.f_contiguous and not X.flags.c_contiguous else "C"
    X, Omega = np.asarray(X, order=order), np.asarray(Omega, X.dtype, order=order)
    has_weight = Omega > 0
    if not has_weight.all():
        X = np.where(has_weight, X, X.dtype.type(0)).astype(X.dtype, order=order, copy=False)
    total = float(np.sum(Omega, dtype=np.float64))

    def scan(scale: float) -> tuple[float, float, float, float]:
        first = squares = 0.0
        for rows in row_blocks(X.shape):
            block = scale * X[rows].astype(np.float64)
            weighted = Omega[rows] * block
            first, squares = first + float(np.sum(weighted)), squares + float(np.sum(weighted * block))
        return first, squares, float(np.min(X, where=has_weight, initial=np.inf)), float(np.max(X))

    measures = measure(scan, total, X.dtype)
    unobserved = np.flatnonzero(~has_weight.any(axis=1)), np.flatnonzero(~has_weight.any(axis=0))
    return DenselyWeighted(X, Omega, WeightStatistics(workspace, measures, total, unobserved))
