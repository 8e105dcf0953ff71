"""The step from a checked X without weights to its storage."""

import math
from typing import Any

from .._checks import check_compressed, check_matrix, is_sparse, refuse_entries, refuse_stored_entries
from .._runtime import Workspace
from .base import UnweightedData
from .dense import Dense
from .sparse import Sparse


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
