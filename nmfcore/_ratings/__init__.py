"""Ratings: a factorization with biases of a matrix that is known at few places, and recommendations from it."""

from .complete import complete
from .completion import Completion, CompletionState

__all__ = [
    "Completion",
    "CompletionState",
    "complete",
]
