"""When a fit ends: scikit-learn's tol and max_iter in the terms of nmfcore."""

import math
from collections.abc import Callable
from typing import Any

from .._checks import ends_fit
from .._fit import State

#: As a multiple of scikit-learn's tol for coordinate descent, of which the rule is another one and depends on the scale
#: of X. So, or where the objective stands still, fits of faces, digits, spectra, texts and counts by default ended no
#: higher than scikit-learn's, or by 5e-4 of the objective, after a tenth to a half of its iterations. Of small random
#: matrices 4 to 8 % end more than 1 % higher, in another local minimum, where the median is 2 to 20 % lower.
SHARE = 50.0
SHARE_OF_ONE, TIGHT = 10.0, 1e-6  # the same for W alone, and what stands for tol = 0 there
STEP = 10  # iterations between two looks at the objective
EXTRAPOLATED = 2  # looks in a row, for extrapolation pauses where it is begun anew


class SklearnStopping:
    """A callback that ends a fit like scikit-learn's multiplicative updates.

    They end where, over 10 iterations, the square root of twice the objective has fallen by less than tol times what
    it was at the start; scikit-learn leaves penalties out of it.
    """

    def __init__(self, tol: float, then: Callable[[State], object] | None, times: int = 1) -> None:
        """Then: what else is called, which may end the fit, too; times: so many looks in a row must find that."""
        self.tol, self.then, self.times = tol, then, times
        self.first = self.last = math.nan
        self.found = 0

    def __call__(self, state: State) -> bool:
        """Whether the fit ends here."""
        asked = self.then is not None and ends_fit(self.then(state))
        if state.iteration % STEP == 0:
            if state.iteration == STEP:
                self.first = self.last = _root(state.history.objective[0])
            last, self.last = self.last, _root(state.objective)
            still = last - self.last < self.tol * self.first or last == self.last
            self.found = self.found + 1 if still and self.first < math.inf else 0
        return asked or self.found == self.times


def _root(objective: float) -> float:
    """The square root of twice the objective, which some penalties take below 0."""
    return math.sqrt(2 * max(objective, 0.0))


def stopping(solver: str, tol: float, max_iter: int, callback: Callable[[State], object] | None) -> dict[str, Any]:
    """The options of `nmfcore.nmf` for a fit by that solver of scikit-learn's.

    tol = 0 asks for max_iter iterations, no more and no less, which is of use where they are scikit-learn's.
    """
    if tol == 0:
        plain = {"extrapolate": False, "inner_iter": 1} if solver == "cd" else {}
        return {"tol": 0.0, "max_iter": max_iter, "callback": callback, **plain}
    if solver == "mu":
        return {"tol": 0.0, "max_iter": max_iter, "callback": SklearnStopping(tol, callback)}
    return {"tol": SHARE * tol, "max_iter": max_iter, "callback": SklearnStopping(tol, callback, EXTRAPOLATED)}


def of_one_factor(tol: float, max_iter: int) -> dict[str, Any]:
    """The options for W beside a given H: closer than a fit, so that W is that of the fit to the tolerance of it."""
    return {"tol": SHARE_OF_ONE * tol or TIGHT, "max_iter": max_iter}
