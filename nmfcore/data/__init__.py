"""The kinds of storage: each is a class with the protocol `Data`, and a way to it in `_check.data`."""

from .base import Data
from .dense import Dense
from .sparse import Sparse

__all__ = ["Data", "Dense", "Sparse"]
