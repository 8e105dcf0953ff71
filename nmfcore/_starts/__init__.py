"""Starting factors: random, from singular triplets (NNDSVD), from rows of X, or given.

To add a start, write a function and enter it in `INITS`. This room knows the storages and the domains of the factors.
"""

from .init import INITS, Start, beside, check_independent, enter, given, made
from .singular import ACCURATE, FLOOR, Effort, singular_triplets
from .spa import coordinates, successive_projections

__all__ = [
    "ACCURATE",
    "FLOOR",
    "INITS",
    "Effort",
    "Start",
    "beside",
    "check_independent",
    "coordinates",
    "enter",
    "given",
    "made",
    "singular_triplets",
    "successive_projections",
]
