"""The L2,1 loss: the sum of the Euclidean norms of the residuals of the samples.

The two factors see different problems. The weight of a sample cancels in its row of W, so W is fitted by plain least
squares. H is fitted to weighted samples, from the product X H' that the half-step for W has computed. An iteration
costs what one of least squares does.
"""

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._checks import InputError, check_number
from .._runtime import Workspace
from ..data import Data, UnweightedData, is_unweighted
from ..penalties import Domain, Majorizer
from .base import ALL_PENALTIES, EPS, Precision
from .frobenius import Normal, relative_error_of_squares


class WeightedNormal(NamedTuple):
    """Normal equations with a weight for each row f: the weight times 1/2 f G f' - f c'."""

    G: np.ndarray
    C: np.ndarray
    weights: np.ndarray
    value: float

    @property
    def step_scale(self) -> float:
        """The mean weight of a row."""
        return float(np.mean(self.weights))

    def draw(self, F: np.ndarray, workspace: Workspace) -> np.ndarray:
        """C, minus the gradient at 0 up to the weights."""
        return self.C

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> "WeightedNormal":
        """Add a linear penalty, which has the same weight in each row."""
        return self._replace(C=self.C + (majorizer.C / self.weights[:, None]).astype(F.dtype))


MIN_EPSILON = 1e-6  # squared residuals are differences of larger numbers, and round-off below it


@dataclass(frozen=True)
class L21:
    r"""Sum over the samples i of :math:`\|x_i - w_i H\|_2`, with a parabola in place of small norms.

    An outlying sample counts by its distance, not by its square (Kong, Ding & Huang 2011,
    doi:10.1145/2063576.2063676). Iteratively reweighted least squares with the weights :math:`1 / \|x_i - w_i H\|`:
    no sweep over W or H raises the objective. An iteration costs what one of least squares does.

    Parameters
    ----------
    epsilon : float
        >= 1e-6, relative to the root mean square of the norms of the samples. Below epsilon times that number, the norm
        of a residual is replaced by a parabola, which adds at most half of that number to a sample.
    """

    epsilon: float = 1e-3

    name = "l21"
    degree = 1.0
    convex = True
    positive = False
    needs_model = False
    provides = frozenset({"normal"})
    constant = False
    takes = frozenset({"linear", "bounds"}), ALL_PENALTIES

    @property
    def batched(self) -> frozenset[str]:
        """No statistics for several fits at once."""
        return frozenset()

    def __post_init__(self) -> None:
        if check_number(self.epsilon, "epsilon", positive=True) < MIN_EPSILON:
            raise InputError(
                f"epsilon is {self.epsilon}; wanted at least {MIN_EPSILON}: smaller residuals are round-off"
            )

    def allocate(self, data: Data, W: np.ndarray, Ht: np.ndarray) -> tuple["_OfSamples", "_OfFeatures"]:
        """Allocate the statistics of W and of H, which share the product X H'."""
        assert is_unweighted(data)  # `check_weighted_loss` refuses weights
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
        """The normal equations for W, or those for H with weighted samples, and the objective at (F, B).

        2 m n k flop for W, and for H if X H' is up to date; otherwise twice that.
        """
        return memory.statistics(self, F, B, summary)

    def weigh(
        self, data: Data, squares: np.ndarray, G: np.ndarray, C: np.ndarray, W: np.ndarray
    ) -> tuple[np.ndarray, float]:
        """The weight of each sample and the objective, from the squared norms of the samples and G, C for W."""
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
        """The objective at (F, B), from the statistics."""
        return statistics.value

    def relative_error(self, data: Data, F: np.ndarray, B: np.ndarray, value: float, workspace: Workspace) -> float:
        """||X - F B'||_F / ||X||_F, by one more pass over X."""
        return relative_error_of_squares(data, F, B, workspace)

    def scale(self, data: Data) -> float:
        """m times the root mean square of the norms of the samples, an upper bound of their sum."""
        return math.sqrt(data.shape[0] * data.measures.squared_norm)

    def precision(self, data: Data) -> Precision:
        """Of a sum of terms of the size of `scale`."""
        eps, scale = EPS[data.dtype], self.scale(data)
        return Precision(0.25 * eps * scale, -math.inf, 4 * eps, eps * scale)

    def units(self, value: np.ndarray, exponent: int) -> np.ndarray:
        """Convert objectives of X times 2**-exponent to the units of X; they may overflow or underflow."""
        return np.ldexp(value, exponent)

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Any, Domain]], workspace: Workspace) -> float:
        """The residual of least squares for W and of weighted least squares for H, each relative to tr(F C')."""
        square = 0.0
        for _, F, statistics, domain in sides:
            whole = workspace.inner(statistics.C, F)
            off = domain.squared_kkt_residual(statistics.G, statistics.C, F, workspace)
            square += off / whole if whole > 0 else 0.0
        return math.sqrt(square)


class _Products:
    """The squared norms of the samples, C = X H' and G = H H', from which both factors compute the weights.

    The product is computed again only if H has changed, so an iteration reads X twice, as for least squares.
    """

    def __init__(self, data: UnweightedData, W: np.ndarray) -> None:
        self.data, self.C = data, np.empty_like(W)
        self.G = np.empty((W.shape[1],) * 2)
        self.Ht: np.ndarray | None = None

    @functools.cached_property
    def squares(self) -> np.ndarray:
        """The squared norms of the samples."""
        return self.data.squared_row_norms(np.ones(self.data.shape[0]))

    def compute(self, Ht: np.ndarray, G: np.ndarray) -> None:
        """Compute C for H, given G."""
        self.data.dot(Ht, self.C)
        self.G = G
        if self.Ht is None:
            self.Ht = Ht.copy()
        else:
            np.copyto(self.Ht, Ht)

    def refresh(self, Ht: np.ndarray) -> None:
        """Compute C and G if H has changed."""
        if self.Ht is None or not np.array_equal(self.Ht, Ht):
            self.compute(Ht, self.data.workspace.gram(Ht))


class _OfSamples:
    """The statistics of W."""

    def __init__(self, products: _Products) -> None:
        self.products = products

    def statistics(self, loss: L21, W: np.ndarray, Ht: np.ndarray, summary: np.ndarray) -> WeightedNormal:
        """G = H H' and C = X H', in which the weights of the rows cancel."""
        products = self.products
        products.compute(Ht, summary)
        weights, value = loss.weigh(products.data, products.squares, summary, products.C, W)
        return WeightedNormal(summary, products.C, weights, value)


class _OfFeatures:
    """The statistics of H."""

    def __init__(self, products: _Products, Ht: np.ndarray) -> None:
        self.products, self.C, self.weighted = products, np.empty_like(Ht), np.empty_like(products.C)

    def statistics(self, loss: L21, Ht: np.ndarray, W: np.ndarray, summary: np.ndarray) -> Normal:
        """G = W'D W and C = X'D W with the weights D of the samples at (W, H)."""
        products, weighted = self.products, self.weighted
        products.refresh(Ht)
        data = products.data
        weights, value = loss.weigh(data, products.squares, products.G, products.C, W)
        np.multiply(W, np.sqrt(weights)[:, None], out=weighted, casting="same_kind")
        G = data.workspace.gram(weighted)
        unit = 2.0 ** np.frexp(weights.max())[1]  # products leave room for entries of a factor, not for weights
        np.multiply(W, (weights / unit)[:, None], out=weighted, casting="same_kind")
        data.T.dot(weighted, self.C)
        self.C *= self.C.dtype.type(unit)
        return Normal(G, self.C, value=value)
