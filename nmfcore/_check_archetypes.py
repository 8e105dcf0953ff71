"""The checks of archetypal analysis."""

from typing import Any

import numpy as np

from . import _check
from ._archetypes_start import STARTS
from ._numbers import choice, listed, number
from ._workspace import Workspace
from .data import Data


def relaxation(delta: Any) -> float:
    """How far a row of B may sum to other than 1."""
    delta = number(delta, "delta")
    if delta > 1:
        raise ValueError(f"delta is {delta}; wanted a number from 0 to 1, by which the sums of B may differ from 1")
    return delta


def weights(values: Any, rows: int) -> tuple[np.ndarray | None, float]:
    """The weights of the rows over the largest one, and that one; None where none were given."""
    if values is None:
        return None, 1.0
    values = np.asarray(values)
    _check._check_dtype(values.dtype, "weights")
    if values.shape != (rows,):
        raise ValueError(f"weights has shape {values.shape}; wanted one for each row of X, ({rows},)")
    values = values.astype(np.float64)
    if not (np.isfinite(values).all() and values.min() >= 0):
        _check._refuse_entries(values[:, None], "weights")
    if not values.any():
        raise ValueError("weights are 0 everywhere; wanted a positive one")
    return values / values.max(), float(values.max())


def start(init: Any, k: int, n_starts: int, rows: int) -> Any:
    """The function that gives a start, or the rows that are the start."""
    if isinstance(init, str):
        return choice(init, "init", STARTS)
    wanted = f"wanted one of {listed(STARTS)}, or the indices of k rows of X"
    init = np.asarray(init)
    if init.dtype.kind not in "iu":
        raise TypeError(f"init has dtype {init.dtype}; {wanted}")
    if init.shape != (k,):
        raise ValueError(f"init has shape {init.shape}, but k is {k}; {wanted}")
    _check._check_range(init, rows, "init")
    if n_starts > 1:
        raise ValueError(f"n_starts is {n_starts}, but init says where to start; wanted 1")
    return init.astype(np.intp)


def new_points(X: Any, columns: int, n_threads: Any) -> tuple[Data, Workspace]:
    """Points for archetypes that are fitted."""
    held, workspace = _check.data(X, _check.threads(n_threads), signed=True)
    if held.shape[1] != columns:
        raise ValueError(f"X has {held.shape[1]} columns, but the archetypes have {columns}; wanted as many")
    return held, workspace
