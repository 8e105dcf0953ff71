"""Checks of one value: a number, a count, a flag, a name, a random state."""

import itertools
import math
import numbers
import operator
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .errors import InputError, InputTypeError

Random = np.random.Generator | np.random.RandomState
MAX_COUNT = 2**31 - 1


def ends_fit(answer: Any) -> bool:
    """Whether the return value of a callback ends a fit: only True does, not every true value."""
    return isinstance(answer, bool | np.bool_) and bool(answer)


def check_number(value: Any, name: str, positive: bool = False) -> float:
    """Return a finite number >= 0, or > 0."""
    wanted = "> 0" if positive else ">= 0"
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise InputTypeError(f"{name} is {value!r} ({type(value).__name__}); wanted a number {wanted}")
    try:
        if 0 <= float(value) < math.inf and (float(value) > 0 or not positive):
            return float(value)
    except OverflowError:  # an integer larger than any float
        value = quote_integer(value)
    raise InputError(f"{name} is {value}; wanted a finite number {wanted}")


def check_count(value: Any, name: str, least: int) -> int:
    """Return an integer, of Python or NumPy, that is at least `least`."""
    wanted = f"wanted an integer >= {least}"
    if isinstance(value, bool | np.bool_):
        raise InputTypeError(f"{name} is {value!r}; {wanted}")
    try:
        value = operator.index(value)
    except TypeError:
        raise InputTypeError(f"{name} is {value!r} ({type(value).__name__}); {wanted}") from None
    if not least <= value <= MAX_COUNT:
        raise InputError(f"{name} is {quote_integer(value)}; {wanted}" + f" and <= {MAX_COUNT}" * (value > MAX_COUNT))
    return value


def refuse_large_rank(k: int, lines: int, itemsize: int) -> None:
    """Refuse a rank whose factors, of so many rows and columns together, are larger than the memory of this machine.

    Where memory is promised before it is there, such an array would be made, and the process killed as it is filled.
    """
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not a POSIX system, or one that does not say
        return
    needed = k * lines * itemsize
    if needed > whole > 0:
        raise InputError(
            f"k is {k}, for which the factors take {needed / 2**30:.3g} GB, but this machine has {whole / 2**30:.3g} "
            "GB; wanted a smaller k"
        )


def quote_integer(value: Any) -> str:
    """An integer for a message; Python refuses to print one of thousands of digits."""
    value = int(value)
    return str(value) if value.bit_length() <= 128 else f"an integer of {value.bit_length()} bits"


def check_ranks(ranks: Any) -> tuple[int, ...]:
    """Different integers >= 1, in increasing order; a single integer is one rank."""
    wanted = "wanted different integers >= 1, such as range(2, 11)"
    if getattr(ranks, "ndim", 0) > 1:
        raise InputTypeError(f"ranks is {type(ranks).__name__} of shape {np.shape(ranks)}; {wanted}")
    if is_integer(ranks):
        ranks = [ranks]
    if isinstance(ranks, str | bytes | Mapping) or not isinstance(ranks, Iterable):
        raise InputTypeError(f"ranks is {ranks!r} ({type(ranks).__name__}); {wanted}")
    sorted_ranks = sorted(check_count(k, f"ranks[{i}]", 1) for i, k in enumerate(ranks))
    if not sorted_ranks:
        raise InputError(f"ranks is empty; {wanted}")
    repeated = next((k for k, following in itertools.pairwise(sorted_ranks) if k == following), None)
    if repeated is not None:
        raise InputError(f"ranks has {repeated} more than once; {wanted}")
    return tuple(sorted_ranks)


def is_integer(value: Any) -> bool:
    """Whether a value is an integer of Python or NumPy; True and False are not."""
    return not isinstance(value, bool | np.bool_) and hasattr(value, "__index__") and not getattr(value, "ndim", 0)


def check_flag(value: Any, name: str) -> bool:
    """Return True or False."""
    if not isinstance(value, bool | np.bool_):
        raise InputTypeError(f"{name} is {value!r} ({type(value).__name__}); wanted True or False")
    return bool(value)


def check_choice(value: Any, name: str, choices: dict[str, Any]) -> Any:
    """Return the value of a name in `choices`."""
    if not isinstance(value, str):
        raise InputTypeError(f"{name} is {value!r} ({type(value).__name__}); wanted one of {quote_names(choices)}")
    if value not in choices:
        raise InputError(f"{name} is {value!r}; wanted one of {quote_names(choices)}")
    return choices[value]


def quote_names(choices: dict[str, Any]) -> str:
    """Names in quotation marks, for a message."""
    return ", ".join(repr(name) for name in choices)


def check_random_state(random_state: Any) -> Random:
    """Return NumPy's global state for None, a new generator for a seed, or the generator that was passed."""
    if random_state is None:
        return np.random.mtrand._rand  # the state of np.random.seed, as in scikit-learn
    if isinstance(random_state, np.random.Generator | np.random.RandomState):
        return random_state
    wanted = "wanted None, an integer >= 0, a numpy Generator or a RandomState"
    if isinstance(random_state, bool | np.bool_) or not isinstance(random_state, numbers.Integral):
        raise InputTypeError(f"random_state is {random_state!r} ({type(random_state).__name__}); {wanted}")
    if random_state < 0:
        raise InputError(f"random_state is {quote_integer(random_state)}; {wanted}")
    return np.random.default_rng(int(random_state))
