"""One factor in the alternation."""

from typing import Any

import numpy as np

from ..data import Data
from .specification import FactorSpec


class FactorState:
    """One factor in the alternation, with X as it is seen from that factor.

    Attributes
    ----------
    factor : ndarray
        The point at which a half-step starts, then its outcome, then the extrapolation of that.
    old : ndarray
        The outcome of the last half-step, without extrapolation.
    best : ndarray
        The factor with the lowest objective so far.
    summary, best_summary : object or None
        The loss's summary of `factor` and of `best`; None where the factor has changed since.
    """

    def __init__(self, data: Data, spec: FactorSpec, start: np.ndarray, extrapolate: bool) -> None:
        self.data, self.spec, self.extrapolate = data, spec, extrapolate
        unobserved = data.unobserved[0]  # only the penalties say what these rows are
        if len(unobserved) and not spec.fixed:
            start[unobserved] = 0
            spec.domain.project(start, data.workspace)
        self.factor = self.old = self.best = start
        self.summary: Any = None
        self.best_summary: Any = None

    def separate(self) -> None:
        """Give the factor, the old one and the best one memory of their own."""
        if self.extrapolate:
            self.old = self.factor.copy()
        self.best = self.factor.copy()

    def exchange(self) -> None:
        """Swap the factor and the old one, after the old one was overwritten by the extrapolation."""
        self.factor, self.old = self.old, self.factor
        self.summary = None

    def restart(self, point: np.ndarray) -> None:
        """Go on from a point, without momentum."""
        self.summary = None
        np.copyto(self.factor, point)
        np.copyto(self.old, point)

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays that an iteration hands to the next one."""
        extrapolated = {} if self.old is self.factor else {"old": self.old}
        return {"factor": self.factor, "best": self.best} | extrapolated
