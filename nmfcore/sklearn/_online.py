"""Online multiplicative updates: H from sums over mini-batches that are gradually forgotten, W of one batch at a time.

A. Lefevre, F. Bach, C. Fevotte, "Online algorithms for nonnegative matrix factorization with the Itakura-Saito
divergence", WASPAA 2011, doi:10.1109/ASPAA.2011.6082314, for any beta-divergence, as in scikit-learn. The batch (X, W)
adds the two parts of its gradient for H, num and den, to

    A <- rho A + H^(1/gamma) o num,    B <- rho B + den,    and then    H = (A / B)^gamma.

With rho = 0 this is the multiplicative update of H. The memory beyond a batch does not grow with the number of samples.

What costs time is H, not the batch. With 54 000 words a batch of 1024 texts takes 12 ms on one thread, and a quarter
of it is the update of A, B and H. So the kernel `accumulate` updates all three in one pass and returns the change of H.
For Kullback-Leibler B is a single row. The cost of a batch comes with the statistics for H. The batches keep their
compressed columns from one pass over X to the next.
"""

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from .._runtime import Workspace
from ..data import Data
from ..losses import Loss

FLOOR = float(np.finfo(np.float64).eps)  # smallest entry of H, as a share of the mean of its component
LARGEST_EXPONENT = 64  # of the start of B: at 2**64 no sum that a batch adds changes it any more


class ElasticNetTerm(NamedTuple):
    """The penalty l1 sum F + l2 / 2 sum F^2 of a factor F."""

    l1: float
    l2: float

    def scaled(self, objective: float, factor: float = 1.0) -> "ElasticNetTerm":
        """The penalty in another scale: that of F / factor, times `objective`."""
        l1 = self.l1 and self.l1 * objective * factor
        l2 = self.l2 and self.l2 * objective * factor * factor
        return ElasticNetTerm(l1, l2)

    def add_to(self, den: np.ndarray, F: np.ndarray) -> np.ndarray:
        """den plus the gradient of the penalty. Without l2 a row that is shared by all rows of F stays one row."""
        den = den + den.dtype.type(self.l1) if self.l1 else den
        return den + den.dtype.type(self.l2) * F if self.l2 else den

    def value(self, F: np.ndarray, workspace: Workspace) -> float:
        """The penalty of F with l2 counted twice, as in the cost that scikit-learn prints."""
        linear = self.l1 * float(workspace.column_sums(F).sum()) if self.l1 else 0.0
        return linear + (self.l2 * workspace.inner(F, F) if self.l2 else 0.0)


def _no_sums() -> np.ndarray:
    return np.empty((0, 0))


@dataclass
class OnlineState:
    """H' (n x k) and the sums over the batches so far.

    H is in units of 2**(exponent // 2), and A and B are in units of the gradient for X 2**-exponent. A state without
    them is enough to fit W with a fixed H.
    """

    Ht: np.ndarray
    exponent: int
    A: np.ndarray = field(default_factory=_no_sums)
    """The sum of H^(1/gamma) o num, n x k."""
    B: np.ndarray = field(default_factory=_no_sums)
    """The sum of den, n x k, or 1 x k if den is the same for all rows."""
    unit: float = 0.0
    """The value of B at the start."""

    @classmethod
    def start(cls, H: np.ndarray, exponent: int, loss: Loss, weight: float = 1.0) -> "OnlineState":
        """The state before the first batch: A = weight H and B = weight, in units of X."""
        Ht, half = scale_factor(H.T, -(exponent // 2)), exponent // 2
        of_B = min(LARGEST_EXPONENT, half - exponent * loss.degree)
        of_A = min(LARGEST_EXPONENT, of_B + half * (1 - 1 / getattr(loss, "exponent", 1.0)))
        with np.errstate(under="ignore"):  # sums that are small beside those of a batch
            unit_A, unit = (Ht.dtype.type(weight * 2.0**power) for power in (of_A, of_B))
            A = Ht * unit_A
        rows = 1 if _shares_den(loss) else len(Ht)
        return cls(Ht, exponent, A, np.full((rows, Ht.shape[1]), unit), float(unit))

    @classmethod
    def from_components(cls, H: np.ndarray, exponent: int, *sums: Any) -> "OnlineState":
        """The state with H in units of X."""
        return cls(scale_factor(H.T, -(exponent // 2)), exponent, *sums)

    @property
    def H(self) -> np.ndarray:
        """H in units of X."""
        return scale_factor(self.Ht, self.exponent // 2).T


class StepResult(NamedTuple):
    """The mean cost of a sample of the batch, for X 2**-exponent, and the relative change of H."""

    cost: float
    change: float


class OnlineSolver:
    """Updates an `OnlineState` batch by batch.

    Parameters
    ----------
    state : OnlineState
        Updated in place.
    loss : Loss
        A beta-divergence.
    penalties : (ElasticNetTerm, ElasticNetTerm)
        The penalty of W, and the penalty of H for one sample.
    workspace : Workspace
    """

    def __init__(
        self,
        state: OnlineState,
        loss: Loss,
        penalties: tuple[ElasticNetTerm, ElasticNetTerm],
        workspace: Workspace,
    ) -> None:
        self.state, self.loss, self.workspace = state, loss, workspace
        self.gamma: float = getattr(loss, "exponent", 1.0)
        self.no_floor = np.zeros(state.Ht.shape[1])
        per_unit = power_of_two(-loss.degree * state.exponent)
        half = state.exponent // 2
        self.penalty_W = penalties[0].scaled(per_unit, power_of_two(state.exponent - half))
        self.penalty_H = penalties[1].scaled(per_unit, power_of_two(half))
        self.cost_unit = power_of_two(loss.degree * state.exponent)
        self._memory: Any = None
        self._summary: Any = None

    def summary(self) -> Any:
        """What the loss needs of H, computed once for each H."""
        if self._summary is None:
            self._summary = self.loss.summary(self.state.Ht, self.workspace)
        return self._summary

    def step(self, data: Data, W: np.ndarray, rho: float, update_W: bool = True) -> StepResult:
        """Update W of a batch in place, then the state: a pass over the batch for W, and one for H and the cost."""
        state, loss, workspace = self.state, self.loss, self.workspace
        if update_W:
            self._update_W(data, W)
        summary, penalty_H = self.summary(), self.penalty_H.scaled(len(W))
        if self._memory is None:
            self._memory = loss.allocate(data.T, state.Ht, W)[0]
        statistics = loss.statistics(data.T, state.Ht, W, loss.summary(W, workspace), self._memory, True)
        value = loss.value(data.T, state.Ht, W, summary, statistics, workspace)
        value += self.penalty_W.value(W, workspace) + penalty_H.value(state.Ht, workspace)
        num, den = statistics.split(state.Ht, workspace)[:2]
        if _shares_den(loss):  # a component that no sample of the batch has fades, as in scikit-learn
            den = np.where(den > 0, den, den.dtype.type(state.unit))
        den = penalty_H.add_to(den, state.Ht)
        if len(state.B) < len(den):
            state.B = np.repeat(state.B, len(den), axis=0)
        floor = FLOOR / len(state.Ht) * summary if loss.degree <= 1 else self.no_floor
        moved, size = workspace.accumulate(state.Ht, num, den, state.A, state.B, floor, rho, self.gamma)
        self._summary = None
        return StepResult(value / len(W), math.sqrt(moved / size) if size > 0 else math.nan)

    def fit_W(self, data: Data, max_iter: int, tol: float) -> np.ndarray:
        """W of a batch for the current H.

        All entries start at one value. The updates end when one of them changes W by at most tol times W, or after
        max_iter.
        """
        k = self.state.Ht.shape[1]
        W = np.full((data.shape[0], k), math.sqrt(data.measures.mean / k), data.dtype)
        before, statistics = W.copy(), None
        for _ in range(max_iter):
            statistics = self._update_W(data, W, statistics)
            if tol > 0:
                change, size = self.workspace.squared_distance(W, before, 1.0), self.workspace.inner(W, W)
                if change <= tol**2 * size:
                    break
                np.copyto(before, W)
        return W

    def _update_W(self, data: Data, W: np.ndarray, statistics: Any = None) -> Any:
        """Update W once, in place. Returns its statistics if they are valid for the next update, too, else None."""
        loss, workspace = self.loss, self.workspace
        if statistics is None:
            statistics = self._statistics_of_W(data, W, evaluate=False)
        num, den = statistics.split(W, workspace)[:2]
        workspace.multiply(W, num, self.penalty_W.add_to(den, W), self.gamma, self.no_floor)
        return statistics if loss.constant else None

    def reconstruction_error(self, data: Data, W: np.ndarray) -> float:
        """The square root of twice the divergence of X from W H, in units of X, without penalties. A pass over X."""
        loss, workspace = self.loss, self.workspace
        statistics = self._statistics_of_W(data, W, evaluate=True)
        value = loss.value(data, W, self.state.Ht, loss.summary(W, workspace), statistics, workspace)
        return math.sqrt(2 * max(0.0, value)) * power_of_two(loss.degree * self.state.exponent / 2)

    def _statistics_of_W(self, data: Data, W: np.ndarray, evaluate: bool) -> Any:
        Ht = self.state.Ht
        return self.loss.statistics(data, W, Ht, self.summary(), self.loss.allocate(data, W, Ht)[0], evaluate)


def _shares_den(loss: Loss) -> bool:
    """Whether den is one row for all rows of a factor."""
    return getattr(loss, "shares_den", False)


def power_of_two(exponent: float) -> float:
    """2**exponent; infinite or 0 beyond the range of float64."""
    with np.errstate(over="ignore", under="ignore"):
        return float(np.exp2(exponent))


def scale_factor(F: np.ndarray, exponent: int) -> np.ndarray:
    """Copy F times 2**exponent, C-contiguous; an entry beyond the range of the dtype is infinite or 0."""
    with np.errstate(over="ignore", under="ignore"):
        return np.multiply(F, F.dtype.type(2.0**exponent), order="C")
