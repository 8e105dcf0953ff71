"""The kernels of least squares over the simplex with the memory and the threads of a `Workspace`."""

import numpy as np

from .._core import kernels
from .._runtime import FLOAT64, INT32, Workspace, parts

TASK_ROWS = 128  # of `_core.kernels.simplex_rows`


def constant(G: np.ndarray) -> float:
    """What is added to all entries of G, which on the simplex changes nothing: as large as its diagonal."""
    return float(np.diagonal(G).mean()) or 1.0


def fit_rows(workspace: Workspace, G: np.ndarray, C: np.ndarray, F: np.ndarray) -> np.ndarray:
    """F in place, f G f' - 2 f c least over the simplex for each of its rows; returns those values."""
    rows, k = F.shape
    values, flop = np.empty(rows), 4 * k**2 + k**3 / 3  # a system and two steps from it
    for part in parts(rows, flop, TASK_ROWS):
        threads = workspace.threads(flop * len(F[part]))
        size, marks = kernels.simplex_scratch(k, threads)
        scratch = workspace.reserve(size, FLOAT64), workspace.reserve(marks, INT32)
        kernels.simplex_rows(G, C[part], F[part], constant(G), values[part], *scratch, threads)
    return values


def fit_blocks(
    workspace: Workspace, Q: np.ndarray, G: np.ndarray, E: np.ndarray, B: np.ndarray, sweeps: int
) -> np.ndarray:
    """B in place, 1/2 tr(Q B G B') - tr(E B') less by sweeps over its rows, each over the simplex; returns B."""
    size, marks = kernels.simplex_scratch(B.shape[1], 1)
    scratch = workspace.reserve(size, FLOAT64), workspace.reserve(marks, INT32)
    kernels.simplex_blocks(Q, G, E, B, B @ G, constant(G), sweeps, *scratch)
    return B


def column_minima(workspace: Workspace, M: np.ndarray, inner: float, outer: float) -> tuple[np.ndarray, np.ndarray]:
    """The least of inner v (v >= 0) and outer v (v < 0) in each column of M, and the first row where it is."""
    values, rows = np.empty(M.shape[1]), np.empty(M.shape[1], np.int64)
    kernels.column_minima(M, inner, outer, values, rows, workspace.threads(3 * M.size))
    return values, rows
