"""How many fits are done: as many at a time as find room, the others when some have ended."""

import dataclasses
import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator

from ._bulk import Bulk
from ._checkpoint import fingerprint
from ._driver import Fit
from ._ensemble import Ensemble
from ._ledger import Ledger
from ._lockstep import Lockstep, together
from ._numbers import ends
from ._plan import Job
from ._problem import OfRank, Problem
from ._report import REPORT_SECONDS
from ._result import Result
from ._types import Failure, Progress

WRITE_SECONDS = 1.0  # whose finished fits a killed call may lose
OF_ONE = ("k", "random_state")  # options in which the fits differ


class Book:
    """What a ledger, if there is one, is told: once a second, since a safe write takes longer than a small fit."""

    def __init__(self, ledger: Ledger | None) -> None:
        self.ledger, self.waiting, self.written = ledger, [], time.perf_counter()

    def enter(self, job: Job, found: Result | Failure) -> None:
        """A fit that has ended; one that time has cut short is to be done again."""
        if self.ledger is None:
            return
        if isinstance(found, Failure):
            self.ledger.fail(*found)
        elif found.reason != "max_time":
            self.waiting.append((*job, found))
        if time.perf_counter() - self.written >= WRITE_SECONDS:
            self.write()

    def write(self) -> None:
        """All that waits."""
        if self.waiting:
            self.ledger.add_all(self.waiting)
        self.waiting, self.written = [], time.perf_counter()


class Run:
    """Fits of a problem that are to be done, and what has become of them."""

    def __init__(self, problem: Problem, jobs: list[Job], entropy: int, deadline: float | None, room: int) -> None:
        self.problem, self.entropy, self.deadline, self.room = problem, entropy, deadline, room
        self.pending, self.total = deque(jobs), len(jobs)
        self.ended: dict[Job, Result | Failure] = {}
        self.ranked: dict[int, OfRank] = {}
        self.jobs: dict[Fit, Job] = {}  # of the fits that advance together
        self.lockstep: Lockstep | None = None

    def all(self, path: str | os.PathLike | None, listeners: list[Callable], clock: float) -> Ensemble:
        """Do what is not in the ledger, and tell after each fit."""
        book = self._open(path)
        try:
            for job, found in self._run():
                self.ended[job] = found
                book.enter(job, found)
                result = None if isinstance(found, Failure) else found
                progress = Progress(len(self.ended), self.total, *job, result, time.perf_counter() - clock)
                if any([ends(listen(progress)) for listen in listeners]):
                    break
            else:
                self._warn_of_time()
        finally:
            book.write()
        return self._ensemble()

    def _open(self, path: str | os.PathLike | None) -> Book:
        """The ledger's book, whose fits are not done again. A first fit is made, whose mistakes are the caller's."""
        if not self.pending:
            return Book(None)
        fit = self._fit(self.pending[0])
        if path is None:
            return Book(None)
        options = {name: value for name, value in fit.origin.options.items() if name not in OF_ONE}
        identity = {"X": fingerprint(self.problem.data), "options": options, "random_state": self.entropy}
        held = Ledger.open(path, identity)
        asked = set(self.pending)
        self.ended = {Job(*place): result for place, result in held.finished().items() if place in asked}
        self.pending = deque(job for job in self.pending if job not in self.ended)
        return Book(held)

    def _fit(self, job: Job) -> Fit:
        clock = time.perf_counter()
        if job.k not in self.ranked:
            self.ranked[job.k] = OfRank(self.problem, not self.ranked, k=job.k)
        return self.ranked[job.k].fit(clock, job.seed(self.entropy))

    def _run(self) -> Iterator[tuple[Job, Result | Failure]]:
        """The fits, as they end."""
        begun = False
        while True:
            columns = self.lockstep.columns if self.lockstep else 0
            late = begun and self.deadline is not None and time.perf_counter() >= self.deadline
            fresh = (yield from self._begin(self.room - columns)) if 2 * columns <= self.room and not late else []
            begun = True
            if columns or fresh:
                yield from self._advance(fresh)
            elif late or not self.pending:
                return

    def _begin(self, room: int) -> Generator[tuple[Job, Result | Failure], None, list[Fit]]:
        """Begin fits that find room, one at least; what cannot advance with others is done here, the rest returned."""
        fresh: list[Fit] = []
        while self.pending and (self.pending[0].k <= room or not fresh):
            job = self.pending.popleft()
            room -= job.k
            try:
                fit = self._fit(job)
            except Exception as error:
                yield job, _failure(job, error)
                continue
            if together(fit):
                self.jobs[fit] = job
                fresh.append(fit)
            else:
                yield job, self._alone(job, fit)
                break  # and look at the clock
        return fresh

    def _advance(self, fresh: list[Fit]) -> Iterator[tuple[Job, Result | Failure]]:
        """Let fits join those under way, and take all of them through an iteration."""
        under_way = (self.lockstep.fits_going() if self.lockstep else []) + fresh
        try:
            if self.lockstep is None:
                self.lockstep = Lockstep(fresh, Bulk(self.problem.workspace))
            elif fresh:
                self.lockstep.join(fresh)
            ended = [(fit, fit.result(reason)) for fit, reason in self.lockstep.advance(self.deadline)]
        except Exception as error:  # what one fit has broken the others need not pay for
            warnings.warn(
                f"{len(under_way)} fits are done again, one by one: {_told(error)}", RuntimeWarning, stacklevel=5
            )
            self.lockstep = None
            for fit in under_way:
                job = self.jobs.pop(fit)
                yield job, self._alone(job)
            return
        for fit, result in ended:
            yield self.jobs.pop(fit), result

    def _alone(self, job: Job, fit: Fit | None = None) -> Result | Failure:
        try:
            fit = fit or self._fit(job)
            if self.deadline is not None:
                left = max(0.0, self.deadline - fit.clock)
                fit.options = dataclasses.replace(fit.options, max_time=left)
            return fit.run()
        except Exception as error:
            return _failure(job, error)

    def _ensemble(self) -> Ensemble:
        failures = [found for found in self.ended.values() if isinstance(found, Failure)]
        fits = {job: found for job, found in self.ended.items() if isinstance(found, Result)}
        if failures:
            k, start, message = failures[0]
            what = f"{len(failures)} of {self.total} fits failed, the first one (k={k}, start {start}) with: {message}"
            if not fits:
                raise RuntimeError(what)
            warnings.warn(what, RuntimeWarning, stacklevel=4)
        return Ensemble(list(fits.values()), [job.start for job in fits], failures)

    def _warn_of_time(self) -> None:
        cut = sum(getattr(found, "reason", "") == "max_time" for found in self.ended.values())
        missing = self.total - len(self.ended)
        if cut or missing:
            warnings.warn(
                f"max_time ended {cut} of {self.total} fits early, and {missing} have not begun",
                RuntimeWarning,
                stacklevel=4,
            )


def _failure(job: Job, error: Exception) -> Failure:
    return Failure(*job, _told(error))


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class Report:
    """Prints the first fit, the last one, and between them one a second."""

    def __init__(self) -> None:
        self.printed = -REPORT_SECONDS

    def __call__(self, progress: Progress) -> None:
        if progress.done == progress.total or progress.seconds - self.printed >= REPORT_SECONDS:
            self.printed, found = progress.seconds, progress.result
            what = f"relative error {found.relative_error:.6f}  {found.reason}" if found else "failed"
            print(
                f"fit {progress.done:5d} of {progress.total}  k {progress.k:3d}  start {progress.start:3d}  {what}  "
                f"{progress.seconds:.2f} s",
                flush=True,
            )
