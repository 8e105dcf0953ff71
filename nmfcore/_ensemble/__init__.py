"""What many fits of one X agree on: the best of them, consensus, stability, clusters of components; and their file.

This room knows results; it runs no fit of its own but the last one of consensus factors.
"""

from .ensemble import Ensemble
from .ledger import Ledger
from .records import Failure, Progress

__all__ = [
    "Ensemble",
    "Failure",
    "Ledger",
    "Progress",
]
