"""Archetypal analysis by block coordinates: W row by row, then B among a few candidates.

For given archetypes Z = B X the rows of W are exact: least squares over the simplex. For given W the archetypes depend
on X only by Q = W'W (k x k) and D = W'X (k x n). B is held as shares of few *candidates*, rows of X. The joint problem
is solved among those; one product of X with the gradient then prices all rows, and for each archetype the row along
which the objective falls most becomes a candidate. An iteration thus costs three products of X with k columns.

What was decided and measured:

- To project each archetype on the hull of all points would read X for every step of every archetype. Candidates read
  it once a round. One round instead of two took 15 % more iterations on mixtures and 50 % more on noise.
- W is fitted to extrapolated archetypes, which need not lie in the hull. The objective is that of the next archetypes,
  from Q and D, or for the robust loss that of its majoriser. Where it rises, the fit goes on from the best archetypes.
- An archetype that no row has a share of moves to the row that is fitted worst.
- Relaxed archetypes (delta > 0) are the same problem with two candidates for each row, 1 - delta and 1 + delta times
  the row.
"""

import math
from typing import NamedTuple

import numpy as np

from .._fit import CONVERGED, History, Options, Recorder
from ..data import Names
from .problem import ArchetypalProblem
from .result import Archetypes
from .simplex import column_minima, fit_blocks, fit_rows

SWEEPS = 3  # over the archetypes, among the candidates
ROUNDS = 2  # of new candidates in an iteration
PATIENCE = 3  # iterations in a row without progress, after which a fit ends
SPARE = 4  # candidates are dropped where there are more than this multiple of those in use
BLOCK = 1 << 18  # entries of the residual that exist at a time


class Candidates:
    """Some rows of X, each times a multiplier where B is relaxed, and B as shares of them."""

    def __init__(self, problem: ArchetypalProblem, rows: np.ndarray) -> None:
        m, n = problem.data.shape
        self.problem = problem
        self.rows, self.multipliers = np.empty(0, np.intp), np.empty(0)
        self.S, self.B = np.empty((0, n)), np.empty((problem.k, 0))
        self.prices = np.empty((m, problem.k), problem.data.dtype)
        distinct, positions = np.unique(rows, return_inverse=True)
        self.add(distinct, np.full(len(distinct), problem.sum_bounds[1]))
        self.B[np.arange(problem.k), positions] = 1

    @property
    def Z(self) -> np.ndarray:
        """The archetypes."""
        return self.B @ self.S

    def add(self, rows: np.ndarray, multipliers: np.ndarray) -> None:
        """Add candidates with shares of 0."""
        points = self.problem.data.take(rows).astype(np.float64) * multipliers[:, None]
        self.rows, self.multipliers = np.append(self.rows, rows), np.append(self.multipliers, multipliers)
        self.S = np.vstack([self.S, points])
        self.G = self.S @ self.S.T
        self.B = np.hstack([self.B, np.zeros((self.problem.k, len(rows)))])

    def drop_unused(self) -> None:
        """Drop candidates without a share, where most of them have none."""
        used = np.any(self.B > 0, axis=0)
        if self.B.shape[1] <= SPARE * (used.sum() + self.problem.k):
            return
        self.rows, self.multipliers, self.S = self.rows[used], self.multipliers[used], self.S[used]
        self.G, self.B = np.ascontiguousarray(self.G[np.ix_(used, used)]), np.ascontiguousarray(self.B[:, used])

    def improve(self, Q: np.ndarray, D: np.ndarray) -> None:
        """Lower 1/2 tr(Q Z Z') - tr(D Z') over B, with new candidates."""
        for _ in range(ROUNDS):
            self._price_rows(Q @ self.Z - D)
            fit_blocks(self.problem.workspace, Q, self.G, D @ self.S.T, self.B, SWEEPS)

    def _price_rows(self, gradient: np.ndarray) -> None:
        """Add for each archetype the row of X that lies farthest against its gradient, unless it is a candidate."""
        data, (inner, outer) = self.problem.data, self.problem.sum_bounds
        data.dot(np.ascontiguousarray(gradient.T, data.dtype), self.prices)
        values, rows = column_minima(self.problem.workspace, self.prices, inner, outer)
        multipliers = np.where(values >= 0, inner, outer)
        present = set(zip(self.rows.tolist(), self.multipliers.tolist(), strict=True))
        best = dict.fromkeys(zip(rows.tolist(), multipliers.tolist(), strict=True))
        new = [pair for pair in best if pair not in present]
        if new:
            self.add(np.array([row for row, _ in new]), np.array([multiplier for _, multiplier in new]))

    def replace(self, t: int, row: int) -> None:
        """Move archetype t to a row of X."""
        self.add(np.array([row]), np.array([self.problem.sum_bounds[1]]))
        self.B[t] = 0
        self.B[t, -1] = 1

    def restore(self, B: np.ndarray) -> None:
        """Set B to an earlier one, when there were fewer candidates."""
        self.B[:] = 0
        self.B[:, : B.shape[1]] = B

    def full_B(self) -> np.ndarray:
        """B (k x m)."""
        out = np.zeros((self.problem.k, self.problem.data.shape[0]))
        for row, share in zip(self.rows, (self.B * self.multipliers).T, strict=True):
            out[:, row] += share
        return out


class ArchetypalSolution(NamedTuple):
    """The outcome of one fit, in units of the data except for the history."""

    W: np.ndarray
    B: np.ndarray
    objective: float
    squared_residual: float
    """The weighted sum of the squared residuals."""
    reason: str
    history: History

    def result(self, problem: ArchetypalProblem, objectives: np.ndarray, names: Names) -> Archetypes:
        """The result in units of X; objectives: those of all starts, in units of the data."""
        scatter = problem.scatter()
        return Archetypes(
            W=self.W,
            B=self.B,
            archetypes=problem.mix_points(self.B),
            objective=float(self.history.objective[-1]),
            explained_variance=1 - self.squared_residual / scatter if scatter > 0 else 1.0,
            n_iter=len(self.history.objective) - 1,
            converged=self.reason in CONVERGED,
            reason=self.reason,
            history=self.history,
            objectives=problem.in_units_of_X(objectives),
            names=names,
        )


class ArchetypalFit:
    """One fit from k rows of X."""

    def __init__(self, problem: ArchetypalProblem, rows: np.ndarray, options: Options, clock: float) -> None:
        self.problem, self.options = problem, options
        self.candidates = Candidates(problem, rows)
        m, n = problem.data.shape
        self.W, self.C = (np.zeros((m, problem.k), problem.data.dtype) for _ in range(2))
        self.Zt, self.D = np.empty((n, problem.k), problem.data.dtype), np.empty((n, problem.k), problem.data.dtype)
        self.eps = float(np.finfo(self.W.dtype).eps)
        self.round_off = self._objective((8 * self.eps) ** 2 * problem.squares)  # an objective that is round-off
        self.recorder = Recorder(options, clock, problem.in_units_of_X)
        self.idle = 0

    def run(self) -> ArchetypalSolution:
        """Alternate until the stopping rule or a limit ends the fit."""
        squared = self._fit_rows(self.candidates.Z)
        self.recorder.add(self._objective(squared))
        steps, reason = 0, None  # steps: iterations in a row that lowered the objective
        while reason is None and self.recorder.n_iter < self.options.max_iter:
            if not self.W.any(axis=0).all():
                squared, steps = self._fit_rows(self.candidates.Z), 0
                self._replace_unused(squared)
            self.candidates.drop_unused()
            best, last = self.candidates.B.copy(), self.candidates.Z

            # Update B.
            value = self._fit_archetypes(squared)
            gain, steps = self.recorder.values[-1] - value, steps + 1
            if gain <= 0:
                self.candidates.restore(best)
                steps = 0

            # Extrapolate the archetypes, and update W.
            Z = self.candidates.Z
            squared = self._fit_rows(Z + max(0, steps - 1) / (steps + 2) * (Z - last))
            self.recorder.add(min(value, self.recorder.values[-1]))
            reason = self._stopping_rule(gain)
        return self._finish(reason or "max_iter")

    def _stopping_rule(self, gain: float) -> str | None:
        """The reason to stop after an iteration that lowered the objective by the gain, if there is one."""
        value = self.recorder.values[-1]
        self.idle = 0 if gain > self.options.tol * value else self.idle + 1
        if self.options.tol > 0 and (self.idle >= PATIENCE or value <= self.round_off):
            return "tol"
        return "max_time" if self.recorder.out_of_time() else None

    def _objective(self, squared: np.ndarray) -> float:
        """The objective of the data for squared residuals of the rows."""
        return float(self.problem.weight_rows(self.problem.losses(squared)).sum())

    def _fit_rows(self, Z: np.ndarray) -> np.ndarray:
        """Set W for these archetypes; returns the squared residuals of the rows."""
        problem = self.problem
        self.Zt[:] = Z.T
        problem.data.dot(self.Zt, self.C)
        values = fit_rows(problem.workspace, problem.workspace.gram(self.Zt), self.C, self.W)
        return np.maximum(problem.squares + values, 0)

    def _fit_archetypes(self, squared: np.ndarray) -> float:
        """Set B for W and its squared residuals; returns the objective, or for the robust loss a bound from above."""
        problem, workspace = self.problem, self.problem.workspace
        weights = problem.majorizer_weights(squared)
        weighted, rooted, squares = self.W, self.W, problem.squares
        if weights is not None:
            weighted = self.W * weights[:, None].astype(self.W.dtype)
            rooted = self.W * np.sqrt(weights)[:, None].astype(self.W.dtype)
            squares = weights * squares
        Q, D = workspace.gram(rooted), problem.data.T.dot(weighted, self.D).T.astype(np.float64)
        self.candidates.improve(Q, D)
        Z = self.candidates.Z
        value = 0.5 * squares.sum() - float(np.sum(D * Z)) + 0.5 * float(np.sum(Q * (Z @ Z.T)))
        if value <= math.sqrt(self.eps) * squares.sum():  # the difference has lost its digits
            residuals = self._squared_residuals(Z)
            value = 0.5 * float(residuals.sum() if weights is None else weights @ residuals)
        if problem.threshold < math.inf and weights is not None:
            value *= problem.curvature
            losses = problem.weight_rows(problem.losses(squared))
            value += float(np.sum(losses - 0.5 * problem.curvature * weights * squared))
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
        losses = self.problem.weight_rows(self.problem.losses(squared))
        worst = np.argsort(-losses, kind="stable")[: len(unused)]
        for t, row in zip(unused, worst, strict=False):
            if losses[row] > 0:
                self.candidates.replace(int(t), int(row))

    def _finish(self, reason: str) -> ArchetypalSolution:
        """The archetypes with the W that belongs to them, and the record of the fit.

        The last objective is summed entry by entry; earlier ones that lie below it do so by round-off, and are raised.
        """
        Z = self.candidates.Z
        self._fit_rows(Z)
        squared = self._squared_residuals(Z)
        objective = self._objective(squared)
        self.recorder.values[-1] = objective
        self.recorder.values = np.maximum(self.recorder.values, objective).tolist()
        squared_residual = float(self.problem.weight_rows(squared).sum())
        history = self.recorder.history()
        return ArchetypalSolution(self.W, self.candidates.full_B(), objective, squared_residual, reason, history)
