"""What the driver, the solvers and the checks ask of a loss.

A loss sees X through `Data`, from the side of the factor F (m x k) that is updated, the other one being B (n x k):
X ~ F B'. For W that is X ~ W H with B = H', for H it is X' ~ H' W' with B = W.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._workspace import Workspace
from ..data import Data

EPS = {np.dtype(real): float(np.finfo(real).eps) for real in (np.float32, np.float64)}


class Split(NamedTuple):
    """The minus and the plus part of a gradient, den - num.

    F (num / den)^exponent does not raise the objective. num is m x k; den is m x k, or 1 x k where all rows share it.
    descend(F, sweeps) sweeps over the rows of F, for losses that provide "rows";
    objective gives the objective, up to a constant, at another F; value is that at this F, where it was asked for.
    """

    num: np.ndarray
    den: np.ndarray
    exponent: float
    objective: Callable[[np.ndarray], float]
    value: float = math.nan
    descend: Callable[[np.ndarray, int], float] | None = None

    def split(self, F: np.ndarray, workspace: Workspace) -> "Split":
        """Itself; other statistics make one."""
        return self


class Loss(Protocol):
    """A measure of how far W H is from X. Its objectives are those of the scaled X (see `data.Data`)."""

    name: str
    convex: bool
    """Whether it is convex in the model W H."""
    positive: bool
    """Whether it is infinite where X is 0."""
    provides: frozenset[str]
    """The statistics that it can hand to a solver."""
    constant: bool
    """Whether the statistics for F do not depend on F: then they give the objective at the new F, too.

    Else they are made at a point (F, B), and give the objective there.
    """

    def allocate(self, F: np.ndarray) -> Any:
        """The arrays that the statistics for a factor like F are written to."""
        ...

    def summary(self, F: np.ndarray, workspace: Workspace) -> Any:
        """What the statistics need of a factor alone; not None."""
        ...

    def statistics(self, data: Data, F: np.ndarray, B: np.ndarray, summary: Any, out: Any, evaluate: bool) -> Any:
        """What a solver needs to update F, given B and its summary; one pass over X.

        With `evaluate` the objective will be asked for: `value` at (F, B) where they are not constant.
        """
        ...

    def cost(self, data: Data, k: int) -> float:
        """Flop of `summary` and `statistics`."""
        ...

    def value(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: Any, statistics: Any, workspace: Workspace
    ) -> float:
        """The objective at (F, B), given the summary of F and statistics made with B (and F, if not constant)."""
        ...

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F, given the objective there; for X = 0 it is 0 or infinite."""
        ...

    def round_off(self, data: Data, value: float, dtype: np.dtype) -> float:
        """How far apart two objectives must be for their difference to mean something."""
        ...

    def exact(self, data: Data, value: float, dtype: np.dtype) -> bool:
        """Whether X is fitted to round-off."""
        ...

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Objectives in units of X, from those of X times 2**-exponent; out of the range of float64 infinite or 0."""
        ...

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Any]], workspace: Workspace) -> float:
        """How far two factors are from stationary, free of every scale; a side is (data, F, statistics for F)."""
        ...


def converged(moved: float, value: float, tol: float) -> bool:
    """Whether first steps of squared length `moved` are at most tol times the residual, of which value is half."""
    return value < math.inf and moved <= 2 * tol**2 * value
