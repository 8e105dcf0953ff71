"""The step from X, with or without weights, to its storage."""

import math
from typing import Any

import numpy as np

from .._checks import check_compressed, check_matrix, is_sparse, refuse_entries, refuse_stored_entries
from .._runtime import Workspace
from .base import Data, UnweightedData
from .check_weights import MAX_EXCEPTIONS, check_missing, combine_weights, describe_weights, refuse_observed
from .dense import Dense
from .sparse import Sparse
from .weighing import weigh


def as_data(X: Any, n_threads: int, signed: bool = False, name: str = "X") -> tuple[UnweightedData, Workspace]:
    """Check X and return its storage for a fit and the workspace of that fit.

    X is copied only if the kernels cannot read it in place. `signed` allows negative entries.
    """
    stored = is_sparse(X)
    X = check_compressed(X, name) if stored else check_matrix(X, name)
    workspace = Workspace(X.dtype, n_threads)
    data = Sparse.of(X, workspace) if stored else Dense.of(X, workspace)
    if not ((signed or data.measures.smallest >= 0) and math.isfinite(data.measures.squared_norm)):
        refuse_stored_entries(X, name) if stored else refuse_entries(X, name)
    return data, workspace


def as_weighted_data(X: Any, weights: Any, mask: Any, missing: Any, n_threads: int) -> tuple[Data, Workspace]:
    """Check X and its weights and return its storage for a fit and the workspace of that fit.

    Without weights, mask and missing entries the storage is that of `as_data`.
    """
    check_missing(missing)
    own_mask = None
    if isinstance(X, np.ma.MaskedArray):
        own_mask, X = (np.ma.getmaskarray(X) if np.ma.is_masked(X) else None), X.data
    if weights is None and mask is None and missing is None and own_mask is None:
        return as_data(X, n_threads)
    X = check_compressed(X, "X").tocsr() if is_sparse(X) else check_matrix(X, "X")
    Omega = combine_weights(X, weights, [own_mask, mask], missing)
    description = describe_weights(Omega, X.dtype, MAX_EXCEPTIONS[isinstance(X, np.ndarray)])
    workspace = Workspace(X.dtype, n_threads)
    with np.errstate(invalid="ignore", over="ignore"):  # entries that are refused below
        data = weigh(X, description, workspace)
    if not (data.measures.smallest >= 0 and math.isfinite(data.measures.squared_norm)):
        refuse_observed(X, Omega)
    return data, workspace
