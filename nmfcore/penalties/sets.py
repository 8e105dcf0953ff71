"""Sets in which each row or each column of a factor lies: entries of sum one, or of a given sparseness."""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from .._numbers import number
from .._workspace import Workspace
from .base import Penalty, Units
from .domain import Projected

KINDS = "columns", "rows"  # what is one problem, by the axis of the tall factor that is summed over


@dataclass(frozen=True)
class Along(Projected):
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
class Simplex(Along):
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

    def enter(self, F: np.ndarray, workspace: Workspace) -> float | np.ndarray:
        """Divide by the sums; returns those of the components, or the mean of those of the rows."""
        sums = F.sum(axis=self.axis, keepdims=True, dtype=np.float64) / self.total
        F /= np.where(sums > 0, sums, 1).astype(F.dtype)
        self.project(F, workspace)
        return float(sums.mean()) if self.axis == 1 else sums[0]


@dataclass(frozen=True)
class SparseCone(Along):
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

    def enter(self, F: np.ndarray, workspace: Workspace) -> float:
        """Project the start."""
        self.project(F, workspace)
        return 1.0


class AlongAxis(Penalty):
    """A set of rows or columns of a factor as the user sees it, by NumPy's axis: that which is summed over."""

    axis: int
    needs = "rows"
    scale_free: ClassVar[bool] = False

    def asks(self, transposed: bool) -> str:
        """By the axis of the tall factor."""
        return KINDS[self.axis ^ transposed]

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """An axis that a matrix does not have."""
        if self.axis in (0, 1):
            return None
        return f"axis is {self.axis!r}; wanted 1, for sums along the rows of the factor, or 0, down its columns"


@dataclass(frozen=True)
class SumToOne(AlongAxis):
    """Entries >= 0 that sum to one: shares, such as abundances, memberships or topic proportions.

    The nearest point of the simplex, exactly (Condat 2016, doi:10.1007/s10107-015-0946-6, reviews how).

    Parameters
    ----------
    axis : {0, 1}
        What is summed over: SumToOne(1) on W makes each sample a mixture of the components, SumToOne(0) on W, or
        SumToOne(1) on H, makes each component a distribution.
    """

    axis: int
    total: float = field(default=1.0, repr=False)  # in the units of a fit

    def within(self, units: Units, shape: tuple[int, int], transposed: bool) -> "SumToOne":
        """The sum in the units of the fit."""
        return SumToOne(self.axis ^ transposed, self.total / units.factor)

    def domain(self, F: np.ndarray) -> Simplex:
        """The simplex of each row or column."""
        return Simplex(self.axis, self.total)


@dataclass(frozen=True)
class Hoyer(AlongAxis):
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
        if number(self.level, "level of Hoyer") > 1:
            raise ValueError(f"level of Hoyer is {self.level}; wanted 0 <= level <= 1")

    def within(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Hoyer":
        """The same in any units."""
        return Hoyer(self.level, self.axis ^ transposed)

    def domain(self, F: np.ndarray) -> SparseCone:
        """The cone of each row or column."""
        return SparseCone(self.axis, self.level)
