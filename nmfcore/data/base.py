"""What the losses see of X: the protocol that every kind of storage implements."""

from typing import Protocol

import numpy as np


class Data(Protocol):
    """An m x n matrix X >= 0, seen from its rows; `T` is the same matrix seen from its columns.

    All products, norms and entries are those of X times 2**-exponent, whose largest entry lies in [1, 4): squares and
    products neither overflow nor vanish, and a power of two changes no bit but the exponents.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    exponent: int
    size: int
    """Entries that a product visits."""
    mean: float
    squared_norm: float
    """||X||_F^2; NaN or infinite where X has such an entry."""
    smallest: float
    """The smallest entry, without the power of two, which might make it vanish."""
    largest: float

    @property
    def T(self) -> "Data":
        """The transpose, without a copy."""
        ...

    def dot(self, B: np.ndarray, out: np.ndarray) -> np.ndarray:
        """out = X B for B (n x k), out (m x k)."""
        ...

    def squared_residual(self, F: np.ndarray, B: np.ndarray) -> float:
        """||X - F B'||_F^2 summed entry by entry, for F (m x k), B (n x k); no m x n array is made."""
        ...
