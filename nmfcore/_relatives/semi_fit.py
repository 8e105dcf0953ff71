"""Semi-NMF by alternation: H by least squares, W by sweeps of HALS, extrapolated."""

import math

import numpy as np

from .._fit import Momentum
from .._runtime import Workspace
from ..data import Data
from ..losses import CANCELLATION

WARM_UP = 3  # iterations with one sweep, as in the driver
SWEEPS = 10  # over W; they end when one changes a group of rows by less than PRECISION times what its first did
PRECISION = 0.03
DEPENDENT = 1e-13  # eigenvalues of W'W, of norm 1 on its diagonal, below which its columns count as dependent


class SemiNMF:
    """A fit from a start W; see `_iterations.Method`. H is always the least squares solution for W."""

    def __init__(self, data: Data, W: np.ndarray, workspace: Workspace) -> None:
        self.data, self.workspace, self.W, self.done = data, workspace, W, 0
        self.momentum, self.swept = Momentum(), W
        self.Ht, self.value = self._least_squares(W)

    def objective(self) -> float:
        """1/2 ||X - W H||^2."""
        return self.value

    def iterate(self) -> float:
        """W, swept and extrapolated, with its H; or swept alone, where the objective would rise."""
        G, C = self._normal()
        new, trial = self.W.copy(), self.swept.copy()
        self.workspace.sweep(G, C, new, 1 if self.done < WARM_UP else SWEEPS, PRECISION**2)
        self.done += 1
        self.workspace.extrapolate(new, trial, self.momentum.advance(), False)
        Ht, value = self._least_squares(trial)
        if value > self.value:
            self.momentum.reset()
            trial = new.copy()
            Ht, value = self._least_squares(trial)
        if value <= self.value:  # or else it is round-off
            self.W, self.Ht, self.value = trial, Ht, value
        self.swept = new
        return self.value

    @np.errstate(over="ignore", under="ignore")  # what units of X cannot express is infinite or 0
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """W in units of X, and H whose rows have norm 1."""
        sizes = np.sqrt(np.sum(np.square(self.Ht, dtype=np.float64), axis=0)).astype(self.W.dtype)
        return np.ldexp(self.W * sizes, self.data.measures.exponent), (self.Ht / np.where(sizes > 0, sizes, 1)).T

    def kkt_residual(self) -> float:
        """(sum_t G_tt ||min(W_t, gradient_t / G_tt)||^2 + ||gradient of H_t||^2 / ||W_t||^2)^(1/2) / ||X||."""
        total, S = self.data.measures.squared_norm, self.workspace.gram(self.W)
        gradient = self.Ht.astype(np.float64) @ S - self._products(self.W)
        of_H = np.sum(gradient**2, axis=0) / np.where(np.diagonal(S) > 0, np.diagonal(S), 1)
        of_W = self.workspace.squared_kkt_residual(*self._normal(), self.W)
        return math.sqrt((of_W + float(of_H.sum())) / total) if total > 0 else 0.0

    def _products(self, W: np.ndarray) -> np.ndarray:
        """X'W."""
        return self.data.T.dot(W, np.empty((self.data.shape[1], W.shape[1]), W.dtype))

    def _normal(self) -> tuple[np.ndarray, np.ndarray]:
        """G = H H' and C = X H'."""
        return self.workspace.gram(self.Ht), self.data.dot(self.Ht, np.empty_like(self.W))

    def _least_squares(self, W: np.ndarray) -> tuple[np.ndarray, float]:
        """The H' of least norm that is best for W, and the objective, entry by entry near an exact fit."""
        P, S, total = self._products(W), self.workspace.gram(W), self.data.measures.squared_norm
        sizes = np.sqrt(np.diagonal(S))
        sizes = np.where(sizes > 0, sizes, 1)
        inverse = np.linalg.pinv(S / np.outer(sizes, sizes), rcond=DEPENDENT, hermitian=True)
        Ht = np.ascontiguousarray(P @ (inverse / np.outer(sizes, sizes)), W.dtype)
        value = 0.5 * total - self.workspace.inner(P, Ht) + 0.5 * float(np.sum(S * self.workspace.gram(Ht)))
        return Ht, value if value > CANCELLATION[W.dtype] * total else 0.5 * self.data.squared_residual(W, Ht)
