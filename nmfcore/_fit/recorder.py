"""The record of an alternation: objectives, times, what a callback sees, and the limit on time.

Every alternation of the package keeps one: the driver, the relatives, archetypes and the completion of ratings.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._checks import ends_fit
from .records import History, State
from .specification import Options


class Recorder:
    """The objective and the seconds after each iteration; entry 0 belongs to the start.

    Parameters
    ----------
    options : Options
        The limits, and what is called after an iteration.
    clock : float
        `time.perf_counter` at the call; seconds count from there.
    units : callable
        Converts an array of objectives of the scaled X to units of X.
    """

    def __init__(self, options: Options, clock: float, units: Callable[[np.ndarray], np.ndarray]) -> None:
        self.options, self.clock, self.units = options, clock, units
        self.values: list[float] = []
        self.seconds: list[float] = []
        self.compressed = 0
        self.ended = False

    @property
    def n_iter(self) -> int:
        """The number of iterations that are recorded; -1 before the start is."""
        return len(self.values) - 1

    def add(self, value: float) -> None:
        """Record the objective of the scaled X after an iteration, now."""
        self.values.append(value)
        self.seconds.append(time.perf_counter() - self.clock)

    def precede(self, values: list[float], seconds: list[float]) -> None:
        """Record compressed iterations, and the start before them, before anything else."""
        self.values, self.seconds, self.compressed = list(values), list(seconds), len(values)

    def extend(self, values: list[float]) -> None:
        """Record the objectives after several iterations that end now, at even times since the one before."""
        before, now = self.seconds[-1], time.perf_counter() - self.clock
        self.values.extend(values)
        self.seconds.extend(before + (now - before) * (i + 1) / len(values) for i in range(len(values)))

    @property
    def has_listeners(self) -> bool:
        """Whether something is called after each iteration."""
        return self.options.report is not None or self.options.callback is not None

    def history(self) -> History:
        """The record so far, in units of X; a copy."""
        return History(self.objectives(self.values), np.array(self.seconds), self.compressed)

    @np.errstate(over="ignore", under="ignore")  # an objective beyond the range of float64 is infinite or 0
    def objectives(self, values: list[float]) -> np.ndarray:
        """Objectives of the scaled X in units of X."""
        return self.units(np.array(values))

    def out_of_time(self) -> bool:
        """Whether the last iteration ended after max_time."""
        return self.options.max_time is not None and self.seconds[-1] >= self.options.max_time

    def report(self, kind: type[State] = State, **lazy: Callable[[], Any]) -> bool:
        """Call the printer and the callback with a State; whether the callback ends the fit.

        lazy: functions that make what a State offers on demand, such as ``_factors`` and ``_relative_error``.
        """
        listeners = [call for call in (self.options.report, self.options.callback) if call is not None]
        if not listeners:
            return False
        state = kind(
            iteration=self.n_iter,
            objective=float(self.objectives(self.values[-1:])[0]),
            seconds=self.seconds[-1],
            _current=lambda: -1 if self.ended else self.n_iter,
            _history=self.history,
            **lazy,
        )
        answers = [listener(state) for listener in listeners]
        return ends_fit(answers[-1])
