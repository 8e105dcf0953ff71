"""Online multiplicative updates: H from sums over mini-batches that forget, W of each batch beside it.

A. Lefevre, F. Bach, C. Fevotte, "Online algorithms for nonnegative matrix factorization with the Itakura-Saito
divergence", WASPAA 2011, doi:10.1109/ASPAA.2011.6082314, for any beta-divergence, as scikit-learn has it: the batch
(X, W) adds the two parts of its gradient, num and den, to

    A <- rho A + H^(1/gamma) o num,    B <- rho B + den,    and then    H = (A / B)^gamma.

With rho = 0 that is the multiplicative update of H. Memory beyond a batch does not grow with the number of samples.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .._runtime import Workspace
from ..data import Data
from ..losses import BetaDivergence, Frobenius

SMALLEST = float(np.finfo(np.float64).eps)  # of a coordinate, as a share of the mean of its component
MOST_EXPONENT = 64  # of what B begins with: beside it nothing that is added shows


class ElasticNetTerm(NamedTuple):
    """What is added to the objective for a factor F: l1 sum F + l2 / 2 sum F^2."""

    l1: float
    l2: float

    def times(self, scale: float, of_F: float = 1.0) -> "ElasticNetTerm":
        """That of an objective times scale, for F / of_F."""
        return ElasticNetTerm(self.l1 and self.l1 * scale * of_F, self.l2 and self.l2 * scale * of_F * of_F)

    def on(self, den: np.ndarray, F: np.ndarray) -> np.ndarray:
        """den of the gradient with its own; a row for all stays one without l2."""
        den = den + den.dtype.type(self.l1) if self.l1 else den
        return den + den.dtype.type(self.l2) * F if self.l2 else den

    def value(self, F: np.ndarray, workspace: Workspace) -> float:
        """What is added; l2 counts twice, as in the cost that scikit-learn prints."""
        linear = self.l1 * float(workspace.column_sums(F).sum()) if self.l1 else 0.0
        return linear + (self.l2 * workspace.inner(F, F) if self.l2 else 0.0)


@dataclass
class OnlineState:
    """What is known of the batches so far: H' (n x k), A and B, which is one row where all rows of den are the same.

    H is in units of X, A and B in those of the gradient for X 2**-exponent; without them H serves for coordinates only.
    """

    Ht: np.ndarray
    exponent: int
    A: np.ndarray | None = None
    B: np.ndarray | None = None
    unit: float = 0.0
    """What B began with."""

    @classmethod
    def of(cls, H: np.ndarray, exponent: int, loss: BetaDivergence | Frobenius, weight: float = 1.0) -> "OnlineState":
        """The start: A = weight H and B = weight, in units of X."""
        Ht = np.array(H.T, order="C")
        unit = Ht.dtype.type(weight * 2.0 ** min(MOST_EXPONENT, -exponent * loss.degree))
        rows = 1 if shares_den(loss) else len(Ht)
        return cls(Ht, exponent, Ht * unit, np.full((rows, Ht.shape[1]), unit), float(unit))


class Step(NamedTuple):
    """What a step tells: the mean cost of a sample of the batch, for X 2**-exponent, and the relative change of H."""

    cost: float
    change: float


class Online:
    """The updates of a memory, batch after batch; of_W and of_H: penalties, that of H for one sample."""

    def __init__(
        self,
        memory: OnlineState,
        loss: BetaDivergence | Frobenius,
        nets: tuple[ElasticNetTerm, ElasticNetTerm],
        workspace: Workspace,
    ) -> None:
        self.memory, self.loss, self.workspace = memory, loss, workspace
        self.gamma = getattr(loss, "exponent", 1.0)
        self.nothing = np.zeros(memory.Ht.shape[1])
        per_unit = power_of_two(-loss.degree * memory.exponent)
        self.of_W = nets[0].times(per_unit, power_of_two(memory.exponent))
        self.of_H = nets[1].times(per_unit)
        self.unit = power_of_two(loss.degree * memory.exponent)  # of the costs
        self._out = None
        self._summary = None

    def summary(self) -> np.ndarray:
        """What the loss needs of H, made once for each H."""
        if self._summary is None:
            self._summary = self.loss.summary(self.memory.Ht, self.workspace)
        return self._summary

    def step(self, data: Data, W: np.ndarray, rho: float, update_W: bool = True) -> Step:
        """Update W in place, then the memory. Two passes over the batch: one for W, one for H and the cost."""
        memory, loss, workspace = self.memory, self.loss, self.workspace
        if update_W:
            self._update(data, W)
        summary, of_H = self.summary(), self.of_H.times(len(W))
        if self._out is None:
            self._out = loss.allocate(data.T, memory.Ht, W)[0]
        of_batch = loss.statistics(data.T, memory.Ht, W, loss.summary(W, workspace), self._out, True)
        value = loss.value(data.T, memory.Ht, W, summary, of_batch, workspace)
        value += self.of_W.value(W, workspace) + of_H.value(memory.Ht, workspace)
        num, den = of_batch.split(memory.Ht, workspace)[:2]
        if shares_den(loss):  # a component that no sample of the batch has fades, as in scikit-learn
            den = np.where(den > 0, den, den.dtype.type(memory.unit))
        den = of_H.on(den, memory.Ht)
        if len(memory.B) < len(den):
            memory.B = np.repeat(memory.B, len(den), axis=0)
        least = SMALLEST / len(memory.Ht) * summary if loss.degree <= 1 else self.nothing
        moved, size = workspace.accumulate(memory.Ht, num, den, memory.A, memory.B, least, rho, self.gamma)
        self._summary = None
        return Step(value / len(W), math.sqrt(moved / size) if size > 0 else math.nan)

    def coordinates(self, data: Data, max_iter: int, tol: float) -> np.ndarray:
        """W of a batch beside H, from a level start, until an update changes it by at most tol times itself."""
        k = self.memory.Ht.shape[1]
        level = math.ldexp(math.sqrt(data.measures.mean / k), -(self.memory.exponent // 2))
        W = np.full((data.shape[0], k), level, data.dtype)
        before, made = W.copy(), None
        for _ in range(max_iter):
            made = self._update(data, W, made)
            if tol > 0:
                change, size = self.workspace.squared_distance(W, before, 1.0), self.workspace.inner(W, W)
                if change <= tol**2 * size:
                    break
                np.copyto(before, W)
        return W

    def _update(self, data: Data, W: np.ndarray, made: object = None) -> object:
        """One update of W in place; returns its statistics where they serve the next one, too, else None."""
        loss, workspace = self.loss, self.workspace
        if made is None:
            made = loss.statistics(
                data, W, self.memory.Ht, self.summary(), loss.allocate(data, W, self.memory.Ht)[0], evaluate=False
            )
        num, den = made.split(W, workspace)[:2]
        workspace.multiply(W, num, self.of_W.on(den, W), self.gamma, self.nothing)
        return made if loss.constant else None

    def error(self, data: Data, W: np.ndarray) -> float:
        """The square root of twice the divergence of X from W H, in units of X, without penalties; a pass over X."""
        loss, workspace = self.loss, self.workspace
        made = loss.statistics(data, W, self.memory.Ht, self.summary(), loss.allocate(data, W, self.memory.Ht)[0], True)
        value = loss.value(data, W, self.memory.Ht, loss.summary(W, workspace), made, workspace)
        return math.sqrt(2 * max(0.0, value)) * power_of_two(loss.degree * self.memory.exponent / 2)


def shares_den(loss: BetaDivergence | Frobenius) -> bool:
    """Whether den is one row for all rows of a factor."""
    return getattr(loss, "shares_den", False)


def power_of_two(exponent: float) -> float:
    """2**exponent; out of the range of float64 infinite or 0."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.exp2(exponent))
