"""What the driver, the solvers and the checks ask of a loss.

A loss sees X through `Data`, from the side of the factor F (m x k) that is updated, the other one being B (n x k):
X ~ F B'. For W that is X ~ W H with B = H', for H it is X' ~ H' W' with B = W.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._runtime import BatchKernels, FactorBatch, Workspace
from ..data import Data
from ..penalties import Domain, Majorizer

#: The kinds of penalties that there are (see `penalties.Penalty.needs`).
ALL_PENALTIES = frozenset(
    {"linear", "diagonal", "off-diagonal", "volume", "bounds", "rows", "columns", "fixed columns"}
)
EPS = {np.dtype(real): float(np.finfo(real).eps) for real in (np.float32, np.float64)}


class Split(NamedTuple):
    """The minus and the plus part of a gradient, den - num.

    F (num / den)^exponent does not raise the objective, nor does F (num / den)^edited_exponent where penalties have
    added to it what is quadratic in F. num is m x k; den is m x k, or 1 x k where all rows share it.
    descend(F, sweeps, slope) sweeps over the rows of F, for losses that provide "rows", of which slope (k) is added to
    the gradient; objective gives the objective, up to a constant, at another F; value is that at this F, where it was
    asked for.
    """

    num: np.ndarray
    den: np.ndarray
    exponent: float
    majorized_exponent: float
    objective: Callable[[np.ndarray], float]
    value: float = math.nan
    descend: Callable[[np.ndarray, int, Any], float] | None = None

    step_scale = 1.0

    def split(self, F: np.ndarray, workspace: Workspace) -> "Split":
        """Itself; other statistics make one."""
        return self

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "Split":
        """With the gradient F G - C of a penalty's quadratic, its plus parts in den and its minus parts in num."""
        dtype, linear = F.dtype, not majorizer.G.any()
        slope = -majorizer.C[0]
        num, den = (
            part + np.maximum(0, sign * majorizer.C).astype(dtype) for part, sign in ((self.num, 1), (self.den, -1))
        )
        if linear:
            descend = self.descend and (lambda F, sweeps, more=0.0: self.descend(F, sweeps, slope + more))
            return self._replace(num=num, den=den, objective=self._with(majorizer, workspace), descend=descend)
        falls, rises = (np.maximum(0, sign * majorizer.G).astype(dtype) for sign in (-1, 1))
        if falls.any():
            num += workspace.product(F, falls, np.empty_like(F))
        den = den + workspace.product(F, rises, np.empty_like(F))
        return self._replace(
            num=num, den=den, exponent=self.majorized_exponent, objective=self._with(majorizer, workspace), descend=None
        )

    def _with(self, majorizer: Majorizer, workspace: Workspace) -> Callable[[np.ndarray], float]:
        """The objective with a penalty's quadratic."""
        return lambda F: self.objective(F) + quadratic(majorizer, F, workspace)


def quadratic(majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> float:
    """1/2 tr(F G F') - tr(F C')."""
    product = workspace.product(F, majorizer.G.astype(F.dtype), np.empty_like(F))
    return 0.5 * workspace.inner(product, F) - float(np.sum(majorizer.C * F, dtype=np.float64))


class Loss(Protocol):
    """A measure of how far W H is from X. Its objectives are those of the scaled X (see `data.Data`)."""

    name: str
    degree: float
    """The loss of (c X, c V) is c^degree times that of (X, V)."""
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

    takes: tuple[frozenset[str], frozenset[str]]
    """What penalties on W, and on H, may need."""
    batched: frozenset[str]
    """The statistics that it makes for several fits at once, by `allocate_many`, `summaries`, `statistics_many` and
    `values` on stacks."""

    def allocate(self, data: Data, W: np.ndarray, Ht: np.ndarray) -> tuple[Any, Any]:
        """Memory for the statistics of factors like W and H'."""
        ...

    def summary(self, F: np.ndarray, workspace: Workspace) -> Any:
        """What the statistics need of a factor alone; not None."""
        ...

    def statistics(self, data: Data, F: np.ndarray, B: np.ndarray, summary: Any, memory: Any, evaluate: bool) -> Any:
        """What a solver needs to update F, given B and its summary; one pass over X.

        With `evaluate` the objective will be asked for: `value` at (F, B) where the statistics are not constant.
        memory: that of F, from `allocate`.
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

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Any, Domain]], workspace: Workspace) -> float:
        """How far factors are from stationary, free of every scale; a side is (data, F, statistics for F, domain)."""
        ...


class BatchLoss(Loss, Protocol):
    """A loss that makes its statistics for several fits at once; those in `batched` are served."""

    def allocate_many(self, F: FactorBatch) -> Any:
        """Memory for the statistics of several fits."""
        ...

    def summaries(self, F: FactorBatch, fits: np.ndarray, out: Any, kernels: BatchKernels) -> Any:
        """`summary` of several fits, written to `out` if there is such."""
        ...

    def statistics_many(
        self,
        data: Data,
        F: FactorBatch,
        B: FactorBatch,
        summaries: Any,
        memory: Any,
        fits: np.ndarray,
        evaluate: bool,
        kernels: BatchKernels,
    ) -> Any:
        """`statistics` of several fits, in one reading of X."""
        ...

    def values(
        self,
        data: Data,
        F: FactorBatch,
        B: FactorBatch,
        summaries: Any,
        statistics: Any,
        fits: np.ndarray,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """`value` of several fits."""
        ...


def converged(moved: float, value: float, tol: float) -> bool:
    """Whether first steps of squared length `moved` are at most tol times the residual, of which value is half."""
    return (value < math.inf) & (moved <= 2 * tol**2 * value)
