"""The front door: the sequence of a fit, and nothing else."""

import time
from collections.abc import Callable
from typing import Any

from .._checks import check_count
from ..penalties import Penalty
from .problem import Problem
from .records import State
from .request import FitRequest, InitLike, LossLike, RandomState
from .result import Result


def nmf(
    X: Any,
    k: int,
    *,
    loss: LossLike = "frobenius",
    solver: str = "auto",
    init: InitLike = "auto",
    max_iter: int = 200,
    tol: float = 1e-4,
    max_time: float | None = None,
    inner_iter: int | str = "auto",
    floor: float | None = None,
    extrapolate: bool = True,
    penalty_W: Penalty | None = None,
    penalty_H: Penalty | None = None,
    fixed_W: Any = None,
    fixed_H: Any = None,
    weights: Any = None,
    mask: Any = None,
    missing: str | None = None,
    n_threads: int | None = None,
    random_state: RandomState = None,
    callback: Callable[[State], object] | None = None,
    verbose: bool = False,
) -> Result:
    """Factorize X ~ W H, all non-negative: the general door.

    Parameters
    ----------
    X, k, init, max_iter, tol, max_time, extrapolate, weights, mask, missing, n_threads, random_state, callback, verbose
        See `hals`.
    penalty_W, penalty_H, fixed_W, fixed_H
        See `hals`. What a solver does not serve is refused, with those that do.
    loss : {"frobenius", "kullback-leibler", "itakura-saito", "l1", "l21"}, float, BetaDivergence, Huber, L1 or L21
        What is minimised; see `mu`, and `L21` for samples that are wrong as a whole.
    solver : {"auto", "hals", "mu", "cd", "pgd", "bpp"}
        How; "auto" is "hals" for "frobenius" and "l21" and "mu" for the others, "bpp" where a factor is given, and what
        serves where those do not serve the penalties. "cd" is coordinate descent for
        "kullback-leibler": safe Newton steps (Hsieh & Dhillon 2011, doi:10.1145/2020408.2020577, made monotone) after
        ten multiplicative updates, for high accuracy; an iteration costs k divisions an entry. "pgd" is the textbook's
        alternating projected gradient with Armijo's rule (Lin 2007, doi:10.1162/neco.2007.19.10.2756): slower, to
        compare and to teach, for which tol asks how much the objective fell. These two extrapolate nothing. "bpp" is
        alternating exact non-negative least squares by block principal pivoting (Kim & Park 2011,
        doi:10.1137/110821172) for "frobenius", extrapolated and stopped like "hals": after an iteration the gradient
        conditions of H hold to round-off.
    inner_iter : int or "auto"
        See `hals`; an option of "hals" and "cd", where "auto" is 2 sweeps.
    floor : float, optional
        See `mu`; an option of that solver.

    Returns
    -------
    Result

    Raises
    ------
    TypeError, ValueError
        As `hals`; also for an unknown loss or solver, for a solver that the loss does not serve, for an option of
        another solver, and for zeros in X where the loss is infinite at them.
    """
    clock = time.perf_counter()
    request = FitRequest(
        X=X,
        k=check_count(k, "k", 1),
        loss=loss,
        solver=solver,
        init=init,
        max_iter=max_iter,
        tol=tol,
        max_time=max_time,
        inner_iter=inner_iter,
        floor=floor,
        extrapolate=extrapolate,
        penalty_W=penalty_W,
        penalty_H=penalty_H,
        fixed_W=fixed_W,
        fixed_H=fixed_H,
        weights=weights,
        mask=mask,
        missing=missing,
        n_threads=n_threads,
        random_state=random_state,
        callback=callback,
        verbose=verbose,
    )
    return Problem(request).fit(clock).run()


def hals(
    X: Any,
    k: int,
    *,
    init: InitLike = "auto",
    max_iter: int = 200,
    tol: float = 1e-4,
    max_time: float | None = None,
    inner_iter: int | str = "auto",
    extrapolate: bool = True,
    penalty_W: Penalty | None = None,
    penalty_H: Penalty | None = None,
    fixed_W: Any = None,
    fixed_H: Any = None,
    weights: Any = None,
    mask: Any = None,
    missing: str | None = None,
    n_threads: int | None = None,
    random_state: RandomState = None,
    callback: Callable[[State], object] | None = None,
    verbose: bool = False,
) -> Result:
    r"""Factorize X ~ W H with W, H >= 0 by hierarchical alternating least squares (HALS).

    Minimises :math:`f(W, H) = \frac12 \|X - W H\|_F^2` by cyclic coordinate descent, W first, then H [1]_. Two
    accelerations are on by default: inner sweeps, repeated as long as they pay beside the products with X [2]_, and
    extrapolation of both factors [3]_ with Nesterov's weights, safeguarded by the objective: where it rises, the
    momentum is dropped, and where that does not help, the fit goes back to the best factors.

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        Samples in rows, features in columns; finite, >= 0. CSR and CSC are read where they lie, and held once more in
        the other orientation; other sparse formats are converted once. float32 and float64 in C or Fortran order are
        read where they lie; float16 is computed in float32, integers and booleans in float64. Never written to. Of a
        data frame (pandas, polars, pyarrow) or an AnnData the result keeps the names; frames of sparse columns stay
        sparse.
    k : int
        The rank, >= 1; it may exceed m and n.
    init : {"auto", "random", "nndsvd", "nndsvda", "nndsvdar", "spa"}, (W0, H0), Result or Checkpoint
        The start [4]_; "auto" is "nndsvda", or "random" for k > min(m, n). "spa" takes k rows of X for H and the least
        squares for W, see `separable`. Given factors are copied, in any float dtype. A `Checkpoint` is where an
        interrupted fit goes on.
    max_iter : int
        Most iterations; one updates W, then H. 0 returns the start.
    tol : float
        The fit has converged when the first sweep of an iteration moves the factors by at most tol times the
        residual, :math:`\sum_t G_{tt} \|\Delta_t\|^2 \le tol^2 \|X - W H\|_F^2` summed over both factors
        (:math:`\Delta_t` is the change of component t, G = H H' for W and W' W for H): what a sweep can still gain
        is a share tol**2 of the objective. Also when X is fitted to round-off, or when 20 iterations found nothing
        better ("stalled": round-off is all that is left). No scale enters. 0 runs exactly max_iter iterations.
    max_time : float, optional
        Seconds after which no further iteration begins; one is always done.
    inner_iter : int or "auto"
        Sweeps over a factor per product with X. 1 with extrapolate=False is the textbook's HALS.
    extrapolate : bool
        Whether to extrapolate.
    penalty_W, penalty_H : penalties.Penalty, optional
        What else is asked of a factor, such as ``nmfcore.penalties.L1(0.1)``; ``P + Q`` is both. The objective contains
        it, and a given start is brought into its bounds and sets. A penalty on one factor alone, which scaling would
        undo, is meant for components of which the other half has the Euclidean norm 1 (see `docs/models.md`).
    fixed_W, fixed_H : array_like, shape (m, k) and (k, n), optional
        Given values, NaN where the factor is free; they count more than those of `init`. Beside a factor given whole
        "auto" starts level.
    weights : array_like or SciPy sparse, shape (m, n), optional
        How much each entry counts, >= 0: the objective is that of the entries times their weights. In a sparse matrix
        what is not stored has the weight 0. Held in the dtype of X.
    mask : array_like or SciPy sparse of bool, shape (m, n), optional
        True where an entry is hidden, as in a `numpy.ma.MaskedArray`, which X may be, too. What stands there, NaN
        included, changes no bit of the result.
    missing : {"nan", "unstored"}, optional
        What else is hidden: the NaN of a dense X, or what is not stored in a sparse one, whose stored zeros are
        observed.
    n_threads : int, optional
        None: the environment variable OMP_NUM_THREADS or all processors that the process may use; -1: all, -2: all
        but one. Fewer are used while other threads of the process keep processors busy, and one in a forked
        process. The result does not depend on it, to the bit.
    random_state : int, Generator, RandomState, optional
        Where "random", "nndsvdar" and the randomized SVD under "nndsvd*" draw from; None: NumPy's global state.
    callback : callable, optional
        Called as callback(state) after each iteration with a `State`; to return True ends the fit. An exception in
        it passes through.
    verbose : bool
        Print a line now and then.

    Returns
    -------
    Result
        The best factors evaluated; ``W, H = result`` unpacks it. With weights all norms of X and of the residual are
        weighted; rows of W and columns of H of which nothing is observed are 0, named in `Result.unobserved` and in a
        warning. Its kkt_residual is
        :math:`(\sum_t G_{tt} \|\min(F_t, \nabla_t / G_{tt})\|^2)^{1/2} / \|X\|_F` over both factors F.

    Raises
    ------
    TypeError
        X is complex, text or of another kind that holds no real numbers, or has such a column; an option of the wrong
        type.
    ValueError
        X is not 2-D, is empty, or has NaN, infinite or negative entries, or indices outside its shape; factors of the
        wrong shape or with such entries; an option out of its range; init="spa" for fewer than k independent rows, or
        with weights; weights that are negative, NaN, infinite or of another shape, or that leave nothing of X.

    Notes
    -----
    An iteration costs 4 m n k flop (4 nnz k for sparse X) for the two products with X and 2 (m + n) k^2 for each sweep,
    and reads X twice; near an exact fit the residual is summed entry by entry, 2 m n k flop more, also for sparse X.
    With extrapolation the objective is that of the extrapolated W and the new H, which are the factors returned. Memory
    beyond X: about 8 (m + n) k numbers, for sparse X a second copy of it, too.

    With weights each row of a factor has a Gram matrix of its own, that of the most frequent weight corrected by the p
    other entries: 2 p k^2 flop an iteration more, or 20 p k along these entries where that is less. Where they are more
    than a quarter of a dense X, or than half of a sparse one, which is made dense, 20 m n k along all of them. A row of
    which next to nothing is left is summed anew: of 16 digits at most five are lost. "auto" starts are "random" then;
    "nndsvd*" take hidden entries as 0. Memory: the weights and a copy of X.

    References
    ----------
    .. [1] A. Cichocki, A.-H. Phan, "Fast local algorithms for large scale nonnegative matrix and tensor
       factorizations", IEICE Trans. Fundamentals E92-A (2009) 708-721. doi:10.1587/transfun.E92.A.708
    .. [2] N. Gillis, F. Glineur, "Accelerated multiplicative updates and hierarchical ALS algorithms for nonnegative
       matrix factorization", Neural Computation 24 (2012) 1085-1105. doi:10.1162/NECO_a_00256
    .. [3] A. M. S. Ang, N. Gillis, "Accelerating nonnegative matrix factorization algorithms using extrapolation",
       Neural Computation 31 (2019) 417-439. doi:10.1162/neco_a_01157
    .. [4] C. Boutsidis, E. Gallopoulos, "SVD based initialization: A head start for nonnegative matrix
       factorization", Pattern Recognition 41 (2008) 1350-1362. doi:10.1016/j.patcog.2007.09.010

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.outer([1.0, 2.0, 3.0], [4.0, 5.0])
    >>> W, H = nmfcore.hals(X, 1)
    >>> np.allclose(W @ H, X)
    True
    """
    return nmf(
        X,
        k,
        solver="hals",
        init=init,
        max_iter=max_iter,
        tol=tol,
        max_time=max_time,
        inner_iter=inner_iter,
        extrapolate=extrapolate,
        penalty_W=penalty_W,
        penalty_H=penalty_H,
        fixed_W=fixed_W,
        fixed_H=fixed_H,
        weights=weights,
        mask=mask,
        missing=missing,
        n_threads=n_threads,
        random_state=random_state,
        callback=callback,
        verbose=verbose,
    )


def mu(
    X: Any,
    k: int,
    *,
    loss: LossLike = "frobenius",
    init: InitLike = "auto",
    max_iter: int = 200,
    tol: float = 1e-4,
    max_time: float | None = None,
    floor: float | None = None,
    extrapolate: bool = True,
    penalty_W: Penalty | None = None,
    penalty_H: Penalty | None = None,
    fixed_W: Any = None,
    fixed_H: Any = None,
    weights: Any = None,
    mask: Any = None,
    missing: str | None = None,
    n_threads: int | None = None,
    random_state: RandomState = None,
    callback: Callable[[State], object] | None = None,
    verbose: bool = False,
) -> Result:
    r"""Factorize X ~ W H with W, H >= 0 by multiplicative updates, for any beta-divergence and robust losses.

    Minimises :math:`f(W, H) = \sum_{ij} d_\beta(x_{ij} | (W H)_{ij})` with [1]_

    .. math:: d_\beta(x|y) = \frac{x^\beta + (\beta - 1) y^\beta - \beta x y^{\beta - 1}}{\beta (\beta - 1)}, \quad
       d_2 = \tfrac12 (x - y)^2, \quad d_1 = x \log\frac{x}{y} - x + y, \quad d_0 = \frac{x}{y} - \log\frac{x}{y} - 1

    by :math:`W \leftarrow W \circ ((X \circ V^{\beta-2}) H' / V^{\beta-1} H')^\gamma`, V = W H, then H likewise;
    :math:`\gamma` is 1 for 1 <= beta <= 2, 1 / (2 - beta) below and 1 / (beta - 1) above, with which no update raises
    the objective [1]_, [2]_. For 1 <= beta <= 2 both factors are extrapolated where they grew [3]_, with Nesterov's
    weights, safeguarded by the objective as in `hals`.

    Parameters
    ----------
    X, k, init, max_iter, max_time, weights, mask, missing, n_threads, random_state, callback, verbose
        See `hals`. For beta <= 0 X must be positive.
    penalty_W, penalty_H, fixed_W, fixed_H
        See `hals`. Penalties that are linear or quadratic with entries >= 0 are served for every loss, quadratic ones
        with the exponents of Tan & Fevotte (2013, doi:10.1109/TPAMI.2012.240), under which no update raises the
        penalised objective either.
    loss : {"frobenius", "kullback-leibler", "itakura-saito", "l1"}, float, BetaDivergence, Huber or L1
        What is minimised: beta = 2, 1, 0, or any other beta; or a robust loss, the sum of absolute residuals or one
        that is linear beyond delta (`Huber`). Kullback-Leibler suits counts, Itakura-Saito powers such as spectra,
        whose noise multiplies, "l1" and `Huber` data with outliers.
    tol : float
        The fit has converged when the updates of an iteration move the factors by at most tol times the residual,
        :math:`\sum den\, \Delta^2 / F \le 2\, tol^2 f` summed over both factors F (:math:`\Delta` is the change, den
        the positive part of the gradient); else as in `hals`. No scale enters. 0 runs exactly max_iter iterations.
    floor : float, optional
        Coordinates are kept at least this times the mean of their component, since no update brings back a zero. None:
        the machine epsilon of the dtype, which no digit of W H shows. 0: zeros stay.
    extrapolate : bool
        Whether to extrapolate where the loss is convex in W H (1 <= beta <= 2, `Huber`, "l1"); elsewhere it has no
        effect. False with floor=0 is the textbook's
        algorithm.

    Returns
    -------
    Result
        The best factors evaluated; ``W, H = result`` unpacks it. Its relative_error is that of the squares,
        :math:`\|X - W H\|_F / \|X\|_F`, whatever the loss. Its kkt_residual is the sum over both factors of
        :math:`\sum den\, |\min(F, \bar F_t \nabla / den)|`, each as a share of :math:`\sum F num` (:math:`\bar F_t`
        is the mean of component t), for "frobenius" as in `hals`.

    Raises
    ------
    TypeError, ValueError
        As `hals`; also for an unknown loss, and for zeros in X where beta <= 0.

    Notes
    -----
    A pass over X for each factor and one for the objective: 10 m n k flop an iteration for beta = 1, 14 m n k for
    others, 10 nnz k for sparse X and beta = 1; V exists in blocks only. Sparse X with a loss other than beta = 1
    and 2 is dense work, done by blocks of rows. Memory beyond X: about 10 (m + n) k numbers.

    References
    ----------
    .. [1] C. Fevotte, J. Idier, "Algorithms for nonnegative matrix factorization with the beta-divergence", Neural
       Computation 23 (2011) 2421-2456. doi:10.1162/NECO_a_00168
    .. [2] D. D. Lee, H. S. Seung, "Algorithms for non-negative matrix factorization", NIPS 13 (2001) 556-562.
    .. [3] L. T. K. Hien, V. Leplat, N. Gillis, "Block majorization minimization with extrapolation and application to
       beta-NMF" (2024). arXiv:2401.06646

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.outer([1.0, 2.0, 3.0], [4.0, 5.0])
    >>> W, H = nmfcore.mu(X, 1, loss="kullback-leibler")
    >>> np.allclose(W @ H, X)
    True
    """
    return nmf(
        X,
        k,
        loss=loss,
        solver="mu",
        init=init,
        max_iter=max_iter,
        tol=tol,
        max_time=max_time,
        floor=floor,
        extrapolate=extrapolate,
        penalty_W=penalty_W,
        penalty_H=penalty_H,
        fixed_W=fixed_W,
        fixed_H=fixed_H,
        weights=weights,
        mask=mask,
        missing=missing,
        n_threads=n_threads,
        random_state=random_state,
        callback=callback,
        verbose=verbose,
    )
