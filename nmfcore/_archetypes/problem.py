"""The problem of archetypal analysis: X, less its mean where it is dense, the weights of its rows, and their loss.

- Dense X is used without its mean, which loses no digits far from the origin; not if delta > 0, where the origin has a
  meaning.
- The archetypes of the result are B X in units of X, not those of the iterations plus the mean: if X >= 0, so are they.
- The threshold of the Huber loss can be smaller than any residual. The objective of the iterations is then in units of
  it, and residuals that are round-off count as such in the majoriser.
"""

import math
from typing import NamedTuple

import numpy as np

from .._runtime import Workspace
from ..data import Dense, UnweightedData

FAR = 64  # residuals of the data, whose entries are less than 8, are shorter than 2**FAR


class ArchetypalProblem(NamedTuple):
    """X, less its mean where it is dense, and how its rows count."""

    data: UnweightedData
    k: int
    weights: np.ndarray | None
    """The weights of the rows, divided by the largest one."""
    largest_weight: float
    squares: np.ndarray
    """||x_i||^2."""
    threshold: float
    """The threshold of the Huber loss in units of the data times 2**threshold_exponent; infinite for least squares."""
    threshold_exponent: int
    """At most 0. The losses of the rows are those of the data times 2**-threshold_exponent."""
    sum_bounds: tuple[float, float]
    """The smallest and the largest sum of a row of B."""
    points: UnweightedData
    """X itself, with a power of two of its own."""
    exponent: int
    """X, or X less its mean, is the data times this power of two."""
    workspace: Workspace

    @classmethod
    def of(
        cls,
        X: UnweightedData,
        k: int,
        weights: np.ndarray | None,
        huber: float | None,
        delta: float,
        workspace: Workspace,
    ) -> "ArchetypalProblem":
        """The problem for X; the mean of dense X only matters where the sums of B are relaxed."""
        data, exponent = X, X.measures.exponent
        if isinstance(X, Dense) and delta == 0:
            data = subtract_row(X, None, workspace)
            exponent += data.measures.exponent
        threshold, threshold_exponent = (math.inf, 0) if huber is None else scale_threshold(huber, exponent)
        largest = 1.0 if weights is None else float(weights.max())
        return cls(
            data,
            k,
            weights=None if weights is None else weights / largest,
            largest_weight=largest,
            squares=data.squared_row_norms(np.ones(data.shape[0])),
            threshold=threshold,
            threshold_exponent=threshold_exponent,
            sum_bounds=(1 - delta, 1 + delta),
            points=X,
            exponent=exponent,
            workspace=workspace,
        )

    def in_units_of_X(self, values: np.ndarray) -> np.ndarray:
        """Objectives in units of X and of the weights; one beyond the range of float64 is infinite or 0."""
        mantissa, exponent = math.frexp(self.largest_weight)
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(values * mantissa, exponent + 2 * self.exponent + self.threshold_exponent)

    def mix_points(self, B: np.ndarray) -> np.ndarray:
        """B X in units of X; an entry beyond the range of the dtype is infinite or 0.

        Mixtures whose shares sum to 1 lie within the range of their points, also after round-off.
        """
        used = np.flatnonzero(B.any(axis=0))
        points, shares = self.points.take(used).astype(np.float64), np.ascontiguousarray(B[:, used])
        Z = shares @ points
        if self.sum_bounds == (1, 1):
            for z, share in zip(Z, shares, strict=True):
                mixed = points[share > 0]
                np.clip(z, mixed.min(axis=0), mixed.max(axis=0), out=z)
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(Z, self.points.measures.exponent).astype(self.points.dtype)

    def scatter(self) -> float:
        """The weighted sum of the squared distances of the rows to their mean."""
        m, n = self.data.shape
        weights = self.weight_rows(np.ones(m))
        column = weights[:, None].astype(self.data.dtype)
        sums = self.data.T.dot(column, np.empty((n, 1), self.data.dtype))[:, 0].astype(np.float64)
        return max(0.0, float(self.weight_rows(self.squares).sum() - sums @ sums / weights.sum()))

    def weight_rows(self, values: np.ndarray) -> np.ndarray:
        """Values of the rows times their weights."""
        return values if self.weights is None else values * self.weights

    def losses(self, squared: np.ndarray) -> np.ndarray:
        """The loss of each row, given its squared residual; for the Huber loss times 2**-threshold_exponent."""
        if self.threshold == math.inf:
            return 0.5 * squared
        lengths, threshold = np.sqrt(squared), math.ldexp(self.threshold, self.threshold_exponent)
        losses, near = self.threshold * (lengths - 0.5 * threshold), lengths <= threshold
        losses[near] = np.ldexp(0.5 * squared[near], -self.threshold_exponent)
        return losses

    @property
    def shortest(self) -> float:
        """The length of a residual up to which the majoriser of the Huber loss is as curved as it gets."""
        eps = float(np.finfo(self.data.dtype).eps)
        return max(math.ldexp(self.threshold, self.threshold_exponent), 8 * eps)

    @property
    def curvature(self) -> float:
        """What a row of weight 1 counts in the majoriser, in the units of `losses`."""
        return 1.0 if self.threshold == math.inf else self.threshold / self.shortest

    def majorizer_weights(self, squared: np.ndarray) -> np.ndarray | None:
        """The weights of the least squares that touch the sum of the losses from above; None where all are 1."""
        if self.threshold == math.inf:
            return self.weights
        return self.weight_rows(self.shortest / np.maximum(np.sqrt(squared), self.shortest))


def subtract_row(X: Dense, row: np.ndarray | None, workspace: Workspace) -> Dense:
    """X times 2**-exponent, less a row, in one new array; None stands for the mean of the rows."""
    scaled = np.ldexp(X.X, -X.measures.exponent, out=np.empty(X.shape, X.dtype))
    subtrahend = scaled.mean(axis=0, dtype=np.float64) if row is None else row
    np.subtract(scaled, subtrahend, out=scaled, casting="same_kind")
    return Dense.of(scaled, workspace)


def scale_threshold(huber: float, exponent: int) -> tuple[float, int]:
    """The threshold times 2**-exponent as h 2**p with p <= 0, where h >= 1/2 if p < 0; infinite beyond any residual."""
    h, p = math.frexp(huber)
    p -= exponent
    if p <= 0:
        return h, p
    return (math.ldexp(h, p), 0) if p < FAR else (math.inf, 0)
