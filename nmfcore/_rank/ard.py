"""Automatic relevance determination: the components that X keeps from shrinking to 0 (Tan & Fevotte 2013)."""

import math
from typing import NamedTuple

import numpy as np

from .._checks import Random
from .._fit import Problem
from .._runtime import Workspace
from ..data import Data
from ..losses import Frobenius, Loss
from .fits import Selection, Task, mean_and_spread, start_fit

PRIOR_SHAPE = 5.0  # a of the inverse gamma prior of the scales
MIN_NOISE = 2e-2  # of the variance of X
ACTIVE = 0.05  # of the largest excess: a component below it is shrinking to 0


class RelevanceFit(NamedTuple):
    """A fit with a scale for each component."""

    excess: np.ndarray  # of the scales above that of an empty component, relative and in decreasing order
    objective: float
    n_iter: int

    @property
    def n_active(self) -> int:
        """The number of components that do not shrink to 0."""
        return int(np.count_nonzero(self.excess > ACTIVE * self.excess[0]))


def select_by_relevance(task: Task) -> Selection:
    """The number of active components in the best of several fits of the largest rank."""
    k, ranks, fits = task.ranks[-1], np.array(task.ranks), []
    phi = estimate_noise(task.problem, k, task.rng)
    for seed in task.seeds(task.options["n_starts"]):
        fit = fit_relevance(task.problem, k, phi, np.random.default_rng(seed))
        fits.append(fit)
        task.report(f"{fit.n_iter} iterations  {fit.n_active} of {k} components stay active")
    best = min(fits, key=lambda fit: fit.objective)
    index = int(np.argmin(np.abs(ranks - best.n_active)))
    why = f"{best.n_active} of {k} component{'s' * (k > 1)} stay active under a penalty on their scales"
    why += "" if ranks[index] == best.n_active else f", and {ranks[index]} is the nearest of the given ranks"
    spread = mean_and_spread([fit.excess[ranks - 1] for fit in fits])[1]
    return Selection(task.ranks[index], best.excess[ranks - 1], spread, why)


def estimate_noise(problem: Problem, k: int, rng: Random) -> float:
    """The dispersion phi of the scaled X: 1 for counts, in their unit; for least squares the variance of the residual.

    The residual is that of a plain fit. phi is at least `MIN_NOISE` of the variance of X: below it the prior has no
    weight, and no component shrinks.
    """
    data = problem.data
    if not isinstance(problem.loss, Frobenius):
        return math.ldexp(1.0, -data.measures.exponent)
    m, n = data.shape
    k = min(k, min(m, n) - 1) or 1
    squares = start_fit(problem, k, "random", rng).run().relative_error ** 2 * data.measures.squared_norm
    variance = data.measures.squared_norm / (m * n) - data.measures.mean**2
    return max(squares / max(1, (m - k) * (n - k)), MIN_NOISE * variance)


def fit_relevance(problem: Problem, k: int, phi: float, rng: Random) -> RelevanceFit:
    """Multiplicative updates of W and H, and updates of the scales of their components, from a random start.

    They lower D(X | W H) / phi + sum_t (sum w_t + sum h_t + b) / scale_t + c log scale_t with c = m + n + a + 1. The
    entries have exponential priors and their scales an inverse gamma prior; b is such that the mean of the model is
    that of X.
    """
    data, loss, workspace = problem.data, problem.loss, problem.workspace
    c = sum(data.shape) + PRIOR_SHAPE + 1
    b = math.sqrt((PRIOR_SHAPE - 1) * (PRIOR_SHAPE - 2) * data.measures.mean / k)
    if b == 0:
        return RelevanceFit(np.zeros(k), 0.0, 0)
    start = start_fit(problem, k, "random", rng)
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
    objective = value / (phi or 1.0) + c * float(np.log(scale).sum())
    return RelevanceFit(np.sort(scale * c / b - 1)[::-1], objective, n_iter)


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
    with np.errstate(over="ignore"):  # a slope beyond the range of float32 removes the component
        slope = slope.astype(F.dtype)
    F *= np.divide(num, den + slope, out=np.zeros_like(F), where=num > 0)
