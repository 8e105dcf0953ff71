"""Losses whose multiplicative updates are those of scikit-learn.

They differ from nmfcore's in two ways. For least squares, L1 is added to the denominator, where nmfcore subtracts it
from the numerator. Both updates lower the objective, but only nmfcore's reaches zeros. For the other beta-divergences
the exponent stays the same with a penalty. It is not proven that these updates lower the objective.
"""

import numpy as np

from .._runtime import Workspace
from ..data import Data
from ..losses import BetaDivergence, Frobenius, Normal, Pointwise, Split, beta_loss
from ..penalties import Domain, Majorizer


class AdditiveNormal(Normal):
    """Normal equations to whose gradient, in two parts, penalties are added."""

    # `Normal` returns normal equations again; the solver "mu" splits either of them.
    def majorized(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace
    ) -> Split:
        """The two parts of the gradient with a penalty: L1 is a part of den."""
        return self.split(F, workspace).majorized(majorizer, F, workspace)


class AdditiveFrobenius(Frobenius):
    """Half the squared error, updated as the limit of the other beta-divergences with penalties."""

    def __repr__(self) -> str:
        return "AdditiveFrobenius()"

    def statistics(
        self, data: Data, F: np.ndarray, B: np.ndarray, summary: np.ndarray, memory: np.ndarray, evaluate: bool
    ) -> AdditiveNormal:
        """The statistics of `Frobenius` as an `AdditiveNormal`."""
        return AdditiveNormal(*super().statistics(data, F, B, summary, memory, evaluate))

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Normal, Domain]], workspace: Workspace) -> float:
        """The residual of the other beta-divergences, from the two parts of the gradient."""
        split = [(data, F, statistics.split(F, workspace), domain) for data, F, statistics, domain in sides]
        # The method reads `sides` alone, and works for a loss that is no `Pointwise`, too.
        return Pointwise.kkt_residual(self, split, workspace)  # pyright: ignore[reportArgumentType]


class FixedExponentBeta(BetaDivergence):
    """A beta-divergence whose updates have the same exponent with penalties as without."""

    @property
    def majorized_exponent(self) -> float:
        """The exponent without penalties."""
        return self.exponent


def multiplicative_loss(beta: float) -> AdditiveFrobenius | FixedExponentBeta:
    """The beta-divergence with the updates of scikit-learn."""
    loss = beta_loss(beta)
    return FixedExponentBeta(loss.beta) if isinstance(loss, BetaDivergence) else AdditiveFrobenius()
