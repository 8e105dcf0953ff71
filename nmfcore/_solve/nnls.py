"""Non-negative least squares for many right-hand sides: the function that users call.

Block principal pivoting starts with all coordinates passive, where one matrix serves all right-hand sides. For a
uniform 300 x 40 B it then solves 1.3, 3.0 and 4.2 systems for each of them, where none, half and nine tenths of the
solution is 0. To start from the signs after some sweeps took longer there; it was only faster for a well-conditioned
(normal) B with many zeros.
"""

from typing import Any

import numpy as np

from .._checks import check_outcome
from .._runtime import check_threads
from ..data import COMPONENTS, SAMPLES, Alignment, frames
from .check_nnls import check_given, check_sweeps
from .normal_equations import from_gram, from_matrices


def nnls(
    B: Any = None,
    X: Any = None,
    *,
    G: Any = None,
    C: Any = None,
    method: str = "bpp",
    max_iter: int | None = None,
    tol: float | None = None,
    n_threads: int | None = None,
) -> np.ndarray:
    r"""Solve min ||X - B Y||_F over Y >= 0, column by column of X.

    "bpp" is exact: block principal pivoting [1]_ on the normal equations B'B Y = B'X. It exchanges infeasible
    coordinates of a column between the passive set and the rest, all at once as long as that makes them fewer. A column
    that does not end in this way is solved by an active set method [2]_. "hals" is iterative: cyclic coordinate descent
    [3]_.

    Parameters
    ----------
    B : array_like, shape (m, k)
        Dense, finite, of any sign and any rank. It is converted to the dtype of X. All four may be data frames.
    X : array_like or SciPy sparse, shape (m, n) or (m,)
        The right-hand sides; finite, of any sign. float32 is computed in float32 (systems of equations in float64),
        other real dtypes in float64.
    G, C : array_like, shapes (k, k) and (k, n) or (k,)
        G = B'B and C = B'X instead of B and X. C must lie in the range of G, which holds if both come from one B.
        Otherwise there is no minimum, and the result is large.
    method : {"bpp", "hals"}
        Exact, or iterative.
    max_iter : int, optional
        Most sweeps of "hals"; 1000 by default.
    tol : float, optional
        "hals" ends for a group of 64 columns when a sweep changes them by no more than tol times what the first sweep
        did, in the norm :math:`(\sum_t G_{tt} \|\Delta_t\|^2)^{1/2}`; 1e-6 by default.
    n_threads : int, optional
        See `hals`. Any number of threads gives identical bits.

    Returns
    -------
    ndarray, shape (k, n) or (k,)
        Y, in the dtype of the computation. If B is rank deficient, one of the minimisers; a column of zeros in B gives
        a row of zeros. Powers of two that multiply X or columns of B change no digit.

    Raises
    ------
    InputTypeError
        Neither B and X nor G and C are given; an array does not hold real numbers; an option has the wrong type.
    InputError
        Arrays are empty, not finite, or do not fit each other. G is not symmetric, or has an entry that no B'B with its
        diagonal can have. C is positive where the diagonal of G is 0. An option is out of its range or belongs to the
        other method.

    See Also
    --------
    transform : W for new rows of X and given components, with any loss.

    Notes
    -----
    "bpp" costs 2 m n k flop for the products (2 nnz k for sparse X), then p^3 / 3 + 6 k^2 for each exchange of a column
    with p positive coordinates: one or two exchanges where most coordinates are positive, three or four where half of
    them are. "hals" costs 2 n k^2 flop a sweep. Normal equations square the condition number of B: digits are lost as
    it approaches the root of the inverse precision, 1e8 in float64.

    References
    ----------
    .. [1] J. Kim, H. Park, "Fast nonnegative matrix factorization: an active-set-like method and comparisons", SIAM J.
       Sci. Comput. 33 (2011) 3261-3281. doi:10.1137/110821172
    .. [2] C. L. Lawson, R. J. Hanson, "Solving least squares problems", Prentice-Hall (1974), chapter 23.
    .. [3] A. Cichocki, A.-H. Phan, "Fast local algorithms for large scale nonnegative matrix and tensor
       factorizations", IEICE Trans. Fundamentals E92-A (2009) 708-721. doi:10.1587/transfun.E92.A.708

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> B = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    >>> nmfcore.nnls(B, [2.0, 1.0, -1.0])
    array([1.5, 0. ])
    """
    sweeps = check_sweeps(method, max_iter, tol)
    B, X, G, C = _align(B, X, G, C)
    by_matrices, n_threads = check_given(B, X, G, C), check_threads(n_threads)
    equations = from_matrices(B, X, n_threads) if by_matrices else from_gram(G, C, n_threads)
    G, C, exponents, is_vector, workspace = equations
    if sweeps is None:
        F = np.broadcast_to((G.diagonal() > 0).astype(C.dtype), C.shape).copy()  # all coordinates are passive
        workspace.pivot(G, C, F)
    else:
        F = np.zeros_like(C)
        workspace.sweep(G, C, F, sweeps[0], sweeps[1] ** 2)
    with np.errstate(over="ignore", under="ignore"):  # an entry beyond the range of the dtype is infinite or 0
        Y = np.ldexp(F.T, exponents[:, None], out=F.T)
    check_outcome(Y=Y)
    return Y[:, 0] if is_vector else Y


def _align(B: Any, X: Any, G: Any, C: Any) -> tuple[Any, Any, Any, Any]:
    """All as arrays, with the rows of X in the order of those of B, and C and the columns of G in that of G's rows."""
    of_B, of_G = Alignment(B, "B", (SAMPLES,)), Alignment(G, "G", (COMPONENTS,))
    X = of_B.align(X, "X", (SAMPLES, "right-hand sides")[: len(frames.labels_of(X))])
    G = of_G.align(G, "G", (COMPONENTS, COMPONENTS))
    C = of_G.align(C, "C", (COMPONENTS, "right-hand sides")[: len(frames.labels_of(C))])
    return frames.unwrap(B, "B")[0], X, G, C
