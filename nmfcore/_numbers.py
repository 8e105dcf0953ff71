"""The checks of a number and of a name, for objects that are made before a fit as for its options."""

import math
import numbers
from typing import Any

import numpy as np


def ends(answer: Any) -> bool:
    """Whether the answer of a callback ends a fit: True, and nothing else that is merely true."""
    return isinstance(answer, bool | np.bool_) and bool(answer)


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


def choice(value: Any, name: str, known: dict[str, Any]) -> Any:
    """What a name stands for."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); wanted one of {listed(known)}")
    if value not in known:
        raise ValueError(f"{name} is {value!r}; wanted one of {listed(known)}")
    return known[value]


def listed(known: dict[str, Any]) -> str:
    """Names as a message has them."""
    return ", ".join(repr(name) for name in known)
