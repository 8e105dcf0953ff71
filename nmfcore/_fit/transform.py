"""W for new samples under a model that is fitted already."""

import time
from typing import Any

import numpy as np

from .._checks import check_H
from ..data import check_same_columns, frames
from ..losses import LossLike
from ..penalties import Penalty
from .check_result import loss_of_fit
from .convergence import warn_if_far
from .factorization import Factorization
from .parameters import document
from .problem import run_fit
from .request import FitRequest

TOL = 1e-6


@document
def transform(
    X: Any,
    H: Any,
    *,
    loss: LossLike | None = None,
    solver: str = "auto",
    max_iter: int = 1000,
    tol: float = TOL,
    max_time: float | None = None,
    penalty_W: Penalty | None = None,
    fixed_W: Any = None,
    weights: Any = None,
    mask: Any = None,
    missing: str | None = None,
    n_threads: int | None = None,
) -> np.ndarray:
    """W >= 0 that fits X ~ W H for a given H: the weights of new samples under a fitted model.

    Minimises the loss of `nmf` and the penalty on W, over W alone. The rows of W are separate problems, convex for
    every loss that is convex in W H: a row depends neither on the other rows nor on a start. ("l1" depends on the
    other rows slightly, since it is rounded off below a share of the mean of X.)

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        New samples in rows, as for `hals`.
    H : array_like, shape (k, n), or Result
        The parts of a fitted model, >= 0 and finite. Where X and the data of the fit, or H itself, are data frames,
        their columns must be the same, in the same order.
    loss : {"frobenius", "kullback-leibler", "itakura-saito", "l1"}, float or loss object, optional
        See `mu`. None: the loss of the fit where H is a Result, else "frobenius".
    solver : {"auto", "hals", "mu", "cd", "pgd", "bpp"}
        See `nmf`. "auto" solves least squares exactly by "bpp" where that serves the penalty.
    max_iter : int
        The largest number of iterations over W.
    tol : float
        As for `hals` or `mu`. For least squares the product with X is made once, 2 m n k flop, or 2 nnz k.
    %(max_time)s
    penalty_W : penalties.Penalty, optional
        A penalty on W or a set in which it lies; it is taken as it is, since H is given.
    fixed_W : array_like, shape (m, k), optional
        Known values of W, NaN where it is free.
    %(observations)s
    %(n_threads)s

    Returns
    -------
    ndarray, shape (m, k)
        Of the dtype of X.

    Raises
    ------
    InputError, InputTypeError
        As `nmf`. Also where H has another number of columns than X, or columns of other names.

    Warns
    -----
    ConvergenceWarning
        As `hals`.

    See Also
    --------
    Result.transform : The same for a result, with the loss of the fit.
    nnls : Non-negative least squares for any matrix.

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> rng = np.random.default_rng(0)
    >>> W, H = rng.random((50, 3)), rng.random((3, 20))
    >>> np.allclose(nmfcore.transform(W @ H, H, tol=1e-10), W, atol=1e-6)
    True
    """
    clock = time.perf_counter()
    values, (_, columns) = frames.unwrap(X)
    if isinstance(H, Factorization):
        loss = loss_of_fit(H.options) if loss is None else loss
        H = frames.labelled(H.H, (None, H.names[1]))
    values_of_H, (_, fitted) = frames.unwrap(H, "H")
    check_same_columns(columns, fitted)
    values_of_H = check_H(values_of_H, values)
    request = FitRequest(
        X=frames.labelled(values, frames.labels_of(X)),
        k=len(values_of_H),
        loss="frobenius" if loss is None else loss,
        solver=solver,
        max_iter=max_iter,
        tol=tol,
        max_time=max_time,
        penalty_W=penalty_W,
        fixed_W=fixed_W,
        fixed_H=frames.labelled(values_of_H, frames.labels_of(H)),
        weights=weights,
        mask=mask,
        missing=missing,
        n_threads=n_threads,
    )
    result = run_fit(request, Factorization, clock)
    warn_if_far(result, request.tol)
    return result.W
