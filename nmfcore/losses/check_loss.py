"""The argument `loss`: names, values of beta, and loss objects."""

import numbers
from typing import Any, TypeAlias

import numpy as np

from .._checks import MAX_COUNT, InputError, InputTypeError, quote_names
from ..data import Data, is_weighted
from .base import Loss
from .frobenius import Frobenius
from .l21 import L21
from .pointwise import L1, NAMES, BetaDivergence, Huber
from .weighted import with_weights

LossLike: TypeAlias = str | float | Frobenius | BetaDivergence | Huber | L1 | L21
SNAP = 1e-8  # distance from 0, 1 or 2 within which beta is that number


def beta_loss(beta: float) -> Loss:
    """Return the loss of a beta-divergence; beta = 2 is `Frobenius`.

    A beta within SNAP of 0, 1 or 2 is rounded to it, since the general formula divides by beta (beta - 1).
    """
    beta = next((named for named in NAMES if abs(beta - named) <= SNAP), float(beta))
    return Frobenius() if beta == 2 else BetaDivergence(beta)


LOSSES = {name: beta_loss(beta) for beta, name in NAMES.items()} | {"l1": L1(), "l21": L21()}


def check_loss(value: Any) -> Loss:
    """Return the loss of a name or of a beta; a loss object is returned unchanged."""
    if isinstance(value, Frobenius | BetaDivergence | Huber | L1 | L21):
        return beta_loss(value.beta) if type(value) is BetaDivergence else value
    if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_):
        size: Any = abs(value)
        if not size < MAX_COUNT:
            raise InputError(f"loss is beta={value}; wanted a finite number below {MAX_COUNT}")
        return beta_loss(float(value))
    wanted = f"wanted one of {quote_names(LOSSES)}, a number beta, or an object such as nmfcore.Huber(delta)"
    if not isinstance(value, str):
        raise InputTypeError(f"loss is {value!r} ({type(value).__name__}); {wanted}")
    if value not in LOSSES:
        raise InputError(f"loss is {value!r}; {wanted}")
    return LOSSES[value]


def check_weighted_loss(value: Any, data: Data) -> Loss:
    """Check the argument `loss` and return the loss for X, with or without weights."""
    chosen = check_loss(value)
    if data.weighted and isinstance(chosen, L21):
        raise InputError("loss is 'l21', which has no weights of entries; wanted another loss")
    return with_weights(chosen, data) if is_weighted(data) else chosen
