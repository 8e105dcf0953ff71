"""The sum of the Euclidean norms of the residuals of the samples: whole samples may be wrong."""

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._checks import InputError, check_number
from .._runtime import Workspace
from ..data import Data
from ..penalties import Domain, Majorizer
from .base import ALL_PENALTIES, EPS
from .frobenius import Normal, relative_error_of_squares


class WeightedNormal(NamedTuple):
    """The normal equations of rows that count differently: 1/2 f G f' - f c', times the weight of the row."""

    G: np.ndarray
    C: np.ndarray
    weights: np.ndarray
    value: float

    @property
    def step_scale(self) -> float:
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
    batched = frozenset()
    takes = frozenset({"linear", "bounds"}), ALL_PENALTIES

    def __post_init__(self) -> None:
        if check_number(self.epsilon, "epsilon", positive=True) < LEAST:
            raise InputError(f"epsilon is {self.epsilon}; wanted at least {LEAST}, or residuals are round-off")

    def allocate(self, data: Data, W: np.ndarray, Ht: np.ndarray) -> tuple["_OfSamples", "_OfFeatures"]:
        """Memory for the statistics of W and of H, which share the product X H'."""
        products = _Products(data, W)
        return _OfSamples(products), _OfFeatures(products, Ht)

    def summary(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """F'F."""
        return workspace.gram(F)

    def statistics(
        self,
        data: Data,
        F: np.ndarray,
        B: np.ndarray,
        summary: np.ndarray,
        memory: "_OfSamples | _OfFeatures",
        evaluate: bool,
    ) -> WeightedNormal | Normal:
        """The normal equations of the rows of W, or of H with weighted samples, and the value at (F, B).

        2 m n k flop for W, and for H where X H' is at hand, else twice that.
        """
        return memory.statistics(self, F, B, summary)

    def weigh(
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


class _Products:
    """What the weights of the samples follow from, for both factors: the squared norms of the samples and X H'.

    The product is made anew only where H has changed since: an iteration reads X twice, as that of least squares does.
    """

    def __init__(self, data: Data, W: np.ndarray) -> None:
        self.data, self.C = data, np.empty_like(W)
        self.G: np.ndarray | None = None
        self.Ht: np.ndarray | None = None

    @functools.cached_property
    def squares(self) -> np.ndarray:
        """The squared norms of the samples."""
        return self.data.squared_row_norms(np.ones(self.data.shape[0]))

    def make(self, Ht: np.ndarray, G: np.ndarray) -> None:
        """Let C be X H', and G be H H'."""
        self.data.dot(Ht, self.C)
        self.G = G
        if self.Ht is None:
            self.Ht = Ht.copy()
        else:
            np.copyto(self.Ht, Ht)

    def refresh(self, Ht: np.ndarray) -> None:
        """Make them where H is another one."""
        if self.Ht is None or not np.array_equal(self.Ht, Ht):
            self.make(Ht, self.data.workspace.gram(Ht))


class _OfSamples:
    """Memory for the statistics of W."""

    def __init__(self, products: _Products) -> None:
        self.products = products

    def statistics(self, loss: L21, W: np.ndarray, Ht: np.ndarray, summary: np.ndarray) -> WeightedNormal:
        """G = H H' and C = X H', which do not depend on the weights of the rows."""
        products = self.products
        products.make(Ht, summary)
        weights, value = loss.weigh(products.data, products.squares, summary, products.C, W)
        return WeightedNormal(summary, products.C, weights, value)


class _OfFeatures:
    """Memory for the statistics of H."""

    def __init__(self, products: _Products, Ht: np.ndarray) -> None:
        self.products, self.C, self.weighted = products, np.empty_like(Ht), np.empty_like(products.C)

    def statistics(self, loss: L21, Ht: np.ndarray, W: np.ndarray, summary: np.ndarray) -> Normal:
        """G = W'D W and C = X'D W, D the weights of the samples at (W, H)."""
        products, weighted = self.products, self.weighted
        products.refresh(Ht)
        data = products.data
        weights, value = loss.weigh(data, products.squares, products.G, products.C, W)
        np.multiply(W, np.sqrt(weights)[:, None], out=weighted, casting="same_kind")
        G = data.workspace.gram(weighted)
        np.multiply(W, weights[:, None], out=weighted, casting="same_kind")
        return Normal(G, data.T.dot(weighted, self.C), value=value)
