"""The protocol of a solver."""

from typing import Any, Protocol

import numpy as np

from .._runtime import BatchKernels, FactorBatch, Workspace
from ..data import Data
from ..losses import Loss


class Solver(Protocol):
    """Updates one factor in place from the statistics of a loss; it does not know which factor it is."""

    @property
    def name(self) -> str:
        """The value of the argument `solver` that means this solver."""
        ...

    @property
    def needs(self) -> str:
        """The kind of statistics that `update` takes, one of those that a loss `provides`."""
        ...

    @property
    def takes(self) -> frozenset[str]:
        """The kinds of penalties and sets that it supports; see `penalties.Penalty.needs`."""
        ...

    @property
    def exact(self) -> bool:
        """Whether one update solves the half-step to the end."""
        ...

    @property
    def keeps_zeros(self) -> bool:
        """Whether an entry of the factor that is 0 stays 0."""
        ...

    def floor_of(self, dtype: np.dtype) -> float:
        """The share of the mean of a component below which its coordinates stand for 0; 0 where 0 is reached."""
        ...

    def update(
        self, F: np.ndarray, statistics: Any, domain: Any, cost: float, iteration: int, workspace: Workspace
    ) -> float:
        """Lower the objective over F in its domain, in place.

        Parameters
        ----------
        F : (m, k) array
            The factor.
        statistics
            Of the kind that the solver `needs`, penalties included.
        domain : Domain
            Of a kind that the solver `takes`.
        cost : float
            Flop of the statistics; infinite if they are computed once for all iterations.
        iteration : int
            From 1.
        workspace : Workspace
            Scratch memory and threads.

        Returns
        -------
        float
            The square of the first step, in the metric in which half of it is the decrease of the objective if no bound
            is active. It is zero at a stationary point and nowhere else.
        """
        ...

    def extrapolates(self, loss: Loss) -> bool:
        """Whether extrapolation is sound for the loss."""
        ...

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Overwrite old by new plus weight times the last change, projected to F >= 0."""
        ...


class BatchSolver(Solver, Protocol):
    """A solver that updates the factors of several fits in one call."""

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
        """Update several fits, each in its own iteration; return their squared first steps."""
        ...

    def extrapolate_many(
        self, new: FactorBatch, old: FactorBatch, weights: np.ndarray, fits: np.ndarray, kernels: BatchKernels
    ) -> None:
        """Extrapolate several fits."""
        ...
