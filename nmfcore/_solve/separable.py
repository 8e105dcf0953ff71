"""Separable NMF: the sequence of a call, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._checks import check_count, check_flag
from .._runtime import check_threads, single_blas
from .._starts import check_independent, solve_coordinates, successive_projections
from ..data import as_data, frames
from ..losses import Frobenius, Normal

ROUNDS = 50


@dataclass(frozen=True)
class Separable:
    """A separable factorization X ~ W H, in which H consists of rows of X; `W, H = result` unpacks it.

    Attributes
    ----------
    rows : ndarray of intp, shape (k,)
        The indices of those rows, in the order in which they were found.
    W : ndarray, shape (m, k)
        Of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        X[rows]; it is the transpose of a C-contiguous (n, k) array.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    """

    rows: np.ndarray
    W: np.ndarray = field(repr=False)
    H: np.ndarray = field(repr=False)
    relative_error: float

    def __iter__(self) -> Iterator[np.ndarray]:
        """W, then H."""
        return iter((self.W, self.H))


def separable(X: Any, k: int, *, normalize: bool = True, n_threads: int | None = None) -> Separable:
    r"""Factorize X ~ W H with W >= 0, where H consists of k rows of X: its pure samples.

    X (samples x features) is separable when all its rows are non-negative combinations of k of them: pixels of an
    image in which each material is somewhere alone, samples among which each source is seen alone. Those rows are then
    found exactly, in k passes over X and without a start; near a separable X, rows near to them. Each is the row
    farthest from the span of those before: the successive projection algorithm [1]_, [2]_. Then W minimises
    :math:`\|X - W H\|_F`.

    Where features are pure instead (anchor words, each of which belongs to one topic), it is the transposed problem:
    ``separable(X.T, k)`` chooses columns of X, and its W and H are those of X', to be transposed and exchanged.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        As for `hals`; it is not changed.
    k : int
        Number of rows, at most the rank of X.
    normalize : bool
        Divide each row by its sum before the choice. Without it, the choice is exact only where the rows of W sum to
        at most 1; long rows are preferred, which may be right where short ones are little but noise.
    n_threads : int, optional
        As for `hals`; the result does not depend on it, to the bit.

    Returns
    -------
    Separable
        rows, W (m x k), H = X[rows] (k x n), relative_error; ``W, H = result`` unpacks it. float32 for X of float32.

    Raises
    ------
    TypeError
        X holds no real numbers; an option of the wrong type.
    ValueError
        As `hals` for X; k exceeds the number of rows of X that are linearly independent, to round-off.

    Notes
    -----
    Equal lengths, to half the digits, are a tie, which the row wins that comes first; beside ties, the choice follows a
    permutation of the rows. Where H has the condition number :math:`\kappa`, noise of norm
    :math:`\epsilon` in each row displaces the rows of H by :math:`O(\epsilon \kappa^2)` [2]_.

    2 m n k flop (2 nnz k for sparse X) to choose and 4 m n k for W; of sparse X no more than a block of rows is dense
    at a time. W is the least-squares solution in the rows where that is non-negative, as on separable X; in the others
    coordinate descent goes on from it, until it moves W by no more than round-off, or for 5000 sweeps.

    References
    ----------
    .. [1] M. C. U. Araujo, T. C. B. Saldanha, R. K. H. Galvao, T. Yoneyama, H. C. Chame, V. Visani, "The successive
       projections algorithm for variable selection in spectroscopic multicomponent analysis", Chemometrics and
       Intelligent Laboratory Systems 57 (2001) 65-73. doi:10.1016/S0169-7439(01)00119-8
    .. [2] N. Gillis, S. A. Vavasis, "Fast and robust recursive algorithms for separable nonnegative matrix
       factorization", IEEE Trans. Pattern Analysis and Machine Intelligence 36 (2014) 698-714.
       doi:10.1109/TPAMI.2013.226

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.array([[1.0, 1.0, 2.0], [2.0, 0.0, 2.0], [0.0, 3.0, 3.0]])
    >>> result = nmfcore.separable(X, 2)
    >>> result.rows
    array([1, 2])
    >>> np.allclose(result.W[0], [1 / 2, 1 / 3])
    True
    """
    k = check_count(k, "k", 1)
    normalize = check_flag(normalize, "normalize")
    data, workspace = as_data(frames.unwrap(X)[0], check_threads(n_threads))
    with single_blas():
        rows = successive_projections(data, k, normalize)
        check_independent(len(rows), k)
        Ht = np.ascontiguousarray(data.take(rows).T)
        G = workspace.gram(Ht)
        W, C = solve_coordinates(data, Ht, G, workspace, ROUNDS)
    loss = Frobenius()
    value = loss.value(data, W, Ht, workspace.gram(W), Normal(G, C), workspace)
    error = loss.relative_error(data, W, Ht, value, workspace)
    return Separable(rows, W, np.ldexp(Ht, data.measures.exponent).T, error)
