"""What scikit-learn's multiplicative updates do in their own way."""

from typing import Any

import numpy as np

from .. import losses
from .._runtime import Workspace
from ..data import Data
from ..losses import BetaDivergence, Frobenius, Normal, Pointwise, Split
from ..penalties import Domain, Majorizer


class AddedNormal(Normal):
    """Normal equations to which penalties are added as to any other gradient."""

    def majorized(self, majorizer: Majorizer, F: np.ndarray, workspace: Workspace) -> Split:  # type: ignore[override]
        """The two parts of the gradient; L1 is a part of den, where `Normal` takes it off num."""
        return self.split(F, workspace).majorized(majorizer, F, workspace)


class AddedFrobenius(Frobenius):
    """Half the squared error, whose updates are then the limit of those of other beta-divergences with penalties."""

    def __repr__(self) -> str:
        return "AddedFrobenius()"

    def statistics(self, *args: Any) -> AddedNormal:
        """As those of `Frobenius`."""
        return AddedNormal(*super().statistics(*args))

    def kkt_residual(self, sides: list[tuple[Data, np.ndarray, Any, Domain]], workspace: Workspace) -> float:
        """As that of other beta-divergences."""
        split = [(data, F, asked.split(F, workspace), domain) for data, F, asked, domain in sides]
        return Pointwise.kkt_residual(self, split, workspace)  # type: ignore[arg-type]


class PlainBeta(BetaDivergence):
    """A beta-divergence whose updates have the same exponent with penalties as without, which is not proven to fall."""

    @property
    def majorized_exponent(self) -> float:
        """That without penalties."""
        return self.exponent


def loss(beta: float) -> AddedFrobenius | PlainBeta:
    """The beta-divergence with the updates of scikit-learn."""
    known = losses.beta_loss(beta)
    return PlainBeta(known.beta) if isinstance(known, BetaDivergence) else AddedFrobenius()
