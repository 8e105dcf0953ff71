"""The first iterations of least squares on a compressed X: for large dense X, most of which the factors cannot see.

A product with X costs 2 m n k flop. With A B' of rank l near X it costs 2 (m + n) l k, so the alternation runs on A B'
until it gains little, and goes on with X. What a fit returns, its objective and its stop are those of exact iterations.
`nmfcore._starts.compress` finds A and B, and names the sources.

The figures below are from two collections of faces and twelve generated X with noise of 0 to 50 % or nothing else,
k = 10 to 100, and two starts each. With l = 2 k and one power iteration, fits reached the objective of 200 plain sweeps
with 1 to 6 times fewer flop in products (median 3.1; 0.8 for noise alone) where (m + n) l is at most an eighth of m n.
Beyond, the basis costs as much as it saves. More compressed iterations never did harm but took their own time, hence
the limit in units of exact ones.
"""

import time
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from .._checks import InputError
from .._runtime import Workspace
from .._starts import Start, compress
from ..data import Data, Dense, LowRank
from ..losses import CANCELLATION, Frobenius, Loss
from ..solvers import HALS, Solver
from .constraints import FactorConstraints
from .driver import Fit
from .records import Provenance
from .specification import FactorSpec, Options

DIRECTIONS = 2  # columns of A and B for each component
LARGEST_SHARE = 1 / 8  # of a product with X that one with A B' may cost
EXACT_ITERATIONS = 3  # that the compressed ones may cost together
MOST_ITERATIONS = 100
LEAST_FLOP = 5e7  # of the products of an exact iteration; below, Python is most of the time of a compressed one
LEAST_MAX_ITER = 10  # the basis takes as long as five iterations
TOL = 1e-3  # of the compressed iterations

Specs = tuple[FactorSpec, FactorSpec]


@dataclass(frozen=True)
class Improvement:
    """A start that compressed iterations have improved; the objectives before each of them, and their seconds."""

    start: Start
    values: list[float]
    seconds: list[float]


def plan_compression(
    wanted: bool | None,
    data: Data,
    loss: Loss,
    solvers: tuple[Solver, Solver],
    constraints: FactorConstraints,
    options: Options,
) -> "CompressedStart | None":
    """The compressed iterations of fits of one rank; None where they are not wanted, or would cost more than they save.

    wanted: whether the call asks for them; None leaves it to the flop.
    """
    if wanted is False:
        return None
    obstacle = _obstacle(data, loss, solvers, constraints, options)
    if wanted and obstacle:
        raise InputError(f"compress is True, but {obstacle}; wanted 'auto' or False, or a fit that can be compressed")
    entries, size = float(data.shape[0]) * data.shape[1], min(DIRECTIONS * constraints.k, *data.shape)
    share = sum(data.shape) * size / entries
    large = 4 * entries * constraints.k >= LEAST_FLOP
    saves = large and share <= LARGEST_SHARE and options.max_iter >= LEAST_MAX_ITER
    if obstacle or not (wanted or saves):
        return None
    assert isinstance(data, Dense)  # else there is an obstacle
    most = min(MOST_ITERATIONS, max(1, int(EXACT_ITERATIONS / share)), options.max_iter - 1)
    return CompressedStart(data, loss, size, replace(options, max_iter=most, tol=TOL, report=None))


def _obstacle(
    data: Data, loss: Loss, solvers: tuple[Solver, Solver], constraints: FactorConstraints, options: Options
) -> str | None:
    """Why a fit cannot be compressed."""
    if not isinstance(data, Dense):
        return "entries of X have weights" if data.weighted else "X is sparse"
    if type(loss) is not Frobenius:
        return f"loss is {loss.name!r}"
    if any(constraints.fixed):
        return "a whole factor is fixed"
    if not all(type(solver) is HALS for solver in solvers):
        return f"solver is {solvers[0].name!r}"
    if not options.extrapolate:
        return "extrapolate is False"
    if options.max_iter < 2:
        return f"max_iter is {options.max_iter}"
    return None


class CompressedStart:
    """Compressed iterations of fits of one X and one rank; `options` are theirs."""

    def __init__(self, data: Dense, loss: Loss, size: int, options: Options) -> None:
        self.data, self.loss, self.size, self.options = data, loss, size, options
        self._compressed: LowRank | None = None

    def compressed(self, workspace: Workspace) -> LowRank:
        """X compressed; the first call computes it."""
        if self._compressed is None:
            self._compressed = compress(self.data, self.size, workspace)
        return self._compressed

    def improve(
        self, start: Start, specs: Specs, workspace: Workspace, clock: float, provenance: Provenance, kind: type[Any]
    ) -> Improvement | None:
        """The outcome of the compressed iterations from a start; None if there is no time, or it is no better for X."""
        limit = np.inf if self.options.max_time is None else clock + self.options.max_time
        if time.perf_counter() >= limit:
            return None
        compressed = self.compressed(workspace)
        if time.perf_counter() >= limit:
            return None
        whole = self.data.measures.squared_norm
        data = replace(compressed, measures=compressed.measures._replace(exponent=0))
        # Below, an objective would be summed entry by entry, which costs more than an exact iteration.
        least = CANCELLATION[data.dtype] * whole
        options = replace(self.options, callback=lambda state: state.objective <= least)
        first = objective_at(self.data, self.loss, start, specs, workspace)
        copies = Start(start.W.copy(), start.Ht.copy(), start.exponents)
        seconds = time.perf_counter() - clock
        # Least squares ask for products and norms only, which `LowRank` has.
        fit = Fit(cast(Data, data), self.loss, specs, copies, None, options, workspace, clock, provenance, dict, kind)
        fit.alternate()
        outcome = Start(fit.w.best, fit.h.best, start.exponents)
        last = objective_at(self.data, self.loss, outcome, specs, workspace)
        if not last < first or fit.recorder.n_iter < 1:
            return None
        unseen = 0.5 * max(0.0, whole - data.measures.squared_norm)
        values = np.clip(np.array(fit.recorder.values[1:-1]) + unseen, last, first)
        return Improvement(outcome, [first, *values.tolist()], [seconds, *fit.recorder.seconds[1:-1]])


def objective_at(data: Data, loss: Loss, start: Start, specs: Specs, workspace: Workspace) -> float:
    """The objective of the scaled X at a start, penalties included. 2 m n k flop."""
    W, Ht = start.W, start.Ht
    statistics = loss.statistics(data, W, Ht, loss.summary(Ht, workspace), np.empty_like(W), True)
    value = loss.value(data, W, Ht, loss.summary(W, workspace), statistics, workspace)
    return value + specs[0].penalty.value(W, Ht) + specs[1].penalty.value(Ht, W)
