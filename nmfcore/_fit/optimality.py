"""The error of a factorization compared with that of the best matrix of its rank, of any sign."""

import math
from typing import Any

import numpy as np

from .._checks import check_random_state
from .._runtime import Workspace, check_threads, single_blas
from .._starts import LEAST_ERROR_EFFORT, from_factors, singular_triplets
from ..data import Data, as_data, check_same_table, frames
from ..losses import Frobenius, Normal
from . import check_result
from .records import Optimality


def optimality(
    W: np.ndarray, H: np.ndarray, options: dict[str, Any], names: Any, X: Any, n_threads: Any, random_state: Any
) -> Optimality:
    """See `Result.optimality`."""
    check_result.refuse_weighted(options)
    X, own_names = frames.unwrap(X)
    check_same_table(own_names, names)
    data, workspace = as_data(X, check_threads(n_threads))
    check_result.check_same_shape(data.shape, (len(W), H.shape[1]))
    rng = check_random_state(random_state)
    start = from_factors(data, W, H)
    k = W.shape[1]
    error, best = _error(data, start.W, start.Ht, workspace), 0.0
    if k < min(data.shape):
        with single_blas():
            U, s, V = singular_triplets(data, k, rng, workspace, LEAST_ERROR_EFFORT)
        best = min(error, _error(data, U * s, V, workspace))  # both are upper bounds
    ratio = error / best if best > 0 else math.inf if error > 0 else 1.0
    with np.errstate(over="ignore", under="ignore"):
        error, best = (float(np.ldexp(value, data.measures.exponent)) for value in (error, best))
        return Optimality(error, best, ratio)


def _error(data: Data, F: np.ndarray, B: np.ndarray, workspace: Workspace) -> float:
    """||X - F B'||_F for the scaled X."""
    normal = Normal(workspace.gram(B), data.dot(B, np.empty_like(F)))
    return math.sqrt(2 * Frobenius().value(data, F, B, workspace.gram(F), normal, workspace))
