"""The rank at which the residual bends: a rule for what is otherwise looked at.

The ratio of falls is that of Ahn & Horenstein (2013, doi:10.3982/ECTA8968) for eigenvalues, here of the error itself.
"""

import numpy as np

from .._runtime import single_blas
from .._starts import ACCURATE, singular_triplets
from .choice import column
from .fits import Scores, Task, ensemble

LEAST_FALL = 0.1  # of the mean fall
EXACT = 1e-6  # by which a relative error must fall at all


def scores(task: Task) -> Scores:
    """The relative error of the best of some fits of each rank, and the least that any matrix of that rank has."""
    fits, data = ensemble(task), task.problem.data
    score = np.array([fits.best(k).relative_error for k in task.ranks])
    spread = column([fits.relative_errors(k) for k in task.ranks], axis=1)[1]
    at, ratio = elbow(np.array(task.ranks, dtype=np.float64), score)
    with single_blas():
        s = singular_triplets(data, task.ranks[-1], task.rng, task.problem.workspace, ACCURATE)[1].astype(np.float64)
    norm = data.measures.squared_norm
    floor = np.sqrt(np.maximum(0, 1 - np.cumsum(s**2) / norm)) if norm > 0 else np.zeros_like(s)
    floor = np.minimum(floor[np.array(task.ranks) - 1], score)  # its round-off is the square root of that of X
    how = f"the fall to it is {ratio:.2g} times the next one" if at else "it hardly falls any more"
    said = f"the relative error is {score[at]:.4g}, {floor[at]:.4g} for the best matrix of that rank, and {how}"
    return Scores(task.ranks[at], score, spread, said, {"floor": floor})


def elbow(ranks: np.ndarray, error: np.ndarray) -> tuple[int, float]:
    """The place of the rank to which the error falls most beside how it falls further, and the ratio of the two.

    Falls are those for a component. A larger rank is never worse, and what is less than `LEAST_FALL` of the mean fall
    counts as that. It is the first rank where all of them fit X, and never else.
    """
    fall = -np.diff(np.minimum.accumulate(error)) / np.diff(ranks)
    if error[0] - error.min() < EXACT:
        return 0, 1.0
    fall = np.maximum(fall, LEAST_FALL * fall.mean())
    ratio = fall[:-1] / fall[1:]
    at = int(np.argmax(ratio))
    return at + 1, float(ratio[at])
