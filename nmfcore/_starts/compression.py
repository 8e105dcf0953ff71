"""A matrix of low rank near X, in whose place a fit of a large dense X runs its first iterations.

With an orthonormal basis of l directions of the shorter side of X, products cost 2 (m + n) l k flop, not 2 m n k.
Randomized subspace iteration finds the basis (Halko, Martinsson & Tropp 2011, doi:10.1137/090771806); compressed NMF is
due to Zhou, Cichocki & Xie (2012, doi:10.1109/TSP.2012.2190410) and Tepper & Sapiro (2016,
doi:10.1109/TSP.2016.2516971).
"""

import numpy as np

from .._runtime import Workspace, single_blas
from ..data import LowRank, UnweightedData
from .singular import Effort, row_space

EFFORT = Effort(1, None)  # with no power iteration a fit of noisy X needs twice as many iterations afterwards
SEED = 0  # the basis depends on X and the number of directions alone


def compress(data: UnweightedData, size: int, workspace: Workspace) -> LowRank:
    """X projected on `size` directions of its shorter side, at most that many as it has. 10 m n l flop."""
    if data.shape[0] < data.shape[1]:
        return _compress_tall(data.T, size, workspace).T
    return _compress_tall(data, size, workspace)


def _compress_tall(data: UnweightedData, size: int, workspace: Workspace) -> LowRank:
    m, n = data.shape
    if size >= n:
        B = np.eye(n, dtype=data.dtype)
    else:
        with single_blas():
            B = row_space(data, 0, size, np.random.default_rng(SEED), workspace, EFFORT).astype(data.dtype)
    A = data.dot(B, np.empty((m, B.shape[1]), data.dtype))
    return LowRank(A, B, workspace, data.measures._replace(squared_norm=workspace.inner(A, A)))
