"""Many fits of one X: several ranks, several starts of each, side by side."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from .._checks import check_count, check_flag, check_number, check_ranks
from .._ensemble import Ensemble, Progress
from .._fit import FitRequest, InitLike, Problem, RandomState, Result, document
from ..losses import LossLike
from ..penalties import Penalty
from . import check_many, schedule
from .run import FitPrinter, Run


@document
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
    compress: bool | str = "auto",
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
    """Factorize X ~ W H for each of several ranks from several starts; one reading of X serves many fits.

    The fits advance together, one iteration at a time: one product with X is computed for all of them, at the full
    speed of the machine even where the ranks are small. Each fit keeps its own extrapolation, stops by its own rule,
    and equals the single fit bit for bit.

    Parameters
    ----------
    %(X)s
    ranks : int or iterable of int
        Different ranks k, each >= 1.
    n_starts : int
        The number of starts of each rank.
    loss, solver, tol, inner_iter, floor, extrapolate, compress
        See `nmf`. Fits advance together for "frobenius" by "hals" and for the losses of "mu" by "mu", without
        penalties, fixed values, weights, masks or missing entries. Other fits run one after another.
    init : str or (W0, H0)
        See `nmf`. More than one start needs a start that draws: "random" or "nndsvdar".
    %(max_iter)s
    max_time : float, optional
        Seconds for the whole call. At least one iteration of one fit is done. The fits under way then end with the
        reason "max_time", and the others do not begin; a warning gives the numbers of both.
    %(penalties)s
    %(observations)s
    memory : float, optional
        The bytes that the fits under way may take, beyond X and their results: about 12 (m + n) k numbers each. As many
        fits advance together as it allows. None: 1 GiB, or what one fit needs.
    worker : (int, int)
        (i, n): do the share of worker i of n, which is every n-th fit. `Ensemble.combine`, or `Ensemble.load` of the
        ledgers of all workers, joins the shares. random_state must be the same integer for all workers.
    ledger : str or os.PathLike, optional
        A file to which fits are written as they end, once a second (see `Ensemble.load`). Fits that it holds are not
        done again, so that an interrupted call continues where it stopped; fits that max_time has cut short are not
        in it. More ranks and starts may be asked for. Another X, other options or another random_state are an error.
        Without a random_state that of the ledger is used.
    %(n_threads)s
    random_state : int, Generator, RandomState, optional
        The source of the seeds. The seed of a start depends only on random_state, its rank and its number.
        `Result.options` holds it: ``nmf(X, k, init="random", random_state=seed)`` repeats that fit.
    callback : callable, optional
        Called as callback(progress) with a `Progress` after each fit. If it returns True the call ends, and the fits
        under way are dropped.
    verbose : bool
        Whether to print a line about once a second.

    Returns
    -------
    Ensemble
        The fits, by rank and start, those of the ledger included. `Ensemble.failures` and a warning name fits that
        failed.

    Raises
    ------
    InputError, InputTypeError
        As `nmf`. Also for ranks that are not different integers >= 1, for more than one start of a kind that does not
        draw, for too little memory for one fit, for a ledger of other data or options, and for a share without an
        integer random_state.
    OSError
        The ledger cannot be written.

    See Also
    --------
    select_rank : The choice of the rank.
    Ensemble : What can be asked of many fits.

    Notes
    -----
    An iteration of all fits costs the flop of their single iterations, 4 m n k each, but reads X twice in all. For
    small X each thread takes whole fits. The seconds in `Result.history` count from the beginning of a fit, and pass
    for all fits under way.

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
    worker, init = check_many.check_worker(worker), check_many.check_init(init, ranks, n_starts)
    listeners = [check_many.check_listener(callback)] if callback is not None else []
    ledger = check_many.check_path(ledger)
    entropy = check_many.entropy(random_state, worker[1], ledger)
    deadline = None if max_time is None else clock + check_number(max_time, "max_time")
    if check_flag(verbose, "verbose"):
        listeners.append(FitPrinter())
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
        compress=compress,
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
    max_columns = schedule.max_batch_columns(problem.data, check_many.check_memory(memory, problem.data, ranks[-1]))
    run = Run(problem, ranks, schedule.jobs(ranks, n_starts, worker), entropy, deadline, max_columns)
    return run.execute(ledger, listeners, clock)
