"""The kinds of storage: each is a class with the protocol `Data`, and a way to it in `_check.data`."""

from .base import Data
from .dense import Dense
from .sparse import Sparse
from .weighing import Weights, stored_at, weigh
from .weighted import Corrected, Weighted

__all__ = ["Corrected", "Data", "Dense", "Sparse", "Weighted", "Weights", "stored_at", "weigh"]
