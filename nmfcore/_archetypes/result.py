"""The result of archetypal analysis."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .._fit import History, ending_from_members, ending_to_arrays
from .._runtime import Members, Storable, check_threads, files, names_to_array
from ..data import Dense, Names, UnweightedData, as_data, check_same_columns, frames
from .check_archetypes import check_same_features
from .problem import subtract_row
from .simplex import fit_rows

REASONS = ("tol", "max_iter", "max_time")
SUM_TOLERANCE = 1e-3  # of the sums of rows in a file; they are round-off in a fit


@dataclass(frozen=True, eq=False)
class Archetypes(Storable):
    """Points as mixtures of archetypes, X ~ W archetypes, which are mixtures of points, archetypes = B X.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        Of the dtype of X, float32 or float64; each row is >= 0 and sums to 1.
    B : ndarray of float64, shape (k, m)
        Each row is >= 0 and sums to 1, or to a number from 1 - delta to 1 + delta. Most of it is 0.
    archetypes : ndarray, shape (k, n)
        B X, of the dtype of X.
    objective : float
        Half the weighted sum of the squared residuals, or of Huber's loss; see `archetypes`.
    explained_variance : float
        1 - a / b with the weighted sums of a, the squared residuals, and b, the squared distances of the points to
        their mean.
    n_iter : int
        Number of iterations of the best fit.
    converged : bool
        Whether the stopping rule was met.
    reason : str
        Why the best fit stopped: "tol", "max_iter" or "max_time".
    history : History
        The objective after each iteration of the best fit; it never rises. Seconds count from the call.
    objectives : ndarray of float64, shape (n_starts,)
        The objective of the fit from each start.
    names : tuple of two, each a tuple of str or None
        The names of the rows and columns of X, if it was a data frame or an AnnData.

    See Also
    --------
    nmfcore.archetypes : The function that returns it.
    """

    W: np.ndarray = field(repr=False)
    B: np.ndarray = field(repr=False)
    archetypes: np.ndarray = field(repr=False)
    objective: float
    explained_variance: float
    n_iter: int
    converged: bool
    reason: str
    history: History = field(repr=False)
    objectives: np.ndarray = field(repr=False)
    names: Names = field(repr=False, default=(None, None))

    _file_kind: ClassVar = files.FileFormat("nmfcore archetypes", "no archetypes of nmfcore", "Archetypes.save")

    def transform(self, X: Any, *, n_threads: int | None = None) -> np.ndarray:
        """W for new points: each nearest point of the hull of the archetypes, as a mixture of them.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (p, n)
            As for `archetypes`, with the same columns.
        n_threads : int, optional
            See `hals`. Any number of threads gives identical bits.

        Returns
        -------
        ndarray, shape (p, k)
            Of the dtype of X. A row does not depend on the other points.

        Raises
        ------
        InputTypeError, InputError
            As `archetypes` for X, or X has another number of columns or other names of them.
        """
        X, (_, columns) = frames.unwrap(X)
        check_same_columns(columns, self.names[1])
        data, workspace = as_data(X, check_threads(n_threads), signed=True)
        check_same_features(data.shape[1], self.archetypes.shape[1])
        Z = self.archetypes.astype(np.float64)
        data, Z = with_common_exponent(data, Z)
        if isinstance(data, Dense):  # distances from the archetypes, not from 0, lose no digits
            centre = Z.mean(axis=0)
            data, Z = with_common_exponent(subtract_row(data, centre, workspace), Z - centre)
        Zt = Z.T.astype(data.dtype, order="C")
        W = np.zeros((data.shape[0], len(Z)), data.dtype)
        fit_rows(workspace, workspace.gram(Zt), data.dot(Zt, np.empty_like(W)), W)
        return W

    def _to_arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: getattr(self, name) for name in ("W", "B", "archetypes", "objectives")}
        explained = {"explained_variance": np.asarray(self.explained_variance)}
        return arrays | explained | ending_to_arrays(self) | {"names": names_to_array(self.names)}

    @classmethod
    def _from_members(cls, members: Members) -> "Archetypes":
        W = members.floats("W", (None, None), least=0, most=2)
        m, k = W.shape
        B = members.floats("B", (k, m), np.float64, 0, 3)
        archetypes = members.floats("archetypes", (k, None), W.dtype)
        objectives = members.floats("objectives", (None,), np.float64, 0)
        sums = B.sum(axis=1)
        if not len(objectives) or np.any(np.abs(W.sum(axis=1) - 1) > SUM_TOLERANCE):
            raise ValueError("objectives or W")
        if not (-SUM_TOLERANCE <= sums.min() and sums.max() <= 2 + SUM_TOLERANCE):
            raise ValueError("B")
        return cls(
            W=np.ascontiguousarray(W),
            B=np.ascontiguousarray(B),
            archetypes=np.ascontiguousarray(archetypes),
            explained_variance=members.number("explained_variance"),
            objectives=objectives,
            names=members.names((m, archetypes.shape[1])),
            **ending_from_members(members, REASONS),
        )


def with_common_exponent(data: UnweightedData, Z: np.ndarray) -> tuple[UnweightedData, np.ndarray]:
    """Data and Z, which is in units of X, times the same power of two, so that no entry of either is large."""
    exponent = max(data.measures.exponent, int(np.frexp(np.abs(Z).max())[1]))
    return data.with_exponent(exponent), np.ldexp(Z, -exponent)
