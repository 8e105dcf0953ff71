"""Ratings: a factorization with biases of a matrix of which few entries are known, and recommendations from it.

`complete` fits a `Completion`. Every user and every item has a least-squares problem of its own, so that this room has
a loop of its own: it uses `gram_sweep`, the kernel of weighted least squares, and of the fit the options and records.
"""

from .complete import complete
from .completion import Completion, CompletionState

__all__ = [
    "Completion",
    "CompletionState",
    "complete",
]
