"""The loop that the relatives of NMF share: iterate until a rule ends the fit, and keep the best of several starts."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from .._fit import History, Options, Recorder
from ..data import UnweightedData
from ..losses import EPS

PATIENCE = 3  # iterations in a row without progress, after which a fit ends


class IterativeFit(Protocol):
    """A fit that lowers half the squared error of the scaled X by iterations."""

    data: UnweightedData

    def objective(self) -> float:
        """The objective at the current factors."""
        ...

    def iterate(self) -> float:
        """Do one iteration; returns the objective, which is no higher than before, but for round-off."""
        ...

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of W and H in units of X."""
        ...

    def kkt_residual(self) -> float:
        """The distance from a stationary point, as a number without a scale."""
        ...


class LoopResult(NamedTuple):
    """A fit that has ended, and its record."""

    fit: IterativeFit
    reason: str
    history: History
    relative_error: float


class IterationLoop:
    """One fit from its start to its end."""

    def __init__(self, fit: IterativeFit, options: Options, clock: float) -> None:
        self.fit, self.options = fit, options
        self.total = fit.data.measures.squared_norm
        self.recorder = Recorder(options, clock, lambda values: np.ldexp(values, 2 * fit.data.measures.exponent))
        self.idle = 1  # the start, which is no progress, counts

    def run(self) -> LoopResult:
        """Iterate until the stopping rule, a limit or the callback ends the fit."""
        self.recorder.add(self.fit.objective())
        reason = None
        while reason is None and self.recorder.n_iter < self.options.max_iter:
            self._record(self.fit.iterate())
            reason = "callback" if self._report() else self._stopping_rule()
        return LoopResult(self.fit, reason or "max_iter", self.recorder.history(), self._relative_error())

    def _record(self, value: float) -> None:
        """Record the objective after an iteration, and count the iterations without progress."""
        before = self.recorder.values[-1]
        self.idle = 0 if before - value > self.options.tol * value else self.idle + 1
        self.recorder.add(min(value, before))  # a rise is round-off

    def _report(self) -> bool:
        return self.recorder.report(_relative_error=self._relative_error, _factors=self.fit.factors)

    def _stopping_rule(self) -> str | None:
        """The reason to stop after an iteration, if there is one."""
        exact = 2 * self.recorder.values[-1] <= (8 * EPS[self.fit.data.dtype]) ** 2 * self.total
        if self.options.tol > 0 and (self.idle >= PATIENCE or exact):
            return "tol"
        return "max_time" if self.recorder.out_of_time() else None

    def _relative_error(self) -> float:
        return math.sqrt(2 * self.recorder.values[-1] / self.total) if self.total > 0 else 0.0


def best_of(
    start_fit: Callable[[], IterativeFit], n_starts: int, options: Options, clock: float
) -> tuple[LoopResult, np.ndarray]:
    """The fit with the lowest objective, and the objectives of all fits.

    No further start begins after max_time, or after the callback has ended a fit. The relative errors are compared,
    since objectives in units of X can overflow.
    """
    best: LoopResult | None = None
    objectives = []
    for _ in range(n_starts):
        result = IterationLoop(start_fit(), options, clock).run()
        objectives.append(result.history.objective[-1])
        if best is None or result.relative_error < best.relative_error:
            best = result
        late = options.max_time is not None and time.perf_counter() - clock >= options.max_time
        if result.reason == "callback" or late:
            break
    assert best is not None  # n_starts >= 1
    return best, np.array(objectives)
