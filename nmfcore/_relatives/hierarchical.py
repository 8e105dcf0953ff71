"""Hierarchical rank-2 NMF: the door, and the tree that it grows."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from .._checks import check_count, check_random_state, ends_fit
from .._fit import check_options
from .._runtime import check_threads, single_blas
from ..data import as_data, frames
from . import check_relatives
from .growth import ClusterTreeBuilder
from .hierarchy import Hierarchy


def hierarchical(
    X: Any,
    n_leaves: int,
    *,
    max_iter: int = 100,
    tol: float = 1e-3,
    refine: int = 10,
    max_time: float | None = None,
    n_threads: int | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
    callback: Callable[[Hierarchy], object] | None = None,
    verbose: bool = False,
) -> Hierarchy:
    r"""Split the rows of X in two by NMF of rank 2, and the parts again, to a tree of clusters.

    Each leaf is described by the one direction that fits its rows best, so that the objective is

    .. math:: f = \frac12 \sum_{leaves} \|X_{leaf} - \sigma_1 u_1 v_1'\|_F^2 = \frac12 \|X\|_F^2
       - \frac12 \sum_{leaves} \sigma_1^2(X_{leaf}),

    as in `orthogonal`. The next leaf to be split is the one whose split lowers it most [1]_.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Samples (documents, pixels) in rows; finite, >= 0.
    n_leaves : int
        Leaves to end with, at most m. There are fewer where no leaf is left that a split describes better.
    max_iter, tol
        Of each fit of rank 2; see `hals`. Which of two components is larger is known early.
    refine : int
        Most iterations of `orthogonal` from the two parts of a split, in which they exchange rows; each lowers the
        objective. 0: as the references have it.
    max_time : float, optional
        Seconds after which no further split is looked for.
    n_threads : int, optional
        See `hals`; the result does not depend on it, to the bit.
    random_state : int, Generator, RandomState, optional
        Of the starts of the fits; None: NumPy's global state.
    callback : callable, optional
        Called as callback(tree) after each split with the `Hierarchy` so far; to return True ends it.
    verbose : bool
        Print a line for each split.

    Returns
    -------
    Hierarchy
        labels, the tree, the directions of the leaves; `cut` gives fewer clusters.

    Raises
    ------
    TypeError
        X holds no real numbers; an option of the wrong type.
    ValueError
        X is empty, or has NaN, infinite or negative entries; an option out of its range; more leaves than rows.

    Notes
    -----
    With W H the NMF of rank 2 of the rows of a leaf, row i goes to the first child where
    :math:`w_{i1} \|h_1\| \ge w_{i2} \|h_2\|` [2]_, a row of zeros too. Each leaf is split on trial when it is made, at
    the cost of a fit of rank 2 of its rows: so a balanced tree takes about log2(n_leaves) such fits of X. Memory: the
    rows of a leaf are copied.

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
    options = check_options(max_iter, tol, max_time, callback, verbose, _report)
    of_fits = {"max_iter": check_count(max_iter, "max_iter", 1), "tol": options.tol}
    until = math.inf if options.max_time is None else clock + options.max_time
    rng, of_fits["n_threads"] = check_random_state(random_state), check_threads(n_threads)
    X, names = frames.unwrap(X)
    data, workspace = as_data(X, of_fits["n_threads"])
    n_leaves = check_relatives.leaves(n_leaves, data.shape[0])

    def over() -> bool:
        """Tell of the last split; whether it is to be the last one."""
        listeners = [call for call in (options.report, options.callback) if call is not None and growth.children]
        answers = [ends_fit(listener(growth.hierarchy())) for listener in listeners]
        return any(answers) or time.perf_counter() >= until

    with single_blas():
        growth = ClusterTreeBuilder(data, rng, workspace, of_fits, refine, names)
        growth.grow(n_leaves, over)
        return growth.hierarchy()


def _report(tree: Hierarchy) -> None:
    print(f"leaves {len(tree.leaves):5d}  relative error {tree.relative_error:.6f}", flush=True)
