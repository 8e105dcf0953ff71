"""The sum of the Euclidean norms of the residuals of the samples: whole samples may be wrong."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._checks import InputError, check_number
from .._runtime import Workspace
from ..data import Data
from ..penalties import Domain, Majorizer
from .base import EPS, EVERYTHING
from .frobenius import Normal, relative_error_of_squares


class WeightedNormal(NamedTuple):
    """The normal equations of rows that count differently: 1/2 f G f' - f c', times the weight of the row."""

    G: np.ndarray
    C: np.ndarray
    weights: np.ndarray
    value: float

    @property
    def unit(self) -> float:
        """What the least squares count in the objective: as much as the mean row."""
        return float(np.mean(self.weights))

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "WeightedNormal":
        """With what is linear in F, which counts the same in each row."""
        return self._replace(C=self.C + (majorizer.C / self.weights[:, None]).astype(F.dtype))


LEAST = 1e-6  # of epsilon: squares of residuals are differences of what X and the model are made of


@dataclass(frozen=True)
class L21:
    r"""Sum over the samples i of :math:`\|x_i - w_i H\|_2`, rounded off to a parabola below a small residual.

    A sample that fits no model counts by its distance, not by its square (Kong, Ding & Huang 2011,
    doi:10.1145/2063576.2063676). By iteratively reweighted least squares with the weights :math:`1 / \|x_i - w_i H\|`,
    a bound that touches the loss: it does not change the problem of a row of W, and H is fitted to weighted samples, so
    that a sweep of either does not raise the objective. An iteration costs what one of least squares does.

    Parameters
    ----------
    epsilon : float
        >= 1e-6; residuals below epsilon times the root mean square of the norms of the samples are rounded off, which
        adds at most half of that to a sample.
    """

    epsilon: float = 1e-3

    name = "l21"
    degree = 1.0
    convex = True
    positive = False
    provides = frozenset({"normal"})
    constant = False
    together = frozenset()
    takes = frozenset({"linear", "bounds"}), EVERYTHING

    def __post_init__(self) -> None:
        if check_number(self.epsilon, "epsilon", positive=True) < LEAST:
            raise InputError(f"epsilon is {self.epsilon}; wanted at least {LEAST}, or residuals are round-off")

    def sides(self) -> tuple["L21", "L21OfFeatures"]:
        """As W sees it, and as H does."""
        return self, L21OfFeatures(self.epsilon)

    def allocate(self, data: Data, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Memory for C, and the squared norms of the samples."""
        return np.empty_like(F), data.squared_row_norms(np.ones(len(F)))

    def summary(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """F'F."""
        return workspace.gram(F)

    def statistics(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, out: Any, evaluate: bool, across: Any
    ) -> WeightedNormal:
        """G and C for the rows of W, which do not depend on their weights, and the value at (F, B)."""
        C, squares = out
        data.dot(B, C)
        return WeightedNormal(summary, C, *self._weigh(data, squares, summary, C, F))

    def _weigh(
        self, data: Data, squares: np.ndarray, G: np.ndarray, C: np.ndarray, W: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """The weight of each sample and the objective, from the squared norms of samples and the statistics for W."""
        model = data.workspace.product(W, G.astype(W.dtype), np.empty_like(W))
        products = np.einsum("it,it->i", W, model - 2 * C, dtype=np.float64)
        r = np.sqrt(np.maximum(squares + products, 0))
        least = self.epsilon * math.sqrt(data.measures.squared_norm / len(W)) or self.epsilon
        small = np.maximum(r, least)
        return 1 / small, float(np.sum(np.where(r < least, r**2 / least + least, 2 * r))) / 2

    def cost(self, data: Data, k: int) -> float:
        """Flop of `summary` and `statistics`."""
        return 2.0 * data.size * k + 2.0 * data.shape[1] * k * k

    def value(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, statistics: Any, workspace: Workspace
    ) -> float:
        """The objective at (F, B), which the statistics hold."""
        return statistics.value

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F, for which X is read once more."""
        return relative_error_of_squares(data, F, B, workspace)

    def _whole(self, data: Data) -> float:
        """At least the sum of the norms of the samples."""
        return math.sqrt(data.shape[0] * data.measures.squared_norm)

    def round_off(self, data: Data, value: float, dtype: np.dtype) -> float:
        """How far apart two objectives must be for their difference to mean something."""
        return EPS[np.dtype(dtype)] * (0.25 * self._whole(data) + 4 * value)

    def exact(self, data: Data, value: float, dtype: np.dtype) -> bool:
        """Whether the objective is round-off: for X = 0."""
        return value <= EPS[np.dtype(dtype)] * self._whole(data)

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Objectives in units of X, from those of X times 2**-exponent; out of the range of float64 infinite or 0."""
        return np.ldexp(value, exponent)

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Any, Domain]], workspace: Workspace) -> float:
        """That of least squares for W, and of weighted least squares for H, as a share of what they fit."""
        square = 0.0
        for _, F, statistics, domain in sides:
            whole = workspace.inner(statistics.C, F)
            off = domain.squared_kkt_residual(statistics.G, statistics.C, F, workspace)
            square += off / whole if whole > 0 else 0.0
        return math.sqrt(square)


@dataclass(frozen=True)
class L21OfFeatures(L21):
    """The same as H sees it: least squares of weighted samples."""

    def allocate(self, data: Data, F: np.ndarray) -> tuple[np.ndarray, ...]:
        """Memory for C, for the weighted W and for X H', and the squared norms of the samples."""
        shape = data.shape[1], F.shape[1]
        squares = data.T.squared_row_norms(np.ones(data.shape[1]))
        return np.empty_like(F), np.empty(shape, F.dtype), np.empty(shape, F.dtype), squares

    def statistics(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, out: Any, evaluate: bool, across: Any
    ) -> Normal:
        """G = W'D W and C = X'D W, D the weights of the samples at (F, B).

        across: the statistics for W, where they were made with this F; else X is read once more for them.
        """
        C, weighted, product, squares = out
        if across is None:
            across = Normal(data.workspace.gram(F), data.T.dot(F, product))
        weights, value = self._weigh(data.T, squares, across.G, across.C, B)
        np.multiply(B, np.sqrt(weights)[:, None], out=weighted, casting="same_kind")
        G = data.workspace.gram(weighted)
        np.multiply(B, weights[:, None], out=weighted, casting="same_kind")
        return Normal(G, data.dot(weighted, C), value=value)
