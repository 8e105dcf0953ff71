"""Starting factors: random, from singular triplets (NNDSVD), from rows of X, or from factors that the user gives.

To add a start, write a function and add it to `INITS`. This room knows the storages and the domains of the factors.
"""

from .compression import compress
from .init import INITS, Start, build_start, check_independent, from_factors, from_one_factor, project_starts
from .singular import LEAST_ERROR_EFFORT, SVD_EFFORT, Effort, singular_triplets
from .spa import solve_coordinates, successive_projections

__all__ = [
    "INITS",
    "LEAST_ERROR_EFFORT",
    "SVD_EFFORT",
    "Effort",
    "Start",
    "build_start",
    "check_independent",
    "compress",
    "from_factors",
    "from_one_factor",
    "project_starts",
    "singular_triplets",
    "solve_coordinates",
    "successive_projections",
]
