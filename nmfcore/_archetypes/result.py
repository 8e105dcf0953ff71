"""What archetypal analysis gives back."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._checks import InputError
from .._fit import History
from .._runtime import Workspace, check_threads
from ..data import Data, Dense, Names, as_data, check_same_columns, frames
from .simplex import fit_rows


@dataclass(frozen=True)
class Archetypes:
    """Points as mixtures of archetypes, X ~ W archetypes, which are mixtures of points, archetypes = B X.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        Of the dtype of X, float32 or float64; each row >= 0 with sum 1.
    B : ndarray of float64, shape (k, m)
        Each row >= 0 with sum 1 (from 1 - delta to 1 + delta where that was asked for), most of it 0.
    archetypes : ndarray, shape (k, n)
        B X, of the dtype of X.
    objective : float
        See `archetypes`.
    explained_variance : float
        1 less the sum of the squared residuals over that of the distances of the points to their mean, with weights.
    n_iter : int
        Iterations of the fit that was kept.
    converged : bool
        Whether the stopping rule was met.
    reason : str
        Why the fit stopped: "tol", "max_iter" or "max_time".
    history : History
        The objective after each iteration; it never rises.
    objectives : ndarray of float64, shape (n_starts,)
        That of the fit from each start.
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

    def transform(self, X: Any, *, n_threads: int | None = None) -> np.ndarray:
        """W for new points: the nearest point of the hull of the archetypes, as a mixture of them.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (p, n)
            As for `archetypes`, with the same columns.
        n_threads : int, optional
            See `hals`.

        Returns
        -------
        ndarray, shape (p, k)
            Of the dtype of X. It does not depend on the other points.

        Raises
        ------
        TypeError, ValueError
            As `archetypes` for X; another number of columns, or other names of them.
        """
        X, (_, found) = frames.unwrap(X)
        check_same_columns(found, self.names[1])
        held, workspace = _new_points(X, self.archetypes.shape[1], n_threads)
        Z, centre = self.archetypes.astype(np.float64), 0.0
        if isinstance(held, Dense):  # distances from the archetypes, not from 0, lose no digits
            centre = Z.mean(axis=0)
            held = Dense.of(np.asarray(held.X - centre, held.dtype, order="C"), workspace)
        exponent = max(held.measures.exponent, int(np.frexp(np.abs(Z - centre).max())[1]))
        held = replace(held, measures=held.measures._replace(exponent=exponent))
        Zt = np.ldexp((Z - centre).T, -exponent).astype(held.dtype, order="C")
        W = np.zeros((held.shape[0], len(Z)), held.dtype)
        fit_rows(workspace, workspace.gram(Zt), held.dot(Zt, np.empty_like(W)), W)
        return W


def _new_points(X: Any, columns: int, n_threads: Any) -> tuple[Data, Workspace]:
    """Points for archetypes that are fitted."""
    held, workspace = as_data(X, check_threads(n_threads), signed=True)
    if held.shape[1] != columns:
        raise InputError(f"X has {held.shape[1]} columns, but the archetypes have {columns}; wanted as many")
    return held, workspace
