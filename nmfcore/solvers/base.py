"""What the driver asks of a solver."""

from typing import Any, Protocol

import numpy as np

from .._runtime import BatchKernels, FactorBatch, Workspace
from ..data import Data
from ..losses import Loss
from ..penalties import Domain


class Solver(Protocol):
    """Updates one factor in place from what the loss hands over; it does not know which factor it is."""

    name: str
    needs: str
    """The statistics that `update` takes; a loss serves the solver where it `provides` them."""
    takes: frozenset[str]
    """What `penalties` may need of it."""
    exact: bool
    """Whether one update solves the half-step to the end."""

    def update(
        self, F: np.ndarray, statistics: Any, domain: Domain, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Lower the objective over F in its domain, in place.

        Given are the statistics, those of the penalties included, the flop that they cost (infinite where they are made
        once for all iterations), and the iteration, from 1.

        Returns the square of the first step, in the metric in which half of it is what the objective would fall
        were no bound active: zero at a stationary point, and nowhere else.
        """
        ...

    def extrapolates(self, loss: Loss) -> bool:
        """Whether extrapolation is sound for the loss."""
        ...

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Overwrite old by new and weight times its last change, inside the domain of `update`."""
        ...


class BatchSolver(Solver, Protocol):
    """A solver that updates the factors of several fits at once."""

    def update_many(
        self,
        F: FactorBatch,
        statistics: Any,
        data: Data,
        loss: Loss,
        iterations: np.ndarray,
        fits: np.ndarray,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """`update` of several fits, each in its own iteration."""
        ...

    def extrapolate_many(
        self, new: FactorBatch, old: FactorBatch, weights: np.ndarray, fits: np.ndarray, kernels: BatchKernels
    ) -> None:
        """`extrapolate` of several fits."""
        ...
