"""The protocols of the storages: what losses, solvers and starts may ask of X.

`Data` is what every storage has. `UnweightedData` adds what exists only where all entries count the same,
`WeightedData` what weighted least squares needs.

Scaling. A fit works on X times a power of two, chosen so that the largest entry lies in [1, 4), or nearer to that
where entries are next to the smallest numbers. The factor is applied where X is multiplied; X is never copied for it.
Entries of 1e-150 and of 1e150 therefore work, and from given factors a fit of 2^p X has the bits of the fit of X.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, TypeGuard

import numpy as np

from .._runtime import BatchKernels, FactorBatch, Quadratic, RowTerms, SweepBounds, Workspace

ROOM = {np.dtype(np.float32): 24, np.dtype(np.float64): 100}  # bits between the largest scale and the largest number
NOTHING = np.empty(0, dtype=np.intp)


class Measures(NamedTuple):
    """Statistics of X from one reading of it, all but `smallest` for X times 2**-exponent."""

    exponent: int
    mean: float
    """The mean of the entries, weighted where they have weights."""
    squared_norm: float
    """||X||_F^2; NaN or infinite if X has such an entry."""
    smallest: float
    """The smallest entry in units of X; times 2**-exponent it might underflow to 0."""
    largest: float
    """The largest absolute entry."""

    def with_exponent(self, exponent: int) -> "Measures":
        """Convert to X times 2**-exponent."""
        scale = math.ldexp(1.0, self.exponent - exponent)
        mean, square, largest = self.mean * scale, self.squared_norm * scale * scale, self.largest * scale
        return Measures(exponent, mean, square, self.smallest, largest)


class Data(Protocol):
    """An m x n matrix X with or without weights, as every storage shows it.

    All products, norms and entries are those of X times 2**-measures.exponent. The largest absolute entry of that
    matrix lies in [1, 4), so squares and products neither overflow nor underflow. X is >= 0 except in `nnls`, which
    uses products only. With weights Omega the matrix of the products is Omega o X.
    """

    @property
    def shape(self) -> tuple[int, int]:
        """(m, n)."""
        ...

    @property
    def dtype(self) -> np.dtype:
        """float32 or float64."""
        ...

    @property
    def size(self) -> int:
        """Number of entries that a product reads."""
        ...

    @property
    def workspace(self) -> Workspace:
        """Scratch memory and threads of the fit."""
        ...

    @property
    def measures(self) -> Measures:
        """Mean, norm and range of X; weighted if X has weights."""
        ...

    @property
    def weighted(self) -> bool:
        """Whether entries have weights: then X is a `WeightedData`, otherwise an `UnweightedData`."""
        ...

    @property
    def total(self) -> float:
        """The sum of the weights; without weights the number of entries."""
        ...

    @property
    def unobserved(self) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the rows and of the columns of X without a positive weight."""
        ...

    @property
    def T(self) -> "Data":
        """The transpose, on the same memory."""
        ...

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """Compute out = X B for B (n x k) and out (m x k)."""
        ...

    def fingerprints(self) -> tuple[int, ...]:
        """Numbers of 64 bits that tell X, and its weights, from others; see `_core/fingerprint.pxi`."""
        ...

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """||X - F B'||_F^2 summed entry by entry, for F (m x k) and B (n x k), without an m x n array."""
        ...

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
        """Compute num = P B and den = Q B, the two parts of the gradient at (F, B); return the objective.

        The objective is 0 unless `evaluate` is set. Without weights, Kullback-Leibler leaves den unwritten. For
        family and parameter see `_core.kernels.split_step`.
        """
        ...

    def minimise_rows(self, F: np.ndarray, B: np.ndarray, beta: float, added: RowTerms) -> float:
        """Minimise the beta-divergence over F, in place, for beta from 1 to 2; see `_core.kernels.newton`."""
        ...


class UnweightedData(Data, Protocol):
    """X whose entries all count the same."""

    @property
    def T(self) -> "UnweightedData":
        """The transpose, on the same memory."""
        ...

    def with_exponent(self, exponent: int) -> "UnweightedData":
        """The same X times 2**-exponent."""
        ...

    def row_slice(self, first: int, last: int) -> "UnweightedData":
        """The rows first ... last - 1 of X, with the same power of two."""
        ...

    def take(self, rows: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copy rows of X to a dense array."""
        ...

    def squared_row_norms(self, weights: np.ndarray) -> np.ndarray:
        """Sum of (weights_i X_ij)^2 over j for each row i, in float64."""
        ...

    def dot_many(self, B: FactorBatch, out: FactorBatch, fits: np.ndarray, kernels: BatchKernels) -> None:
        """Compute `dot` for several fits in one reading of X."""
        ...

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
        """Compute `split_step` for several fits; return their objectives."""
        ...

    def descent(self, F: np.ndarray, B: np.ndarray, sums: np.ndarray, sweeps: int) -> float:
        """Sweep over the coordinates of F for the Kullback-Leibler divergence; see `_core.kernels.descent`."""
        ...


class WeightedData(Data, Protocol):
    """X whose entries have weights omega >= 0, with the updates of weighted least squares.

    Each row of a factor has a Gram matrix of its own, sum_j omega_ij b_j b_j'. These are never stored together: `sweep`
    builds them one after the other.
    """

    @property
    def T(self) -> "WeightedData":
        """The transpose, on the same memory."""
        ...

    def curvature(self, B: np.ndarray) -> np.ndarray:
        """Sum of omega_ij b_jt^2 over j (m x k): the diagonals of the Gram matrices of the rows."""
        ...

    @property
    def lists_entries(self) -> bool:
        """Whether the entries with a weight are no more than a product reads, so that a row can visit its own."""
        ...

    def shared_quadratic(self, G: np.ndarray, B: np.ndarray, out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(G, C) of the part of the normal equations that all rows share, given G = B'B; C may be written to out."""
        ...

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
        """Sweep over the coordinates of F in place.

        shared is that of `shared_quadratic`, added the quadratic of the penalties. A row stops when a sweep moves it by
        at most `stop` times what its first sweep did. Returns the squared change of the first sweep, in the metric of
        the Gram matrices, and half the weighted squared residual after the last one.
        """
        ...

    def costs(self, k: int) -> tuple[float, float]:
        """Flop that an update of a factor with k components needs before its sweeps, and flop of each sweep."""
        ...


def is_unweighted(data: Data) -> TypeGuard[UnweightedData]:
    """Whether all entries of X count the same."""
    return not data.weighted


def is_weighted(data: Data) -> TypeGuard[WeightedData]:
    """Whether the entries of X have weights."""
    return data.weighted


def measure(scan: Callable[[float], tuple[float, float, float, float]], size: float, dtype: np.dtype) -> Measures:
    """Measure X by one reading, or by two if the squares of its entries overflow or underflow.

    scan(scale) returns the sum and the sum of squares of scale X, then the smallest and the largest entry of X. size is
    the number of entries, or the sum of their weights.
    """
    total, squares, low, high = scan(1.0)
    largest = max(high, -low)
    exponent = math.frexp(largest)[1] - 1 if largest > 0 else 0
    # 2**-exponent must be finite in the dtype, also times an entry of a factor, which products are scaled with.
    exponent = max(exponent, ROOM[np.dtype(dtype)] - np.finfo(dtype).maxexp)
    exponent -= exponent % 2  # even, so that each factor can take half of it
    scale = math.ldexp(1.0, -exponent)
    if 1e-250 < squares < 1e250 or largest <= 0:
        total, squares = math.ldexp(total, -exponent), math.ldexp(squares, -2 * exponent)
    else:
        total, squares, *_ = scan(scale)
    return Measures(exponent, total / size, squares, low, high * scale)
