"""Semi-NMF: the fit, which alternates least squares for H with sweeps over W, and the function that users call."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._fit import Momentum, RandomState, State
from .._runtime import Workspace
from ..data import UnweightedData
from ..losses import CANCELLATION
from .clustering import Clustering
from .fit_clustering import ClusteringModel, ClusteringRequest, fit_clustering

WARM_UP = 3  # iterations with one sweep, as in the driver
SWEEPS = 10  # over W; they end when one changes a group of rows by less than PRECISION times what the first one did
PRECISION = 0.03
DEPENDENT = 1e-13  # columns of W with an eigenvalue of their normalised Gram matrix below this count as dependent


class SemiNMF:
    """An `IterativeFit` from a start W; H is always the least-squares solution for W."""

    def __init__(self, data: UnweightedData, W: np.ndarray, workspace: Workspace) -> None:
        self.data, self.workspace, self.W, self.n_iter = data, workspace, W, 0
        self.momentum, self.swept = Momentum(), W
        self.Ht, self.value = self._least_squares(W)

    def objective(self) -> float:
        """1/2 ||X - W H||^2."""
        return self.value

    def iterate(self) -> float:
        """Sweep over W and extrapolate it; without the extrapolation where the objective would rise."""
        G, C = self._normal_equations()
        new, trial = self.W.copy(), self.swept.copy()
        self.workspace.sweep(G, C, new, 1 if self.n_iter < WARM_UP else SWEEPS, PRECISION**2)
        self.n_iter += 1
        self.workspace.extrapolate(new, trial, self.momentum.advance(), False)
        Ht, value = self._least_squares(trial)
        if value > self.value:
            self.momentum.reset()
            trial = new.copy()
            Ht, value = self._least_squares(trial)
        if value <= self.value:  # a plain sweep only fails here by round-off
            self.W, self.Ht, self.value = trial, Ht, value
        self.swept = new
        return self.value

    @np.errstate(over="ignore", under="ignore")  # an entry beyond the range of the dtype is infinite or 0
    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """W in units of X, and H with rows of norm 1."""
        sizes = np.sqrt(np.sum(np.square(self.Ht, dtype=np.float64), axis=0)).astype(self.W.dtype)
        return np.ldexp(self.W * sizes, self.data.measures.exponent), (self.Ht / np.where(sizes > 0, sizes, 1)).T

    def kkt_residual(self) -> float:
        """(sum_t G_tt ||min(W_t, gradient_t / G_tt)||^2 + ||gradient of H_t||^2 / ||W_t||^2)^(1/2) / ||X||."""
        total, S = self.data.measures.squared_norm, self.workspace.gram(self.W)
        gradient = self.Ht.astype(np.float64) @ S - self._transposed_product(self.W)
        of_H = np.sum(gradient**2, axis=0) / np.where(np.diagonal(S) > 0, np.diagonal(S), 1)
        of_W = self.workspace.squared_kkt_residual(*self._normal_equations(), self.W)
        return math.sqrt((of_W + float(of_H.sum())) / total) if total > 0 else 0.0

    def _transposed_product(self, W: np.ndarray) -> np.ndarray:
        """X'W."""
        return self.data.T.dot(W, np.empty((self.data.shape[1], W.shape[1]), W.dtype))

    def _normal_equations(self) -> tuple[np.ndarray, np.ndarray]:
        """G = H H' and C = X H'."""
        return self.workspace.gram(self.Ht), self.data.dot(self.Ht, np.empty_like(self.W))

    def _least_squares(self, W: np.ndarray) -> tuple[np.ndarray, float]:
        """The best H' for W, of least norm, and the objective; near an exact fit that is summed entry by entry."""
        P, S, total = self._transposed_product(W), self.workspace.gram(W), self.data.measures.squared_norm
        sizes = np.sqrt(np.diagonal(S))
        sizes = np.where(sizes > 0, sizes, 1)
        inverse = np.linalg.pinv(S / np.outer(sizes, sizes), rcond=DEPENDENT, hermitian=True)
        Ht = np.ascontiguousarray(P @ (inverse / np.outer(sizes, sizes)), W.dtype)
        value = 0.5 * total - self.workspace.inner(P, Ht) + 0.5 * float(np.sum(S * self.workspace.gram(Ht)))
        return Ht, value if value > CANCELLATION[W.dtype] * total else 0.5 * self.data.squared_residual(W, Ht)


MODEL = ClusteringModel(SemiNMF, n_starts=5, signed=True)


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
    random_state: RandomState = None,
    callback: Callable[[State], object] | None = None,
    verbose: bool = False,
) -> Clustering:
    r"""Factorize X ~ W H with W >= 0, where X and H have any sign.

    Minimises

    .. math:: f = \frac12 \|X - W H\|_F^2

    over W >= 0 (m x k) and H (k x n) [1]_. It suits data with negative entries, such as measurements less their mean.
    If each row of W had a single 1 and zeros otherwise, the rows of H would be the centres of k-means.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Finite, of any sign. It is read where it lies, as in `hals`, and not changed.
    k : int
        The rank; it may exceed m and n.
    init : array_like, shape (m, k), optional
        A start for W, of any scale, >= 0, with a positive entry in each column. By default starts have
        :math:`|N(0, 1)|` entries.
    tol : float
        A fit has converged when three iterations in a row each lower the objective by no more than the share tol of it,
        or when X is described to round-off. 0 runs exactly max_iter iterations.
    n_starts, max_iter, max_time, n_threads, random_state, callback, verbose
        See `symmetric`.

    Returns
    -------
    Clustering
        W, H with rows of norm 1, the labels (the largest entry of each row of W) and more. Its kkt_residual is
        :math:`(\sum_t \|h_t\|^2 \|\min(W_t, \nabla_t / \|h_t\|^2)\|^2 + \sum_t \|\nabla h_t\|^2 / \|w_t\|^2)^{1/2} /
        \|X\|_F`.

    Raises
    ------
    InputTypeError
        X does not hold real numbers, or an option has the wrong type.
    InputError
        X is empty or has NaN or infinite entries; an option is out of its range; `init` has the wrong shape or negative
        entries; n_starts is more than 1 although `init` is given.

    See Also
    --------
    archetypes : Also for X of any sign, with factors that are more often unique.
    svd : The least error without a sign constraint.

    Notes
    -----
    H is the least-squares solution for W, of least norm where columns of W are dependent. W is improved by up to ten
    sweeps of `hals`, instead of the multiplicative update of [1]_, and extrapolated where that lowers f. So f never
    rises.

    For X >= 0, and wherever the leading singular vectors span a vector > 0, the least f is that of `svd` [2]_, and many
    factorizations attain it. Otherwise, as for X less its mean, f may have no minimum: it falls while the columns of W
    grow and become alike. A larger tol ends a fit before that.

    An iteration costs two products with X, 4 m n k flop (4 nnz k for sparse X), up to 10 sweeps of 2 m k^2 flop, and
    2 n k^2 flop.

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
    request = ClusteringRequest(
        X, k, init, n_starts, max_iter, tol, max_time, n_threads, random_state, callback, verbose
    )
    return fit_clustering(request, MODEL)
