"""HALS: cyclic coordinate descent on the rows of a factor, with inner sweeps."""

import math
from dataclasses import dataclass

import numpy as np

from .._runtime import BatchKernels, FactorBatch, Workspace
from ..data import Data
from ..losses import Loss, Normal, NormalBatch
from ..penalties import Domain


@dataclass(frozen=True)
class HALS:
    """Hierarchical alternating least squares (Cichocki & Phan 2009, doi:10.1587/transfun.E92.A.708).

    A sweep sets each coordinate of every row to its minimiser, F_it <- max(0, F_it + (C - F G)_it / G_tt), in the
    order t = 1 ... k. With inner_iter "auto" sweeps are repeated while they pay beside the products that made G and
    C (Gillis & Glineur 2012, doi:10.1162/NECO_a_00256): at most 1 + ceil(EFFORT x cost of G and C / cost of a sweep),
    and until a sweep over a group of 64 rows moves it by less than PRECISION of what its first one did. Cost is
    counted in flop, never in seconds, so a fit repeats itself. The first WARM_UP iterations take one sweep each: to
    solve for one start factor exactly, given the other, leads to worse local minima more often. 2 m k^2 flop a sweep.
    """

    inner_iter: int | str = "auto"

    name = "hals"
    needs = "normal"
    exact = False
    takes = frozenset({"linear", "diagonal", "off-diagonal", "volume", "bounds"})
    EFFORT = 0.5
    PRECISION = 0.03
    WARM_UP = 3
    MOST_SWEEPS = 100

    def update(
        self, F: np.ndarray, statistics: Normal, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Sweep over F in place; returns sum_t G_tt ||change of F_t in the first sweep||^2."""
        most, stop = self.most_sweeps(2.0 * F.size * F.shape[1], cost, iteration)
        return workspace.sweep(statistics.G, statistics.C, F, most, stop, domain.lower, domain.upper)

    def most_sweeps(self, sweep_cost: float, cost: float, iteration: int) -> tuple[int, float]:
        """(most sweeps, the share of the first squared step below which a further one is the last)."""
        if self.inner_iter != "auto":
            return self.inner_iter, 0.0
        most = math.ceil(min(self.MOST_SWEEPS, 1 + self.EFFORT * cost / sweep_cost))
        return 1 if iteration <= self.WARM_UP else most, self.PRECISION**2

    def update_many(
        self,
        F: FactorBatch,
        statistics: NormalBatch,
        data: Data,
        loss: Loss,
        iterations: np.ndarray,
        fits: np.ndarray,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """`update` of several fits, each in its own iteration."""
        most = np.empty(len(fits), np.int64)
        for i, (f, iteration) in enumerate(zip(fits.tolist(), iterations.tolist(), strict=True)):
            k = F.ranks[f]
            most[i], stop = self.most_sweeps(2.0 * F.rows * k * k, loss.cost(data, k), iteration)
        return kernels.sweep(statistics.G, statistics.C, F, fits, most, stop)

    def extrapolates(self, loss: Loss) -> bool:
        """Always."""
        return True

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """old <- max(0, new + weight (new - old))."""
        workspace.extrapolate(new, old, weight, False)

    def extrapolate_many(
        self, new: FactorBatch, old: FactorBatch, weights: np.ndarray, fits: np.ndarray, kernels: BatchKernels
    ) -> None:
        """`extrapolate` of several fits."""
        kernels.extrapolate(new, old, weights, False, fits)
