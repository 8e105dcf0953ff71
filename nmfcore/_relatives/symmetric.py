"""Symmetric NMF: the function that users call."""

from collections.abc import Callable
from typing import Any

from .._fit import RandomState, State
from .clustering import Clustering
from .fit_clustering import ClusteringModel, ClusteringRequest, fit_clustering
from .quartic import Symmetric

MODEL = ClusteringModel(Symmetric, n_starts=5, name="S", symmetric=True)


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
    random_state: RandomState = None,
    callback: Callable[[State], object] | None = None,
    verbose: bool = False,
) -> Clustering:
    r"""Factorize a symmetric matrix S ~ W W' with W >= 0.

    Minimises

    .. math:: f(W) = \frac12 \|S - W W'\|_F^2

    over W >= 0 (n x k). Where S holds the similarities of n things, or the weights of the edges of a graph, the columns
    of W are soft clusters [1]_. To normalise a graph, divide by its degrees first: `S / sqrt(outer(d, d))` with
    `d = S.sum(axis=0)`.

    Parameters
    ----------
    S : array_like, SciPy sparse or data frame, shape (n, n)
        Finite, >= 0, and symmetric up to 1024 machine epsilons of its largest entry. It is read where it lies, as in
        `hals`, and not changed.
    k : int
        The number of columns of W; it may exceed n.
    init : array_like, shape (n, k), optional
        A start for W, of any scale, with a positive entry in each column. By default starts have
        :math:`|N(0, 1)|` entries. Either is multiplied by the number that lowers the objective most.
    n_starts : int or "auto"
        The number of fits from random starts; the one with the lowest objective is returned. "auto" is 5, or 1 if
        `init` is given.
    max_iter : int
        Most iterations of a fit. 0 returns the start.
    tol : float
        A fit has converged when three iterations in a row each lower the objective by no more than the share tol of it,
        or when S is described to round-off. The scale of S does not matter. 0 runs exactly max_iter iterations.
    max_time : float, optional
        Seconds after which no further iteration and no further start begins. One iteration is always done.
    n_threads : int, optional
        See `hals`. Any number of threads gives identical bits.
    random_state : int, Generator, RandomState, optional
        Where the starts are drawn from; None: NumPy's global state.
    callback : callable, optional
        Called as callback(state) after each iteration, with a `State` of the current fit. If it returns True, this fit
        ends, and no further start begins.
    verbose : bool
        Print the progress, about once a second.

    Returns
    -------
    Clustering
        W, H = W', the labels (the largest entry of each row of W) and more. Its kkt_residual is
        :math:`(\sum_t G_{tt} \|\min(W_t, \nabla_t / G_{tt})\|^2)^{1/2} / \|S\|_F` with G = W'W and the gradient
        :math:`\nabla = W G - S W` of f / 2.

    Raises
    ------
    InputTypeError
        S does not hold real numbers, or an option has the wrong type.
    InputError
        S is not square, not symmetric, or empty, or has NaN, infinite or negative entries; an option is out of its
        range; `init` has the wrong shape; n_starts is more than 1 although `init` is given.

    See Also
    --------
    orthogonal : Clusters of the rows of a matrix of features.
    projective : A projection whose columns are nearly orthogonal.

    Notes
    -----
    At U = W the function :math:`\frac12 \|S - U W'\|_F^2` has the gradient of f / 2, if W is held fixed in it. Sweeps
    of `hals` over U therefore give a direction along which f falls, as the half-steps of Zhu et al. [2]_ do, which
    couple two factors by a penalty. Along that direction f is a polynomial of degree four, and its minimum is taken.
    After ten iterations W is extrapolated with Nesterov's weights instead, as long as f falls. So f never rises, no
    parameter has to be chosen, and the iteration only rests at stationary points. Such a point can be a local minimum;
    more starts find lower ones.

    An iteration costs one product with S, 2 n^2 k flop (2 nnz k for sparse S), or two where an extrapolation is
    rejected, and up to 3 sweeps of 2 n k^2 flop.

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
    request = ClusteringRequest(
        S, k, init, n_starts, max_iter, tol, max_time, n_threads, random_state, callback, verbose
    )
    return fit_clustering(request, MODEL)
