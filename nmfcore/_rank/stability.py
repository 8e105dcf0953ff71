"""The rank at which fits from different starts agree."""

import numpy as np

from .fits import Selection, Task, fit_ensemble

TOLERANCES = {"instability": 0.01, "cophenetic correlation": 0.002}  # by which a larger rank may be worse than the best


def select_by_stability(task: Task) -> Selection:
    """The distance of fits (Wu et al. 2016); small is good."""
    ensemble = fit_ensemble(task)
    stabilities = [ensemble.stability(k, random_state=0) for k in task.ranks]
    score = np.array([stability.instability for stability in stabilities])
    spread = np.array([stability.spread for stability in stabilities])
    return _largest_stable_rank(task, score, spread, score, "instability")


def select_by_cophenetic(task: Task) -> Selection:
    """The cophenetic correlation of the consensus matrix (Brunet et al. 2004); large is good."""
    ensemble = fit_ensemble(task)
    score = np.array([ensemble.cophenetic(k, random_state=0) for k in task.ranks])
    return _largest_stable_rank(task, score, np.full(len(score), np.nan), 1 - score, "cophenetic correlation")


def _largest_stable_rank(
    task: Task, score: np.ndarray, spread: np.ndarray, distance: np.ndarray, name: str
) -> Selection:
    """The largest rank at which fits agree about as well as at the best one.

    k = 1 counts only if it is the only rank: all fits agree there, which says nothing about X.
    """
    eligible = np.array(task.ranks) > 1
    eligible = eligible if eligible.any() else ~eligible
    distance = np.where(np.isnan(distance), np.inf, distance)
    near = distance <= distance[eligible].min() + TOLERANCES[name]
    index = int(np.flatnonzero(near & eligible)[-1])
    best = "the best of all k > 1" if task.ranks[-1] > 1 else "the best"
    why = f"it is the largest rank whose {name}, {score[index]:.4g}, is within {TOLERANCES[name]} of {best}"
    return Selection(task.ranks[index], score, spread, why)
