"""The choice of the rank: one file for each method, and `select_rank` above them."""

from .choice import RankChoice
from .select_rank import select_rank

__all__ = [
    "RankChoice",
    "select_rank",
]
