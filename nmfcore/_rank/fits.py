"""What the ways to choose a rank share: fits along the ranks, and how well a model foretells what it has not seen."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._checks import Random
from .._ensemble import Ensemble, Progress
from .._fit import Fit, Problem, Result
from .._many import fit_many
from ..data import Data
from ..losses import Loss

FAINT = 0.3  # a component that is appended, as a share of one of a random start
LEAST_MODEL = 1e-3  # of the mean of X: a model of 0 at a count that was hidden would be infinitely wrong


@dataclass(frozen=True)
class Task:
    """X and what it is asked for.

    problem: X held whole, and the options of a fit; X: the same as an array or a CSR array in canonical form;
    options: of the method; say: takes a line that tells how far it is.
    """

    problem: Problem
    X: Any
    ranks: tuple[int, ...]
    options: dict[str, Any]
    rng: Random
    say: Callable[[str], None]

    def seeds(self, count: int) -> list[int]:
        """Numbers from which other generators start."""
        return [int(number) for number in self.rng.random(count) * 2**53]


class Scores(NamedTuple):
    """What a method finds, see `RankChoice`."""

    k: int
    score: np.ndarray
    spread: np.ndarray
    why: str
    more: dict[str, np.ndarray] = {}  # noqa: RUF012 - never changed


def on(problem: Problem, data: Data, loss: Loss) -> Problem:
    """The same problem for other data."""
    other = copy.copy(problem)
    other.data, other.loss = data, loss
    return other


def begun(problem: Problem, k: int, init: Any, rng: Random, **given: np.ndarray) -> Fit:
    """A fit that has not run yet."""
    return problem.fit(time.perf_counter(), first=False, k=k, init=init, random_state=rng, **given)


def path(problem: Problem, ranks: tuple[int, ...], rng: Random) -> Iterator[tuple[int, Result]]:
    """A fit of each rank, rising: each from the one before, with faint random components appended."""
    result = None
    for k in ranks:
        init = "random" if result is None else grown(result, k, problem.data, rng)
        result = begun(problem, k, init, rng).run()
        yield k, result


def grown(result: Result, k: int, data: Data, rng: Random) -> tuple[np.ndarray, np.ndarray]:
    """A start of rank k: the factors of a fit, balanced, and faint random components."""
    W, Ht = (F.astype(np.float64) for F in (result.W, result.H.T))
    of_W, of_H = W.max(axis=0), Ht.max(axis=0)
    alive = (of_W > 0) & (of_H > 0)
    ratio = np.sqrt(np.divide(of_H, of_W, out=np.ones_like(of_W), where=alive))
    level = FAINT * np.sqrt(np.ldexp(data.measures.mean, data.measures.exponent) / k)
    new = [level * np.abs(rng.standard_normal((len(F), k - F.shape[1]))) for F in (W, Ht)]
    return np.hstack([W * ratio, new[0]]), np.hstack([Ht / ratio, new[1]]).T


def ensemble(task: Task) -> Ensemble:
    """Fits of each rank from `n_starts` random starts."""
    request = task.problem.request
    options = {name: getattr(request, name) for name in ("loss", "max_iter", "tol", "n_threads")}
    X, n_starts, seed = request.X, task.options["n_starts"], task.seeds(1)[0]
    return fit_many(
        X, task.ranks, n_starts, **options, random_state=seed, callback=lambda progress: _tell(progress, task)
    )


def _tell(progress: Progress, task: Task) -> None:
    found = f"  relative error {progress.result.relative_error:.5g}" if progress.result else "  failed"
    task.say(f"fit {progress.done} of {progress.total}  k = {progress.k}" + found)


def divergence(x: np.ndarray, y: np.ndarray, beta: float) -> float:
    """The sum of the beta-divergences of the entries x from y > 0; see `nmfcore.mu`."""
    if beta == 2:
        return 0.5 * float(np.sum((x - y) ** 2))
    if beta == 1:
        return float(np.sum(x * np.log(np.where(x > 0, x / y, 1)) - x + y))
    if beta == 0:
        return float(np.sum(x / y - np.log(x / y) - 1))
    terms = x**beta + (beta - 1) * y**beta - beta * x * y ** (beta - 1)
    return float(np.sum(terms)) / (beta * (beta - 1))


class HoldoutScore:
    """How far hidden entries are from a model, as a share of how far they are from the mean of those that are seen."""

    def __init__(self, data: Data, loss: Loss) -> None:
        self.exponent, self.beta = data.measures.exponent, getattr(loss, "beta", 2.0)
        self.mean = max(data.measures.mean, np.finfo(np.float64).tiny)
        self.range = LEAST_MODEL * self.mean, max(data.measures.largest, self.mean)
        self.eps = np.finfo(data.dtype).eps

    def share(self, blocks: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
        """For hidden entries and the model of them, which is kept within the range of what is seen.

        1 where what is hidden is constant.
        """
        error = of_mean = size = 0.0
        for x, model in blocks:
            x, y = (np.ldexp(part.astype(np.float64), -self.exponent) for part in (x, model))
            error += divergence(x, np.clip(y, *self.range), self.beta)
            of_mean += divergence(x, np.full_like(x, self.mean), self.beta)
            size += divergence(x, np.full_like(x, 2 * self.mean), self.beta)
        return error / of_mean if of_mean > self.eps * size else 1.0
