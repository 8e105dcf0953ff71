"""Ratings completed by alternating coordinate sweeps; the biases are further columns of both factors.

The factors are [W, 1, b] and [H', c, 1], whose columns of ones are held by their bounds. All of it is computed on the
ratings, less their mean, times a power of two, of which W and H' take one half each.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._checks import ends_fit
from .._fit import STALLED, History, Options
from .._runtime import ExceptionEntries, Quadratic, SweepBounds, Workspace, gram_sweep
from ..data import pair_products
from ..losses import EPS, converged
from .completion import Completion, CompletionState

MOST_SWEEPS = 3  # over a row, beside whose Gram matrix they are cheap
PRECISION = 0.03  # they end when one changes it by less than this, times what the first did
ALONG = 56  # columns beyond which residuals along the ratings take less time than Gram matrices of the rows
CANCELLED = 1e-8  # of the squares of the ratings: below it the objective is summed rating by rating
MOST_STRENGTH = 1e100  # in scaled units, which leaves nothing of a factor


class BiasModel(NamedTuple):
    """What is fitted to the ratings."""

    k: int
    strengths: tuple[float, float]
    """Of the penalties on factors and on biases."""
    per_rating: bool
    biases: bool
    nonnegative: tuple[bool, bool]


class FactorPenalty:
    """The users or the items: their factor, their ratings, and the penalty on each."""

    def __init__(
        self, Y: Any, start: np.ndarray, model: BiasModel, strengths: tuple[float, float], items: bool
    ) -> None:
        k, columns, dtype = model.k, model.k + 2 * model.biases, Y.dtype
        counts = np.diff(Y.indptr)
        self.unobserved = np.flatnonzero(counts == 0)
        self.places = ExceptionEntries.of(Y.indptr, Y.indices, np.ones(len(Y.data), dtype), Y.data)
        self.factor, q = np.zeros((len(counts), columns), dtype), np.zeros(columns)
        lower, upper = np.full((1, columns), -np.inf, dtype), np.full((1, columns), np.inf, dtype)
        self.factor[:, :k], q[:k] = start, strengths[0]
        self.factor[self.unobserved] = 0
        self.bias = k + 1 - items if model.biases else None
        if model.nonnegative[items]:
            lower[:, :k] = 0
        if model.biases:
            ones = k + items
            self.factor[:, ones] = lower[:, ones] = upper[:, ones] = 1
            q[self.bias] = strengths[1]
        ridge = counts if model.per_rating else counts > 0
        self.added = Quadratic.none(columns, dtype)._replace(ridge=ridge.astype(np.float64), q=q)
        self.box = SweepBounds(lower, upper)

    def sweep(self, other: "FactorPenalty", sweeps: int, workspace: Workspace) -> tuple[float, float]:
        """Sweeps over the factor in place; see `gram_sweep`, whose values come back."""
        k, added = self.factor.shape[1], self.added
        problem = 0.0, np.zeros((k, k)), self.places, added, self.box, self.factor, other.factor
        return gram_sweep(workspace, *problem, sweeps, PRECISION**2, along=k > ALONG)

    def penalty(self) -> float:
        """1/2 sum of ridge_i q_t F_it^2."""
        F, (_, _, ridge, q) = self.factor, self.added
        return 0.5 * float(np.einsum("i,it,it,t->", ridge, F, F, q, dtype=np.float64))

    def biases(self) -> np.ndarray:
        """Their column, or zeros."""
        return np.zeros(len(self.factor), self.factor.dtype) if self.bias is None else self.factor[:, self.bias]


class CompletionFit:
    """One fit, from ratings to their completion."""

    def __init__(
        self, X: Any, model: BiasModel, rng: Any, options: Options, workspace: Workspace, clock: float
    ) -> None:
        self.model, self.options, self.workspace, self.clock = model, options, workspace, clock
        self.exponent, self.mean, Y = _centred(X, model.biases)
        squares = Y.data.astype(np.float64)
        self.squares = float(np.sum(np.square(squares, out=squares)))
        self.norm = math.sqrt(self.squares + self.mean**2 * len(Y.data))
        with np.errstate(over="ignore", under="ignore"):
            of_factors = min(float(np.ldexp(model.strengths[0], -self.exponent)), MOST_STRENGTH)
        starts = _starts(X.shape, math.sqrt(self.squares / len(Y.data)), model, rng)
        self.users, self.items = (
            FactorPenalty(ratings, start, model, (of_factors, model.strengths[1]), items)
            for ratings, start, items in zip((Y, Y.tocsc().T), starts, (False, True), strict=True)
        )
        self.rated = X.indptr.copy(), X.indices.copy()
        self.values: list[float] = []
        self.seconds: list[float] = []

    def run(self) -> Completion:
        """Alternate until the stopping rule, a limit or the callback ends it."""
        self._record(self.items.sweep(self.users, 0, self.workspace)[1])
        lowest = 0
        for iteration in range(1, self.options.max_iter + 1):
            moved, _ = self.users.sweep(self.items, MOST_SWEEPS, self.workspace)
            moved_items, quadratic = self.items.sweep(self.users, MOST_SWEEPS, self.workspace)
            self._record(quadratic)
            lowest = iteration if self.values[-1] < self.values[lowest] else lowest
            reason = self._stop(moved + moved_items, iteration - lowest)
            if reason:
                return self._completion(reason)
        return self._completion("max_iter")

    def _record(self, quadratic: float) -> None:
        """Enter the objective, from the quadratics of the items at their factors."""
        value = 0.5 * self.squares + quadratic + self.users.penalty()
        if not value > CANCELLED * self.squares:
            value = self._squared_residual() / 2 + self.users.penalty() + self.items.penalty()
        self.values.append(value)
        self.seconds.append(time.perf_counter() - self.clock)

    def _squared_residual(self) -> float:
        indptr, indices, _, y, _ = self.users.places
        users = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        return float(np.sum((y - pair_products(self.users.factor, self.items.factor, users, indices)) ** 2))

    def _stop(self, moved: float, since_lower: int) -> str | None:
        """The reason to stop after an iteration, if there is one."""
        options = self.options
        if options.callback is not None and self._listener_ends(options.callback):
            return "callback"
        if options.tol > 0:
            exact = 2 * self.values[-1] <= (8 * EPS[self.users.factor.dtype]) ** 2 * self.squares
            if exact or converged(moved, self.values[-1], options.tol):
                return "tol"
            if since_lower >= STALLED:
                return "stalled"
        if options.max_time is not None and self.seconds[-1] >= options.max_time:
            return "max_time"
        return None

    def _listener_ends(self, callback: Callable[[Any], object]) -> bool:
        state = CompletionState(
            iteration=len(self.values) - 1,
            objective=float(self._objectives(self.values[-1:])[0]),
            seconds=self.seconds[-1],
            _relative_error=self._relative_error,
            _factors=lambda: (self._factors()[0], self._factors()[1].T),
            _current=lambda: len(self.values) - 1,
            _history=self._history,
            _completion=lambda: self._completion("callback"),
        )
        return ends_fit(callback(state))

    def _relative_error(self) -> float:
        penalties = self.users.penalty() + self.items.penalty()
        return math.sqrt(2 * max(0.0, self.values[-1] - penalties)) / self.norm if self.norm else 0.0

    def _history(self) -> History:
        return History(self._objectives(self.values), np.array(self.seconds))

    @np.errstate(over="ignore", under="ignore")  # what units of X cannot express is infinite or 0
    def _objectives(self, values: list[float]) -> np.ndarray:
        return np.ldexp(np.array(values), 2 * self.exponent)

    @np.errstate(over="ignore", under="ignore")
    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        """W and H' in units of X."""
        k = self.model.k
        return tuple(np.ldexp(side.factor[:, :k], self.exponent // 2) for side in (self.users, self.items))

    def _completion(self, reason: str) -> Completion:
        history, (W, Ht) = self._history(), self._factors()
        user_bias, item_bias = (np.ldexp(side.biases(), self.exponent) for side in (self.users, self.items))
        return Completion(
            W=W,
            H=Ht.T,
            user_bias=user_bias,
            item_bias=item_bias,
            mean=math.ldexp(self.mean, self.exponent),
            unobserved=(self.users.unobserved, self.items.unobserved),
            objective=float(history.objective[-1]),
            n_iter=len(self.values) - 1,
            converged=reason in ("tol", "stalled"),
            reason=reason,
            history=history,
            _rated=self.rated,
        )


def _centred(X: Any, centre: bool) -> tuple[int, float, Any]:
    """An even exponent, and X times 2**-exponent less its mean, whose entries are below 4."""
    largest = float(np.abs(X.data).max())
    exponent = math.frexp(largest)[1] - 1 if largest > 0 else 0
    exponent -= exponent % 2
    values = np.ldexp(X.data.astype(np.float64), -exponent)
    mean = float(np.mean(values)) if centre else 0.0
    return exponent, mean, type(X)(((values - mean).astype(X.dtype), X.indices, X.indptr), shape=X.shape)


def _starts(shape: tuple[int, int], size: float, model: BiasModel, rng: Any) -> tuple[float, np.ndarray]:
    """The starts of W, which the first half-step replaces, and of H'; their product is about of the given size.

    W has one value, so that a permutation of the users permutes what is found.
    """
    scale = math.sqrt(size / max(model.k, 1))
    wanted = shape[1], model.k
    return scale, scale * (2 * rng.random(wanted) if model.nonnegative[1] else rng.standard_normal(wanted))
