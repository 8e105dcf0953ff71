"""Separable NMF: the function that users call, and its result."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .._checks import check_count, check_flag, check_outcome
from .._runtime import Members, Storable, check_threads, files, single_blas
from .._starts import check_independent, solve_coordinates, successive_projections
from ..data import as_data, frames
from ..losses import Frobenius, Normal

ROUNDS = 50  # of coordinate descent for the rows whose least-squares solution is negative somewhere


@dataclass(frozen=True, eq=False)
class Separable(Storable):
    """A separable factorization X ~ W H, where H consists of rows of X; `W, H = result` unpacks it.

    Attributes
    ----------
    rows : ndarray of intp, shape (k,)
        The indices of those rows, in the order in which they were chosen.
    W : ndarray, shape (m, k)
        >= 0, of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        X[rows]; it is the transpose of a C-contiguous (n, k) array.
    relative_error : float
        ||X - W H||_F / ||X||_F.

    See Also
    --------
    separable : The function that returns it.
    """

    rows: np.ndarray
    W: np.ndarray = field(repr=False)
    H: np.ndarray = field(repr=False)
    relative_error: float

    _file_kind: ClassVar = files.FileFormat(
        "nmfcore separable", "no separable factorization of nmfcore", "Separable.save"
    )

    def __iter__(self) -> Iterator[np.ndarray]:
        """W, then H."""
        return iter((self.W, self.H))

    def _to_arrays(self) -> dict[str, np.ndarray]:
        return {"rows": self.rows, "W": self.W, "H": self.H, "relative_error": np.asarray(self.relative_error)}

    @classmethod
    def _from_members(cls, members: Members) -> "Separable":
        W = members.floats("W", (None, None), least=0)
        m, k = W.shape
        H = members.floats("H", (k, None), W.dtype, 0)
        rows = members.indices("rows", (k,), m)
        if len(np.unique(rows)) != k:
            raise ValueError("rows")
        return cls(rows, np.ascontiguousarray(W), np.asfortranarray(H), members.number("relative_error", 0))


def separable(X: Any, k: int, *, normalize: bool = True, n_threads: int | None = None) -> Separable:
    r"""Factorize X ~ W H with W >= 0, where H consists of k rows of X: its pure samples.

    X (samples x features) is separable if all its rows are non-negative combinations of k of them. Examples are the
    pixels of an image in which each material is alone in some pixel, or samples among which each source occurs alone.
    Those rows are then found exactly, in k passes over X and without a start; if X is nearly separable, rows near to
    them are found. Each chosen row is the farthest one from the span of those before: the successive projection
    algorithm [1]_, [2]_. Then W minimises :math:`\|X - W H\|_F` over W >= 0.

    If features are pure instead (anchor words, each of which belongs to one topic), the problem is the transposed one:
    ``separable(X.T, k)`` chooses columns of X. Its W and H are those of X'; transpose and exchange them.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        As for `hals`; finite, >= 0. It is not changed.
    k : int
        The number of rows to choose, at most the rank of X.
    normalize : bool
        Divide each row by its sum before the choice. Without it, the choice is exact only if the rows of W sum to at
        most 1; it prefers long rows, which can be right where short ones are mostly noise.
    n_threads : int, optional
        See `hals`. Any number of threads gives identical bits.

    Returns
    -------
    Separable
        rows, W (m x k), H = X[rows] (k x n), relative_error; ``W, H = result`` unpacks it. float32 for X of float32.

    Raises
    ------
    InputTypeError
        X does not hold real numbers, or an option has the wrong type.
    InputError
        As `hals` for X; k exceeds the number of rows of X that are linearly independent, up to round-off.

    See Also
    --------
    archetypes : Archetypes are mixtures of rows of X of any sign.
    nnls : Non-negative least squares, as for W.

    Notes
    -----
    Two lengths that agree to half of their digits are a tie, which the first row wins. Apart from ties, the choice
    follows a permutation of the rows. If H has the condition number :math:`\kappa`, noise of norm :math:`\epsilon` in
    each row displaces the rows of H by :math:`O(\epsilon \kappa^2)` [2]_.

    The choice costs 2 m n k flop (2 nnz k for sparse X) and W costs 4 m n k. Of sparse X, only a block of rows is dense
    at a time. W is the least-squares solution in the rows where that is non-negative, as on separable X. In the others
    coordinate descent continues from it, until a sweep moves W by no more than round-off, or for 5000 sweeps.

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
        exponents = np.frexp(Ht.max(axis=0))[1]  # squares of short rows would underflow
        Ht = np.ldexp(Ht, -exponents)
        G = workspace.gram(Ht)
        W, C = solve_coordinates(data, Ht, G, workspace, ROUNDS)
    loss = Frobenius()
    value = loss.value(data, W, Ht, workspace.gram(W), Normal(G, C), workspace)
    error = loss.relative_error(data, W, Ht, value, workspace)
    with np.errstate(over="ignore", under="ignore"):  # an entry beyond the range of the dtype is infinite or 0
        W, H = np.ldexp(W, -exponents), np.ldexp(Ht, exponents + data.measures.exponent).T
    check_outcome(W=W, H=H, relative_error=error)
    return Separable(rows, W, H, error)
