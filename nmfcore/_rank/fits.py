"""What the methods share: the task, fits along the ranks, and the score of a model in entries that it has not seen."""

import copy
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._checks import Random
from .._ensemble import Ensemble, Progress
from .._fit import Fit, Problem, RandomState, Result
from .._many import fit_many
from ..data import Data
from ..losses import Loss

FAINT = 0.3  # the size of an appended component, as a share of one of a random start
MIN_MODEL = 1e-3  # of the mean of X: a model of 0 under a hidden count has an infinite divergence
ERRORS = 2.0  # standard errors by which a larger rank must be better
UNFINISHED = 5e-3  # of an error: by less fits differ that have not converged


@dataclass(frozen=True, eq=False)
class Task:
    """The arguments of a method.

    Attributes
    ----------
    problem : Problem
        X as a storage, and the options of a fit.
    X : ndarray or CSR array
        The same X, in canonical form.
    ranks : tuple of int
        The candidates, in increasing order.
    options : dict
        The options of the method.
    rng : Generator or RandomState
        The source of the seeds of all draws.
    report : callable
        Prints a line on the progress, or does nothing.
    """

    problem: Problem
    X: Any
    ranks: tuple[int, ...]
    options: dict[str, Any]
    rng: Random
    report: Callable[[str], None]

    def seeds(self, count: int) -> list[int]:
        """Seeds for other generators."""
        return [int(number) for number in self.rng.random(count) * 2**53]


class Selection(NamedTuple):
    """What a method returns; see `RankChoice`."""

    k: int
    score: np.ndarray
    spread: np.ndarray
    why: str
    more: dict[str, np.ndarray] = {}  # noqa: RUF012 - never changed


def with_data(problem: Problem, data: Data, loss: Loss) -> Problem:
    """The same problem with another storage and loss."""
    other = copy.copy(problem)
    other.data, other.loss = data, loss
    return other


def start_fit(problem: Problem, k: int, init: Any, rng: RandomState, **changes: Any) -> Fit:
    """A fit of rank k that has not begun."""
    return problem.fit(time.perf_counter(), warn_unobserved=False, k=k, init=init, random_state=rng, **changes)


def fit_path(problem: Problem, ranks: tuple[int, ...], rng: Random) -> Iterator[tuple[int, Result]]:
    """Fits of increasing rank, each from the one before with faint random components appended."""
    result = None
    for k in ranks:
        init = "random" if result is None else append_components(result, k, problem.data, rng)
        result = start_fit(problem, k, init, rng).run()
        yield k, result


def append_components(result: Result, k: int, data: Data, rng: Random) -> tuple[np.ndarray, np.ndarray]:
    """A start of rank k: the balanced factors of a fit, and faint random components."""
    W, Ht = (F.astype(np.float64) for F in (result.W, result.H.T))
    largest_W, largest_H = W.max(axis=0), Ht.max(axis=0)
    nonzero = (largest_W > 0) & (largest_H > 0)
    ratio = np.sqrt(np.divide(largest_H, largest_W, out=np.ones_like(largest_W), where=nonzero))
    level = FAINT * np.sqrt(np.ldexp(data.measures.mean, data.measures.exponent) / k)
    new_W, new_Ht = (level * np.abs(rng.standard_normal((len(F), k - F.shape[1]))) for F in (W, Ht))
    return np.hstack([W * ratio, new_W]), np.hstack([Ht / ratio, new_Ht]).T


def fit_ensemble(task: Task) -> Ensemble:
    """Fits of each rank from `n_starts` random starts."""
    request = task.problem.request
    options = {name: getattr(request, name) for name in ("loss", "max_iter", "tol", "n_threads")}
    X, n_starts, seed = request.X, task.options["n_starts"], task.seeds(1)[0]
    return fit_many(
        X, task.ranks, n_starts, **options, random_state=seed, callback=lambda progress: _report(progress, task)
    )


def _report(progress: Progress, task: Task) -> None:
    outcome = f"relative error {progress.result.relative_error:.5g}" if progress.result else "failed"
    task.report(f"fit {progress.done} of {progress.total}  k = {progress.k}  {outcome}")


def mean_and_spread(table: Sequence[Sequence[float] | np.ndarray], axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of the scores along the axis of repeats; NaN for a single repeat."""
    scores = np.array(table, dtype=np.float64)
    mean = scores.mean(axis=axis)
    return mean, scores.std(axis=axis, ddof=1) if scores.shape[axis] > 1 else np.full_like(mean, np.nan)


def choose_rank(hidden: str, task: Task, table: Sequence[Sequence[float] | np.ndarray]) -> Selection:
    """The choice from the errors in hidden entries or blocks, a row for each repeat and a column for each rank.

    All ranks of a repeat see the same entries, so the differences between ranks spread less than the errors. By "best"
    the choice is the smallest rank whose error is not above the least one, to `ERRORS` standard errors of the
    difference and to what fits that have not converged differ by. By "one-standard-error" it is the smallest rank whose
    error is at most one standard error of the least one above it (Hastie, Tibshirani & Friedman 2009, section 7.10), or
    the choice by "best" where that is smaller. Rows count as independent, which blocks of one division are not.
    """
    scores = np.array(table, np.float64)
    score, spread = mean_and_spread(table)
    best = int(np.argmin(score))
    root = math.sqrt(len(scores))
    above = mean_and_spread(list(scores - scores[:, best : best + 1]))[1] / root
    tolerance = np.maximum(ERRORS * np.nan_to_num(above), floor_of_errors(score[best], task))
    within = "the spread of their difference over the repeats"
    if task.options["rule"] == "one-standard-error":
        tolerance = np.maximum(tolerance, spread[best] / root)
        within = "one standard error of that"
    index = int(np.argmax(score <= score[best] + tolerance))
    if index == best:
        rule = f"it predicts {hidden} best"
    else:
        rule = (
            f"it is the smallest rank that predicts {hidden} as well as k = {task.ranks[best]}, which has the least "
            f"error, {score[best]:.4g}, within {within} ({tolerance[index]:.2g})"
        )
    why = f"{rule}; its error as a share of that of a constant is {describe_score(task.ranks, score, index)}"
    if score[best] >= 1:
        why += "; no rank predicts them better than a constant, so X has no structure that this method can see"
    return Selection(task.ranks[index], score, spread, why)


def floor_of_errors(least: float, task: Task) -> float:
    """A difference of errors that says nothing: fits end before they have converged."""
    return max(UNFINISHED * least, 10 * task.options["tol"] ** 2)


def describe_score(ranks: tuple[int, ...], score: np.ndarray, index: int) -> str:
    """The score of a rank and those of its neighbours, in words."""
    neighbours = [f"{score[i]:.4g} at k = {ranks[i]}" for i in (index - 1, index + 1) if 0 <= i < len(ranks)]
    return f"{score[index]:.4g}" + (f" ({' and '.join(neighbours)})" if neighbours else "")


def divergence(x: np.ndarray, y: np.ndarray, beta: float, weights: np.ndarray | float = 1.0) -> float:
    """The weighted sum of the beta-divergences of entries x from y > 0; see `nmfcore.mu`.

    The losses evaluate W H at all entries of X. Here the model of the hidden entries is an array, clipped to a range.
    """
    if beta == 2:
        terms = 0.5 * (x - y) ** 2
    elif beta == 1:
        terms = x * np.log(np.where(x > 0, x / y, 1)) - x + y
    elif beta == 0:
        terms = x / y - np.log(x / y) - 1
    else:
        terms = (x**beta + (beta - 1) * y**beta - beta * x * y ** (beta - 1)) / (beta * (beta - 1))
    return float(np.sum(weights * terms))


class HoldoutScore:
    """The error of a model in hidden entries, as a share of the error of the mean of the visible entries."""

    def __init__(self, data: Data, loss: Loss) -> None:
        self.exponent, self.beta = data.measures.exponent, getattr(loss, "beta", 2.0)
        self.mean = max(data.measures.mean, np.finfo(np.float64).tiny)
        self.range = MIN_MODEL * self.mean, max(data.measures.largest, self.mean)
        self.eps = np.finfo(data.dtype).eps

    def evaluate(self, blocks: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray | float]]) -> float:
        """The score of (hidden entries, model of them, their weights); 1 if the hidden entries are constant.

        The model is clipped to the range of the visible entries.
        """
        error = error_of_mean = size = 0.0
        for x, model, weights in blocks:
            x, y = (np.ldexp(part.astype(np.float64), -self.exponent) for part in (x, model))
            error += divergence(x, np.clip(y, *self.range), self.beta, weights)
            error_of_mean += divergence(x, np.full_like(x, self.mean), self.beta, weights)
            size += divergence(x, np.full_like(x, 2 * self.mean), self.beta, weights)
        return error / error_of_mean if error_of_mean > self.eps * size else 1.0
