"""The kernels for several fits of one X at once, with their scratch memory and their threads.

Each fit gets the bits that it gets alone. `_core/stack.pxi` has the gains measured.
"""

import functools
import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from .._core import kernels
from . import calls
from .calls import even_parts, fit_parts, is_one_call, term_parts
from .workspace import FLOAT64, POWERS_FLOP, PRODUCT_ROWS, Workspace, aligned_empty

CompressedRows: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""indptr, indices, data and the first row of each task; see `_core.kernels.sparse_product`."""

FITS_A_THREAD = 2  # fits per thread from which each thread takes whole fits


class FactorBatch:
    """The matrices of several fits, one behind the other in one array: all have `rows` rows, each its own columns."""

    def __init__(self, rows: int, ranks: Sequence[int], dtype: np.dtype) -> None:
        self.rows, self.ranks = rows, list(ranks)
        self.columns = np.concatenate(([0], np.cumsum(ranks))).astype(np.int64)
        self.widths = np.diff(self.columns)
        self.flat = aligned_empty(rows * int(self.columns[-1]), dtype)
        if rows == 1:  # used as a whole, so entries that no fit has written must be defined
            self.flat[:] = 0

    @functools.cached_property
    def views(self) -> list[np.ndarray]:
        """The matrix of each fit, as a view."""
        return _views(self.flat, self.rows * self.columns, [(self.rows, k) for k in self.ranks])

    def __getitem__(self, fit: int) -> np.ndarray:
        """The matrix of a fit, as a view."""
        return self.views[fit]

    def of_fit(self, fit: int) -> np.ndarray:
        """The row of a fit, as a view, where `rows` is 1."""
        return self.flat[self.columns[fit] : self.columns[fit + 1]]

    def columns_of(self, fits: np.ndarray) -> int:
        """The sum of the ranks of some fits."""
        return int(self.widths[fits].sum())

    def widest(self, fits: np.ndarray) -> int:
        """The largest rank of some fits."""
        return int(self.widths[fits].max(initial=1))

    def sum_of_squares(self, fits: np.ndarray) -> float:
        """The sum of the squares of the ranks of some fits."""
        return float(np.square(self.widths[fits]).sum())

    def each(self, values: np.ndarray, fits: np.ndarray, dtype: type) -> np.ndarray:
        """An array with an entry for each fit: the values of some fits, 0 for the others."""
        out = np.zeros(len(self.ranks), dtype)
        out[fits] = values
        return out

    def like(self) -> "FactorBatch":
        """Another batch of that shape, whose entries are not set."""
        return FactorBatch(self.rows, self.ranks, self.flat.dtype)


class GramBatch:
    """A k x k matrix in float64 for each fit, one behind the other."""

    def __init__(self, ranks: Sequence[int]) -> None:
        self.first = np.concatenate(([0], np.cumsum(np.square(ranks)))).astype(np.int64)
        self.flat = np.empty(int(self.first[-1]))
        self.views = _views(self.flat, self.first, [(k, k) for k in ranks])

    def __getitem__(self, fit: int) -> np.ndarray:
        """The matrix of a fit, as a view."""
        return self.views[fit]

    of_fit = __getitem__


def _views(flat: np.ndarray, first: np.ndarray, shapes: list[tuple[int, int]]) -> list[np.ndarray]:
    ends = zip(first[:-1].tolist(), first[1:].tolist(), strict=True)
    return [flat[i:j].reshape(shape) for (i, j), shape in zip(ends, shapes, strict=True)]


class BatchKernels:
    """The methods of `Workspace` for several fits; each fit gets the same bits.

    fits: the indices of the fits that a method works on, ascending. Where one fit alone takes several calls, the fits
    are done one after another.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def product(self, X: np.ndarray, B: FactorBatch, out: FactorBatch, fits: np.ndarray, scale: float) -> None:
        """out = scale X B, for X (rows x terms) with unit stride along one axis, in one reading of X."""
        for part in fit_parts(fits, 2.0 * X.size * B.widths[fits], calls.MANY_FLOP):
            for rows in even_parts(len(X), 2.0 * X.shape[1] * B.columns_of(part), PRODUCT_ROWS):
                self._product(X[rows], B, out, part, scale, rows.start)

    def _product(
        self, X: np.ndarray, B: FactorBatch, out: FactorBatch, fits: np.ndarray, scale: float, first_row: int
    ) -> None:
        rows, terms = X.shape
        columns = B.columns_of(fits)
        flop = 2.0 * X.size * columns
        threads, n_calls = self.workspace.threads(flop), term_parts(terms, flop)
        scratch = self.workspace.reserve(kernels.product_scratch(rows, terms, columns, threads, n_calls), X.dtype)
        stacks = B.flat, (B.columns, fits), scratch, out.flat
        for call in range(n_calls):
            kernels.product_many(X, *stacks, scale, threads, call, n_calls, first_row, out.rows)

    def _groups(self, fits: np.ndarray, flop: np.ndarray) -> list[np.ndarray]:
        """The fits in groups, one for each call, that take about as long as one call of one fit on one thread."""
        return fit_parts(fits, flop, calls.CALL_FLOP * self.workspace.threads(math.inf))

    def sparse_product(
        self, X: CompressedRows, B: FactorBatch, out: FactorBatch, fits: np.ndarray, scale: float
    ) -> None:
        """out = scale X B, for the arrays of X in compressed rows."""
        flop = 2.0 * len(X[2])
        if len(fits) == 1:  # the panels of one fit are better for its columns
            self.workspace.sparse_product(*X, B[fits[0]], out[fits[0]], scale)
            return
        for part in self._groups(fits, flop * B.widths[fits]):
            threads = self.workspace.threads(flop * B.columns_of(part))
            scratch = self.workspace.reserve(kernels.sparse_product_many_scratch(B.rows, threads), B.flat.dtype)
            kernels.sparse_product_many(*X, B.flat, (B.columns, part), scratch, out.flat, scale, threads)

    def split_step(
        self,
        X: np.ndarray,
        F: FactorBatch,
        B: FactorBatch,
        family: str,
        parameter: float,
        num: FactorBatch,
        den: FactorBatch,
        fits: np.ndarray,
        scale: float,
        evaluate: bool,
    ) -> np.ndarray:
        """num and den of half-steps; returns the values of `Workspace.split_step`."""
        if F.rows > self.workspace.split_rows(X.shape[1], F.widest(fits)):
            call = self.workspace.split_step
            rest = family, parameter
            values = [call(X, F[f], B[f], *rest, num[f], den[f], scale, evaluate) for f in fits.tolist()]
            return np.array(values)
        number, values = kernels.FAMILIES[family], np.zeros(len(F.ranks))
        for part in self._groups(fits, (6.0 * F.widths[fits] + POWERS_FLOP) * X.size):
            threads = self.workspace.threads(6.0 * X.size * F.columns_of(part))
            scratch = self.workspace.reserve(
                kernels.split_many_scratch(len(X), X.shape[1], F.widest(part), threads), X.dtype
            )
            stacks = F.flat, B.flat, (F.columns, part), scratch, num.flat, den.flat
            kernels.split_many(X, *stacks, number, parameter, scale, values if evaluate else None, threads)
        return values[fits]

    def sparse_share(
        self,
        X: CompressedRows,
        F: FactorBatch,
        B: FactorBatch,
        num: FactorBatch,
        fits: np.ndarray,
        scale: float,
        evaluate: bool,
    ) -> np.ndarray:
        """num of half-steps for Kullback-Leibler; returns the values of `Workspace.sparse_share`."""
        flop, values = 4.0 * len(X[2]), np.zeros(len(F.ranks))
        if not is_one_call(flop * F.widest(fits)) or len(fits) < FITS_A_THREAD * self.workspace.threads(math.inf):
            alone = [self.workspace.sparse_share(*X, F[f], B[f], num[f], scale, evaluate) for f in fits.tolist()]
            return np.array(alone)
        for part in self._groups(fits, flop * F.widths[fits]):
            threads = self.workspace.threads(flop * F.columns_of(part))
            own = kernels.sparse_product_scratch(B.rows, F.widest(part), 2) + 16
            scratch = self.workspace.reserve(own * threads, F.flat.dtype)
            stacks = F.flat, B.flat, (F.columns, part), scratch, num.flat
            kernels.sparse_share_many(*X, *stacks, scale, values if evaluate else None, threads)
        return values[fits]

    def gram(self, F: FactorBatch, fits: np.ndarray, out: GramBatch) -> None:
        """out = F'F."""
        if F.rows > self.workspace.gram_rows(F.widest(fits)):
            for f in fits.tolist():
                out[f][:] = self.workspace.gram(F[f])
            return
        for part in self._groups(fits, float(F.rows) * np.square(F.widths[fits])):
            threads = self.workspace.threads(F.rows * F.sum_of_squares(part))
            stack = F.columns, part
            scratch = self.workspace.reserve(kernels.gram_many_scratch(F.rows, stack, threads), FLOAT64)
            kernels.gram_many(F.flat, F.rows, stack, out.first, scratch, out.flat, threads)

    def column_sums(self, F: FactorBatch, fits: np.ndarray, out: FactorBatch) -> FactorBatch:
        """The sum of each column, in float64; out has one row."""
        threads = self.workspace.threads(F.rows * F.columns_of(fits))
        kernels.column_sums_many(F.flat, F.rows, (F.columns, fits), out.flat, threads)
        return out

    def inner(self, A: FactorBatch, B: FactorBatch, fits: np.ndarray) -> np.ndarray:
        """The sums of A_ij B_ij."""
        out = np.empty(len(A.ranks))
        threads = self.workspace.threads(2.0 * A.rows * A.columns_of(fits))
        kernels.inner_many(A.flat, B.flat, A.rows, (A.columns, fits), out, threads)
        return out[fits]

    def inner_of_squares(self, A: GramBatch, B: GramBatch, fits: np.ndarray) -> np.ndarray:
        """The sums of A_ij B_ij of Gram matrices."""
        return np.array([kernels.inner(A[f], B[f], 1) for f in fits.tolist()])

    def copy(self, source: FactorBatch, target: FactorBatch, fits: np.ndarray) -> None:
        """target = source."""
        threads = self.workspace.threads(source.rows * source.columns_of(fits))
        kernels.copy_many(source.flat, target.flat, source.rows, (source.columns, fits), threads)

    def extrapolate(
        self, new: FactorBatch, old: FactorBatch, weights: np.ndarray, rising: bool, fits: np.ndarray
    ) -> None:
        """`Workspace.extrapolate`, with a weight for each of the fits."""
        threads = self.workspace.threads(4.0 * new.rows * new.columns_of(fits))
        weights = new.each(weights, fits, np.float64)
        kernels.extrapolate_many(new.flat, old.flat, new.rows, (new.columns, fits), weights, rising, threads)

    def sweep(
        self, G: GramBatch, C: FactorBatch, F: FactorBatch, fits: np.ndarray, most: np.ndarray, stop: float
    ) -> np.ndarray:
        """Coordinate sweeps over F in place, at most `most` of each fit; returns the values of `Workspace.sweep`."""
        if F.rows > self.workspace.sweep_rows(F.widest(fits), int(most.max(initial=1))):
            each = zip(fits.tolist(), most.tolist(), strict=True)
            return np.array([self.workspace.sweep(G[f], C[f], F[f], sweeps, stop) for f, sweeps in each])
        all_most, stops, moved = F.each(most, fits, np.int64), np.full(len(F.ranks), stop), np.empty(len(F.ranks))
        for part in self._groups(fits, 2.0 * F.rows * np.square(F.widths[fits]) * most):
            stack, most_of_part = (F.columns, part), float(all_most[part].max(initial=0))
            threads = self.workspace.threads(2.0 * F.rows * F.sum_of_squares(part) * most_of_part)
            scratch = self.workspace.reserve(kernels.sweep_many_scratch(stack, G.first, threads), F.flat.dtype)
            arrays = C.flat, F.flat, F.rows, stack, all_most, stops, scratch, moved
            kernels.sweep_many(G.flat, G.first, *arrays, threads)
        return moved[fits]

    def multiply(
        self, F: FactorBatch, num: FactorBatch, den: FactorBatch, exponent: float, floor: float, fits: np.ndarray
    ) -> np.ndarray:
        """F <- max(floor mean F_t, F (num / den)^exponent); returns the values of `Workspace.multiply`."""
        least = self.column_sums(F, fits, FactorBatch(1, F.ranks, FLOAT64)).flat
        least *= floor
        least /= F.rows
        moved, threads = np.empty(len(F.ranks)), self.workspace.threads(8.0 * F.rows * F.columns_of(fits))
        stacks = F.flat, num.flat, den.flat, den.rows, F.rows, (F.columns, fits), least
        kernels.multiply_many(*stacks, exponent, moved, threads)
        return moved[fits]
