"""Ratings: matrix completion for recommenders; the sequence of a call, and nothing else."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._checks import check_count, check_flag, check_random_state
from .._fit import check_options
from .._runtime import Workspace, check_threads
from ..data import frames
from . import check_ratings
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
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
    callback: Callable[[CompletionState], object] | None = None,
) -> Completion:
    r"""Complete a matrix of which few entries are known, such as the ratings of items by users.

    The model of a rating is the mean, a bias of the user, a bias of the item, and the product of their factors,
    :math:`m_{ui} = \mu + b_u + c_i + (W H)_{ui}`. Minimised over W, H, b and c is

    .. math:: f = \frac12 \sum_{ui} (x_{ui} - m_{ui})^2 + \frac{\lambda}{2} \Big( \sum_u n_u (\|w_u\|^2 + b_u^2) +
       \sum_i n_i (\|h_i\|^2 + c_i^2) \Big)

    over the entries that are known, of which user u has :math:`n_u` and item i :math:`n_i`: the weighted regularisation
    of [1]_ with the biases of [2]_. It is done by coordinate descent over the users and the items in turn, each with
    a least-squares problem of its own. What is not known counts nowhere.

    Parameters
    ----------
    X : SciPy sparse, shape (m, n)
        Users in rows, items in columns. What is stored is a rating, zeros included, of either sign, one for each pair.
        COO, CSR, CSC, LIL or DOK, sparse columns of pandas, or an AnnData that holds such; float32 is computed in
        float32, other dtypes in float64. Never written to.
    k : int
        The rank, >= 1; with biases also 0, for biases alone.
    strength : float or pair of floats
        :math:`\lambda`, or one for the factors and one for the biases, each >= 0. Ratings times c want c times the
        strength of the factors, and that of the biases as it is; 0.08 suits ratings from 1 to 5.
    per_rating : bool
        False takes the factors :math:`n_u` and :math:`n_i` out of the penalty, as other programs do; then a strength of
        5 to 10 suits ratings from 1 to 5.
    biases : bool
        False leaves out the mean, too: the model is W H.
    nonnegative : bool or tuple of "W", "H"
        Which factors are. Biases have either sign. Without it a strength of about 0.12 is better.
    max_iter : int
        Most iterations; one updates the users, then the items. 0 returns the start.
    tol : float
        The fit has converged when the first sweeps of an iteration move the coordinates by :math:`\Delta` with
        :math:`\sum curvature \, \Delta^2 \le 2\, tol^2 f`: what a sweep can still gain is a share tol**2 of the
        objective. Also when the ratings are fitted to round-off, or when 20 iterations found nothing better
        ("stalled": round-off is all that is left). No scale enters. 0 runs exactly max_iter iterations. Predictions
        hardly change below the default.
    max_time : float, optional
        Seconds after which no further iteration begins; one is always done.
    n_threads : int, optional
        See `hals`; the result does not depend on it, to the bit.
    random_state : int, Generator, RandomState, optional
        Where the start of H is drawn from; None: NumPy's global state. That of W is constant.
    callback : callable, optional
        Called as callback(state) after each iteration with a `CompletionState`; to return True ends the fit, as where
        ``state.completion.rmse(X_test)`` rises. An exception in it passes through.

    Returns
    -------
    Completion
        The factors, the biases and the mean; its methods predict, recommend and measure. Users and items without a
        rating have factors and biases of 0, and are listed in its `unobserved`.

    Raises
    ------
    TypeError
        X is not sparse, stores what was not rated (BSR, DIA), or holds no real numbers; an option of the wrong type.
    ValueError
        X is empty, has no rating, two for a pair, NaN or infinite ones, or indices outside its shape; an option out
        of its range.

    Notes
    -----
    No iteration raises the objective. For each of the nnz ratings it costs 2 (k + 2)^2 flop, beyond k = 54 up to
    50 (k + 2), and for each user and item up to 8 (k + 2)^2. Memory beyond X: 4 nnz numbers, 2 nnz indices and
    2 (m + n) (k + 2) numbers.

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
        strengths=check_ratings.strengths(strength),
        per_rating=check_flag(per_rating, "per_rating"),
        biases=biases,
        nonnegative=check_ratings.signs(nonnegative),
    )
    options = check_options(max_iter, tol, max_time, callback, False, None)
    X = check_ratings.ratings(frames.unwrap(X)[0], "X")
    workspace = Workspace(X.dtype, check_threads(n_threads))
    return CompletionFit(X, model, check_random_state(random_state), options, workspace, clock).run()
