"""Alternating projected gradient descent: the textbook's, to compare with and to teach."""

import math
from dataclasses import dataclass

import numpy as np

from .._runtime import Workspace
from ..losses import ALL_PENALTIES, EPS, Loss, Split
from ..penalties import Domain


@dataclass(frozen=True)
class PGD:
    """Projected gradient descent F <- P(F - step gradient), P the projection onto F >= 0 or its domain; Armijo's rule.

    Lin 2007, doi:10.1162/neco.2007.19.10.2756, section 4. The first step tried is that of the quadratic with the
    curvature den / F of the multiplicative update. It is doubled while that lowers the objective further, or halved
    until the objective falls by at least SIGMA of what the gradient promises; where no step does, F stays. Each trial
    is a pass over X, but for least squares, where it costs 2 m k^2 flop.
    """

    name = "pgd"
    needs = "split"
    exact = False
    takes = ALL_PENALTIES
    SIGMA = 0.01
    MOST_TRIALS = 40

    def update(
        self, F: np.ndarray, statistics: Split, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """One step in place; returns twice what the objective fell, or infinity where no step was found."""
        split = statistics.split(F, workspace)
        gradient = split.den - split.num
        direction = np.where((F > 0) | (gradient < 0), gradient, 0)
        square = workspace.inner(direction, direction)
        size = np.maximum(F.mean(axis=0), EPS[F.dtype] * F.mean() or 1)
        with np.errstate(over="ignore", invalid="ignore"):
            curvature = float(np.sum(direction**2 * (split.den / np.maximum(F, size)), dtype=np.float64))
        if not math.isfinite(square + curvature):  # a model next to 0 under data that it is infinitely far from
            return math.inf
        if not (square > 0 and curvature > 0):
            return 0.0
        start = split.objective(F)
        step, best, lowest, halved = square / curvature, F, start, False
        for _ in range(self.MOST_TRIALS):
            trial = F - F.dtype.type(step) * gradient
            if domain.kind == "bounds":
                np.maximum(trial, 0, out=trial)
            domain.project(trial, workspace)
            value = split.objective(trial)
            promised = workspace.inner(gradient, trial - F)
            if value <= start + self.SIGMA * promised and value < lowest:
                best, lowest = trial, value
                if halved:
                    break
                step *= 2
            elif best is not F:
                break
            else:
                step, halved = step / 2, True
        if best is F:
            return math.inf  # which says nothing of how far it is
        F[:] = best
        return 2 * (start - lowest)

    def extrapolates(self, loss: Loss) -> bool:
        """Never: that would be another algorithm."""
        return False

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Not called."""
