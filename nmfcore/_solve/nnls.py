"""Non-negative least squares for many right-hand sides."""

from typing import Any

import numpy as np

from .._runtime import check_threads
from ..data import frames
from . import check_nnls


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

    With "bpp" exactly, by block principal pivoting [1]_ on the normal equations B'B Y = B'X: infeasible coordinates of
    a column are exchanged between the passive set and the rest, all at once as long as that makes them fewer; a column
    that does not end so is solved by an active set method [2]_. With "hals" by cyclic coordinate descent [3]_.

    Parameters
    ----------
    B : array_like, shape (m, k)
        Dense, finite, of any sign and any rank; converted to the dtype of X. All four may be data frames.
    X : array_like or SciPy sparse, shape (m, n) or (m,)
        The right-hand sides; finite, of any sign. float32 is computed in float32 (systems of equations in float64),
        other real dtypes in float64.
    G, C : array_like, shapes (k, k) and (k, n) or (k,)
        The normal equations G = B'B and C = B'X, in the place of B and X. C must lie in the range of G, as it does
        where both come from a B: else there is no minimum, and what comes back is large.
    method : {"bpp", "hals"}
        Exact, or iterative.
    max_iter : int, optional
        Most sweeps of "hals", by default 1000.
    tol : float, optional
        "hals" ends for a group of 64 columns when a sweep changes them by at most tol times what the first did, in the
        norm :math:`(\sum_t G_{tt} \|\Delta_t\|^2)^{1/2}`; by default 1e-6.
    n_threads : int, optional
        As in `hals`; the result does not depend on it, to the bit.

    Returns
    -------
    ndarray, shape (k, n) or (k,)
        Y, in the dtype of the computation. Where B has not full rank, a minimiser; a column of zeros in B gives a row
        of zeros. Powers of two that multiply X or columns of B change no digit.

    Raises
    ------
    TypeError
        Neither B and X nor G and C alone were given; an array that holds no real numbers; an option of the wrong type.
    ValueError
        Arrays that are empty, not finite or do not fit each other; G that is no B'B: not symmetric, or with an entry
        beyond its diagonal; C positive where the diagonal of G is 0; an option out of its range or of the other method.

    Notes
    -----
    "bpp": 2 m n k flop for the products (2 nnz k for sparse X), then p^3 / 3 + 6 k^2 for each exchange of a column
    with p positive coordinates: one or two exchanges where most coordinates are positive, three or four where half of
    them are. "hals": 2 n k^2 a sweep. Normal equations square the condition of B: digits are lost as it nears the root
    of the inverse precision, 1e8 in float64.

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
    sweeps = check_nnls.sweeps(method, max_iter, tol)
    B, X, G, C = (frames.unwrap(A, name)[0] for A, name in ((B, "B"), (X, "X"), (G, "G"), (C, "C")))
    G, C, exponents, vector, workspace = check_nnls.equations(B, X, G, C, check_threads(n_threads))
    if sweeps is None:
        F = np.broadcast_to((G.diagonal() > 0).astype(C.dtype), C.shape).copy()
        workspace.pivot(G, C, F)  # from all coordinates passive: the first matrix is that of every column
    else:
        F = np.zeros_like(C)
        workspace.sweep(G, C, F, sweeps[0], sweeps[1] ** 2)
    with np.errstate(over="ignore", under="ignore"):  # what units of X cannot express is infinite or 0
        Y = np.ldexp(F.T, exponents[:, None], out=F.T)
    return Y[:, 0] if vector else Y
