"""The losses: what a half-step hands to a solver, the objective, and how far a pair of factors is from stationary.

A loss sees X through `Data`, from the side of the factor F (m x k) that is updated, the other one being B (n x k):
X ~ F B'. For W that is X ~ W H with B = H', for H it is X' ~ H' W' with B = W.
"""

from typing import NamedTuple

import numpy as np

from ._workspace import Workspace, reciprocal
from .data import Data


class Normal(NamedTuple):
    """The normal equations of a least-squares half-step: G = B'B (k x k, float64) and C = X B (m x k)."""

    G: np.ndarray
    C: np.ndarray


class Frobenius:
    """Half the squared error, 1/2 ||X - W H||_F^2 (the beta-divergence with beta = 2)."""

    name = "frobenius"
    beta = 2.0
    provides = frozenset({"normal"})

    def statistics(self, data: Data, B: np.ndarray, out: np.ndarray, workspace: Workspace) -> Normal:
        """G and C for the other factor B; C is written to out. 2 m n k + n k^2 flop."""
        return Normal(workspace.gram(B), data.dot(B, out))

    def cost(self, data: Data, k: int) -> float:
        """Flop of `statistics`."""
        return 2.0 * data.size * k + 2.0 * data.shape[1] * k * k

    def value(self, data: Data, F: np.ndarray, B: np.ndarray, statistics: Normal, workspace: Workspace) -> float:
        """The objective at (F, B), where the statistics are those of B, without another pass over X.

        Where that difference of large numbers has lost half of its digits, near an exact fit, the residual is summed
        entry by entry.
        """
        G, C = statistics
        whole = data.squared_norm
        value = 0.5 * whole - workspace.inner(C, F) + 0.5 * float(np.sum(G * workspace.gram(F)))
        if not value > np.sqrt(np.finfo(F.dtype).eps) * whole:
            value = 0.5 * data.squared_residual(F, B)
        return value

    def relative_error(self, data: Data, value: float) -> float:
        """||X - W H||_F / ||X||_F; for X = 0 it is 0 or infinite."""
        if data.squared_norm == 0:
            return 0.0 if value == 0 else float("inf")
        return float(np.sqrt(2 * value / data.squared_norm))

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Objectives in units of X, from those of X times 2**-exponent."""
        return np.ldexp(value, 2 * exponent) if exponent else np.asarray(value)

    def squared_kkt_residual(self, data: Data, F: np.ndarray, statistics: Normal) -> float:
        """The share of F: sum_t G_tt ||min(F_t, gradient_t / G_tt)||^2 / ||X||_F^2, in which no scale is left."""
        G, C = statistics
        if data.squared_norm == 0:
            return 0.0
        gradient = F @ G.astype(F.dtype, copy=False) - C
        step = np.minimum(F, gradient * reciprocal(G.diagonal(), F.dtype))
        squares = np.einsum("ij,ij->j", step, step, dtype=np.float64)
        return float(squares @ G.diagonal()) / data.squared_norm


LOSSES = {loss.name: loss for loss in (Frobenius,)}
