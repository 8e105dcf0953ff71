"""The checks of data frames, whose names a result keeps, and of what a result is asked for."""

from typing import Any

import numpy as np

from .._checks import InputError


def held(F: np.ndarray, before: np.ndarray, name: str) -> np.ndarray:
    """A factor in another scale, where its dtype holds it."""
    if np.any(np.isinf(F) & np.isfinite(before)):
        raise InputError(
            f"normalize takes {name} beyond the range of {F.dtype}; wanted another norm, or by the other side"
        )
    return F


def unweighted(options: dict[str, Any]) -> None:
    """Refuse a fit in which entries had weights, for which no decomposition gives the least error."""
    asked = [name for name in ("weights", "mask", "missing") if options.get(name)]
    if asked:
        raise InputError(
            f"the fit had {' and '.join(asked)}, and the least error with weights is not known; "
            "wanted a fit in which all entries count alike"
        )


def same_shape(found: tuple[int, int], wanted: tuple[int, int]) -> None:
    """Refuse an X that cannot be the one that was fitted."""
    if found != wanted:
        raise InputError(f"X has shape {found}, but W H has {wanted}; wanted the X of the fit")
