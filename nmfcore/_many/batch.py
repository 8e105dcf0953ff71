"""Fits of one X that advance together: each kernel is called once for all of them.

An iteration does what `Fit` does for one fit, in the same order. Each fit keeps its own extrapolation weights, restarts
and end, and its result has the bits that it has alone.

The gain is in the products with X: for a dense X of 5000 x 2000 and k = 10 they run at 133 of the machine's 150
GFLOP/s. `_core/stack.pxi` says how the factors of several fits are stored, and what a batch gains and does not gain.

For small X it is Python that takes the time: an iteration of a 96 x 200 X takes 70 us, the Python of a single fit would
add 50 us, that of a batch adds 5 us a fit. Hence `StoppingState` works on arrays.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from .._fit import FactorState, Fit, Result, StoppingState
from .._runtime import BatchKernels, FactorBatch
from ..data import UnweightedData
from ..losses import BatchLoss
from ..penalties import ORTHANT
from ..solvers import BatchSolver


def can_be_batched(fit: Fit[Result]) -> bool:
    """Whether a fit can advance with others: its loss and its solver can, and its factors are unconstrained."""
    free = all(
        spec.penalty.own is None and spec.penalty.other is None and spec.domain is ORTHANT and not spec.fixed
        for spec in (fit.w.spec, fit.h.spec)
    )
    solver = fit.w.spec.solver
    serves = hasattr(solver, "update_many") and solver.needs in fit.loss.batched
    begins = fit.options.max_iter > 0 and not fit.resumes
    return free and serves and begins and not fit.w.data.weighted


class FactorStateBatch:
    """One factor of several fits: what `FactorState` is for one."""

    def __init__(self, states: Sequence[FactorState], loss: BatchLoss, extrapolate: bool) -> None:
        factors = [state.factor for state in states]
        self.data = cast(UnweightedData, states[0].data)  # see `can_be_batched`
        self.solver = cast(BatchSolver, states[0].spec.solver)
        self.factor = FactorBatch(len(factors[0]), [F.shape[1] for F in factors], factors[0].dtype)
        self.old = self.factor.like() if extrapolate else self.factor
        self.best, self.memory = self.factor.like(), loss.allocate_many(self.factor)
        self.statistics: Any = None
        self.summaries: Any = None
        self.summaries_are_current = False
        for f, state in enumerate(states):
            for batch, name in ((self.factor, "factor"), (self.old, "old"), (self.best, "best")):
                np.copyto(batch[f], getattr(state, name))
                setattr(state, name, batch[f])

    def exchange(self) -> None:
        """Swap the factors and the old ones, after the old ones were overwritten by the extrapolation."""
        self.factor, self.old = self.old, self.factor
        self.summaries_are_current = False

    def restart(self, f: int, from_old: bool) -> None:
        """Let a fit go on from its last half-step, or from its best factor, without momentum."""
        point = self.old[f] if from_old else self.best[f]
        np.copyto(self.factor[f], point)
        np.copyto(self.old[f], point)
        self.summaries_are_current = False


class FitBatch:
    """Fits of one problem that advance together, each of which `can_be_batched`; more may join.

    fits: all that joined. active: the indices in `fits` of those still running. Entry p of each array in `stopping`
    belongs to fit active[p].
    """

    def __init__(self, fits: Sequence[Fit[Result]], kernels: BatchKernels) -> None:
        first = fits[0]
        self.loss, self.options, self.data = cast(BatchLoss, first.loss), first.options, first.w.data
        self.kernels, self.fits, self.active = kernels, [], np.arange(0, dtype=np.int64)
        self.join(fits)

    def join(self, fits: Sequence[Fit[Result]]) -> None:
        """Begin more fits; the memory of those that have ended is released."""
        active = self.active_fits()
        for place, f in enumerate(self.active.tolist()):
            self._release(place, f)
        self.fits = active + list(fits)
        self.w = FactorStateBatch([fit.w for fit in self.fits], self.loss, self.options.extrapolate)
        self.h = FactorStateBatch([fit.h for fit in self.fits], self.loss, self.options.extrapolate)
        self.active = np.arange(len(self.fits), dtype=np.int64)
        self.stale = self.active < len(active)  # fits without statistics of W at the current factors
        new = self.active[len(active) :]
        self.stopping = self._gather(new)
        self._make_statistics(self.w, self.h, new)
        self._summarize(self.w, new)
        self._evaluate(self.w, new)
        for place, f in enumerate(new.tolist()):
            self._scatter(place, f)
        self.stopping = self._gather(self.active)

    def active_fits(self) -> list[Fit[Result]]:
        """The fits that have not ended."""
        return [self.fits[f] for f in self.active]

    @property
    def columns(self) -> int:
        """The sum of their ranks."""
        return sum(self.w.factor.ranks[f] for f in self.active)

    def advance(self, deadline: float | None) -> Iterator[tuple[Fit[Result], str]]:
        """One iteration of all fits; yields those that end with it, and why. At the deadline all of them end."""
        self._iterate()
        late = deadline is not None and time.perf_counter() >= deadline
        reasons = [reason or ("max_time" if late else None) for reason in self._reasons()]
        ended = [(place, reason) for place, reason in enumerate(reasons) if reason]
        self._finish(self.active[[place for place, _ in ended]])
        leaving = [(self.fits[self.active[place]], reason) for place, reason in ended]
        for place, _ in ended:
            self._release(place, int(self.active[place]))
        stays = np.array([reason is None for reason in reasons])
        self.active, self.stale = self.active[stays], self.stale[stays]
        self.stopping.numbers = self.stopping.numbers[stays]
        yield from leaving

    def _iterate(self) -> None:
        """One iteration of all fits; see `Fit._iterate`."""
        stopping, fits, loss = self.stopping, self.active, self.loss
        weights = stopping.advance() if self.options.extrapolate else None
        iterations = np.array([len(self.fits[f].recorder.values) for f in fits])

        # Update W, extrapolate.
        if self.stale.any():
            self._make_statistics(self.w, self.h, fits[self.stale])
        stopping.moved = self._update(self.w, iterations)
        self._extrapolate(self.w, weights)

        # Update H, extrapolate, evaluate.
        self._make_statistics(self.h, self.w, fits)
        stopping.moved = stopping.moved + self._update(self.h, iterations)
        if loss.constant:  # the statistics of H give the objective at the new H
            self._summarize(self.h, fits)
            no_higher = self._evaluate(self.h, fits)
            self._extrapolate(self.h, weights)
            self.stale[:] = True
        else:  # the next statistics of W give it where that half-step starts
            self._extrapolate(self.h, weights)
            self._make_statistics(self.w, self.h, fits)
            no_higher = self._evaluate(self.w, fits)
            self.stale = ~no_higher & self.options.extrapolate

        if self.options.extrapolate:
            self._restart(np.flatnonzero(~no_higher))

    def _make_statistics(self, side: FactorStateBatch, other: FactorStateBatch, fits: np.ndarray) -> None:
        if not other.summaries_are_current:
            self._summarize(other, fits)
        arguments = other.summaries, side.memory, fits, side is self.w, self.kernels
        side.statistics = self.loss.statistics_many(side.data, side.factor, other.factor, *arguments)

    def _summarize(self, side: FactorStateBatch, fits: np.ndarray) -> None:
        side.summaries = self.loss.summaries(side.factor, fits, side.summaries, self.kernels)
        side.summaries_are_current = len(fits) == len(self.active)

    def _update(self, side: FactorStateBatch, iterations: np.ndarray) -> np.ndarray:
        side.summaries_are_current = False
        arguments = side.data, self.loss, iterations, self.active, self.kernels
        return side.solver.update_many(side.factor, side.statistics, *arguments)

    def _extrapolate(self, side: FactorStateBatch, weights: np.ndarray | None) -> None:
        if weights is not None:
            side.solver.extrapolate_many(side.factor, side.old, weights, self.active, self.kernels)
            side.exchange()

    def _evaluate(self, side: FactorStateBatch, fits: np.ndarray) -> np.ndarray:
        """Record the objectives, which the statistics of a factor give, and keep the factors of those that fell.

        Returns which objectives are the lowest so far, to round-off.
        """
        other = self.h if side is self.w else self.w
        arguments = side.summaries, side.statistics, fits, self.kernels
        values = self.loss.values(side.data, side.factor, other.factor, *arguments)
        no_higher = self.stopping.enter(values)
        self.stopping.best_loss = np.where(no_higher, values, self.stopping.best_loss)
        for each in (self.w, self.h):
            self.kernels.copy(each.factor, each.best, fits[no_higher])
        now = time.perf_counter()
        for f, value in zip(fits, self.stopping.value.tolist(), strict=True):
            recorder = self.fits[f].recorder
            recorder.values.append(value)
            recorder.seconds.append(now - recorder.clock)
        return no_higher

    def _restart(self, places: np.ndarray) -> None:
        self.stopping.t[places] = 1.0
        for place in places.tolist():
            for side in (self.w, self.h):
                side.restart(int(self.active[place]), self.stopping.since_progress[place] == 1)

    def _reasons(self) -> list[str | None]:
        """Why each fit stops after this iteration, if it does."""
        reasons: list[str | None] = [None] * len(self.active)
        for place, f in enumerate(self.active):
            if self.fits[f].recorder.n_iter >= self.options.max_iter:
                reasons[place] = "max_iter"
        if self.options.tol > 0:
            ends = self.stopping.ends(self.options.tol)
            reasons = [end or reason for end, reason in zip(ends, reasons, strict=True)]
        return reasons

    def _gather(self, fits: np.ndarray) -> StoppingState:
        """The stopping states of some fits as one."""
        return StoppingState(self.loss, self.data, np.array([self.fits[f].stopping.numbers[0] for f in fits]))

    def _scatter(self, place: int, f: int) -> None:
        """Copy the numbers of a fit into its own stopping state."""
        self.fits[f].stopping.numbers[0] = self.stopping.numbers[place]

    def _finish(self, fits: np.ndarray) -> None:
        """Make the statistics at the best factors of fits that end; their products with X are made together."""
        if not len(fits):
            return
        summaries = [self.loss.summaries(side.best, fits, None, self.kernels) for side in (self.w, self.h)]
        for f in fits:
            for state, of_side in zip((self.fits[f].w, self.fits[f].h), summaries, strict=True):
                state.best_summary = of_side.of_fit(f)
        if not self.loss.constant:
            return
        sides = (self.w, self.h, summaries[1]), (self.h, self.w, summaries[0])
        for side, other, of_other in sides:
            arguments = of_other, side.memory, fits, False, self.kernels
            statistics = self.loss.statistics_many(side.data, side.best, other.best, *arguments)
            for f in fits:
                fit = self.fits[f]
                fit.best_statistics[fit.w if side is self.w else fit.h] = statistics.of_fit(f)

    def _release(self, place: int, f: int) -> None:
        """Give a fit its numbers and its factors back."""
        self._scatter(place, f)
        fit = self.fits[f]
        for side, state in ((self.w, fit.w), (self.h, fit.h)):
            state.factor, state.old, state.best = side.factor[f], side.old[f], side.best[f].copy()
            state.summary = None
