"""What the methods share: the task, fits along the ranks, and the score of a model in entries that it has not seen."""

import copy
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
MIN_GAIN = 1e-3  # of the error of a constant: by less a larger rank is not better


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


def select_smallest_error(hidden: str, ranks: tuple[int, ...], score: np.ndarray) -> tuple[int, str]:
    """The index of the first rank whose error is at most `MIN_GAIN` above the smallest, and the reason in words.

    Of 72 planted ranks the smallest error found 72, and the first error within one standard error of it 70.
    """
    index = int(np.argmax(score <= np.min(score) + MIN_GAIN))
    if score[index] == np.min(score):
        rule = f"it predicts {hidden} best"
    else:
        rule = f"it is the smallest rank that predicts {hidden} within {MIN_GAIN:g} of the best"
    return index, f"{rule}; its error as a share of that of a constant is {describe_score(ranks, score, index)}"


def describe_score(ranks: tuple[int, ...], score: np.ndarray, index: int) -> str:
    """The score of a rank and those of its neighbours, in words."""
    neighbours = [f"{score[i]:.4g} at k = {ranks[i]}" for i in (index - 1, index + 1) if 0 <= i < len(ranks)]
    return f"{score[index]:.4g}" + (f" ({' and '.join(neighbours)})" if neighbours else "")


def divergence(x: np.ndarray, y: np.ndarray, beta: float) -> float:
    """The sum of the beta-divergences of entries x from y > 0; see `nmfcore.mu`.

    The losses evaluate W H at all entries of X. Here the model of the hidden entries is an array, clipped to a range.
    """
    if beta == 2:
        return 0.5 * float(np.sum((x - y) ** 2))
    if beta == 1:
        return float(np.sum(x * np.log(np.where(x > 0, x / y, 1)) - x + y))
    if beta == 0:
        return float(np.sum(x / y - np.log(x / y) - 1))
    terms = x**beta + (beta - 1) * y**beta - beta * x * y ** (beta - 1)
    return float(np.sum(terms)) / (beta * (beta - 1))


class HoldoutScore:
    """The error of a model in hidden entries, as a share of the error of the mean of the visible entries."""

    def __init__(self, data: Data, loss: Loss) -> None:
        self.exponent, self.beta = data.measures.exponent, getattr(loss, "beta", 2.0)
        self.mean = max(data.measures.mean, np.finfo(np.float64).tiny)
        self.range = MIN_MODEL * self.mean, max(data.measures.largest, self.mean)
        self.eps = np.finfo(data.dtype).eps

    def evaluate(self, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
        """The score of pairs (hidden entries, model of them); 1 if the hidden entries are constant.

        The model is clipped to the range of the visible entries.
        """
        error = error_of_mean = size = 0.0
        for x, model in blocks:
            x, y = (np.ldexp(part.astype(np.float64), -self.exponent) for part in (x, model))
            error += divergence(x, np.clip(y, *self.range), self.beta)
            error_of_mean += divergence(x, np.full_like(x, self.mean), self.beta)
            size += divergence(x, np.full_like(x, 2 * self.mean), self.beta)
        return error / error_of_mean if error_of_mean > self.eps * size else 1.0
