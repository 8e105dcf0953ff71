"""FactorState the squared error, by normal equations."""

import math
from typing import NamedTuple

import numpy as np

from .._runtime import BatchKernels, FactorBatch, GramBatch, Workspace
from ..data import Data
from ..penalties import Domain, Majorizer
from .base import ALL_PENALTIES, EPS, Split

#: The share of ||X||_F^2 below which a difference of such numbers has lost half of its digits.
CANCELLATION = {dtype: eps**0.5 for dtype, eps in EPS.items()}


class Normal(NamedTuple):
    """The normal equations of a least-squares half-step: G = B'B (k x k, float64) and C = X B (m x k)."""

    G: np.ndarray
    C: np.ndarray
    value: float = math.nan

    step_scale = 1.0
    """What the least squares count in the objective, by which the driver multiplies the squared step of a solver."""

    def split(self, F: np.ndarray, workspace: Workspace) -> Split:
        """The two parts of the gradient F G - C (Lee & Seung 2001)."""
        G = self.G.astype(F.dtype, copy=False)

        def objective(F: np.ndarray) -> float:
            return 0.5 * workspace.inner(workspace.product(F, G, np.empty_like(F)), F) - workspace.inner(self.C, F)

        return Split(self.C, workspace.product(F, G, np.empty_like(F)), 1.0, 1.0, objective)

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "Normal":
        """With a penalty's quadratic, which is of the same form.

        A component without curvature would stay where it is, though a slope takes it to its bound: it gets some.
        """
        G, C = self.G + majorizer.G, self.C + majorizer.C.astype(F.dtype) if majorizer.C.any() else self.C
        empty = np.flatnonzero((G.diagonal() == 0) & majorizer.C.any(axis=0))
        G[empty, empty] = 1.0
        return Normal(G, C)


def relative_error_of_squares(data: Data, F: np.ndarray, B: np.ndarray, workspace: Workspace) -> float:
    """||X - F B'||_F / ||X||_F for losses that do not know it, by a reading of X."""
    squares = Frobenius()
    if data.weighted:
        return squares.relative_error(data, F, B, 0.5 * data.squared_residual(F, B), workspace)
    normal = Normal(workspace.gram(B), data.dot(B, np.empty_like(F)))
    half_square = squares.value(data, F, B, workspace.gram(F), normal, workspace)
    return squares.relative_error(data, F, B, half_square, workspace)


class NormalBatch(NamedTuple):
    """The normal equations of several fits."""

    G: GramBatch
    C: FactorBatch

    def alone(self, fit: int) -> Normal:
        """Those of one fit."""
        return Normal(self.G[fit], self.C[fit])


class Frobenius:
    """Half the squared error, 1/2 ||X - W H||_F^2 (the beta-divergence with beta = 2)."""

    name = "frobenius"
    degree = 2.0
    convex = True
    positive = False
    provides = frozenset({"normal", "split"})
    constant = True
    batched = frozenset({"normal"})
    takes = ALL_PENALTIES, ALL_PENALTIES

    def allocate(self, data: Data, W: np.ndarray, Ht: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Memory for C of both factors."""
        return np.empty_like(W), np.empty_like(Ht)

    def summary(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """F'F. m k^2 flop."""
        return workspace.gram(F)

    def statistics(
        self,
        data: Data,
        F: np.ndarray,
        B: np.ndarray,
        summary: np.ndarray,
        memory: np.ndarray,
        evaluate: bool,
    ) -> Normal:
        """G and C for the other factor B and its summary G; C is written to memory. 2 m n k flop."""
        return Normal(summary, data.dot(B, memory))

    def allocate_many(self, F: FactorBatch) -> FactorBatch:
        """Memory for C of several fits."""
        return F.like()

    def summaries(self, F: FactorBatch, fits: np.ndarray, held: GramBatch | None, kernels: BatchKernels) -> GramBatch:
        """`summary` of several fits, written to `held` if there is such."""
        held = GramBatch(F.ranks) if held is None else held
        kernels.gram(F, fits, held)
        return held

    def statistics_many(
        self,
        data: Data,
        F: FactorBatch,
        B: FactorBatch,
        summaries: GramBatch,
        out: FactorBatch,
        fits: np.ndarray,
        evaluate: bool,
        kernels: BatchKernels,
    ) -> NormalBatch:
        """`statistics` of several fits, in one reading of X."""
        data.dot_many(B, out, fits, kernels)
        return NormalBatch(summaries, out)

    def values(
        self,
        data: Data,
        F: FactorBatch,
        B: FactorBatch,
        summaries: GramBatch,
        statistics: NormalBatch,
        fits: np.ndarray,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """`value` of several fits."""
        whole = data.measures.squared_norm
        values = (
            0.5 * whole
            - kernels.inner(statistics.C, F, fits)
            + 0.5 * kernels.inner_of_squares(statistics.G, summaries, fits)
        )
        for i in np.flatnonzero(~(values > CANCELLATION[data.dtype] * whole)):
            values[i] = 0.5 * data.squared_residual(F[fits[i]], B[fits[i]])
        return values

    def cost(self, data: Data, k: int) -> float:
        """Flop of `summary` and `statistics`."""
        return 2.0 * data.size * k + 2.0 * data.shape[1] * k * k

    def value(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, statistics: Normal, workspace: Workspace
    ) -> float:
        """The objective at (F, B) from the summary of F and the statistics made with B, without another pass over X.

        Where that difference of large numbers has lost half of its digits, near an exact fit, the residual is summed
        entry by entry.
        """
        G, C = statistics.G, statistics.C
        whole = data.measures.squared_norm
        value = 0.5 * whole - workspace.inner(C, F) + 0.5 * workspace.inner(G, summary)
        if not value > CANCELLATION[F.dtype] * whole:
            value = 0.5 * data.squared_residual(F, B)
        return value

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F from the objective; for X = 0 it is 0 or infinite."""
        whole = data.measures.squared_norm
        if whole == 0:
            return 0.0 if value == 0 else float("inf")
        return math.sqrt(2 * value / whole)

    def round_off(self, data: Data, value: float, dtype: np.dtype) -> float:
        """How far apart two objectives must be for their difference to mean something."""
        whole = data.measures.squared_norm
        return EPS[np.dtype(dtype)] * (0.25 * whole * (value > CANCELLATION[np.dtype(dtype)] * whole) + 4 * value)

    def exact(self, data: Data, value: float, dtype: np.dtype) -> bool:
        """Whether the relative error is round-off."""
        return 2 * value <= (8 * EPS[dtype]) ** 2 * data.measures.squared_norm

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Objectives in units of X, from those of X times 2**-exponent; out of the range of float64 infinite or 0."""
        return np.ldexp(value, 2 * exponent)

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Normal, Domain]], workspace: Workspace) -> float:
        """(sum_t G_tt ||min(F_t, gradient_t / G_tt)||^2)^(1/2) / ||X||_F over both factors: no scale is left."""
        whole = sides[0][0].measures.squared_norm
        squares = [domain.squared_kkt_residual(asked.G, asked.C, F, workspace) for _, F, asked, domain in sides]
        return math.sqrt(sum(squares) / whole) if whole > 0 else 0.0
