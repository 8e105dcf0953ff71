"""Checks of the arguments of archetypal analysis."""

from typing import Any

import numpy as np

from .._checks import (
    InputError,
    InputTypeError,
    check_dtype,
    check_index_range,
    check_number,
    quote_names,
    refuse_entries,
)


def check_delta(delta: Any) -> float:
    """How far the sum of a row of B may differ from 1."""
    delta = check_number(delta, "delta")
    if delta > 1:
        raise InputError(f"delta is {delta}; wanted a number from 0 to 1, by which the sums of B may differ from 1")
    return delta


def check_row_weights(weights: Any, rows: int) -> np.ndarray | None:
    """A finite weight >= 0 for each row of X, not all 0, in float64; None stands for equal weights."""
    if weights is None:
        return None
    weights = np.asarray(weights)
    check_dtype(weights.dtype, "weights")
    if weights.shape != (rows,):
        raise InputError(f"weights has shape {weights.shape}; wanted one for each row of X, ({rows},)")
    weights = weights.astype(np.float64)
    if not (np.isfinite(weights).all() and weights.min() >= 0):
        refuse_entries(weights[:, None], "weights")
    if not weights.any():
        raise InputError("weights are 0 everywhere; wanted a positive one")
    return weights


def check_start_rows(init: Any, k: int, n_starts: int | None, rows: int, names: dict[str, Any]) -> np.ndarray:
    """The indices of the k rows of X that are the start; names: what `init` could be instead."""
    wanted = f"wanted one of {quote_names(names)}, or the indices of k rows of X"
    init = np.asarray(init)
    if init.dtype.kind not in "iu":
        raise InputTypeError(f"init has dtype {init.dtype}; {wanted}")
    if init.shape != (k,):
        raise InputError(f"init has shape {init.shape}, but k is {k}; {wanted}")
    check_index_range(init, rows, "init")
    if n_starts not in (None, 1):
        raise InputError(f"n_starts is {n_starts}, but init says where to start; wanted 1")
    return init.astype(np.intp)


def check_same_features(columns: int, wanted: int) -> None:
    """Refuse new points with another number of columns than the archetypes."""
    if columns != wanted:
        raise InputError(f"X has {columns} columns, but the archetypes have {wanted}; wanted the same number")
