"""The checks of non-negative least squares: every way to state the problem becomes one."""

from typing import Any, NamedTuple

import numpy as np

from .._checks import InputError, InputTypeError, check_choice, check_count, check_matrix, check_number, refuse_entries
from .._runtime import Workspace
from ..data import as_data

METHODS = {name: name for name in ("bpp", "hals")}


class Equations(NamedTuple):
    """Normal equations for Y' in units that neither overflow nor vanish: row t of Y is 2**exponents[t] times it."""

    G: np.ndarray
    C: np.ndarray
    """X'B, a row for each right-hand side."""
    exponents: np.ndarray
    vector: bool
    """Whether there was one right-hand side, given as a vector."""
    workspace: Workspace


def equations(B: Any, X: Any, G: Any, C: Any, n_threads: int) -> Equations:
    """The normal equations that are given, or those of B and X."""
    given = {name for name, value in {"B": B, "X": X, "G": G, "C": C}.items() if value is not None}
    if given == {"B", "X"}:
        return _of_matrices(B, X, n_threads)
    if given == {"G", "C"}:
        return _of_normal(G, C, n_threads)
    raise InputTypeError(f"nnls was given {', '.join(sorted(given)) or 'nothing'}; wanted B and X, or G and C")


def _of_matrices(B: Any, X: Any, n_threads: int) -> Equations:
    B = _finite(B, "B")
    X, vector = _as_columns(X)
    held, workspace = as_data(X, n_threads, signed=True)
    if held.shape[0] != len(B):
        raise InputError(f"B has {len(B)} rows and X {held.shape[0]}; wanted as many")
    of_B = np.frexp(np.abs(B).max(axis=0))[1]
    B = _scaled(B, -of_B).astype(held.dtype, copy=False)
    C = held.T.dot(B, np.empty((held.shape[1], B.shape[1]), held.dtype))
    return Equations(workspace.gram(B), C, held.measures.exponent - of_B, vector, workspace)


def _of_normal(G: Any, C: Any, n_threads: int) -> Equations:
    G = _gram(_finite(G, "G"))
    C, vector = _as_columns(C)
    C = _finite(C, "C")
    if len(C) != len(G):
        raise InputError(f"C has {len(C)} rows and G {len(G)}; wanted as many")
    diagonal = G.diagonal()
    unbounded = np.flatnonzero((diagonal == 0) & (C.max(axis=1) > 0))
    if len(unbounded):
        t = unbounded[0]
        raise InputError(f"C has positive entries in row {t}, where G[{t}, {t}] is 0: the objective has no minimum")
    of_G = np.frexp(diagonal)[1] >> 1
    largest = np.abs(C).max(axis=1)
    of_C = int(np.max(np.frexp(largest)[1] - of_G, where=largest > 0, initial=-(2**15)))
    G = _scaled(_scaled(G, -of_G), -of_G[:, None])
    return Equations(G, _scaled(C.T, -(of_C + of_G)), of_C - of_G, vector, Workspace(C.dtype, n_threads))


def _as_columns(X: Any) -> tuple[Any, bool]:
    """X, as a matrix of one column where it is a vector, and whether it was one."""
    try:
        vector = not hasattr(X, "tocsr") and np.ndim(X) == 1
    except ValueError:  # ragged, which the next check answers
        vector = False
    return (np.asanyarray(X)[:, None], True) if vector else (X, False)


def _finite(X: Any, name: str) -> np.ndarray:
    X = check_matrix(X, name)
    if not np.all(np.isfinite(X)):
        refuse_entries(X, name)
    return X


@np.errstate(under="ignore")
def _scaled(X: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    return np.ldexp(X, exponents, order="C")


def _gram(G: np.ndarray) -> np.ndarray:
    """G in float64, which must be symmetric, and what no B'B is for its diagonal refused."""
    if G.shape[0] != G.shape[1]:
        raise InputError(f"G has shape {G.shape}; wanted a square, B'B")
    if not G.diagonal().min() >= 0:
        t = int(np.argmin(G.diagonal()))
        raise InputError(f"G[{t}, {t}] is {G[t, t]}; wanted B'B, whose diagonal is >= 0")
    tolerance = float(np.finfo(G.dtype).eps) ** 0.5
    G = G.astype(np.float64, copy=False)
    root = np.sqrt(G.diagonal())
    bound = np.outer(root, root)
    i, j = _worst(np.abs(G - G.T) - tolerance * bound)
    if abs(G[i, j] - G[j, i]) > tolerance * bound[i, j]:
        raise InputError(f"G[{i}, {j}] is {G[i, j]} and G[{j}, {i}] is {G[j, i]}; wanted a symmetric matrix, B'B")
    i, j = _worst(np.abs(G) - (1 + tolerance) * bound)
    if abs(G[i, j]) > (1 + tolerance) * bound[i, j]:
        raise InputError(f"G[{i}, {j}] is {G[i, j]}, more than the root of its diagonal entries' product; wanted B'B")
    return 0.5 * G + 0.5 * G.T


def _worst(excess: np.ndarray) -> tuple[int, int]:
    i, j = np.unravel_index(np.argmax(excess), excess.shape)
    return int(i), int(j)


def sweeps(method: Any, max_iter: Any, tol: Any) -> tuple[int, float] | None:
    """The number of sweeps of "hals" and the tolerance where they end; None for "bpp", which takes neither."""
    if check_choice(method, "method", METHODS) == "hals":
        return (
            1000 if max_iter is None else check_count(max_iter, "max_iter", 1),
            1e-6 if tol is None else check_number(tol, "tol"),
        )
    for name, value in {"max_iter": max_iter, "tol": tol}.items():
        if value is not None:
            raise InputError(f"{name} is an option of method='hals'; method='bpp' is exact and takes none")
    return None
