"""Coordinate descent for Kullback-Leibler, to high accuracy."""

import math
from dataclasses import dataclass

import numpy as np

from .._runtime import Workspace
from ..losses import Loss, Split
from ..penalties import Domain
from .mu import MU


@dataclass(frozen=True)
class CD:
    """Cyclic coordinate descent on the rows of a factor, with safe scalar Newton steps, after WARM_UP updates of `MU`.

    The scalar steps of Hsieh & Dhillon 2011 (doi:10.1145/2020408.2020577), which may raise the objective, made safe:
    the derivative in a coordinate is concave and rising, so Newton's step cannot overshoot where it is negative; where
    it is positive the multiplicative step is taken. No sweep raises the objective. From a distant start coordinate
    descent settles in worse local minima more often, hence the warm-up. A sweep costs a division for each entry and
    coordinate.
    """

    inner_iter: int | str = "auto"

    name = "cd"
    needs = "rows"
    exact = False
    takes = frozenset({"linear"})
    WARM_UP = 10
    SWEEPS = 2

    def update(
        self, F: np.ndarray, statistics: Split, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Sweeps over F in place; returns the sum of curvature (change)^2 in the first, infinity in the warm-up."""
        if iteration <= self.WARM_UP:
            MU().update(F, statistics, domain, cost, iteration, workspace)
            return math.inf  # the fit does not end before it has begun
        return statistics.descend(F, self.SWEEPS if self.inner_iter == "auto" else self.inner_iter)

    def extrapolates(self, loss: Loss) -> bool:
        """Never: it is monotone."""
        return False

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Not called."""
