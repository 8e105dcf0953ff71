"""The alternation: half-step W, half-step H, objective, extrapolation with its safeguard, stopping, history.

It knows no loss, solver or storage. The objective in it is that of the scaled X (see `data.Data`).
"""

import functools
import math
import time
from typing import Any

import numpy as np

from .._checks import ends_fit
from .._runtime import Workspace
from .._starts import Start
from ..data import Data
from ..losses import Loss
from .checkpoint import COURSE, Checkpoint, fingerprint
from .records import History, Provenance, State
from .result import Result
from .specification import FactorSpec, Options
from .stopping import StoppingState


class FactorState:
    """One side of the alternation: its factor, X seen from it, and the arrays that its updates need."""

    def __init__(self, data: Data, loss: Loss, part: FactorSpec, start: np.ndarray, extrapolate: bool) -> None:
        self.data, self.loss, self.part = data, loss, part
        idle = data.unobserved[0]  # rows of which nothing is known but what the penalties say
        if len(idle) and not part.fixed:
            start[idle] = 0
            part.domain.project(start, data.workspace)
        self.zero = idle if part.side.own is None else idle[:0]
        self.extrapolate = extrapolate
        self.factor = start  # where a half-step starts and, after it, what it found; then that is extrapolated
        self.old = start  # what the last half-step found, without extrapolation
        self.best = start
        # What the loss keeps of `factor`, None where that has changed, and of `best`.
        self.summary: Any = None
        self.best_summary: Any = None
        self.made: Any = None  # the last statistics for it, None where the other factor has changed since

    def separate(self) -> None:
        """Begin: from now on the factor, the old one and the best one differ."""
        if self.extrapolate:
            self.old = self.factor.copy()
        self.best = self.factor.copy()

    @functools.cached_property
    def out(self) -> Any:
        """Memory for statistics."""
        return self.loss.allocate(self.data, self.factor)

    def exchange(self) -> None:
        """After `old` was overwritten by the extrapolation of `factor`."""
        self.factor, self.old = self.old, self.factor
        self.summary = None

    def arrays(self) -> dict[str, np.ndarray]:
        """What an iteration hands on to the next one."""
        extrapolated = {} if self.old is self.factor else {"old": self.old}
        return {"factor": self.factor, "best": self.best} | extrapolated

    def restart(self, point: np.ndarray) -> None:
        """Go on from a point, without momentum."""
        self.summary = None
        np.copyto(self.factor, point)
        np.copyto(self.old, point)


class Fit:
    """One fit, from a start (W, H') for the scaled X to its result."""

    def __init__(
        self,
        data: Data,
        loss: Loss,
        parts: tuple[FactorSpec, FactorSpec],
        start: Start,
        checkpoint: Checkpoint | None,
        options: Options,
        workspace: Workspace,
        clock: float,
        origin: Provenance,
    ) -> None:
        self.loss, self.options, self.workspace, self.clock = loss, options, workspace, clock
        self.origin = origin
        of_w, of_h = loss.sides()
        self.w = FactorState(data, of_w, parts[0], start.W, options.extrapolate)
        self.h = FactorState(data.T, of_h, parts[1], start.Ht, options.extrapolate)
        self.halves = [half for half in (self.w, self.h) if not half.part.fixed]
        self.exponents = start.exponents
        self.course = StoppingState(loss, data)
        self.values: list[float] = []
        self.seconds: list[float] = []
        self.ended = False
        self.at_best: dict[FactorState, Any] = {}  # the statistics for a factor at the best ones, where at hand
        if checkpoint is not None:
            self._resume(checkpoint)

    def run(self) -> Result:
        """Alternate until the stopping rule, a limit or the callback ends it."""
        first, reason, statistics = self.halves[0], None, None
        if self.values:  # which a checkpoint brought, made before it was asked whether to stop
            reason = self._stopping_rule()
        else:
            self.w.separate()
            self.h.separate()
            statistics = self._statistics(first)
            first.summary = first.loss.summary(first.factor, self.workspace)
            self._keep_best(first, statistics)
        for iteration in range(len(self.values), self.options.max_iter + 1):
            if reason is not None:
                break
            statistics = self._iterate(iteration, statistics or self._statistics(first))
            reason = "callback" if self._report() else self._stopping_rule()
        return self.result(reason or "max_iter")

    def _resume(self, checkpoint: Checkpoint) -> None:
        """Go on where the checkpoint was made, from parts that were made of its start."""
        for name, half in self._named():
            half.separate()
            for kind, array in half.arrays().items():
                array[:] = checkpoint.arrays[f"{name}_{kind}"]
            half.best_summary = half.loss.summary(half.best, self.workspace)
        self.values, self.seconds = (list(checkpoint.arrays[kind]) for kind in ("objective", "seconds"))
        for name in COURSE:
            setattr(self.course, name, checkpoint.course[name])
        self.course.value, self.clock = self.values[-1], self.clock - self.seconds[-1]

    def _checkpoint(self) -> Checkpoint:
        """Copies of all that the next iterations depend on, beside X and what was asked for."""
        arrays = {
            f"{name}_{kind}": array.copy() for name, half in self._named() for kind, array in half.arrays().items()
        }
        arrays |= {f"{name}_exponents": e for (name, _), e in zip(self._named(), self.exponents, strict=True)}
        arrays |= {"objective": np.array(self.values), "seconds": np.array(self.seconds)}
        course = {name: float(getattr(self.course, name)) for name in COURSE}
        return Checkpoint(len(self.values) - 1, self.origin.options, self._fingerprint, course, arrays)

    @functools.cached_property
    def _fingerprint(self) -> dict[str, Any]:
        return fingerprint(self.w.data)

    def _named(self) -> tuple[tuple[str, FactorState], tuple[str, FactorState]]:
        return ("W", self.w), ("H", self.h)

    def _iterate(self, iteration: int, statistics: Any) -> Any:
        """The half-steps of an iteration, from the statistics for the first one.

        Returns the next statistics for the first one where they are made already.
        """
        first, last = self.halves[0], self.halves[-1]
        weight = self.course.advance() if self.options.extrapolate else 0.0
        self.course.moved = self._half_step(first, statistics, iteration)
        if last is not first:
            self._extrapolate(first, weight)
            statistics = self._statistics(last)
            self.course.moved += self._half_step(last, statistics, iteration)
        if self.loss.constant:  # the last statistics give the objective at the new value of their factor
            following = statistics if last is first else None
            last.summary = last.loss.summary(last.factor, self.workspace)
            no_higher = self._keep_best(last, statistics)
            self._extrapolate(last, weight)
        else:  # the next ones for the first factor give it where that half-step starts
            self._extrapolate(last, weight)
            following = self._statistics(first)
            no_higher = self._keep_best(first, following)
        self.at_best = {}
        if no_higher:
            if following is not None:
                self.at_best[first] = following
            if self.loss.constant:
                self.at_best[last] = statistics
        if self.options.extrapolate and not no_higher:
            self._restart()
            following = following if self.loss.constant else None
        return following

    def _other(self, half: FactorState) -> FactorState:
        return self.h if half is self.w else self.w

    def _extrapolate(self, half: FactorState, weight: float) -> None:
        if self.options.extrapolate:
            half.part.solver.extrapolate(half.factor, half.old, weight, self.workspace)
            half.part.domain.project(half.old, self.workspace)
            half.exchange()
            self._other(half).made = None

    def _penalties(self) -> float:
        w, h = self.w, self.h
        return w.part.side.value(w.factor, h.factor) + h.part.side.value(h.factor, w.factor)

    def _keep_best(self, half: FactorState, statistics: Any) -> bool:
        """Enter the objective, which the statistics for a factor give, and keep the factors if it is the lowest so far.

        Returns whether it is, to round-off.
        """
        other = self._other(half)
        loss = half.loss.value(half.data, half.factor, other.factor, half.summary, statistics, self.workspace)
        no_higher = self._record(loss + self._penalties())
        if no_higher:
            self.course.best_loss = loss
            for half in (self.w, self.h):
                np.copyto(half.best, half.factor)
                half.best_summary = half.summary
        return no_higher

    def _restart(self) -> None:
        """After an iteration that was no progress: go on from what it found, without momentum.

        If a plain iteration from there is still above the best factors, go back to those: from them it cannot be.
        """
        self.course.reset()
        for half in self.halves:
            half.restart(half.old if self.course.since_progress == 1 else half.best)
            self._other(half).made = None

    def _statistics(self, half: FactorState) -> Any:
        other = self._other(half)
        if other.summary is None:
            other.summary = other.loss.summary(other.factor, self.workspace)
        half.made = half.loss.statistics(
            half.data, half.factor, other.factor, other.summary, half.out, half is self.halves[0], other.made
        )
        return half.made

    def _half_step(self, half: FactorState, statistics: Any, iteration: int) -> float:
        half.summary = self._other(half).made = None
        once = len(self.halves) == 1 and self.loss.constant
        cost = math.inf if once else half.loss.cost(half.data, half.factor.shape[1])
        asked = self._edited(half, half.factor, self._other(half).factor, statistics)
        return half.part.solver.update(half.factor, asked, half.part.domain, cost, iteration, self.workspace)

    def _edited(self, half: FactorState, F: np.ndarray, B: np.ndarray, statistics: Any) -> Any:
        """The statistics with what the penalties add to them."""
        majorizer = half.part.side.majorizer(F, B)
        return statistics if majorizer is None else statistics.majorized(majorizer, F, self.workspace)

    def _record(self, value: float) -> bool:
        """Enter the objective of an iteration; whether it is, to round-off, the lowest so far."""
        no_higher = self.course.enter(value)
        self.values.append(self.course.value)
        self.seconds.append(time.perf_counter() - self.clock)
        return no_higher

    def _stopping_rule(self) -> str | None:
        """The reason to stop after an iteration, if there is one."""
        options = self.options
        if options.tol > 0:
            if self.course.reached(options.tol):
                return "tol"
            if self.course.stalled():
                return "stalled"
        if options.max_time is not None and self.seconds[-1] >= options.max_time:
            return "max_time"
        return None

    def _report(self) -> bool:
        """Tell those who listen; whether the callback wants to stop."""
        listeners = [call for call in (self.options.report, self.options.callback) if call is not None]
        if not listeners:
            return False
        state = State(
            iteration=len(self.values) - 1,
            objective=float(self._objectives(self.values[-1:])[0]),
            seconds=self.seconds[-1],
            _relative_error=self._relative_error,
            _factors=self._factors,
            _current=lambda: -1 if self.ended else len(self.values) - 1,
            _history=self._history,
            _checkpoint=self._checkpoint,
        )
        answers = [listener(state) for listener in listeners]
        return ends_fit(answers[-1])

    @np.errstate(over="ignore", under="ignore")  # what units of X cannot express is infinite or 0
    def _factors(self, in_place: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """The best W and H, in units of X: copies, or at the end of a fit its own arrays."""
        W, Ht = (
            np.ldexp(half.best, exponent, out=half.best if in_place else None)
            for half, exponent in zip((self.w, self.h), self.exponents, strict=True)
        )
        if in_place:
            self.exponents = 0, 0
        return W, Ht.T

    @np.errstate(over="ignore", under="ignore")
    def _objectives(self, values: list[float]) -> np.ndarray:
        return self.loss.units(np.array(values), self.w.data.measures.exponent)

    def _history(self) -> History:
        return History(self._objectives(self.values), np.array(self.seconds))

    def result(self, reason: str) -> Result:
        """What a fit gives back that ends for that reason."""
        history, self.ended = self._history(), True
        relative_error, kkt_residual = self._relative_error(), self._kkt_residual()
        for half in (self.w, self.h):
            if not half.part.fixed:
                half.best[half.zero] = 0  # of which some solvers keep what is next to nothing
        W, H = self._factors(in_place=True)
        return Result(
            W=W,
            H=H,
            objective=float(history.objective[-1]),
            relative_error=relative_error,
            n_iter=len(self.values) - 1,
            converged=reason in ("tol", "stalled"),
            reason=reason,
            kkt_residual=kkt_residual,
            history=history,
            unobserved=self.w.data.unobserved,
            **self.origin._asdict(),
        )

    def _kkt_residual(self) -> float:
        """At the best factors, from statistics made for them: half an iteration each, where they are not at hand."""
        sides = []
        for half in reversed(self.halves):
            other = self._other(half)
            statistics = self.at_best.get(half) or self._best_statistics(half, other)
            asked = self._edited(half, half.best, other.best, statistics)
            sides.append((half.data, half.best, asked, half.part.domain))
        return self.loss.kkt_residual(sides, self.workspace)

    def _relative_error(self) -> float:
        return self.loss.relative_error(self.w.data, self.w.best, self.h.best, self.course.best_loss, self.workspace)

    def _best_statistics(self, half: FactorState, other: FactorState) -> Any:
        return half.loss.statistics(half.data, half.best, other.best, other.best_summary, half.out, False, None)
