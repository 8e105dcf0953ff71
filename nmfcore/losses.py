"""The losses: what a half-step hands to a solver, the objective, and how far a pair of factors is from stationary.

A loss sees X through `Data`, from the side of the factor F (m x k) that is updated, the other one being B (n x k):
X ~ F B'. For W that is X ~ W H with B = H', for H it is X' ~ H' W' with B = W.
"""

from typing import NamedTuple

import numpy as np

from ._workspace import Workspace
from .data import Data

EPS = {np.dtype(real): float(np.finfo(real).eps) for real in (np.float32, np.float64)}
#: The share of ||X||_F^2 below which a difference of such numbers has lost half of its digits.
CANCELLED = {dtype: eps**0.5 for dtype, eps in EPS.items()}


class Normal(NamedTuple):
    """The normal equations of a least-squares half-step: G = B'B (k x k, float64) and C = X B (m x k)."""

    G: np.ndarray
    C: np.ndarray


class Frobenius:
    """Half the squared error, 1/2 ||X - W H||_F^2 (the beta-divergence with beta = 2)."""

    name = "frobenius"
    beta = 2.0
    provides = frozenset({"normal"})

    def summary(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """What the loss needs of a factor alone: F'F. m k^2 flop."""
        return workspace.gram(F)

    def statistics(self, data: Data, B: np.ndarray, G: np.ndarray, out: np.ndarray) -> Normal:
        """G and C for the other factor B and its summary G; C is written to out. 2 m n k flop."""
        return Normal(G, data.dot(B, out))

    def cost(self, data: Data, k: int) -> float:
        """Flop of `summary` and `statistics`."""
        return 2.0 * data.size * k + 2.0 * data.shape[1] * k * k

    def value(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, statistics: Normal, workspace: Workspace
    ) -> float:
        """The objective at (F, B) from the summary of F and the statistics of B, without another pass over X.

        Where that difference of large numbers has lost half of its digits, near an exact fit, the residual is summed
        entry by entry.
        """
        G, C = statistics
        whole = data.measures.squared_norm
        value = 0.5 * whole - workspace.inner(C, F) + 0.5 * workspace.inner(G, summary)
        if not value > CANCELLED[F.dtype] * whole:
            value = 0.5 * data.squared_residual(F, B)
        return value

    def relative_error(self, data: Data, value: float) -> float:
        """||X - W H||_F / ||X||_F; for X = 0 it is 0 or infinite."""
        if data.measures.squared_norm == 0:
            return 0.0 if value == 0 else float("inf")
        return float(np.sqrt(2 * value / data.measures.squared_norm))

    def round_off(self, data: Data, value: float, dtype: np.dtype) -> float:
        """How far apart two objectives must be for their difference to mean something."""
        whole = data.measures.squared_norm if value > CANCELLED[np.dtype(dtype)] * data.measures.squared_norm else 0.0
        return EPS[np.dtype(dtype)] * (0.25 * whole + 4 * value)

    def converged(self, moved: float, value: float, tol: float) -> bool:
        """Whether first steps of squared length `moved` are at most tol times the residual."""
        return moved <= 2 * tol**2 * value

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Objectives in units of X, from those of X times 2**-exponent; out of the range of float64 infinite or 0."""
        return np.ldexp(value, 2 * exponent)

    def squared_kkt_residual(self, data: Data, F: np.ndarray, statistics: Normal, workspace: Workspace) -> float:
        """The share of F: sum_t G_tt ||min(F_t, gradient_t / G_tt)||^2 / ||X||_F^2, in which no scale is left."""
        G, C = statistics
        if data.measures.squared_norm == 0:
            return 0.0
        return workspace.squared_kkt_residual(G, C, F) / data.measures.squared_norm


LOSSES = {loss.name: loss for loss in (Frobenius,)}
