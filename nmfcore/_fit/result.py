"""The result of a fit, with what a further fit or decomposition of X says of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .factorization import Factorization, factorization_from_arrays
from .optimality import optimality
from .records import Optimality
from .request import RandomState
from .transform import transform


@dataclass(frozen=True, eq=False)
class Result(Factorization):
    """A factorization X ~ W H; `W, H = result` unpacks it.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        Of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        The same; it is the transpose of a C-contiguous (n, k) array.
    objective : float
        The loss at (W, H), for "frobenius" 1/2 ||X - W H||_F^2, and the penalties; one on W alone is that of
        W diag(|H_t|), one on H alone that of diag(|W_t|) H.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    n_iter : int
        Iterations done.
    converged : bool
        Whether the stopping rule was met (see `hals`).
    reason : str
        Why the fit stopped: "tol", "stalled", "max_iter", "max_time" or "callback".
    kkt_residual : float
        How far (W, H) is from a stationary point: 0 there; it does not change with the scale of X, nor when a
        column of W is multiplied and the row of H divided by the same number (see `hals`).
    history : History
    unobserved : tuple of two ndarrays
        The rows and the columns of X without an observed entry, of which W and H hold 0 unless penalties say more.
    options : dict
        What was asked for, as JSON values by the names of the arguments of `nmf`: objects as they are written, without
        their arrays ("L1(0.1)"); of fixed values, weights and masks whether there were any; "given" for
        factors and generators. Beside them "dtype", in which was computed, and "version", that of nmfcore.
    names : tuple of two, each a tuple of str or None
        Of the rows and of the columns of X, where it was a data frame or an AnnData.
    """

    def transform(
        self,
        X: Any,
        *,
        max_iter: int = 1000,
        tol: float = 1e-6,
        max_time: float | None = None,
        n_threads: int | None = None,
    ) -> np.ndarray:
        """W for new samples under this model, with the loss of the fit; see `nmfcore.transform` for more options.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (p, n)
            New samples in rows, with the columns of the fit.
        max_iter, tol, max_time, n_threads
            See `nmfcore.transform`.

        Returns
        -------
        ndarray, shape (p, k)
            Of the dtype of X. Penalties of the fit are not applied; `nmfcore.transform` takes penalty_W.

        Raises
        ------
        InputError, InputTypeError
            As `nmfcore.transform`.

        Warns
        -----
        ConvergenceWarning
            See `nmfcore.transform`.
        """
        return transform(X, self, max_iter=max_iter, tol=tol, max_time=max_time, n_threads=n_threads)

    def optimality(
        self,
        X: Any,
        *,
        n_threads: int | None = None,
        random_state: RandomState = None,
    ) -> Optimality:
        """How far ||X - W H||_F is above the least error of any matrix of that rank: what non-negativity costs.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (m, n)
            The X of the fit, which a result does not hold.
        n_threads, random_state
            As for `svd`, which gives the least error; costs as there.

        Returns
        -------
        Optimality
            (error, best, ratio). The error is that of Frobenius, whatever the loss of the fit. Near an exact fit both
            are round-off, and so is their ratio.

        Raises
        ------
        TypeError, ValueError
            As `hals` for X; X of another shape or with other columns; a fit with weights, a mask or missing entries,
            of which no decomposition gives the least error.
        """
        return optimality(self.W, self.H, self.options, self.names, X, n_threads, random_state)


def result_from_arrays(arrays: dict[str, np.ndarray]) -> Result:
    """The result that the arrays hold; an exception of any kind where they do not fit together."""
    return factorization_from_arrays(arrays, Result)
