"""What a fit needs before its rank and its start are known."""

from typing import Any

from . import _check, _check_solvers, _check_weights, _frames, _origin
from ._check_penalties import Known
from ._driver import Fit
from ._report import Report


class Problem:
    """X, read and checked once, and all that is asked of a fit of it, by the arguments of `nmf`."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.X, self.names = _frames.unwrap(asked["X"])
        given = (asked[name] for name in ("weights", "mask", "missing"))
        self.data, self.workspace = _check_weights.data(self.X, *given, _check.threads(asked["n_threads"]))
        self.loss = _check_weights.loss(asked["loss"], self.data)

    def fit(self, clock: float, first: bool = True, **own: Any) -> Fit:
        """A fit that has not begun, with arguments of its own; see `OfRank`."""
        ranked = OfRank(self, first, **own)
        return ranked.fit(clock, ranked.asked["random_state"])


class OfRank:
    """A problem of one rank: what fits that differ in their random state alone have in common.

    The `first` one of several warns of what all of them see.
    """

    def __init__(self, problem: Problem, first: bool, **own: Any) -> None:
        self.problem, self.asked = problem, problem.asked | own
        asked = self.asked
        data, loss, k = problem.data, problem.loss, asked["k"]
        on, fixed = (asked["penalty_W"], asked["penalty_H"]), (asked["fixed_W"], asked["fixed_H"])
        self.known = Known(data.shape, k, on, fixed)
        if first:
            _check_weights.warn_of_unobserved(data, self.known.fixed)
        self.solvers = _check_solvers.solvers(
            asked["solver"], loss, self.known.needs, asked["inner_iter"], asked["floor"], any(self.known.fixed)
        )
        extrapolates = all(chosen.extrapolates(loss) for chosen in self.solvers)
        limits = (asked[name] for name in ("max_iter", "tol", "max_time", "extrapolate", "callback", "verbose"))
        self.options = _check.options(extrapolates, *limits, Report())
        _check.entries(data, problem.X, loss)
        self.origin = _origin.of(asked, problem.names, data)

    def fit(self, clock: float, random_state: Any) -> Fit:
        """A fit that has not begun, and was asked for at that time."""
        data, loss, workspace = self.problem.data, self.problem.loss, self.problem.workspace
        same = random_state is self.asked["random_state"]
        origin = self.origin if same else _origin.of_seed(self.origin, random_state)
        start = self.known.start(self.asked["init"], data, self.asked["k"], random_state, workspace)
        parts = self.known.parts(self.solvers, start, loss, data, workspace)
        return Fit(data, loss, parts, start, self.options, workspace, clock, origin)
