"""Orthogonal NMF by alternation: each row to the direction along which most of it lies, each direction to its rows."""

import math

import numpy as np

from .._checks import Random
from .._runtime import Workspace
from ..data import Data
from ..losses import CANCELLATION, EPS

ROUND_OFF = 64  # machine epsilons of a squared norm: what is left of it may be off


class Assignment:
    """A fit from directions B (n x k); see `_iterations.Method`. Row i of W has one entry, x_i b_t of its cluster t."""

    def __init__(self, data: Data, B: np.ndarray, workspace: Workspace) -> None:
        self.data, self.workspace = data, workspace
        self.squares = data.squared_row_norms(np.ones(data.shape[0]))
        self.B = B
        self._assign()

    def objective(self) -> float:
        """1/2 ||X - W B'||^2, entry by entry where the difference has lost half of its digits."""
        total = self.data.measures.squared_norm
        value = 0.5 * (total - float(np.sum(np.square(self.W.max(axis=1), dtype=np.float64))))
        return value if value > CANCELLATION[self.W.dtype] * total else 0.5 * self.data.squared_residual(self.W, self.B)

    def iterate(self) -> float:
        """Directions, then clusters."""
        self.B = directions(self._sums(), self.B)
        self._assign()
        return self.objective()

    @np.errstate(over="ignore", under="ignore")  # what units of X cannot express is infinite or 0
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """W with orthonormal columns, and the directions with the norms of their parts, in units of X."""
        sizes = np.sqrt(self._energies()).astype(self.W.dtype)
        H = np.ldexp(self.B * sizes, self.data.measures.exponent)
        return self.W / np.where(sizes > 0, sizes, 1), H.T

    def kkt_residual(self) -> float:
        """(sum_t ||w_t||^2 ||W'X_t / ||w_t||^2 - b_t||^2)^(1/2) / ||X||, the rows being where they belong."""
        energies, total = self._energies(), self.data.measures.squared_norm
        used = energies > 0
        gaps = self._sums()[:, used].astype(np.float64) / energies[used] - self.B[:, used]
        return math.sqrt(float(energies[used] @ np.sum(gaps**2, axis=0)) / total) if total > 0 else 0.0

    def _energies(self) -> np.ndarray:
        """||w_t||^2."""
        return np.sum(np.square(self.W, dtype=np.float64), axis=0)

    def _sums(self) -> np.ndarray:
        """X'W."""
        return self.data.T.dot(self.W, np.empty_like(self.B))

    def _assign(self) -> None:
        """W for the directions, of which those without a row are moved to rows that are fitted worst."""
        m, k = self.data.shape[0], self.B.shape[1]
        C, rows = self.data.dot(self.B, np.empty((m, k), self.B.dtype)), np.arange(m)
        labels = C.argmax(axis=1)
        for _ in range(k):  # one that moves can take the last row of another
            along = C[rows, labels]
            empty = np.flatnonzero(np.bincount(labels[along > 0], minlength=k) == 0)
            worst = self._worst(along, len(empty)) if len(empty) else empty
            if not len(worst):
                break
            moved = empty[: len(worst)]
            found = directions(self.data.take(worst).T)
            self.B[:, moved] = found
            C[:, moved] = self.data.dot(found, np.empty((m, len(moved)), C.dtype))
            labels = C.argmax(axis=1)
        self.W = np.zeros_like(C)
        self.W[rows, labels] = C[rows, labels]

    def _worst(self, along: np.ndarray, most: int) -> np.ndarray:
        """The rows of which most is left beside these products with their directions, if it is not round-off."""
        left = self.squares - along.astype(np.float64) ** 2
        left[left <= ROUND_OFF * EPS[self.B.dtype] * self.squares] = 0
        return np.argsort(-left, kind="stable")[: min(most, np.count_nonzero(left))]


def directions(sums: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """The columns over their norms; what is 0 stays what it was, or 0."""
    norms = np.sqrt(np.sum(np.square(sums, dtype=np.float64), axis=0))
    out = np.ascontiguousarray(sums / np.where(norms > 0, norms, 1), sums.dtype)
    if before is not None:
        out[:, norms == 0] = before[:, norms == 0]
    return out


def drawn(data: Data, k: int, rng: Random) -> np.ndarray:
    """Rows one after the other, by the squares of what is left of them beside the nearest direction before.

    As in greedy k-means++ (Arthur & Vassilvitskii 2007), with angles for distances: of a few rows that are drawn, the
    one that leaves least. Where nothing is left, directions are 0.
    """
    squares = data.squared_row_norms(np.ones(data.shape[0]))
    B, left, trials = np.zeros((data.shape[1], k), data.dtype), squares, 2 + int(math.log(k))
    for t in range(k):
        sums = np.cumsum(left)
        if not sums[-1] > 0:
            break
        rows = np.minimum(np.searchsorted(sums, rng.random(trials) * sums[-1], side="right"), len(sums) - 1)
        tried = directions(data.take(rows).T)
        along = data.dot(tried, np.empty((len(squares), trials), data.dtype)).astype(np.float64)
        leaving = np.minimum(left[:, None], squares[:, None] - along**2)
        leaving[leaving <= ROUND_OFF * EPS[data.dtype] * squares[:, None]] = 0
        best = int(leaving.sum(axis=0).argmin())
        B[:, t], left = tried[:, best], leaving[:, best]
    return B


def of_labels(data: Data, labels: np.ndarray, k: int) -> np.ndarray:
    """Directions of clusters: the sums of their rows times the norms of these."""
    W = np.zeros((data.shape[0], k), data.dtype)
    W[np.arange(len(labels)), labels] = np.sqrt(data.squared_row_norms(np.ones(len(labels))))
    return directions(data.T.dot(W, np.empty((data.shape[1], k), data.dtype)))
