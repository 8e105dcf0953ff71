"""Losses that are sums over the entries of X, by the two parts of their gradient: beta-divergences, robust losses."""

import math
import numbers
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._checks import InputError, check_number
from .._runtime import BatchKernels, FactorBatch, Workspace
from ..data import Data
from ..penalties import Domain
from .base import ALL_PENALTIES, EPS, Split
from .frobenius import relative_error_of_squares

MOST_EXPONENT = 50  # of a residual
NAMES = {2.0: "frobenius", 1.0: "kullback-leibler", 0.0: "itakura-saito"}


@dataclass(frozen=True)
class SplitBatch:
    """The parts of the gradients of several fits, and their objectives."""

    num: FactorBatch
    den: FactorBatch
    """With one row a fit where all rows of a factor share it."""
    exponent: float
    values: np.ndarray


class Pointwise(ABC):
    """What such losses share; a class of them says which one it is."""

    name: str
    family: ClassVar[str]
    """Of `_core.kernels.FAMILIES`."""
    degree: float
    """The loss of (c X, c V) is c^degree times that of (X, V)."""
    exponent: float = 1.0
    """Of the multiplicative update that does not raise the objective."""
    majorized_exponent: float = 1.0
    """The same with a penalty that is quadratic in the factor."""
    convex: bool = True
    positive: bool = False
    shares_den: bool = False
    """Whether den is one row, the sum of B, for every row of F."""
    provides = frozenset({"split"})
    constant = False
    batched = frozenset({"split"})
    takes = ALL_PENALTIES, ALL_PENALTIES

    @abstractmethod
    def parameter(self, data: Data) -> float:
        """Of the family, for the scaled X."""

    def allocate(self, data: Data, W: np.ndarray, Ht: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """Memory for num and den of both factors; den may be a row that the other factor gives."""
        return tuple((np.empty_like(F), np.empty_like(F[:0] if self.shares_den else F)) for F in (W, Ht))

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
        """The parts of the gradient at (F, B), written to memory. 6 m n k flop, 4 where den is a row."""
        num, den = memory
        parameter = self.parameter(data)
        value = data.split_step(F, B, self.family, parameter, num, den, evaluate)

        def objective(F: np.ndarray) -> float:
            return data.split_step(F, B, self.family, parameter, np.empty_like(num), np.empty_like(den), True)

        def descend(F: np.ndarray, sweeps: int, slope: np.ndarray | float = 0.0) -> float:
            return data.descent(F, B, summary + slope, sweeps)

        den_or_row = summary[None].astype(F.dtype) if self.shares_den else den
        value = math.inf if math.isnan(value) else max(0.0, value)  # where powers overflow
        return Split(num, den_or_row, self.exponent, self.majorized_exponent, objective, value, descend)

    def allocate_many(self, F: FactorBatch) -> tuple[FactorBatch, FactorBatch]:
        """Memory for num and den of several fits."""
        return F.like(), FactorBatch(1 if self.shares_den else F.rows, F.ranks, F.flat.dtype)

    def summaries(
        self, F: FactorBatch, fits: np.ndarray, held: FactorBatch | None, kernels: BatchKernels
    ) -> FactorBatch:
        """`summary` of several fits, written to `held` if there is such."""
        held = FactorBatch(1, F.ranks, np.dtype(np.float64)) if held is None else held
        kernels.column_sums(F, fits, held)
        return held

    def statistics_many(
        self,
        data: Data,
        F: FactorBatch,
        B: FactorBatch,
        summaries: FactorBatch,
        out: tuple[FactorBatch, FactorBatch],
        fits: np.ndarray,
        evaluate: bool,
        kernels: BatchKernels,
    ) -> SplitBatch:
        """`statistics` of several fits."""
        num, den = out
        values = data.split_many(F, B, self.family, self.parameter(data), num, den, fits, evaluate, kernels)
        if self.shares_den:
            den.flat[:] = summaries.flat
        values = np.where(np.isnan(values), math.inf, np.maximum(values, 0.0))
        return SplitBatch(num, den, self.exponent, values)

    def values(
        self,
        data: Data,
        F: FactorBatch,
        B: FactorBatch,
        summaries: FactorBatch,
        statistics: SplitBatch,
        fits: np.ndarray,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """`value` of several fits, which the statistics hold."""
        return statistics.values

    def cost(self, data: Data, k: int) -> float:
        """Flop of `statistics`."""
        return (4.0 if self.shares_den else 6.0) * data.size * k

    def value(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, statistics: Split, workspace: Workspace
    ) -> float:
        """The objective at (F, B), which the statistics hold."""
        return statistics.value

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F, for which X is read once more."""
        return relative_error_of_squares(data, F, B, workspace)

    def _whole(self, data: Data) -> float:
        """A size of the terms that the objective adds up."""
        return data.total * data.measures.mean**self.degree if data.measures.mean > 0 else 0.0

    def round_off(self, data: Data, value: float, dtype: np.dtype) -> float:
        """How far apart two objectives must be for their difference to mean something."""
        return EPS[np.dtype(dtype)] * (0.25 * self._whole(data) + 4 * value)

    def exact(self, data: Data, value: float, dtype: np.dtype) -> bool:
        """Whether the objective is round-off."""
        return value <= EPS[dtype] * self._whole(data)

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Objectives in units of X, from those of X times 2**-exponent; out of the range of float64 infinite or 0."""
        whole = math.floor(self.degree * exponent)
        return np.ldexp(value * 2.0 ** (self.degree * exponent - whole), whole)

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Split, Domain]], workspace: Workspace) -> float:
        """Sum of den |min(F, mean(F_t) gradient / den)| over both factors, as a share of sum F num; free of scales."""
        residual = 0.0
        for _, F, split, domain in sides:
            off, whole = domain.split_kkt(F, split.num, split.den, workspace)
            residual += off / whole if whole > 0 else 0.0
        return residual


@dataclass(frozen=True)
class BetaDivergence(Pointwise):
    r"""Sum of :math:`d_\beta(x | y)` over the entries x of X and y of W H.

    .. math:: d_\beta(x|y) = \frac{x^\beta + (\beta - 1) y^\beta - \beta x y^{\beta - 1}}{\beta (\beta - 1)}, \quad
       d_1 = x \log\frac{x}{y} - x + y, \quad d_0 = \frac{x}{y} - \log\frac{x}{y} - 1

    Fevotte & Idier 2011, doi:10.1162/NECO_a_00168: the gradient is V^(beta - 1) B - (X o V^(beta - 2)) B with
    V = F B', and the exponent that makes multiplicative updates monotone is theirs. beta = 2 is `Frobenius`.
    """

    beta: float

    family = "beta"

    def __post_init__(self) -> None:
        if isinstance(self.beta, bool) or not isinstance(self.beta, numbers.Real) or not math.isfinite(self.beta):
            raise InputError(f"beta is {self.beta!r}; wanted a finite number")

    @property
    def name(self) -> str:
        """As it is written in an argument."""
        return NAMES.get(self.beta, f"beta={self.beta:g}")

    @property
    def degree(self) -> float:
        """Beta."""
        return self.beta

    @property
    def exponent(self) -> float:
        """Of the multiplicative update."""
        return 1 / (2 - self.beta) if self.beta < 1 else 1 / (self.beta - 1) if self.beta > 2 else 1.0

    @property
    def majorized_exponent(self) -> float:
        """The same with a quadratic penalty (Tan & Fevotte 2013, doi:10.1109/TPAMI.2012.240)."""
        return 1 / (3 - self.beta) if self.beta <= 2 else 1 / (self.beta - 1)

    @property
    def convex(self) -> bool:
        """In the model."""
        return 1 <= self.beta <= 2

    @property
    def positive(self) -> bool:
        """Whether it is infinite where X is 0."""
        return self.beta <= 0

    @property
    def provides(self) -> frozenset[str]:
        """For Kullback-Leibler also problems of one row."""
        return frozenset({"split", "rows"} if self.beta == 1 else {"split"})

    @property
    def shares_den(self) -> bool:
        """For Kullback-Leibler V^(beta - 1) is 1."""
        return self.beta == 1

    def parameter(self, data: Data) -> float:
        """Beta."""
        return self.beta


@dataclass(frozen=True)
class Huber(Pointwise):
    r"""Sum over the entries of h(x - (W H)) with h(r) = r^2 / 2 up to delta and delta (|r| - delta / 2) beyond.

    Huber 1964, doi:10.1214/aoms/1177703732. Each update is one of least squares with the weights min(1, delta / |r|), a
    bound that touches the loss (iteratively reweighted least squares), so no update raises the objective.

    Parameters
    ----------
    delta : float
        > 0, in units of X: residuals beyond it count as outliers.
    """

    delta: float

    name = "huber"
    family = "huber"
    degree = 2.0

    def __post_init__(self) -> None:
        check_number(self.delta, "delta", positive=True)

    def parameter(self, data: Data) -> float:
        """Delta in units of the scaled X, whose largest entry is below 4; beyond any residual it is all the same."""
        fraction, exponent = math.frexp(self.delta)
        return math.ldexp(fraction, min(exponent - data.measures.exponent, MOST_EXPONENT))

    def _whole(self, data: Data) -> float:
        mean = data.measures.mean
        return data.total * mean * min(mean, self.parameter(data))


@dataclass(frozen=True)
class L1(Pointwise):
    r"""Sum over the entries of |x - (W H)|, rounded off to a parabola below a small residual.

    By iteratively reweighted least squares with the weights 1 / |r|: no update raises the objective, at the cost of
    least squares. Weighted medians would minimise exactly coordinate by coordinate, but sort all residuals for each of
    them, and stop at points that are not stationary, since the loss is not smooth.

    Parameters
    ----------
    epsilon : float
        > 0; residuals below epsilon times the mean of X are rounded off, which adds at most half of that to an entry.
    """

    epsilon: float = 1e-3

    name = "l1"
    family = "absolute"
    degree = 1.0

    def __post_init__(self) -> None:
        check_number(self.epsilon, "epsilon", positive=True)

    def parameter(self, data: Data) -> float:
        """Epsilon times the mean of the scaled X; something for X = 0."""
        return self.epsilon * data.measures.mean or self.epsilon
