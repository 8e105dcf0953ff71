"""The losses. To add one: a class with the protocol `Loss`, and a way to it in `of` or `NAMED`."""

from .base import EPS, EVERYTHING, Loss, Split, converged
from .frobenius import Frobenius, Normal, Normals
from .l21 import L21
from .pointwise import L1, NAMES, BetaDivergence, Huber, Splits
from .weighted import Rows, weighted

SNAP = 1e-8


def of(beta: float) -> Loss:
    """The beta-divergence: least squares has normal equations, the others have two parts of a gradient.

    A beta next to 0, 1 or 2 is that one: in the formula for others a difference is divided by a distance to 0 or 1.
    """
    beta = next((named for named in NAMES if abs(beta - named) <= SNAP), float(beta))
    return Frobenius() if beta == 2 else BetaDivergence(beta)


NAMED = {name: of(beta) for beta, name in NAMES.items()} | {"l1": L1(), "l21": L21()}

__all__ = [
    "EPS",
    "EVERYTHING",
    "L1",
    "L21",
    "NAMED",
    "BetaDivergence",
    "Frobenius",
    "Huber",
    "Loss",
    "Normal",
    "Normals",
    "Rows",
    "Split",
    "Splits",
    "converged",
    "of",
    "weighted",
]
