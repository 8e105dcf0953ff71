"""Where archetypal analysis starts: k rows of X."""

import numpy as np

from .._checks import Random
from .fit import ArchetypalProblem
from .simplex import fit_rows

EXCHANGES = 10  # of furthest sum, after the k rows are found
ROUND_OFF = 64  # machine epsilons, for each archetype: what a squared distance may be off


def hull_distances(problem: ArchetypalProblem, rows: np.ndarray, W: np.ndarray) -> np.ndarray:
    """The squared distance of each row of X to the convex hull of those, 0 to round-off; W is where it is nearest."""
    Zt = np.ascontiguousarray(problem.data.take(rows).T)
    C = problem.data.dot(Zt, np.empty_like(W))
    G = Zt.T.astype(np.float64) @ Zt.astype(np.float64)
    found = problem.squares + fit_rows(problem.workspace, G, C, W)
    eps = float(np.finfo(problem.data.dtype).eps)
    return np.where(found > ROUND_OFF * eps * len(rows) * (problem.squares + G.max()), found, 0)


def plus_plus(problem: ArchetypalProblem, rng: Random) -> np.ndarray:
    """Row after row, drawn by its loss beside the hull of those before (Mair & Sjolund 2023)."""
    m, k = problem.data.shape[0], problem.k
    rows = [_draw(problem.weighed(np.ones(m)), rng)]
    W = np.ones((m, 1), problem.data.dtype)
    while len(rows) < k:
        chances = problem.weighed(problem.losses(hull_distances(problem, np.array(rows), W)))
        if not chances.any():
            break
        rows.append(_draw(chances, rng))
        W = np.hstack([W, np.zeros((m, 1), W.dtype)])
    return np.resize(rows, k)


def furthest_sum(problem: ArchetypalProblem, rng: Random) -> np.ndarray:
    """Row after row, the one whose distances to those before have the largest sum (Morup & Hansen 2012).

    Then EXCHANGES times the oldest of them is given back, the first one having been drawn.
    """
    m, k = problem.data.shape[0], problem.k
    rows = [_draw(problem.weighed(np.ones(m)), rng)]
    distances = [_distances(problem, rows[0])]
    for step in range(1, min(k, m) + EXCHANGES):
        if step >= min(k, m):
            rows.pop(0)
            distances.pop(0)
        total = np.sum(distances, axis=0) if distances else np.ones(m)
        total[rows] = -1
        rows.append(int(np.argmax(total)))
        distances.append(_distances(problem, rows[-1]))
    return np.resize(rows, k)


def drawn(problem: ArchetypalProblem, rng: Random) -> np.ndarray:
    """Rows by chance, none twice while there are others."""
    m, k = problem.data.shape[0], problem.k
    return np.resize(rng.permutation(m)[:k], k)


def _distances(problem: ArchetypalProblem, row: int) -> np.ndarray:
    """Of all rows of X to one of them."""
    point = problem.data.take([row])
    along = problem.data.dot(np.ascontiguousarray(point.T), np.empty((problem.data.shape[0], 1), point.dtype))[:, 0]
    return np.sqrt(np.maximum(problem.squares - 2 * along.astype(np.float64) + problem.squares[row], 0))


def _draw(chances: np.ndarray, rng: Random) -> int:
    """A row, with these chances times what makes them 1."""
    sums = np.cumsum(chances)
    return int(np.searchsorted(sums, rng.random() * sums[-1], side="right"))


STARTS = {"aa++": plus_plus, "furthest_sum": furthest_sum, "random": drawn}
