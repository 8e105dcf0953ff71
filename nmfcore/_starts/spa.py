"""Separable X ~ W H, where the rows of H are rows of X: which rows, and W."""

import numpy as np

from .._runtime import Workspace
from ..data import Data

BLOCK = 1 << 20  # entries of dense rows that exist at a time
SWEEPS = 100  # over W, between two looks at whether it still moves
ROUND_OFF = 8  # machine epsilons, for each component and for the root of the length of a row


def successive_projections(data: Data, k: int, normalize: bool) -> np.ndarray:
    """The indices of k rows, each the one farthest from the span of those before (Araujo et al. 2001).

    With `normalize` the rows of X are divided by their sums first. Fewer than k come back where all other rows lie in
    the span of those, to round-off. Norms that are equal to half their digits are a tie, which the first row wins.
    2 m n k flop; a residual exists for a row whose norm has lost half its digits, and only while it may be the largest.
    """
    m, n = data.shape
    k = min(k, m, n)
    eps = float(np.finfo(data.dtype).eps)
    half, least = np.sqrt(eps), (ROUND_OFF * eps * (k + np.sqrt(n))) ** 2
    weights = _inverse_row_sums(data) if normalize else np.ones(m)
    start = data.squared_row_norms(weights)
    norms, computed = start.copy(), start.copy()  # squares: now, and as they were last computed from the row itself
    basis, chosen = np.empty((k, n)), []
    for t, q in enumerate(basis):
        bound = half * computed
        lost = norms < bound
        doubtful = np.flatnonzero(lost & (bound >= norms.max(where=~lost, initial=0)))
        fresh = _squared_residuals(data, weights, doubtful, basis[:t])
        norms[doubtful] = computed[doubtful] = np.where(fresh > least * start[doubtful], fresh, 0)
        if not norms.any():
            break
        row = int(np.argmax(norms >= (1 - half) * norms.max()))
        chosen.append(row)
        q[:] = data.take([row])[0] * weights[row]
        for _ in range(2):  # twice is enough
            q -= (basis[:t] @ q) @ basis[:t]
        q /= np.linalg.norm(q)
        along = data.dot(q.astype(data.dtype)[:, None], np.empty((m, 1), data.dtype))[:, 0] * weights
        norms = np.maximum(norms - along**2, 0)
        norms[row] = computed[row] = 0
    return np.array(chosen, dtype=np.intp)


def _inverse_row_sums(data: Data) -> np.ndarray:
    """One over the sum of each row, 0 for a row of zeros."""
    m, n = data.shape
    sums = data.dot(np.ones((n, 1), data.dtype), np.empty((m, 1), data.dtype))[:, 0].astype(np.float64)
    return np.divide(1, sums, out=np.zeros(m), where=sums >= np.finfo(data.dtype).tiny)


def _squared_residuals(data: Data, weights: np.ndarray, rows: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """||x - basis' basis x||^2 for x = weights_i x_i, the rows i given, by blocks of them."""
    step = max(1, BLOCK // data.shape[1])
    out = np.empty(len(rows))
    for i in range(0, len(rows), step):
        part = rows[i : i + step]
        residual = data.take(part) * weights[part, None]
        residual -= (residual @ basis.T) @ basis
        out[i : i + step] = np.einsum("ij,ij->i", residual, residual)
    return out


def solve_coordinates(data: Data, Ht: np.ndarray, G: np.ndarray, workspace: Workspace, rounds: int) -> tuple:
    """W >= 0 that minimises ||X - W H||, and C = X H', for H of full rank and G = H H'.

    Rows whose least-squares solution has no negative entry beyond its round-off keep it: its error grows with the
    condition of H, not with the square of that. For the others coordinate descent, SWEEPS at a time, until those move
    W by its round-off.
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
