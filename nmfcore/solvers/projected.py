"""HALS for factors whose rows or components lie in a set that is given by its projection.

A set for each column allows exact coordinate descent; a set for each row does not, since it couples the coordinates of
a row. Accelerated projected gradient steps run row by row in cache, with the curvature that G has on differences of two
points of the set: for a simplex, G without the part that all components share. More steps than the sweeps of HALS are
worthwhile, up to four times the cost of the products: with half of it, the rule of HALS, the objective on Jasper Ridge
was 10 % higher after 300 iterations.
"""

import numpy as np

from .._runtime import PROJECTION_FLOP, Workspace
from ..losses import Normal
from ..penalties import AxisDomain
from .hals import SweepSolver


class ComponentHALS(SweepSolver):
    """HALS for sets in which each component, a column of F, lies.

    The quadratic in one component is G_tt / 2 times a squared distance. Given the others, the best component is
    therefore the projection of (C_t - sum_{s != t} F_s G_st) / G_tt. This is exact block coordinate descent for any
    closed set (Potluru et al. 2013, arXiv:1301.3527, for sparseness). Sweeps are repeated as in `HALS`. 2 m k^2 flop a
    sweep, and a few passes over each component for its projection.
    """

    takes = frozenset({"linear", "diagonal", "off-diagonal", "volume", "columns", "column sums"})

    def update(
        self, F: np.ndarray, statistics: Normal, domain: AxisDomain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Sweep over F in place; return sum_t G_tt ||change of F_t in the first sweep||^2."""
        sweeps, stop = self.max_sweeps((2.0 * F.shape[1] + PROJECTION_FLOP) * F.size, cost, iteration)
        first = change = self._sweep(F, statistics, domain, workspace)
        for _ in range(1, sweeps):
            if change <= stop * first:
                break
            change = self._sweep(F, statistics, domain, workspace)
        return first

    @staticmethod
    def _sweep(F: np.ndarray, statistics: Normal, domain: AxisDomain, workspace: Workspace) -> float:
        moved, nearest = 0.0, np.empty((len(F), 1), F.dtype)
        for t, curvature in enumerate(statistics.G.diagonal()):
            if not curvature >= np.finfo(F.dtype).tiny:  # the inverse would be infinite
                continue
            workspace.product(F, statistics.G[:, t : t + 1].astype(F.dtype, order="C"), nearest)
            nearest[:, 0] = F[:, t] + (statistics.C[:, t] - nearest[:, 0]) / F.dtype.type(curvature)
            domain.project(nearest, workspace)
            moved += curvature * workspace.squared_distance(F[:, t : t + 1], nearest, 1.0)
            F[:, t] = nearest[:, 0]
        return moved


class ProjectedHALS(SweepSolver):
    """Accelerated projected gradient steps for sets in which each row of F lies.

    A step is F <- P(F - (F G - C) / L), where L is at least the curvature of G on differences of two points of the set.
    It minimises a quadratic majorizer over the set, so it does not raise the objective, even if the set is not convex.
    Steps are extrapolated row by row (Beck & Teboulle 2009, doi:10.1137/080716542). They are repeated like the sweeps
    of `HALS`, with a larger EFFORT. 2 m k^2 flop a step, and a projection.
    """

    takes = frozenset({"linear", "diagonal", "off-diagonal", "volume", "rows", "row sums"})
    EFFORT = 4.0

    def update(
        self, F: np.ndarray, statistics: Normal, domain: AxisDomain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Take steps of F in place; return L ||first step||^2."""
        bound = largest_eigenvalue_bound(domain.tangent(statistics.G), workspace)
        if not bound >= np.finfo(F.dtype).tiny:  # the objective is constant on the set
            return 0.0
        steps, stop = self.max_sweeps((2.0 * F.shape[1] + PROJECTION_FLOP) * F.size, cost, iteration)
        return domain.steps(statistics.G, statistics.C, F, bound, steps, stop, workspace)


def largest_eigenvalue_bound(G: np.ndarray, workspace: Workspace, squarings: int = 4) -> float:
    """(tr G^2p)^(1/2p) for p = 2^squarings, an upper bound of the absolute eigenvalues of a symmetric G.

    It is at most k^(1/2p) times too large. LAPACK is avoided, since it would start threads.
    """
    bound, power, G = 1.0, 1.0, np.ascontiguousarray(G)
    for left in range(squarings, -1, -1):
        size = float(np.sqrt(np.einsum("st,st->", G, G)))
        if not size > 0:
            return 0.0
        bound *= size**power
        if left:
            G, power = G / size, power / 2
            G = workspace.product(G, G, np.empty_like(G))
    return bound
