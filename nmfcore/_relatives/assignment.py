"""Orthogonal NMF by alternation: assign each row to a direction, then move each direction towards its rows.

The starts draw rows as greedy k-means++ does (Arthur & Vassilvitskii 2007), with angles in the place of distances.
"""

import math

import numpy as np

from .._checks import Random
from .._runtime import Workspace
from ..data import UnweightedData
from ..losses import CANCELLATION, EPS

ROUND_OFF = 64  # machine epsilons of a squared norm, below which the rest of a row counts as 0


class Assignment:
    """An `IterativeFit` from directions B (n x k).

    Row i of W has one entry, the product of x_i and the direction of its cluster.
    """

    def __init__(self, data: UnweightedData, B: np.ndarray, workspace: Workspace) -> None:
        self.data, self.workspace = data, workspace
        self.squares = data.squared_row_norms(np.ones(data.shape[0]))
        self.B = B
        self._assign()

    def objective(self) -> float:
        """1/2 ||X - W B'||^2, summed entry by entry where the difference has lost half of its digits."""
        total = self.data.measures.squared_norm
        value = 0.5 * (total - float(np.sum(np.square(self.W.max(axis=1), dtype=np.float64))))
        return value if value > CANCELLATION[self.W.dtype] * total else 0.5 * self.data.squared_residual(self.W, self.B)

    def iterate(self) -> float:
        """Update the directions, then the clusters."""
        self.B = normalize_columns(self._weighted_sums(), self.B)
        self._assign()
        return self.objective()

    @np.errstate(over="ignore", under="ignore")  # an entry beyond the range of the dtype is infinite or 0
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """W with orthonormal columns, and H: the directions times the norms of the parts of X along them."""
        sizes = np.sqrt(self._squared_column_norms()).astype(self.W.dtype)
        H = np.ldexp(self.B * sizes, self.data.measures.exponent)
        return self.W / np.where(sizes > 0, sizes, 1), H.T

    def kkt_residual(self) -> float:
        """(sum_t ||w_t||^2 ||X'w_t / ||w_t||^2 - b_t||^2)^(1/2) / ||X||, since the clusters are optimal for B."""
        squares, total = self._squared_column_norms(), self.data.measures.squared_norm
        used = squares > 0
        gaps = self._weighted_sums()[:, used].astype(np.float64) / squares[used] - self.B[:, used]
        return math.sqrt(float(squares[used] @ np.sum(gaps**2, axis=0)) / total) if total > 0 else 0.0

    def _squared_column_norms(self) -> np.ndarray:
        """||w_t||^2."""
        return np.sum(np.square(self.W, dtype=np.float64), axis=0)

    def _weighted_sums(self) -> np.ndarray:
        """X'W: for each cluster the sum of its rows, weighted by W."""
        return self.data.T.dot(self.W, np.empty_like(self.B))

    def _assign(self) -> None:
        """Set W for the directions; a direction without rows moves to one of the rows that are fitted worst."""
        m, k = self.data.shape[0], self.B.shape[1]
        C, rows = self.data.dot(self.B, np.empty((m, k), self.B.dtype)), np.arange(m)
        labels = C.argmax(axis=1)
        for _ in range(k):  # a direction that moves can take the last row of another one
            products = C[rows, labels]
            empty = np.flatnonzero(np.bincount(labels[products > 0], minlength=k) == 0)
            worst = self._worst_rows(products, len(empty)) if len(empty) else empty
            if not len(worst):
                break
            moved = empty[: len(worst)]
            B = normalize_columns(self.data.take(worst).T)
            self.B[:, moved] = B
            C[:, moved] = self.data.dot(B, np.empty((m, len(moved)), C.dtype))
            labels = C.argmax(axis=1)
        self.W = np.zeros_like(C)
        self.W[rows, labels] = C[rows, labels]

    def _worst_rows(self, products: np.ndarray, most: int) -> np.ndarray:
        """The rows with the largest residuals from their directions; none where all residuals are round-off."""
        residuals = self.squares - products.astype(np.float64) ** 2
        residuals[residuals <= ROUND_OFF * EPS[self.B.dtype] * self.squares] = 0
        return np.argsort(-residuals, kind="stable")[: min(most, np.count_nonzero(residuals))]


def normalize_columns(sums: np.ndarray, before: np.ndarray | None = None) -> np.ndarray:
    """The columns divided by their norms; a column of zeros stays what it was before, or 0."""
    norms = np.sqrt(np.sum(np.square(sums, dtype=np.float64), axis=0))
    out = np.ascontiguousarray(sums / np.where(norms > 0, norms, 1), sums.dtype)
    if before is not None:
        out[:, norms == 0] = before[:, norms == 0]
    return out


def draw_directions(data: UnweightedData, k: int, rng: Random) -> np.ndarray:
    """Directions (n x k) of rows that are drawn one after the other.

    A row is drawn with probability proportional to the squared residual from the nearest direction so far. Of a few
    rows that are drawn, the one that leaves the least residual is taken. Directions are 0 where no residual is left.
    """
    squares = data.squared_row_norms(np.ones(data.shape[0]))
    B, residuals, trials = np.zeros((data.shape[1], k), data.dtype), squares, 2 + int(math.log(k))
    for t in range(k):
        sums = np.cumsum(residuals)
        if not sums[-1] > 0:
            break
        rows = np.minimum(np.searchsorted(sums, rng.random(trials) * sums[-1], side="right"), len(sums) - 1)
        candidates = normalize_columns(data.take(rows).T)
        products = data.dot(candidates, np.empty((len(squares), trials), data.dtype)).astype(np.float64)
        remaining = np.minimum(residuals[:, None], squares[:, None] - products**2)
        remaining[remaining <= ROUND_OFF * EPS[data.dtype] * squares[:, None]] = 0
        best = int(remaining.sum(axis=0).argmin())
        B[:, t], residuals = candidates[:, best], remaining[:, best]
    return B


def directions_of_labels(data: UnweightedData, labels: np.ndarray, k: int) -> np.ndarray:
    """The directions (n x k) of clusters: sums of their rows, weighted by the norms of the rows."""
    W = np.zeros((data.shape[0], k), data.dtype)
    W[np.arange(len(labels)), labels] = np.sqrt(data.squared_row_norms(np.ones(len(labels))))
    return normalize_columns(data.T.dot(W, np.empty((data.shape[1], k), data.dtype)))
