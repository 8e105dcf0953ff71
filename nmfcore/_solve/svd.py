"""The truncated singular value decomposition, and what a factorization is beside it."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_random_state
from .._runtime import check_threads, single_blas
from .._starts import singular_triplets
from ..data import as_data, frames
from . import check_svd

if TYPE_CHECKING:
    pass


def svd(
    X: Any,
    k: int,
    *,
    power_iter: int | str = "auto",
    oversampling: int = 10,
    n_threads: int | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""The k largest singular values of X and their vectors, X ~ U diag(s) Vt.

    No other matrix of rank k is nearer to X in the Frobenius norm (Eckart & Young [1]_). By a randomized range finder
    with power iterations [2]_ on the smaller side of X, which are shifted [3]_: as accurate as plain ones in about
    two thirds of their number.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        As for `hals`, but of any sign; it is not changed.
    k : int
        Number of triplets, at most min(m, n).
    power_iter : int or "auto"
        Power iterations. "auto": until one moves none of the first k eigenvalues of X'X by more than a hundredth of
        the k-th one, at most 20; what is missing to the least error of that rank is then a ten-thousandth of it or less
        on texts and images, where the singular values fall slowly.
    oversampling : int
        How many vectors more than k are iterated.
    n_threads : int, optional
        As for `hals`; the result does not depend on it, to the bit.
    random_state : int, Generator, RandomState, optional
        Where the iteration starts; None: NumPy's global state.

    Returns
    -------
    U : ndarray, shape (m, k)
        Orthonormal columns; the first of the largest entries of each, to half its digits, is positive.
    s : ndarray, shape (k,)
        The singular values, which fall.
    Vt : ndarray, shape (k, n)
        Orthonormal rows. All three are float32 for X of float32, else float64.

    Raises
    ------
    TypeError
        X holds no real numbers; an option of the wrong type.
    ValueError
        X is not 2-D, is empty, or has NaN or infinite entries; k exceeds min(m, n); an option out of its range.

    Notes
    -----
    With l = k + oversampling, p = power_iter: 2 (2 p + 3) m n l flop (nnz for m n where X is sparse) and
    (2 p + 6) min(m, n) l^2 + 6 max(m, n) l^2. Up to min(m, n) = 2 l X is decomposed as a whole, without iterations.
    Memory beyond X: about 3 (m + n) l numbers, for sparse X a second copy of it, too. U is orthonormal to round-off
    also where X is of lower rank; singular values below the round-off of the largest mean nothing, nor do their
    vectors.

    References
    ----------
    .. [1] C. Eckart, G. Young, "The approximation of one matrix by another of lower rank", Psychometrika 1 (1936)
       211-218. doi:10.1007/BF02288367
    .. [2] N. Halko, P. G. Martinsson, J. A. Tropp, "Finding structure with randomness: probabilistic algorithms for
       constructing approximate matrix decompositions", SIAM Review 53 (2011) 217-288. doi:10.1137/090771806
    .. [3] X. Feng, W. Yu, Y. Xie, J. Tang, "Algorithm 1043: Faster randomized SVD with dynamic shifts", ACM Trans.
       Mathematical Software 50 (2024). doi:10.1145/3660629

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> U, s, Vt = nmfcore.svd(np.outer([3.0, 4.0], [1.0, -2.0, 2.0]), 1)
    >>> s
    array([15.])
    >>> np.allclose(U[:, 0], [0.6, 0.8])
    True
    """
    effort = check_svd.effort(power_iter, oversampling)
    data, workspace = as_data(frames.unwrap(X)[0], check_threads(n_threads), signed=True)
    k = check_svd.rank(k, data.shape)
    with single_blas():
        U, s, V = singular_triplets(data, k, check_random_state(random_state), workspace, effort)
    with np.errstate(over="ignore", under="ignore"):  # what units of X cannot express is infinite or 0
        return U, np.ldexp(s, data.measures.exponent), V.T
