"""The check of a number that a user passes, for objects that are made before a fit as for its options."""

import math
import numbers
from typing import Any

import numpy as np


def number(value: Any, name: str, positive: bool = False) -> float:
    """A finite number >= 0, or > 0."""
    wanted = "> 0" if positive else ">= 0"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); wanted a number {wanted}")
    try:
        if 0 <= float(value) < math.inf and (float(value) > 0 or not positive):
            return float(value)
    except OverflowError:  # an integer larger than any float
        pass
    raise ValueError(f"{name} is {value}; wanted a finite number {wanted}")
