"""Starting factors, by name.

Each function takes X as `Data` and gives W (m x k) and H' (n x k) for the scaled X; X is only multiplied, never
copied or made dense.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ._threads import single_blas
from ._workspace import Workspace
from .data import Data

Random = np.random.Generator | np.random.RandomState
OVERSAMPLING = 10
POWER_ITERATIONS = 4


class Start(NamedTuple):
    """W and H' for X times 2**-sum(exponents).

    W times 2**exponents[0] and H times 2**exponents[1] are in units of X.
    """

    W: np.ndarray
    Ht: np.ndarray
    exponents: tuple[int, int]


def given(data: Data, W: np.ndarray, H: np.ndarray) -> Start:
    """Copies of given factors, brought to the scale of the data by powers of two, which change no digit."""
    high = H.max(initial=0)
    exponent = int(np.frexp(high)[1]) - 1 if high > 0 else 0
    exponents = data.exponent - exponent, exponent
    scaled = (
        np.ldexp(F, -e).astype(data.dtype, order="C", copy=False) for F, e in zip((W, H.T), exponents, strict=True)
    )
    return Start(*scaled, exponents)


def made(data: Data, name: str, k: int, rng: Random, workspace: Workspace) -> Start:
    """The start of that name; the scale of X is shared between the factors."""
    with single_blas():
        W, Ht = INITS[name](data, k, rng, workspace)
    half = data.exponent // 2
    return Start(*(np.ascontiguousarray(F, dtype=data.dtype) for F in (W, Ht)), (half, half))


def random(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """|N(0, 1)| entries, times the number that makes W H the best multiple of itself."""
    scale = np.sqrt(data.mean / k)
    W, Ht = (np.abs(rng.standard_normal((size, k))).astype(data.dtype) * data.dtype.type(scale) for size in data.shape)
    cross = workspace.inner(data.dot(Ht, np.empty_like(W)), W)
    square = float(np.sum(workspace.gram(W) * workspace.gram(Ht)))
    return (W * data.dtype.type(cross / square) if square > 0 else W), Ht


def svd(data: Data, k: int, rng: Random) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k largest singular triplets (U m x k, s, V n x k), by a randomized range finder with power iterations.

    Halko, Martinsson & Tropp 2011, doi:10.1137/090771806, algorithms 4.4 and 5.1.
    4 m n (k + OVERSAMPLING) (POWER_ITERATIONS + 1) flop.
    """
    m, n = data.shape
    size = min(k + OVERSAMPLING, m, n)
    P = rng.standard_normal((n, size)).astype(data.dtype)
    Y, Z = np.empty((m, size), data.dtype), np.empty((n, size), data.dtype)
    Q, _ = np.linalg.qr(data.dot(P, Y))
    for _ in range(POWER_ITERATIONS):
        P, _ = np.linalg.qr(data.T.dot(Q, Z))
        Q, _ = np.linalg.qr(data.dot(P, Y))
    V, s, small = np.linalg.svd(data.T.dot(Q, Z), full_matrices=False)
    return Q @ small[:k].T, s[:k], V[:, :k]


def nndsvd(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative double SVD (Boutsidis & Gallopoulos 2008, doi:10.1016/j.patcog.2007.09.010).

    The leading pair as it is; of each further one the larger of its positive and its negative part. That choice does
    not change with the sign of a pair, and of two equal parts it is the one that holds the first largest entry of u.
    """
    U, s, V = svd(data, k, rng)
    W, Ht = np.empty_like(U), np.empty_like(V)
    W[:, 0], Ht[:, 0] = np.sqrt(s[0]) * np.abs(U[:, 0]), np.sqrt(s[0]) * np.abs(V[:, 0])
    for t in range(1, k):
        sign = 1 if U[np.argmax(np.abs(U[:, t])), t] >= 0 else -1
        parts = [
            (np.maximum(sign * u, 0), np.maximum(sign * v, 0)) for u, v in ((U[:, t], V[:, t]), (-U[:, t], -V[:, t]))
        ]
        norms = [(np.linalg.norm(u), np.linalg.norm(v)) for u, v in parts]
        (u, v), (norm_u, norm_v) = max(zip(parts, norms, strict=True), key=lambda part: part[1][0] * part[1][1])
        size = np.sqrt(s[t] * norm_u * norm_v)
        W[:, t], Ht[:, t] = (size * u / norm_u, size * v / norm_v) if size > 0 else (0, 0)
    return W, Ht


def nndsvda(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """`nndsvd`, zeros filled with mean(X) / sqrt(max(X)).

    For max(X) = 1 that is the mean, as the paper has it; divided so, the start scales with X like the singular vectors.
    """
    return _filled(nndsvd(data, k, rng, workspace), lambda size: _mean(data))


def nndsvdar(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """`nndsvd`, zeros filled with a hundredth of |N(0, 1)| times what `nndsvda` fills in."""
    return _filled(nndsvd(data, k, rng, workspace), lambda size: _mean(data) * np.abs(rng.standard_normal(size)) / 100)


def _mean(data: Data) -> float:
    return data.mean / data.largest**0.5 if data.largest > 0 else 0.0


def _filled(factors: tuple[np.ndarray, np.ndarray], fill: Callable) -> tuple[np.ndarray, np.ndarray]:
    for F in factors:
        zeros = F == 0
        F[zeros] = fill(int(np.count_nonzero(zeros)))
    return factors


INITS = {function.__name__: function for function in (random, nndsvd, nndsvda, nndsvdar)}
