"""Projective NMF: the function that users call."""

from collections.abc import Callable
from typing import Any

from .._fit import RandomState, State
from .clustering import Clustering
from .fit_clustering import ClusteringModel, ClusteringRequest, fit_clustering
from .quartic import Projective

MODEL = ClusteringModel(Projective, n_starts=5)


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
    random_state: RandomState = None,
    callback: Callable[[State], object] | None = None,
    verbose: bool = False,
) -> Clustering:
    r"""Factorize X ~ W W'X with W >= 0: a projection of the columns of X with non-negative entries.

    Minimises

    .. math:: f(W) = \frac12 \|X - W W' X\|_F^2

    over W >= 0 (m x k) [1]_, [2]_. There is only one factor, and its columns come out nearly orthogonal, so that it
    groups the rows of X. ``projective(X.T, k)`` groups the columns instead. Its W holds parts, and the coefficients of
    a new sample x are the product W'x, without a fit.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Finite, >= 0. It is read where it lies, as in `hals`, and not changed. The m x m matrix X X' is not formed.
    k : int
        The number of columns of W; it may exceed m.
    init : array_like, shape (m, k), optional
        A start for W, of any scale, with a positive entry in each column. By default starts have
        :math:`|N(0, 1)|` entries. Either is multiplied by the number that lowers the objective most.
    n_starts, max_iter, max_time, n_threads, random_state, callback, verbose
        See `symmetric`.
    tol : float
        A fit has converged when three iterations in a row each lower the objective by no more than the share tol of it,
        or when X is described to round-off. 0 runs exactly max_iter iterations.

    Returns
    -------
    Clustering
        W, H = W'X, the labels (the largest entry of each row of W) and more. Its kkt_residual is
        :math:`(\sum_t N_{tt} \|\min(W_t, \nabla_t / N_{tt})\|^2)^{1/2} / \|X\|_F` with N = H H' and the gradient
        :math:`\nabla = W N + X H' W'W - 2 X H'` of f.

    Raises
    ------
    InputTypeError
        X does not hold real numbers, or an option has the wrong type.
    InputError
        X is empty or has NaN, infinite or negative entries; an option is out of its range; `init` has the wrong shape;
        n_starts is more than 1 although `init` is given.

    See Also
    --------
    orthogonal : Each row of X belongs to exactly one component.

    Notes
    -----
    As in `symmetric`, sweeps of `hals` over a least-squares problem that has the gradient of f give a direction along
    which f falls. Along it f is a polynomial of degree four; its minimum is taken, or W is extrapolated. So f never
    rises, as under the multiplicative updates of Yang & Oja [2]_, but an entry that becomes 0 can grow again. The
    multiplicative updates need about ten times as many iterations (`nmfcore.reference.relatives.projective_mu`).

    An iteration costs two products with X, 4 m n k flop (4 nnz k for sparse X), or four where an extrapolation is
    rejected, and up to 3 sweeps of 2 m k^2 flop.

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
    request = ClusteringRequest(
        X, k, init, n_starts, max_iter, tol, max_time, n_threads, random_state, callback, verbose
    )
    return fit_clustering(request, MODEL)
