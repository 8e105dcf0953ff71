"""Runs the fits of a problem: fills the batch up to its limit and adds fits as others end."""

import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator

from .._checks import ends_fit
from .._ensemble import Ensemble, Failure, Progress
from .._fit import REPORT_SECONDS, Fit, Problem, RankedProblem, Result
from .._runtime import BatchKernels
from .batch import FitBatch, can_be_batched
from .ledger_writer import LedgerWriter
from .schedule import Job

Outcome = tuple[Job, Result | Failure]


class Run:
    """The jobs of one call of `fit_many`, and their outcomes.

    Fits that can be batched advance together; the others run one by one.
    """

    def __init__(
        self,
        problem: Problem[Result],
        ranks: tuple[int, ...],
        jobs: list[Job],
        entropy: int,
        deadline: float | None,
        max_columns: int,
    ) -> None:
        self.problem, self.entropy, self.deadline, self.max_columns = problem, entropy, deadline, max_columns
        self.ranks, self.pending, self.total = ranks, deque(jobs), len(jobs)
        self.writer = LedgerWriter(None)
        self.error: Exception | None = None  # the first one
        self.ended: dict[Job, Result | Failure] = {}
        self.ranked: dict[int, RankedProblem[Result]] = {}
        self.jobs: dict[Fit[Result], Job] = {}  # of the fits in the batch
        self.batch: FitBatch | None = None

    def execute(self, path: str | os.PathLike | None, listeners: list[Callable], clock: float) -> Ensemble:
        """Do the jobs that the ledger does not hold, and call the listeners after each."""
        self._open(path)
        try:
            for job, outcome in self._run():
                self.ended[job] = outcome
                self.writer.enter(job, outcome)
                result = None if isinstance(outcome, Failure) else outcome
                progress = Progress(len(self.ended), self.total, *job, result, time.perf_counter() - clock)
                if any([ends_fit(listen(progress)) for listen in listeners]):
                    break
            else:
                self._warn_of_time()
        except BaseException as error:
            self.writer.close(error)
            raise
        self.writer.close()
        return self._ensemble()

    def _open(self, path: str | os.PathLike | None) -> None:
        """Check the options of the fits of every rank, and take the fits that the ledger holds."""
        for k in self.ranks:
            self.ranked[k] = RankedProblem(self.problem, k == self.ranks[0], k=k)
        self.writer = LedgerWriter.open(path, self.ranked[self.ranks[0]], self.entropy)
        self.ended |= self.writer.finished(set(self.pending))
        self.pending = deque(job for job in self.pending if job not in self.ended)

    def _fit(self, job: Job) -> Fit[Result]:
        clock = time.perf_counter()
        return self.ranked[job.k].fit(clock, job.seed(self.entropy))

    def _run(self) -> Iterator[Outcome]:
        """The outcomes, as the fits end."""
        started = False
        while True:
            columns = self.batch.columns if self.batch else 0
            late = started and self._late()
            fresh = (yield from self._start(columns)) if 2 * columns <= self.max_columns and not late else []
            started = True
            self.writer.write_now_and_then()
            if columns or fresh:
                yield from self._advance(fresh)
            elif late or not self.pending:
                return

    def _late(self) -> bool:
        return self.deadline is not None and time.perf_counter() >= self.deadline

    def _start(self, columns: int) -> Generator[Outcome, None, list[Fit[Result]]]:
        """Start fits that find room in a batch that has so many columns; at least one where the batch is empty.

        Fits that cannot be batched run here; the others are returned.
        """
        fresh: list[Fit[Result]] = []
        while self.pending and (columns == 0 or columns + self.pending[0].k <= self.max_columns):
            if fresh and self._late():
                break
            job = self.pending.popleft()
            columns += job.k
            try:
                fit = self._fit(job)
            except Exception as error:
                yield job, self._failure(job, error)
                continue
            if can_be_batched(fit):
                self.jobs[fit] = job
                fresh.append(fit)
            else:
                yield job, self._alone(job, fit)
                break  # to look at the clock
        return fresh

    def _advance(self, fresh: list[Fit[Result]]) -> Iterator[Outcome]:
        """Let fits join the batch, and do one iteration of it."""
        under_way = (self.batch.active_fits() if self.batch else []) + fresh
        try:
            if self.batch is None:
                self.batch = FitBatch(fresh, BatchKernels(self.problem.workspace))
            elif fresh:
                self.batch.join(fresh)
            ended = list(self.batch.advance(self.deadline))
        except Exception as error:  # If one fit fails, the batch runs again, one fit at a time.
            warnings.warn(
                f"{len(under_way)} fits are done again, one by one: {_described(error)}", RuntimeWarning, stacklevel=5
            )
            self.batch = None
            for fit in under_way:
                job = self.jobs.pop(fit)
                yield job, self._alone(job)
            return
        for fit, reason in ended:
            job = self.jobs.pop(fit)
            yield job, self._result(job, fit, reason)

    def _result(self, job: Job, fit: Fit[Result], reason: str) -> Result | Failure:
        try:
            return fit.result(reason)
        except Exception as error:
            return self._failure(job, error)

    def _alone(self, job: Job, fit: Fit[Result] | None = None) -> Result | Failure:
        """The outcome of a fit that runs by itself, within what is left of the time."""
        try:
            fit = fit or self._fit(job)
            if self.deadline is not None:
                fit.limit_time(max(0.0, self.deadline - fit.recorder.clock))
            return fit.run()
        except Exception as error:
            return self._failure(job, error)

    def _failure(self, job: Job, error: Exception) -> Failure:
        self.error = self.error or error
        return Failure(*job, _described(error))

    def _ensemble(self) -> Ensemble:
        failures = [outcome for outcome in self.ended.values() if isinstance(outcome, Failure)]
        fits = {job: outcome for job, outcome in self.ended.items() if isinstance(outcome, Result)}
        if failures:
            k, start, message = failures[0]
            what = f"{len(failures)} of {self.total} fits failed, the first one (k={k}, start {start}) with: {message}"
            if not fits and isinstance(self.error, ValueError | TypeError):
                raise self.error  # of all fits: a mistake of the user
            if not fits:
                raise RuntimeError(what) from self.error
            warnings.warn(what, RuntimeWarning, stacklevel=4)
        return Ensemble(list(fits.values()), [job.start for job in fits], failures)

    def _warn_of_time(self) -> None:
        cut = sum(getattr(outcome, "reason", "") == "max_time" for outcome in self.ended.values())
        missing = self.total - len(self.ended)
        if cut or missing:
            warnings.warn(
                f"max_time ended {cut} of {self.total} fits early, and {missing} have not begun",
                RuntimeWarning,
                stacklevel=4,
            )


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


class FitPrinter:
    """Prints the first fit, the last one, and one a second between them."""

    def __init__(self) -> None:
        self.printed = -REPORT_SECONDS

    def __call__(self, progress: Progress) -> None:
        if progress.done == progress.total or progress.seconds - self.printed >= REPORT_SECONDS:
            self.printed, result = progress.seconds, progress.result
            what = f"relative error {result.relative_error:.6f}  {result.reason}" if result else "failed"
            print(
                f"fit {progress.done:5d} of {progress.total}  k {progress.k:3d}  start {progress.start:3d}  {what}  "
                f"{progress.seconds:.2f} s",
                flush=True,
            )
