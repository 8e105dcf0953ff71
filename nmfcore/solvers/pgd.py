"""Alternating projected gradient descent, as in textbooks, for comparison and teaching."""

import math
from dataclasses import dataclass

import numpy as np

from .._runtime import Workspace
from ..losses import ALL_PENALTIES, EPS, Loss, Normal, RowNormals, Split
from ..penalties import Domain


@dataclass(frozen=True)
class PGD:
    """Projected gradient descent F <- P(F - step gradient) with Armijo's rule.

    P is the projection to F >= 0 or to the domain. Lin 2007, doi:10.1162/neco.2007.19.10.2756, section 4. The first
    trial is the step of the quadratic with the curvature den / F of the multiplicative update. It is doubled as long as
    this lowers the objective further, or halved until the objective decreases by at least SIGMA times the linear
    prediction. If no step does, F is unchanged. Each trial is a pass over X; for least squares it costs 2 m k^2 flop.
    """

    name = "pgd"
    needs = "split"
    exact = False
    takes = ALL_PENALTIES
    SIGMA = 0.01
    MAX_TRIALS = 40

    def update(
        self,
        F: np.ndarray,
        statistics: Split | Normal | RowNormals,
        domain: Domain,
        cost: float,
        iteration: int,
        workspace: Workspace,
    ) -> float:
        """Take one step in place; return twice the decrease of the objective, or infinity if no step was found."""
        split = statistics.split(F, workspace)
        gradient = split.den - split.num
        direction = np.where((F > 0) | (gradient < 0), gradient, 0)
        square = workspace.inner(direction, direction)
        size = np.maximum(F.mean(axis=0), EPS[F.dtype] * F.mean() or 1)
        with np.errstate(over="ignore", invalid="ignore"):
            curvature = float(np.sum(direction**2 * (split.den / np.maximum(F, size)), dtype=np.float64))
        if not math.isfinite(square + curvature):  # the model is almost 0, and its divergence from X infinite
            return math.inf
        if not (square > 0 and curvature > 0):
            return 0.0
        start = split.objective(F)
        step, best, lowest, halved = square / curvature, F, start, False
        for _ in range(self.MAX_TRIALS):
            trial = F - F.dtype.type(step) * gradient
            if domain.kind == "bounds":
                np.maximum(trial, 0, out=trial)
            domain.project(trial, workspace)
            value = split.objective(trial)
            predicted = workspace.inner(gradient, trial - F)
            if value <= start + self.SIGMA * predicted and value < lowest:
                best, lowest = trial, value
                if halved:
                    break
                step *= 2
            elif best is not F:
                break
            else:
                step, halved = step / 2, True
        if best is F:
            return math.inf  # the distance from stationary is unknown
        F[:] = best
        return 2 * (start - lowest)

    def extrapolates(self, loss: Loss) -> bool:
        """Never, as in the textbooks."""
        return False

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Not called."""
