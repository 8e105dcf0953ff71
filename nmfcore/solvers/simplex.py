"""Multiplicative updates for factors whose rows or columns sum to a given number.

The multiplicative update minimises a separable majorizer of the objective. With r = F_new / F its derivative is
den r^a - num r^b, where (a, b) are the `powers` of the statistics. On a simplex the minimum has a multiplier mu,

    den r^a + mu = num r^b,   sum F r = total,

and mu is the root of a decreasing function of one variable for each row (Leplat, Gillis & Idier 2021,
doi:10.1137/20M1377278). Three cases have a closed form of r:

- a = 0, which is Kullback-Leibler and every beta below 1: r = (num / (den + mu))^(-1 / b)
- b = 0, which is least squares, the robust losses and every beta of at least 2: r = (max(0, num - mu) / den)^(1 / a)
- else r = q^p with p = 1 / max(a, -b), where q is the root of the quadratic den q + mu = num / q. As p a <= 1 and
  -p b <= 1, this majorizes the majorizer.

Newton's method starts at the multiplier of a stationary point and stays between two bounds: at the lower one a single
entry of the row has the whole sum, at the upper one no entry has more than an equal share. It takes 2 to 3 steps in the
mean over a fit, each of some ten passes over the factor, which is little beside the passes over X.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from .._runtime import Workspace
from ..losses import EPS, Normal, RowNormals, Split
from ..penalties import Simplex
from .mu import MU

BLOCK = 1 << 16  # entries that are updated at once: their float64 copies stay in cache
MAX_STEPS = 100  # of Newton's method; 5 to 15 are usual
PRECISION = 1e-13  # of the sums, before they are scaled
TINY = 1e-100  # relative to the largest of num and den in a row: a den of 0 has no finite minimum

Ratio = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def simplex_update(
    f: np.ndarray, num: np.ndarray, den: np.ndarray, powers: tuple[float, float], total: float
) -> np.ndarray:
    """The rows of f (float64) after an update: each minimises its majorizer over the entries >= 0 that sum to total."""
    size = np.maximum(den, num).max(axis=1, keepdims=True)
    size[size == 0] = 1
    num, den = num / size, np.maximum(den / size, TINY)
    linear = powers[0] == 0 and (num == 0) & (f > 0)  # entries on which the majorizer is linear, with the slope den
    idle = np.all(linear | (f == 0), axis=1, keepdims=True)
    least = np.min(np.where(linear, den, np.inf), axis=1, keepdims=True)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        r, mu = _ratio_of_total(f, num, den, powers, total, -least, idle)
        new = f * np.where(np.isfinite(r), r, 0)
    # What is left of the sum is cheapest on the linear entry of the smallest slope.
    left = np.maximum(total - np.sum(new, axis=1, keepdims=True), 0)
    new = np.where(linear & (den == least) & (mu == -least), left, new)
    # Where X has nothing to explain, a step in that direction, which keeps all entries.
    new = np.where(idle, f / (1 + (den - den.min(axis=1, keepdims=True)) / den.mean(axis=1, keepdims=True)), new)
    sums = np.sum(new, axis=1, keepdims=True)
    return np.where(sums > 0, new * (total / np.where(sums > 0, sums, 1)), f)


def _ratio_of_total(
    f: np.ndarray,
    num: np.ndarray,
    den: np.ndarray,
    powers: tuple[float, float],
    total: float,
    least: np.ndarray,
    idle: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """r with sum f r = total in each row, or less than that at the multiplier `least`, by Newton's method.

    Returns r and the multipliers. Rows that are `idle` are left out.
    """
    ratio = _ratio_and_slope(num, den, powers)
    lower, upper = (_multiplier_of_share(f, num, den, powers, share) for share in (total, total / f.shape[1]))
    lower, upper = np.maximum(lower, least), np.maximum(upper, least)
    mu = np.sum(f * (num - den), axis=1, keepdims=True) / total  # the multiplier at a stationary point
    mu = np.where((mu > lower) & (mu < upper), mu, lower)
    at_least = np.isfinite(least) & (np.sum(f * ratio(least)[0], axis=1, keepdims=True) <= total)
    mu, done = np.where(at_least, least, mu), idle | at_least
    for _ in range(MAX_STEPS):
        r, slope = ratio(mu)
        excess = np.sum(f * r, axis=1, keepdims=True) - total
        done |= np.abs(excess) <= PRECISION * total
        if done.all():
            break
        lower, upper = np.where(excess >= 0, mu, lower), np.where(excess < 0, mu, upper)
        newton = mu - excess / np.sum(f * slope, axis=1, keepdims=True)
        step = np.where((newton > lower) & (newton < upper), newton, (lower + upper) / 2)
        done |= step == mu
        mu = np.where(done, mu, step)
    return ratio(mu)[0], mu


def _ratio_and_slope(num: np.ndarray, den: np.ndarray, powers: tuple[float, float]) -> Ratio:
    """The function of the multiplier that gives r and its derivative."""
    a, b = powers

    def linear_rise(mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # den + mu = num r^b
        rise = np.maximum(den + mu, TINY)
        r = np.where(num > 0, (num / rise) ** (-1 / b), 0)
        return r, r / (b * rise)

    def constant_fall(mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # den r^a + mu = num, or r = 0
        fall = np.maximum(num - mu, 0)
        r = (fall / den) ** (1 / a)
        return r, -r / np.where(fall > 0, a * fall, np.inf)

    def root(mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # den q + mu = num / q
        root = np.sqrt(mu * mu + 4 * den * num)
        q = np.where(mu > 0, 2 * num / np.where(mu > 0, mu + root, 1), (root - mu) / (2 * den))
        p = 1 / max(a, -b)
        r = q**p
        return r, -p * r / np.where(root > 0, root, np.inf)

    return linear_rise if a == 0 else constant_fall if b == 0 else root


def _multiplier_of_share(
    f: np.ndarray, num: np.ndarray, den: np.ndarray, powers: tuple[float, float], share: float
) -> np.ndarray:
    """The largest multiplier with which an entry of a row has that share."""
    a, b = powers
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        r = share / f
        if a != 0 and b != 0:
            q = r ** max(a, -b)
            each = num / q - den * q
        else:
            each = num * r**b - den * r**a
    return np.max(np.where((f > 0) & (num > 0) | (a > 0) & (f > 0), each, -np.inf), axis=1, keepdims=True)


@dataclass(frozen=True)
class SimplexMU(MU):
    """Multiplicative updates of rows or columns of F that sum to a given number; see the head of this module."""

    axis: ClassVar[int]

    def update(
        self,
        F: np.ndarray,
        statistics: Split | Normal | RowNormals,
        domain: Simplex,
        cost: float,
        iteration: int,
        workspace: Workspace,
    ) -> float:
        """Update F in place; return the sum of den (change)^2 / F."""
        split = statistics.split(F, workspace)
        floor = EPS[F.dtype] if self.floor is None else self.floor
        least = floor * workspace.column_sums(F) / len(F)
        den = np.broadcast_to(split.den, F.shape)
        along = (F, split.num, den) if self.axis == 1 else (F.T, split.num.T, den.T)
        least = least[None] if self.axis == 1 else least[:, None]
        lines = max(1, BLOCK // along[0].shape[1])
        moved = 0.0
        for start in range(0, len(along[0]), lines):
            part = slice(start, start + lines)
            f, num, den = (array[part].astype(np.float64) for array in along)
            bound = least if self.axis == 1 else least[part]
            new = np.maximum(simplex_update(f, num, den, split.powers, domain.total), bound)
            new *= domain.total / np.sum(new, axis=1, keepdims=True)
            moved += float(np.sum(den * (new - f) ** 2 / np.maximum(f, bound + np.finfo(F.dtype).tiny)))
            along[0][part] = new
        return moved

    def extrapolate(self, new: np.ndarray, old: np.ndarray, weight: float, workspace: Workspace) -> None:
        """Set old to new + weight max(0, new - old), with the sums of new."""
        sums = new.sum(axis=self.axis, keepdims=True, dtype=np.float64)
        workspace.extrapolate(new, old, weight, True)
        old *= (sums / old.sum(axis=self.axis, keepdims=True, dtype=np.float64)).astype(old.dtype)


@dataclass(frozen=True)
class RowSumMU(SimplexMU):
    """Updates of rows, each of which sums to a number: the shares of a sample."""

    axis = 1
    takes = frozenset({"linear", "diagonal", "off-diagonal", "row sums"})


@dataclass(frozen=True)
class ColumnSumMU(SimplexMU):
    """Updates of columns, each of which sums to a number: components that are distributions."""

    axis = 0
    takes = frozenset({"linear", "diagonal", "off-diagonal", "column sums"})
