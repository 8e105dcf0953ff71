"""Separable X ~ W H, in which the rows of H are rows of X: the choice of the rows, and W.

No residual is stored. The norms of the residuals of the rows follow from the previous ones by Pythagoras, with one
product of X and a vector for each component, so sparse X stays sparse. A squared norm that has lost half of its digits
is computed again from the row, but only if that row may be the largest. If the result is below round-off it is set to
0, which detects the rank of X. A row is compared with itself, not with the longest one, so that short rows count if
rows are not divided by their sums.
"""

import numpy as np

from .._runtime import Workspace
from ..data import UnweightedData

BLOCK = 1 << 20  # entries of dense rows that are in memory at a time
SWEEPS = 100  # over W between two tests of convergence
LEAST_EXPONENT = -1000  # of 2: the inverse is within the range of float64
LARGE = 1 << 14  # an exponent of 2 beyond those of all numbers
ROUND_OFF = 8  # machine epsilons for each component and for the root of the length of a row


def successive_projections(data: UnweightedData, k: int, normalize: bool) -> np.ndarray:
    """The indices of k rows, each the farthest from the span of those before it (Araujo et al. 2001).

    With `normalize` the rows of X are first divided by their sums. Fewer than k rows are returned if all others lie in
    their span, to round-off. If norms agree to half their digits, the first row is taken. 2 m n k flop.
    """
    m, n = data.shape
    k = min(k, m, n)
    eps = float(np.finfo(data.dtype).eps)
    half, least = np.sqrt(eps), (ROUND_OFF * eps * (k + np.sqrt(n))) ** 2
    weights, exponents = _row_weights(data, normalize)
    start = data.squared_row_norms(weights)
    norms, computed = start.copy(), start.copy()  # squared: current, and when last computed from the row itself
    basis, chosen = np.empty((k, n)), []
    for t, q in enumerate(basis):
        lost = norms < half * computed
        now, bound = _in_one_unit(np.stack([norms, half * computed]), exponents)
        doubtful = np.flatnonzero(lost & (bound >= now.max(where=~lost, initial=0)))
        fresh = _squared_residuals(data, weights, doubtful, basis[:t])
        norms[doubtful] = computed[doubtful] = np.where(fresh > least * start[doubtful], fresh, 0)
        if not norms.any():
            break
        now = _in_one_unit(norms, exponents)
        row = int(np.argmax(now >= (1 - half) * now.max()))
        chosen.append(row)
        q[:] = data.take([row])[0] * weights[row]
        for _ in range(2):  # twice, to be orthogonal to round-off
            q -= (basis[:t] @ q) @ basis[:t]
        q /= np.linalg.norm(q)
        along = data.dot(q.astype(data.dtype)[:, None], np.empty((m, 1), data.dtype))[:, 0] * weights
        norms = np.maximum(norms - along**2, 0)
        norms[row] = computed[row] = 0
    return np.array(chosen, dtype=np.intp)


def _row_weights(data: UnweightedData, normalize: bool) -> tuple[np.ndarray, np.ndarray]:
    """A weight for each row, 0 for a row of zeros, and the exponents of 2 of the lengths of the rows times weights.

    The weight is the inverse of the sum of the row. Without `normalize` it is a power of two near to that, so that the
    squares of short rows do not underflow, and the exponent restores the length.
    """
    m, n = data.shape
    sums = data.dot(np.ones((n, 1), data.dtype), np.empty((m, 1), data.dtype))[:, 0].astype(np.float64)
    if normalize:
        weights = np.divide(1, sums, out=np.zeros(m), where=sums >= np.finfo(data.dtype).tiny)
        return weights, np.zeros(m, np.int32)
    exponents = np.maximum(np.frexp(sums)[1], LEAST_EXPONENT)
    return np.where(sums > 0, np.ldexp(1.0, -exponents), 0.0), exponents


@np.errstate(under="ignore")
def _in_one_unit(squares: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Squared lengths times 4**exponents, divided by the power of two that brings the largest one near 1."""
    exponents_of_squares = np.frexp(squares)[1] + 2 * exponents
    return np.ldexp(squares, 2 * exponents - exponents_of_squares.max(where=squares > 0, initial=-LARGE))


def _squared_residuals(data: UnweightedData, weights: np.ndarray, rows: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """||x - basis' basis x||^2 for the rows x = weights_i x_i with i in rows, in blocks."""
    step = max(1, BLOCK // data.shape[1])
    out = np.empty(len(rows))
    for i in range(0, len(rows), step):
        part = rows[i : i + step]
        residual = data.take(part) * weights[part, None]
        residual -= (residual @ basis.T) @ basis
        out[i : i + step] = np.einsum("ij,ij->i", residual, residual)
    return out


def solve_coordinates(data: UnweightedData, Ht: np.ndarray, G: np.ndarray, workspace: Workspace, rounds: int) -> tuple:
    """W >= 0 that minimises ||X - W H||, and C = X H', for H of full rank and G = H H'.

    A row whose unconstrained solution has no negative entries, to round-off, keeps that solution: its error grows with
    the condition number of H, not with the square of it. The other rows are solved by coordinate descent, at most
    rounds times SWEEPS sweeps, until W changes by its round-off only.
    """
    eps = float(np.finfo(data.dtype).eps)
    Q, R = np.linalg.qr(Ht.astype(np.float64))
    inverse = np.linalg.inv(R)
    C = np.empty((data.shape[0], Ht.shape[1]), data.dtype)
    P = data.dot(Q.astype(data.dtype), C)
    free = P @ inverse.T
    round_off = ROUND_OFF * eps * np.outer(np.abs(P).sum(axis=1), np.abs(inverse).max(axis=1))
    left = np.flatnonzero((free < -round_off).any(axis=1))
    W = np.ascontiguousarray(np.maximum(free, 0), data.dtype)
    C = data.dot(Ht, C)
    F, C_left = W[left], C[left]
    for _ in range(rounds if len(left) else 0):
        moved = workspace.sweep(G, C_left, F, SWEEPS, eps**2)
        if moved <= (ROUND_OFF * eps) ** 2 * float(np.diagonal(G) @ np.diagonal(workspace.gram(F))):
            break
    W[left] = F
    return W, C
