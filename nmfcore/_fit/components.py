"""Sizes and scales of components, computed with separate exponents so that no intermediate result overflows."""

from collections.abc import Callable

import numpy as np

Norm = Callable[[np.ndarray], np.ndarray]

# Norms of the rows of a matrix >= 0 with entries up to 1.
NORMS = {
    "l1": lambda F: F.sum(axis=1),
    "l2": lambda F: np.sqrt(np.square(F).sum(axis=1)),
    "max": lambda F: F.max(axis=1),
}
SIZES = {"share": NORMS["l1"], "norm": NORMS["l2"]}  # the size of a component is the product over both factors
LAST = np.iinfo(np.intc).max


def sizes(F: np.ndarray, norm: Norm) -> tuple[np.ndarray, np.ndarray]:
    """Norms of the columns of a factor as mantissas and exponents of 2; (0, any) for a zero column."""
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
    """The share of each component in the sum of the entries of W H; 0 for all if the sum is 0."""
    (of_W, exponents_of_W), (of_H, exponents_of_H) = sizes(W, SIZES["share"]), sizes(Ht, SIZES["share"])
    exponents = np.where(of_W * of_H > 0, exponents_of_W + exponents_of_H, -LAST // 2)
    with np.errstate(under="ignore"):
        amounts = np.ldexp(of_W * of_H, exponents - exponents.max())
    return amounts / (amounts.sum() or 1.0)


def normalized(F: np.ndarray, B: np.ndarray, norm: Norm) -> tuple[np.ndarray, np.ndarray]:
    """F with columns of norm 1, and B multiplied by their norms; a zero column of F stays, and so does that of B."""
    mantissas, exponents = sizes(F, norm)
    nonzero = (mantissas > 0) & np.isfinite(mantissas)
    mantissas, exponents = np.where(nonzero, mantissas, 1), np.where(nonzero, exponents, 0)
    return _times(F, np.divide, mantissas, -exponents), _times(B, np.multiply, mantissas, exponents)


@np.errstate(over="ignore", under="ignore")
def _times(F: np.ndarray, operation: np.ufunc, mantissas: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Columns multiplied or divided by mantissas, times powers of two, in one rounding and the dtype of F."""
    values, own = np.frexp(F)
    return np.ldexp(operation(values, mantissas), own + exponents, order="C").astype(F.dtype, copy=False)
