"""Symmetric and projective NMF: half a squared error that is a quartic along every line.

Both models are F times something that F makes: S ~ F F' and X ~ F (F'X). With A = S or A = X X', G = F'F and N = F'A F

    2 f(F) = ||.||^2 - 2 tr(N) + <G, G>  (symmetric)   and   2 f(F) = ||.||^2 - 2 tr(N) + <G, N>  (projective).

An iteration sweeps over F in the least squares that has the gradient of f at F and the curvature of a half-step of
NMF whose other factor stays (HALS); where that leads is a direction of descent within F >= 0. Along it f is known whole
from one product with A, and its least value is taken: a step. Later a point on that line is extrapolated instead, for
the same one product; where f rises there, a step follows. So f never rises, and F stands still at stationary points
alone.
"""

import itertools
import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from .._fit import Momentum
from .._runtime import Workspace
from ..data import Data
from ..losses import CANCELLATION, EPS

SWEEPS = 3  # over F, beside the product cheap
WARM_UP = 3  # iterations with one sweep, as in the driver
STEPS = 10  # iterations before the first extrapolation: from far away it leads to worse minima
MOST_STEP = 4.0  # times the direction, as far as F >= 0 allows
REFRESH = 30  # iterations after which A F, which is updated with F, is computed from it


class Point(NamedTuple):
    """F and what f is made of there; R is G or N."""

    F: np.ndarray
    AF: np.ndarray
    G: np.ndarray
    R: np.ndarray
    trace: float
    value: float


class Quartic(ABC):
    """A fit of either model from a start; see `_iterations.Method`."""

    steepness = 1.0
    """How many times the gradient of the least squares that is swept is that of 2 f."""

    def __init__(self, data: Data, start: np.ndarray, workspace: Workspace) -> None:
        self.data, self.workspace = data, workspace
        self.done, self.momentum, self.length = 0, Momentum(), 1.0
        point = self._at(start)
        self.point = self._at(start * start.dtype.type(self._best_multiple(point)))
        self.before = self.point.F.copy()

    @abstractmethod
    def apply(self, B: np.ndarray) -> np.ndarray:
        """A B."""

    @abstractmethod
    def model(self) -> tuple[np.ndarray, np.ndarray]:
        """Gram matrix and right-hand side of the least squares that is swept."""

    @abstractmethod
    def second_gram(self, F: np.ndarray, AF: np.ndarray, G: np.ndarray) -> np.ndarray:
        """R at F."""

    @abstractmethod
    def second_gram_along(
        self, G1: np.ndarray, G2: np.ndarray, D: np.ndarray, AD: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients of t and of t^2 in R at F + t D, for those of G."""

    @abstractmethod
    def pair(self, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F and B, for which the model is F B'."""

    def objective(self) -> float:
        """f at F."""
        return self.point.value

    def iterate(self) -> float:
        """An extrapolation, or a step."""
        M, C = self.model()
        F = self.point.F
        D = F.copy()
        self.workspace.sweep(M, C, D, 1 if self.done < WARM_UP else SWEEPS, 0.0)
        D -= F
        self.done += 1
        if self.done <= STEPS or not self._extrapolate(D):
            gradient = self.workspace.product(F, M.astype(F.dtype), np.empty_like(F)) - C
            self._step(D, self.steepness * self.workspace.inner(gradient, D))
        return self.point.value

    def kkt_residual(self) -> float:
        """(sum_t M_tt ||min(F_t, gradient_t / M_tt)||^2)^(1/2) over the norm of the data."""
        self.point = self._at(self.point.F)
        total = self.data.measures.squared_norm
        found = self.workspace.squared_kkt_residual(*self.model(), self.point.F)
        return math.sqrt(found / total) if total > 0 else 0.0

    def cross(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        """A'B in float64."""
        return self.workspace.product(A.T, B, np.empty((A.shape[1], B.shape[1]), A.dtype)).astype(np.float64)

    def _extrapolate(self, D: np.ndarray) -> bool:
        """Beyond the point that lies as far along D as the last step went, if f is lower there."""
        new, trial = np.maximum(self.point.F + D.dtype.type(self.length) * D, 0), self.before
        self.workspace.extrapolate(new, trial, self.momentum.advance(), False)
        found = self._at(trial)
        if found.value >= self.point.value:
            self.momentum.reset()
            return False
        self.point, self.before = found, new
        return True

    def _step(self, D: np.ndarray, slope: float) -> None:
        """To the least f along D, where 2 f has that slope at F."""
        F, AD = self.point.F, self.apply(D)
        t = least(self._along(D, AD, slope), longest(F, D))
        new = np.maximum(F + D.dtype.type(t) * D, 0)
        self.point = self._at(new, self.point.AF + D.dtype.type(t) * AD if self.done % REFRESH else None)
        self.before, self.length = new.copy(), min(t, 1.0)

    def _at(self, F: np.ndarray, AF: np.ndarray | None = None) -> Point:
        """The point F; f is summed entry by entry where the difference has lost half of its digits."""
        AF = self.apply(F) if AF is None else AF
        G, trace, total = self.workspace.gram(F), self.workspace.inner(AF, F), self.data.measures.squared_norm
        R = self.second_gram(F, AF, G)
        value = 0.5 * total - trace + 0.5 * float(np.sum(G * R))
        if not value > CANCELLATION[F.dtype] * total:
            value = 0.5 * self.data.squared_residual(*self.pair(F))
        return Point(F, AF, G, R, trace, value)

    def _best_multiple(self, point: Point) -> float:
        """By which f is least on the ray of F; where that is 0, which makes the model as large as the data."""
        size = float(np.sum(point.G * point.R))
        if not size > 0:
            return 0.0
        return math.sqrt(point.trace / size) if point.trace > 0 else (self.data.measures.squared_norm / size) ** 0.25

    def _along(self, D: np.ndarray, AD: np.ndarray, slope: float) -> np.ndarray:
        """The coefficients of t, t^2, t^3 and t^4 in 2 f(F + t D)."""
        F, _, G, R, *_ = self.point
        G1, G2 = self.cross(F, D), self.workspace.gram(D)
        G1 = G1 + G1.T
        R1, R2 = self.second_gram_along(G1, G2, D, AD)
        second = np.sum(G * R2) + np.sum(G1 * R1) + np.sum(G2 * R) - 2 * self.workspace.inner(AD, D)
        return np.array([slope, second, np.sum(G1 * R2) + np.sum(G2 * R1), np.sum(G2 * R2)])


class Symmetric(Quartic):
    """S ~ F F'."""

    steepness = 4.0

    def apply(self, B: np.ndarray) -> np.ndarray:
        """S B."""
        return self.data.dot(B, np.empty_like(B))

    def model(self) -> tuple[np.ndarray, np.ndarray]:
        """1/2 ||S - U F'||^2."""
        return self.point.G, self.point.AF

    def second_gram(self, F: np.ndarray, AF: np.ndarray, G: np.ndarray) -> np.ndarray:
        """G."""
        return G

    def second_gram_along(
        self, G1: np.ndarray, G2: np.ndarray, D: np.ndarray, AD: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Those of G."""
        return G1, G2

    def pair(self, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F twice."""
        return F, F

    @np.errstate(over="ignore", under="ignore")  # what units of X cannot express is infinite or 0
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """F and F' in units of S."""
        F = np.ldexp(self.point.F, self.data.measures.exponent // 2)
        return F, F.T


class Projective(Quartic):
    """X ~ F F'X."""

    steepness = 2.0

    def apply(self, B: np.ndarray) -> np.ndarray:
        """X (X'B)."""
        return self.data.dot(self._seen(B), np.empty_like(B))

    def model(self) -> tuple[np.ndarray, np.ndarray]:
        """1/2 ||X - U H||^2 for H = F'X, but for what F'F lacks to the identity."""
        _, AF, G, N, *_ = self.point
        return N, 2 * AF - self.workspace.product(AF, G.astype(AF.dtype), np.empty_like(AF))

    def second_gram(self, F: np.ndarray, AF: np.ndarray, G: np.ndarray) -> np.ndarray:
        """N."""
        N = self.cross(F, AF)
        return 0.5 * (N + N.T)

    def second_gram_along(
        self, G1: np.ndarray, G2: np.ndarray, D: np.ndarray, AD: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Those of N."""
        N1, N2 = self.cross(self.point.F, AD), self.cross(D, AD)
        return N1 + N1.T, 0.5 * (N2 + N2.T)

    def pair(self, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F and X'F."""
        return F, self._seen(F)

    @np.errstate(over="ignore", under="ignore")  # what units of X cannot express is infinite or 0
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """F and F'X in units of X."""
        return self.point.F.copy(), np.ldexp(self._seen(self.point.F), self.data.measures.exponent).T

    def _seen(self, B: np.ndarray) -> np.ndarray:
        """X'B."""
        return self.data.T.dot(B, np.empty((self.data.shape[1], B.shape[1]), B.dtype))


def longest(F: np.ndarray, D: np.ndarray) -> float:
    """How far F + t D >= 0, from 1 to MOST_STEP."""
    falling = D < 0
    return max(1.0, float(np.min(F[falling] / -D[falling], initial=MOST_STEP)))


def least(coefficients: np.ndarray, most: float) -> float:
    """The t from 0 to most at which sum_i coefficients_i t^(i + 1) is least.

    Where coefficients are so far apart that some are round-off beside others, stationary points are looked for in each
    unit of t in which two of them are as large.
    """
    size = np.abs(coefficients).max()
    if not size > 0:
        return 0.0
    present = np.flatnonzero(coefficients)
    exponents = np.log2(np.abs(coefficients[present] / size))
    units = [0.0]
    if exponents.min() < np.log2(EPS[np.dtype(np.float64)]):
        pairs = itertools.combinations(zip(present, exponents, strict=True), 2)
        units += [(e - f) / (j - i) for (i, e), (j, f) in pairs]
    tried = [0.0, most]
    for unit in units:
        shifted = exponents + unit * present
        c = np.zeros(4)
        c[present] = np.sign(coefficients[present]) * np.exp2(shifted - shifted.max())
        tried += [t * 2.0**unit for t in _stationary(c) if 0 < t * 2.0**unit < most]
    return float(tried[np.argmin([np.polyval([*coefficients[::-1] / size, 0], t) for t in tried])])


def _stationary(c: np.ndarray) -> np.ndarray:
    """Where sum_i c_i t^(i + 1) is stationary, for coefficients of which what is round-off means nothing."""
    derivative = c * np.arange(1, 5)
    return np.roots(
        np.trim_zeros(np.where(np.abs(derivative) > EPS[np.dtype(np.float64)], derivative, 0), "b")[::-1]
    ).real
