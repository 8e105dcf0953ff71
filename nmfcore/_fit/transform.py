"""W for new samples under a model that is fitted already."""

from typing import Any

import numpy as np

from .._checks import check_H
from ..data import check_same_columns, frames
from ..penalties import Penalty
from .nmf import nmf
from .result import Result

TOL = 1e-6


def transform(
    X: Any,
    H: Any,
    *,
    loss: Any = "frobenius",
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
    """W >= 0 that fits X ~ W H for a given H: the rows of a fitted model for new samples, one or a million.

    Minimises the loss of `nmf` and the penalty on W over W alone. Each row is a problem of its own, convex for every
    loss that is convex in the model, so that it does not depend on the other rows nor on a start ("l1" does a little,
    rounded off as it is below a share of the mean of X).

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        New samples in rows, as for `hals`.
    H : array_like, shape (k, n), or Result
        The parts, >= 0 and finite, of a fit. Where X and what was fitted, or H itself, are data frames, their columns
        must be the same, in the same order.
    loss, solver, penalty_W, fixed_W, weights, mask, missing, max_time, n_threads
        See `nmf`. penalty_W is taken as it is, for H is given. Least squares are solved exactly where `solver="bpp"`
        serves them, which "auto" takes then.
    max_iter : int
        Most iterations over W.
    tol : float
        As for `hals` or `mu`. For least squares the product with X is made once, 2 m n k flop, or 2 nnz k.

    Returns
    -------
    ndarray, shape (m, k)
        Of the dtype of X.

    Raises
    ------
    TypeError, ValueError
        As `nmf`; also where H has another number of columns than X, or columns of other names.

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> rng = np.random.default_rng(0)
    >>> W, H = rng.random((50, 3)), rng.random((3, 20))
    >>> np.allclose(nmfcore.transform(W @ H, H, tol=1e-10), W, atol=1e-6)
    True
    """
    X, (_, found) = frames.unwrap(X)
    H, (_, fitted) = (H.H, H.names) if isinstance(H, Result) else frames.unwrap(H, "H")
    check_same_columns(found, fitted)
    H = check_H(H, X)
    return nmf(
        X,
        len(H),
        loss=loss,
        solver=solver,
        max_iter=max_iter,
        tol=tol,
        max_time=max_time,
        penalty_W=penalty_W,
        fixed_W=fixed_W,
        fixed_H=H,
        weights=weights,
        mask=mask,
        missing=missing,
        n_threads=n_threads,
    ).W
