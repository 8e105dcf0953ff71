"""A numerical core for non-negative matrix factorization (NMF): X ~ W H, everything non-negative."""

from . import penalties
from ._api import hals, mu, nmf
from ._completion import Completion, CompletionState
from ._config import show_config
from ._nnls import nnls
from ._patch import patch_sklearn, unpatch_sklearn
from ._separable import separable
from ._transform import transform
from ._types import History, Result, Separable, State
from ._version import __version__
from .losses import L1, L21, BetaDivergence, Huber
from .ratings import complete

__all__ = [
    "L1",
    "L21",
    "BetaDivergence",
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
    "patch_sklearn",
    "penalties",
    "separable",
    "show_config",
    "transform",
    "unpatch_sklearn",
]
