"""A numerical core for non-negative matrix factorization (NMF): X ~ W H, everything non-negative."""

import importlib
from typing import Any

from . import penalties
from ._api import hals, mu, nmf
from ._archetypes import archetypes
from ._archetypes_result import Archetypes
from ._checkpoint import Checkpoint
from ._completion import Completion, CompletionState
from ._config import show_config
from ._ensemble import Ensemble
from ._many import fit_many
from ._nnls import nnls
from ._patch import patch_sklearn, unpatch_sklearn
from ._rank_choice import RankChoice
from ._result import Result
from ._select_rank import select_rank
from ._separable import separable
from ._svd import svd
from ._transform import transform
from ._types import Failure, History, Optimality, Progress, Separable, State
from ._version import __version__
from .losses import L1, L21, BetaDivergence, Huber
from .ratings import complete

__all__ = [
    "L1",
    "L21",
    "Archetypes",
    "BetaDivergence",
    "Checkpoint",
    "Completion",
    "CompletionState",
    "Ensemble",
    "Failure",
    "History",
    "Huber",
    "Optimality",
    "Progress",
    "RankChoice",
    "Result",
    "Separable",
    "State",
    "__version__",
    "archetypes",
    "complete",
    "fit_many",
    "hals",
    "mu",
    "nmf",
    "nnls",
    "patch_sklearn",
    "penalties",
    "select_rank",
    "separable",
    "show_config",
    "svd",
    "transform",
    "unpatch_sklearn",
]

_SUBMODULES = ("plot", "sklearn")  # which need more than NumPy and SciPy, or take time to load


def __getattr__(name: str) -> Any:
    """A submodule that is imported when it is asked for."""
    if name in _SUBMODULES:
        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The names that are there, and the submodules that can be."""
    return sorted({*globals(), *_SUBMODULES})
