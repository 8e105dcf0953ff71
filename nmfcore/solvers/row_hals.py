"""HALS if each row of a factor has its own quadratic, as for weighted least squares."""

from dataclasses import dataclass

import numpy as np

from .._runtime import Workspace
from ..losses import RowNormals
from ..penalties import Domain
from .hals import HALS, SweepSolver


@dataclass(frozen=True)
class RowHALS(SweepSolver):
    """`HALS` for weighted least squares (Kim & Choi 2009, doi:10.1109/ICASSP.2009.4959890).

    The steps and their order are those of `HALS`, with the Gram matrix of each row for its weights. Each row stops by
    itself.
    """

    needs = "weighted"
    takes = HALS.takes

    def update(
        self, F: np.ndarray, statistics: RowNormals, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Sweep over F in place; return the sum of curvature (change)^2 in the first sweep."""
        sweeps, stop = self.max_sweeps(statistics.data.costs(F.shape[1])[1], cost, iteration)
        return statistics.sweep(F, sweeps, stop, domain)
