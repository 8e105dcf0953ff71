"""A numerical core for non-negative matrix factorization (NMF): X ~ W H, everything non-negative."""

from ._api import hals, mu, nmf
from ._config import show_config
from ._types import History, Result, State
from ._version import __version__
from .losses import BetaDivergence

__all__ = ["BetaDivergence", "History", "Result", "State", "__version__", "hals", "mu", "nmf", "show_config"]
