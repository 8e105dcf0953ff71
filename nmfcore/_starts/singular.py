"""The leading singular triplets of X, by products with it alone."""

from typing import NamedTuple

import numpy as np

from .._runtime import Workspace
from ..data import Data

Random = np.random.Generator | np.random.RandomState
Triplets = tuple[np.ndarray, np.ndarray, np.ndarray]
DIRECT = 2  # an X with at most so many times as many columns as vectors are sought is decomposed as it is


class Effort(NamedTuple):
    """How long to look for the triplets."""

    power_iter: int
    tolerance: float | None
    """Enough is a power iteration that moves none of the k leading eigenvalues of X'X by more than this share of the
    k-th one; None: all are done."""
    oversampling: int = 10


ACCURATE = Effort(20, 1e-2)
FLOOR = Effort(100, 1e-4)  # where an error is compared with the least one, which may be only a little smaller
START = Effort(3, 1e-1)  # as accurate as four without a shift; more of it made no better fits


def singular_triplets(data: Data, k: int, rng: Random, workspace: Workspace, effort: Effort) -> Triplets:
    """The k largest singular triplets (U m x k, s, V n x k) of the scaled X, in its dtype; see `nmfcore.svd`.

    The first of the largest entries of each u, to half the digits, is positive.
    """
    if data.shape[0] < data.shape[1]:
        V, s, U = _of_tall(data.T, k, rng, workspace, effort)
    else:
        U, s, V = _of_tall(data, k, rng, workspace, effort)
    sizes = np.abs(U)
    almost = 1 - np.sqrt(np.finfo(U.dtype).eps)
    first = np.argmax(sizes >= almost * sizes.max(axis=0), axis=0)
    signs = np.where(U[first, np.arange(k)] < 0, -1, 1).astype(U.dtype)
    return U * signs, s, V * signs


def _of_tall(data: Data, k: int, rng: Random, workspace: Workspace, effort: Effort) -> Triplets:
    """The triplets of an X with no more columns than rows."""
    m, n = data.shape
    size = k + effort.oversampling
    Q = np.eye(n) if n <= DIRECT * size else _row_space(data, k, size, rng, workspace, effort)
    Y = data.dot(Q.astype(data.dtype), np.empty((m, Q.shape[1]), data.dtype))
    U, s, V = _decomposed(Y, k, workspace)
    return U, s, (Q @ V).astype(data.dtype)


def _row_space(data: Data, k: int, size: int, rng: Random, workspace: Workspace, effort: Effort) -> np.ndarray:
    """An orthonormal basis (n x size), in float64, near the leading right singular vectors.

    Subspace iteration with X'X. Its eigenvectors within the subspace are taken in their order each time, so that those
    of small eigenvalues survive two products without a basis in between. Half of the least eigenvalue is the shift:
    outside nothing becomes larger by it, and inside the quotients move away from 1.
    """
    m, n = data.shape
    Y, Z = np.empty((m, size), data.dtype), np.empty((n, size), data.dtype)
    round_off = size * float(np.finfo(data.dtype).eps)

    def squared(Q: np.ndarray) -> np.ndarray:
        return data.T.dot(data.dot(Q.astype(data.dtype), Y), Z).astype(np.float64)

    Q = _orthonormal(squared(rng.standard_normal((n, size))), workspace)
    shift, before = 0.0, -np.inf
    for _ in range(effort.power_iter):
        image = squared(Q)
        values, vectors = np.linalg.eigh(workspace.product(Q.T, image, np.empty((size, size))))
        values, vectors = values[::-1], np.ascontiguousarray(vectors[:, ::-1])
        image = workspace.product(image - shift * Q, vectors, np.empty_like(Q))
        Q = _orthonormal(image, workspace)
        moved = float(np.max(values[:k] - before))
        if effort.tolerance is not None and moved <= effort.tolerance * values[k - 1] + round_off * values[0]:
            break
        shift, before = max(shift, values[-1] / 2), values[:k]
    return Q


def _orthonormal(Z: np.ndarray, workspace: Workspace) -> np.ndarray:
    """A basis of the columns of Z, orthonormal to half the digits at least."""
    R = _cholesky(workspace.gram(Z), Z.dtype)
    return np.linalg.qr(Z)[0] if R is None else workspace.product(Z, np.linalg.inv(R), np.empty_like(Z))


def _decomposed(Y: np.ndarray, k: int, workspace: Workspace) -> Triplets:
    """The k largest singular triplets of a tall matrix, V in float64.

    By Cholesky QR twice (Yamamoto, Nakatsukasa, Yanagisawa & Fukaya 2015): the second one makes the basis of the first
    one orthonormal to round-off. By Householder QR where columns may depend on each other.
    """
    factor = _cholesky(workspace.gram(Y), Y.dtype)
    if factor is not None:
        Q = workspace.product(Y, np.linalg.inv(factor).astype(Y.dtype), np.empty_like(Y))
        again = _cholesky(workspace.gram(Q), Y.dtype)
    if factor is None or again is None:
        Q, R = np.linalg.qr(Y)
        small, s, Vt = np.linalg.svd(R.astype(np.float64))
    else:
        small, s, Vt = np.linalg.svd(again @ factor)
        small = np.linalg.solve(again, small)
    small = np.ascontiguousarray(small[:, :k], Y.dtype)
    return workspace.product(Q, small, np.empty((len(Y), k), Y.dtype)), s[:k].astype(Y.dtype), Vt[:k].T


def _cholesky(G: np.ndarray, dtype: np.dtype) -> np.ndarray | None:
    """The upper triangular R with R'R = G; None where columns of that dtype may depend on each other."""
    norms = np.sqrt(G.diagonal())
    if not norms.min() > 0:
        return None
    try:
        R = np.linalg.cholesky(G / norms / norms[:, None]).T
    except np.linalg.LinAlgError:
        return None
    return R * norms if R.diagonal().min() > np.finfo(dtype).eps ** 0.25 else None
