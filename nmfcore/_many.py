"""Many fits of one X: several ranks, several starts of each, side by side."""

import dataclasses
import os
import time
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np

from . import _check, _check_many, _plan
from ._bulk import Bulk
from ._checkpoint import fingerprint
from ._driver import Fit
from ._ensemble import Ensemble
from ._ledger import Ledger
from ._lockstep import Lockstep, together
from ._numbers import ends, number
from ._plan import Job
from ._problem import REPORT_SECONDS, Problem
from ._result import Result
from ._types import Failure, Progress
from .penalties import Penalty

OF_ALL = ("ranks", "n_starts", "memory", "worker", "ledger")  # arguments that are not those of `nmf`
OF_ONE = ("k", "random_state")  # options in which the fits differ


def fit_many(
    X: Any,
    ranks: int | Iterable[int],
    n_starts: int = 10,
    *,
    loss: str | float = "frobenius",
    solver: str = "auto",
    init: str | tuple[Any, Any] = "random",
    max_iter: int = 200,
    tol: float = 1e-4,
    max_time: float | None = None,
    inner_iter: int | str = "auto",
    floor: float | None = None,
    extrapolate: bool = True,
    penalty_W: Penalty | None = None,
    penalty_H: Penalty | None = None,
    fixed_W: Any = None,
    fixed_H: Any = None,
    weights: Any = None,
    mask: Any = None,
    missing: str | None = None,
    memory: float | None = None,
    worker: tuple[int, int] = (0, 1),
    ledger: str | os.PathLike | None = None,
    n_threads: int | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
    callback: Callable[[Progress], object] | None = None,
    verbose: bool = False,
) -> Ensemble:
    """Factorize X ~ W H for each of several ranks from several starts: one reading of X serves many fits.

    The fits advance together, an iteration at a time: the factors of all of them stand side by side, so that one
    product with X is made for all, at the full speed of the machine even where the ranks are small. Each fit keeps its
    own extrapolation and stopping rule, leaves when it has ended, and gives the result that it gives alone, to the bit.

    Parameters
    ----------
    X, loss, solver, max_iter, tol, inner_iter, floor, extrapolate, penalty_W, penalty_H, fixed_W, fixed_H, weights, \
mask, missing, n_threads
        See `nmf`. With penalties, given values, weights or a solver other than "hals" and "mu" the fits are done one
        after another.
    ranks : int or iterable of int
        Different ranks k, each >= 1.
    n_starts : int
        Starts of each rank.
    init : str or (W0, H0)
        As in `nmf`. More than one start must be of a kind that draws: "random" or "nndsvdar".
    max_time : float, optional
        Seconds for all of them. The fits that are under way then end with the reason "max_time", the others are not
        begun; a warning says how many.
    memory : float, optional
        Bytes that the fits under way may take beside X and their results; as many advance together as it allows, about
        10 (m + n) k numbers each, and never more than 256 columns. None: 1 GiB, or what one fit needs.
    worker : (int, int)
        (i, n): do the share of worker i of n, every n-th fit; `Ensemble.combine`, or `Ensemble.load` of the workers'
        ledgers, puts the shares together. random_state must be one integer for all workers.
    ledger : str or os.PathLike, optional
        A file to which each fit is written when it has ended (see `Ensemble.load`). Fits that are in it are not done
        again, so that an interrupted call goes on where it was; fits that max_time has cut short are not in it.
        Other ranks or more starts may be asked for; another X, other options or another random_state are refused.
    random_state : int, Generator, RandomState, optional
        What the seeds of all starts follow from. That of a start depends on random_state, its rank and its number
        alone; `Result.options` has it: ``nmf(X, k, init="random", random_state=seed)`` is that fit again.
    callback : callable, optional
        Called as callback(progress) with a `Progress` after each fit. To return True ends the call; the fits under way
        are dropped.
    verbose : bool
        Print a line now and then.

    Returns
    -------
    Ensemble
        The fits, by rank and start, those in the ledger included. Fits that failed are in its `failures`, and in a
        warning.

    Raises
    ------
    TypeError, ValueError
        As `nmf`; no ranks, or ranks that are not different integers >= 1; more than one start of a kind that does not
        draw; too little memory for one fit; a ledger of other data or options; no integer random_state for a share.
    OSError
        The ledger cannot be written.

    Notes
    -----
    An iteration of all fits costs what their iterations cost alone in flop, 4 m n k each, but reads X twice in all, not
    twice for each. Of small X each thread takes whole fits.

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((60, 3)) @ rng.random((3, 40))
    >>> ensemble = nmfcore.fit_many(X, [2, 3], n_starts=5, random_state=0)
    >>> ensemble.best(3).relative_error < 0.01 < ensemble.best(2).relative_error
    True
    """
    clock, asked = time.perf_counter(), dict(locals())
    ranks, n_starts = _check_many.ranks(ranks), _check.count(n_starts, "n_starts", 1)
    worker, init = _check_many.worker(worker), _check_many.start(init, ranks, n_starts)
    listeners = [_check_many.listener(callback)] if callback is not None else []
    entropy = _check_many.entropy(random_state, worker[1])
    deadline = None if max_time is None else clock + number(max_time, "max_time")
    if _check.flag(verbose, "verbose"):
        listeners.append(Report())
    of_fits = {name: value for name, value in asked.items() if name not in OF_ALL}
    problem = Problem(of_fits | {"init": init, "max_time": None, "callback": None, "verbose": False})
    room = _plan.columns_at_a_time(problem.data, _check_many.memory(memory, problem.data, ranks[-1]))
    run = Run(problem, _plan.jobs(ranks, n_starts, worker), entropy, deadline, room)
    return run.all(ledger, listeners, clock)


class Run:
    """Fits of a problem that are to be done, and what has become of them."""

    def __init__(self, problem: Problem, jobs: list[Job], entropy: int, deadline: float | None, room: int) -> None:
        self.problem, self.entropy, self.deadline, self.room = problem, entropy, deadline, room
        self.pending, self.total = deque(jobs), len(jobs)
        self.ended: dict[Job, Result | Failure] = {}
        self.jobs: dict[Fit, Job] = {}  # of the fits that advance together
        self.lockstep: Lockstep | None = None

    def all(self, ledger: str | os.PathLike | None, listeners: list[Callable], clock: float) -> Ensemble:
        """Do what is not in the ledger, and tell after each fit."""
        held = self._open(ledger)
        for job, found in self._run():
            self.ended[job] = found
            if held is not None:
                _write(held, job, found)
            result = None if isinstance(found, Failure) else found
            progress = Progress(len(self.ended), self.total, *job, result, time.perf_counter() - clock)
            if any([ends(listen(progress)) for listen in listeners]):
                break
        else:
            self._warn_of_time()
        return self._ensemble()

    def _open(self, path: str | os.PathLike | None) -> Ledger | None:
        """The ledger, whose fits are not done again. A first fit is made, whose mistakes are the caller's."""
        if not self.pending:
            return None
        job = self.pending[0]
        fit = self._fit(job, first=True)
        if path is None:
            return None
        options = {name: value for name, value in fit.origin.options.items() if name not in OF_ONE}
        identity = {"X": fingerprint(self.problem.data), "options": options, "random_state": self.entropy}
        held = Ledger.open(path, identity)
        asked = set(self.pending)
        self.ended = {Job(*place): result for place, result in held.finished().items() if place in asked}
        self.pending = deque(job for job in self.pending if job not in self.ended)
        return held

    def _fit(self, job: Job, first: bool = False) -> Fit:
        clock = time.perf_counter()
        return self.problem.fit(clock, first, k=job.k, random_state=job.seed(self.entropy))

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


def _write(ledger: Ledger, job: Job, found: Result | Failure) -> None:
    if isinstance(found, Failure):
        ledger.fail(*found)
    elif found.reason != "max_time":
        ledger.add(*job, found)


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
