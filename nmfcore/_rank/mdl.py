"""The rank with the shortest description of X: factors and residual, in bits."""

import math

import numpy as np

from .._fit import Result
from ..data import Data
from .choice import beside, column
from .fits import Scores, Task, ensemble

MOST_SHAPE = 1e8  # of a gamma distribution; beyond it all entries are the same, to round-off


def scores(task: Task) -> Scores:
    """The description length of the best of some fits of each rank; its spread over all of them."""
    fits, data = ensemble(task), task.problem.data
    score = np.array([description_length(fits.best(k), data) for k in task.ranks])
    spread = column([[description_length(fit, data) for fit in fits.of(k)] for k in task.ranks], axis=1)[1]
    at = int(np.argmin(score))
    said = f"X has its shortest description, in bits an entry {beside(task.ranks, score, at)}"
    return Scores(task.ranks[at], score, spread, said)


def description_length(fit: Result, data: Data) -> float:
    """Bits for an entry of X / rms(X), but for those that its own precision takes, which all ranks have in common.

    The residual is Gaussian noise of variance s2. A factor is sent with a precision at which its rounding costs what
    the bits of that precision do: steps of sqrt(12 s2) / ||h_t|| for w_t, and likewise for h_t; which entries are 0 by
    the entropy of that, the others by a gamma distribution. No unit of X, and no scale of a component, enters.
    """
    m, n = data.shape
    size = float(m) * n
    s2 = max(fit.relative_error, np.finfo(data.dtype).eps) ** 2
    rms = math.ldexp(math.sqrt(data.measures.squared_norm / size), data.measures.exponent) or 1.0
    W, Ht = fit.W.astype(np.float64) / rms, fit.H.T.astype(np.float64)
    bits = 0.5 * size * math.log2(2 * math.pi * math.e * s2)
    for w, h in zip(W.T, Ht.T, strict=True):
        norms = np.linalg.norm(w), np.linalg.norm(h)
        if min(norms) > 0:
            step = math.sqrt(12 * s2)
            bits += code_length(w, step / norms[1]) + code_length(h, step / norms[0]) + (m + n) / (2 * math.log(2))
    return bits / size


def code_length(v: np.ndarray, step: float) -> float:
    """Bits for a vector >= 0 whose entries are rounded to multiples of a step."""
    positive = v[v >= step / 2]
    share = len(positive) / len(v)
    bits = -len(v) * sum(p * math.log2(p) for p in (share, 1 - share) if p > 0)
    if not len(positive):
        return bits
    logs = np.log(positive)
    s = max(0.0, math.log(positive.mean()) - logs.mean())
    root = math.sqrt((s - 3) ** 2 + 24 * s)
    shape = min(MOST_SHAPE, (3 - s + root) / (12 * s)) if s > 0 else MOST_SHAPE
    scale = positive.mean() / shape
    density = (shape - 1) * logs - positive / scale - math.lgamma(shape) - shape * math.log(scale)
    return bits + float(np.maximum(0, -density / math.log(2) - math.log2(step)).sum())
