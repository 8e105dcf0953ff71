"""Half the squared error, by normal equations.

The objective is free: it is evaluated at the extrapolated W and the new H, whose G and C the half-step for H has
computed anyway. Below sqrt(eps) ||X||^2 that difference has lost its digits, and the residual is summed entry by entry
instead. Objective, norms and Gram matrices of float32 factors are computed in float64.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .._runtime import BatchKernels, FactorBatch, GramBatch, Workspace
from ..data import Data, UnweightedData
from ..penalties import Domain, Majorizer
from .base import ALL_PENALTIES, EPS, Precision, Split

#: Share of ||X||_F^2 below which a difference of numbers of that size has lost half of its digits.
CANCELLATION = {dtype: eps**0.5 for dtype, eps in EPS.items()}


class Normal(NamedTuple):
    """The normal equations of a least-squares half-step: G = B'B (k x k, float64) and C = X B (m x k).

    value is the objective, for losses whose statistics include it.
    """

    G: np.ndarray
    C: np.ndarray
    value: float = math.nan

    step_scale = 1.0

    def split(self, F: np.ndarray, workspace: Workspace) -> Split:
        """The two parts of the gradient F G - C (Lee & Seung 2001)."""
        G = self.G.astype(F.dtype, copy=False)

        def probe(F: np.ndarray) -> tuple[float, np.ndarray]:
            product = workspace.product(F, G, np.empty_like(F))
            return 0.5 * workspace.inner(product, F) - workspace.inner(self.C, F), product - self.C

        return Split(self.C, workspace.product(F, G, np.empty_like(F)), 1.0, 1.0, probe)

    def draw(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """C, minus the gradient at 0."""
        return self.C

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "Normal":
        """Add a quadratic, which has the same form.

        Sweeps skip a component without curvature, whose column of B is empty. If the penalty has a slope there, the
        component must move to its bound, so it gets a curvature of 1.
        """
        G, C = self.G + majorizer.G, self.C + majorizer.C.astype(F.dtype) if majorizer.C.any() else self.C
        empty = np.flatnonzero((G.diagonal() == 0) & majorizer.C.any(axis=0))
        G[empty, empty] = 1.0
        return Normal(G, C)


LARGE = 50  # a model near 2**100 leaves X below its round-off, and its square within the range of float64


def relative_error_of_squares(data: Data, F: np.ndarray, B: np.ndarray, workspace: Workspace) -> float:
    """||X - F B'||_F / ||X||_F by one more pass over X, for losses that do not compute it."""
    error = _relative_error_of_squares(data, F, B, workspace)
    if error < math.inf or not data.measures.squared_norm > 0:
        return error
    exponents = [int(np.frexp(factor.max())[1]) - LARGE for factor in (F, B)]
    small_F, small_B = (np.ldexp(factor, -e) for factor, e in zip((F, B), exponents, strict=True))
    with np.errstate(over="ignore"):
        return float(np.ldexp(_relative_error_of_squares(data, small_F, small_B, workspace), sum(exponents)))


def _relative_error_of_squares(data: Data, F: np.ndarray, B: np.ndarray, workspace: Workspace) -> float:
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

    def of_fit(self, fit: int) -> Normal:
        """The normal equations of one fit."""
        return Normal(self.G[fit], self.C[fit])


class Frobenius:
    """Half the squared error, 1/2 ||X - W H||_F^2 (the beta-divergence with beta = 2)."""

    name = "frobenius"
    degree = 2.0
    convex = True
    positive = False
    needs_model = False
    provides = frozenset({"normal", "split"})
    constant = True
    batched = frozenset({"normal"})
    takes = ALL_PENALTIES, ALL_PENALTIES

    def allocate(self, data: Data, W: np.ndarray, Ht: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Allocate C of both factors."""
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
    ) -> Any:
        """The `Normal` with G and C for B, whose summary is G; C is written to memory. 2 m n k flop."""
        return Normal(summary, data.dot(B, memory))

    def allocate_many(self, F: FactorBatch) -> FactorBatch:
        """Allocate C of several fits."""
        return F.like()

    def summaries(self, F: FactorBatch, fits: np.ndarray, out: GramBatch | None, kernels: BatchKernels) -> GramBatch:
        """Compute `summary` of several fits, in out unless that is None."""
        out = GramBatch(F.ranks) if out is None else out
        kernels.gram(F, fits, out)
        return out

    def statistics_many(
        self,
        data: UnweightedData,
        F: FactorBatch,
        B: FactorBatch,
        summaries: GramBatch,
        out: FactorBatch,
        fits: np.ndarray,
        evaluate: bool,
        kernels: BatchKernels,
    ) -> NormalBatch:
        """Compute `statistics` of several fits in one pass over X."""
        data.dot_many(B, out, fits, kernels)
        return NormalBatch(summaries, out)

    def values(
        self,
        data: UnweightedData,
        F: FactorBatch,
        B: FactorBatch,
        summaries: GramBatch,
        statistics: NormalBatch,
        fits: np.ndarray,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """`value` of several fits."""
        whole = data.measures.squared_norm
        with np.errstate(invalid="ignore"):  # NaN where factors overflow; the fit goes back to its best factors
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
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, statistics: Any, workspace: Workspace
    ) -> float:
        """The objective at (F, B), without another pass over X.

        Near an exact fit the difference loses half of its digits; then the residual is summed entry by entry.
        """
        G, C = statistics.G, statistics.C
        whole = data.measures.squared_norm
        value = 0.5 * whole - workspace.inner(C, F) + 0.5 * workspace.inner(G, summary)
        if not value > CANCELLATION[F.dtype] * whole:
            value = 0.5 * data.squared_residual(F, B)
        return value

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F from the objective; 0 or infinite if X = 0."""
        whole = data.measures.squared_norm
        if whole == 0:
            return 0.0 if value == 0 else float("inf")
        return math.sqrt(2 * value / whole)

    def scale(self, data: Data) -> float:
        """||X||_F^2."""
        return data.measures.squared_norm

    def precision(self, data: Data) -> Precision:
        """Of the three terms of `value`, or of the sum of squares near an exact fit."""
        eps, whole = EPS[data.dtype], data.measures.squared_norm
        return Precision(0.25 * eps * whole, CANCELLATION[data.dtype] * whole, 4 * eps, 0.5 * (8 * eps) ** 2 * whole)

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Convert objectives of X times 2**-exponent to the units of X; they may overflow or underflow."""
        return np.ldexp(value, 2 * exponent)

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Any, Domain]], workspace: Workspace) -> float:
        """(sum_t G_tt ||min(F_t, gradient_t / G_tt)||^2)^(1/2) / ||X||_F, the sum over both factors."""
        whole = sides[0][0].measures.squared_norm
        squares = [domain.squared_kkt_residual(normal.G, normal.C, F, workspace) for _, F, normal, domain in sides]
        return math.sqrt(sum(squares) / whole) if whole > 0 else 0.0
