"""The checks of archetypal analysis."""

from typing import Any

import numpy as np

from .._checks import (
    InputError,
    InputTypeError,
    check_choice,
    check_dtype,
    check_index_range,
    check_number,
    quote_names,
    refuse_entries,
)
from .start import STARTS


def relaxation(delta: Any) -> float:
    """How far a row of B may sum to other than 1."""
    delta = check_number(delta, "delta")
    if delta > 1:
        raise InputError(f"delta is {delta}; wanted a number from 0 to 1, by which the sums of B may differ from 1")
    return delta


def weights(values: Any, rows: int) -> tuple[np.ndarray | None, float]:
    """The weights of the rows over the largest one, and that one; None where none were given."""
    if values is None:
        return None, 1.0
    values = np.asarray(values)
    check_dtype(values.dtype, "weights")
    if values.shape != (rows,):
        raise InputError(f"weights has shape {values.shape}; wanted one for each row of X, ({rows},)")
    values = values.astype(np.float64)
    if not (np.isfinite(values).all() and values.min() >= 0):
        refuse_entries(values[:, None], "weights")
    if not values.any():
        raise InputError("weights are 0 everywhere; wanted a positive one")
    return values / values.max(), float(values.max())


def start(init: Any, k: int, n_starts: int, rows: int) -> Any:
    """The function that gives a start, or the rows that are the start."""
    if isinstance(init, str):
        return check_choice(init, "init", STARTS)
    wanted = f"wanted one of {quote_names(STARTS)}, or the indices of k rows of X"
    init = np.asarray(init)
    if init.dtype.kind not in "iu":
        raise InputTypeError(f"init has dtype {init.dtype}; {wanted}")
    if init.shape != (k,):
        raise InputError(f"init has shape {init.shape}, but k is {k}; {wanted}")
    check_index_range(init, rows, "init")
    if n_starts > 1:
        raise InputError(f"n_starts is {n_starts}, but init says where to start; wanted 1")
    return init.astype(np.intp)
