"""Alternating exact non-negative least squares by block principal pivoting.

Passive sets differ from row to row, and a single row has no long vectors. Each lane of a vector therefore eliminates
the matrix of its own row, at 40 GFLOP/s a core for k = 40, and takes the next row when it is done. Lanes are
independent: the bits of a row depend on nothing but that row. The diagonal is raised by 4 k eps, which keeps a singular
matrix definite, and one step of refinement removes the error of that. Raising or dropping small pivots instead
diverged, or lost what a penalty on dependent components decides.

`nmfcore.nnls` starts with all coordinates passive, where one matrix serves all rows: a uniform 300 x 40 B takes 1.3,
3.0 and 4.2 systems a row if none, half and nine tenths of a solution is 0. Starting from the signs after some sweeps
took longer there, and was faster only for a well-conditioned (normal) B with many zeros.
"""

from dataclasses import dataclass

import numpy as np

from .._runtime import Workspace
from ..losses import Loss, Normal
from ..penalties import Domain


@dataclass(frozen=True)
class BPP:
    """ANLS-BPP (Kim & Park 2011, doi:10.1137/110821172): each half-step is solved to the end.

    A sweep of `HALS` comes first. Its change measures how far the factor was from the solution, for the stopping rule,
    and its zeros are the start of the exchanges. Late in a fit most rows then take one system of equations, about p^3 /
    3 + 6 k^2 flop for p positive coordinates. Every limit point of exact half-steps is stationary (Grippo & Sciandrone
    2000, doi:10.1016/S0167-6377(99)00074-7).
    """

    name = "bpp"
    needs = "normal"
    keeps_zeros = False
    exact = True
    takes = frozenset({"linear", "diagonal", "volume"})  # G stays positive semi-definite

    def update(
        self, F: np.ndarray, statistics: Normal, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Solve for F in place; return sum_t G_tt ||change of F_t in a sweep||^2."""
        moved = workspace.sweep(statistics.G, statistics.C, F, 1, 0.0)
        workspace.pivot(statistics.G, statistics.C, F)
        return moved

    def floor_of(self, dtype: np.dtype) -> float:
        """0: bounds are reached."""
        return 0.0

    def extrapolates(self, loss: Loss) -> bool:
        """Always."""
        return True

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Set old to max(0, new + weight (new - old))."""
        workspace.extrapolate(new, old, weight, False)
