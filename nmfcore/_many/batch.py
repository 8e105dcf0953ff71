"""Fits of one X that advance together: their factors stand in stacks, and each kernel is called once for all of them.

What is done in an iteration, and in which order, is what `Fit` does for one; each fit keeps its own weights,
restarts and end, and its bits.
"""

import time
from collections.abc import Iterator, Sequence

import numpy as np

from .._fit import NUMBERS as CARRIED
from .._fit import FactorState, Fit, StoppingState
from .._runtime import BatchKernels, FactorBatch
from ..losses import Loss
from ..penalties import ORTHANT

NUMBERS = (*CARRIED, "value")


def together(fit: Fit) -> bool:
    """Whether a fit can advance with others: its loss and solver serve stacks, and nothing is asked of its factors."""
    free = all(
        spec.penalty.own is None and spec.penalty.other is None and spec.domain is ORTHANT and not spec.fixed
        for spec in (fit.w.spec, fit.h.spec)
    )
    solver = fit.w.spec.solver
    serves = hasattr(solver, "update_many") and solver.needs in fit.loss.batched
    begins = fit.options.max_iter > 0 and not fit.recorder.values
    return free and serves and begins and not fit.w.data.weighted


class BatchHalf:
    """One side of the alternation of several fits: what `FactorState` is for one."""

    def __init__(self, halves: Sequence[FactorState], loss: Loss, extrapolate: bool) -> None:
        factors = [half.factor for half in halves]
        self.data, self.solver = halves[0].data, halves[0].spec.solver
        self.factor = FactorBatch(len(factors[0]), [F.shape[1] for F in factors], factors[0].dtype)
        self.old = self.factor.like() if extrapolate else self.factor
        self.best, self.out = self.factor.like(), loss.allocate_many(self.factor)
        self.statistics = self.summaries = None
        self.summarized = False  # whether the summaries are those of the factors
        for f, half in enumerate(halves):
            for stack, name in ((self.factor, "factor"), (self.old, "old"), (self.best, "best")):
                np.copyto(stack[f], getattr(half, name))
                setattr(half, name, stack[f])

    def exchange(self) -> None:
        """After `old` was overwritten by the extrapolation of `factor`."""
        self.factor, self.old = self.old, self.factor
        self.summarized = False

    def restart(self, f: int, from_old: bool) -> None:
        """Let a fit go on from what its last half-step found, or from the best factor, without momentum."""
        point = self.old[f] if from_old else self.best[f]
        np.copyto(self.factor[f], point)
        np.copyto(self.old[f], point)
        self.summarized = False


class BatchFit:
    """Some fits on their way, all of one problem and let in by `together`; more may join."""

    def __init__(self, fits: Sequence[Fit], bulk: BatchKernels) -> None:
        first = fits[0]
        self.loss, self.options, self.data = first.loss, first.options, first.w.data
        self.bulk, self.fits, self.going = bulk, [], np.arange(0)
        self.join(fits)

    def join(self, fits: Sequence[Fit]) -> None:
        """Begin more fits; the memory of those that have ended is given up."""
        going = self.fits_going()
        for place, f in enumerate(self.going):
            self._hand_back(place, f)
        self.fits = going + list(fits)
        self.w = BatchHalf([fit.w for fit in self.fits], self.loss, self.options.extrapolate)
        self.h = BatchHalf([fit.h for fit in self.fits], self.loss, self.options.extrapolate)
        self.going = np.arange(len(self.fits))
        self.stale = self.going < len(going)  # whose statistics for W are not those of the factors
        new = self.going[len(going) :]
        self.course = self._gathered(new)
        self._make(self.w, self.h, new)
        self._summarize(self.w, new)
        self._enter(self.w, new)
        for place, f in enumerate(new):
            self._scatter(place, f)
        self.course = self._gathered(self.going)

    def fits_going(self) -> list[Fit]:
        """The fits that have not ended."""
        return [self.fits[f] for f in self.going]

    @property
    def columns(self) -> int:
        """The sum of their ranks."""
        return sum(self.w.factor.ranks[f] for f in self.going)

    def advance(self, deadline: float | None) -> Iterator[tuple[Fit, str]]:
        """One iteration of all fits; those that end with it leave, with the reason. At the deadline all do."""
        self._iterate()
        late = deadline is not None and time.perf_counter() >= deadline
        reasons = [reason or ("max_time" if late else None) for reason in self._reasons()]
        ended = [(place, self.going[place]) for place, reason in enumerate(reasons) if reason]
        self._finish(np.array([f for _, f in ended], dtype=np.int64))
        for place, f in ended:
            self._hand_back(place, f)
        stays = np.array([reason is None for reason in reasons])
        self.going, self.stale = self.going[stays], self.stale[stays]
        for name in NUMBERS:
            setattr(self.course, name, getattr(self.course, name)[stays])
        for place, f in ended:
            yield self.fits[f], reasons[place]

    def _iterate(self) -> None:
        course, fits, loss = self.course, self.going, self.loss
        weights = course.advance() if self.options.extrapolate else None
        if self.stale.any():
            self._make(self.w, self.h, fits[self.stale])
        iterations = np.array([len(self.fits[f].recorder.values) for f in fits])
        course.moved = self._update(self.w, iterations)
        self._extrapolate(self.w, weights)
        self._make(self.h, self.w, fits)
        course.moved = course.moved + self._update(self.h, iterations)
        if loss.constant:  # the statistics for H give the objective at the new H
            self._summarize(self.h, fits)
            no_higher = self._enter(self.h, fits)
            self._extrapolate(self.h, weights)
            self.stale[:] = True
        else:  # the next ones for W give it where that half-step starts
            self._extrapolate(self.h, weights)
            self._make(self.w, self.h, fits)
            no_higher = self._enter(self.w, fits)
            self.stale = ~no_higher & self.options.extrapolate
        if self.options.extrapolate:
            self._restart(np.flatnonzero(~no_higher))

    def _make(self, pile: BatchHalf, other: BatchHalf, fits: np.ndarray) -> None:
        """The statistics for a side."""
        if not other.summarized:
            self._summarize(other, fits)
        pile.statistics = self.loss.statistics_many(
            pile.data, pile.factor, other.factor, other.summaries, pile.out, fits, pile is self.w, self.bulk
        )

    def _summarize(self, pile: BatchHalf, fits: np.ndarray) -> None:
        pile.summaries = self.loss.summaries(pile.factor, fits, pile.summaries, self.bulk)
        pile.summarized = len(fits) == len(self.going)

    def _update(self, pile: BatchHalf, iterations: np.ndarray) -> np.ndarray:
        pile.summarized = False
        arguments = pile.data, self.loss, iterations, self.going, self.bulk
        return pile.solver.update_many(pile.factor, pile.statistics, *arguments)

    def _extrapolate(self, pile: BatchHalf, weights: np.ndarray | None) -> None:
        if weights is not None:
            pile.solver.extrapolate_many(pile.factor, pile.old, weights, self.going, self.bulk)
            pile.exchange()

    def _enter(self, pile: BatchHalf, fits: np.ndarray) -> np.ndarray:
        """Enter the objectives, which the statistics for a side give, and keep the factors of those that fell."""
        other = self.h if pile is self.w else self.w
        arguments = pile.summaries, pile.statistics, fits, self.bulk
        values = self.loss.values(pile.data, pile.factor, other.factor, *arguments)
        no_higher = self.course.enter(values)
        self.course.best_loss = np.where(no_higher, values, self.course.best_loss)
        for side in (self.w, self.h):
            self.bulk.copy(side.factor, side.best, fits[no_higher])
        now = time.perf_counter()
        for f, value in zip(fits, self.course.value.tolist(), strict=True):
            self.fits[f].recorder.values.append(value)
            self.fits[f].recorder.seconds.append(now - self.fits[f].recorder.clock)
        return no_higher

    def _restart(self, places: np.ndarray) -> None:
        self.course.t[places] = 1.0
        for place in places:
            for pile in (self.w, self.h):
                pile.restart(self.going[place], self.course.since_progress[place] == 1)

    def _reasons(self) -> list[str | None]:
        """Why each fit stops after this iteration, if it does."""
        reasons: list[str | None] = [None] * len(self.going)
        for place, f in enumerate(self.going):
            if len(self.fits[f].recorder.values) > self.options.max_iter:
                reasons[place] = "max_iter"
        if self.options.tol > 0:
            for reason, found in (
                ("stalled", self.course.stalled()),
                ("tol", self.course.reached(self.options.tol)),
            ):
                for place in np.flatnonzero(found):
                    reasons[place] = reason
        return reasons

    def _gathered(self, fits: np.ndarray) -> StoppingState:
        """The courses of some fits as one."""
        course = StoppingState(self.loss, self.data)
        for name in NUMBERS:
            setattr(course, name, np.array([getattr(self.fits[f].stopping, name) for f in fits]))
        return course

    def _scatter(self, place: int, f: int) -> None:
        for name in NUMBERS:
            setattr(self.fits[f].stopping, name, getattr(self.course, name)[place])

    def _finish(self, fits: np.ndarray) -> None:
        """What the results of fits that end need of their best factors; products with X are made together."""
        if not len(fits):
            return
        summaries = [self.loss.summaries(pile.best, fits, None, self.bulk) for pile in (self.w, self.h)]
        for f in fits:
            for half, of_side in zip((self.fits[f].w, self.fits[f].h), summaries, strict=True):
                half.best_summary = of_side.alone(f)
        if not self.loss.constant:
            return
        sides = (self.w, self.h, summaries[1]), (self.h, self.w, summaries[0])
        for pile, other, of_other in sides:
            arguments = of_other, pile.out, fits, False, self.bulk
            made = self.loss.statistics_many(pile.data, pile.best, other.best, *arguments)
            for f in fits:
                fit = self.fits[f]
                fit.best_statistics[fit.w if pile is self.w else fit.h] = made.alone(f)

    def _hand_back(self, place: int, f: int) -> None:
        """What a fit has found becomes its own."""
        self._scatter(place, f)
        fit = self.fits[f]
        for pile, half in ((self.w, fit.w), (self.h, fit.h)):
            half.factor, half.old, half.best = pile.factor[f], pile.old[f], pile.best[f].copy()
            half.summary = None
