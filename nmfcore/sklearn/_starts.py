"""scikit-learn's starts, number for number: where its iterates follow, so does its result for the same random_state."""

from typing import Any

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.extmath import randomized_svd

LEAST = 1e-6  # below which a start by singular vectors is cut off, whatever the scale of X


def in_scale(X: Any) -> bool:
    """Whether the entries of X are neither so large nor so small that these starts leave the range of their dtype."""
    entries = X if isinstance(X, np.ndarray) else X.data  # a sparse X sorts itself to find its largest entry
    largest, limit = float(entries.max(initial=0)), float(np.finfo(X.dtype).max) ** 0.25
    return largest == 0 or 1 / limit <= largest <= limit


def made(init: str, X: Any, k: int, random_state: Any) -> tuple[np.ndarray, np.ndarray]:
    """(W, H) of the start of that name for X, dense or sparse, drawn as scikit-learn draws them."""
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

    The leading pair as it is; of each further one the positive or the negative part, whichever has the larger product
    of norms.
    """
    U, s, Vt = randomized_svd(X, k, random_state=random_state)
    sides = [(np.maximum(sign * U, 0), np.maximum(sign * Vt.T, 0)) for sign in (1, -1)]
    sizes = [np.linalg.norm(u, axis=0) * np.linalg.norm(v, axis=0) for u, v in sides]
    positive = sizes[0] > sizes[1]
    factors = []
    for i, whole in enumerate((U, Vt.T)):
        F = np.where(positive, sides[0][i], sides[1][i])
        norms = np.linalg.norm(F, axis=0)
        F *= np.sqrt(s * np.where(positive, *sizes)) / np.where(norms > 0, norms, 1)
        F[:, 0] = np.sqrt(s[0]) * np.abs(whole[:, 0])
        F[F < LEAST] = 0
        factors.append(F.astype(X.dtype, copy=False))
    return factors[0], np.ascontiguousarray(factors[1].T)
