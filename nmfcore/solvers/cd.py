"""Coordinate descent for the Kullback-Leibler divergence, to high accuracy."""

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

    The scalar steps of Hsieh & Dhillon 2011 (doi:10.1145/2020408.2020577) may raise the objective. The derivative in a
    coordinate is concave and increasing. If it is negative, Newton's step cannot overshoot and is taken; if it is
    positive, the multiplicative step is taken. With this rule no sweep raises the objective. From a distant start
    coordinate descent ends in worse local minima more often, hence the warm-up. There is no extrapolation, which would
    lose the monotone decrease. A sweep costs a division for each entry and coordinate.
    """

    inner_iter: int | str = "auto"

    name = "cd"
    needs = "rows"
    keeps_zeros = False
    exact = False
    takes = frozenset({"linear"})
    WARM_UP = 10
    SWEEPS = 2

    def update(
        self, F: np.ndarray, statistics: Split, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Sweep over F in place; return the sum of curvature (change)^2 in the first sweep, infinity in the warm-up."""
        if iteration <= self.WARM_UP:
            MU().update(F, statistics, domain, cost, iteration, workspace)
            return math.inf  # the fit must not stop in the warm-up
        assert statistics.descend is not None  # losses that provide "rows" have it
        return statistics.descend(F, self.SWEEPS if isinstance(self.inner_iter, str) else self.inner_iter)

    def floor_of(self, dtype: np.dtype) -> float:
        """That of the warm-up; the steps towards 0 are multiplicative."""
        return MU().floor_of(dtype)

    def extrapolates(self, loss: Loss) -> bool:
        """Never: each sweep lowers the objective."""
        return False

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Not called."""
