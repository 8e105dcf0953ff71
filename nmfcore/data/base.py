"""What the losses see of X: the protocol that every kind of storage implements, and what all of them measure."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from .._runtime import BatchKernels, FactorBatch

NOTHING = np.empty(0, dtype=np.intp)


class Measures(NamedTuple):
    """What one reading of X tells, of X times 2**-exponent."""

    exponent: int
    mean: float
    squared_norm: float
    """||X||_F^2; NaN or infinite where X has such an entry."""
    smallest: float
    """The smallest entry, without the power of two, which might make it vanish."""
    largest: float

    def with_exponent(self, exponent: int) -> "Measures":
        """The same of X times 2**-exponent."""
        scale = math.ldexp(1.0, self.exponent - exponent)
        mean, square, largest = self.mean * scale, self.squared_norm * scale * scale, self.largest * scale
        return Measures(exponent, mean, square, self.smallest, largest)


class Data(Protocol):
    """An m x n matrix X, seen from its rows; `T` is the same matrix seen from its columns.

    All products, norms and entries are those of X times 2**-exponent, whose largest absolute entry lies in [1, 4):
    squares and products neither overflow nor vanish, and a power of two changes no bit but the exponents. X >= 0 but in
    `nnls`, which asks for products alone.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    size: int
    """Entries that a product visits."""
    measures: Measures
    weighted: bool
    """Whether entries have weights; then the norm, the mean, residuals, steps and objectives are weighted."""
    total: float
    """The sum of the weights; without them the number of entries."""
    unobserved: tuple[np.ndarray, np.ndarray]
    """The rows and the columns of X without a positive weight."""

    @property
    def T(self) -> "Data":
        """The transpose, without a copy."""
        ...

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out = X B for B (n x k), out (m x k)."""
        ...

    def dot_many(self, B: FactorBatch, out: FactorBatch, fits: np.ndarray, kernels: BatchKernels) -> None:
        """out = X B for those fits, in one reading of X."""
        ...

    def take(self, rows: Sequence[int]) -> np.ndarray:
        """Those rows of X as a new dense array."""
        ...

    def squared_row_norms(self, weights: np.ndarray) -> np.ndarray:
        """Sum of (weights_i X_ij)^2 over j for each row i, in float64."""
        ...

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """||X - F B'||_F^2 summed entry by entry, for F (m x k), B (n x k); no m x n array is made."""
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
        """num = P B and den = Q B, the parts of the gradient at (F, B); for Kullback-Leibler den is left alone.

        family and parameter: see `_core.kernels.split_step`. Returns the objective, if asked to evaluate.
        """
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
        """`split_step` for those fits, and what it returns."""
        ...

    def descent(self, F: np.ndarray, B: np.ndarray, sums: np.ndarray, sweeps: int) -> float:
        """Coordinate sweeps over F for the Kullback-Leibler divergence; see `_core.kernels.descent`."""
        ...


def measure(scan: Callable[[float], tuple[float, float, float, float]], size: int, dtype: np.dtype) -> Measures:
    """The measures of X by one reading of it, and a second one where the squares of its entries overflow or vanish.

    scan(scale) gives the sum and the sum of squares of scale X, then the smallest and the largest entry of X.
    """
    total, squares, low, high = scan(1.0)
    largest = max(high, -low)
    exponent = math.frexp(largest)[1] - 1 if largest > 0 else 0
    exponent = max(exponent, 8 - np.finfo(dtype).maxexp)  # 2**-exponent must be a number of the dtype, too
    exponent -= exponent % 2  # even, so that each factor can take one half of it
    scale = math.ldexp(1.0, -exponent)
    if 1e-250 < squares < 1e250 or largest <= 0:
        total, squares = math.ldexp(total, -exponent), math.ldexp(squares, -2 * exponent)
    else:
        total, squares, *_ = scan(scale)
    return Measures(exponent, total / size, squares, low, high * scale)
