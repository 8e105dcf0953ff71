"""HALS for factors whose rows, or whose components, lie in a set that is given by its projection."""

import numpy as np

from .._runtime import PROJECTION_FLOP, Workspace
from ..losses import Normal
from ..penalties import AxisDomain
from .hals import HALS


class ComponentHALS(HALS):
    """HALS for sets in which each component, a column of F, lies.

    Given the others, the best component in the set is the nearest point of (C - sum_{s != t} F_s G_st) / G_tt, since
    the quadratic in it is G_tt / 2 times a squared distance: exact block coordinate descent, whatever the closed set
    (Potluru et al. 2013, arXiv:1301.3527, for sparseness). Sweeps are repeated as in `HALS`. 2 m k^2 flop a sweep, and
    a few readings of each component for its projection.
    """

    takes = frozenset({"linear", "diagonal", "off-diagonal", "volume", "columns"})

    def update(
        self, F: np.ndarray, statistics: Normal, domain: AxisDomain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Sweep over F in place; returns sum_t G_tt ||change of F_t in the first sweep||^2."""
        most, stop = self.most_sweeps((2.0 * F.shape[1] + PROJECTION_FLOP) * F.size, cost, iteration)
        first = change = self._sweep(F, statistics, domain, workspace)
        for _ in range(1, most):
            if change <= stop * first:
                break
            change = self._sweep(F, statistics, domain, workspace)
        return first

    @staticmethod
    def _sweep(F: np.ndarray, statistics: Normal, domain: AxisDomain, workspace: Workspace) -> float:
        moved, nearest = 0.0, np.empty((len(F), 1), F.dtype)
        for t, curvature in enumerate(statistics.G.diagonal()):
            if not curvature >= np.finfo(F.dtype).tiny:  # whose inverse is finite
                continue
            workspace.product(F, statistics.G[:, t : t + 1].astype(F.dtype, order="C"), nearest)
            nearest[:, 0] = F[:, t] + (statistics.C[:, t] - nearest[:, 0]) / F.dtype.type(curvature)
            domain.project(nearest, workspace)
            moved += curvature * workspace.squared_distance(F[:, t : t + 1], nearest, 1.0)
            F[:, t] = nearest[:, 0]
        return moved


class ProjectedHALS(HALS):
    """Accelerated projected gradient steps for sets in which each row of F lies, whose coordinates do not part.

    A step F <- P(F - (F G - C) / L) minimises, over the set, convex or not, a quadratic that touches the objective at F
    from above, where L is no less than what G does to the difference of two points of the set: it does not raise the
    objective. Steps are extrapolated row by row (Beck & Teboulle 2009, doi:10.1137/080716542), and repeated as sweeps
    are in `HALS`, up to another EFFORT, since more of them are needed. 2 m k^2 flop a step, and a projection.
    """

    takes = frozenset({"linear", "diagonal", "off-diagonal", "volume", "rows"})
    EFFORT = 4.0

    def update(
        self, F: np.ndarray, statistics: Normal, domain: AxisDomain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Steps of F in place; returns L ||first step||^2."""
        bound = largest_eigenvalue_bound(domain.tangent(statistics.G), workspace)
        if not bound >= np.finfo(F.dtype).tiny:  # one point is as good as another
            return 0.0
        most, stop = self.most_sweeps((2.0 * F.shape[1] + PROJECTION_FLOP) * F.size, cost, iteration)
        return domain.steps(statistics.G, statistics.C, F, bound, most, stop, workspace)


def largest_eigenvalue_bound(G: np.ndarray, workspace: Workspace, squarings: int = 4) -> float:
    """(tr G^2p)^(1/2p) for p = 2^squarings, at most k^(1/2p) times too large: LAPACK would start threads.

    G is symmetric; for one that is not positive the bound is on the absolute values of its eigenvalues.
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
