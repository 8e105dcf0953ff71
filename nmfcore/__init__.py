"""A numerical core for non-negative matrix factorization (NMF): X ~ W H, everything non-negative."""

from ._api import hals, nmf
from ._config import show_config
from ._types import History, Result, State
from ._version import __version__

__all__ = ["History", "Result", "State", "__version__", "hals", "nmf", "show_config"]
