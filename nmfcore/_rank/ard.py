"""The components that X keeps alive: automatic relevance determination (Tan & Fevotte 2013)."""

import math
from typing import NamedTuple

import numpy as np

from .._checks import Random
from .._fit import Problem
from .._runtime import Workspace
from ..data import Data
from ..losses import Frobenius, Loss
from .choice import column
from .fits import Scores, Task, begun

SHAPE = 5.0  # a of the inverse gamma prior of the scales
LEAST_NOISE = 2e-2  # of the variance of X
ALIVE = 0.05  # of the largest excess: what is below it is on its way to 0


class Relevance(NamedTuple):
    """How much of each component is left.

    excess: by which share its scale is above that of an empty one, falling; objective: see `relevance`.
    """

    excess: np.ndarray
    objective: float
    n_iter: int

    @property
    def alive(self) -> int:
        """How many are there."""
        return int(np.count_nonzero(self.excess > ALIVE * self.excess[0]))


def scores(task: Task) -> Scores:
    """The best of some fits of the largest rank; the rank is the number of components that stay."""
    k, ranks, fits = task.ranks[-1], np.array(task.ranks), []
    phi = noise(task.problem, k, task.rng)
    for seed in task.seeds(task.options["n_starts"]):
        fits.append(relevance(task.problem, k, phi, np.random.default_rng(seed)))
        task.say(f"{fits[-1].n_iter} iterations  {fits[-1].alive} of {k} components stay")
    best = min(fits, key=lambda fit: fit.objective)
    at = int(np.argmin(np.abs(ranks - best.alive)))
    said = f"of {k} component{'s' * (k > 1)} {best.alive} stay where each pays for its size"
    said += "" if ranks[at] == best.alive else ", and it is the nearest of the ranks asked for"
    spread = column([fit.excess[ranks - 1] for fit in fits])[1]
    return Scores(task.ranks[at], best.excess[ranks - 1], spread, said)


def noise(problem: Problem, k: int, rng: Random) -> float:
    """phi of the scaled X: 1 for counts, in their unit; for least squares the variance that a plain fit leaves.

    With less than `LEAST_NOISE` of the variance of X the prior has no weight, and no component goes.
    """
    data = problem.data
    if not isinstance(problem.loss, Frobenius):
        return math.ldexp(1.0, -data.measures.exponent)
    m, n = data.shape
    k = min(k, min(m, n) - 1) or 1
    squares = begun(problem, k, "random", rng).run().relative_error ** 2 * data.measures.squared_norm
    variance = data.measures.squared_norm / (m * n) - data.measures.mean**2
    return max(squares / max(1, (m - k) * (n - k)), LEAST_NOISE * variance)


def relevance(problem: Problem, k: int, phi: float, rng: Random) -> Relevance:
    """Multiplicative updates of W and H, and of the scales of their components, from a random start.

    They lower D(X | W H) / phi + sum_t (sum w_t + sum h_t + b) / scale_t + c log scale_t with c = m + n + a + 1: the
    entries have exponential priors, their scales an inverse gamma prior, whose b gives the model the mean of X.
    """
    data, loss, workspace = problem.data, problem.loss, problem.workspace
    c = sum(data.shape) + SHAPE + 1
    b = math.sqrt((SHAPE - 1) * (SHAPE - 2) * data.measures.mean / k)
    if b == 0:
        return Relevance(np.zeros(k), 0.0, 0)
    start = begun(problem, k, "random", rng)
    W, Ht = start.w.factor, start.h.factor
    scale, n_iter, change = _scale(W, Ht, b, c), 0, math.inf
    while n_iter < problem.request.max_iter and change > problem.request.tol:
        _update(data, W, Ht, phi / scale, loss, workspace)
        _update(data.T, Ht, W, phi / scale, loss, workspace)
        before, scale, n_iter = scale, _scale(W, Ht, b, c), n_iter + 1
        change = float(np.max(np.abs(scale - before) / before))
    if isinstance(loss, Frobenius):
        value = 0.5 * data.squared_residual(W, Ht)
    else:
        value = loss.statistics(data, W, Ht, loss.summary(Ht, workspace), loss.allocate(data, W, Ht)[0], True).value
    return Relevance(np.sort(scale * c / b - 1)[::-1], value / (phi or 1.0) + c * float(np.log(scale).sum()), n_iter)


def _scale(W: np.ndarray, Ht: np.ndarray, b: float, c: float) -> np.ndarray:
    return (W.sum(axis=0, dtype=np.float64) + Ht.sum(axis=0, dtype=np.float64) + b) / c


def _update(data: Data, F: np.ndarray, B: np.ndarray, slope: np.ndarray, loss: Loss, workspace: Workspace) -> None:
    """A multiplicative update of F, in place, under the linear penalty `slope` of each component."""
    if isinstance(loss, Frobenius):
        num = data.dot(B, np.empty_like(F))
        den = workspace.product(F, workspace.gram(B).astype(F.dtype), np.empty_like(F))
    else:
        split = loss.statistics(data, F, B, loss.summary(B, workspace), loss.allocate(data, F, B)[0], False)
        num, den = split.num, split.den
    F *= np.divide(num, den + slope.astype(F.dtype), out=np.zeros_like(F), where=num > 0)
