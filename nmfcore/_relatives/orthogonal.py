"""Orthogonal NMF: the sequence of a call, and nothing else."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._checks import check_count, check_random_state
from .._fit import ProgressPrinter, State, check_options
from .._runtime import check_threads, single_blas
from ..data import as_data, frames
from . import check_relatives
from .assignment import Assignment, drawn, of_labels
from .clustering import Clustering
from .iterations import best_of

STARTS = 10


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
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
    callback: Callable[[State], object] | None = None,
    verbose: bool = False,
) -> Clustering:
    r"""Factorize X ~ W H with W, H >= 0 and W'W = I: each row of X belongs to one component.

    Minimises :math:`f = \frac12 \|X - W H\|_F^2`. Columns that are >= 0 and orthogonal have no row in common, so that
    W is a clustering of the rows of X by their directions, in which a row counts by the square of its norm: spherical
    k-means with weights [1]_. Divide rows by their norms if each is to count the same.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Finite, >= 0. Read where it lies, as in `hals`.
    k : int
        Number of clusters. Beyond the number of different directions in X some of them are empty.
    init : array_like of int, shape (m,), optional
        A cluster from 0 to k - 1 for each row to start from. Else rows are drawn for directions, one after the other
        by what is left of their squares beside those before, as in greedy k-means++ [2]_.
    n_starts : int or "auto"
        Fits from as many such starts, of which the one with the lowest objective is given back; "auto" is 10, or 1
        for clusters that are given.
    max_iter, tol, max_time, n_threads, random_state, callback, verbose
        See `symmetric`.

    Returns
    -------
    Clustering
        W, H, labels and more. A row of X that is 0 has the label -1. Columns of W are orthonormal; that of an empty
        cluster and its row of H are 0. Its kkt_residual is :math:`\|W'X - H\|_F / \|X\|_F`, since all rows are where
        they fit best.

    Raises
    ------
    TypeError
        X holds no real numbers; an option of the wrong type.
    ValueError
        X is empty, or has NaN, infinite or negative entries; an option out of its range; a start of another shape or
        with other clusters, or several starts from one that is given.

    Notes
    -----
    Each row goes to the direction with which it has the largest product, and each direction makes one step of the power
    method towards the leading right singular vector of its rows, both of which lower f: EM-ONMF [1]_ with inner
    iterations of one step. A cluster that has lost its rows takes the one that is fitted worst, as long as there is one
    that is not fitted to round-off. An iteration is two products with X, 4 m n k flop (4 nnz k for sparse X).

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
    clock = time.perf_counter()
    k, n_starts = check_count(k, "k", 1), check_relatives.starts(n_starts, init is not None, STARTS)
    options = check_options(max_iter, tol, max_time, callback, verbose, ProgressPrinter())
    rng = check_random_state(random_state)
    X, names = frames.unwrap(X)
    data, workspace = as_data(X, check_threads(n_threads))
    labels = check_relatives.labels(init, data.shape[0], k)

    def begin() -> Assignment:
        return Assignment(data, drawn(data, k, rng) if labels is None else of_labels(data, labels, k), workspace)

    with single_blas():
        return Clustering.of(*best_of(begin, n_starts, options, clock), names)
