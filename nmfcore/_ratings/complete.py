"""Completion of ratings for recommenders: the function that users call."""

import time
from collections.abc import Callable
from typing import Any

from .._checks import check_count, check_flag, check_random_state, refuse_large_rank
from .._fit import RandomState, check_options
from .._runtime import Workspace, check_threads
from ..data import frames
from .check_ratings import check_ratings, check_signs, check_strengths
from .completion import Completion, CompletionState
from .fit import BiasModel, CompletionFit


def complete(
    X: Any,
    k: int,
    *,
    strength: float | tuple[float, float] = 0.08,
    per_rating: bool = True,
    biases: bool = True,
    nonnegative: bool | tuple[str, ...] = True,
    max_iter: int = 200,
    tol: float = 1e-2,
    max_time: float | None = None,
    n_threads: int | None = None,
    random_state: RandomState = None,
    callback: Callable[[CompletionState], object] | None = None,
) -> Completion:
    r"""Complete a matrix of which few entries are known, such as the ratings of items by users.

    The model of a rating is the mean, a bias of the user, a bias of the item, and the product of their factors,
    :math:`m_{ui} = \mu + b_u + c_i + (W H)_{ui}`. The objective, which is minimised over W, H, b and c, is

    .. math:: f = \frac12 \sum_{ui} (x_{ui} - m_{ui})^2 + \frac{\lambda}{2} \Big( \sum_u n_u (\|w_u\|^2 + b_u^2) +
       \sum_i n_i (\|h_i\|^2 + c_i^2) \Big).

    The first sum runs over the known entries; user u has :math:`n_u` of them and item i has :math:`n_i`. This is the
    weighted regularisation of [1]_ with the biases of [2]_. Coordinate descent updates the users and the items in turn;
    each user and each item has a least-squares problem of its own. Unknown entries do not count.

    Parameters
    ----------
    X : SciPy sparse, shape (m, n)
        Users in rows, items in columns. Every stored entry is a rating of either sign, zeros included, with one entry
        for each pair. COO, CSR, CSC, LIL or DOK, sparse columns of pandas, or an AnnData that holds one of them.
        float32 is computed in float32, other dtypes in float64. X is not changed.
    k : int
        The rank, >= 1; with biases it can be 0, which fits biases alone.
    strength : float or pair of floats
        :math:`\lambda` >= 0, or one for the factors and one for the biases. For ratings times c, multiply the strength
        of the factors by c, and leave that of the biases. 0.08 suits ratings from 1 to 5.
    per_rating : bool
        False leaves the counts :math:`n_u` and :math:`n_i` out of the penalty, as other programs do. A strength of 5 to
        10 then suits ratings from 1 to 5.
    biases : bool
        False leaves out the biases and the mean: the model is W H.
    nonnegative : bool or tuple of "W", "H"
        Which factors are non-negative. Biases have either sign. If no factor is, a strength of about 0.12 is better.
    max_iter : int
        Most iterations; each updates the users, then the items. 0 returns the start.
    tol : float
        The fit has converged when the first sweeps of an iteration move the coordinates by :math:`\Delta` with
        :math:`\sum curvature \, \Delta^2 \le 2\, tol^2 f`, that is, when a sweep can lower the objective by no more
        than the share tol**2 of it. It also ends when the ratings are fitted to round-off, or when 20 iterations in a
        row have found no lower objective ("stalled"). The scale of X does not matter. 0 runs exactly max_iter
        iterations. Below the default predictions hardly change.
    max_time : float, optional
        Seconds after which no further iteration begins. One iteration is always done.
    n_threads : int, optional
        See `hals`. Any number of threads gives identical bits.
    random_state : int, Generator, RandomState, optional
        Where the start of H is drawn from; None: NumPy's global state. The start of W is constant.
    callback : callable, optional
        Called as callback(state) after each iteration with a `CompletionState`. If it returns True, the fit ends;
        for example when ``state.completion.rmse(X_test)`` rises. An exception in it is passed on.

    Returns
    -------
    Completion
        The factors, the biases and the mean. Its methods predict, recommend and measure errors. Users and items without
        a rating have factors and biases of 0; `unobserved` lists them.

    Raises
    ------
    InputTypeError
        X is not sparse, is stored as BSR or DIA, or does not hold real numbers; an option has the wrong type.
    InputError
        X is empty, has no rating, several ratings for a pair, NaN or infinite ratings, or indices outside its shape; an
        option is out of its range.

    See Also
    --------
    hals : With `weights` or `mask`, for a matrix of which most entries are known.

    Notes
    -----
    No iteration raises the objective. An iteration costs 2 (k + 2)^2 flop for each of the nnz ratings, beyond k = 54 at
    most 50 (k + 2), and up to 8 (k + 2)^2 flop for each user and each item. Memory beyond X: 4 nnz numbers, 2 nnz
    indices and 2 (m + n) (k + 2) numbers.

    References
    ----------
    .. [1] Y. Zhou, D. Wilkinson, R. Schreiber, R. Pan, "Large-scale parallel collaborative filtering for the Netflix
       prize", AAIM 2008, LNCS 5034, 337-348. doi:10.1007/978-3-540-68880-8_32
    .. [2] Y. Koren, R. Bell, C. Volinsky, "Matrix factorization techniques for recommender systems", Computer 42 (2009)
       30-37. doi:10.1109/MC.2009.263

    Examples
    --------
    >>> import nmfcore, scipy.sparse
    >>> users, items, ratings = [0, 0, 1, 1, 2], [0, 1, 0, 2, 1], [5.0, 1.0, 4.0, 2.0, 1.0]
    >>> X = scipy.sparse.coo_array((ratings, (users, items)), shape=(3, 3))
    >>> model = nmfcore.complete(X, 1, random_state=0)
    >>> best, expected = model.recommend(2)
    >>> best.tolist()
    [0, 2]
    """
    clock = time.perf_counter()
    biases = check_flag(biases, "biases")
    model = BiasModel(
        k=check_count(k, "k", 0 if biases else 1),
        strengths=check_strengths(strength),
        per_rating=check_flag(per_rating, "per_rating"),
        biases=biases,
        nonnegative=check_signs(nonnegative),
    )
    options = check_options(max_iter, tol, max_time, callback, False, None)
    X, names = frames.unwrap(X)
    X = check_ratings(X, "X")
    refuse_large_rank(model.k, sum(X.shape), X.dtype.itemsize)
    workspace = Workspace(X.dtype, check_threads(n_threads))
    return CompletionFit(X, model, check_random_state(random_state), options, workspace, clock, names).run()
