"""The checks of many fits."""

import numbers
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError, check_choice, check_count, check_random_state
from .._ensemble import Ledger
from .._fit import STARTS, Checkpoint, Result
from ..data import Data
from . import schedule

SAME = ("auto", "nndsvd", "nndsvda", "spa")  # starts that depend on no seed, but for round-off


def check_worker(value: Any) -> tuple[int, int]:
    """(i, n): which of n workers this is, from 0."""
    wanted = "wanted (i, n) with 0 <= i < n, such as (0, 4) for the first of four workers"
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != 2:
        raise InputTypeError(f"worker is {value!r}; {wanted}")
    i, n = (check_count(part, f"worker[{place}]", place) for place, part in enumerate(value))
    if i >= n:
        raise InputError(f"worker is {value!r}; {wanted}")
    return i, n


def check_init(value: Any, ranks: tuple[int, ...], n_starts: int) -> Any:
    """A start that differs from fit to fit where there are several of one rank."""
    if isinstance(value, Checkpoint):
        raise InputTypeError("init is a Checkpoint, which is of one fit; wanted the name of a start, and a ledger")
    if isinstance(value, str):
        check_choice(value, "init", STARTS)
        if n_starts > 1 and value in SAME:
            raise InputError(
                f"init is {value!r}, which gives all {n_starts} starts of a rank the same factors; wanted n_starts=1, "
                "or a start that draws, such as 'random' or 'nndsvdar'"
            )
    elif isinstance(value, tuple | list | Result) and len(ranks) * n_starts > 1:
        raise InputError(
            f"init holds the factors of one start, but there are {len(ranks) * n_starts}; wanted one rank and "
            "n_starts=1, or the name of a start"
        )
    return value


def check_path(ledger: Any) -> str | os.PathLike | None:
    """A path to a file, or None."""
    if ledger is None:
        return None
    if not isinstance(ledger, str | bytes | os.PathLike) or not os.fspath(ledger):
        raise InputTypeError(f"ledger is {ledger!r} ({type(ledger).__name__}); wanted the path of a file, or None")
    return os.fsdecode(ledger) if isinstance(ledger, bytes) else ledger


def entropy(random_state: Any, workers: int, ledger: str | os.PathLike | None) -> int:
    """The integer from which all seeds follow: random_state, that of the ledger, or one that is drawn."""
    integer = isinstance(random_state, numbers.Integral)
    if workers > 1 and not integer:
        raise InputError(
            f"random_state is {random_state!r}; wanted an integer, the same one for all {workers} workers, so that "
            "their starts are those of one ensemble"
        )
    generator = check_random_state(random_state)
    if integer:
        return int(random_state)
    if ledger is not None and random_state is not None:
        raise InputError(
            f"random_state is a {type(random_state).__name__}, which draws other starts each time; wanted an integer "
            "or None with a ledger, so that an interrupted call can continue"
        )
    if ledger is not None and os.path.exists(ledger) and os.path.getsize(ledger):
        return int(Ledger.read(ledger).identity.get("random_state", 0))
    draw = generator.integers if isinstance(generator, np.random.Generator) else generator.randint
    return int(draw(np.iinfo(np.int32).max))


def check_memory(value: Any, data: Data, largest: int) -> int:
    """Bytes that suffice for one fit of the largest rank."""
    needed = schedule.fit_bytes(data, largest)
    if value is None:
        return max(schedule.DEFAULT_BYTES, needed)
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise InputTypeError(f"memory is {value!r} ({type(value).__name__}); wanted a number of bytes, or None")
    if not float(value) >= needed:
        raise InputError(
            f"memory is {value:,g} bytes, but one fit of k={largest} for X {data.shape[0]} x {data.shape[1]} takes "
            f"{needed:,}; wanted at least that"
        )
    return int(min(float(value), 1 << 62))


def check_listener(callback: Any) -> Any:
    """A function of one argument."""
    if not callable(callback):
        raise InputTypeError(
            f"callback is {callback!r} ({type(callback).__name__}); wanted a function of one argument, or None"
        )
    return callback
