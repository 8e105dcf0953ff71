"""What a fit needs before its rank and its start are known."""

from typing import Any

from .._runtime import check_threads
from ..data import as_weighted_data, frames, warn_of_unobserved
from ..losses import check_weighted_loss
from . import check_solvers, provenance
from .check import check_entries, check_options
from .checkpoint import Checkpoint
from .constraints import FactorConstraints
from .driver import Fit
from .report import ProgressPrinter


class Problem:
    """X, read and checked once, and all that is asked of a fit of it, by the arguments of `nmf`."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.X, self.names = frames.unwrap(asked["X"])
        given = (asked[name] for name in ("weights", "mask", "missing"))
        self.data, self.workspace = as_weighted_data(self.X, *given, check_threads(asked["n_threads"]))
        self.loss = check_weighted_loss(asked["loss"], self.data)

    def fit(self, clock: float, first: bool = True, **own: Any) -> Fit:
        """A fit that has not begun, with arguments of its own; see `RankedProblem`."""
        ranked = RankedProblem(self, first, **own)
        return ranked.fit(clock, ranked.asked["random_state"])


class RankedProblem:
    """A problem of one rank: what fits that differ in their random state alone have in common.

    The `first` one of several warns of what all of them see.
    """

    def __init__(self, problem: Problem, first: bool, **own: Any) -> None:
        self.problem, self.asked = problem, problem.asked | own
        asked = self.asked
        data, loss, k = problem.data, problem.loss, asked["k"]
        on, fixed = (asked["penalty_W"], asked["penalty_H"]), (asked["fixed_W"], asked["fixed_H"])
        self.known = FactorConstraints(data.shape, k, on, fixed)
        if first:
            warn_of_unobserved(data, self.known.fixed)
        self.solvers = check_solvers.solvers(
            asked["solver"], loss, self.known.needs, asked["inner_iter"], asked["floor"], any(self.known.fixed)
        )
        extrapolates = all(chosen.extrapolates(loss) for chosen in self.solvers)
        limits = (asked[name] for name in ("max_iter", "tol", "max_time", "extrapolate", "callback", "verbose"))
        self.options = check_options(extrapolates, *limits, ProgressPrinter())
        check_entries(data, problem.X, loss)
        self.origin = provenance.of(asked, problem.names, data)

    def fit(self, clock: float, random_state: Any) -> Fit:
        """A fit that has not begun, and was asked for at that time."""
        data, loss, workspace = self.problem.data, self.problem.loss, self.problem.workspace
        same = random_state is self.asked["random_state"]
        origin = self.origin if same else provenance.of_seed(self.origin, random_state)
        start = self.known.start(self.asked["init"], data, self.asked["k"], random_state, workspace)
        parts = self.known.parts(self.solvers, start, loss, data, workspace)
        checkpoint = self.asked["init"] if isinstance(self.asked["init"], Checkpoint) else None
        return Fit(data, loss, parts, start, checkpoint, self.options, workspace, clock, origin)
