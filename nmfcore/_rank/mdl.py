"""The minimum description length: the rank at which factors and residual of X take the fewest bits."""

import math

import numpy as np

from .._fit import Result
from ..data import Data
from .fits import Selection, Task, describe_score, fit_ensemble, mean_and_spread

MAX_SHAPE = 1e8  # of a gamma distribution; beyond it all entries are equal to round-off
FAR = 900  # an exponent of 2 of X relative to a component, from which on the component does not count


def select_by_description_length(task: Task) -> Selection:
    """The description length of the best of several fits of each rank; its spread is over all of them."""
    ensemble, data = fit_ensemble(task), task.problem.data
    score = np.array([description_length(ensemble.best(k), data) for k in task.ranks])
    lengths = [[description_length(fit, data) for fit in ensemble.of(k)] for k in task.ranks]
    spread = mean_and_spread(lengths, axis=1)[1]
    index = int(np.argmin(score))
    why = f"its description of X is the shortest; the bits per entry are {describe_score(task.ranks, score, index)}"
    return Selection(task.ranks[index], score, spread, why)


def description_length(fit: Result, data: Data) -> float:
    """Bits per entry of X / rms(X), without those for the precision of X itself, which are the same for all ranks.

    The residual is Gaussian noise of variance s2. A factor is coded with the precision at which the cost of rounding
    equals that of more bits: steps of sqrt(12 s2) / ||h_t|| for w_t, and likewise for h_t. Which entries are 0 is coded
    by entropy, the other entries by a gamma distribution. The result does not depend on the unit of X or on the scale
    of a component.
    """
    m, n = data.shape
    size = float(m) * n
    s2 = max(fit.relative_error, float(np.finfo(data.dtype).eps)) ** 2
    rms = math.sqrt(data.measures.squared_norm / size) or 1.0  # times 2**exponent
    W, Ht = fit.W.astype(np.float64), fit.H.T.astype(np.float64)
    bits = 0.5 * size * math.log2(2 * math.pi * math.e * s2)
    for w, h in zip(W.T, Ht.T, strict=True):
        of_w, of_h = (int(np.frexp(v.max())[1]) for v in (w, h))
        w, h = np.ldexp(w, -of_w), np.ldexp(h, -of_h)
        norm_w, norm_h = math.sqrt(np.sum(w * w)), math.sqrt(np.sum(h * h))
        if min(norm_w, norm_h) > 0:
            exponent = max(-FAR, min(FAR, data.measures.exponent - of_w - of_h))
            step = math.ldexp(rms * math.sqrt(12 * s2), exponent)
            bits += code_length(w, step / norm_h) + code_length(h, step / norm_w) + (m + n) / (2 * math.log(2))
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
    shape = min(MAX_SHAPE, (3 - s + root) / (12 * s)) if s > 0 else MAX_SHAPE
    scale = positive.mean() / shape
    density = (shape - 1) * logs - positive / scale - math.lgamma(shape) - shape * math.log(scale)
    return bits + float(np.maximum(0, -density / math.log(2) - math.log2(step)).sum())
