"""The elbow: the rank at which the fall of the relative error ends.

The rule is a ratio of falls, which Ahn & Horenstein (2013, doi:10.3982/ECTA8968) apply to eigenvalues and this file to
the error itself. The distance to the chord of the curve, a common rule, ends too early if many ranks are tried: it was
right for 14 of 28 planted ranks, the ratio for 38 of 42.
"""

import numpy as np

from .._runtime import single_blas
from .._starts import SVD_EFFORT, singular_triplets
from .fits import Selection, Task, fit_ensemble, mean_and_spread

MIN_FALL = 0.1  # of the mean fall: smaller falls count as that much
EXACT = 1e-6  # a smaller total fall of the relative error is round-off


def select_by_elbow(task: Task) -> Selection:
    """The relative error of the best of several fits of each rank, and the least that any matrix of that rank has."""
    ensemble, ranks = fit_ensemble(task), np.array(task.ranks)
    score = np.array([ensemble.best(k).relative_error for k in task.ranks])
    spread = mean_and_spread([ensemble.relative_errors(k) for k in task.ranks], axis=1)[1]
    index, ratio = find_elbow(ranks.astype(np.float64), score)
    floor = np.minimum(least_errors(task)[ranks - 1], score)  # the floor has the round-off of a difference of squares
    fall = f"its fall to this rank is {ratio:.2g} times the next one" if index else "no rank lowers it any more"
    why = f"the relative error is {score[index]:.4g} ({floor[index]:.4g} for the best matrix of that rank), and {fall}"
    return Selection(task.ranks[index], score, spread, why, {"floor": floor})


def least_errors(task: Task) -> np.ndarray:
    """The least relative errors of matrices of rank 1, 2, ... up to the largest candidate, by singular values."""
    data, workspace = task.problem.data, task.problem.workspace
    with single_blas():
        s = singular_triplets(data, task.ranks[-1], task.rng, workspace, SVD_EFFORT)[1].astype(np.float64)
    norm = data.measures.squared_norm
    return np.sqrt(np.maximum(0, 1 - np.cumsum(s**2) / norm)) if norm > 0 else np.zeros_like(s)


def find_elbow(ranks: np.ndarray, error: np.ndarray) -> tuple[int, float]:
    """The index of the rank with the largest ratio of the fall to it and the fall to the next rank, and that ratio.

    Falls are per component. An error above that of a smaller rank counts as equal to it, and a fall below `MIN_FALL` of
    the mean fall counts as that. The index is 0 only if all ranks fit X equally well.
    """
    fall = -np.diff(np.minimum.accumulate(error)) / np.diff(ranks)
    if error[0] - error.min() < EXACT:
        return 0, 1.0
    fall = np.maximum(fall, MIN_FALL * fall.mean())
    ratio = fall[:-1] / fall[1:]
    index = int(np.argmax(ratio))
    return index + 1, float(ratio[index])
