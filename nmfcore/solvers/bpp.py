"""Alternating exact non-negative least squares by block principal pivoting."""

from dataclasses import dataclass

import numpy as np

from .._runtime import Workspace
from ..losses import Loss, Normal
from ..penalties import Domain


@dataclass(frozen=True)
class BPP:
    """ANLS-BPP (Kim & Park 2011, doi:10.1137/110821172): each half-step is solved to the end.

    A sweep of `HALS` comes first: its change says how far the factor was from the end, and its signs are where the
    exchanges start, so that late in a fit most rows take one system of equations, about p^3 / 3 + 6 k^2 flop for p
    positive coordinates. Every limit point of exact half-steps is stationary (Grippo & Sciandrone 2000,
    doi:10.1016/S0167-6377(99)00074-7).
    """

    name = "bpp"
    needs = "normal"
    exact = True
    takes = frozenset({"linear", "diagonal", "volume"})  # which leave G positive semi-definite

    def update(
        self, F: np.ndarray, statistics: Normal, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Solve for F in place; returns sum_t G_tt ||change of F_t in a sweep||^2."""
        moved = workspace.sweep(statistics.G, statistics.C, F, 1, 0.0)
        workspace.pivot(statistics.G, statistics.C, F)
        return moved

    def extrapolates(self, loss: Loss) -> bool:
        """Always."""
        return True

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """old <- max(0, new + weight (new - old))."""
        workspace.extrapolate(new, old, weight, False)
