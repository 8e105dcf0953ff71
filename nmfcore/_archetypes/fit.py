"""Archetypal analysis by block coordinates: W row by row, B among the candidates that its gradient has found.

For given archetypes Z the rows of W are exact. For given W the archetypes see X through Q = W'W and D = W'X alone, and
B is held as shares of few candidates, rows of X: the joint problem is solved among those, and one product with X finds
for each archetype the row along which the objective falls most, which becomes one more. So an iteration is three
products of X with k columns. W is fitted to extrapolated archetypes; where the objective rises, from the best ones.
"""

import math
import time
from typing import NamedTuple

import numpy as np

from .._fit import History
from .._runtime import Workspace
from ..data import Data, Dense, Names
from .result import Archetypes
from .simplex import column_minima, fit_blocks, fit_rows

SWEEPS = 3  # over the archetypes, among the candidates
ROUNDS = 2  # of candidates in an iteration
PATIENCE = 3  # iterations in a row without progress, before the end
SPARE = 4  # times the candidates in use, before the others are dropped
BLOCK = 1 << 18  # entries of the residual that exist at a time


class ArchetypalProblem(NamedTuple):
    """What is fitted: X, less its mean, and how its rows count."""

    data: Data
    k: int
    weights: np.ndarray | None
    squares: np.ndarray
    """||x_i||^2."""
    threshold: float
    """Of the Huber loss, in units of the data; infinite for least squares."""
    factors: tuple[float, float]
    """The least and the largest sum of a row of B."""
    offset: np.ndarray | float
    """What was taken off the rows of X, in units of X."""
    exponent: int
    """Of two, the power that turns units of the data into those of X."""
    workspace: Workspace

    @classmethod
    def of(
        cls, X: Data, k: int, weights: np.ndarray | None, huber: float | None, delta: float, workspace: Workspace
    ) -> "ArchetypalProblem":
        """For dense X without its mean, which no archetype notices but where the sums of B are relaxed."""
        data, offset, exponent = X, 0.0, X.measures.exponent
        if isinstance(X, Dense) and delta == 0:
            scaled = np.ldexp(np.asarray(X.X, order="C"), -exponent)
            mean = scaled.mean(axis=0, dtype=np.float64)
            data = Dense.of((scaled - mean).astype(X.dtype, copy=False), workspace)
            offset, exponent = np.ldexp(mean, exponent), exponent + data.measures.exponent
        squares = data.squared_row_norms(np.ones(data.shape[0]))
        threshold = math.inf if huber is None else math.ldexp(huber, -exponent)
        return cls(data, k, weights, squares, threshold, (1 - delta, 1 + delta), offset, exponent, workspace)

    def scatter(self) -> float:
        """The weighted sum of the squared distances of the rows to their mean."""
        m, n = self.data.shape
        weights = self.weighed(np.ones(m))
        column = weights[:, None].astype(self.data.dtype)
        sums = self.data.T.dot(column, np.empty((n, 1), self.data.dtype))[:, 0].astype(np.float64)
        return max(0.0, float(self.weighed(self.squares).sum() - sums @ sums / weights.sum()))

    def weighed(self, values: np.ndarray) -> np.ndarray:
        """Values of the rows, times their weights."""
        return values if self.weights is None else values * self.weights

    def losses(self, squared: np.ndarray) -> np.ndarray:
        """The loss of each row, of its squared residual."""
        if self.threshold == math.inf:
            return 0.5 * squared
        lengths = np.sqrt(squared)
        return np.where(lengths <= self.threshold, 0.5 * squared, self.threshold * (lengths - 0.5 * self.threshold))

    def slopes(self, squared: np.ndarray) -> np.ndarray | None:
        """The weights with which least squares touch the objective from above; None where all are 1."""
        if self.threshold == math.inf:
            return self.weights
        lengths = np.sqrt(squared)
        return self.weighed(np.minimum(1, self.threshold / np.maximum(lengths, self.threshold)))


class Candidates:
    """Rows of X, times a factor where B is relaxed, and B in shares of them."""

    def __init__(self, problem: ArchetypalProblem, rows: np.ndarray) -> None:
        m, n = problem.data.shape
        self.problem = problem
        self.rows, self.factors = np.empty(0, np.intp), np.empty(0)
        self.S, self.B = np.empty((0, n)), np.empty((problem.k, 0))
        self.slopes = np.empty((m, problem.k), problem.data.dtype)
        distinct, places = np.unique(rows, return_inverse=True)
        self.add(distinct, np.full(len(distinct), problem.factors[1]))
        self.B[np.arange(problem.k), places] = 1

    @property
    def Z(self) -> np.ndarray:
        """The archetypes."""
        return self.B @ self.S

    def add(self, rows: np.ndarray, factors: np.ndarray) -> None:
        """Further candidates, with shares of 0."""
        points = self.problem.data.take(rows).astype(np.float64) * factors[:, None]
        self.rows, self.factors = np.append(self.rows, rows), np.append(self.factors, factors)
        self.S = np.vstack([self.S, points])
        self.G = self.S @ self.S.T
        self.B = np.hstack([self.B, np.zeros((self.problem.k, len(rows)))])

    def drop_unused(self) -> None:
        """Let go of those without a share, where they are most."""
        used = (self.B > 0).any(axis=0)
        if len(used) <= SPARE * (used.sum() + self.problem.k):
            return
        self.rows, self.factors, self.S = self.rows[used], self.factors[used], self.S[used]
        self.G, self.B = np.ascontiguousarray(self.G[np.ix_(used, used)]), np.ascontiguousarray(self.B[:, used])

    def improve(self, Q: np.ndarray, D: np.ndarray) -> None:
        """B, for 1/2 tr(Q Z Z') - tr(D Z')."""
        for _ in range(ROUNDS):
            self._price(Q @ self.Z - D)
            fit_blocks(self.problem.workspace, Q, self.G, D @ self.S.T, self.B, SWEEPS)

    def _price(self, gradient: np.ndarray) -> None:
        """Add the row of X that lies farthest against the gradient of each archetype, where it is none yet."""
        data, (inner, outer) = self.problem.data, self.problem.factors
        data.dot(np.ascontiguousarray(gradient.T, data.dtype), self.slopes)
        values, rows = column_minima(self.problem.workspace, self.slopes, inner, outer)
        factors = np.where(values >= 0, inner, outer)
        known = set(zip(self.rows.tolist(), self.factors.tolist(), strict=True))
        found = dict.fromkeys(zip(rows.tolist(), factors.tolist(), strict=True))
        new = [pair for pair in found if pair not in known]
        if new:
            self.add(np.array([row for row, _ in new]), np.array([factor for _, factor in new]))

    def replace(self, t: int, row: int) -> None:
        """Let archetype t be a row of X."""
        self.add(np.array([row]), np.array([self.problem.factors[1]]))
        self.B[t] = 0
        self.B[t, -1] = 1

    def back_to(self, B: np.ndarray) -> None:
        """B as it was, when the candidates were fewer."""
        self.B[:] = 0
        self.B[:, : B.shape[1]] = B

    def whole(self) -> np.ndarray:
        """B (k x m)."""
        out = np.zeros((self.problem.k, self.problem.data.shape[0]))
        for row, share in zip(self.rows, (self.B * self.factors).T, strict=True):
            out[:, row] += share
        return out


class ArchetypalLimits(NamedTuple):
    """When a fit ends."""

    max_iter: int
    tol: float
    until: float
    """The time at which no further iteration begins."""


class Fitted(NamedTuple):
    """One fit, in units of the data."""

    W: np.ndarray
    B: np.ndarray
    Z: np.ndarray
    unexplained: float
    """The sum of the squared residuals."""
    reason: str
    history: History

    def result(self, problem: ArchetypalProblem, heaviest: float, objectives: list[float], names: Names) -> Archetypes:
        """The fit in units of X and of the weights, of which the heaviest is given."""
        scatter = problem.scatter()
        with np.errstate(over="ignore", under="ignore"):  # what units of X cannot express is infinite or 0
            objective, objectives = (
                np.ldexp(np.multiply(values, heaviest), 2 * problem.exponent)
                for values in (self.history.objective, objectives)
            )
        return Archetypes(
            W=self.W,
            B=self.B,
            archetypes=(np.ldexp(self.Z, problem.exponent) + problem.offset).astype(self.W.dtype),
            objective=float(objective[-1]),
            explained_variance=1 - self.unexplained / scatter if scatter > 0 else 1.0,
            n_iter=len(objective) - 1,
            converged=self.reason == "tol",
            reason=self.reason,
            history=History(objective, self.history.seconds),
            objectives=objectives,
            names=names,
        )


class ArchetypalFit:
    """One fit from k rows of X."""

    def __init__(self, problem: ArchetypalProblem, rows: np.ndarray, clock: float) -> None:
        self.problem, self.clock = problem, clock
        self.candidates = Candidates(problem, rows)
        m, n = problem.data.shape
        self.W, self.C = (np.zeros((m, problem.k), problem.data.dtype) for _ in range(2))
        self.Zt, self.D = np.empty((n, problem.k), problem.data.dtype), np.empty((n, problem.k), problem.data.dtype)
        self.total, self.eps = float(problem.weighed(problem.squares).sum()), float(np.finfo(self.W.dtype).eps)
        self.values: list[float] = []
        self.seconds: list[float] = []

    def run(self, limits: ArchetypalLimits) -> Fitted:
        """Alternate until the stopping rule or a limit ends it."""
        squared = self._fit_rows(self.candidates.Z)
        self._record(float(self.problem.weighed(self.problem.losses(squared)).sum()))
        reason, since, steps = "max_iter", 0, 0
        for _ in range(limits.max_iter):
            if not self.W.any(axis=0).all():
                squared, steps = self._fit_rows(self.candidates.Z), 0
                self._replace_unused(squared)
            self.candidates.drop_unused()
            best, last = self.candidates.B.copy(), self.candidates.Z
            value = self._step(squared)
            gained, steps = self.values[-1] - value, steps + 1
            if gained <= 0:
                self.candidates.back_to(best)
                steps = 0
            Z = self.candidates.Z
            squared = self._fit_rows(Z + max(0, steps - 1) / (steps + 2) * (Z - last))
            self._record(min(value, self.values[-1]))
            since = 0 if gained > limits.tol * self.values[-1] else since + 1
            if limits.tol > 0 and (since >= PATIENCE or self._is_exact()):
                reason = "tol"
                break
            if self.seconds[-1] + self.clock >= limits.until:
                reason = "max_time"
                break
        return self._end(reason)

    def _is_exact(self) -> bool:
        return 2 * self.values[-1] <= (8 * self.eps) ** 2 * self.total

    def _record(self, value: float) -> None:
        self.values.append(value)
        self.seconds.append(time.perf_counter() - self.clock)

    def _fit_rows(self, Z: np.ndarray) -> np.ndarray:
        """W for these archetypes; returns the squared residuals of the rows."""
        problem = self.problem
        self.Zt[:] = Z.T
        problem.data.dot(self.Zt, self.C)
        values = fit_rows(problem.workspace, problem.workspace.gram(self.Zt), self.C, self.W)
        return np.maximum(problem.squares + values, 0)

    def _step(self, squared: np.ndarray) -> float:
        """B for W and its residuals; returns what the objective is at the most, for least squares what it is."""
        problem, workspace = self.problem, self.problem.workspace
        slopes = problem.slopes(squared)
        weighed, rooted, squares = self.W, self.W, problem.squares
        if slopes is not None:
            weighed = self.W * slopes[:, None].astype(self.W.dtype)
            rooted = self.W * np.sqrt(slopes)[:, None].astype(self.W.dtype)
            squares = slopes * squares
        Q, D = workspace.gram(rooted), problem.data.T.dot(weighed, self.D).T.astype(np.float64)
        self.candidates.improve(Q, D)
        Z = self.candidates.Z
        value = 0.5 * squares.sum() - float(np.sum(D * Z)) + 0.5 * float(np.sum(Q * (Z @ Z.T)))
        if value <= math.sqrt(self.eps) * self.total:  # the difference has lost its digits
            found = self._squared_residuals(Z)
            value = 0.5 * float(found.sum() if slopes is None else slopes @ found)
        if problem.threshold < math.inf:
            value += float(np.sum(problem.weighed(problem.losses(squared)) - 0.5 * slopes * squared))
        return value

    def _squared_residuals(self, Z: np.ndarray) -> np.ndarray:
        """||x_i - w_i Z||^2, entry by entry."""
        data = self.problem.data
        m, n = data.shape
        out, step = np.empty(m), max(1, BLOCK // n)
        for i in range(0, m, step):
            rows = np.arange(i, min(m, i + step))
            residual = data.take(rows) - self.W[i : i + step].astype(np.float64) @ Z
            out[rows] = np.einsum("ij,ij->i", residual, residual)
        return out

    def _replace_unused(self, squared: np.ndarray) -> None:
        """Move archetypes that no row has a share of to the rows that are fitted worst."""
        unused = np.flatnonzero(~self.W.any(axis=0))
        if not len(unused):
            return
        losses = self.problem.weighed(self.problem.losses(squared))
        worst = np.argsort(-losses, kind="stable")[: len(unused)]
        for t, row in zip(unused, worst, strict=False):
            if losses[row] > 0:
                self.candidates.replace(int(t), int(row))

    def _end(self, reason: str) -> Fitted:
        """The archetypes with the W that belongs to them."""
        Z = self.candidates.Z
        self._fit_rows(Z)
        squared = self._squared_residuals(Z)
        self.values[-1] = float(self.problem.weighed(self.problem.losses(squared)).sum())
        history = History(np.maximum(self.values, self.values[-1]), np.array(self.seconds))  # but for round-off
        unexplained = float(self.problem.weighed(squared).sum())
        return Fitted(self.W, self.candidates.whole(), Z, unexplained, reason, history)
