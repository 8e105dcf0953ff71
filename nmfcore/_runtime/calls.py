"""Kernel calls short enough that Ctrl-C is heard between two of them.

A kernel runs without the GIL and cannot be interrupted. Work that takes more than `CALL_FLOP` is therefore cut into
several calls. A product of a dense array with fewer than 16384 rows is the exception: it is one call, however many
columns the array has, since a cut would change the order of its sums. The cuts depend on the sizes of the arrays alone,
never on the threads, so the bits of a result do not depend on the machine.
"""

import math
from collections.abc import Iterator

import numpy as np

CALL_FLOP = 5e9
"""Flop of one call for one fit: about a tenth of a second."""
MANY_FLOP = 1e11
"""Flop of one call for several fits, or for one fit that takes more."""
SWEEPS_A_CALL = 50
"""Sweeps of one call of a kernel whose rows take many of them."""


def call_size(flop_each: float, unit: int = 1) -> int:
    """How many items of `flop_each` flop one call takes: a multiple of `unit`, at least one unit."""
    return unit * max(1, int(CALL_FLOP / (unit * flop_each)))


def is_one_call(flop: float) -> bool:
    """Whether so many flop are one call."""
    return flop <= CALL_FLOP


def parts(n: int, flop_each: float, unit: int = 1) -> Iterator[slice]:
    """The slices of `n` items, one for each call; all but the last are of `call_size` items."""
    step = call_size(flop_each, unit)
    for first in range(0, n, step):
        yield slice(first, min(n, first + step))


def even_parts(n: int, flop_each: float, least: int) -> Iterator[slice]:
    """Slices of about the same length for as few calls as possible, each of at least `least` of the `n` items."""
    calls = max(1, min(math.ceil(n * flop_each / CALL_FLOP), n // least))
    for i in range(calls):
        yield slice(n * i // calls, n * (i + 1) // calls)


def task_parts(bounds: np.ndarray, flop: float) -> Iterator[np.ndarray]:
    """The runs of tasks, one for each call: `bounds` holds the first row of each task, then the number of rows.

    flop: of all tasks together, which take about as many each.
    """
    tasks = len(bounds) - 1
    for part in parts(tasks, (flop + 1) / max(1, tasks)):
        yield bounds[part.start : part.stop + 1]


def sweep_parts(sweeps: int) -> list[int]:
    """The sweeps of each call, at least one call."""
    whole, rest = divmod(sweeps, SWEEPS_A_CALL)
    return [SWEEPS_A_CALL] * whole + [rest] * (rest > 0 or whole == 0)


def fit_parts(fits: np.ndarray, widths: np.ndarray, flop_a_column: float) -> list[np.ndarray]:
    """The fits in groups, one for each call, of `flop_a_column` flop for each of the `widths[fit]` columns of a fit."""
    flop = np.cumsum(widths[fits]) * flop_a_column
    if len(fits) == 0 or flop[-1] <= MANY_FLOP:
        return [fits]
    return np.split(fits, np.flatnonzero(np.diff(flop // MANY_FLOP)) + 1)
