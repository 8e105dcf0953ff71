"""Symmetric and projective NMF: their objective, half a squared error, is a quartic along every line.

Both models are F times something that depends on F: S ~ F F' and X ~ F (F'X). With A = S or A = X X', G = F'F and
N = F'A F,

    2 f(F) = ||.||^2 - 2 tr(N) + <G, G>  (symmetric)   and   2 f(F) = ||.||^2 - 2 tr(N) + <G, N>  (projective).

An iteration sweeps over F in a least-squares problem that has the gradient of f at F and the curvature of a half-step
of HALS in which the other factor is fixed. The outcome gives a direction of descent within F >= 0. One product with A
determines f along it, and a *step* goes to the minimum. Later iterations *extrapolate* beyond a point on that line, at
the cost of the same product; where f rises there, a step follows. So f never rises, and F only rests at stationary
points.

What was measured:

- SymHALS, which couples two factors by a penalty, was no better: on five kinds of graphs it ended no lower after the
  same number of products, except for single starts that led to other minima. The line search needs no penalty.
- After ten steps extrapolation costs the same product and gains a factor of 100 on exact data. From the first iteration
  on, it led projective fits to worse minima.
- Multiplicative updates of projective NMF took about ten times as many iterations; only the reference has them.
"""

import itertools
import math
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from .._fit import Momentum
from .._runtime import Workspace
from ..data import UnweightedData
from ..losses import CANCELLATION, EPS

SWEEPS = 3  # over F; they are cheap compared with the product
WARM_UP = 3  # iterations with one sweep, as in the driver
STEPS = 10  # iterations before the first extrapolation
MOST_STEP = 4.0  # the longest step, as a multiple of the direction, where F >= 0 allows it
REFRESH = 30  # A F is updated along with F, and computed from F again after so many iterations


class Point(NamedTuple):
    """A point F, and the products that determine f there; R is G or N."""

    F: np.ndarray
    AF: np.ndarray
    G: np.ndarray
    R: np.ndarray
    trace: float
    value: float


class Quartic(ABC):
    """An `IterativeFit` of either model from a start."""

    gradient_factor = 1.0
    """The gradient of 2 f is this multiple of the gradient of the least-squares problem."""

    def __init__(self, data: UnweightedData, start: np.ndarray, workspace: Workspace) -> None:
        self.data, self.workspace = data, workspace
        self.n_iter, self.momentum, self.length = 0, Momentum(), 1.0
        point = self._evaluate(start)
        self.point = self._evaluate(start * start.dtype.type(self._best_multiple(point)))
        self.before = self.point.F.copy()

    @abstractmethod
    def apply(self, B: np.ndarray) -> np.ndarray:
        """A B."""

    @abstractmethod
    def normal_equations(self) -> tuple[np.ndarray, np.ndarray]:
        """The Gram matrix and the right-hand side of the least-squares problem."""

    @abstractmethod
    def second_gram(self, F: np.ndarray, AF: np.ndarray, G: np.ndarray) -> np.ndarray:
        """R at F."""

    @abstractmethod
    def second_gram_along(
        self, G1: np.ndarray, G2: np.ndarray, D: np.ndarray, AD: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients of t and t^2 in R at F + t D; G1 and G2 are those of G."""

    @abstractmethod
    def model_factors(self, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F and the B for which the model is F B'."""

    def objective(self) -> float:
        """f at F."""
        return self.point.value

    def iterate(self) -> float:
        """Extrapolate, or make a step."""
        M, C = self.normal_equations()
        F = self.point.F
        D = F.copy()
        self.workspace.sweep(M, C, D, 1 if self.n_iter < WARM_UP else SWEEPS, 0.0)
        D -= F
        self.n_iter += 1
        if self.n_iter <= STEPS or not self._extrapolate(D):
            gradient = self.workspace.product(F, M.astype(F.dtype), np.empty_like(F)) - C
            self._step(D, self.gradient_factor * self.workspace.inner(gradient, D))
        return self.point.value

    def kkt_residual(self) -> float:
        """(sum_t M_tt ||min(F_t, gradient_t / M_tt)||^2)^(1/2) divided by the norm of the data."""
        self.point = self._evaluate(self.point.F)
        total = self.data.measures.squared_norm
        squared = self.workspace.squared_kkt_residual(*self.normal_equations(), self.point.F)
        return math.sqrt(squared / total) if total > 0 else 0.0

    def cross(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        """A'B in float64."""
        return self.workspace.product(A.T, B, np.empty((A.shape[1], B.shape[1]), A.dtype)).astype(np.float64)

    def _extrapolate(self, D: np.ndarray) -> bool:
        """Go beyond the point at the length of the last step along D; False where f is not lower there."""
        new, trial = np.maximum(self.point.F + D.dtype.type(self.length) * D, 0), self.before
        self.workspace.extrapolate(new, trial, self.momentum.advance(), False)
        point = self._evaluate(trial)
        if point.value >= self.point.value:
            self.momentum.reset()
            return False
        self.point, self.before = point, new
        return True

    def _step(self, D: np.ndarray, slope: float) -> None:
        """Go to the minimum of f along D; slope is that of 2 f at F."""
        F, AD = self.point.F, self.apply(D)
        t = minimize_quartic(self._along(D, AD, slope), longest_step(F, D))
        new = np.maximum(F + D.dtype.type(t) * D, 0)
        self.point = self._evaluate(new, self.point.AF + D.dtype.type(t) * AD if self.n_iter % REFRESH else None)
        self.before, self.length = new.copy(), min(t, 1.0)

    def _evaluate(self, F: np.ndarray, AF: np.ndarray | None = None) -> Point:
        """The point F; its f is summed entry by entry where the difference has lost half of its digits."""
        AF = self.apply(F) if AF is None else AF
        G, trace, total = self.workspace.gram(F), self.workspace.inner(AF, F), self.data.measures.squared_norm
        R = self.second_gram(F, AF, G)
        value = 0.5 * total - trace + 0.5 * float(np.sum(G * R))
        if not value > CANCELLATION[F.dtype] * total:
            value = 0.5 * self.data.squared_residual(*self.model_factors(F))
        return Point(F, AF, G, R, trace, value)

    def _best_multiple(self, point: Point) -> float:
        """The multiple of F with the least f; where that is 0, the one that makes the model as large as the data."""
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

    gradient_factor = 4.0

    def apply(self, B: np.ndarray) -> np.ndarray:
        """S B."""
        return self.data.dot(B, np.empty_like(B))

    def normal_equations(self) -> tuple[np.ndarray, np.ndarray]:
        """1/2 ||S - U F'||^2."""
        return self.point.G, self.point.AF

    def second_gram(self, F: np.ndarray, AF: np.ndarray, G: np.ndarray) -> np.ndarray:
        """G."""
        return G

    def second_gram_along(
        self, G1: np.ndarray, G2: np.ndarray, D: np.ndarray, AD: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients of G."""
        return G1, G2

    def model_factors(self, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F twice."""
        return F, F

    @np.errstate(over="ignore", under="ignore")  # an entry beyond the range of the dtype is infinite or 0
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """F and F' in units of S."""
        F = np.ldexp(self.point.F, self.data.measures.exponent // 2)
        return F, F.T


class Projective(Quartic):
    """X ~ F F'X."""

    gradient_factor = 2.0

    def apply(self, B: np.ndarray) -> np.ndarray:
        """X (X'B)."""
        return self.data.dot(self._transposed_product(B), np.empty_like(B))

    def normal_equations(self) -> tuple[np.ndarray, np.ndarray]:
        """1/2 ||X - U H||^2 for H = F'X, with a correction since F'F is not the identity."""
        _, AF, G, N, *_ = self.point
        return N, 2 * AF - self.workspace.product(AF, G.astype(AF.dtype), np.empty_like(AF))

    def second_gram(self, F: np.ndarray, AF: np.ndarray, G: np.ndarray) -> np.ndarray:
        """N."""
        N = self.cross(F, AF)
        return 0.5 * (N + N.T)

    def second_gram_along(
        self, G1: np.ndarray, G2: np.ndarray, D: np.ndarray, AD: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients of N."""
        N1, N2 = self.cross(self.point.F, AD), self.cross(D, AD)
        return N1 + N1.T, 0.5 * (N2 + N2.T)

    def model_factors(self, F: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """F and X'F."""
        return F, self._transposed_product(F)

    @np.errstate(over="ignore", under="ignore")  # an entry beyond the range of the dtype is infinite or 0
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """F and F'X in units of X."""
        return self.point.F.copy(), np.ldexp(self._transposed_product(self.point.F), self.data.measures.exponent).T

    def _transposed_product(self, B: np.ndarray) -> np.ndarray:
        """X'B."""
        return self.data.T.dot(B, np.empty((self.data.shape[1], B.shape[1]), B.dtype))


def longest_step(F: np.ndarray, D: np.ndarray) -> float:
    """The largest t from 1 to MOST_STEP with F + t D >= 0."""
    falling = D < 0
    return max(1.0, float(np.min(F[falling] / -D[falling], initial=MOST_STEP)))


def minimize_quartic(coefficients: np.ndarray, most: float) -> float:
    """The t from 0 to most that minimises sum_i coefficients_i t^(i + 1).

    Coefficients can differ so much in size that some are round-off compared with others. The stationary points are
    therefore also looked for in units of t in which two of the terms have the same size.
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
    candidates = [0.0, most]
    for unit in units:
        shifted = exponents + unit * present
        c = np.zeros(4)
        c[present] = np.sign(coefficients[present]) * np.exp2(shifted - shifted.max())
        candidates += [t * 2.0**unit for t in _stationary_points(c) if 0 < t * 2.0**unit < most]
    values = [np.polyval([*coefficients[::-1] / size, 0], t) for t in candidates]
    return float(candidates[np.argmin(values)])


def _stationary_points(c: np.ndarray) -> np.ndarray:
    """The real parts of the roots of the derivative of sum_i c_i t^(i + 1); coefficients of round-off are left out."""
    derivative = c * np.arange(1, 5)
    derivative = np.where(np.abs(derivative) > EPS[np.dtype(np.float64)], derivative, 0)
    return np.roots(np.trim_zeros(derivative, "b")[::-1]).real
