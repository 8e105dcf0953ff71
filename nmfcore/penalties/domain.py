"""The sets in which a factor may have to lie, beyond F >= 0, and how far a factor in them is from stationary."""

from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np

from .._checks import InputError
from .._runtime import Workspace


class Domain(Protocol):
    """A closed set of factors F (m x k), within F >= 0."""

    kind: str
    """What a solver must support: "bounds", "rows" (a set for each row of F), "columns" or "fixed columns"."""
    lower: np.ndarray | None
    """For bounds: the least value of each entry, m x k or one row for all; None for 0."""
    upper: np.ndarray | None
    """The largest one; None for infinity."""

    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """Move F to the nearest point of the set, in place."""
        ...

    def project_start(self, F: np.ndarray, workspace: Workspace) -> float | np.ndarray:
        """Bring a start into the set, in place; returns the number by which that divided it, or one a component."""
        ...

    def intersect(self, other: "Domain") -> "Domain":
        """What two sets have in common."""
        ...

    def squared_kkt_residual(self, G: np.ndarray, C: np.ndarray, F: np.ndarray, workspace: Workspace) -> float:
        """Squared distance from stationary for 1/2 tr(F G F') - tr(F C'), in the metric of G."""
        ...

    def split_kkt(self, F: np.ndarray, num: np.ndarray, den: np.ndarray, workspace: Workspace) -> tuple[float, float]:
        """(distance from stationary for the gradient den - num, in units of F num; sum of F num)."""
        ...


class Bounds:
    """lower <= F <= upper, entry by entry; without arrays the orthant F >= 0."""

    kind = "bounds"

    def __init__(self, lower: np.ndarray | None = None, upper: np.ndarray | None = None) -> None:
        self.lower, self.upper = lower, upper

    @property
    def is_orthant(self) -> bool:
        """Whether it is the orthant itself."""
        return self.lower is None

    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """Clip F; in the orthant it is already."""
        if not self.is_orthant:
            np.clip(F, self.lower, self.upper, out=F)

    def project_start(self, F: np.ndarray, workspace: Workspace) -> float:
        """Clip the start."""
        self.project(F, workspace)
        return 1.0

    def intersect(self, other: Domain) -> Domain:
        """The tighter one of each two bounds."""
        if self.is_orthant:
            return other
        if not isinstance(other, Bounds):
            return other.intersect(self)
        if other.is_orthant:
            return self
        return Bounds(np.maximum(self.lower, other.lower), np.minimum(self.upper, other.upper))

    def squared_kkt_residual(self, G: np.ndarray, C: np.ndarray, F: np.ndarray, workspace: Workspace) -> float:
        """Sum of G_tt step^2, step = gradient / G_tt cut where it leaves the bounds."""
        return workspace.squared_kkt_residual(G, C, F, self.lower, self.upper)

    def split_kkt(self, F: np.ndarray, num: np.ndarray, den: np.ndarray, workspace: Workspace) -> tuple[float, float]:
        """Sum of den |step|, step = mean (1 - num / den) cut where it leaves the bounds."""
        return workspace.split_kkt(F, num, den, self.lower, self.upper)


ORTHANT = Bounds()


class ProjectedDomain(ABC):
    """A set given by its projection. Stationary is where a gradient step and the projection lead back to F."""

    kind: str
    lower = upper = None

    @abstractmethod
    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """Move F to the nearest point of the set, in place."""

    @abstractmethod
    def project_start(self, F: np.ndarray, workspace: Workspace) -> float | np.ndarray:
        """Bring a start into the set, in place; returns the number by which that divided it, or one a component."""

    def intersect(self, other: Domain) -> Domain:
        """Itself with the orthant; with another set there is no projection (refused by the checks)."""
        if not (isinstance(other, Bounds) and other.is_orthant):
            raise InputError("two sets have no common projection")
        return self

    def _returned(self, F: np.ndarray, step: np.ndarray, workspace: Workspace) -> np.ndarray:
        """F less the projection of F - step."""
        there = np.subtract(F, step, dtype=F.dtype)
        self.project(there, workspace)
        return F - there

    def squared_kkt_residual(self, G: np.ndarray, C: np.ndarray, F: np.ndarray, workspace: Workspace) -> float:
        """L ||F - P(F - gradient / L)||^2 with L = tr G, which bounds its eigenvalues."""
        L = float(np.trace(G))
        if not L > 0:
            return 0.0
        gradient = workspace.product(F, G.astype(F.dtype), np.empty_like(F)) - C
        return L * float(np.sum(self._returned(F, gradient / L, workspace).astype(np.float64) ** 2))

    def split_kkt(self, F: np.ndarray, num: np.ndarray, den: np.ndarray, workspace: Workspace) -> tuple[float, float]:
        """Mean den times the sum of |F - P(F - gradient mean F / mean den)|."""
        size, slope = float(np.mean(F, dtype=np.float64)), float(np.mean(den, dtype=np.float64))
        step = (den - num) * (size / slope if slope > 0 else 0.0)
        off = slope * float(np.sum(np.abs(self._returned(F, step, workspace)), dtype=np.float64))
        return off, float(np.sum(F * num, dtype=np.float64))
