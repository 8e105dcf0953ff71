"""The kernels of one fit, with their scratch memory and their threads."""

import math
from typing import Any

import numpy as np

from .._core import kernels
from .calls import call_size, even_parts, is_one_call, parts, sweep_parts, task_parts, term_parts
from .threads import ThreadBudget, enter_region

PARALLEL_FLOP = 2e5  # below this a second thread costs more than it saves
PATIENT_FLOP = 1e9  # from here on all threads are used, even if they share processors
PRODUCT_ROWS = 8192  # least rows of a call: from here a product has a single stretch, so the cut changes no bit
SPLIT_ROWS = 192  # a multiple of the rows of a task of `_core.kernels.split_step`
DESCENT_ROWS = 8  # of a task of `_core.kernels.descent`
PIVOT_ROWS = 64  # at least of one call of `_core.kernels.pivot`, so that its lanes are full
STEP_ROWS = 64  # a multiple of the rows that `_core.kernels.project_steps` takes side by side
SWEEP_ROWS = 64  # of a group of `_core.kernels.sweep`
SPLIT_TERMS = 1024  # a multiple of the terms that a block of `_core.kernels.split_step` has at most
SCAN_FLOP = 20  # flop that take as long as reading an entry
POWERS_FLOP = 200  # flop that take as long as the powers of an entry
PROJECTION_FLOP = 60  # for an entry: the moments of a few rounds
MOST_EXCHANGES = 5  # times k, of block principal pivoting; a few are usual
CACHE_LINE = 64
FLOAT64, INT32 = np.dtype(np.float64), np.dtype(np.int32)
LEAST_SCRATCH = 16384  # entries, so that the memory of small problems is allocated once


def aligned_empty(size: int, dtype: np.dtype) -> np.ndarray:
    """Return a flat array that starts at a cache line, so that no vector of a tile crosses one."""
    dtype = np.dtype(dtype)
    raw = np.empty(size * dtype.itemsize + CACHE_LINE, dtype=np.uint8)
    start = -raw.__array_interface__["data"][0] % CACHE_LINE
    return raw[start : start + size * dtype.itemsize].view(dtype)


class Workspace:
    """Scratch memory, which grows where a call needs more, and a number of threads.

    The methods call the kernels of `_core` for arrays of one dtype. Sums are float64. See `_core/kernels.pyi` for the
    shapes of the arrays.
    """

    def __init__(self, dtype: np.dtype, n_threads: int) -> None:
        self.dtype = np.dtype(dtype)
        self._budget = ThreadBudget(n_threads)
        self._scratch: dict[np.dtype, np.ndarray] = {}

    def reserve(self, size: int, dtype: np.dtype) -> np.ndarray:
        """Return scratch memory of at least `size` entries, the same memory at each call."""
        memory = self._scratch.get(dtype)
        if memory is None or memory.size < size:
            memory = self._scratch[dtype] = aligned_empty(max(size, LEAST_SCRATCH), dtype)
        return memory

    def threads(self, flop: float) -> int:
        """Return the number of threads for a call of so many flop."""
        if flop >= PATIENT_FLOP:
            return enter_region(self._budget.n_threads)
        return enter_region(self._budget.threads()) if flop > PARALLEL_FLOP else 1

    def product(self, X: np.ndarray, B: np.ndarray, out: np.ndarray, scale: float = 1.0) -> np.ndarray:
        """out = scale X B, for X (rows x terms) with unit stride along one axis, B (terms x k)."""
        (rows, terms), k = X.shape, B.shape[1]
        for part in even_parts(rows, 2 * terms * k, PRODUCT_ROWS):
            block = X[part]
            threads, calls = self.threads(2 * block.size * k), term_parts(terms, 2 * block.size * k)
            scratch = self.reserve(kernels.product_scratch(len(block), terms, k, threads, calls), X.dtype)
            for call in range(calls):
                kernels.product(block, B, scratch, out[part], scale, threads, call, calls)
        return out

    def sparse_product(
        self,
        indptr: np.ndarray,
        indices: np.ndarray,
        data: np.ndarray,
        bounds: np.ndarray,
        B: np.ndarray,
        out: np.ndarray,
        scale: float,
    ) -> np.ndarray:
        """out = scale X B, for X in compressed rows; bounds: see `_core.kernels.sparse_product`."""
        terms, k = B.shape
        flop = 2 * len(data) * k
        threads = self.threads(flop)
        scratch = self.reserve(kernels.sparse_product_scratch(terms, k, threads), self.dtype)
        for part in task_parts(bounds, flop):
            kernels.sparse_product(indptr, indices, data, part, B, scratch, out, scale, threads)
        return out

    def sparse_share(
        self,
        indptr: np.ndarray,
        indices: np.ndarray,
        data: np.ndarray,
        bounds: np.ndarray,
        F: np.ndarray,
        B: np.ndarray,
        num: np.ndarray,
        scale: float,
        evaluate: bool,
    ) -> float:
        """num = (scale X / (F B')) B; returns the value of `_core.kernels.sparse_share`."""
        terms, k = B.shape
        flop = 4 * len(data) * k
        threads = self.threads(flop)
        scratch = self.reserve(kernels.sparse_product_scratch(terms, k, 2 * threads), self.dtype)
        value = 0.0
        for part in task_parts(bounds, flop):
            value += kernels.sparse_share(indptr, indices, data, part, F, B, scratch, num, scale, evaluate, threads)
        return value

    @staticmethod
    def split_rows(terms: int, k: int) -> int:
        """Return the rows of one call of `_core.kernels.split_step`; 0 if a call does not take all terms."""
        flop = (6 * k + POWERS_FLOP) * terms
        return call_size(flop, SPLIT_ROWS) if is_one_call(flop * SPLIT_ROWS) else 0

    def split_step(
        self,
        X: np.ndarray,
        F: np.ndarray,
        B: np.ndarray,
        family: str,
        parameter: float,
        num: np.ndarray,
        den: np.ndarray,
        scale: float,
        evaluate: bool,
        weights: np.ndarray | None = None,
    ) -> float:
        """num and den of a half-step for F; returns the value of `_core.kernels.split_step`.

        A sum of so many terms that a few rows of them take long is cut into sums of as many terms as a call takes.
        """
        rest = family, parameter, scale, evaluate
        if self.split_rows(X.shape[1], B.shape[1]):
            return self._split_step(X, F, B, num, den, weights, *rest)
        value, sums = 0.0, (np.empty_like(num), np.empty_like(den))
        for part in parts(X.shape[1], (6 * B.shape[1] + POWERS_FLOP) * SPLIT_ROWS, SPLIT_TERMS):
            own = None if weights is None else weights[:, part]
            target = sums if part.start else (num, den)
            value += self._split_step(X[:, part], F, B[part], *target, own, *rest)
            if part.start:
                num += sums[0]
                if weights is not None or (family, parameter) != ("beta", 1):  # else den is not written
                    den += sums[1]
        return value

    def _split_step(
        self,
        X: np.ndarray,
        F: np.ndarray,
        B: np.ndarray,
        num: np.ndarray,
        den: np.ndarray,
        weights: np.ndarray | None,
        family: str,
        parameter: float,
        scale: float,
        evaluate: bool,
    ) -> float:
        terms, k = B.shape
        number, value = kernels.FAMILIES[family], 0.0
        for rows in parts(len(X), (6 * k + POWERS_FLOP) * terms, SPLIT_ROWS):
            part, own = X[rows], None if weights is None else weights[rows]
            threads = self.threads(6 * part.size * k)
            scratch = self.reserve(kernels.split_scratch(len(part), terms, k, threads), self.dtype)
            value += kernels.split_step(
                part, F[rows], B, scratch, num[rows], den[rows], number, parameter, scale, evaluate, threads, own
            )
        return value

    def descent(
        self, X: np.ndarray, F: np.ndarray, B: np.ndarray, sums: np.ndarray, sweeps: int, scale: float
    ) -> float:
        """Coordinate sweeps over F in place; returns the value of `_core.kernels.descent`."""
        calls = sweep_parts(sweeps, 20 * DESCENT_ROWS * B.size)
        moved = [self._descent(X, F, B, sums, part, scale) for part in calls]
        return moved[0]

    def _descent(
        self, X: np.ndarray, F: np.ndarray, B: np.ndarray, sums: np.ndarray, sweeps: int, scale: float
    ) -> float:
        terms, k = B.shape
        flop = (2 + 20 * sweeps) * terms * k  # for a row; a division takes as long as many flop
        moved = 0.0
        for rows in parts(len(X), flop, DESCENT_ROWS if is_one_call(flop * DESCENT_ROWS) else 1):
            threads = self.threads(flop * len(X[rows]))
            scratch = self.reserve(kernels.descent_scratch(terms, k, threads), self.dtype)
            moved += kernels.descent(X[rows], F[rows], B, sums, scratch, sweeps, scale, threads)
        return moved

    def sparse_descent(
        self,
        indptr: np.ndarray,
        indices: np.ndarray,
        data: np.ndarray,
        bounds: np.ndarray,
        F: np.ndarray,
        B: np.ndarray,
        sums: np.ndarray,
        sweeps: int,
        scale: float,
    ) -> float:
        """Coordinate sweeps over F in place, along stored entries; see `_core.kernels.sparse_descent`."""
        X = indptr, indices, data, bounds
        calls = sweep_parts(sweeps, 20 * len(data) / (len(bounds) - 1) * B.shape[1] + 1)
        moved = [self._sparse_descent(X, F, B, sums, part, scale) for part in calls]
        return moved[0]

    def _sparse_descent(
        self,
        X: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
        F: np.ndarray,
        B: np.ndarray,
        sums: np.ndarray,
        sweeps: int,
        scale: float,
    ) -> float:
        indptr, indices, data, bounds = X
        flop = (2 + 20 * sweeps) * len(data) * B.shape[1]
        threads = self.threads(flop)
        most = int(np.diff(indptr).max())
        scratch = self.reserve(kernels.descent_scratch(most, B.shape[1], threads), self.dtype)
        moved = 0.0
        for part in task_parts(bounds, flop):
            moved += kernels.sparse_descent(
                indptr, indices, data, part, F, B, sums, scratch, most, sweeps, scale, threads
            )
        return moved

    @staticmethod
    def gram_rows(k: int) -> int:
        """Return the rows of one call of `_core.kernels.gram`."""
        return call_size(k * k)

    def gram(self, F: np.ndarray) -> np.ndarray:
        """F'F (k x k) in float64, whatever the dtype of F, since its error is that of the objective."""
        rows, k = F.shape
        blocks = parts(rows, k * k)
        out = self._gram(F[next(blocks)])
        for part in blocks:
            out += self._gram(F[part])
        return out

    def _gram(self, F: np.ndarray) -> np.ndarray:
        rows, k = F.shape
        threads = self.threads(rows * k * k)
        scratch = self.reserve(kernels.gram_scratch(rows, k, threads), FLOAT64)
        out = np.empty((k, k))
        kernels.gram(F, scratch, out, threads)
        return out

    def inner(self, A: np.ndarray, B: np.ndarray) -> float:
        """Sum of A_ij B_ij."""
        return kernels.inner(A, B, self.threads(2 * A.size))

    def squared_distance(self, A: np.ndarray, B: np.ndarray, scale: float) -> float:
        """Sum of (scale A_ij - B_ij)^2; the rows of A are contiguous."""
        return kernels.squared_distance(A, B, scale, self.threads(3 * A.size))

    def scan(self, X: np.ndarray, scale: float = 1.0) -> tuple[float, float, float, float]:
        """(sum, sum of squares, smallest, largest): the sums of scale X, whose rows are contiguous."""
        total = squares = 0.0
        low, high = math.inf, -math.inf
        for rows in parts(len(X), SCAN_FLOP * X.shape[1], kernels.scan_rows(X.shape[1])):
            threads = self.threads(4 * X[rows].size)
            total, squares, smallest, largest = kernels.scan(X[rows], scale, total, squares, threads)
            low, high = np.fmin(low, smallest), np.fmax(high, largest)
        return total, squares, float(low), float(high)

    def fingerprint(self, X: np.ndarray, scale: float, transposed: bool = False) -> int:
        """A number of 64 bits that tells scale X from another; X has contiguous rows and is X' if `transposed`."""
        steps, value = (1, len(X)) if transposed else (X.shape[1], 1), 0
        for rows in parts(len(X), SCAN_FLOP * X.shape[1]):
            threads = self.threads(4 * X[rows].size)
            value += kernels.fingerprint(X[rows], rows.start * steps[0], *steps, scale, threads)
        return value % 2**64

    def sparse_fingerprint(
        self,
        indptr: np.ndarray,
        indices: np.ndarray,
        data: np.ndarray,
        bounds: np.ndarray,
        scale: float,
        steps: tuple[int, int],
    ) -> int:
        """`fingerprint` of a matrix in compressed rows; steps: (columns, 1), or (1, rows) if it is the transpose."""
        value = 0
        for part in task_parts(bounds, SCAN_FLOP * len(data)):
            threads = self.threads(4 * len(data))
            value += kernels.sparse_fingerprint(indptr, indices, data, part, *steps, scale, threads)
        return value % 2**64

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, rising: bool) -> None:
        """old <- max(0, new + weight (new - old)); with `rising` old <- new where new < old."""
        kernels.extrapolate(new, old, weight, rising, self.threads(4 * new.size))

    def column_sums(self, F: np.ndarray) -> np.ndarray:
        """The sum of each column, in float64."""
        return kernels.column_sums(F, self.threads(F.size))

    def multiply(
        self,
        F: np.ndarray,
        num: np.ndarray,
        den: np.ndarray,
        exponent: float,
        floor: np.ndarray,
        lower: np.ndarray | None = None,
        upper: np.ndarray | None = None,
    ) -> float:
        """F <- max(floor, F (num / den)^exponent); returns the value of `_core.kernels.multiply`."""
        return kernels.multiply(F, num, den, floor, lower, upper, exponent, self.threads(8 * F.size))

    def accumulate(
        self,
        F: np.ndarray,
        num: np.ndarray,
        den: np.ndarray,
        A: np.ndarray,
        B: np.ndarray,
        least: np.ndarray,
        rho: float,
        exponent: float,
    ) -> tuple[float, float]:
        """A step of online updates in place; returns the values of `_core.kernels.accumulate`."""
        return kernels.accumulate(F, num, den, A, B, least, rho, exponent, self.threads(8 * F.size))

    def split_kkt(
        self,
        F: np.ndarray,
        num: np.ndarray,
        den: np.ndarray,
        lower: np.ndarray | None = None,
        upper: np.ndarray | None = None,
    ) -> tuple[float, float]:
        """(sum of den |min(F, mean (1 - num / den))|, sum of F num), with the mean of each column of F."""
        mean = self.column_sums(F) / len(F)
        return kernels.split_kkt(F, num, den, lower, upper, mean, self.threads(8 * F.size))

    def squared_kkt_residual(
        self,
        G: np.ndarray,
        C: np.ndarray,
        F: np.ndarray,
        lower: np.ndarray | None = None,
        upper: np.ndarray | None = None,
    ) -> float:
        """Sum of G_tt min(F_it, gradient_it / G_tt)^2, gradient = F G - C, with the step cut at the bounds."""
        return kernels.squared_kkt_residual(G, C, F, lower, upper, self.threads(2 * F.size * F.shape[1]))

    @staticmethod
    def sweep_rows(k: int, max_sweeps: int) -> int:
        """Return the rows of one call of `_core.kernels.sweep`."""
        return call_size(2 * max_sweeps * k * k, SWEEP_ROWS)

    def sweep(
        self,
        G: np.ndarray,
        C: np.ndarray,
        F: np.ndarray,
        max_sweeps: int,
        stop: float,
        lower: np.ndarray | None = None,
        upper: np.ndarray | None = None,
    ) -> float:
        """Coordinate sweeps over F in place; returns the value of `_core.kernels.sweep`."""
        rows, k = F.shape
        moved = 0.0
        for part in parts(rows, 2 * max_sweeps * k * k, SWEEP_ROWS):
            block, low, high = F[part], _rows_of(lower, part), _rows_of(upper, part)
            threads = self.threads(2 * len(block) * k * k * max_sweeps)
            size, groups = kernels.sweep_scratch(len(block), k, threads)
            scratch, group_moved = self.reserve(size, self.dtype), np.empty(groups)
            moved += kernels.sweep(G, C[part], block, low, high, max_sweeps, stop, scratch, group_moved, threads)
        return moved

    def pivot(self, G: np.ndarray, C: np.ndarray, F: np.ndarray) -> int:
        """Solve for F to the end, in place; returns the value of `_core.kernels.pivot`."""
        rows, k = F.shape
        flop = 4 * (k**3 / 3 + 6 * k**2)  # for a row that takes four systems
        systems = 0
        for part in parts(rows, flop, PIVOT_ROWS):
            block = F[part]
            threads = self.threads(flop * len(block))
            size, marks = kernels.pivot_scratch(k, threads)
            scratch = self.reserve(size, FLOAT64), self.reserve(marks, INT32)
            systems += kernels.pivot(G, C[part], block, MOST_EXCHANGES * k, *scratch, threads)
        return systems

    def project_simplex(self, F: np.ndarray, total: float, axis: int) -> None:
        """Replace each row (axis 1) or column (axis 0) of F by the nearest f >= 0 whose sum is total > 0."""
        self._project(F, False, total, axis)

    def project_hoyer(self, F: np.ndarray, level: float, axis: int) -> None:
        """Replace each row (axis 1) or column (axis 0) of F by the nearest f >= 0 of a sparseness in [0, 1].

        Sparseness (sqrt(n) - ||f||_1 / ||f||_2) / (sqrt(n) - 1) for n entries (Hoyer 2004); the norm is free, and a
        vector without positive entries may become 0.
        """
        self._project(F, True, self.hoyer_target(F.shape[axis], level), axis)

    @staticmethod
    def hoyer_target(n: int, level: float) -> float:
        """Return the squared sum of a unit vector of n entries and that sparseness, without round-off at 0 and 1."""
        return (math.sqrt(n) * (1 - level) + level) ** 2 if level > 0 else n

    def project_steps(
        self,
        G: np.ndarray,
        C: np.ndarray,
        F: np.ndarray,
        bound: float,
        hoyer: bool,
        target: float,
        most: int,
        stop: float,
    ) -> float:
        """Accelerated projected gradient steps of the rows of F, in place. bound: of the eigenvalues of G.

        Returns the value of `_core.kernels.project_steps`, the squared first step, times bound.
        """
        k = F.shape[1]
        A = (np.eye(k) - G / bound).astype(F.dtype)
        flop = (2 * k + PROJECTION_FLOP) * k * most
        moved = 0.0
        for part in parts(len(F), flop, STEP_ROWS):
            block = F[part]
            threads = self.threads(flop * len(block))
            size, wide, groups = kernels.step_scratch(len(block), k, threads)
            arrays = self.reserve(size, self.dtype), aligned_empty(wide, FLOAT64), np.empty(groups)
            moved += kernels.project_steps(A, C[part], 1 / bound, block, hoyer, target, most, stop, *arrays, threads)
        return bound * moved

    def alternate(
        self,
        X: np.ndarray,
        factors: list[np.ndarray],
        precision: np.ndarray,
        course: np.ndarray,
        numbers: tuple[float, ...],
        kinds: tuple[Any, ...],
        values: np.ndarray,
        first: int,
    ) -> bool:
        """Many iterations in one call; returns the value of `_core.kernels.alternate`."""
        threads = self.threads(2.0 * X.size * factors[0].shape[1])
        m, n = X.shape
        sizes = kernels.alternate_scratch(m, n, factors[0].shape[1], kinds[0], threads)
        scratch, memory = self.reserve(sizes[0], self.dtype), np.empty(sizes[1])
        small = PARALLEL_FLOP
        return kernels.alternate(
            X, factors, precision, course, numbers, kinds, values, first, small, scratch, memory, threads
        )

    def _project(self, F: np.ndarray, hoyer: bool, target: float, axis: int) -> None:
        threads = self.threads(PROJECTION_FLOP * F.size)
        if axis == 0:
            kernels.project_columns(F, hoyer, target, threads)
            return
        size, wide = kernels.project_scratch(F.shape[1], threads)
        arrays = self.reserve(size, self.dtype), aligned_empty(wide, FLOAT64)
        for part in parts(len(F), PROJECTION_FLOP * F.shape[1]):
            kernels.project_rows(F[part], hoyer, target, *arrays, threads)


def _rows_of(bound: np.ndarray | None, rows: slice) -> np.ndarray | None:
    """Some rows of a bound, which may be None or one row for all."""
    return bound if bound is None or len(bound) == 1 else bound[rows]
