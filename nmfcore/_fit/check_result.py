"""Checks of what a result is asked for."""

import re
from typing import Any

import numpy as np

from .._checks import InputError
from ..losses import L1, L21, LOSSES, BetaDivergence, Huber, LossLike

OBJECTS = {"BetaDivergence": BetaDivergence, "Huber": Huber, "L1": L1, "L21": L21}
WRITTEN = re.compile(r"(?P<kind>BetaDivergence|Huber|L1|L21)\((?P<parameter>\w+)=(?P<value>[-+.\de]+)\)")


def check_finite(F: np.ndarray, before: np.ndarray, name: str) -> np.ndarray:
    """A factor in another scale; refused if its dtype cannot hold it."""
    if np.any(np.isinf(F) & np.isfinite(before)):
        raise InputError(
            f"normalize takes {name} beyond the range of {F.dtype}; wanted another norm, or the other factor"
        )
    return F


def refuse_weighted(options: dict[str, Any]) -> None:
    """Refuse a fit in which entries had weights, for which no decomposition gives the least error."""
    names = [name for name in ("weights", "mask", "missing") if options.get(name)]
    if names:
        raise InputError(
            f"the fit had {' and '.join(names)}, and the least error with weights is not known; "
            "wanted a fit in which all entries count alike"
        )


def check_same_shape(shape: tuple[int, int], fitted_shape: tuple[int, int]) -> None:
    """Refuse an X that cannot be the one that was fitted."""
    if shape != fitted_shape:
        raise InputError(f"X has shape {shape}, but W H has {fitted_shape}; wanted the X of the fit")


def take_rows(W: np.ndarray, index: Any) -> np.ndarray:
    """The rows of W that an index names; all of them for None."""
    if index is None:
        return W
    try:
        return W[index if isinstance(index, slice) else np.asarray(index)]
    except IndexError as error:
        raise InputError(f"rows is no index of the {len(W)} rows of W: {error}") from None


def loss_of_fit(options: dict[str, Any]) -> LossLike:
    """The loss of a fit, from what its result says of it: a name, a number, or an object such as "Huber(delta=1.0)"."""
    loss = options.get("loss", "frobenius")
    if isinstance(loss, str) and loss not in LOSSES:
        written = WRITTEN.fullmatch(loss)
        if written is None:
            raise InputError(f"the fit has the loss {loss}, which no result holds; wanted it as loss=")
        return OBJECTS[written["kind"]](**{written["parameter"]: float(written["value"])})
    return loss
