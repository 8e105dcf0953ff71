"""Checks of the options of a fit, and of X under its loss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError, check_compressed, check_count, check_flag, check_number, is_sparse
from ..data import Data
from ..losses import Huber, Loss
from .specification import Options

LEAST_DELTA = 1e-30  # of a Huber loss, in units of the largest entry of X


def check_entries(data: Data, X: Any, loss: Loss) -> None:
    """Refuse zeros where the loss is infinite at them, and a scale that no residual has."""
    if isinstance(loss, Huber) and loss.parameter(data) < LEAST_DELTA:
        raise InputError(
            f"loss has delta={loss.delta}, below {LEAST_DELTA} of the largest entry of X; wanted a larger one"
        )
    if not loss.positive or data.measures.smallest > 0:
        return
    if data.weighted:
        found = "zeros that are not hidden"
    else:
        stored = check_compressed(X, "X").data if is_sparse(X) else X  # `count_nonzero` of X would sort it in place
        size = data.shape[0] * data.shape[1]
        zeros = size - int(np.count_nonzero(stored))
        found = f"{zeros} zero{'s' * (zeros != 1)} among {size} entries"
    raise InputError(
        f"X has {found}, where loss={loss.name!r} is infinite; "
        "wanted X > 0: add a small constant to X, or take 'kullback-leibler' or another beta > 0"
    )


def check_options(
    max_iter: Any,
    tol: Any,
    max_time: Any,
    callback: Any,
    verbose: Any,
    report: Callable[[Any], None] | None,
    extrapolate: bool = False,
) -> Options:
    """The limits of an alternation and what it calls; report: what prints, if verbose."""
    if callback is not None and not callable(callback):
        raise InputTypeError(
            f"callback is {callback!r} ({type(callback).__name__}); wanted a function of one argument, or None"
        )
    return Options(
        max_iter=check_count(max_iter, "max_iter", 0),
        tol=check_number(tol, "tol"),
        max_time=None if max_time is None else check_number(max_time, "max_time"),
        extrapolate=extrapolate,
        callback=callback,
        report=report if check_flag(verbose, "verbose") else None,
    )


def check_compress(value: Any) -> bool | None:
    """The argument `compress`: whether the call asks for compressed iterations; None for "auto"."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, str) and value == "auto":
        return None
    error = InputError if isinstance(value, str) else InputTypeError
    raise error(f"compress is {value!r}; wanted 'auto', True or False")
