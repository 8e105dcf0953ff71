"""When a fit ends: scikit-learn's tol and max_iter as options of `nmfcore.nmf`.

For "mu" the rule is scikit-learn's. For "cd" it is another one. scikit-learn's rule compares the gradient with the one
at the start, so it depends on the scale of X and on the start: CBCL with entries from 0 to 255 mostly stops after 2
iterations, at four times the objective of a full fit; with entries from 0 to 1 it runs 200. Here "cd" ends by the rule
of `nmfcore.hals` with 50 tol, or when the rule for "mu" holds twice in a row.

Measured with the defaults on 13 data sets (faces, digits, spectra, texts, counts): the objective at the end is between
0.95 and 1.0005 times scikit-learn's, after a tenth to a half of its iterations. Of small random matrices 4 to 8 % end
more than 1 % higher, in another local minimum; the median is 2 to 20 % lower.
"""

import math
from collections.abc import Callable
from typing import Any

from .._checks import ends_fit
from .._fit import State

TOL_FACTOR = 50.0  # tol of `nmfcore.hals` over scikit-learn's tol for "cd"
TOL_FACTOR_OF_W, TIGHT_TOL = 10.0, 1e-6  # the same for W alone, and its tol if scikit-learn's is 0
PERIOD = 10  # iterations between two comparisons of the objective
REPEATS_EXTRAPOLATED = 2  # extrapolation pauses for some iterations when it restarts, which looks like a stop


class SklearnStopping:
    """A callback that ends a fit by the rule of scikit-learn's multiplicative updates.

    A fit ends if, over 10 iterations, the square root of twice the objective falls by less than tol times its value at
    the start. scikit-learn leaves penalties out of this objective.

    Parameters
    ----------
    tol : float
    callback : callable, optional
        Another callback, called in each iteration. It may end the fit, too.
    repeats : int
        How often in a row the rule must hold.
    """

    def __init__(self, tol: float, callback: Callable[[State], object] | None, repeats: int = 1) -> None:
        self.tol, self.callback, self.repeats = tol, callback, repeats
        self.first = self.last = math.nan
        self.count = 0  # how often in a row the rule has held

    def __call__(self, state: State) -> bool:
        """Whether the fit ends after this iteration."""
        ended = self.callback is not None and ends_fit(self.callback(state))
        if state.iteration % PERIOD == 0:
            if math.isnan(self.first):
                self.first = self.last = _root(state.history.objective[0])
            last, self.last = self.last, _root(state.objective)
            holds = last - self.last < self.tol * self.first or last == self.last
            self.count = self.count + 1 if holds and self.first < math.inf else 0
        return ended or self.count == self.repeats


def _root(objective: float) -> float:
    """The square root of twice the objective. Some penalties take it below 0."""
    return math.sqrt(2 * max(objective, 0.0))


def stopping_options(
    solver: str, tol: float, max_iter: int, callback: Callable[[State], object] | None
) -> dict[str, Any]:
    """The options of `nmfcore.nmf` for a fit by that solver of scikit-learn.

    tol = 0 runs exactly max_iter iterations, which are then those of scikit-learn.
    """
    if tol == 0:
        plain = {"extrapolate": False, "inner_iter": 1} if solver == "cd" else {}
        return {"tol": 0.0, "max_iter": max_iter, "callback": callback, **plain}
    if solver == "mu":
        return {"tol": 0.0, "max_iter": max_iter, "callback": SklearnStopping(tol, callback)}
    stopping = SklearnStopping(tol, callback, REPEATS_EXTRAPOLATED)
    return {"tol": TOL_FACTOR * tol, "max_iter": max_iter, "callback": stopping}


def stopping_options_of_W(tol: float, max_iter: int) -> dict[str, Any]:
    """The options for W with a fixed H. Their tol is smaller, so that W is that of the fit to the tol of the fit."""
    return {"tol": TOL_FACTOR_OF_W * tol or TIGHT_TOL, "max_iter": max_iter}
