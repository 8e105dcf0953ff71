"""W for new samples under a model that is fitted already."""

from typing import Any, Literal, overload

import numpy as np

from .._checks import check_flag
from ..losses import LossLike
from ..penalties import Penalty
from .new_samples import fit_new_samples
from .parameters import document
from .result import Result

TOL = 1e-6


@overload
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
    full_output: Literal[False] = False,
) -> np.ndarray: ...


@overload
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
    full_output: Literal[True],
) -> Result: ...


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
    full_output: bool = False,
) -> np.ndarray | Result:
    """W >= 0 that fits X ~ W H for a given H: the weights of new samples under a fitted model.

    Minimises the loss of `nmf` and the penalty on W, over W alone. The rows of W are separate problems. Where the loss
    is convex in W H, that is for 1 <= beta <= 2, "l1", "l21" and a Huber loss, a row has one minimum, which depends
    neither on the other rows nor on a start. ("l1" depends on the other rows slightly, since it is rounded off below a
    share of the mean of X.) For other losses, such as "itakura-saito" and beta < 1 or > 2, W is a stationary point: the
    one that multiplicative updates reach from a constant, which need not be the least.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        New samples in rows, as for `hals`.
    H : array_like, shape (k, n), or Result
        The parts of a fitted model, >= 0 and finite. Where X and the data of the fit, or H itself, are data frames,
        their columns must be the same, in the same order.
    loss : {"frobenius", "kullback-leibler", "itakura-saito", "l1"}, float or loss object, optional
        See `mu`. None: the loss of the fit where H is a Result, else "frobenius".
    solver : {"auto", "hals", "mu", "cd", "pgd", "bpp", "newton"}
        See `nmf`. "auto" takes one that ends at the minimum where that serves the penalty: "bpp" for least squares,
        "newton" for other losses with 1 <= beta <= 2.
    max_iter : int
        The largest number of iterations over W.
    tol : float
        As for `hals` or `mu`. "bpp" and "newton" end at the minimum, to round-off, whatever the tolerance. For least
        squares the product with X is made once, 2 m n k flop, or 2 nnz k; "newton" costs about ten times m n p^2 flop,
        or nnz p^2 for sparse counts, where p coordinates of a row are positive.
    %(max_time)s
    penalty_W : penalties.Penalty, optional
        A penalty on W or a set in which it lies; it is taken as it is, since H is given.
    fixed_W : array_like, shape (m, k), optional
        Known values of W, NaN where it is free.
    %(observations)s
    %(n_threads)s
    full_output : bool
        Whether to return the `Result` itself instead of its W.

    Returns
    -------
    ndarray, shape (m, k)
        W, of the dtype of X. A row of X without an entry > 0 gives a row of zeros, unless the penalty or fixed values
        say otherwise.
    Result
        With `full_output`: W and H, the objective and its history, whether the fit has converged, and its KKT residual.

    Raises
    ------
    InputError, InputTypeError
        As `nmf`. Also where H has another number of columns than X, or columns of other names.

    Warns
    -----
    ConvergenceWarning
        A limit ended the fit with a KKT residual above 1e-5, and tol > 0; or the stopping rule ended it far from the
        minimum.
    UserWarning
        X has entries > 0 where no component of H does, and the loss is infinite there (beta <= 1, such as
        "kullback-leibler"). These columns of X are ignored: W and the objective are those of the other columns, and
        `Result.unobserved` lists them. Other losses count such entries as they are.

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
    options = {
        "loss": loss,
        "solver": solver,
        "max_iter": max_iter,
        "tol": tol,
        "max_time": max_time,
        "penalty_W": penalty_W,
        "fixed_W": fixed_W,
        "weights": weights,
        "mask": mask,
        "missing": missing,
        "n_threads": n_threads,
    }
    full_output = check_flag(full_output, "full_output")
    result = fit_new_samples(X, H, Result, options)
    return result if full_output else result.W
