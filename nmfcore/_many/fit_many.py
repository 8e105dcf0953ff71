"""Many fits of one X: several ranks, several starts of each, side by side."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from .._checks import check_count, check_flag, check_number, check_ranks
from .._ensemble import Ensemble, Progress
from .._fit import FitRequest, InitLike, Problem, RandomState, Result
from ..losses import LossLike
from ..penalties import Penalty
from . import check_many, schedule
from .run import BatchReport, Run


def fit_many(
    X: Any,
    ranks: int | Iterable[int],
    n_starts: int = 10,
    *,
    loss: LossLike = "frobenius",
    solver: str = "auto",
    init: InitLike = "random",
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
    random_state: RandomState = None,
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
        See `nmf`. The fits of "frobenius" by "hals" and those of the losses that "mu" serves alone, by "mu", advance
        together; with penalties, given values, weights, masks or missing entries, and by other solvers, they are done
        one after another.
    ranks : int or iterable of int
        Different ranks k, each >= 1.
    n_starts : int
        Starts of each rank.
    init : str or (W0, H0)
        As in `nmf`. More than one start must be of a kind that draws: "random" or "nndsvdar".
    max_time : float, optional
        Seconds for all of them; one fit at least takes an iteration. The fits that are under way then end with the
        reason "max_time", the others are not begun; a warning says how many.
    memory : float, optional
        Bytes that the fits under way may take beside X and their results; as many advance together as it allows, about
        12 (m + n) k numbers each. None: 1 GiB, or what one fit needs.
    worker : (int, int)
        (i, n): do the share of worker i of n, every n-th fit; `Ensemble.combine`, or `Ensemble.load` of the workers'
        ledgers, puts the shares together. random_state must be one integer for all workers.
    ledger : str or os.PathLike, optional
        A file to which the fits are written as they end, once a second (see `Ensemble.load`). Those that are in it are
        not done again, so that an interrupted call goes on where it was; fits that max_time has cut short are not in
        it. Other ranks or more starts may be asked for; another X, other options or another random_state are refused.
        Without a random_state that of the ledger is taken.
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
    twice for each. Of small X each thread takes whole fits. In `Result.history` the seconds of a fit count from when it
    was begun, and pass for all that are under way.

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> rng = np.random.default_rng(0)
    >>> X = rng.random((60, 3)) @ rng.random((3, 40))
    >>> ensemble = nmfcore.fit_many(X, [2, 3], n_starts=5, random_state=0)
    >>> ensemble.best(3).relative_error < 0.01 < ensemble.best(2).relative_error
    True
    """
    clock = time.perf_counter()
    ranks, n_starts = check_ranks(ranks), check_count(n_starts, "n_starts", 1)
    worker, init = check_many.worker(worker), check_many.start(init, ranks, n_starts)
    listeners = [check_many.listener(callback)] if callback is not None else []
    ledger = check_many.path(ledger)
    entropy = check_many.entropy(random_state, worker[1], ledger)
    deadline = None if max_time is None else clock + check_number(max_time, "max_time")
    if check_flag(verbose, "verbose"):
        listeners.append(BatchReport())
    request = FitRequest(
        X=X,
        loss=loss,
        solver=solver,
        init=init,
        max_iter=max_iter,
        tol=tol,
        inner_iter=inner_iter,
        floor=floor,
        extrapolate=extrapolate,
        penalty_W=penalty_W,
        penalty_H=penalty_H,
        fixed_W=fixed_W,
        fixed_H=fixed_H,
        weights=weights,
        mask=mask,
        missing=missing,
        n_threads=n_threads,
        random_state=random_state,
    )
    problem = Problem(request, Result)
    room = schedule.columns_at_a_time(problem.data, check_many.memory(memory, problem.data, ranks[-1]))
    run = Run(problem, ranks[0], schedule.jobs(ranks, n_starts, worker), entropy, deadline, room)
    return run.all(ledger, listeners, clock)
