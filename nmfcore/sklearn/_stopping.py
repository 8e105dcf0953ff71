"""When a fit ends: scikit-learn's tol and max_iter in the terms of nmfcore."""

import math
from collections.abc import Callable
from typing import Any

from .._types import State

#: As a multiple of scikit-learn's tol for coordinate descent, of which the rule is another one and depends on the scale
#: of X. With that, and the defaults, fits of faces, digits, spectra, texts and counts ended no higher than
#: scikit-learn's, by 5e-4 of the objective at the most, after a fourth to a half of its iterations.
SHARE = 30.0
SHARE_OF_ONE, TIGHT = 10.0, 1e-6  # the same for W alone, and what stands for tol = 0 there
STEP = 10  # iterations between two looks at the objective


class Fall:
    """A callback that ends a fit like scikit-learn's multiplicative updates.

    They end where, over 10 iterations, the square root of twice the objective has fallen by less than tol times what
    it was at the start; scikit-learn leaves penalties out of it.
    """

    def __init__(self, tol: float, then: Callable[[State], object] | None) -> None:
        """Then: what else is called, which may end the fit, too."""
        self.tol, self.then = tol, then
        self.last = math.nan

    def __call__(self, state: State) -> object:
        """Whether the fit ends here."""
        ends = False
        if state.iteration % STEP == 0:
            first = math.sqrt(2 * state.history.objective[0])
            last = first if state.iteration == STEP else self.last
            self.last = math.sqrt(2 * state.objective)
            ends = last - self.last < self.tol * first
        return (self.then is not None and self.then(state)) or ends


def stopping(solver: str, tol: float, max_iter: int, callback: Callable[[State], object] | None) -> dict[str, Any]:
    """The options of `nmfcore.nmf` for a fit by that solver of scikit-learn's.

    tol = 0 asks for max_iter iterations, no more and no less, which is of use where they are scikit-learn's.
    """
    options: dict[str, Any] = {"tol": SHARE * tol, "max_iter": max_iter, "callback": callback}
    if solver == "mu":
        options |= {"tol": 0.0, "callback": Fall(tol, callback) if tol > 0 else callback}
    elif tol == 0:
        options |= {"extrapolate": False, "inner_iter": 1}
    return options


def of_one_factor(tol: float, max_iter: int) -> dict[str, Any]:
    """The options for W beside a given H: closer than a fit, so that W is that of the fit to the tolerance of it."""
    return {"tol": SHARE_OF_ONE * tol or TIGHT, "max_iter": max_iter}
