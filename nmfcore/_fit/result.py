"""The result of a fit, with what a further fit or decomposition of X says of it."""

from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np

from .._checks import check_flag
from .._runtime import Members
from .factorization import Factorization
from .new_samples import fit_new_samples
from .optimality import optimality
from .records import Optimality
from .request import RandomState


@dataclass(frozen=True, eq=False)
class Result(Factorization):
    """A factorization X ~ W H; `W, H = result` unpacks it.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        Of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        Of the same dtype; it is the transpose of a C-contiguous (n, k) array.
    objective : float
        The loss at (W, H), for "frobenius" 1/2 ||X - W H||_F^2, plus the penalties. If only one factor is penalised, it
        is computed as if the components of the other one had length 1.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    n_iter : int
        The number of iterations.
    converged : bool
        Whether the stopping rule was met (see `hals`) near a stationary point: at a kkt_residual of at most 0.01.
    reason : str
        Why the fit stopped: "tol", "stalled", "max_iter", "max_time" or "callback".
    kkt_residual : float
        The distance of (W, H) from a stationary point, where it is 0. It does not depend on the scale of X, nor on how
        the scale of a component is shared between W and H (see `hals`).
    history : History
    unobserved : tuple of two ndarrays
        The rows and the columns of X without an observed entry. W and H are 0 there, unless penalties say otherwise.
    options : dict
        The arguments of `nmf` as JSON values: objects as they are written, without their arrays ("L1(0.1)"); for fixed
        values, weights and masks whether there were any; "given" for factors and generators. "solver" is the one that
        ran. Also "dtype", the dtype of
        the computation, and "version", that of nmfcore.
    names : tuple of two, each a tuple of str or None
        The names of the rows and of the columns of X, if it was a data frame or an AnnData.
    """

    @overload
    def transform(
        self,
        X: Any,
        *,
        max_iter: int = 1000,
        tol: float = 1e-6,
        max_time: float | None = None,
        n_threads: int | None = None,
        full_output: Literal[False] = False,
    ) -> np.ndarray: ...

    @overload
    def transform(
        self,
        X: Any,
        *,
        max_iter: int = 1000,
        tol: float = 1e-6,
        max_time: float | None = None,
        n_threads: int | None = None,
        full_output: Literal[True],
    ) -> "Result": ...

    def transform(
        self,
        X: Any,
        *,
        max_iter: int = 1000,
        tol: float = 1e-6,
        max_time: float | None = None,
        n_threads: int | None = None,
        full_output: bool = False,
    ) -> "np.ndarray | Result":
        """W for new samples under this model, with the loss of the fit; see `nmfcore.transform` for more options.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (p, n)
            New samples in rows, with the columns of the fit.
        max_iter, tol, max_time, n_threads, full_output
            See `nmfcore.transform`.

        Returns
        -------
        ndarray, shape (p, k)
            Of the dtype of X. Penalties of the fit are not applied; `nmfcore.transform` takes penalty_W.
        Result
            With `full_output`.

        Raises
        ------
        InputError, InputTypeError
            As `nmfcore.transform`.

        Warns
        -----
        ConvergenceWarning, UserWarning
            See `nmfcore.transform`.
        """
        full_output = check_flag(full_output, "full_output")
        options = {"loss": None, "max_iter": max_iter, "tol": tol, "max_time": max_time, "n_threads": n_threads}
        result = fit_new_samples(X, self, Result, options)
        return result if full_output else result.W

    def optimality(
        self,
        X: Any,
        *,
        n_threads: int | None = None,
        random_state: RandomState = None,
    ) -> Optimality:
        """The error ||X - W H||_F compared with the least error of any matrix of that rank: what non-negativity costs.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (m, n)
            The X of the fit; a result does not hold it.
        n_threads, random_state
            As for `svd`, which gives the least error, and the cost.

        Returns
        -------
        Optimality
            (error, best, ratio). The error is the Frobenius norm, whatever the loss of the fit. Near an exact fit both
            errors are round-off, and the ratio means nothing.

        Raises
        ------
        InputError, InputTypeError
            As `hals` for X; X of another shape or with other columns; a fit with weights, a mask or missing entries,
            for which no decomposition gives the least error.
        """
        return optimality(self.W, self.H, self.options, self.names, X, n_threads, random_state)


def result_from_arrays(arrays: dict[str, np.ndarray]) -> Result:
    """The result that the arrays hold; an exception of any kind where they do not fit together."""
    return Result._from_members(Members(arrays))
