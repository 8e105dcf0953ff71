"""How many fits are done: as many at a time as find room, the others when some have ended."""

import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator

from .._checks import ends_fit
from .._ensemble import Ensemble, Failure, Progress
from .._fit import REPORT_SECONDS, Fit, Problem, RankedProblem, Result
from .._runtime import BatchKernels
from .batch import BatchFit, together
from .ledger_writer import LedgerWriter
from .schedule import Job


class Run:
    """Fits of a problem that are to be done, and what has become of them."""

    def __init__(
        self, problem: Problem, rank: int, jobs: list[Job], entropy: int, deadline: float | None, room: int
    ) -> None:
        self.problem, self.entropy, self.deadline, self.room = problem, entropy, deadline, room
        self.first_rank, self.pending, self.total = rank, deque(jobs), len(jobs)
        self.book = LedgerWriter(None)
        self.error: Exception | None = None  # the first one
        self.ended: dict[Job, Result | Failure] = {}
        self.ranked: dict[int, RankedProblem] = {}
        self.jobs: dict[Fit, Job] = {}  # of the fits that advance together
        self.lockstep: BatchFit | None = None

    def all(self, path: str | os.PathLike | None, listeners: list[Callable], clock: float) -> Ensemble:
        """Do what is not in the ledger, and tell after each fit."""
        self._open(path)
        try:
            for job, found in self._run():
                self.ended[job] = found
                self.book.enter(job, found)
                result = None if isinstance(found, Failure) else found
                progress = Progress(len(self.ended), self.total, *job, result, time.perf_counter() - clock)
                if any([ends_fit(listen(progress)) for listen in listeners]):
                    break
            else:
                self._warn_of_time()
        except BaseException as error:
            self.book.close(error)
            raise
        self.book.close()
        return self._ensemble()

    def _open(self, path: str | os.PathLike | None) -> None:
        """Check what is asked of the first fits, and take those that are in the ledger."""
        ranked = self.ranked[self.first_rank] = RankedProblem(self.problem, True, k=self.first_rank)
        self.book = LedgerWriter.open(path, ranked, self.entropy)
        self.ended |= self.book.finished(set(self.pending))
        self.pending = deque(job for job in self.pending if job not in self.ended)

    def _fit(self, job: Job) -> Fit:
        clock = time.perf_counter()
        if job.k not in self.ranked:
            self.ranked[job.k] = RankedProblem(self.problem, False, k=job.k)
        return self.ranked[job.k].fit(clock, job.seed(self.entropy))

    def _run(self) -> Iterator[tuple[Job, Result | Failure]]:
        """The fits, as they end."""
        begun = False
        while True:
            columns = self.lockstep.columns if self.lockstep else 0
            late = begun and self._late()
            fresh = (yield from self._begin(columns)) if 2 * columns <= self.room and not late else []
            begun = True
            self.book.write_now_and_then()
            if columns or fresh:
                yield from self._advance(fresh)
            elif late or not self.pending:
                return

    def _late(self) -> bool:
        return self.deadline is not None and time.perf_counter() >= self.deadline

    def _begin(self, columns: int) -> Generator[tuple[Job, Result | Failure], None, list[Fit]]:
        """Begin fits that find room beside those under way, which have so many columns; one where there are none.

        What cannot advance with others is done here, the rest is returned.
        """
        fresh: list[Fit] = []
        while self.pending and (columns == 0 or columns + self.pending[0].k <= self.room):
            if fresh and self._late():
                break
            job = self.pending.popleft()
            columns += job.k
            fit = self._guarded(job, lambda job=job: self._fit(job))
            if isinstance(fit, Failure):
                yield job, fit
            elif together(fit):
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
                self.lockstep = BatchFit(fresh, BatchKernels(self.problem.workspace))
            elif fresh:
                self.lockstep.join(fresh)
            ended = list(self.lockstep.advance(self.deadline))
        except Exception as error:  # what one fit has broken the others need not pay for
            warnings.warn(
                f"{len(under_way)} fits are done again, one by one: {_told(error)}", RuntimeWarning, stacklevel=5
            )
            self.lockstep = None
            for fit in under_way:
                job = self.jobs.pop(fit)
                yield job, self._alone(job)
            return
        for fit, reason in ended:
            job = self.jobs.pop(fit)
            yield job, self._guarded(job, lambda fit=fit, reason=reason: fit.result(reason))

    def _alone(self, job: Job, fit: Fit | None = None) -> Result | Failure:
        return self._guarded(job, lambda: self._within(fit or self._fit(job)).run())

    def _within(self, fit: Fit) -> Fit:
        """A fit that keeps to what is left of the time."""
        if self.deadline is not None:
            fit.limit_time(max(0.0, self.deadline - fit.recorder.clock))
        return fit

    def _guarded(self, job: Job, make: Callable[[], Result | Fit]) -> Result | Fit | Failure:
        """What is made of a fit, or that it failed."""
        try:
            return make()
        except Exception as error:
            self.error = self.error or error
            return Failure(*job, _told(error))

    def _ensemble(self) -> Ensemble:
        failures = [found for found in self.ended.values() if isinstance(found, Failure)]
        fits = {job: found for job, found in self.ended.items() if isinstance(found, Result)}
        if failures:
            k, start, message = failures[0]
            what = f"{len(failures)} of {self.total} fits failed, the first one (k={k}, start {start}) with: {message}"
            if not fits and isinstance(self.error, ValueError | TypeError):
                raise self.error  # of all of them: a mistake of the caller
            if not fits:
                raise RuntimeError(what) from self.error
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


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class BatchReport:
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
