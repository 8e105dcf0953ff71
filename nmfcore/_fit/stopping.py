"""The objective of fits from iteration to iteration, and what follows from it."""

import math

import numpy as np

from ..data import Data
from ..losses import Loss, converged

NUMBERS = ("best_loss", "since_lower", "since_progress", "moved", "t")  # of a `StoppingState`, which a checkpoint keeps
STALLED = 20  # iterations without a lower objective after which round-off is all that is left


class Momentum:
    """Nesterov's weights (1983), begun anew where the objective rose (O'Donoghue & Candes 2015)."""

    def __init__(self) -> None:
        self.t = 1.0

    def advance(self) -> float:
        """The weight of the next iteration; 0 in the first one."""
        before, self.t = self.t, (1 + np.sqrt(1 + 4 * self.t * self.t)) / 2
        return (before - 1) / self.t

    def reset(self) -> None:
        """Make the next iteration a plain one."""
        self.t = 1.0


class StoppingState(Momentum):
    """What a fit, or each of several that advance together, remembers of its objective, and what it decides by it.

    Every number is one, or an array with one for each fit; nothing here depends on which.
    """

    def __init__(self, loss: Loss, data: Data) -> None:
        super().__init__()
        self.loss, self.data = loss, data
        self.value = math.inf  # the lowest so far, penalties included
        self.best_loss = math.inf  # without them, at the best factors
        self.since_lower = self.since_progress = 0
        self.moved = math.inf  # the square of the first steps of the last iteration

    def enter(self, value: float) -> bool:
        """Enter the objective of an iteration; whether it is, to round-off, the lowest so far.

        Near a stationary point the objective is flat: to go on where it cannot tell brings the factors closer.
        """
        no_higher = value <= self.value + self.loss.round_off(self.data, self.value, self.data.dtype)
        self.since_lower = (self.since_lower + 1) * (1 - (value < self.value))
        self.since_progress = (self.since_progress + 1) * (1 - no_higher)
        self.value = np.fmin(self.value, value)
        return no_higher

    def reached(self, tol: float) -> bool:
        """Whether the last steps were small beside the residual, or X is fitted to round-off."""
        exact = self.loss.exact(self.data, abs(self.value), self.data.dtype)  # penalties may be below 0
        return exact | converged(self.moved, self.value, tol)

    def stalled(self) -> bool:
        """Whether nothing better was found for long."""
        return (self.since_lower >= STALLED) & (self.value < math.inf)
