"""Archetypal analysis: the function that users call."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np

from .._checks import check_choice, check_count, check_number, check_random_state, refuse_large_rank
from .._fit import Options, RandomState, check_options
from .._runtime import check_threads, single_blas
from ..data import SAMPLES, Alignment, as_data, frames
from .check_archetypes import check_delta, check_row_weights, check_start_rows
from .fit import ArchetypalFit, ArchetypalSolution
from .problem import ArchetypalProblem
from .result import Archetypes
from .start import STARTS, draw_starts

# The default number of starts. Furthest sum and AA++ in turn, of which the best two were fitted to the end, found the
# lowest objective known in 92 of 96 problems with 5 to 12 planted archetypes, one start of AA++ in 19, and four long
# fits in 93. All short fits take about as long as the two long ones.
SHORT_FITS = 20
SHORT_ITER = 10
LONG_FITS = 2


def archetypes(
    X: Any,
    k: int,
    *,
    weights: Any = None,
    huber: float | None = None,
    delta: float = 0.0,
    init: str | Sequence[int] = "auto",
    n_starts: int | None = None,
    max_iter: int = 500,
    tol: float = 1e-6,
    max_time: float | None = None,
    n_threads: int | None = None,
    random_state: RandomState = None,
) -> Archetypes:
    r"""Describe points as mixtures of archetypes, which are mixtures of points: X ~ W B X.

    Archetypal analysis [1]_ minimises

    .. math:: f = \frac12 \sum_i s_i \|x_i - w_i B X\|^2

    over W (m x k) and B (k x m) with rows that are >= 0 and sum to 1. The archetypes B X lie on the boundary of the
    cloud of points: they are its extremes, where the centres of clusters are its middles. X has any sign, and k is not
    limited by the number of features. With `huber` a residual of length r > h counts :math:`h (r - h / 2)` instead of
    :math:`r^2 / 2`.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Points in rows; finite, of any sign. float32 is computed in float32 (systems of equations in float64), other
        real dtypes in float64. X is not changed.
    k : int
        The number of archetypes. If X has fewer distinct points, some archetypes are equal.
    weights : array_like, shape (m,), optional
        The weights :math:`s_i \ge 0`, not all 0; an integer weight is a repetition. A point of weight 0 can still be a
        part of an archetype.
    huber : float, optional
        The length h > 0 of a residual, in units of X, above which a point counts as an outlier [2]_.
    delta : float
        How far the sum of a row of B may differ from 1, from 0 to 1. Archetypes can then lie outside the hull of the
        points, or inside it, along the line to the origin [3]_. The origin of X matters then.
    init : {"auto", "aa++", "furthest_sum", "random"} or sequence of int
        The k points to start from. "auto" takes "furthest_sum" and "aa++" in turn. "aa++" draws the points one after
        the other, with probability proportional to their loss from the hull of those already drawn [4]_;
        "furthest_sum" chooses them by sums of distances [3]_; "random" draws them with equal probability. A sequence
        gives their indices.
    n_starts : int, optional
        The number of fits; the one with the lowest objective is returned. By default, 10 iterations are done from each
        of 20 starts, and the two with the lowest objectives are fitted again to the end; where one start is enough
        (k = 1, or `init` has the points), only that.
    max_iter : int
        Most iterations of a fit. 0 returns the best start.
    tol : float
        A fit has converged when three iterations in a row each lower the objective by no more than the share tol of it,
        or when X is described to round-off. Neither the scale nor the origin of X matters. 0 runs exactly max_iter
        iterations.
    max_time : float, optional
        Seconds after which no further iteration and no further start begins. One iteration is always done.
    n_threads : int, optional
        See `hals`. Any number of threads gives identical bits.
    random_state : int, Generator, RandomState, optional
        Where the starts are drawn from; None: NumPy's global state.

    Returns
    -------
    Archetypes
        W, B, the archetypes, the objective and more. Its `transform` gives W for new points.

    Raises
    ------
    InputTypeError
        X or weights do not hold real numbers, or an option has the wrong type.
    InputError
        X is empty or has NaN or infinite entries; weights are negative, not finite, all 0, or not one for each point;
        an option is out of its range; n_starts is more than 1 although `init` gives the points.

    See Also
    --------
    semi : Also for X of any sign, with centres in the place of extremes.
    separable : Chooses rows of X >= 0 of which all others are combinations.

    Notes
    -----
    Blocks of coordinates are minimised in turn, as in [2]_. For given archetypes the rows of W are exact, by an active
    set method. For given W the archetypes are exact among few candidates, one after the other; one product with X
    prices all points, and those that would lower the objective most become candidates. W is fitted to extrapolated
    archetypes as long as that lowers the objective, which never rises. The fit ends in a local minimum; more starts
    find lower ones.

    An iteration costs 6 m n k flop (6 nnz k for sparse X), and about m (4 k^2 + p^3) for W, where p is the number of
    archetypes in a mixture. Beside X, one copy of it is in memory if it is dense, to subtract its mean, and about
    (8 k + 12) (m + n) numbers and 8 MB. Of sparse X, only a block of rows is dense at a time.

    References
    ----------
    .. [1] A. Cutler, L. Breiman, "Archetypal analysis", Technometrics 36 (1994) 338-347. doi:10.2307/1269949
    .. [2] Y. Chen, J. Mairal, Z. Harchaoui, "Fast and robust archetypal analysis for representation learning",
       CVPR 2014, 1478-1485. doi:10.1109/CVPR.2014.192
    .. [3] M. Morup, L. K. Hansen, "Archetypal analysis for machine learning and data mining", Neurocomputing 80 (2012)
       54-63. doi:10.1016/j.neucom.2011.06.033
    .. [4] S. Mair, J. Sjolund, "Archetypal analysis++: rethinking the initialization strategy" (2023). arXiv:2301.13748

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> corners = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]])
    >>> X = np.random.default_rng(0).dirichlet(np.full(3, 0.3), 200) @ corners
    >>> result = nmfcore.archetypes(np.vstack([X, corners]), 3, random_state=0)
    >>> np.allclose(sorted(result.archetypes.sum(axis=1)), [0, 4, 4], atol=1e-6)
    True
    """
    clock = time.perf_counter()
    k = check_count(k, "k", 1)
    n_starts = None if n_starts is None else check_count(n_starts, "n_starts", 1)
    huber = None if huber is None else check_number(huber, "huber", positive=True)
    delta, rng = check_delta(delta), check_random_state(random_state)
    options = check_options(max_iter, tol, max_time, None, False, None)
    weights = Alignment(X).align(weights, "weights", (SAMPLES,))
    X, names = frames.unwrap(X)
    data, workspace = as_data(X, check_threads(n_threads), signed=True)
    refuse_large_rank(k, 2 * data.shape[0] + data.shape[1], 8)
    weights = check_row_weights(weights, data.shape[0])
    draws, rows = (), None
    if isinstance(init, str):
        draws = check_choice(init, "init", STARTS)
    else:
        rows = check_start_rows(init, k, n_starts, data.shape[0], STARTS)
    with single_blas():
        problem = ArchetypalProblem.of(data, k, weights, huber, delta, workspace)
        if rows is not None:
            starts = iter([rows])
        elif n_starts is None and k > 1:
            starts = iter(_best_starts(problem, islice(draw_starts(problem, draws, rng), SHORT_FITS), options, clock))
        else:
            starts = islice(draw_starts(problem, draws, rng), n_starts or 1)
        solutions = _fit_starts(problem, starts, options, clock)
        best = next(solutions)
        objectives = [best.objective]  # of the data: in units of X they can overflow
        for solution in solutions:
            objectives.append(solution.objective)
            best = min(best, solution, key=lambda solution: solution.objective)
        return best.result(problem, np.array(objectives), names)


def _best_starts(
    problem: ArchetypalProblem, starts: Iterator[np.ndarray], options: Options, clock: float
) -> list[np.ndarray]:
    """The starts, best first, from which a few iterations reach the lowest objectives."""
    short = replace(options, max_iter=min(options.max_iter, SHORT_ITER))
    rows = list(starts)
    objectives = [solution.objective for solution in _fit_starts(problem, iter(rows), short, clock)]
    return [rows[i] for i in np.argsort(objectives, kind="stable")[:LONG_FITS]]


def _fit_starts(
    problem: ArchetypalProblem, starts: Iterator[np.ndarray], options: Options, clock: float
) -> Iterator[ArchetypalSolution]:
    """A fit from each start, at least from one, until the time is over."""
    for rows in starts:
        yield ArchetypalFit(problem, rows, options, clock).run()
        if options.max_time is not None and time.perf_counter() - clock >= options.max_time:
            return
