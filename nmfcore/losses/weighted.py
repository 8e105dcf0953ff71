"""Losses of weighted data: least squares row by row, and what the others know of weights."""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np

from .._runtime import Quadratic, SweepBounds, Workspace
from ..data import Data, DenselyWeighted, SparselyReweighted
from ..penalties import ORTHANT, Domain, Majorizer
from .base import Loss, Split
from .frobenius import CANCELLATION, Frobenius
from .pointwise import BetaDivergence


@dataclass(frozen=True)
class RowNormals:
    """A weighted least-squares half-step: every row of the factor has a Gram matrix of its own, which no one holds."""

    data: SparselyReweighted | DenselyWeighted
    B: np.ndarray
    shared: tuple[np.ndarray, np.ndarray]
    majorizer: Majorizer | None = None
    step_scale: ClassVar[float] = 1.0
    found: list[float] = field(default_factory=list)
    """The objective without penalties after the last sweep, until it is taken."""

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "RowNormals":
        """With a penalty's quadratic, which has the same form for every row; see `Normal.majorized`."""
        empty = np.flatnonzero(~self.B.any(axis=0) & (majorizer.G.diagonal() == 0) & majorizer.C.any(axis=0))
        if len(empty):
            majorizer = majorizer._replace(G=majorizer.G.copy())
            majorizer.G[empty, empty] = 1.0
        return replace(self, majorizer=majorizer if self.majorizer is None else self.majorizer + majorizer)

    def sweep(self, F: np.ndarray, sweeps: int, stop: float, domain: Domain) -> float:
        """Sweeps over F in place; returns the sum over the rows of curvature (change)^2 in the first one."""
        k = F.shape[1]
        added, box = Quadratic.none(k, F.dtype), SweepBounds.of(k, F.dtype, domain.lower, domain.upper)
        if self.majorizer is not None:
            added = added._replace(G=self.majorizer.G, C=self.majorizer.C.astype(F.dtype))
        moved, value = self.data.sweep(self.shared, added, box, F, self.B, sweeps, stop)
        self.found[:] = [value]
        return moved

    def value(self, F: np.ndarray) -> float:
        """The objective without penalties at F, where a sweep has just left it; else F is evaluated."""
        if not self.found:
            replace(self, majorizer=None).sweep(F, 0, 0.0, ORTHANT)
        return self.found.pop()

    def split(self, F: np.ndarray, workspace: Workspace) -> Split:
        """The two parts of the gradient, by another pass over X."""
        num, den = np.empty_like(F), np.empty_like(F)
        value = self.data.split_step(F, self.B, "beta", 2.0, num, den, True)

        def objective(F: np.ndarray) -> float:
            return self.data.split_step(F, self.B, "beta", 2.0, np.empty_like(F), np.empty_like(F), True)

        split = Split(num, den, 1.0, 1.0, objective, value)
        return split if self.majorizer is None else split.majorized(self.majorizer, F, workspace)


class WeightedFrobenius(Frobenius):
    """Half the weighted squared error, 1/2 sum of omega (x - (W H))^2."""

    name = "frobenius with weights"
    provides = frozenset({"weighted", "split"})

    def statistics(
        self,
        data: Data,
        F: np.ndarray,
        B: np.ndarray,
        summary: np.ndarray,
        memory: np.ndarray,
        evaluate: bool,
    ) -> RowNormals:
        """What all rows share, for the other factor B and its Gram matrix; the rest is made row by row."""
        return RowNormals(data, B, data.shared_quadratic(summary, B, memory))

    def cost(self, data: Data, k: int) -> float:
        """Flop of what an update needs before its sweeps."""
        return data.costs(k)[0]

    def value(
        self,
        data: Data,
        F: np.ndarray,
        B: np.ndarray,
        summary: np.ndarray,
        statistics: RowNormals,
        workspace: Workspace,
    ) -> float:
        """The objective at (F, B), from the sweeps that have left F where there were some.

        Where it is what is left of large numbers, near an exact fit, the residual is summed entry by entry.
        """
        value = statistics.value(F)
        if not value > CANCELLATION[F.dtype] * data.measures.squared_norm:
            value = 0.5 * data.squared_residual(F, B)
        return value

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, RowNormals, Domain]], workspace: Workspace) -> float:
        """As that of least squares, each row with the curvature of its own weights."""
        whole = sides[0][0].measures.squared_norm
        total = 0.0
        for data, F, rows, domain in sides:
            split, curvature = rows.split(F, workspace), data.curvature(rows.B).astype(np.float64)
            if rows.majorizer is not None:
                curvature += np.diagonal(rows.majorizer.G)
            step = np.divide(split.den - split.num, curvature, out=np.zeros_like(curvature), where=curvature > 0)
            lower, upper = SweepBounds.of(F.shape[1], F.dtype, domain.lower, domain.upper)
            total += float(np.sum(curvature * (F - np.clip(F - step, lower, upper)) ** 2))
        return (total / whole) ** 0.5 if whole > 0 else 0.0


@dataclass(frozen=True)
class WeightedBeta(BetaDivergence):
    """The weighted sum of a beta-divergence, for which no row of den serves all rows, and no coordinate descent."""

    shares_den = False
    provides = frozenset({"split"})

    @property
    def name(self) -> str:
        """As it is written in an argument, and that there are weights."""
        return f"{super().name} with weights"


def with_weights(loss: Loss) -> Loss:
    """The same loss for data with weights."""
    if isinstance(loss, Frobenius):
        return WeightedFrobenius()
    return WeightedBeta(loss.beta) if isinstance(loss, BetaDivergence) else loss
