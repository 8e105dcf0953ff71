"""The starts of archetypal analysis: k rows of X as archetypes."""

from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np

from .._checks import Random
from .problem import ArchetypalProblem
from .simplex import fit_rows

EXCHANGES = 10  # of furthest sum, after the k rows are chosen
ROUND_OFF = 64  # machine epsilons for each archetype, below which a squared distance counts as 0


def hull_distances(problem: ArchetypalProblem, rows: np.ndarray, W: np.ndarray) -> np.ndarray:
    """The squared distance of each row of X to the convex hull of the given ones; round-off becomes 0.

    W is updated in place: it holds the nearest points of the hull as mixtures of the given rows.
    """
    Zt = np.ascontiguousarray(problem.data.take(rows).T)
    C = problem.data.dot(Zt, np.empty_like(W))
    G = Zt.T.astype(np.float64) @ Zt.astype(np.float64)
    squared = problem.squares + fit_rows(problem.workspace, G, C, W)
    eps = float(np.finfo(problem.data.dtype).eps)
    return np.where(squared > ROUND_OFF * eps * len(rows) * (problem.squares + G.max()), squared, 0)


def draw_plus_plus(problem: ArchetypalProblem, rng: Random) -> np.ndarray:
    """Rows drawn one after the other, with probability proportional to their loss from the hull of those already drawn.

    The method is archetypal analysis++ of Mair & Sjolund (2023).
    """
    m, k = problem.data.shape[0], problem.k
    rows = [_draw_row(problem.weight_rows(np.ones(m)), rng)]
    W = np.ones((m, 1), problem.data.dtype)
    while len(rows) < k:
        chances = problem.weight_rows(problem.losses(hull_distances(problem, np.array(rows), W)))
        if not chances.any():
            break
        rows.append(_draw_row(chances, rng))
        W = np.hstack([W, np.zeros((m, 1), W.dtype)])
    return np.resize(rows, k)


def draw_furthest_sum(problem: ArchetypalProblem, rng: Random) -> np.ndarray:
    """Rows one after the other, each with the largest sum of distances to those before (Morup & Hansen 2012).

    The first one is drawn. In the end the oldest row is replaced in the same way, EXCHANGES times.
    """
    m, k = problem.data.shape[0], problem.k
    rows = [_draw_row(problem.weight_rows(np.ones(m)), rng)]
    distances = [_distances_to_row(problem, rows[0])]
    for step in range(1, min(k, m) + EXCHANGES):
        if step >= min(k, m):
            rows.pop(0)
            distances.pop(0)
        total = np.sum(distances, axis=0) if distances else np.ones(m)
        total[rows] = -1
        rows.append(int(np.argmax(total)))
        distances.append(_distances_to_row(problem, rows[-1]))
    return np.resize(rows, k)


def draw_uniformly(problem: ArchetypalProblem, rng: Random) -> np.ndarray:
    """Rows drawn with equal probability, no row twice while there are others."""
    m, k = problem.data.shape[0], problem.k
    return np.resize(rng.permutation(m)[:k], k)


def _distances_to_row(problem: ArchetypalProblem, row: int) -> np.ndarray:
    """The distances of all rows of X to one of them."""
    point = problem.data.take([row])
    products = problem.data.dot(np.ascontiguousarray(point.T), np.empty((problem.data.shape[0], 1), point.dtype))[:, 0]
    return np.sqrt(np.maximum(problem.squares - 2 * products.astype(np.float64) + problem.squares[row], 0))


def _draw_row(chances: np.ndarray, rng: Random) -> int:
    """A row with a chance > 0; the chances need not sum to 1."""
    sums = np.cumsum(chances)
    row = np.searchsorted(sums, rng.random() * sums[-1], side="right")
    return int(min(row, np.flatnonzero(chances)[-1]))  # the product can be rounded up to the sum


STARTS: dict[str, tuple[Callable[[ArchetypalProblem, Random], np.ndarray], ...]] = {  # the starts of fits in turn
    "auto": (draw_furthest_sum, draw_plus_plus),
    "aa++": (draw_plus_plus,),
    "furthest_sum": (draw_furthest_sum,),
    "random": (draw_uniformly,),
}


def draw_starts(
    problem: ArchetypalProblem, draws: tuple[Callable[[ArchetypalProblem, Random], np.ndarray], ...], rng: Random
) -> Iterator[np.ndarray]:
    """Starts without end, by each of these functions in turn."""
    for draw in cycle(draws):
        yield draw(problem, rng)
