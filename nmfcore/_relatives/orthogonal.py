"""Orthogonal NMF: the function that users call."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._fit import RandomState, State
from ..data import SAMPLES, UnweightedData
from .assignment import Assignment, directions_of_labels, draw_directions
from .check_relatives import check_labels
from .clustering import Clustering
from .fit_clustering import ClusteringModel, ClusteringRequest, fit_clustering


def start_from_labels(init: Any, data: UnweightedData, k: int) -> np.ndarray:
    """The directions of the clusters that a user gives."""
    return directions_of_labels(data, check_labels(init, data.shape[0], k), k)


MODEL = ClusteringModel(
    Assignment, n_starts=10, draw_start=draw_directions, start_from_init=start_from_labels, axes_of_init=(SAMPLES,)
)


def orthogonal(
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
    r"""Factorize X ~ W H with W, H >= 0 and W'W = I: each row of X belongs to one component.

    Minimises

    .. math:: f = \frac12 \|X - W H\|_F^2.

    Columns that are >= 0 and orthogonal share no row. W is therefore a clustering of the rows of X by their directions,
    in which a row counts by the square of its norm: weighted spherical k-means [1]_. Divide the rows by their norms if
    all of them are to count the same.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Finite, >= 0. It is read where it lies, as in `hals`, and not changed.
    k : int
        The number of clusters. If X has fewer different directions, some clusters are empty.
    init : array_like of int, shape (m,), optional
        The cluster from 0 to k - 1 in which each row starts. By default k rows are drawn one after the other as
        directions, with probability proportional to the squared residual from the nearest direction, as in greedy
        k-means++ [2]_.
    n_starts : int or "auto"
        The number of fits from such starts; the one with the lowest objective is returned. "auto" is 10, or 1 if
        `init` is given.
    tol : float
        A fit has converged when three iterations in a row each lower the objective by no more than the share tol of it,
        or when X is described to round-off. 0 runs exactly max_iter iterations.
    max_iter, max_time, n_threads, random_state, callback, verbose
        See `symmetric`.

    Returns
    -------
    Clustering
        W, H, the labels and more. A row of zeros has the label -1. The columns of W are orthonormal; an empty cluster
        has a column of zeros in W and a row of zeros in H. Its kkt_residual is :math:`\|W'X - H\|_F / \|X\|_F`, since
        every row is in the cluster that fits it best.

    Raises
    ------
    InputTypeError
        X does not hold real numbers, or an option has the wrong type.
    InputError
        X is empty or has NaN, infinite or negative entries; an option is out of its range; `init` has the wrong shape
        or other clusters; n_starts is more than 1 although `init` is given.

    See Also
    --------
    hierarchical : A tree of clusters with the same objective.
    projective : Lets a row belong to several components.

    Notes
    -----
    Each row goes to the direction with which it has the largest product. Then each direction makes one step of the
    power method towards the leading right singular vector of its rows. Both lower f: it is EM-ONMF [1]_ with inner
    iterations of one step. A cluster that has lost its rows takes the row that is fitted worst, unless all rows are
    fitted to round-off. An iteration costs two products with X, 4 m n k flop (4 nnz k for sparse X).

    References
    ----------
    .. [1] F. Pompili, N. Gillis, P.-A. Absil, F. Glineur, "Two algorithms for orthogonal nonnegative matrix
       factorization with application to clustering", Neurocomputing 141 (2014) 15-25.
       doi:10.1016/j.neucom.2014.02.018
    .. [2] D. Arthur, S. Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007, 1027-1035.

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.array([[1.0, 0.0], [2.0, 0.1], [0.0, 3.0]])
    >>> labels = nmfcore.orthogonal(X, 2, random_state=0).labels
    >>> bool(labels[0] == labels[1] != labels[2])
    True
    """
    request = ClusteringRequest(
        X, k, init, n_starts, max_iter, tol, max_time, n_threads, random_state, callback, verbose
    )
    return fit_clustering(request, MODEL)
