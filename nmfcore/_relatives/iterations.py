"""Iterations until a rule ends them, and the best of several starts: what the relatives of NMF share."""

import math
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

from .._checks import ends_fit
from .._fit import History, Options, State
from ..data import Data
from ..losses import EPS

PATIENCE = 3  # iterations in a row without progress, before the end

Factors = tuple[np.ndarray, np.ndarray]


class Method(Protocol):
    """A fit that lowers half a squared error of the scaled X, iteration by iteration."""

    data: Data

    def objective(self) -> float:
        """Where it stands."""
        ...

    def iterate(self) -> float:
        """Go on; returns the objective, which is no higher, but for round-off."""
        ...

    def factors(self) -> Factors:
        """W and H in units of X, copies."""
        ...

    def kkt_residual(self) -> float:
        """How far from a stationary point, without a scale."""
        ...


class Fitted(NamedTuple):
    """What is left of a method that has come to its end."""

    method: Method
    reason: str
    history: History
    relative_error: float


class Iterations:
    """One method from its start to its end."""

    def __init__(self, method: Method, options: Options, clock: float) -> None:
        self.method, self.options, self.clock = method, options, clock
        self.total = method.data.measures.squared_norm
        self.values: list[float] = []
        self.seconds: list[float] = []
        self.idle = 0

    def run(self) -> Fitted:
        """Iterate until the stopping rule, a limit or the callback ends it."""
        self._record(self.method.objective())
        reason = None
        while reason is None and len(self.values) <= self.options.max_iter:
            self._record(self.method.iterate())
            reason = "callback" if self._report() else self._stop()
        return Fitted(self.method, reason or "max_iter", self._history(), self._relative_error())

    def _record(self, value: float) -> None:
        before = self.values[-1] if self.values else value
        self.idle = 0 if before - value > self.options.tol * value else self.idle + 1
        self.values.append(min(value, before))  # the difference is round-off
        self.seconds.append(time.perf_counter() - self.clock)

    def _stop(self) -> str | None:
        """The reason to stop after an iteration, if there is one."""
        exact = 2 * self.values[-1] <= (8 * EPS[self.method.data.dtype]) ** 2 * self.total
        if self.options.tol > 0 and (self.idle >= PATIENCE or exact):
            return "tol"
        if self.options.max_time is not None and self.seconds[-1] >= self.options.max_time:
            return "max_time"
        return None

    def _report(self) -> bool:
        """Tell those who listen; whether the callback wants to stop."""
        listeners = [call for call in (self.options.report, self.options.callback) if call is not None]
        state = State(
            iteration=len(self.values) - 1,
            objective=float(self._objectives(self.values[-1:])[0]),
            seconds=self.seconds[-1],
            _relative_error=self._relative_error,
            _factors=self.method.factors,
            _current=lambda: len(self.values) - 1,
            _history=self._history,
        )
        return any([ends_fit(listener(state)) for listener in listeners])

    def _relative_error(self) -> float:
        return math.sqrt(2 * self.values[-1] / self.total) if self.total > 0 else 0.0

    def _history(self) -> History:
        return History(self._objectives(self.values), np.array(self.seconds))

    @np.errstate(over="ignore", under="ignore")  # what units of X cannot express is infinite or 0
    def _objectives(self, values: list[float]) -> np.ndarray:
        return np.ldexp(np.array(values), 2 * self.method.data.measures.exponent)


def best_of(begin: Callable[[], Method], n_starts: int, options: Options, clock: float) -> tuple[Fitted, np.ndarray]:
    """The fit with the lowest objective, and the objectives of all; max_time and the callback end the starts, too."""
    best: Fitted | None = None
    objectives = []
    for _ in range(n_starts):
        fitted = Iterations(begin(), options, clock).run()
        objectives.append(fitted.history.objective[-1])
        if best is None or fitted.relative_error < best.relative_error:  # which no scale takes out of range
            best = fitted
        late = options.max_time is not None and time.perf_counter() - clock >= options.max_time
        if fitted.reason == "callback" or late:
            break
    return best, np.array(objectives)
