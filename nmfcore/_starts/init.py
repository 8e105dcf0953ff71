"""Starting factors by name, or from factors that the user gives.

Each function in `INITS` returns W (m x k) and H' (n x k) for the scaled X. X is only multiplied, never copied or
converted to a dense array. BLAS runs on one thread here, and nothing after the start calls it: after a threaded product
the idle threads of OpenBLAS spin for 130 ms and slow the next fit.
"""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .._checks import InputError, Random
from .._runtime import Workspace, single_blas
from ..data import Data, is_unweighted
from ..penalties import ORTHANT, Domain
from .singular import START_EFFORT, singular_triplets
from .spa import solve_coordinates, successive_projections


class Start(NamedTuple):
    """W and H' for the scaled X.

    For X itself, component t of W is multiplied by 2**exponents[0][t], component t of H by 2**exponents[1][t].
    """

    W: np.ndarray
    Ht: np.ndarray
    exponents: tuple[np.ndarray, np.ndarray]


def from_factors(data: Data, W: np.ndarray, H: np.ndarray, one_scale: bool = False) -> Start:
    """Copy given factors and scale them to the scaled X, each component by its own power of two unless `one_scale`.

    The powers of two change no digit, and HALS does not depend on them.
    """
    of_H = np.frexp(H.max(axis=1))[1]
    of_H = np.full_like(of_H, of_H.max()) if one_scale else of_H
    exponents = data.measures.exponent - of_H, of_H
    with np.errstate(over="ignore", under="ignore"):
        W, Ht = (np.ldexp(F, -e) for F, e in zip((W, H.T), exponents, strict=True))
    return Start(_contiguous(W, data), _contiguous(Ht, data), exponents)


def _contiguous(F: np.ndarray, data: Data) -> np.ndarray:
    return F.astype(data.dtype, order="C", copy=False)


def build_start(data: Data, name: str, k: int, rng: Random, workspace: Workspace, of_H: int | None = None) -> Start:
    """Compute the start of that name; the scale of X is shared equally between the factors, or H gets 2**of_H of it."""
    with contextlib.nullcontext() if name == "random" else single_blas():  # the limit takes a millisecond to set
        W, Ht = INITS[name](data, k, rng, workspace)
    of_H = data.measures.exponent // 2 if of_H is None else of_H
    of_W, of_Ht = np.full(k, data.measures.exponent - of_H, np.intc), np.full(k, of_H, np.intc)
    return Start(_contiguous(W, data), _contiguous(Ht, data), (of_W, of_Ht))


def project_starts(
    start: Start, domains: tuple[Domain, Domain], fixed: tuple[bool, bool], workspace: Workspace
) -> None:
    """Move a start into the domains of its factors, in place.

    The number by which this divides one factor multiplies the other one, if that is neither fixed nor constrained.
    """
    factors = start.W, start.Ht
    divided = [domain.project_start(F, workspace) for domain, F in zip(domains, factors, strict=True)]
    for side in (0, 1):
        if domains[side] is ORTHANT and not fixed[side]:
            factors[side][:] *= np.asarray(divided[1 - side], factors[side].dtype)


def from_one_factor(data: Data, W: np.ndarray | None, H: np.ndarray | None) -> Start:
    """The start from one given factor, W or H: the other one is constant, such that W H has the sum of X."""
    if H is None:
        assert W is not None  # one of them is given
        fixed, rows = W, data.shape[1]
    else:
        fixed, rows = H.T, data.shape[0]
    exponent, k = int(np.frexp(fixed.max())[1]), fixed.shape[1]
    fixed = np.ldexp(fixed, -exponent).astype(data.dtype, order="C")
    total, size = float(np.sum(fixed, dtype=np.float64)), float(data.shape[0]) * data.shape[1]
    level = np.full((rows, k), data.measures.mean * size / (rows * total) if total > 0 else 1.0, dtype=data.dtype)
    of_level, of_fixed = (np.full(k, e, np.intc) for e in (data.measures.exponent - exponent, exponent))
    if H is None:
        return Start(fixed, level, (of_fixed, of_level))
    return Start(level, fixed, (of_level, of_fixed))


def random(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """Entries |N(0, 1)|, times the number for which W H is nearest to X."""
    scale = np.sqrt(data.measures.mean / k)
    W, Ht = (np.abs(rng.standard_normal((size, k))).astype(data.dtype) * data.dtype.type(scale) for size in data.shape)
    cross = workspace.inner(data.dot(Ht, np.empty_like(W)), W)
    if data.weighted:
        num, den = np.empty_like(W), np.empty_like(W)
        data.split_step(W, Ht, "beta", 2.0, num, den, False)  # den = (Omega o (W H)) H'
        square = workspace.inner(W, den)
    else:
        square = float(np.sum(workspace.gram(W) * workspace.gram(Ht)))
    return (W * data.dtype.type(cross / square) if square > 0 else W), Ht


def nndsvd(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative double SVD (Boutsidis & Gallopoulos 2008, doi:10.1016/j.patcog.2007.09.010).

    The absolute values of the leading pair of singular vectors; of each further pair the positive or the negative
    parts, whichever have the larger product of norms. If the products agree to half their digits, the positive parts
    are taken, so that round-off does not decide. The sign of a pair is such that u is positive at its first largest
    entry.
    """
    U, s, V = singular_triplets(data, k, rng, workspace, START_EFFORT)
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
    """The positive parts of (sign u, sign v), each divided by its norm, and the product of the norms."""
    u, v = np.maximum(sign * u, 0), np.maximum(sign * v, 0)
    norms = np.linalg.norm(u), np.linalg.norm(v)
    return u / (norms[0] or 1), v / (norms[1] or 1), float(norms[0] * norms[1])


def nndsvda(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """`nndsvd` with zeros set to mean(X) / sqrt(max(X)).

    For max(X) = 1 this is the mean, as in the paper. The division makes the start scale with X as the singular vectors
    do.
    """
    return _fill_zeros(nndsvd(data, k, rng, workspace), lambda size: _mean(data))


def nndsvdar(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """`nndsvd` with zeros set to the value of `nndsvda` times |N(0, 1)| / 100."""
    return _fill_zeros(
        nndsvd(data, k, rng, workspace), lambda size: _mean(data) * np.abs(rng.standard_normal(size)) / 100
    )


def _mean(data: Data) -> float:
    return data.measures.mean / data.measures.largest**0.5 if data.measures.largest > 0 else 0.0


def _fill_zeros(factors: tuple[np.ndarray, np.ndarray], fill: Callable) -> tuple[np.ndarray, np.ndarray]:
    for F in factors:
        zeros = F == 0
        F[zeros] = fill(int(np.count_nonzero(zeros)))
    return factors


def spa(data: Data, k: int, rng: Random, workspace: Workspace) -> tuple[np.ndarray, np.ndarray]:
    """H from k rows of X by successive projections, W by least squares; see `nmfcore.separable`.

    Fewer than k components if X has fewer than k independent rows; `check_independent` refuses these.
    """
    assert is_unweighted(data)  # the checks refuse this start for weighted X
    rows = successive_projections(data, k, normalize=True)
    Ht = np.ascontiguousarray(data.take(rows).T)
    if len(rows) < k:
        return np.empty((data.shape[0], len(rows))), Ht
    return solve_coordinates(data, Ht, workspace.gram(Ht), workspace, rounds=1)[0], Ht


INITS = {function.__name__: function for function in (random, nndsvd, nndsvda, nndsvdar, spa)}


def check_independent(rows: int, k: int) -> None:
    """Refuse k if X has fewer than k independent rows."""
    if rows < k:
        raise InputError(f"k is {k}, but X has only {rows} linearly independent rows, to round-off; wanted k <= {rows}")
