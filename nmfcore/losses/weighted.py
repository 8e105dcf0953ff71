"""Losses for X with weights: least squares row by row, and beta-divergences."""

from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from .._runtime import Quadratic, SweepBounds, Workspace
from ..data import Data, WeightedData, is_weighted
from ..penalties import ORTHANT, Domain, Majorizer
from .base import Loss, Split, row_terms
from .frobenius import CANCELLATION, Frobenius
from .pointwise import BetaDivergence


@dataclass(frozen=True, eq=False)
class RowNormals:
    """A weighted least-squares half-step, in which each row of the factor has its own Gram matrix.

    The Gram matrices are not stored; `WeightedData.sweep` builds them row by row.
    """

    data: WeightedData
    B: np.ndarray
    shared: tuple[np.ndarray, np.ndarray]
    majorizer: Majorizer | None = None
    step_scale: ClassVar[float] = 1.0
    last_value: list[float] = field(default_factory=list)
    """The objective without penalties after the last sweep; `value` empties the list."""

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "RowNormals":
        """Add a quadratic, which has the same form for every row; see `Normal.majorized`."""
        empty = np.flatnonzero(~self.B.any(axis=0) & (majorizer.G.diagonal() == 0) & majorizer.C.any(axis=0))
        if len(empty):
            majorizer = majorizer._replace(G=majorizer.G.copy())
            majorizer.G[empty, empty] = 1.0
        return replace(self, majorizer=majorizer if self.majorizer is None else self.majorizer + majorizer)

    def sweep(self, F: np.ndarray, sweeps: int, stop: float, domain: Domain) -> float:
        """Sweep over F in place; return the sum of curvature (change)^2 in the first sweep."""
        k = F.shape[1]
        added, box = Quadratic.none(k, F.dtype), SweepBounds.of(k, F.dtype, domain.lower, domain.upper)
        if self.majorizer is not None:
            added = added._replace(G=self.majorizer.G, C=self.majorizer.C.astype(F.dtype))
        moved, value = self.data.sweep(self.shared, added, box, F, self.B, sweeps, stop)
        self.last_value[:] = [value]
        return moved

    def value(self, F: np.ndarray) -> float:
        """The objective without penalties at F: that of the last sweep, or a new evaluation if there was none."""
        if not self.last_value:
            replace(self, majorizer=None).sweep(F, 0, 0.0, ORTHANT)
        return self.last_value.pop()

    def minimise(self, F: np.ndarray, domain: Domain) -> float:
        """Minimise over F within the bounds of the domain, in place; return the squared step."""
        self.last_value.clear()
        return self.data.minimise_rows(F, self.B, 2.0, row_terms(self.majorizer, np.zeros(F.shape[1]), domain))

    def draw(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """(Omega o X) B and what the penalties add to it, minus the gradient at 0."""
        C = self.data.dot(self.B, np.empty_like(F))
        return C if self.majorizer is None else C + self.majorizer.C

    def split(self, F: np.ndarray, workspace: Workspace) -> Split:
        """Compute the two parts of the gradient by another pass over X."""
        num, den = np.empty_like(F), np.empty_like(F)
        self.data.split_step(F, self.B, "beta", 2.0, num, den, False)

        def probe(F: np.ndarray) -> tuple[float, np.ndarray]:
            num_there, den_there = np.empty_like(F), np.empty_like(F)
            value = self.data.split_step(F, self.B, "beta", 2.0, num_there, den_there, True)
            return value, den_there - num_there

        split = Split(num, den, 1.0, 1.0, probe)
        return split if self.majorizer is None else split.majorized(self.majorizer, F, workspace)


class WeightedFrobenius(Frobenius):
    """Half the weighted squared error, 1/2 sum of omega (x - (W H))^2."""

    name = "frobenius with weights"
    provides = frozenset({"weighted", "split"})

    def __init__(self, data: WeightedData) -> None:
        if data.lists_entries:  # Newton's method visits each of them
            self.provides = self.provides | {"convex"}

    def statistics(
        self,
        data: Data,
        F: np.ndarray,
        B: np.ndarray,
        summary: np.ndarray,
        memory: np.ndarray,
        evaluate: bool,
    ) -> RowNormals:
        """Compute what all rows share from B and its Gram matrix."""
        assert is_weighted(data)  # `with_weights` chooses this loss for such X only
        return RowNormals(data, B, data.shared_quadratic(summary, B, memory))

    def cost(self, data: Data, k: int) -> float:
        """Flop of an update before its sweeps."""
        assert is_weighted(data)
        return data.costs(k)[0]

    def value(
        self,
        data: Data,
        F: np.ndarray,
        B: np.ndarray,
        summary: np.ndarray,
        statistics: Any,
        workspace: Workspace,
    ) -> float:
        """The objective at (F, B), from the last sweep if there was one.

        Near an exact fit the difference loses half of its digits; then the residual is summed entry by entry.
        """
        value = statistics.value(F)
        if not value > CANCELLATION[F.dtype] * data.measures.squared_norm:
            value = 0.5 * data.squared_residual(F, B)
        return value

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Any, Domain]], workspace: Workspace) -> float:
        """The residual of `Frobenius`, each row with the curvature of its own weights."""
        whole = sides[0][0].measures.squared_norm
        total = 0.0
        for data, F, rows, domain in sides:
            assert is_weighted(data)
            split, curvature = rows.split(F, workspace), data.curvature(rows.B).astype(np.float64)
            if rows.majorizer is not None:
                curvature += np.diagonal(rows.majorizer.G)
            step = np.divide(split.den - split.num, curvature, out=np.zeros_like(curvature), where=curvature > 0)
            lower, upper = SweepBounds.of(F.shape[1], F.dtype, domain.lower, domain.upper)
            total += float(np.sum(curvature * (F - np.clip(F - step, lower, upper)) ** 2))
        return (total / whole) ** 0.5 if whole > 0 else 0.0


@dataclass(frozen=True)
class WeightedBeta(BetaDivergence):
    """The weighted sum of a beta-divergence: each row has its own den, and there is no coordinate descent."""

    @property
    def shares_den(self) -> bool:
        """Never: the rows of den differ by their weights."""
        return False

    @property
    def provides(self) -> frozenset[str]:
        """The two parts of the gradient, and Newton's method if it is convex."""
        return super().provides - {"rows"}

    @property
    def name(self) -> str:
        """The value of the argument `loss`, and "with weights"."""
        return f"{super().name} with weights"


def with_weights(loss: Loss, data: WeightedData) -> Loss:
    """Return the loss for that X, which has weights."""
    if isinstance(loss, Frobenius):
        return WeightedFrobenius(data)
    return WeightedBeta(loss.beta) if isinstance(loss, BetaDivergence) else loss
