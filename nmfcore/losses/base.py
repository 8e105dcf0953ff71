"""The protocol of a loss, and the statistics that it hands to a solver.

A loss sees X through `Data`, from the side of the factor F (m x k) that is updated; the other factor is B (n x k):
X ~ F B'. For W this means X ~ W H with B = H'. For H it means X' ~ H' W' with B = W.

Summaries. A loss computes a summary of each factor alone, such as the Gram matrix for least squares. The driver keeps
it until the factor changes: two an iteration without extrapolation, three with it.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from .._runtime import BatchKernels, FactorBatch, RowTerms, Workspace
from ..data import Data, UnweightedData
from ..penalties import Domain, Majorizer

#: All kinds of penalties and sets (see `penalties.Penalty.needs`).
ALL_PENALTIES = frozenset(
    {
        "linear",
        "diagonal",
        "off-diagonal",
        "volume",
        "bounds",
        "rows",
        "columns",
        "fixed columns",
        "row sums",
        "column sums",
    }
)
EPS = {np.dtype(real): float(np.finfo(real).eps) for real in (np.float32, np.float64)}


class Precision(NamedTuple):
    """What is round-off in an objective: differences up to share * value, plus `whole` where value > above."""

    whole: float
    above: float
    share: float
    exact: float
    """An objective up to which W H = X to round-off."""


class Statistics(Protocol):
    """What a loss hands to a solver for the update of one factor."""

    @property
    def step_scale(self) -> float:
        """Factor from the squared step of a solver to the objective."""
        ...

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "Statistics":
        """Add the quadratic of the penalties."""
        ...

    def draw(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """What draws F away from 0, m x k or 1 x k: a row of F without an entry > 0 here has its minimum at 0."""
        ...


class Descend(Protocol):
    """Coordinate sweeps over the rows of F, in place."""

    def __call__(self, F: np.ndarray, sweeps: int, slope: np.ndarray | float = 0.0) -> float:
        """Sweep over F with slope (k) added to the gradient; return the squared change of the first sweep."""
        ...


class MinimiseRows(Protocol):
    """Minimise the loss over the rows of F, in place."""

    def __call__(self, F: np.ndarray, domain: Domain, majorizer: Majorizer | None = None) -> float:
        """Minimise with the quadratic of the penalties, within the bounds of the domain; return the squared steps."""
        ...


class Split(NamedTuple):
    """The two non-negative parts of a gradient den - num.

    The update F (num / den)^exponent does not raise the objective. With a penalty that is quadratic in F the exponent
    is majorized_exponent.
    """

    num: np.ndarray
    """m x k."""
    den: np.ndarray
    """m x k, or 1 x k if all rows share it."""
    exponent: float
    majorized_exponent: float
    probe: Callable[[np.ndarray], tuple[float, np.ndarray]]
    """The objective at another F, up to a constant, and the gradient there."""
    value: float = math.nan
    """The objective at this F, if the statistics were computed with `evaluate`."""
    descend: Descend | None = None
    """Only for losses that provide "rows"."""
    powers: tuple[float, float] = (1.0, 0.0)
    """(a, b): the update minimises a majorizer whose derivative at F r is den r^a - num r^b; exponent = 1 / (a - b)."""
    minimise: MinimiseRows | None = None
    """Only for losses that provide "convex"."""

    step_scale = 1.0

    def split(self, F: np.ndarray, workspace: Workspace) -> "Split":
        """Return itself; other statistics convert to a `Split`."""
        return self

    def draw(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """num, which is 0 where no entry > 0 of X meets the component."""
        return self.num

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "Split":
        """Add the gradient F G - C of a quadratic: its positive parts to den, its negative parts to num."""
        dtype, linear = F.dtype, not majorizer.G.any()
        slope = -majorizer.C[0]
        num, den = (
            part + np.maximum(0, sign * majorizer.C).astype(dtype) for part, sign in ((self.num, 1), (self.den, -1))
        )
        probe = self._with(majorizer, workspace)
        minimise = None if self.minimise is None else _with_quadratic(self.minimise, majorizer)
        if linear:
            descend = None if self.descend is None else _with_slope(self.descend, slope)
            return self._replace(num=num, den=den, probe=probe, descend=descend, minimise=minimise)
        falls, rises = (np.maximum(0, sign * majorizer.G).astype(dtype) for sign in (-1, 1))
        if falls.any():
            num += workspace.product(F, falls, np.empty_like(F))
        den = den + workspace.product(F, rises, np.empty_like(F))
        parts = {"num": num, "den": den, "exponent": self.majorized_exponent}
        powers = max(1.0, self.powers[0]), self.powers[1]
        return self._replace(**parts, probe=probe, descend=None, powers=powers, minimise=minimise)

    def _with(self, majorizer: Majorizer, workspace: Workspace) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
        """`probe` with a quadratic added."""

        def probe(F: np.ndarray) -> tuple[float, np.ndarray]:
            value, gradient = self.probe(F)
            added, slope = quadratic(majorizer, F, workspace)
            return value + added, gradient + slope

        return probe


def _with_slope(descend: Descend, slope: np.ndarray) -> Descend:
    added = slope

    def descend_with_slope(F: np.ndarray, sweeps: int, slope: np.ndarray | float = 0.0) -> float:
        return descend(F, sweeps, added + slope)

    return descend_with_slope


def _with_quadratic(minimise: MinimiseRows, added: Majorizer) -> MinimiseRows:
    def minimise_with_quadratic(F: np.ndarray, domain: Domain, majorizer: Majorizer | None = None) -> float:
        return minimise(F, domain, added if majorizer is None else added + majorizer)

    return minimise_with_quadratic


def row_terms(majorizer: Majorizer | None, sums: np.ndarray, domain: Domain) -> RowTerms:
    """The quadratic of the penalties, less the sums for each coordinate, and the bounds, for `Data.minimise_rows`."""
    bounds = domain.lower, domain.upper
    if majorizer is None:
        return RowTerms(None, -sums[None], *bounds)
    return RowTerms(majorizer.G if majorizer.G.any() else None, np.ascontiguousarray(majorizer.C - sums), *bounds)


def quadratic(majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> tuple[float, np.ndarray]:
    """1/2 tr(F G F') - tr(F C'), and its gradient F G - C."""
    product = workspace.product(F, majorizer.G.astype(F.dtype), np.empty_like(F))
    value = 0.5 * workspace.inner(product, F) - float(np.sum(majorizer.C * F, dtype=np.float64))
    return value, product - majorizer.C.astype(F.dtype)


class Loss(Protocol):
    """A measure of how far W H is from X. Its objectives are those of the scaled X (see `data.Data`)."""

    @property
    def name(self) -> str:
        """The value of the argument `loss` that means this loss."""
        ...

    @property
    def degree(self) -> float:
        """The loss of (c X, c V) is c^degree times the loss of (X, V)."""
        ...

    @property
    def convex(self) -> bool:
        """Whether the loss is convex in the model W H."""
        ...

    @property
    def positive(self) -> bool:
        """Whether the loss is infinite where X is 0."""
        ...

    @property
    def needs_model(self) -> bool:
        """Whether the loss is infinite where the model W H is 0 and X is not."""
        ...

    @property
    def provides(self) -> frozenset[str]:
        """The kinds of statistics that the loss can compute; a solver `needs` one of them."""
        ...

    @property
    def constant(self) -> bool:
        """Whether the statistics for F do not depend on F; then they give the objective at the new F, too.

        Otherwise they are computed at a point (F, B) and give the objective there.
        """
        ...

    @property
    def takes(self) -> tuple[frozenset[str], frozenset[str]]:
        """The kinds of penalties on W, and on H, that the loss supports."""
        ...

    @property
    def batched(self) -> frozenset[str]:
        """The kinds of statistics that it can compute for several fits at once, by the methods of `BatchLoss`."""
        ...

    def allocate(self, data: Data, W: np.ndarray, Ht: np.ndarray) -> tuple[Any, Any]:
        """Allocate memory for the statistics of factors like W and H'."""
        ...

    def summary(self, F: np.ndarray, workspace: Workspace) -> Any:
        """What the statistics need of a factor alone; never None."""
        ...

    def statistics(self, data: Data, F: np.ndarray, B: np.ndarray, summary: Any, memory: Any, evaluate: bool) -> Any:
        """What a solver needs to update F, given B and its summary, by one pass over X.

        memory is that of F, from `allocate`. `evaluate` announces a call of `value`: statistics that are not constant
        must then include the objective at (F, B).
        """
        ...

    def cost(self, data: Data, k: int) -> float:
        """Flop of `summary` and `statistics`."""
        ...

    def value(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: Any, statistics: Any, workspace: Workspace
    ) -> float:
        """The objective at (F, B).

        Takes the summary of F, and statistics computed with B (and with F, unless the statistics are constant).
        """
        ...

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F, given the objective at (F, B); 0 or infinite if X = 0."""
        ...

    def scale(self, data: Data) -> float:
        """The size of the terms of the objective of the scaled X, of which relative penalties are a share."""
        ...

    def precision(self, data: Data) -> Precision:
        """What is round-off in an objective."""
        ...

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Convert objectives of X times 2**-exponent to the units of X; they may overflow or underflow."""
        ...

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Any, Domain]], workspace: Workspace) -> float:
        """The distance of the factors from stationary, independent of every scale.

        A side is (data, F, statistics for F, domain).
        """
        ...


class BatchLoss(Loss, Protocol):
    """A loss that computes statistics of several fits in one pass over X."""

    def allocate_many(self, F: FactorBatch) -> Any:
        """Allocate memory for the statistics of several fits."""
        ...

    def summaries(self, F: FactorBatch, fits: np.ndarray, out: Any, kernels: BatchKernels) -> Any:
        """Compute `summary` of several fits, in out unless that is None."""
        ...

    def statistics_many(
        self,
        data: UnweightedData,
        F: FactorBatch,
        B: FactorBatch,
        summaries: Any,
        out: Any,
        fits: np.ndarray,
        evaluate: bool,
        kernels: BatchKernels,
    ) -> Any:
        """Compute `statistics` of several fits; out is from `allocate_many`."""
        ...

    def values(
        self,
        data: UnweightedData,
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
    """Whether first steps of squared length `moved` are at most tol times the residual; value is half its square."""
    return (value < math.inf) & (moved <= 2 * tol**2 * value)
