"""The normal equations of non-negative least squares, in units in which nothing overflows or vanishes."""

from typing import Any, NamedTuple

import numpy as np

from .._runtime import Workspace
from ..data import as_data
from .check_nnls import check_finite, check_gram, check_right_hand_sides, check_rows


class NormalEquations(NamedTuple):
    """G Y = C for Y >= 0 in scaled units: row t of Y is 2**exponents[t] times the scaled one."""

    G: np.ndarray
    C: np.ndarray
    """X'B, with a row for each right-hand side."""
    exponents: np.ndarray
    is_vector: bool
    """Whether the right-hand side was a vector."""
    workspace: Workspace


def from_matrices(B: Any, X: Any, n_threads: int) -> NormalEquations:
    """Normal equations from B and X; each column of B is scaled."""
    B = check_finite(B, "B")
    X, is_vector = _as_columns(X)
    data, workspace = as_data(X, n_threads, signed=True)
    check_rows(B, data.shape[0])
    of_B = np.frexp(np.abs(B).max(axis=0))[1]
    B = _scale(B, -of_B).astype(data.dtype, copy=False)
    C = data.T.dot(B, np.empty((data.shape[1], B.shape[1]), data.dtype))
    return NormalEquations(workspace.gram(B), C, data.measures.exponent - of_B, is_vector, workspace)


def from_gram(G: Any, C: Any, n_threads: int) -> NormalEquations:
    """Normal equations from G = B'B and C = B'X; G is computed with in float64."""
    G = check_finite(G, "G")
    check_gram(G)
    C, is_vector = _as_columns(C)
    C = check_finite(C, "C")
    check_right_hand_sides(C, G)
    G = G.astype(np.float64, copy=False)
    G = 0.5 * G + 0.5 * G.T
    of_G = np.frexp(G.diagonal())[1] >> 1
    largest = np.abs(C).max(axis=1)
    of_C = int(np.max(np.frexp(largest)[1] - of_G, where=largest > 0, initial=-(2**15)))
    G = _scale(_scale(G, -of_G), -of_G[:, None])
    C = _scale(C.T, -(of_C + of_G))
    return NormalEquations(G, C, of_C - of_G, is_vector, Workspace(C.dtype, n_threads))


def _as_columns(X: Any) -> tuple[Any, bool]:
    """X, where a vector becomes a matrix of one column, and whether it was a vector."""
    try:
        is_vector = not hasattr(X, "tocsr") and np.ndim(X) == 1
    except ValueError:  # a ragged list, which the check of X refuses
        is_vector = False
    return (np.asanyarray(X)[:, None], True) if is_vector else (X, False)


@np.errstate(under="ignore")
def _scale(X: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """X times powers of two."""
    return np.ldexp(X, exponents, order="C")
