"""Hierarchical clustering by NMF of rank 2: the function that users call."""

import math
import time
from collections.abc import Callable
from typing import Any

from .._checks import check_count, check_random_state, ends_fit
from .._fit import RandomState, check_options
from .._runtime import check_threads, single_blas
from ..data import as_data, frames
from .check_relatives import check_n_leaves
from .hierarchy import Hierarchy
from .tree_builder import ClusterTreeBuilder


def hierarchical(
    X: Any,
    n_leaves: int,
    *,
    max_iter: int = 100,
    tol: float = 1e-3,
    refine: int = 10,
    max_time: float | None = None,
    n_threads: int | None = None,
    random_state: RandomState = None,
    callback: Callable[[Hierarchy], object] | None = None,
    verbose: bool = False,
) -> Hierarchy:
    r"""Split the rows of X in two by NMF of rank 2, then split the parts, and so on: a tree of clusters.

    Each leaf is described by the one direction that fits its rows best. The objective is therefore

    .. math:: f = \frac12 \sum_{leaves} \|X_{leaf} - \sigma_1 u_1 v_1'\|_F^2 = \frac12 \|X\|_F^2
       - \frac12 \sum_{leaves} \sigma_1^2(X_{leaf}),

    as in `orthogonal`. The next leaf to be split is the one whose split lowers the objective most [1]_.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Samples (documents, pixels) in rows; finite, >= 0.
    n_leaves : int
        The number of leaves, at most m. The tree has fewer leaves if no further split lowers the objective.
    max_iter : int
        Most iterations of each fit of rank 2.
    tol : float
        The tolerance of each fit of rank 2: it ends when the first sweep of an iteration moves the factors by no more
        than the share tol of the residual (see `hals`). It can be large, since a row only needs to know which of its
        two components is larger.
    refine : int
        Most iterations of `orthogonal` that start from the two parts of a split and exchange rows between them. Each
        of them lowers the objective. 0 leaves the parts as NMF gives them, as in [1]_ and [2]_.
    max_time : float, optional
        Seconds after which no further split begins.
    n_threads : int, optional
        See `hals`. Any number of threads gives identical bits.
    random_state : int, Generator, RandomState, optional
        Where the starts are drawn from; None: NumPy's global state.
    callback : callable, optional
        Called as callback(tree) after each split with the `Hierarchy` so far. If it returns True, the tree is done.
    verbose : bool
        Print a line after each split.

    Returns
    -------
    Hierarchy
        The tree, the labels of the rows and the directions of the leaves. Its method `cut` gives fewer clusters.

    Raises
    ------
    InputTypeError
        X does not hold real numbers, or an option has the wrong type.
    InputError
        X is empty or has NaN, infinite or negative entries; an option is out of its range; n_leaves > m.

    See Also
    --------
    orthogonal : A flat clustering with the same objective.

    Notes
    -----
    With W H the NMF of rank 2 of the rows of a leaf, row i goes to the first child where
    :math:`w_{i1} \|h_1\| \ge w_{i2} \|h_2\|` [2]_; so does a row of zeros. Each leaf is split on trial as soon as it
    exists, at the cost of one fit of rank 2 of its rows. A balanced tree thus takes about log2(n_leaves) such fits of
    X. The rows of a leaf are copied.

    References
    ----------
    .. [1] N. Gillis, D. Kuang, H. Park, "Hierarchical clustering of hyperspectral images using rank-two nonnegative
       matrix factorization", IEEE Trans. Geoscience and Remote Sensing 53 (2015) 2066-2078.
       doi:10.1109/TGRS.2014.2352857
    .. [2] D. Kuang, H. Park, "Fast rank-2 nonnegative matrix factorization for hierarchical document clustering", KDD
       2013, 739-747. doi:10.1145/2487575.2487606

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.kron(np.eye(3), np.ones((2, 2)))
    >>> tree = nmfcore.hierarchical(X, 3, random_state=0)
    >>> len(set(tree.labels)), bool(tree.relative_error < 1e-6)
    (3, True)
    """
    clock = time.perf_counter()
    refine = check_count(refine, "refine", 0)
    options = check_options(max_iter, tol, max_time, callback, verbose, _print_progress)
    fit_options: dict[str, Any] = {"max_iter": check_count(max_iter, "max_iter", 1), "tol": options.tol}
    deadline = math.inf if options.max_time is None else clock + options.max_time
    rng, fit_options["n_threads"] = check_random_state(random_state), check_threads(n_threads)
    X, names = frames.unwrap(X)
    data, workspace = as_data(X, fit_options["n_threads"])
    n_leaves = check_n_leaves(n_leaves, data.shape[0])
    listeners: list[Callable[[Any], object]] = [call for call in (options.report, options.callback) if call is not None]

    def ends() -> bool:
        """Report the last split; whether it is to be the last one."""
        answers = [ends_fit(listener(builder.hierarchy())) for listener in listeners] if builder.children else []
        return any(answers) or time.perf_counter() >= deadline

    with single_blas():
        builder = ClusterTreeBuilder(data, rng, workspace, fit_options, refine, names)
        builder.grow(n_leaves, ends)
        return builder.hierarchy()


def _print_progress(tree: Hierarchy) -> None:
    print(f"leaves {len(tree.leaves):5d}  relative error {tree.relative_error:.6f}", flush=True)
