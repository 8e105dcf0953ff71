"""The rank at which the residual bends: a rule for what is otherwise looked at."""

import numpy as np

from ._rank_choice import column
from ._rank_fits import Scores, Task, ensemble
from ._singular import ACCURATE, singular_triplets
from ._threads import single_blas


def scores(task: Task) -> Scores:
    """The relative error of the best of some fits of each rank, and the least that any matrix of that rank has."""
    fits, data = ensemble(task), task.problem.data
    score = np.array([fits.best(k).relative_error for k in task.ranks])
    spread = column([fits.relative_errors(k) for k in task.ranks], axis=1)[1]
    at, depth = elbow(np.array(task.ranks, dtype=np.float64), score)
    with single_blas():
        s = singular_triplets(data, task.ranks[-1], task.rng, task.problem.workspace, ACCURATE)[1].astype(np.float64)
    norm = data.measures.squared_norm
    floor = np.sqrt(np.maximum(0, 1 - np.cumsum(s**2) / norm)) if norm > 0 else np.zeros_like(s)
    floor = floor[np.array(task.ranks) - 1]
    said = (
        f"the relative error, {score[at]:.4g} beside {floor[at]:.4g} for the best matrix of that rank, lies furthest "
        f"below the line from the first rank to the last, by {depth:.2g} of its fall"
    )
    return Scores(task.ranks[at], score, spread, said, {"floor": floor})


def elbow(ranks: np.ndarray, error: np.ndarray) -> tuple[int, float]:
    """Where the error is furthest below the chord, both axes going from 0 to 1 (Satopaa et al. 2011), and how far."""
    x = (ranks - ranks[0]) / (ranks[-1] - ranks[0])
    fall = error[0] - error[-1]
    y = (error - error[-1]) / fall if fall > 0 else 1 - x
    below = 1 - x - y
    at = int(np.argmax(below))
    return at, float(below[at])
