"""Archetypal analysis: the sequence of a call, and nothing else."""

import math
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._checks import check_count, check_number, check_random_state
from .._runtime import check_threads, single_blas
from ..data import as_data, frames
from . import check_archetypes
from .fit import ArchetypalFit, ArchetypalLimits, ArchetypalProblem
from .result import Archetypes


def archetypes(
    X: Any,
    k: int,
    *,
    weights: Any = None,
    huber: float | None = None,
    delta: float = 0.0,
    init: str | Sequence[int] = "aa++",
    n_starts: int = 1,
    max_iter: int = 500,
    tol: float = 1e-6,
    max_time: float | None = None,
    n_threads: int | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> Archetypes:
    r"""Describe points as mixtures of archetypes, which are mixtures of points: X ~ W B X.

    Archetypal analysis [1]_ minimises

    .. math:: f = \frac12 \sum_i s_i \|x_i - w_i B X\|^2

    over W (m x k) and B (k x m) whose rows are >= 0 and sum to 1. The archetypes B X lie on the border of the cloud of
    points: its extremes, where the centres of clusters are its middles. X has any sign, and k any size. With `huber`
    a residual counts by :math:`h (r - h / 2)` instead of :math:`r^2 / 2` where its length r exceeds h.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Points in rows; finite, of any sign. float32 is computed in float32 (systems of equations in float64), other
        real dtypes in float64. It is not changed.
    k : int
        Number of archetypes. Beyond the number of distinct points some of them are equal.
    weights : array_like, shape (m,), optional
        :math:`s_i \ge 0`, not all 0; whole numbers are repetitions. A point without weight can be part of an archetype.
    huber : float, optional
        The length h > 0 of a residual, in units of X, from which on points count as outliers [2]_.
    delta : float
        From 0 to 1: how far the sum of a row of B may differ from 1, so that archetypes can lie outside the hull of
        the points, or inside it, on the way from the origin [3]_. Then the origin of X matters.
    init : {"aa++", "furthest_sum", "random"} or sequence of int
        k points to start from: drawn one after the other by their losses (squared distances, or Huber's) beside the
        hull of those before [4]_, by sums of distances [3]_, or by chance; or their indices.
    n_starts : int
        Fits from as many starts, of which the one with the lowest objective is given back.
    max_iter : int
        Most iterations of a fit. 0 gives the start.
    tol : float
        A fit has converged when three iterations one after the other lower the objective by no more than this share of
        it, or when X is described to round-off. Neither scale nor origin of X enters. 0 runs max_iter iterations.
    max_time : float, optional
        Seconds after which no further iteration and no further start begins.
    n_threads : int, optional
        See `hals`; the result does not depend on it, to the bit.
    random_state : int, Generator, RandomState, optional
        Where starts are drawn from; None: NumPy's global state.

    Returns
    -------
    Archetypes
        W, B, archetypes, objective and more; its `transform` gives W for new points.

    Raises
    ------
    TypeError
        X or weights hold no real numbers; an option of the wrong type.
    ValueError
        X is empty or has NaN or infinite entries; weights that are negative, not finite, all 0 or of another number
        than the points; an option out of its range; several starts from points that are given.

    Notes
    -----
    Block coordinates, as in [2]_. For given archetypes the rows of W are solved exactly, by an active set method. For
    given W the archetypes are solved exactly, one after the other, among few candidates; one product with X prices all
    points, and those that would lower the objective most become candidates. W is fitted to extrapolated archetypes as
    long as that lowers the objective, which never rises. It ends in a local minimum; more starts find lower ones.

    An iteration takes 6 m n k flop (6 nnz k for sparse X) and about m (4 k^2 + p^3) for W, p being the number of
    archetypes in a mixture. Dense X is copied, to take its mean off. Of sparse X no more than a block of rows is dense.

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
    k, n_starts = check_count(k, "k", 1), check_count(n_starts, "n_starts", 1)
    huber = None if huber is None else check_number(huber, "huber", positive=True)
    delta, rng = check_archetypes.relaxation(delta), check_random_state(random_state)
    max_iter, tol = check_count(max_iter, "max_iter", 0), check_number(tol, "tol")
    until = clock + (math.inf if max_time is None else check_number(max_time, "max_time"))
    X, names = frames.unwrap(X)
    data, workspace = as_data(X, check_threads(n_threads), signed=True)
    weights, heaviest = check_archetypes.weights(weights, data.shape[0])
    start = check_archetypes.start(init, k, n_starts, data.shape[0])
    with single_blas():
        problem = ArchetypalProblem.of(data, k, weights, huber, delta, workspace)
        best, objectives = None, []
        for _ in range(n_starts):
            rows = start(problem, rng) if callable(start) else start
            fit = ArchetypalFit(problem, rows, clock).run(ArchetypalLimits(max_iter, tol, until))
            objectives.append(fit.history.objective[-1])
            best = fit if best is None or objectives[-1] < best.history.objective[-1] else best
            if time.perf_counter() >= until:
                break
        return best.result(problem, heaviest, objectives, names)
