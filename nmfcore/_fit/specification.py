"""What a fit is asked to do: its limits, and how each factor is updated."""

from collections.abc import Callable
from dataclasses import dataclass

from ..penalties import Domain, FactorPenalty
from ..solvers import Solver
from .records import State


@dataclass(frozen=True)
class Options:
    """When to stop, what to report, and whether to extrapolate."""

    max_iter: int
    tol: float
    max_time: float | None
    extrapolate: bool
    callback: Callable[[State], object] | None
    report: Callable[[State], None] | None


@dataclass(frozen=True)
class FactorSpec:
    """How one factor is fitted: its solver, its penalties and the set in which it lies."""

    solver: Solver
    penalty: FactorPenalty
    domain: Domain
    fixed: bool
    """Whether the whole factor is fixed."""
