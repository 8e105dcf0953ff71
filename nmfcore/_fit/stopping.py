"""When a fit has converged: the numbers that decide, and the weights of the extrapolation.

The stopping rule compares the first sweep of an iteration with the residual. It needs no norm of a gradient, no
reference to the start, and no scale.

Extrapolation is that of Ang & Gillis (2019) in what is extrapolated and how it is safeguarded. Its weights are
Nesterov's, restarted, instead of the adaptive schedule of that paper: over 72 starts they were as fast in the median
(24 iterations against 24 to 27), missed scikit-learn's objective less often (5 times against 10), and need no
parameters.
"""

import math
from typing import Any

import numpy as np

from .._core import kernels
from ..data import Data
from ..losses import Loss

#: Of a `StoppingState`, in the order of a `Course` of `_core/course.pxi`; a checkpoint keeps all but the last.
FIELDS = ("best_loss", "since_lower", "since_progress", "moved", "t", "value")
NUMBERS = FIELDS[:-1]
BEGIN = (math.inf, 0.0, 0.0, math.inf, 1.0, math.inf)
ENDS = (None, "tol", "stalled")
STALLED = 20  # iterations without a lower objective, after which round-off is all that is left


class Momentum:
    """Nesterov's weights (1983), restarted where the objective rises (O'Donoghue & Candes 2015)."""

    def __init__(self) -> None:
        self.t: Any = 1.0

    def advance(self) -> Any:
        """The weight of the next iteration; 0 in the first one."""
        before, self.t = self.t, (1 + np.sqrt(1 + 4 * self.t * self.t)) / 2
        return (before - 1) / self.t

    def reset(self) -> None:
        """Make the next iteration one without extrapolation."""
        self.t = 1.0


def _number(name: str) -> Any:
    """A property for a number of a fit, or for the numbers of several fits, as a view."""
    place = FIELDS.index(name)

    def read(self: "StoppingState") -> Any:
        return self.numbers[:, place] if self.many else float(self.numbers[0, place])

    def write(self: "StoppingState", value: Any) -> None:
        self.numbers[:, place] = value

    return property(read, write)


class StoppingState:
    """The numbers by which a fit stops and restarts, or those of several fits, one row each; see `_core/course.pxi`.

    Attributes are scalars for one fit, or arrays with one entry per fit.

    Attributes
    ----------
    value : float
        The lowest objective so far, penalties included.
    best_loss : float
        The objective without penalties at the best factors.
    since_lower, since_progress : int
        Iterations since the objective was last lower, and since it was last no higher than round-off.
    moved : float
        The squared first steps of the last iteration, summed over both factors.
    t : float
        Nesterov's number, from which the weight of the extrapolation follows.
    """

    value, best_loss, moved, t = (_number(name) for name in ("value", "best_loss", "moved", "t"))
    since_lower, since_progress = (_number(name) for name in ("since_lower", "since_progress"))

    def __init__(self, loss: Loss, data: Data, numbers: np.ndarray | None = None) -> None:
        self.many = numbers is not None
        self.numbers = np.array([BEGIN]) if numbers is None else numbers
        self.precision = np.array(loss.precision(data))

    def advance(self) -> Any:
        """The weight of the next iteration; 0 in the first one, and in the first one after a restart."""
        weights = np.empty(len(self.numbers))
        kernels.advance_courses(self.numbers, weights)
        return weights if self.many else float(weights[0])

    def enter(self, value: Any) -> Any:
        """Enter the objective of an iteration; returns whether it is the lowest so far, to round-off.

        Near a stationary point the objective is flat, and its round-off hides progress: to go on from there brings the
        factors closer.
        """
        no_higher = np.empty(len(self.numbers), np.int64)
        kernels.enter_values(self.numbers, self.precision, np.array(value, np.float64, ndmin=1), no_higher)
        return no_higher.astype(bool) if self.many else bool(no_higher[0])

    def ends(self, tol: float) -> list[str | None]:
        """Why each fit ends after an iteration, or None.

        "tol": the last steps were small beside the residual, or X is fitted to round-off. "stalled": `STALLED`
        iterations in a row found nothing lower.
        """
        ends = np.empty(len(self.numbers), np.int64)
        kernels.ends_of(self.numbers, self.precision, tol, ends)
        return [ENDS[end] for end in ends]
