"""A numerical core for non-negative matrix factorization (NMF): X ~ W H, everything non-negative."""

import importlib
from typing import Any

from ._archetypes import Archetypes, archetypes
from ._checks import ConvergenceWarning, InputError, InputTypeError
from ._ensemble import Consensus, ConsensusFactors, Ensemble, Failure, Matching, Progress, Stability
from ._fit import Checkpoint, History, Optimality, Result, State, hals, mu, nmf, transform
from ._many import fit_many
from ._patch import patch_sklearn, unpatch_sklearn
from ._rank import RankChoice, select_rank
from ._ratings import Completion, CompletionState, complete
from ._relatives import Clustering, Hierarchy, hierarchical, orthogonal, projective, semi, symmetric
from ._runtime import show_config
from ._solve import Separable, nnls, separable, svd
from ._version import __version__
from .losses import L1, L21, BetaDivergence, Huber

__all__ = [
    "L1",
    "L21",
    "Archetypes",
    "BetaDivergence",
    "Checkpoint",
    "Clustering",
    "Completion",
    "CompletionState",
    "Consensus",
    "ConsensusFactors",
    "ConvergenceWarning",
    "Ensemble",
    "Failure",
    "Hierarchy",
    "History",
    "Huber",
    "InputError",
    "InputTypeError",
    "Matching",
    "Optimality",
    "Progress",
    "RankChoice",
    "Result",
    "Separable",
    "Stability",
    "State",
    "__version__",
    "archetypes",
    "complete",
    "fit_many",
    "hals",
    "hierarchical",
    "mu",
    "nmf",
    "nnls",
    "orthogonal",
    "patch_sklearn",
    "penalties",
    "projective",
    "select_rank",
    "semi",
    "separable",
    "show_config",
    "svd",
    "symmetric",
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
