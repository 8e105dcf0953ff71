"""The sets in which a factor must lie, and how far a factor in a set is from stationary."""

import math
from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np

from .._runtime import Workspace


class Domain(Protocol):
    """A closed set of factors F (m x k), within F >= 0."""

    @property
    def kind(self) -> str:
        """What a solver must support.

        "bounds"; "rows" or "columns", a set for each row or column of F; "fixed columns", the same with fixed entries;
        "row sums" or "column sums", a simplex for each row or column.
        """
        ...

    @property
    def lower(self) -> np.ndarray | None:
        """Lower bounds, m x k or 1 x k; None for 0, and for sets that are not bounds."""
        ...

    @property
    def upper(self) -> np.ndarray | None:
        """Upper bounds, m x k or 1 x k; None for infinity, and for sets that are not bounds."""
        ...

    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """Move F to the nearest point of the set, in place."""
        ...

    def project_start(self, F: np.ndarray, workspace: Workspace) -> float | np.ndarray:
        """Move a start into the set, in place.

        Returns the number by which this divided the factor, or a number for each component.
        """
        ...

    def intersect(self, other: "Domain") -> "Domain":
        """The intersection of two sets."""
        ...

    def squared_kkt_residual(self, G: np.ndarray, C: np.ndarray, F: np.ndarray, workspace: Workspace) -> float:
        """Squared distance from stationary for 1/2 tr(F G F') - tr(F C'), in the metric of G."""
        ...

    def split_kkt(self, F: np.ndarray, num: np.ndarray, den: np.ndarray, workspace: Workspace) -> tuple[float, float]:
        """(distance from stationary for the gradient den - num, sum of F num), both in the same units."""
        ...


class Bounds:
    """lower <= F <= upper, entry by entry; without arrays the orthant F >= 0."""

    kind = "bounds"

    def __init__(self, lower: np.ndarray | None = None, upper: np.ndarray | None = None) -> None:
        self.lower, self.upper = lower, upper

    @property
    def is_orthant(self) -> bool:
        """Whether this is F >= 0 without further bounds."""
        return self.lower is None

    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """Clip F, which is >= 0 already."""
        if not self.is_orthant:
            np.clip(F, self.lower, self.upper, out=F)

    def project_start(self, F: np.ndarray, workspace: Workspace) -> float:
        """Clip the start."""
        self.project(F, workspace)
        return 1.0

    def intersect(self, other: Domain) -> Domain:
        """The tighter one of each pair of bounds."""
        if self.lower is None or self.upper is None:
            return other
        if not isinstance(other, Bounds):
            return other.intersect(self)
        if other.lower is None or other.upper is None:
            return self
        return Bounds(np.maximum(self.lower, other.lower), np.minimum(self.upper, other.upper))

    def squared_kkt_residual(self, G: np.ndarray, C: np.ndarray, F: np.ndarray, workspace: Workspace) -> float:
        """Sum of G_tt step^2 for the steps gradient / G_tt, cut at the bounds."""
        return workspace.squared_kkt_residual(G, C, F, self.lower, self.upper)

    def split_kkt(self, F: np.ndarray, num: np.ndarray, den: np.ndarray, workspace: Workspace) -> tuple[float, float]:
        """Sum of den |step| for the steps mean(F_t) (1 - num / den), cut at the bounds."""
        return workspace.split_kkt(F, num, den, self.lower, self.upper)


ORTHANT = Bounds()  #: F >= 0


class ProjectedDomain(ABC):
    """A set given by its projection.

    F is stationary if a gradient step followed by the projection leads back to F.
    """

    lower: np.ndarray | None = None
    upper: np.ndarray | None = None

    @property
    @abstractmethod
    def kind(self) -> str:
        """What a solver must support."""

    @abstractmethod
    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """Move F to the nearest point of the set, in place."""

    @abstractmethod
    def project_start(self, F: np.ndarray, workspace: Workspace) -> float | np.ndarray:
        """Move a start into the set, in place; returns the number by which this divided it, or one a component."""

    def intersect(self, other: Domain) -> Domain:
        """Itself, if the other set is the orthant; the checks refuse other pairs, which have no common projection."""
        assert isinstance(other, Bounds) and other.is_orthant  # `_fit.constraints` refuses two sets for one factor
        return self

    def _projected_step(self, F: np.ndarray, step: np.ndarray, workspace: Workspace) -> np.ndarray:
        """F minus the projection of F - step."""
        projected = np.subtract(F, step, dtype=F.dtype)
        self.project(projected, workspace)
        return F - projected

    def squared_kkt_residual(self, G: np.ndarray, C: np.ndarray, F: np.ndarray, workspace: Workspace) -> float:
        """L ||F - P(F - gradient / L)||^2 with L = tr G, an upper bound of the eigenvalues of G."""
        L = float(np.trace(G))
        if not L > 0:
            return 0.0
        gradient = workspace.product(F, G.astype(F.dtype), np.empty_like(F)) - C
        return L * float(np.sum(self._projected_step(F, gradient / L, workspace).astype(np.float64) ** 2))

    def split_kkt(self, F: np.ndarray, num: np.ndarray, den: np.ndarray, workspace: Workspace) -> tuple[float, float]:
        """Mean den times the sum of |F - P(F - gradient mean F / mean den)|; infinite where the gradient is."""
        with np.errstate(invalid="ignore"):
            gradient = den - num
        if not np.isfinite(gradient).all():
            return math.inf, 1.0
        size, slope = float(np.mean(F, dtype=np.float64)), float(np.mean(den, dtype=np.float64))
        step = gradient * (size / slope if slope > 0 else 0.0)
        off = slope * float(np.sum(np.abs(self._projected_step(F, step, workspace)), dtype=np.float64))
        return off, float(np.sum(F * num, dtype=np.float64))
