"""The kernels of least squares over the simplex, with the memory and the threads of a `Workspace`.

They are active set methods whose Cholesky factor grows by one row. A constant is added to the Gram matrix; on the
simplex it changes nothing, and it makes any affinely independent points definite. A row that starts from its passive
set of the iteration before mostly takes one system: 10 000 rows of k = 8 took 3 ms on two threads, and 19 ms without
such a start.
"""

import numpy as np

from .._core import kernels
from .._runtime import FLOAT64, INT32, Workspace, parts

TASK_ROWS = 128  # of `_core.kernels.simplex_rows`


def constant_term(G: np.ndarray) -> float:
    """The constant that is added to all entries of G: the mean of its diagonal."""
    return float(np.diagonal(G).mean()) or 1.0


def fit_rows(workspace: Workspace, G: np.ndarray, C: np.ndarray, F: np.ndarray) -> np.ndarray:
    """Minimise f G f' - 2 f c over the simplex for each row f of F, in place; returns the minima."""
    rows, k = F.shape
    values, flop = np.empty(rows), 4 * k**2 + k**3 / 3  # a system and two steps from it
    for part in parts(rows, flop, TASK_ROWS):
        threads = workspace.threads(flop * len(F[part]))
        size, marks = kernels.simplex_scratch(k, threads)
        scratch = workspace.reserve(size, FLOAT64), workspace.reserve(marks, INT32)
        kernels.simplex_rows(G, C[part], F[part], constant_term(G), values[part], *scratch, threads)
    return values


def fit_blocks(
    workspace: Workspace, Q: np.ndarray, G: np.ndarray, E: np.ndarray, B: np.ndarray, sweeps: int
) -> np.ndarray:
    """Lower 1/2 tr(Q B G B') - tr(E B') by sweeps over the rows of B in place, each in the simplex; returns B."""
    size, marks = kernels.simplex_scratch(B.shape[1], 1)
    scratch = workspace.reserve(size, FLOAT64), workspace.reserve(marks, INT32)
    kernels.simplex_blocks(Q, G, E, B, B @ G, constant_term(G), sweeps, *scratch)
    return B


def column_minima(workspace: Workspace, M: np.ndarray, inner: float, outer: float) -> tuple[np.ndarray, np.ndarray]:
    """The minimum over each column of M of inner v (v >= 0) or outer v (v < 0), and the first row that has it."""
    values, rows = np.empty(M.shape[1]), np.empty(M.shape[1], np.int64)
    kernels.column_minima(M, inner, outer, values, rows, workspace.threads(3 * M.size))
    return values, rows
