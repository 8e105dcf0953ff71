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

    A step must not end where the objective rises along it more steeply than it fell at the start. For least squares
    Armijo's rule implies this. A beta-divergence with 1 < beta < 2 is finite where the model is 0 and X is not, but its
    gradient is infinite there: a step that is good for most rows could set a row to 0, from where no step leads on.
    """

    name = "pgd"
    needs = "split"
    keeps_zeros = False
    exact = False
    takes = ALL_PENALTIES
    SIGMA = 0.01
    MAX_TRIALS = 40
    LEVELS = 0.25, 0.5, 1.0, 2.0  # powers of the machine epsilon, as shares of the mean of a component
    LEAST_DEN = 1e-3  # times num, in the curvature: den is almost 0 where the model is

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
        if self._leave_zero(F, split, domain, workspace):
            return math.inf
        with np.errstate(invalid="ignore"):  # both overflow; `_first_step` then finds no length
            gradient = split.den - split.num
        step = self._first_step(F, split, gradient, domain, workspace)
        if not step > 0:
            return 0.0 if step == 0 else math.inf  # infinite gradients: the distance from stationary is unknown
        start, _ = split.probe(F)
        best, lowest, halved = F, start, False
        for _ in range(self.MAX_TRIALS):
            trial = F - _times(step, gradient)
            if domain.kind == "bounds":
                np.maximum(trial, 0, out=trial)
            domain.project(trial, workspace)
            value, gradient_there = split.probe(trial)
            change = trial - F
            predicted = workspace.inner(gradient, change)
            falls = value <= start + self.SIGMA * predicted and value < lowest
            if falls and workspace.inner(gradient_there, change) <= -predicted:
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

    def _leave_zero(self, F: np.ndarray, split: Split, domain: Domain, workspace: Workspace) -> bool:
        """Raise rows under which the model is 0 and X is not, where no linear prediction holds; whether this helped."""
        with np.errstate(over="ignore", invalid="ignore"):
            rows = np.flatnonzero(np.any(EPS[F.dtype] * split.num > split.den, axis=1))
        if not len(rows):
            return False
        start, _ = split.probe(F)
        size = np.maximum(F.mean(axis=0), F.mean() or 1)
        for level in self.LEVELS:
            trial = F.copy()
            trial[rows] = np.maximum(F[rows], F.dtype.type(EPS[F.dtype] ** level) * size)
            domain.project(trial, workspace)
            if split.probe(trial)[0] < start:
                F[:] = trial
                return True
        return False

    def _first_step(
        self, F: np.ndarray, split: Split, gradient: np.ndarray, domain: Domain, workspace: Workspace
    ) -> float:
        """The length of the first trial; 0 where the gradient is, NaN if it is infinite."""
        direction = np.where((F > 0) | (gradient < 0), gradient, 0)
        if domain.upper is not None:
            direction[(F >= domain.upper) & (gradient < 0)] = 0
        # Times a power of two, so that squares neither overflow nor underflow.
        direction = np.ldexp(direction, -np.frexp(np.abs(direction).max())[1])
        square = workspace.inner(direction, direction)
        size = np.maximum(F.mean(axis=0), EPS[F.dtype] * F.mean() or 1)
        rate = np.maximum(split.den, F.dtype.type(self.LEAST_DEN) * split.num)
        with np.errstate(over="ignore", invalid="ignore"):
            curvature = float(np.sum(direction**2 * (rate / np.maximum(F, size)), dtype=np.float64))
        if not math.isfinite(square + curvature):
            return math.nan
        return square / curvature if square > 0 and curvature > 0 else 0.0

    def floor_of(self, dtype: np.dtype) -> float:
        """0: bounds are reached."""
        return 0.0

    def extrapolates(self, loss: Loss) -> bool:
        """Never, as in the textbooks."""
        return False

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Not called."""


def _times(step: float, gradient: np.ndarray) -> np.ndarray:
    """step x gradient, where step may be beyond the range of the dtype and the product is not."""
    half = 2.0 ** (math.frexp(step)[1] // 2)
    return gradient.dtype.type(step / half) * (gradient.dtype.type(half) * gradient)
