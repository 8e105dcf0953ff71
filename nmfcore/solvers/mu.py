"""Multiplicative updates: each coordinate is multiplied by the ratio of the two parts of its gradient.

A zero in a factor would stay zero under multiplicative updates. Coordinates are kept above the machine epsilon times
the mean of their component, a rule that does not depend on scale.
"""

from dataclasses import dataclass

import numpy as np

from .._runtime import BatchKernels, FactorBatch, Workspace
from ..data import Data
from ..losses import EPS, Loss, Normal, RowNormals, Split, SplitBatch
from ..penalties import Domain


@dataclass(frozen=True)
class MU:
    """Multiplicative updates F <- F o (num / den)^exponent.

    Lee & Seung 2001 for least squares and Kullback-Leibler; Fevotte & Idier 2011 (doi:10.1162/NECO_a_00168) for any
    beta, with the exponent that makes them monotone; robust losses use weights (see `losses.Huber`). Coordinates are
    kept at least `floor` times the mean of their component (Takahashi & Hibi 2014, doi:10.1007/s10589-014-9668-5). The
    default, the machine epsilon, changes no digit of the model, and lets coordinates grow again if the gradient is
    negative.

    If the loss is convex in the model, updates are extrapolated where the factor grew (BMMe: Hien, Leplat & Gillis
    2024, arXiv:2401.06646); the theory covers this case only.
    """

    floor: float | None = None

    name = "mu"
    needs = "split"
    exact = False
    takes = frozenset({"linear", "diagonal", "off-diagonal", "bounds"})

    @property
    def keeps_zeros(self) -> bool:
        """Whether there is no floor."""
        return self.floor == 0

    def update(
        self,
        F: np.ndarray,
        statistics: Split | Normal | RowNormals,
        domain: Domain,
        cost: float,
        iteration: int,
        workspace: Workspace,
    ) -> float:
        """Update F in place; return the sum of den (change)^2 / F."""
        num, den, exponent, *_ = statistics.split(F, workspace)
        floor = self._floor(F.dtype)
        least = floor * workspace.column_sums(F) / len(F)
        return workspace.multiply(F, num, den, exponent, least, domain.lower, domain.upper)

    def update_many(
        self,
        F: FactorBatch,
        statistics: SplitBatch,
        data: Data,
        loss: Loss,
        iterations: np.ndarray,
        fits: np.ndarray,
        kernels: BatchKernels,
    ) -> np.ndarray:
        """Update several fits."""
        floor = self._floor(F.flat.dtype)
        return kernels.multiply(F, statistics.num, statistics.den, statistics.exponent, floor, fits)

    def _floor(self, dtype: np.dtype) -> float:
        return EPS[dtype] if self.floor is None else self.floor

    def floor_of(self, dtype: np.dtype) -> float:
        """The floor, if it changes no digit of the model; a larger one is what the user wants of the factors."""
        return self._floor(dtype) if self._floor(dtype) <= EPS[dtype] else 0.0

    def extrapolates(self, loss: Loss) -> bool:
        """Whether the objective is convex in the model."""
        return loss.convex

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Set old to new + weight max(0, new - old), which stays positive."""
        workspace.extrapolate(new, old, weight, True)

    def extrapolate_many(
        self, new: FactorBatch, old: FactorBatch, weights: np.ndarray, fits: np.ndarray, kernels: BatchKernels
    ) -> None:
        """Extrapolate several fits."""
        kernels.extrapolate(new, old, weights, True, fits)
