"""The functions that users call for one fit: `nmf`, and its shorthands `hals` and `mu`."""

import time
from collections.abc import Callable
from typing import Any

from .._checks import check_count
from ..losses import LossLike
from ..penalties import Penalty
from .convergence import warn_if_far
from .parameters import document
from .problem import run_fit
from .records import State
from .request import FitRequest, InitLike, RandomState
from .result import Result


@document
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
    compress: bool | str = "auto",
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
    """Factorize X ~ W H with W, H >= 0: the general function, for any loss and any solver.

    Start here, or with `hals` (least squares) or `mu` (any beta-divergence), which are shorthands.

    Parameters
    ----------
    %(X)s
    %(k)s
    loss : {"frobenius", "kullback-leibler", "itakura-saito", "l1", "l21"}, float or loss object
        What is minimised: a name, a number beta, or an object of `nmfcore.losses` such as ``losses.Huber(delta)``. See
        `mu`, and `losses.L21` for samples that are wrong as a whole.
    solver : {"auto", "hals", "mu", "cd", "pgd", "bpp", "newton"}
        The algorithm.

        - "hals": hierarchical alternating least squares, for "frobenius" and "l21"; see `hals`.
        - "mu": multiplicative updates, for every loss but "l21"; see `mu`.
        - "cd": coordinate descent for "kullback-leibler", for high accuracy: safe Newton steps (Hsieh & Dhillon 2011,
          doi:10.1145/2020408.2020577, made monotone) after ten multiplicative updates. An iteration costs k divisions
          an entry. It is not extrapolated.
        - "pgd": alternating projected gradient with Armijo's rule (Lin 2007, doi:10.1162/neco.2007.19.10.2756), for
          every loss but "l21". It is slower, and meant for comparison and teaching. It is not extrapolated.
        - "bpp": alternating exact non-negative least squares by block principal pivoting (Kim & Park 2011,
          doi:10.1137/110821172), for "frobenius". After an iteration the gradient conditions of H hold to round-off.
        - "newton": alternating exact minimisation by Newton's method, row by row, for 1 <= beta < 2, and for
          "frobenius" with weights (proximal Newton steps: Lee, Sun & Saunders 2014, doi:10.1137/130921428). It is
          made for fits in which one factor is fixed; with both free, exact half-steps cost much and gain little.

        "auto" is "hals" for "frobenius" and "l21", and "mu" for the other losses; "bpp" or "newton" where a factor is
        fixed; and the first solver that serves the penalties where those do not.
    %(init)s
    %(max_iter)s
    tol : float
        The tolerance of the stopping rule, without a scale: see `hals` for "hals", "bpp" and "newton", `mu` for the
        others. For "pgd" the fit has converged when the objective fell by at most tol**2 of itself. 0 runs exactly
        max_iter iterations.
    %(max_time)s
    inner_iter : int or "auto"
        See `hals`; an option of "hals" and "cd", where "auto" is 2 sweeps.
    floor : float, optional
        See `mu`; an option of that solver.
    extrapolate : bool
        Whether to extrapolate, where the solver does.
    compress : bool or "auto"
        Whether the first iterations of solver="hals" run on a compressed X, see `hals`.
    %(penalties)s
    %(observations)s
    %(n_threads)s
    %(random_state)s
    %(callback)s

    Returns
    -------
    Result
        The best factors; ``W, H = result`` unpacks it.

    Raises
    ------
    InputError, InputTypeError
        As `hals`. Also for an unknown loss or solver, for a loss or a penalty that the solver does not serve (the
        message names those that do), for an option of another solver, and for zeros in X where the loss is infinite.

    Warns
    -----
    ConvergenceWarning
        As `hals`.

    See Also
    --------
    hals, mu : The shorthands, with the algorithms and their costs.
    fit_many : Several ranks and starts.
    transform : W for new samples.

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.random.default_rng(0).poisson(3.0, size=(20, 10))
    >>> result = nmfcore.nmf(X, 2, loss="kullback-leibler", random_state=0)
    >>> result.W.shape, result.H.shape
    ((20, 2), (2, 10))
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
        compress=compress,
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
    result = run_fit(request, Result, clock)
    warn_if_far(result, request.tol)
    return result


@document
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
    compress: bool | str = "auto",
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
    accelerations are on by default. Inner sweeps are repeated while they are cheap compared with the products with X
    [2]_.
    Both factors are extrapolated with Nesterov's weights [3]_, safeguarded by the objective: if it rises, the momentum
    is dropped; if that does not help, the fit returns to the best factors.

    Parameters
    ----------
    %(X)s
    %(k)s
    %(init)s
    %(max_iter)s
    tol : float
        The fit has converged when the first sweep of an iteration moves the factors by at most tol times the
        residual: :math:`\sum_t G_{tt} \|\Delta_t\|^2 \le tol^2 \|X - W H\|_F^2`, summed over both factors.
        :math:`\Delta_t` is the change of component t; G is H H' for W and W' W for H. A further sweep can then gain
        about a share tol**2 of the objective. The fit has also converged when X is fitted to round-off, and when 20
        iterations in a row did not lower the objective ("stalled"). The rule does not depend on the scale of X. 0 runs
        exactly max_iter iterations.
    %(max_time)s
    inner_iter : int or "auto"
        Sweeps over a factor per product with X. 1 with extrapolate=False is the textbook's HALS.
    extrapolate : bool
        Whether to extrapolate.
    compress : bool or "auto"
        Whether the first iterations run on a compressed X, A B' with 2 k columns, on which they cost
        2 (m + n) k / m n times as many flop (see Notes). "auto": where X is dense, that is at most an eighth, and
        4 m n k is at least 5e7.
    %(penalties)s
    %(observations)s
    %(n_threads)s
    %(random_state)s
    %(callback)s

    Returns
    -------
    Result
        The best factors; ``W, H = result`` unpacks it. With weights all norms of X and of the residual are weighted.
        Rows of W and columns of H without an observed entry are 0; `Result.unobserved` and a warning name them. Its
        kkt_residual is :math:`(\sum_t G_{tt} \|\min(F_t, \nabla_t / G_{tt})\|^2)^{1/2} / \|X\|_F`, summed over both
        factors F.

    Raises
    ------
    InputTypeError
        X is complex, text or of another kind that holds no real numbers, or has such a column; an option has the wrong
        type.
    InputError
        X is not 2-D, is empty, has NaN, infinite or negative entries, or indices outside its shape. Factors have the
        wrong shape or such entries. An option is out of its range. init="spa" finds fewer than k independent rows, or
        entries have weights. Weights are negative, NaN, infinite or of another shape, or leave nothing of X.

    Warns
    -----
    ConvergenceWarning
        The fit ended at max_iter far from a stationary point: the last tenth of the iterations lowered the objective
        by more than a hundredth. Not for tol=0.

    Notes
    -----
    An iteration costs 4 m n k flop (4 nnz k for sparse X) for the two products with X, and 2 (m + n) k^2 for each
    sweep; it reads X twice. Near an exact fit the residual is summed entry by entry, 2 m n k flop more, also for sparse
    X. With extrapolation the objective is that of the extrapolated W and the new H, which are the factors returned.
    Memory beyond X: about 8 (m + n) k numbers, and for sparse X a second copy of it.

    Factors of rank k do not see most of a large dense X. With `compress` the first iterations run on X projected on 2 k
    directions of its shorter side [4]_, [5]_, which randomized subspace iteration finds for 20 m n k flop, as many as
    five iterations take. They end when their steps are small, when they have cost as many flop as three iterations, or
    after 100. Then the fit goes on with X, from their outcome or, if that is no better, from the start. The objective,
    the stop and the KKT residual are those of iterations with X. `History.compressed` says how many were compressed;
    they count in n_iter, but `callback` and `verbose` do not see them.

    With weights each row of a factor has a Gram matrix of its own: that of the most frequent weight, corrected by the p
    other entries. This costs 2 p k^2 flop an iteration more, or 20 p k along these entries where that is less. Where
    they are more than a quarter of a dense X, or more than half of a sparse one (which is made dense then), an
    iteration costs 20 m n k along all entries. A row whose correction cancels almost all of its Gram matrix is summed
    anew: of 16 digits at most five are lost. "auto" starts are "random" then, and "nndsvd*" take hidden entries as 0.
    Memory: the weights and a copy of X.

    References
    ----------
    .. [1] A. Cichocki, A.-H. Phan, "Fast local algorithms for large scale nonnegative matrix and tensor
       factorizations", IEICE Trans. Fundamentals E92-A (2009) 708-721. doi:10.1587/transfun.E92.A.708
    .. [2] N. Gillis, F. Glineur, "Accelerated multiplicative updates and hierarchical ALS algorithms for nonnegative
       matrix factorization", Neural Computation 24 (2012) 1085-1105. doi:10.1162/NECO_a_00256
    .. [3] A. M. S. Ang, N. Gillis, "Accelerating nonnegative matrix factorization algorithms using extrapolation",
       Neural Computation 31 (2019) 417-439. doi:10.1162/neco_a_01157
    .. [4] G. Zhou, A. Cichocki, S. Xie, "Fast nonnegative matrix/tensor factorization based on low-rank approximation",
       IEEE Trans. Signal Process. 60 (2012) 2928-2940. doi:10.1109/TSP.2012.2190410
    .. [5] M. Tepper, G. Sapiro, "Compressed nonnegative matrix factorization is fast and accurate", IEEE Trans. Signal
       Process. 64 (2016) 2269-2283. doi:10.1109/TSP.2016.2516971

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
        compress=compress,
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


@document
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
    %(X)s
    %(k)s
    loss : {"frobenius", "kullback-leibler", "itakura-saito", "l1"}, float or loss object
        What is minimised: beta = 2, 1, 0, or any other beta; or a robust loss, the sum of absolute residuals ("l1") or
        one that is linear beyond delta (`losses.Huber`). Kullback-Leibler suits counts, Itakura-Saito powers such as
        spectra with multiplicative noise, "l1" and `losses.Huber` data with outliers. For beta <= 0 X must be positive.
    %(init)s
    %(max_iter)s
    tol : float
        The fit has converged when the updates of an iteration move the factors by at most tol times the residual:
        :math:`\sum den\, \Delta^2 / F \le 2\, tol^2 f`, summed over both factors F. :math:`\Delta` is the change, den
        the positive part of the gradient. Otherwise the rule is that of `hals`. 0 runs exactly max_iter iterations.
    %(max_time)s
    floor : float, optional
        Entries of a factor are at least this times the mean of their component, since no update brings back a zero.
        None: the machine epsilon of the dtype, which changes no digit of W H. 0: zeros stay.
    extrapolate : bool
        Whether to extrapolate where the loss is convex in W H (1 <= beta <= 2, `losses.Huber`, "l1"); elsewhere it has
        no effect. False with floor=0 is the textbook's algorithm.
    %(penalties)s
    %(observations)s
    %(n_threads)s
    %(random_state)s
    %(callback)s

    Returns
    -------
    Result
        The best factors; ``W, H = result`` unpacks it. Its relative_error is that of the squares,
        :math:`\|X - W H\|_F / \|X\|_F`, whatever the loss. Its kkt_residual is
        :math:`\sum den\, |\min(F, \bar F_t \nabla / den)|` as a share of :math:`\sum F num`, summed over both factors
        (:math:`\bar F_t` is the mean of component t); for "frobenius" that of `hals`.

    Raises
    ------
    InputError, InputTypeError
        As `hals`. Also for an unknown loss, and for zeros in X where beta <= 0.

    Warns
    -----
    ConvergenceWarning
        As `hals`.

    Notes
    -----
    An iteration reads X once for each factor and once for the objective: 10 m n k flop for beta = 1, 14 m n k for
    others, 10 nnz k for sparse X and beta = 1. V exists in blocks only. Sparse X with a loss other than beta = 1 and 2
    is computed by dense blocks of rows. Memory beyond X: about 10 (m + n) k numbers.

    Penalties that are linear or quadratic with entries >= 0 go with every loss; quadratic ones use the exponents of Tan
    & Fevotte (2013, doi:10.1109/TPAMI.2012.240), under which no update raises the penalised objective either.

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
