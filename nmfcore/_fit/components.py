"""Sizes and scales of components, computed with exponents of their own, so that nothing overflows on the way."""

from collections.abc import Callable

import numpy as np

Norm = Callable[[np.ndarray], np.ndarray]

# Of the rows of a matrix >= 0 with entries up to 1.
NORMS = {
    "l1": lambda F: F.sum(axis=1),
    "l2": lambda F: np.sqrt(np.square(F).sum(axis=1)),
    "max": lambda F: F.max(axis=1),
}
SIZES = {"share": NORMS["l1"], "norm": NORMS["l2"]}  # of which a component has the product over both factors
LAST = np.iinfo(np.intc).max


def sizes(F: np.ndarray, norm: Norm) -> tuple[np.ndarray, np.ndarray]:
    """Norms of the columns of a factor: mantissas and exponents of 2; (0, any) of zero."""
    exponents = np.frexp(F.max(axis=0))[1]
    with np.errstate(under="ignore"):
        mantissas, more = np.frexp(norm(np.ldexp(F.T, -exponents[:, None], dtype=np.float64, order="C")))
    return mantissas, exponents + more


def ranking(W: np.ndarray, Ht: np.ndarray, size: Norm) -> np.ndarray:
    """The components from the largest to the smallest; those of equal size stay in their order."""
    (of_W, exponents_of_W), (of_H, exponents_of_H) = sizes(W, size), sizes(Ht, size)
    mantissas, more = np.frexp(of_W * of_H)
    exponents = exponents_of_W + exponents_of_H + more
    return np.lexsort((-mantissas, np.where(mantissas > 0, -exponents, LAST)))


def shares(W: np.ndarray, Ht: np.ndarray) -> np.ndarray:
    """What share of the sum of the entries of W H each component has; 0 for all where that is 0."""
    (of_W, exponents_of_W), (of_H, exponents_of_H) = sizes(W, SIZES["share"]), sizes(Ht, SIZES["share"])
    exponents = np.where(of_W * of_H > 0, exponents_of_W + exponents_of_H, -LAST // 2)
    with np.errstate(under="ignore"):
        amounts = np.ldexp(of_W * of_H, exponents - exponents.max())
    return amounts / (amounts.sum() or 1.0)


def moved(F: np.ndarray, B: np.ndarray, norm: Norm) -> tuple[np.ndarray, np.ndarray]:
    """F with columns of norm 1, and B with their norms; columns of zeros stay, and those of B beside them."""
    mantissas, exponents = sizes(F, norm)
    there = (mantissas > 0) & np.isfinite(mantissas)
    mantissas, exponents = np.where(there, mantissas, 1), np.where(there, exponents, 0)
    return _times(F, np.divide, mantissas, -exponents), _times(B, np.multiply, mantissas, exponents)


@np.errstate(over="ignore", under="ignore")
def _times(F: np.ndarray, operation: np.ufunc, mantissas: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Columns times or over mantissas, times powers of two, in one rounding and the dtype of F."""
    found, own = np.frexp(F)
    return np.ldexp(operation(found, mantissas), own + exponents, order="C").astype(F.dtype, copy=False)
