"""Losses that are sums over the entries of X: beta-divergences and robust losses, by the two parts of their gradient.

They differ in one line of C, the two parts p and q of minus the derivative (`ratio_row`). The kernel models blocks of
64 rows of X times 12 vectors, turns them into ratios and multiplies these by B while they are in cache. For
Kullback-Leibler den is the column sum of B.

The objective comes with the pass that the next half-step needs anyway, at the (extrapolated) point where that starts;
this point is what a fit returns. As a pass of its own the objective took a fifth to a third of an iteration. Its
logarithm is one that compilers vectorise (`nmf_log`): evaluating Itakura-Saito entry by entry was the longest part of
an iteration. With AVX-512 a division by the model is an estimate of 14 bits and Newton steps, accurate to a unit in the
last place, and a logarithm comes from getexp, a table of sixteenths and a polynomial. For k <= 8 the Kullback-Leibler
half-step is one loop in registers.

Robust losses use the same updates with weights (iteratively reweighted least squares). L1 is a parabola below a
thousandth of the mean of X, since the weight 1 / |r| has no bound. Weighted medians would sort the residuals for each
coordinate, and stall. If the model is 0 where X has a count, the Kullback-Leibler divergence is infinite, and is
reported so.

Joint majorisation (Marmin, Goulart & Fevotte 2023) saves a quarter of a Kullback-Leibler iteration, but needed 215
iterations for what 200 plain and 82 extrapolated ones do on CBCL at k = 49, and over 300 instead of 92 on USPS at k =
40, for any number of inner steps. It is not implemented.
"""

import math
import numbers
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._checks import InputError, check_number
from .._runtime import BatchKernels, FactorBatch, Workspace
from ..data import Data, UnweightedData, is_unweighted
from ..penalties import Domain, Majorizer
from .base import ALL_PENALTIES, EPS, Descend, MinimiseRows, Precision, Split, row_terms
from .frobenius import relative_error_of_squares

MAX_EXPONENT = 50  # of delta in units of the scaled X; larger values act the same
NAMES = {2.0: "frobenius", 1.0: "kullback-leibler", 0.0: "itakura-saito"}


@dataclass(frozen=True, eq=False)
class SplitBatch:
    """The two parts of the gradients of several fits, and the objectives."""

    num: FactorBatch
    den: FactorBatch
    """One row for each fit if all rows of a factor share den."""
    exponent: float
    values: np.ndarray


class Pointwise(ABC):
    """A loss that is a sum over the entries; subclasses give its family and parameter."""

    family: ClassVar[str]
    """One of `_core.kernels.FAMILIES`."""
    constant = False
    batched = frozenset({"split"})
    takes = ALL_PENALTIES, ALL_PENALTIES

    @property
    @abstractmethod
    def name(self) -> str:
        """The value of the argument `loss`."""

    @property
    @abstractmethod
    def degree(self) -> float:
        """The loss of (c X, c V) is c^degree times the loss of (X, V)."""

    @property
    def exponent(self) -> float:
        """Exponent of the multiplicative update that does not raise the objective."""
        return 1.0

    @property
    def majorized_exponent(self) -> float:
        """The exponent with a penalty that is quadratic in the factor."""
        return 1.0

    @property
    def powers(self) -> tuple[float, float]:
        """The powers of the majorizer that the update minimises; see `Split.powers`."""
        return 1.0, 0.0

    @property
    def convex(self) -> bool:
        """Whether the loss is convex in the model."""
        return True

    @property
    def positive(self) -> bool:
        """Whether the loss is infinite where X is 0."""
        return False

    @property
    def needs_model(self) -> bool:
        """Whether the loss is infinite where the model is 0 and X is not."""
        return False

    @property
    def provides(self) -> frozenset[str]:
        """The two parts of the gradient."""
        return frozenset({"split"})

    @property
    def shares_den(self) -> bool:
        """Whether den is one row, the column sum of B, for every row of F."""
        return False

    @abstractmethod
    def parameter(self, data: Data) -> float:
        """The parameter of the family for the scaled X."""

    def allocate(
        self, data: Data, W: np.ndarray, Ht: np.ndarray
    ) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
        """Allocate num and den of both factors; den is empty if it is the column sum of the other factor."""
        return self._allocate_one(W), self._allocate_one(Ht)

    def _allocate_one(self, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return np.empty_like(F), np.empty_like(F[:0] if self.shares_den else F)

    def summary(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """The sum of each column."""
        return workspace.column_sums(F)

    def statistics(
        self,
        data: Data,
        F: np.ndarray,
        B: np.ndarray,
        summary: np.ndarray,
        memory: tuple[np.ndarray, np.ndarray],
        evaluate: bool,
    ) -> Split:
        """The parts of the gradient at (F, B), written to memory. 6 m n k flop, 4 m n k if `shares_den`."""
        num, den = memory
        parameter = self.parameter(data)
        value = data.split_step(F, B, self.family, parameter, num, den, evaluate)

        def probe(F: np.ndarray) -> tuple[float, np.ndarray]:
            num_there, den_there = np.empty_like(num), np.empty_like(den)
            value = data.split_step(F, B, self.family, parameter, num_there, den_there, True)
            with np.errstate(invalid="ignore"):  # NaN where both parts overflow; no solver goes to such a point
                return value, (den_or_row if self.shares_den else den_there) - num_there

        descend = _descend(data, B, summary) if "rows" in self.provides and is_unweighted(data) else None
        den_or_row = summary[None].astype(F.dtype) if self.shares_den else den
        value = math.inf if math.isnan(value) else max(0.0, value)  # NaN if powers overflow
        minimise = self._minimise(data, B, summary) if "convex" in self.provides else None
        parts = num, den_or_row, self.exponent, self.majorized_exponent, probe, value
        return Split(*parts, descend, self.powers, minimise)

    def _minimise(self, data: Data, B: np.ndarray, summary: np.ndarray) -> MinimiseRows:
        parameter, sums = self.parameter(data), summary if self.shares_den else np.zeros_like(summary)

        def minimise(F: np.ndarray, domain: Domain, majorizer: Majorizer | None = None) -> float:
            return data.minimise_rows(F, B, parameter, row_terms(majorizer, sums, domain))

        return minimise

    def allocate_many(self, F: FactorBatch) -> tuple[FactorBatch, FactorBatch]:
        """Allocate num and den of several fits."""
        return F.like(), FactorBatch(1 if self.shares_den else F.rows, F.ranks, F.flat.dtype)

    def summaries(
        self, F: FactorBatch, fits: np.ndarray, out: FactorBatch | None, kernels: BatchKernels
    ) -> FactorBatch:
        """Compute `summary` of several fits, in out unless that is None."""
        out = FactorBatch(1, F.ranks, np.dtype(np.float64)) if out is None else out
        kernels.column_sums(F, fits, out)
        return out

    def statistics_many(
        self,
        data: UnweightedData,
        F: FactorBatch,
        B: FactorBatch,
        summaries: FactorBatch,
        out: tuple[FactorBatch, FactorBatch],
        fits: np.ndarray,
        evaluate: bool,
        kernels: BatchKernels,
    ) -> SplitBatch:
        """Compute `statistics` of several fits."""
        num, den = out
        values = data.split_many(F, B, self.family, self.parameter(data), num, den, fits, evaluate, kernels)
        if self.shares_den:
            den.flat[:] = summaries.flat
        values = np.where(np.isnan(values), math.inf, np.maximum(values, 0.0))
        return SplitBatch(num, den, self.exponent, values)

    def values(
        self,
        data: UnweightedData,
        F: FactorBatch,
        B: FactorBatch,
        summaries: FactorBatch,
        statistics: SplitBatch,
        fits: np.ndarray,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """`value` of several fits, from the statistics."""
        return np.array(
            [0.0 if _is_zero(data, F[f], B[f]) else value for f, value in zip(fits, statistics.values, strict=True)]
        )

    def cost(self, data: Data, k: int) -> float:
        """Flop of `statistics`."""
        return (4.0 if self.shares_den else 6.0) * data.size * k

    def value(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, statistics: Split, workspace: Workspace
    ) -> float:
        """The objective at (F, B), from the statistics."""
        return 0.0 if _is_zero(data, F, B) else statistics.value

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F, by one more pass over X."""
        return relative_error_of_squares(data, F, B, workspace)

    def scale(self, data: Data) -> float:
        """The size of the terms of the objective: N mean(X)^degree for N entries."""
        return data.total * data.measures.mean**self.degree if data.measures.mean > 0 else 0.0

    def precision(self, data: Data) -> Precision:
        """Of a sum of terms of the size of `scale`."""
        eps, scale = EPS[data.dtype], self.scale(data)
        return Precision(0.25 * eps * scale, -math.inf, 4 * eps, eps * scale)

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Convert objectives of X times 2**-exponent to the units of X; they may overflow or underflow."""
        whole = math.floor(self.degree * exponent)
        return np.ldexp(value * 2.0 ** (self.degree * exponent - whole), whole)

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Split, Domain]], workspace: Workspace) -> float:
        """Sum of den |min(F, mean(F_t) gradient / den)| over both factors, each as a share of sum F num."""
        residual = 0.0
        for _, F, split, domain in sides:
            off, whole = domain.split_kkt(F, split.num, split.den, workspace)
            residual += off / whole if whole > 0 else 0.0
        return residual


def _is_zero(data: Data, F: np.ndarray, B: np.ndarray) -> bool:
    """Whether X and F B' are 0; the kernels, which divide by the model, take a tiny number for its zeros."""
    return data.measures.largest == 0 and not np.any(F.any(axis=0) & B.any(axis=0))


def _descend(data: UnweightedData, B: np.ndarray, sums: np.ndarray) -> Descend:
    def descend(F: np.ndarray, sweeps: int, slope: np.ndarray | float = 0.0) -> float:
        return data.descent(F, B, sums + slope, sweeps)

    return descend


@dataclass(frozen=True)
class BetaDivergence(Pointwise):
    r"""Sum of :math:`d_\beta(x | y)` over the entries x of X and y of W H.

    .. math:: d_\beta(x|y) = \frac{x^\beta + (\beta - 1) y^\beta - \beta x y^{\beta - 1}}{\beta (\beta - 1)}, \quad
       d_1 = x \log\frac{x}{y} - x + y, \quad d_0 = \frac{x}{y} - \log\frac{x}{y} - 1

    With V = F B' the gradient in F is V^(beta - 1) B - (X o V^(beta - 2)) B. Multiplicative updates have the exponent
    of Fevotte & Idier 2011, doi:10.1162/NECO_a_00168, with which no update raises the objective.

    Parameters
    ----------
    beta : float
        2: half the squared error, 1: Kullback-Leibler divergence, 0: Itakura-Saito divergence.
    """

    beta: float

    family = "beta"

    def __post_init__(self) -> None:
        if isinstance(self.beta, bool) or not isinstance(self.beta, numbers.Real) or not math.isfinite(self.beta):
            raise InputError(f"beta is {self.beta!r}; wanted a finite number")

    @property
    def name(self) -> str:
        """The value of the argument `loss`."""
        return NAMES.get(self.beta, f"beta={self.beta:g}")

    @property
    def degree(self) -> float:
        """Beta."""
        return self.beta

    @property
    def exponent(self) -> float:
        """Exponent of the multiplicative update."""
        return 1 / (2 - self.beta) if self.beta < 1 else 1 / (self.beta - 1) if self.beta > 2 else 1.0

    @property
    def majorized_exponent(self) -> float:
        """The exponent with a quadratic penalty (Tan & Fevotte 2013, doi:10.1109/TPAMI.2012.240)."""
        return 1 / (3 - self.beta) if self.beta <= 2 else 1 / (self.beta - 1)

    @property
    def powers(self) -> tuple[float, float]:
        """The convex part of the divergence by Jensen's inequality, the concave part by its tangent."""
        return max(self.beta - 1, 0.0), min(self.beta - 2, 0.0)

    @property
    def convex(self) -> bool:
        """Whether the loss is convex in the model."""
        return 1 <= self.beta <= 2

    @property
    def positive(self) -> bool:
        """Whether the loss is infinite where X is 0."""
        return self.beta <= 0

    @property
    def needs_model(self) -> bool:
        """Whether the loss is infinite where the model is 0 and X is not."""
        return self.beta <= 1

    @property
    def provides(self) -> frozenset[str]:
        """The two parts of the gradient; Newton's method if it is convex; for Kullback-Leibler coordinate descent."""
        return frozenset({"split"} | ({"convex"} if self.convex else set()) | ({"rows"} if self.beta == 1 else set()))

    @property
    def shares_den(self) -> bool:
        """Whether V^(beta - 1) is 1, as for Kullback-Leibler."""
        return self.beta == 1

    def parameter(self, data: Data) -> float:
        """Beta."""
        return self.beta


@dataclass(frozen=True)
class Huber(Pointwise):
    r"""Sum over the entries of h(x - (W H)) with h(r) = r^2 / 2 up to delta and delta (|r| - delta / 2) beyond.

    Huber 1964, doi:10.1214/aoms/1177703732. Each update minimises least squares with the weights min(1, delta / |r|)
    (iteratively reweighted least squares). These are an upper bound that touches the loss, so no update raises the
    objective.

    Parameters
    ----------
    delta : float
        > 0, in units of X. Residuals beyond delta count linearly.
    """

    delta: float

    family = "huber"

    def __post_init__(self) -> None:
        check_number(self.delta, "delta", positive=True)

    @property
    def name(self) -> str:
        """The value of the argument `loss`."""
        return "huber"

    @property
    def degree(self) -> float:
        """2, with delta in the same units."""
        return 2.0

    def parameter(self, data: Data) -> float:
        """Delta in units of the scaled X; bounded, since beyond every residual its size makes no difference."""
        fraction, exponent = math.frexp(self.delta)
        return math.ldexp(fraction, min(exponent - data.measures.exponent, MAX_EXPONENT))

    def scale(self, data: Data) -> float:
        """N mean(X) min(mean(X), delta)."""
        mean = data.measures.mean
        return data.total * mean * min(mean, self.parameter(data))


@dataclass(frozen=True)
class L1(Pointwise):
    r"""Sum over the entries of |x - (W H)|, with a parabola in place of |r| for small residuals.

    Iteratively reweighted least squares with the weights 1 / |r|: no update raises the objective, and an update costs
    what one of least squares does.

    Parameters
    ----------
    epsilon : float
        > 0, relative to the mean of X. Below epsilon times the mean of X, |r| is replaced by a parabola, which adds at
        most half of that number to an entry.
    """

    epsilon: float = 1e-3

    family = "absolute"

    def __post_init__(self) -> None:
        check_number(self.epsilon, "epsilon", positive=True)

    @property
    def name(self) -> str:
        """The value of the argument `loss`."""
        return "l1"

    @property
    def degree(self) -> float:
        """1."""
        return 1.0

    def parameter(self, data: Data) -> float:
        """Epsilon times the mean of the scaled X; if X = 0, a number that no residual is below but 0."""
        return self.epsilon * data.measures.mean or float(np.finfo(data.dtype).tiny) ** 0.5
