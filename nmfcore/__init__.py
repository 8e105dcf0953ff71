"""A numerical core for non-negative matrix factorization (NMF): X ~ W H, everything non-negative."""

from . import penalties
from ._api import hals, mu, nmf
from ._checkpoint import Checkpoint
from ._completion import Completion, CompletionState
from ._config import show_config
from ._nnls import nnls
from ._result import Result
from ._separable import separable
from ._transform import transform
from ._types import History, Separable, State
from ._version import __version__
from .losses import L1, L21, BetaDivergence, Huber
from .ratings import complete

__all__ = [
    "L1",
    "L21",
    "BetaDivergence",
    "Checkpoint",
    "Completion",
    "CompletionState",
    "History",
    "Huber",
    "Result",
    "Separable",
    "State",
    "__version__",
    "complete",
    "hals",
    "mu",
    "nmf",
    "nnls",
    "penalties",
    "separable",
    "show_config",
    "transform",
]
