"""The beta-divergences other than half the squared error: Kullback-Leibler, Itakura-Saito, and any real beta."""

import math
from dataclasses import dataclass

import numpy as np

from .._workspace import Workspace
from ..data import Data
from .base import EPS, Split
from .frobenius import Frobenius

NAMES = {2.0: "frobenius", 1.0: "kullback-leibler", 0.0: "itakura-saito"}


@dataclass(frozen=True)
class BetaDivergence:
    r"""Sum of :math:`d_\beta(x | y)` over the entries x of X and y of W H.

    .. math:: d_\beta(x|y) = \frac{x^\beta + (\beta - 1) y^\beta - \beta x y^{\beta - 1}}{\beta (\beta - 1)}, \quad
       d_1 = x \log\frac{x}{y} - x + y, \quad d_0 = \frac{x}{y} - \log\frac{x}{y} - 1

    Fevotte & Idier 2011, doi:10.1162/NECO_a_00168: the gradient is V^(beta - 1) B - (X o V^(beta - 2)) B with
    V = F B', and the exponent that makes multiplicative updates monotone is theirs.
    """

    beta: float

    provides = frozenset({"split"})
    constant = False

    @property
    def name(self) -> str:
        """As it is written in an argument."""
        return NAMES.get(self.beta, f"beta={self.beta:g}")

    @property
    def exponent(self) -> float:
        """Of the multiplicative update."""
        return 1 / (2 - self.beta) if self.beta < 1 else 1 / (self.beta - 1) if self.beta > 2 else 1.0

    def allocate(self, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Memory for num and den; for beta = 1 den is a row that B gives."""
        return np.empty_like(F), np.empty_like(F if self.beta != 1 else F[:0])

    def summary(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """The sum of each column."""
        return workspace.column_sums(F)

    def statistics(
        self,
        data: Data,
        F: np.ndarray,
        B: np.ndarray,
        summary: np.ndarray,
        out: tuple[np.ndarray, np.ndarray],
        evaluate: bool,
    ) -> Split:
        """The parts of the gradient at (F, B), written to out. 6 m n k flop; 4 for beta = 1, or 4 nnz k."""
        num, den = out
        value = data.beta_step(F, B, self.beta, num, den, evaluate)
        return Split(num, den if self.beta != 1 else summary[None].astype(F.dtype), self.exponent, max(0.0, value))

    def cost(self, data: Data, k: int) -> float:
        """Flop of `statistics`."""
        return (4.0 if self.beta == 1 else 6.0) * data.size * k

    def value(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, statistics: Split, workspace: Workspace
    ) -> float:
        """The objective at (F, B), which the statistics hold."""
        return statistics.value

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F, for which X is read once more."""
        squares = Frobenius()
        normal = squares.statistics(data, F, B, workspace.gram(B), np.empty_like(F))
        half_square = squares.value(data, F, B, workspace.gram(F), normal, workspace)
        return squares.relative_error(data, F, B, half_square, workspace)

    def _whole(self, data: Data) -> float:
        """A size of the terms that the objective adds up."""
        size = float(data.shape[0]) * data.shape[1]
        return size * data.measures.mean**self.beta if data.measures.mean > 0 else 0.0

    def round_off(self, data: Data, value: float, dtype: np.dtype) -> float:
        """How far apart two objectives must be for their difference to mean something."""
        return EPS[np.dtype(dtype)] * (0.25 * self._whole(data) + 4 * value)

    def exact(self, data: Data, value: float, dtype: np.dtype) -> bool:
        """Whether the objective is round-off."""
        return value <= EPS[dtype] * self._whole(data)

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Objectives in units of X, from those of X times 2**-exponent; out of the range of float64 infinite or 0."""
        whole = math.floor(self.beta * exponent)
        return np.ldexp(value * 2.0 ** (self.beta * exponent - whole), whole)

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Split]], workspace: Workspace) -> float:
        """Sum of den |min(F, mean(F_t) gradient / den)| over both factors, as a share of sum F num; free of scales."""
        residual = 0.0
        for _, F, split in sides:
            off, whole = workspace.split_kkt(F, split.num, split.den)
            residual += off / whole if whole > 0 else 0.0
        return residual
