"""The truncated singular value decomposition: the function that users call."""

from typing import Any

import numpy as np

from .._checks import check_count, check_outcome, check_random_state
from .._fit import RandomState
from .._runtime import check_threads, single_blas
from .._starts import SVD_EFFORT, Effort, singular_triplets
from ..data import as_data, frames
from .check_svd import check_n_triplets, check_power_iter


def svd(
    X: Any,
    k: int,
    *,
    power_iter: int | str = "auto",
    oversampling: int = 10,
    n_threads: int | None = None,
    random_state: RandomState = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""The k largest singular values of X and their vectors, X ~ U diag(s) Vt.

    No other matrix of rank k is nearer to X in the Frobenius norm (Eckart & Young [1]_). The method is a randomized
    range finder with power iterations [2]_ on the smaller side of X. The iterations are shifted [3]_, which makes them
    as accurate as about one and a half times as many plain ones.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        As for `hals`, but of any sign. It is not changed.
    k : int
        The number of triplets, at most min(m, n).
    power_iter : int or "auto"
        The number of power iterations. "auto" ends them when one moves none of the first k eigenvalues of X'X by more
        than a hundredth of the k-th one, at the latest after 20. On texts and images, where the singular values
        decrease slowly, the error then exceeds the least error of that rank by a ten-thousandth of it or less.
    oversampling : int
        The number of vectors beyond k that are iterated.
    n_threads : int, optional
        See `hals`. Any number of threads gives identical bits.
    random_state : int, Generator, RandomState, optional
        Where the start of the iteration is drawn from; None: NumPy's global state.

    Returns
    -------
    U : ndarray, shape (m, k)
        Orthonormal columns. The first of the largest entries of each, compared to half of the digits, is positive.
    s : ndarray, shape (k,)
        The singular values, in decreasing order, in units of X.
    Vt : ndarray, shape (k, n)
        Orthonormal rows. All three are float32 for X of float32, else float64.

    Raises
    ------
    InputTypeError
        X does not hold real numbers, or an option has the wrong type.
    InputError
        X is not 2-D, is empty, or has NaN or infinite entries; k exceeds min(m, n); an option is out of its range.

    See Also
    --------
    Result.optimality : The error of a factorization compared with the least one of its rank.

    Notes
    -----
    With l = k + oversampling and p = power_iter, it costs 2 (2 p + 3) m n l flop (with nnz for m n if X is sparse) and
    (2 p + 6) min(m, n) l^2 + 6 max(m, n) l^2. If min(m, n) <= 2 l, X is decomposed as a whole, without iterations.
    Memory beyond X: about 3 (m + n) l numbers, and for sparse X a second copy of it. U is orthonormal to round-off even
    if X is of lower rank. Singular values below the round-off of the largest one mean nothing, nor do their vectors.

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
    oversampling, n_iter = check_count(oversampling, "oversampling", 0), check_power_iter(power_iter)
    effort = SVD_EFFORT._replace(oversampling=oversampling) if n_iter is None else Effort(n_iter, None, oversampling)
    data, workspace = as_data(frames.unwrap(X)[0], check_threads(n_threads), signed=True)
    k = check_n_triplets(k, data.shape)
    with single_blas():
        U, s, V = singular_triplets(data, k, check_random_state(random_state), workspace, effort)
    with np.errstate(over="ignore", under="ignore"):  # an entry beyond the range of the dtype is infinite or 0
        s = np.ldexp(s, data.measures.exponent)
    check_outcome(U=U, s=s, Vt=V.T)
    return U, s, V.T
