"""The kinds of storage. `kinds` lists the classes that `_check` asks, in turn, whether they hold an X."""

from .base import Data
from .dense import Dense

__all__ = ["Data", "Dense"]
