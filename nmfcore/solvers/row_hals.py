"""HALS where every row of a factor has a quadratic of its own."""

from dataclasses import dataclass

import numpy as np

from .._runtime import Workspace
from ..losses import RowNormals
from ..penalties import Domain
from .hals import HALS


@dataclass(frozen=True)
class RowHALS(HALS):
    """`HALS` for weighted least squares (Kim & Choi 2009, doi:10.1109/ICASSP.2009.4959890).

    The same steps in the same order, but the curvature of a coordinate is that of its row's weights. A row stops on its
    own.
    """

    needs = "weighted"
    takes = HALS.takes

    def update(
        self, F: np.ndarray, statistics: RowNormals, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Sweep over F in place; returns the sum over the rows of curvature (change)^2 in the first sweep."""
        most, stop = self.most_sweeps(statistics.data.costs(F.shape[1])[1], cost, iteration)
        return statistics.sweep(F, most, stop, domain)
