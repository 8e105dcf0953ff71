"""Sets in which each row or each column of a factor lies: entries of sum one, or of a given sparseness."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .._checks import InputError, check_number
from .._runtime import Workspace
from .base import Penalty, Units
from .domain import ProjectedDomain

SUM_ROUND_OFF = 1e-6  # of sums that a user gives
KINDS = "columns", "rows"  # what is one problem, by the axis of the tall factor that is summed over


@dataclass(frozen=True)
class AxisDomain(ProjectedDomain):
    """A set of F >= 0 in which each row (axis 1) or each column (axis 0) of the tall factor has to lie."""

    axis: int

    @property
    def kind(self) -> str:  # type: ignore[override]
        """Rows or columns."""
        return KINDS[self.axis]

    def tangent(self, G: np.ndarray) -> np.ndarray:
        """A symmetric G as the difference of two rows of F sees it."""
        return G

    @abstractmethod
    def steps(
        self, G: np.ndarray, C: np.ndarray, F: np.ndarray, bound: float, most: int, stop: float, workspace: Workspace
    ) -> float:
        """Projected gradient steps of the rows of F, in place; see `Workspace.project_steps`."""


@dataclass(frozen=True)
class Simplex(AxisDomain):
    """Entries that sum to total."""

    total: float

    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """Subtract what leaves that sum, where nothing falls below 0."""
        workspace.project_simplex(F, self.total, self.axis)

    def tangent(self, G: np.ndarray) -> np.ndarray:
        """Without what all components share: the difference of two rows has sum 0."""
        means = G.mean(axis=0)
        return G - means - means[:, None] + means.mean()

    def steps(
        self, G: np.ndarray, C: np.ndarray, F: np.ndarray, bound: float, most: int, stop: float, workspace: Workspace
    ) -> float:
        """Within the simplex."""
        return workspace.project_steps(G, C, F, bound, False, self.total, most, stop)

    def project_start(self, F: np.ndarray, workspace: Workspace) -> float | np.ndarray:
        """Divide by the sums; returns those of the components, or the mean of those of the rows."""
        sums = F.sum(axis=self.axis, keepdims=True, dtype=np.float64) / self.total
        F /= np.where(sums > 0, sums, 1).astype(F.dtype)
        self.project(F, workspace)
        return float(sums.mean()) or 1.0 if self.axis == 1 else np.where(sums > 0, sums, 1)[0]


@dataclass(frozen=True)
class PartlyFixedSimplex(AxisDomain):
    """Entries that sum to total, some of them (not NaN) held at given values: the others make up what is left."""

    total: float
    given: np.ndarray

    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """The free entries onto the simplex of what is left, as multiples of it."""
        held, left = self._left(F.dtype)
        free = np.where(held, -np.inf, F / np.where(left > 0, left, 1))
        low = np.max(free, axis=self.axis, keepdims=True) - 2  # in no simplex of sum 1 is what is so far below
        np.copyto(F, np.where(held, np.where(np.isfinite(low), low, 0), free), casting="same_kind")
        workspace.project_simplex(F, 1.0, self.axis)
        np.copyto(F, np.where(held, self.given, F * left), casting="same_kind")

    def _left(self, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
        """What is held, and what is left for the sum of the others."""
        held = ~np.isnan(self.given)
        left = self.total - np.sum(self.given, axis=self.axis, where=held, keepdims=True)
        return held, np.where(left > np.finfo(dtype).eps * self.total, left, 0)

    def project_start(self, F: np.ndarray, workspace: Workspace) -> float:
        """Scale the free entries of a start to what is left; returns the mean of what that divided rows by."""
        held, left = self._left(F.dtype)
        sums = np.sum(F, axis=self.axis, where=~held, keepdims=True, dtype=np.float64)
        scale = np.divide(left, sums, out=np.ones_like(sums), where=sums > 0)
        np.copyto(F, np.where(held, self.given, F * scale), casting="same_kind")
        self.project(F, workspace)
        some = (left > 0) & (sums > 0)
        return float(1 / np.mean(scale[some])) if self.axis == 1 and some.any() else 1.0

    def steps(
        self, G: np.ndarray, C: np.ndarray, F: np.ndarray, bound: float, most: int, stop: float, workspace: Workspace
    ) -> float:
        """Within the simplex, all rows at a time."""
        first = 0.0
        for step in range(most):
            old = F.copy()
            F -= (workspace.product(F, G.astype(F.dtype), np.empty_like(F)) - C) / F.dtype.type(bound)
            self.project(F, workspace)
            moved = workspace.squared_distance(F, old, 1.0)
            first = moved if step == 0 else first
            if moved <= stop * first:
                break
        return bound * first


@dataclass(frozen=True)
class HoyerCone(AxisDomain):
    """Entries of a given sparseness, with any norm."""

    level: float

    def project(self, F: np.ndarray, workspace: Workspace) -> None:
        """Subtract what leaves that sparseness, where nothing falls below 0, and scale."""
        workspace.project_hoyer(F, self.level, self.axis)

    def steps(
        self, G: np.ndarray, C: np.ndarray, F: np.ndarray, bound: float, most: int, stop: float, workspace: Workspace
    ) -> float:
        """Within the cone."""
        target = workspace.hoyer_target(F.shape[1], self.level)
        return workspace.project_steps(G, C, F, bound, True, target, most, stop)

    def project_start(self, F: np.ndarray, workspace: Workspace) -> float:
        """Project the start."""
        self.project(F, workspace)
        return 1.0


class AxisPenalty(Penalty):
    """A set of rows or columns of a factor as the user sees it, by NumPy's axis: that which is summed over."""

    axis: int
    needs = "rows"
    removable_by_scaling: ClassVar[bool] = False

    def requires(self, transposed: bool) -> str:
        """By the axis of the tall factor."""
        return KINDS[int(self.axis) ^ transposed]

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """An axis that a matrix does not have."""
        if isinstance(self.axis, int) and not isinstance(self.axis, bool) and self.axis in (0, 1):
            return None
        return f"axis is {self.axis!r}; wanted 1, for sums along the rows of the factor, or 0, down its columns"


@dataclass(frozen=True)
class SumToOne(AxisPenalty):
    """Entries >= 0 that sum to one: shares, such as abundances, memberships or topic proportions.

    The nearest point of the simplex, exactly (Condat 2016, doi:10.1007/s10107-015-0946-6, reviews how).

    Parameters
    ----------
    axis : {0, 1}
        What is summed over: SumToOne(1) on W makes each sample a mixture of the components, SumToOne(0) on W, or
        SumToOne(1) on H, makes each component a distribution.
    """

    axis: int
    total: float = field(default=1.0, repr=False, kw_only=True)  # in the units of a fit
    given: Any = field(default=None, repr=False, kw_only=True)  # values held, NaN where free

    def requires(self, transposed: bool) -> str:
        """Given values down the columns are more than a column at a time knows."""
        asked = super().requires(transposed)
        return "fixed columns" if self.given is not None and asked == "columns" else asked

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "SumToOne":
        """The sum and the values in the units of the fit."""
        given = self.given
        if given is not None:
            given = np.ascontiguousarray(units.values(given.T if transposed else given))
        return SumToOne(self.axis ^ transposed, total=float(units.values(self.total)), given=given)

    def with_fixed(self, values: np.ndarray) -> "SumToOne":
        """The same with some entries given."""
        return SumToOne(self.axis, total=self.total, given=values)

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """Given values that exceed the sum, or that leave nothing to make it up with."""
        fault = super().fault(shape, transposed)
        if fault or self.given is None:
            return fault
        sums, free = np.nansum(self.given, axis=self.axis), np.isnan(self.given).any(axis=self.axis)
        wrong = (sums > 1 + SUM_ROUND_OFF) | (~free & (sums < 1 - SUM_ROUND_OFF))
        if not wrong.any():
            return None
        first, line = int(np.argmax(wrong)), ("column", "row")[self.axis]
        return (
            f"the given values of {line} {first} sum to {sums[first]:g}; wanted at most 1, or 1 where nothing is free"
        )

    def domain(self, F: np.ndarray) -> Simplex | PartlyFixedSimplex:
        """The simplex of each row or column."""
        return (
            Simplex(self.axis, self.total)
            if self.given is None
            else PartlyFixedSimplex(self.axis, self.total, self.given)
        )


@dataclass(frozen=True)
class Hoyer(AxisPenalty):
    r"""Entries >= 0 of a given sparseness :math:`(\sqrt n - \|f\|_1 / \|f\|_2) / (\sqrt n - 1)` (Hoyer 2004).

    It is 0 where all n entries are equal, 1 where one alone is not 0. The nearest vector of that sparseness, exactly
    (Theis, Stadlthanner & Tanaka 2005), with the norm that is best: no scale is imposed. The set is not convex: another
    start may end elsewhere.

    Parameters
    ----------
    level : float
        0 <= level <= 1.
    axis : {0, 1}
        Hoyer(level, 0) on W, or Hoyer(level, 1) on H, is the sparseness of each component, as in the paper (JMLR
        5:1457-1469); along the other axis it is that of each sample in W, of each feature in H.
    """

    level: float
    axis: int

    def __post_init__(self) -> None:
        if check_number(self.level, "level of Hoyer") > 1:
            raise InputError(f"level of Hoyer is {self.level}; wanted 0 <= level <= 1")

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Hoyer":
        """The same in any units."""
        return Hoyer(self.level, self.axis ^ transposed)

    def domain(self, F: np.ndarray) -> HoyerCone:
        """The cone of each row or column."""
        return HoyerCone(self.axis, self.level)
