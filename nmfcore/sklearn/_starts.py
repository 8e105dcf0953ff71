"""scikit-learn's starts, number for number, so that its iterates and its result follow for the same random_state."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.extmath import randomized_svd

from .._runtime import single_blas

CUTOFF = 1e-6  # smaller entries of a start by singular vectors become 0, whatever the scale of X


def in_range(X: Any) -> bool:
    """Whether the entries of X are so small and so large that these starts stay in the range of their dtype."""
    entries = X if isinstance(X, np.ndarray) else X.data  # max of a sparse X would sort its indices
    largest, limit = float(entries.max(initial=0)), float(np.finfo(X.dtype).max) ** 0.25
    return largest == 0 or 1 / limit <= largest <= limit


def start(init: str, X: Any, k: int, random_state: Any) -> tuple[np.ndarray, np.ndarray]:
    """(W, H) of the start with that name for X, dense or sparse, with the random numbers of scikit-learn."""
    if isinstance(random_state, np.random.Generator):
        random_state = np.random.RandomState(random_state.integers(2**32, size=8, dtype=np.uint32))
    if init == "random":
        rng, scale = check_random_state(random_state), np.sqrt(X.mean() / k)
        H, W = (scale * rng.standard_normal(shape).astype(X.dtype) for shape in ((k, X.shape[1]), (X.shape[0], k)))
        return np.abs(W).astype(X.dtype, copy=False), np.abs(H).astype(X.dtype, copy=False)
    W, H = _nndsvd(X, k, random_state)
    if init != "nndsvd":
        mean, rng = X.mean(), check_random_state(random_state)
        for F in (W, H):
            zeros = F == 0
            F[zeros] = mean if init == "nndsvda" else np.abs(mean * rng.standard_normal(np.count_nonzero(zeros)) / 100)
    return W, H


def _nndsvd(X: Any, k: int, random_state: Any) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative double SVD (Boutsidis & Gallopoulos 2008, doi:10.1016/j.patcog.2007.09.010).

    The leading pair of singular vectors is taken as it is. Of each further pair the positive or the negative part is
    taken, whichever has the larger product of norms.

    The singular vectors come from scikit-learn, on one BLAS thread: their last bits would depend on the number of BLAS
    threads if X is large.
    """
    with single_blas():
        U, s, Vt = randomized_svd(X, k, random_state=random_state)
    sides = [(np.maximum(sign * U, 0), np.maximum(sign * Vt.T, 0)) for sign in (1, -1)]
    sizes = [np.linalg.norm(u, axis=0) * np.linalg.norm(v, axis=0) for u, v in sides]
    positive = sizes[0] > sizes[1]
    factors = []
    for i, vectors in enumerate((U, Vt.T)):
        F = np.where(positive, sides[0][i], sides[1][i])
        norms = np.linalg.norm(F, axis=0)
        F *= np.sqrt(s * np.where(positive, *sizes)) / np.where(norms > 0, norms, 1)
        F[:, 0] = np.sqrt(s[0]) * np.abs(vectors[:, 0])
        F[F < CUTOFF] = 0
        factors.append(F.astype(X.dtype, copy=False))
    return factors[0], np.ascontiguousarray(factors[1].T)
