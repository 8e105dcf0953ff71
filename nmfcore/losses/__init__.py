"""The losses: measures of how far W H is from X.

Users pass `BetaDivergence`, `Huber`, `L1` or `L21` as the argument `loss`, or a name or a number beta, which stand for
them; all other names are for the package itself.

Each loss is a class with the protocol `Loss`. To add one, write the class and give it a name in `check_loss.LOSSES`.
This room knows the storages and what penalties add to the statistics; it knows no solver.
"""

from .base import ALL_PENALTIES, EPS, BatchLoss, Loss, Split, Statistics, converged
from .check_loss import LOSSES, LossLike, beta_loss, check_weighted_loss
from .frobenius import CANCELLATION, Frobenius, Normal, NormalBatch
from .l21 import L21
from .pointwise import L1, BetaDivergence, Huber, Pointwise, SplitBatch
from .weighted import RowNormals, with_weights

__all__ = [
    "ALL_PENALTIES",
    "CANCELLATION",
    "EPS",
    "L1",
    "L21",
    "LOSSES",
    "BatchLoss",
    "BetaDivergence",
    "Frobenius",
    "Huber",
    "Loss",
    "LossLike",
    "Normal",
    "NormalBatch",
    "Pointwise",
    "RowNormals",
    "Split",
    "SplitBatch",
    "Statistics",
    "beta_loss",
    "check_weighted_loss",
    "converged",
    "with_weights",
]
