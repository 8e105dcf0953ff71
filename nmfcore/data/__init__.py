"""X as a fit sees it: dense or sparse, with or without weights.

Each storage is a class with the protocol `UnweightedData` or `WeightedData`; both extend `Data`. `as_data` and
`as_weighted_data` check X and choose the storage. To add a storage, write a class with one of the protocols and choose
it in one of these functions. This room knows the kernels, through `Workspace`, and the checks; it knows no loss.
"""

from . import frames
from .alignment import COMPONENTS, FACTOR_AXES, FEATURES, SAMPLES, Alignment
from .base import Data, UnweightedData, WeightedData, is_unweighted, is_weighted
from .check_weights import warn_of_unobserved
from .dense import Dense
from .low_rank import LowRank
from .names import Names, check_same_columns, check_same_table
from .pairs import pair_products
from .sparse import Sparse
from .storage import as_data, as_weighted_data
from .weighing import Weights, entries_at, find_stored, weigh
from .weighted import DenselyWeighted, SparselyReweighted

__all__ = [
    "COMPONENTS",
    "FACTOR_AXES",
    "FEATURES",
    "SAMPLES",
    "Alignment",
    "Data",
    "Dense",
    "DenselyWeighted",
    "LowRank",
    "Names",
    "Sparse",
    "SparselyReweighted",
    "UnweightedData",
    "WeightedData",
    "Weights",
    "as_data",
    "as_weighted_data",
    "check_same_columns",
    "check_same_table",
    "entries_at",
    "find_stored",
    "frames",
    "is_unweighted",
    "is_weighted",
    "pair_products",
    "warn_of_unobserved",
    "weigh",
]
