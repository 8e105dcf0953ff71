"""Projective NMF: the sequence of a call, and nothing else."""

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
from .quartic import Projective

STARTS = 5


def projective(
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
    r"""Factorize X ~ W W'X with W >= 0: a projection of the columns of X with non-negative entries.

    Minimises :math:`f(W) = \frac12 \|X - W W' X\|_F^2` over W >= 0 (m x k) [1]_, [2]_. There is one factor only, and
    its columns come out nearly orthogonal: it groups the rows of X. ``projective(X.T, k)`` groups the columns instead,
    and its W, transposed, are parts: what they say of a new sample x is the product W'x, without a fit.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Finite, >= 0. Read where it lies, as in `hals`; the m x m matrix X X' is never made.
    k : int
        Number of columns of W; any.
    init : array_like, shape (m, k), optional
        The start, of any scale, no column of which is 0. Else :math:`|N(0, 1)|` entries. Both are multiplied by
        the number with which they fit best.
    n_starts, max_iter, tol, max_time, n_threads, random_state, callback, verbose
        See `symmetric`.

    Returns
    -------
    Clustering
        W, H = W'X, labels (the largest entry of each row of W) and more. Its kkt_residual is
        :math:`(\sum_t N_{tt} \|\min(W_t, \nabla_t / N_{tt})\|^2)^{1/2} / \|X\|_F` with N = H H' and the gradient
        :math:`\nabla = W N + X H' W'W - 2 X H'` of f.

    Raises
    ------
    TypeError
        X holds no real numbers; an option of the wrong type.
    ValueError
        X is empty, or has NaN, infinite or negative entries; an option out of its range; a start of another shape, or
        several starts from one that is given.

    Notes
    -----
    As in `symmetric`, sweeps of `hals` over a least squares problem that has the gradient of f lead from W to where f
    falls; along this line, on which f is a polynomial of degree four, its least value is taken, or W is extrapolated.
    So f never rises, as under the multiplicative updates of Yang & Oja [2]_, and no entry that becomes 0 is locked
    there; these need some ten times as many iterations (`nmfcore.reference_relatives.projective_mu`).

    An iteration is two products with X, 4 m n k flop (4 nnz k for sparse X), four where an extrapolation is in vain,
    and up to 3 sweeps of 2 m k^2.

    References
    ----------
    .. [1] Z. Yuan, E. Oja, "Projective nonnegative matrix factorization for image compression and feature extraction",
       SCIA 2005, LNCS 3540, 333-342. doi:10.1007/11499145_35
    .. [2] Z. Yang, E. Oja, "Linear and nonlinear projective nonnegative matrix factorization", IEEE Trans. Neural
       Networks 21 (2010) 734-749. doi:10.1109/TNN.2010.2041361

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.kron(np.eye(2), np.outer([1.0, 2.0, 3.0], [4.0, 5.0]))
    >>> result = nmfcore.projective(X, 2, random_state=0)
    >>> np.allclose(result.W @ result.W.T @ X, X, atol=1e-4)
    True
    """
    clock = time.perf_counter()
    k, n_starts = check_count(k, "k", 1), check_relatives.starts(n_starts, init is not None, STARTS)
    options = check_options(max_iter, tol, max_time, callback, verbose, ProgressPrinter())
    rng = check_random_state(random_state)
    X, names = frames.unwrap(X)
    data, workspace = as_data(X, check_threads(n_threads))
    shape = data.shape[0], k
    start = check_relatives.factor(init, shape, data.dtype)

    def begin() -> Projective:
        F = np.abs(rng.standard_normal(shape)).astype(data.dtype) if start is None else start
        return Projective(data, F, workspace)

    with single_blas():
        return Clustering.of(*best_of(begin, n_starts, options, clock), names)
