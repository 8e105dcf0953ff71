"""Semi-NMF: the sequence of a call, and nothing else."""

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
from .semi_fit import SemiNMF

STARTS = 5


def semi(
    X: Any,
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
    r"""Factorize X ~ W H with W >= 0, X and H of any sign.

    Minimises :math:`f = \frac12 \|X - W H\|_F^2` [1]_: rows of X as sums of what may be negative, such as data from
    which a mean was taken. If W had one 1 in each row and else zeros, H would be the centres of k-means.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Finite, of any sign. Read where it lies, as in `hals`.
    k : int
        The rank, any.
    init : array_like, shape (m, k), optional
        A start for W, of any scale, no column of which is 0. Else :math:`|N(0, 1)|` entries.
    n_starts, max_iter, tol, max_time, n_threads, random_state, callback, verbose
        See `symmetric`.

    Returns
    -------
    Clustering
        W, H, whose rows have norm 1, labels (the largest entry of each row of W) and more. Its kkt_residual is
        :math:`(\sum_t \|h_t\|^2 \|\min(W_t, \nabla_t / \|h_t\|^2)\|^2 + \sum_t \|\nabla h_t\|^2 / \|w_t\|^2)^{1/2} /
        \|X\|_F`.

    Raises
    ------
    TypeError
        X holds no real numbers; an option of the wrong type.
    ValueError
        X is empty, or has NaN or infinite entries; an option out of its range; a start of another shape or with
        negative entries, or several starts from one that is given.

    Notes
    -----
    H is the least squares solution for W, of least norm where columns of W are dependent, and W is improved by up to
    ten sweeps of `hals`, instead of the multiplicative update of [1]_, and extrapolated where that lowers f: it never
    rises. For X >= 0, and wherever the leading singular vectors span a vector > 0, the least f is that of `svd` [2]_;
    then what is found is one of many. Elsewhere, as for X less its mean, f can have no minimum: it falls while the
    columns of W grow and become alike. A larger tol ends a fit before that.

    An iteration is two products with X, 4 m n k flop (4 nnz k for sparse X), up to 10 sweeps of 2 m k^2 and 2 n k^2.

    References
    ----------
    .. [1] C. Ding, T. Li, M. I. Jordan, "Convex and semi-nonnegative matrix factorizations", IEEE Trans. Pattern
       Analysis and Machine Intelligence 32 (2010) 45-55. doi:10.1109/TPAMI.2008.277
    .. [2] N. Gillis, A. Kumar, "Exact and heuristic algorithms for semi-nonnegative matrix factorization", SIAM J.
       Matrix Analysis and Applications 36 (2015) 1404-1424. doi:10.1137/140993272

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.outer([1.0, 2.0, 3.0], [4.0, -5.0])
    >>> W, H = nmfcore.semi(X, 1, random_state=0)
    >>> np.allclose(W @ H, X), bool(W.min() >= 0)
    (True, True)
    """
    clock = time.perf_counter()
    k, n_starts = check_count(k, "k", 1), check_relatives.starts(n_starts, init is not None, STARTS)
    options = check_options(max_iter, tol, max_time, callback, verbose, ProgressPrinter())
    rng = check_random_state(random_state)
    X, names = frames.unwrap(X)
    data, workspace = as_data(X, check_threads(n_threads), signed=True)
    shape = data.shape[0], k
    start = check_relatives.factor(init, shape, data.dtype)

    def begin() -> SemiNMF:
        W = np.abs(rng.standard_normal(shape)).astype(data.dtype) if start is None else start
        return SemiNMF(data, W, workspace)

    with single_blas():
        return Clustering.of(*best_of(begin, n_starts, options, clock), names)
