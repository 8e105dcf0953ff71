"""The losses. To add one: a class with the protocol `Loss`, and a way to it in `of`."""

from .base import EPS, Loss, Split, converged
from .beta import NAMES, BetaDivergence
from .frobenius import Frobenius, Normal

BETAS = {name: beta for beta, name in NAMES.items()}


def of(beta: float) -> Loss:
    """The beta-divergence: least squares has normal equations, the others have two parts of a gradient."""
    return Frobenius() if beta == 2 else BetaDivergence(float(beta))


__all__ = ["BETAS", "EPS", "BetaDivergence", "Frobenius", "Loss", "Normal", "Split", "converged", "of"]
