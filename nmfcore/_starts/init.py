"""Starting factors, by name.

Each function takes X as `Data` and gives W (m x k) and H' (n x k) for the scaled X; X is only multiplied, never
copied or made dense.
"""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._checks import InputError, Random
from .._runtime import Workspace, single_blas
from ..data import Data
from ..penalties import ORTHANT, Domain
from .singular import START, singular_triplets
from .spa import solve_coordinates, successive_projections


class Start(NamedTuple):
    """W and H' for the scaled X; for X, component t of W and H is multiplied by 2**exponents[0][t] and [1][t]."""

    W: np.ndarray
    Ht: np.ndarray
    exponents: tuple[np.ndarray, np.ndarray]


def from_factors(data: Data, W: np.ndarray, H: np.ndarray, together: bool = False) -> Start:
    """Copies of given factors, component by component, or all of them `together`, brought to the scale of the data.

    The powers of two change no digit, and HALS does the same whatever they are.
    """
    of_H = np.frexp(H.max(axis=1))[1]
    of_H = np.full_like(of_H, of_H.max()) if together else of_H
    exponents = data.measures.exponent - of_H, of_H
    with np.errstate(over="ignore", under="ignore"):
        W, Ht = (np.ldexp(F, -e) for F, e in zip((W, H.T), exponents, strict=True))
    return Start(*(F.astype(data.dtype, order="C", copy=False) for F in (W, Ht)), exponents)


def build_start(data: Data, name: str, k: int, rng: Random, workspace: Workspace, of_H: int | None = None) -> Start:
    """The start of that name; the scale of X is shared between the factors, or 2**of_H of it is that of H."""
    with contextlib.nullcontext() if name == "random" else single_blas():  # which takes a millisecond
        W, Ht = INITS[name](data, k, rng, workspace)
    of_H = data.measures.exponent // 2 if of_H is None else of_H
    exponents = np.full(k, data.measures.exponent - of_H), np.full(k, of_H)
    return Start(*(np.ascontiguousarray(F, dtype=data.dtype) for F in (W, Ht)), exponents)


def project_starts(
    start: Start, domains: tuple[Domain, Domain], fixed: tuple[bool, bool], workspace: Workspace
) -> None:
    """Bring a start into the sets of its factors, in place.

    What that divided one factor by multiplies the other one, if that is free.
    """
    factors = start.W, start.Ht
    divided = [domain.project_start(F, workspace) for domain, F in zip(domains, factors, strict=True)]
    for side in (0, 1):
        if domains[side] is ORTHANT and not fixed[side]:
            factors[side][:] *= np.asarray(divided[1 - side], factors[side].dtype)


def from_one_factor(data: Data, W: np.ndarray | None, H: np.ndarray | None) -> Start:
    """The start beside one given factor: all entries of the other one the same, so that the model has the sum of X."""
    given, rows = (W, data.shape[1]) if H is None else (H.T, data.shape[0])
    exponent, k = int(np.frexp(given.max())[1]), given.shape[1]
    given = np.ldexp(given, -exponent).astype(data.dtype, order="C")
    total, size = float(np.sum(given, dtype=np.float64)), float(data.shape[0]) * data.shape[1]
    level = np.full((rows, k), data.measures.mean * size / (rows * total) if total > 0 else 1.0, dtype=data.dtype)
    exponents = np.full(k, data.measures.exponent - exponent), np.full(k, exponent)
    return Start(given, level, exponents[::-1]) if H is None else Start(level, given, exponents)


def random(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """|N(0, 1)| entries, times the number that makes W H the best multiple of itself."""
    scale = np.sqrt(data.measures.mean / k)
    W, Ht = (np.abs(rng.standard_normal((size, k))).astype(data.dtype) * data.dtype.type(scale) for size in data.shape)
    cross = workspace.inner(data.dot(Ht, np.empty_like(W)), W)
    if data.weighted:
        square = data.squared_residual(W, Ht) - data.measures.squared_norm + 2 * cross
    else:
        square = float(np.sum(workspace.gram(W) * workspace.gram(Ht)))
    return (W * data.dtype.type(cross / square) if square > 0 else W), Ht


def nndsvd(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative double SVD (Boutsidis & Gallopoulos 2008, doi:10.1016/j.patcog.2007.09.010).

    The leading pair as it is; of each further one the positive or the negative part, whichever has the larger product
    of norms. Ties are decided to half the digits, so that round-off does not decide them: of equal parts the positive
    one is taken, which holds the first of the largest entries of u.
    """
    U, s, V = singular_triplets(data, k, rng, workspace, START)
    W, Ht = np.empty_like(U), np.empty_like(V)
    W[:, 0], Ht[:, 0] = np.sqrt(s[0]) * np.abs(U[:, 0]), np.sqrt(s[0]) * np.abs(V[:, 0])
    almost = 1 - np.sqrt(np.finfo(U.dtype).eps)
    for t in range(1, k):
        u, v, norms = _part(U[:, t], V[:, t], 1)
        u_other, v_other, norms_other = _part(U[:, t], V[:, t], -1)
        if almost * norms_other > norms:
            u, v, norms = u_other, v_other, norms_other
        W[:, t], Ht[:, t] = np.sqrt(s[t] * norms) * u, np.sqrt(s[t] * norms) * v
    return W, Ht


def _part(u: np.ndarray, v: np.ndarray, sign: int) -> tuple[np.ndarray, np.ndarray, float]:
    """The positive parts of a pair times sign, both of norm 1, and the product of their norms."""
    u, v = np.maximum(sign * u, 0), np.maximum(sign * v, 0)
    norms = np.linalg.norm(u), np.linalg.norm(v)
    return u / (norms[0] or 1), v / (norms[1] or 1), norms[0] * norms[1]


def nndsvda(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """`nndsvd`, zeros filled with mean(X) / sqrt(max(X)).

    For max(X) = 1 that is the mean, as the paper has it; divided so, the start scales with X like the singular vectors.
    """
    return _filled(nndsvd(data, k, rng, workspace), lambda size: _mean(data))


def nndsvdar(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """`nndsvd`, zeros filled with a hundredth of |N(0, 1)| times what `nndsvda` fills in."""
    return _filled(nndsvd(data, k, rng, workspace), lambda size: _mean(data) * np.abs(rng.standard_normal(size)) / 100)


def _mean(data: Data) -> float:
    return data.measures.mean / data.measures.largest**0.5 if data.measures.largest > 0 else 0.0


def _filled(factors: tuple[np.ndarray, np.ndarray], fill: Callable) -> tuple[np.ndarray, np.ndarray]:
    for F in factors:
        zeros = F == 0
        F[zeros] = fill(int(np.count_nonzero(zeros)))
    return factors


def spa(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """H: rows of X by successive projections, W: least squares; see `nmfcore.separable`.

    Fewer than k components where X has no k independent rows, which `_check` refuses.
    """
    rows = successive_projections(data, k, normalize=True)
    Ht = np.ascontiguousarray(data.take(rows).T)
    if len(rows) < k:
        return np.empty((data.shape[0], len(rows))), Ht
    return solve_coordinates(data, Ht, workspace.gram(Ht), workspace, rounds=1)[0], Ht


INITS = {function.__name__: function for function in (random, nndsvd, nndsvda, nndsvdar, spa)}


def check_independent(rows: int, k: int) -> None:
    """Refuse more components than X has independent rows, where those are to be the components."""
    if rows < k:
        raise InputError(f"k is {k}, but X has only {rows} linearly independent rows, to round-off; wanted k <= {rows}")
