"""The losses: how far W H is from X.

Each loss is a class with the protocol `Loss`. To add one, write the class and give it a name in `named.NAMED`.
This room knows the storages and what penalties add to the statistics; it knows no solver.
"""

from .base import EPS, EVERYTHING, Loss, Split, converged
from .frobenius import CANCELLED, Frobenius, Normal, Normals
from .l21 import L21
from .named import NAMED, check_weighted_loss, of
from .pointwise import L1, BetaDivergence, Huber, Pointwise, Splits
from .weighted import Rows, weighted

__all__ = [
    "CANCELLED",
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
    "Pointwise",
    "Rows",
    "Split",
    "Splits",
    "check_weighted_loss",
    "converged",
    "of",
    "weighted",
]
