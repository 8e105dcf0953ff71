"""Checks of the arguments of non-negative least squares."""

from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError, check_choice, check_count, check_matrix, check_number, refuse_entries

METHODS = {name: name for name in ("bpp", "hals")}


def check_given(B: Any, X: Any, G: Any, C: Any) -> bool:
    """Whether B and X state the problem; else G and C do."""
    names = {name for name, value in {"B": B, "X": X, "G": G, "C": C}.items() if value is not None}
    if names not in ({"B", "X"}, {"G", "C"}):
        raise InputTypeError(f"nnls was given {', '.join(sorted(names)) or 'nothing'}; wanted B and X, or G and C")
    return names == {"B", "X"}


def check_finite(X: Any, name: str) -> np.ndarray:
    """A dense matrix of finite numbers."""
    X = check_matrix(X, name)
    if not np.all(np.isfinite(X)):
        refuse_entries(X, name)
    return X


def check_rows(B: np.ndarray, rows: int) -> None:
    """Refuse a B with another number of rows than X."""
    if rows != len(B):
        raise InputError(f"B has {len(B)} rows and X has {rows}; wanted the same number")


def check_gram(G: np.ndarray) -> None:
    """Refuse a matrix that cannot be B'B: not symmetric, or with an entry beyond what its diagonal allows."""
    if G.shape[0] != G.shape[1]:
        raise InputError(f"G has shape {G.shape}; wanted a square, B'B")
    if not G.diagonal().min() >= 0:
        t = int(np.argmin(G.diagonal()))
        raise InputError(f"G[{t}, {t}] is {G[t, t]}; wanted B'B, whose diagonal is >= 0")
    tolerance = float(np.finfo(G.dtype).eps) ** 0.5
    G = G.astype(np.float64, copy=False)
    root = np.sqrt(G.diagonal())
    bound = np.outer(root, root)
    i, j = _argmax(np.abs(G - G.T) - tolerance * bound)
    if abs(G[i, j] - G[j, i]) > tolerance * bound[i, j]:
        raise InputError(f"G[{i}, {j}] is {G[i, j]} and G[{j}, {i}] is {G[j, i]}; wanted a symmetric matrix, B'B")
    i, j = _argmax(np.abs(G) - (1 + tolerance) * bound)
    if abs(G[i, j]) > (1 + tolerance) * bound[i, j]:
        raise InputError(
            f"G[{i}, {j}] is {G[i, j]}, more than the root of G[{i}, {i}] G[{j}, {j}]; wanted B'B, where no entry is"
        )


def _argmax(excess: np.ndarray) -> tuple[int, int]:
    i, j = np.unravel_index(np.argmax(excess), excess.shape)
    return int(i), int(j)


def check_right_hand_sides(C: np.ndarray, G: np.ndarray) -> None:
    """Refuse a C that does not fit G, or with which the objective has no minimum."""
    if len(C) != len(G):
        raise InputError(f"C has {len(C)} rows and G has {len(G)}; wanted the same number")
    unbounded = np.flatnonzero((G.diagonal() == 0) & (C.max(axis=1) > 0))
    if len(unbounded):
        t = unbounded[0]
        raise InputError(f"C has positive entries in row {t}, where G[{t}, {t}] is 0: the objective has no minimum")


def check_sweeps(method: Any, max_iter: Any, tol: Any) -> tuple[int, float] | None:
    """The most sweeps of "hals" and its tolerance; None for "bpp", which takes neither."""
    if check_choice(method, "method", METHODS) == "hals":
        return (
            1000 if max_iter is None else check_count(max_iter, "max_iter", 1),
            1e-6 if tol is None else check_number(tol, "tol"),
        )
    for name, value in {"max_iter": max_iter, "tol": tol}.items():
        if value is not None:
            raise InputError(f"{name} is an option of method='hals'; method='bpp' is exact and takes none")
    return None
