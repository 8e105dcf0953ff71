"""The choice of the rank: `select_rank`, one file for each method, and `RankChoice`, what it returns.

To add a method, write a file with a function that takes a `Task` and returns a `Selection`, and enter it in
`select_rank.METHODS`. This room knows the single fit, `fit_many` and the ensemble.
"""

from .choice import RankChoice
from .select_rank import select_rank

__all__ = [
    "RankChoice",
    "select_rank",
]
