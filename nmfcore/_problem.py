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
        """A fit that has not begun, with arguments of its own; the first one of several warns of what all of them see.

        clock: when it was asked for.
        """
        asked, data = self.asked | own, self.data
        k, init, random_state = (asked[name] for name in ("k", "init", "random_state"))
        on, fixed = (asked["penalty_W"], asked["penalty_H"]), (asked["fixed_W"], asked["fixed_H"])
        known = Known(data.shape, k, on, fixed)
        if first:
            _check_weights.warn_of_unobserved(data, known.fixed)
        solvers = _check_solvers.solvers(
            asked["solver"], self.loss, known.needs, asked["inner_iter"], asked["floor"], any(known.fixed)
        )
        extrapolates = all(chosen.extrapolates(self.loss) for chosen in solvers)
        limits = (asked[name] for name in ("max_iter", "tol", "max_time", "extrapolate", "callback", "verbose"))
        options = _check.options(extrapolates, *limits, Report())
        _check.entries(data, self.X, self.loss)
        origin = _origin.of(asked, self.names, data)
        start = known.start(init, data, k, random_state, self.workspace)
        parts = known.parts(solvers, start, self.loss, data, self.workspace)
        return Fit(data, self.loss, parts, start, options, self.workspace, clock, origin)
