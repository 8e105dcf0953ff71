"""Many iterations of a plain fit in one call of a kernel: for small X, where Python would take the time.

`plan_iterations` says which fits are plain: a dense X of at most `MOST_ENTRIES` entries, both factors free, no penalty
or set, HALS for least squares or multiplicative updates for a loss that is a sum over entries. The numbers of the
iterations are those of `Fit._iterate`, to the bit. For larger X Python takes less than a hundredth of the time.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .._core import kernels
from .._runtime import Workspace, is_one_call
from ..data import Dense
from ..losses import CANCELLATION, EPS, Frobenius, Loss, Pointwise
from ..penalties import ORTHANT
from ..solvers import HALS, MU
from .factor_state import FactorState
from .specification import Options
from .stopping import StoppingState

Sides = tuple[FactorState, FactorState]

MOST_ENTRIES = 1 << 20  # of X; up to here the kernels that the loop calls need no cut into calls
CALLS = 50  # to which an iteration is small, so that its kernels are not cut into calls
CALL_FLOP = 1e8  # of one call: at most a tenth of a second, after which Ctrl-C is heard
ITERATION_FLOP = 2e4  # flop that take as long as what an iteration does besides


class Plan(NamedTuple):
    """What the kernel is told of a fit."""

    numbers: tuple[float, ...]
    kinds: tuple[Any, ...]
    flop: float
    """Of an iteration."""


def plan_iterations(sides: Sides, loss: Loss, options: Options) -> Plan | None:
    """The plan of a plain fit, or None."""
    data, (m, n), k = sides[0].data, sides[0].data.shape, sides[0].factor.shape[1]
    plain = all(
        not spec.fixed and spec.penalty.own is None and spec.penalty.other is None and spec.domain is ORTHANT
        for spec in (side.spec for side in sides)
    )
    flop = (6.0 * k + 200) * m * n + 200.0 * (m + n) * k * k
    if not (
        plain
        and is_one_call(CALLS * flop)
        and isinstance(data, Dense)
        and data.size <= MOST_ENTRIES
        and data.measures.largest > 0
    ):
        return None
    solver = sides[0].spec.solver
    if type(loss) is Frobenius and type(solver) is HALS:
        return _plan_sweeps(sides, data, loss, solver, options)
    if isinstance(loss, Pointwise) and type(solver) is MU:
        floor = EPS[data.dtype] if solver.floor is None else solver.floor
        numbers = options.tol, _scale(data), 0.0, 0, 0, 0, 0.0, 0.0, loss.exponent, floor
        kinds = False, options.extrapolate, loss.shares_den, kernels.FAMILIES[loss.family], loss.parameter(data)
        return Plan(numbers, kinds, 3 * (6.0 * k + 60) * m * n)
    return None


def _plan_sweeps(sides: Sides, data: Dense, loss: Frobenius, solver: HALS, options: Options) -> Plan:
    k, whole = sides[0].factor.shape[1], data.measures.squared_norm
    warm_up = solver.WARM_UP if isinstance(solver.inner_iter, str) else 0
    sweeps, stop, flop = [], 0.0, 0.0
    for side in sides:
        sweep, cost = 2.0 * side.factor.size * k, loss.cost(side.data, k)
        most, stop = solver.max_sweeps(sweep, cost, warm_up + 1)
        sweeps.append(most)
        flop += cost + most * sweep
    numbers = options.tol, _scale(data), stop, warm_up, *sweeps, whole, CANCELLATION[data.dtype] * whole, 1.0, 0.0
    return Plan(numbers, (True, options.extrapolate, False, 0, 0.0), flop)


def _scale(data: Dense) -> float:
    return math.ldexp(1.0, -data.measures.exponent)


class CompiledIterations:
    """The iterations of one fit; memories: those of its statistics, from `Loss.allocate`."""

    def __init__(
        self,
        sides: Sides,
        memories: tuple[Any, Any],
        loss: Loss,
        stopping: StoppingState,
        workspace: Workspace,
        plan: Plan,
    ) -> None:
        self.sides, self.loss, self.stopping, self.workspace, self.plan = sides, loss, stopping, workspace, plan
        self.extrapolates, self.ready = plan.kinds[1], False
        self.most = max(1, int(CALL_FLOP / (plan.flop + ITERATION_FLOP)))
        pairs = (memory if isinstance(memory, tuple) else (memory, memory) for memory in memories)
        k, dtype = sides[0].factor.shape[1], sides[0].data.dtype
        self.memories = [(first, second if len(second) else np.empty((1, k), dtype)) for first, second in pairs]

    def advance(self, first: int, most: int) -> list[float]:
        """At most so many iterations, the first with that number; they end after about a tenth of a second.

        Returns the lowest objective so far after each.
        """
        values, data = np.empty(min(most, self.most) + 1), self.sides[0].data
        assert isinstance(data, Dense)  # see `plan_iterations`
        arrays = [
            array
            for side, memory in zip(self.sides, self.memories, strict=True)
            for array in (side.factor, side.old, side.best, *memory)
        ]
        kinds = *self.plan.kinds[:3], self.ready, *self.plan.kinds[3:]
        stopping = self.stopping
        self.ready = self.workspace.alternate(
            data.X, arrays, stopping.precision, stopping.numbers[0], self.plan.numbers, kinds, values, first
        )
        count = int(values[-1])
        for side in self.sides:
            if self.extrapolates and count % 2:
                side.exchange()
            side.summary = None
            side.best_summary = self.loss.summary(side.best, self.workspace)
        return values[:count].tolist()
