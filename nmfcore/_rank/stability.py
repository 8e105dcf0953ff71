"""The rank at which fits from different starts agree."""

import numpy as np

from .fits import Scores, Task, ensemble

NEAR = {"instability": 0.01, "cophenetic correlation": 0.002}  # by which a larger rank may agree less than the best


def stability(task: Task) -> Scores:
    """The distance of fits (Wu et al. 2016), of which the least is best."""
    fits = ensemble(task)
    found = [fits.stability(k, random_state=0) for k in task.ranks]
    score, spread = (np.array([getattr(one, name) for one in found]) for name in ("instability", "spread"))
    return _last_of_the_best(task, score, spread, score, "instability")


def cophenetic(task: Task) -> Scores:
    """The cophenetic correlation of the consensus matrix (Brunet et al. 2004), of which the largest is best."""
    fits = ensemble(task)
    score = np.array([fits.cophenetic(k, random_state=0) for k in task.ranks])
    return _last_of_the_best(task, score, np.full(len(score), np.nan), 1 - score, "cophenetic correlation")


def _last_of_the_best(task: Task, score: np.ndarray, spread: np.ndarray, apart: np.ndarray, name: str) -> Scores:
    """The largest rank whose fits agree about as well as those of any; where k = 1 all do, which says nothing."""
    asked = np.array(task.ranks) > 1
    apart = np.where(np.isnan(apart), np.inf, apart)
    least = apart[asked].min() if asked.any() else apart.min()
    at = int(np.flatnonzero((apart <= least + NEAR[name]) & (asked | ~asked.any()))[-1])
    best = "the best one" if not asked.any() else "the best one of k > 1"
    said = f"it is the largest rank whose {name}, {score[at]:.4g}, is within {NEAR[name]} of {best}"
    return Scores(task.ranks[at], score, spread, said)
