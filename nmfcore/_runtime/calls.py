"""Kernel calls short enough that Ctrl-C is heard between two of them.

A kernel runs without the GIL and cannot be interrupted. Work that takes more than `CALL_FLOP` is therefore cut into
several calls. Rows are cut first; a product that is long for few rows is cut along its sums, which the kernel then
continues in their order. Cuts that could change a bit depend on the sizes of the arrays alone, never on the threads, so
the bits of a result do not depend on the machine. A single row is never cut: a stored row of 10^9 entries is one call.
"""

import math
from collections.abc import Iterator

import numpy as np

CALL_FLOP = 5e9
"""Flop of one call for one fit: about a tenth of a second."""
MANY_FLOP = 1e11
"""Flop of the fits that share a reading of X."""
LEAST_TERMS = 64
"""Terms that a call adds at least to a sum."""
SWEEPS_A_CALL = 50
"""Sweeps of one call, at most, of a kernel whose rows take many of them."""


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


def term_parts(terms: int, flop: float) -> int:
    """The number of calls of a product of so many flop that is cut along its sums of `terms` terms."""
    return max(1, min(math.ceil(flop / CALL_FLOP), terms // LEAST_TERMS))


def task_parts(bounds: np.ndarray, flop: float) -> Iterator[np.ndarray]:
    """The runs of tasks, one for each call: `bounds` holds the first row of each task, then the number of rows.

    flop: of all tasks together, which take about as many each.
    """
    tasks = len(bounds) - 1
    for part in parts(tasks, (flop + 1) / max(1, tasks)):
        yield bounds[part.start : part.stop + 1]


def sweep_parts(sweeps: int, flop_each: float) -> Iterator[int]:
    """The sweeps of each call, at least one call; flop_each: of a sweep over the rows that a call takes at least."""
    step = max(1, min(SWEEPS_A_CALL, int(CALL_FLOP / flop_each)))
    yield min(step, sweeps)
    for done in range(step, sweeps, step):
        yield min(step, sweeps - done)


def fit_parts(fits: np.ndarray, flop: np.ndarray, most: float) -> list[np.ndarray]:
    """The fits in groups, one for each call, of about `most` flop; flop: of each of the fits."""
    total = np.cumsum(flop)
    if len(fits) == 0 or total[-1] <= most:
        return [fits]
    return np.split(fits, np.flatnonzero(np.diff(total // most)) + 1)
