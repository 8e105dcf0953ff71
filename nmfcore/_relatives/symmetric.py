"""Symmetric NMF: the sequence of a call, and nothing else."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._checks import check_count, check_random_state
from .._fit import ProgressPrinter, State, check_options
from .._runtime import check_threads, single_blas
from ..data import as_data, frames
from . import check_relatives
from .clustering import Clustering
from .iterations import best_of
from .quartic import Symmetric

STARTS = 5


def symmetric(
    S: Any,
    k: int,
    *,
    init: Any = None,
    n_starts: int | str = "auto",
    max_iter: int = 500,
    tol: float = 1e-6,
    max_time: float | None = None,
    n_threads: int | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
    callback: Callable[[State], object] | None = None,
    verbose: bool = False,
) -> Clustering:
    r"""Factorize a symmetric matrix S ~ W W' with W >= 0.

    Minimises :math:`f(W) = \frac12 \|S - W W'\|_F^2` over W >= 0 (n x k). Of the similarities of n things, or of the
    weights of the edges of a graph, the columns of W are soft clusters [1]_. Degrees are divided out beforehand, if
    they should be (`S / sqrt(outer(d, d))` with `d = S.sum(axis=0)`).

    Parameters
    ----------
    S : array_like, SciPy sparse or data frame, shape (n, n)
        Finite, >= 0, symmetric to 1024 machine epsilons of its largest entry. Read where it lies, as in `hals`.
    k : int
        Number of columns of W; any.
    init : array_like, shape (n, k), optional
        The start, of any scale, no column of which is 0. Else :math:`|N(0, 1)|` entries. Both are multiplied by
        the number with which they fit best.
    n_starts : int or "auto"
        Fits from as many random starts, of which the one with the lowest objective is given back; "auto" is 5, or 1
        for a given start.
    max_iter : int
        Most iterations of a fit. 0 gives the start.
    tol : float
        A fit has converged when three iterations one after the other lower the objective by no more than this share of
        it, or when S is described to round-off. No scale enters. 0 runs max_iter iterations.
    max_time : float, optional
        Seconds after which no further iteration and no further start begins.
    n_threads : int, optional
        See `hals`; the result does not depend on it, to the bit.
    random_state : int, Generator, RandomState, optional
        Where starts are drawn from; None: NumPy's global state.
    callback : callable, optional
        Called as callback(state) after each iteration with a `State` of the start at hand; to return True ends all.
    verbose : bool
        Print a line now and then.

    Returns
    -------
    Clustering
        W, H = W', labels (the largest entry of each row of W) and more. Its kkt_residual is
        :math:`(\sum_t G_{tt} \|\min(W_t, \nabla_t / G_{tt})\|^2)^{1/2} / \|S\|_F` with G = W'W and the gradient
        :math:`\nabla = W G - S W` of f / 2.

    Raises
    ------
    TypeError
        S holds no real numbers; an option of the wrong type.
    ValueError
        S is not square or not symmetric, is empty, or has NaN, infinite or negative entries; an option out of its
        range; a start of another shape, or several starts from one that is given.

    Notes
    -----
    For a W that stands, :math:`\frac12 \|S - U W'\|_F^2` has at U = W the gradient of f / 2. Sweeps of `hals` over U
    lead from W to where f falls, as the half-steps of Zhu et al. [2]_ do, which hold two factors together by a penalty
    instead; and along this line f is a polynomial of degree four, whose least value is taken. After ten iterations W is
    extrapolated with Nesterov's weights instead, as long as f falls. So f never rises, no parameter is to be chosen,
    and W stands still only where the conditions of a minimum hold. That may be a local one: more starts find lower
    ones.

    An iteration is one product with S, 2 n^2 k flop (2 nnz k for sparse S), two where an extrapolation is in vain,
    and up to 3 sweeps of 2 n k^2.

    References
    ----------
    .. [1] D. Kuang, C. Ding, H. Park, "Symmetric nonnegative matrix factorization for graph clustering", SDM 2012,
       106-117. doi:10.1137/1.9781611972825.10
    .. [2] Z. Zhu, X. Li, K. Liu, Q. Li, "Dropping symmetry for fast symmetric nonnegative matrix factorization",
       NeurIPS 2018. arXiv:1811.05642

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> S = np.kron(np.eye(2), np.ones((3, 3)))
    >>> result = nmfcore.symmetric(S, 2, random_state=0)
    >>> len(set(result.labels[:3])), len(set(result.labels)), bool(result.relative_error < 1e-6)
    (1, 2, True)
    """
    clock = time.perf_counter()
    k, n_starts = check_count(k, "k", 1), check_relatives.starts(n_starts, init is not None, STARTS)
    options = check_options(max_iter, tol, max_time, callback, verbose, ProgressPrinter())
    rng = check_random_state(random_state)
    S, names = frames.unwrap(S, "S")
    data, workspace = as_data(S, check_threads(n_threads), name="S")
    check_relatives.symmetric(data)
    shape = data.shape[0], k
    start = check_relatives.factor(init, shape, data.dtype)

    def begin() -> Symmetric:
        F = np.abs(rng.standard_normal(shape)).astype(data.dtype) if start is None else start
        return Symmetric(data, F, workspace)

    with single_blas():
        return Clustering.of(*best_of(begin, n_starts, options, clock), names)
