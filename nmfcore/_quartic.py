"""Symmetric and projective NMF: half a squared error that is a quartic along every line.

Both models are F times something that F makes: S ~ F F' and X ~ F (F'X). With A = S or A = X X', G = F'F and N = F'A F

    2 f(F) = ||.||^2 - 2 tr(N) + <G, G>  (symmetric)   and   2 f(F) = ||.||^2 - 2 tr(N) + <G, N>  (projective).

An iteration sweeps over F in the least squares that has the gradient of f at F and the curvature of a half-step of
NMF whose other factor stays (HALS); where that leads is a direction of descent within F >= 0. Along it f is known whole
from one product with A, and its least value is taken. So f never rises, and F stands still at stationary points alone.
"""

import math

import numpy as np

from ._workspace import Workspace
from .data import Data
from .losses import EPS
from .losses.frobenius import CANCELLED

SWEEPS = 3  # over F, beside the product cheap
WARM_UP = 3  # iterations with one sweep, as in the driver
MOST_STEP = 4.0  # times the direction, as far as F >= 0 allows
REFRESH = 30  # iterations after which A F, which is updated with F, is computed from it


class Quartic:
    """A fit of either model from a start; see `_course.Method`."""

    steepness = 1.0
    """How many times the gradient of the least squares that is swept is that of 2 f."""

    def __init__(self, data: Data, start: np.ndarray, workspace: Workspace) -> None:
        self.data, self.workspace, self.F = data, workspace, start
        self.done = 0
        self._look()
        self.F *= start.dtype.type(self._best_multiple())
        self._look()

    def apply(self, B: np.ndarray) -> np.ndarray:
        """A B."""
        raise NotImplementedError

    def model(self) -> tuple[np.ndarray, np.ndarray]:
        """Gram matrix and right-hand side of the least squares that is swept."""
        raise NotImplementedError

    def reduced(self, D: np.ndarray, AD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of R (F + t D), R being G or N, the coefficients of t and of t^2."""
        raise NotImplementedError

    def objective(self) -> float:
        """f, entry by entry where the difference has lost half of its digits."""
        total = self.data.measures.squared_norm
        value = 0.5 * total - self.trace + 0.5 * float(np.sum(self.G * self.R))
        if not value > CANCELLED[self.F.dtype] * total:
            value = 0.5 * self.data.squared_residual(*self.pair())
        return value

    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """F and B, for which the model is F B'."""
        raise NotImplementedError

    def iterate(self) -> float:
        """A direction, and the least value along it."""
        M, C = self.model()
        D = self.F.copy()
        self.workspace.sweep(M, C, D, 1 if self.done < WARM_UP else SWEEPS, 0.0)
        D -= self.F
        gradient = self.workspace.product(self.F, M.astype(D.dtype), np.empty_like(D)) - C
        AD = self.apply(D)
        t = least(self._along(D, AD, self.steepness * self.workspace.inner(gradient, D)), self._most(D))
        self.done += 1
        self.F = np.maximum(self.F + D.dtype.type(t) * D, 0)
        if self.done % REFRESH:
            self.AF += D.dtype.type(t) * AD
            self._look(self.AF)
        else:
            self._look()
        return self.objective()

    def kkt_residual(self) -> float:
        """(sum_t M_tt ||min(F_t, gradient_t / M_tt)||^2)^(1/2) over the norm of the data."""
        self._look()
        total = self.data.measures.squared_norm
        return math.sqrt(self.workspace.squared_kkt_residual(*self.model(), self.F) / total) if total > 0 else 0.0

    def cross(self, A: np.ndarray, B: np.ndarray) -> np.ndarray:
        """A'B in float64."""
        return self.workspace.product(A.T, B, np.empty((A.shape[1], B.shape[1]), A.dtype)).astype(np.float64)

    def _look(self, AF: np.ndarray | None = None) -> None:
        """What f is made of, at F."""
        self.AF = self.apply(self.F) if AF is None else AF
        self.G, self.trace = self.workspace.gram(self.F), self.workspace.inner(self.AF, self.F)
        self.R = self.G

    def _best_multiple(self) -> float:
        """By which f is least on the ray of F; where that is 0, which makes the model as large as the data."""
        size = float(np.sum(self.G * self.R))
        if not size > 0:
            return 0.0
        return math.sqrt(self.trace / size) if self.trace > 0 else (self.data.measures.squared_norm / size) ** 0.25

    def _along(self, D: np.ndarray, AD: np.ndarray, slope: float) -> np.ndarray:
        """The coefficients of t, t^2, t^3 and t^4 in 2 f(F + t D)."""
        G1, G2 = self.cross(self.F, D), self.workspace.gram(D)
        G1 = G1 + G1.T
        R1, R2 = self.reduced(G1, G2, D, AD)
        second = np.sum(self.G * R2) + np.sum(G1 * R1) + np.sum(G2 * self.R) - 2 * self.workspace.inner(AD, D)
        return np.array([slope, second, np.sum(G1 * R2) + np.sum(G2 * R1), np.sum(G2 * R2)])

    def _most(self, D: np.ndarray) -> float:
        """How far F + t D >= 0, from 1 to MOST_STEP."""
        falling = D < 0
        ratio = float(np.min(self.F[falling] / -D[falling], initial=MOST_STEP))
        return max(1.0, ratio)


class Symmetric(Quartic):
    """S ~ F F'."""

    steepness = 4.0

    def apply(self, B: np.ndarray) -> np.ndarray:
        """S B."""
        return self.data.dot(B, np.empty_like(B))

    def model(self) -> tuple[np.ndarray, np.ndarray]:
        """1/2 ||S - U F'||^2."""
        return self.G, self.AF

    def reduced(self, G1: np.ndarray, G2: np.ndarray, D: np.ndarray, AD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """R is G."""
        return G1, G2

    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """F twice."""
        return self.F, self.F

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """F and F' in units of S."""
        F = np.ldexp(self.F, self.data.measures.exponent // 2)
        return F, F.T


class Projective(Quartic):
    """X ~ F F'X."""

    steepness = 2.0

    def apply(self, B: np.ndarray) -> np.ndarray:
        """X (X'B)."""
        return self.data.dot(self._seen(B), np.empty_like(B))

    def model(self) -> tuple[np.ndarray, np.ndarray]:
        """1/2 ||X - U H||^2 for H = F'X, but for what F'F lacks to the identity."""
        C = 2 * self.AF - self.workspace.product(self.AF, self.G.astype(self.AF.dtype), np.empty_like(self.AF))
        return self.R, C

    def reduced(self, G1: np.ndarray, G2: np.ndarray, D: np.ndarray, AD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """R is N."""
        N1, N2 = self.cross(self.F, AD), self.cross(D, AD)
        return N1 + N1.T, 0.5 * (N2 + N2.T)

    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """F and X'F."""
        return self.F, self._seen(self.F)

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """F and F'X in units of X."""
        return self.F.copy(), np.ldexp(self._seen(self.F), self.data.measures.exponent).T

    def _seen(self, B: np.ndarray) -> np.ndarray:
        """X'B."""
        return self.data.T.dot(B, np.empty((self.data.shape[1], B.shape[1]), B.dtype))

    def _look(self, AF: np.ndarray | None = None) -> None:
        super()._look(AF)
        N = self.cross(self.F, self.AF)
        self.R = 0.5 * (N + N.T)


def least(coefficients: np.ndarray, most: float) -> float:
    """The t from 0 to most at which sum_i coefficients_i t^(i + 1) is least."""
    size = np.abs(coefficients).max()
    if not size > 0:
        return 0.0
    c = coefficients / size
    derivative = c * np.arange(1, 5)
    roots = np.roots(np.trim_zeros(np.where(np.abs(derivative) > EPS[np.dtype(np.float64)], derivative, 0), "b")[::-1])
    tried = np.array([0.0, *(t for t in roots.real if 0 < t < most), most])
    return float(tried[np.argmin(np.polyval([*c[::-1], 0], tried))])
