"""`MiniBatchNMF`: the estimator on the solver of `_online.py`."""

import itertools
import math
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from .._checks import MAX_COUNT
from .._runtime import Workspace, check_threads
from ..data import Alignment, UnweightedData, as_data
from ..losses import Loss, beta_loss
from . import _check
from ._base import BaseNMF
from ._online import ElasticNetTerm, OnlineSolver, OnlineState, StepResult, scale_factor

COUNT = Interval(Integral, 1, MAX_COUNT, closed="both")


class MiniBatchNMF(BaseNMF):
    r"""Non-negative matrix factorization X ~ W H from mini-batches of samples, or from a stream (`partial_fit`).

    It replaces `sklearn.decomposition.MiniBatchNMF`, with the same parameters, defaults, attributes and messages. From
    the same start its iterates are scikit-learn's to round-off. It minimises the beta-divergence of X from W H and the
    penalties

    .. math:: n\_features\, \alpha_W (\rho \|W\|_1 + \tfrac{1 - \rho}{2} \|W\|_F^2)
       + n\_samples\, \alpha_H (\rho \|H\|_1 + \tfrac{1 - \rho}{2} \|H\|_F^2), \quad \rho = l1\_ratio,

    by online multiplicative updates [1]_. Each batch updates its rows of W, then the sums A and B over the batches of
    the two parts of the gradient for H, in which earlier batches are gradually forgotten, and then H = (A / B)^gamma.

    Parameters
    ----------
    n_components : int, None or "auto"
        The number of components k. None: the number of features; "auto": that of a custom H, else as None.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None
        The start; see `nmfcore.hals`. "custom": the W and H that are passed to the fit, which are not changed. None:
        "nndsvda" if k <= min(n_samples, n_features), else "random".
    batch_size : int
        The number of samples of a batch.
    beta_loss : {"frobenius", "kullback-leibler", "itakura-saito"} or float
        The beta-divergence; beta = 2, 1, 0 or another number. For beta <= 0 X must be positive.
    tol : float
        A fit ends if a batch changes H by at most tol times H, in the Frobenius norm; 0: never.
    max_no_improvement : int or None
        A fit ends after that many batches in a row without a lower smoothed cost; None: never.
    max_iter : int
        The largest number of passes over X.
    alpha_W, alpha_H, l1_ratio : float
        The penalties; alpha_H="same" is alpha_W. A batch counts in proportion to its number of samples.
    forget_factor : float
        In [0, 1]. The factor by which a pass over X (in `partial_fit`, a batch of batch_size) multiplies earlier sums.
    fresh_restarts : bool
        Whether each batch computes its W from a constant start, by at most fresh_restarts_max_iter updates. Otherwise
        it updates its W of the last pass once. `partial_fit` always starts afresh.
    fresh_restarts_max_iter : int
        The largest number of those updates; they end if one of them changes W by at most tol times W.
    transform_max_iter : int or None
        The same for `transform`; None: max_iter.
    random_state : int, RandomState, Generator or None
        For the start. None: NumPy's global state.
    verbose : int
        Whether to print a line for each batch.
    n_threads : int or None
        *The number of threads, see `nmfcore.hals`; not in scikit-learn. Any number gives identical bits.*
    start_weight : float
        *The value of B at the start; not in scikit-learn, where it is 1. If den stays far below 1, as with tf-idf and
        "frobenius", a start of 1 keeps H near its start. With 0 the fit scales with X.*

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        H.
    n_components_ : int
        k.
    reconstruction_err_ : float
        The square root of twice the divergence at the end of a fit, for "frobenius" ||X - W H||_F.
    n_iter_ : int
        The number of passes over X, including one that was not completed.
    n_steps_ : int
        The number of batches.
    n_features_in_ : int
        The number of features of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the features, if X has names.

    Notes
    -----
    A step takes two passes over its batch: 10 n_batch n k flop for Kullback-Leibler, 14 n_batch n k for other
    divergences, and 4 n_batch n k plus terms in k^2 for "frobenius". For sparse X, Kullback-Leibler and "frobenius"
    visit stored entries only. W H is never stored. Memory in addition to X: 5 n k numbers, and for
    sparse X a second copy of its entries.

    References
    ----------
    .. [1] A. Lefevre, F. Bach, C. Fevotte, "Online algorithms for nonnegative matrix factorization with the
       Itakura-Saito divergence", WASPAA (2011) 313-316. doi:10.1109/ASPAA.2011.6082314

    Examples
    --------
    >>> import numpy as np
    >>> from nmfcore.sklearn import MiniBatchNMF
    >>> X = np.outer([1.0, 2.0, 3.0, 4.0], [4.0, 5.0, 6.0])
    >>> model = MiniBatchNMF(1, batch_size=2, max_iter=500, tol=0, random_state=0)
    >>> np.allclose(model.fit_transform(X) @ model.components_, X)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseNMF._parameter_constraints,
        "batch_size": [COUNT],
        "max_no_improvement": [COUNT, None],
        "forget_factor": [Interval(Real, 0, 1, closed="both")],
        "fresh_restarts": ["boolean"],
        "fresh_restarts_max_iter": [COUNT],
        "transform_max_iter": [COUNT, None],
        "start_weight": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: str | None = None,
        batch_size: int = 1024,
        beta_loss: float | str = "frobenius",
        tol: float = 1e-4,
        max_no_improvement: int | None = 10,
        max_iter: int = 200,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        forget_factor: float = 0.7,
        fresh_restarts: bool = False,
        fresh_restarts_max_iter: int = 30,
        transform_max_iter: int | None = None,
        random_state: Any = None,
        verbose: int = 0,
        n_threads: int | None = None,
        start_weight: float = 1.0,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.batch_size = batch_size
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.max_iter = max_iter
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.forget_factor = forget_factor
        self.fresh_restarts = fresh_restarts
        self.fresh_restarts_max_iter = fresh_restarts_max_iter
        self.transform_max_iter = transform_max_iter
        self.random_state = random_state
        self.verbose = verbose
        self.n_threads = n_threads
        self.start_weight = start_weight

    def fit(self, X: Any, y: Any = None, *, W: Any = None, H: Any = None) -> "MiniBatchNMF":
        """Fit the model to X; see `fit_transform`."""
        self.fit_transform(X, W=W, H=H)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(  # pyright: ignore[reportIncompatibleMethodOverride] (the signature of scikit-learn's class)
        self, X: Any, y: Any = None, W: Any = None, H: Any = None
    ) -> np.ndarray:
        """Fit the model to X and return W.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers >= 0.
        y
            Ignored.
        W, H : array-like, optional
            The start if `init="custom"`, n_samples x k and k x n_features.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W, in the dtype of X.

        Raises
        ------
        TypeError, ValueError
            If X, a parameter, W or H is not valid, or if X has zeros and beta <= 0.
        """
        X, W, H = self._check_and_start(X, W, H, reset=True)
        data, workspace = as_data(X, check_threads(self.n_threads))
        exponent, m = data.measures.exponent, len(W)
        solver = self._solver(OnlineState.start(H, exponent, self._loss, self.start_weight), workspace)
        size = min(self.batch_size, m)
        self._rho = self.forget_factor ** (size / m)
        batches = [(data.row_slice(rows.start, rows.stop), rows) for rows in gen_batches(m, size)]
        of_W = exponent - exponent // 2
        W, n_steps = scale_factor(W, -of_W), self.max_iter * len(batches)
        printed = (n_steps, solver.cost_unit) if self.verbose else None
        stopping = BatchStopping(self.tol, self.max_no_improvement, m, printed)
        number = 0
        for number, (batch, rows) in enumerate(itertools.islice(itertools.cycle(batches), n_steps), 1):
            result = self._step(solver, batch, None if self.fresh_restarts else W[rows])
            if stopping.ends_fit(number, result, rows.stop - rows.start):
                break
        if self.fresh_restarts:
            W = solver.fit_W(data, self._transform_max_iter, self.tol)
        self.n_steps_, self.n_iter_ = number, math.ceil(number / len(batches))
        if self.n_iter_ == self.max_iter and self.tol > 0:
            self._warn_of_max_iter(self.max_iter)
        self.reconstruction_err_ = solver.reconstruction_error(data, W)
        self._store(solver.state)
        return scale_factor(W, of_W)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> "MiniBatchNMF":
        """Update the model by one batch, whose W is computed from a constant start. components_ changes in place.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The batch, numbers >= 0. It is cast to the dtype of the first batch.
        y
            Ignored.
        W, H : array-like, optional
            For the first batch if `init="custom"`: H is the start, W is only checked. Ignored later.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit_transform`.
        """
        if hasattr(self, "components_"):
            X = self._check_batch(X, reset=False, dtype=self.components_.dtype)
            data, workspace = as_data(X, check_threads(self.n_threads))
            solver = self._solver(OnlineState.from_components(self.components_, *self._sums), workspace)
        else:
            X, _, H = self._check_and_start(X, W, H, reset=True)
            data, workspace = as_data(X, check_threads(self.n_threads))
            state = OnlineState.start(H, data.measures.exponent, self._loss, self.start_weight)
            solver = self._solver(state, workspace)
            self._rho = self.forget_factor ** (min(self.batch_size, X.shape[0]) / X.shape[0])
            self.n_steps_ = 0
        self._step(solver, data.with_exponent(solver.state.exponent), None)
        self.n_steps_ += 1
        self._store(solver.state)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Fit W to samples with the current H, by multiplicative updates from a constant start.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers >= 0.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W, in the dtype of X.

        Raises
        ------
        NotFittedError
            Before a fit.
        TypeError, ValueError
            If X is not valid or has another number of features.
        """
        check_is_fitted(self, "components_")
        X = self._check_batch(X, reset=False)
        data, workspace = as_data(X, check_threads(self.n_threads))
        exponent, H = data.measures.exponent, self.components_.astype(X.dtype, copy=False)
        solver = self._solver(OnlineState.from_components(H, exponent), workspace)
        return scale_factor(solver.fit_W(data, self._transform_max_iter, self.tol), exponent - exponent // 2)

    @property
    def _loss(self) -> Loss:
        return beta_loss(self._beta)

    @property
    def _transform_max_iter(self) -> int:
        return self.max_iter if self.transform_max_iter is None else self.transform_max_iter

    def _check_batch(self, X: Any, reset: bool, dtype: Any = None) -> Any:
        """X, checked, in that dtype."""
        X, mask = self._check_X(X, None, reset=reset)
        _check.check_nothing_hidden(mask)
        X = X if dtype is None else X.astype(dtype, copy=False)
        _check.check_entries(X, self._beta)
        return X

    def _check_and_start(self, X: Any, W: Any, H: Any, reset: bool) -> tuple[Any, np.ndarray, np.ndarray]:
        """X, checked, and the start."""
        W, H = _check.align_factors(W, H, Alignment(X))
        X = self._check_batch(X, reset)
        H_given = H if self.init == "custom" else None
        k = self._n_components = _check.check_n_components(self.n_components, X, H_given)
        W, H = self._check_custom(X, k, W, H, update_H=True)
        if W is None:
            W, H = self._start(X, k)
        return X, W, H

    def _solver(self, state: OnlineState, workspace: Workspace) -> OnlineSolver:
        """The solver with the penalties as they are set now."""
        alpha_H = self.alpha_W if isinstance(self.alpha_H, str) else self.alpha_H
        penalty_W, penalty_H = (
            ElasticNetTerm(alpha * self.l1_ratio, alpha * (1 - self.l1_ratio))
            for alpha in (self.alpha_W * len(state.Ht), alpha_H)
        )
        return OnlineSolver(state, self._loss, (penalty_W, penalty_H), workspace)

    def _step(self, solver: OnlineSolver, batch: UnweightedData, W: np.ndarray | None) -> StepResult:
        """One batch, from its W or from a constant start."""
        if W is not None:
            return solver.step(batch, W, self._rho)
        W = solver.fit_W(batch, self.fresh_restarts_max_iter, self.tol)
        return solver.step(batch, W, self._rho, update_W=False)

    def _store(self, state: OnlineState) -> None:
        """Set the attributes from which the next batch continues."""
        self.components_, self.n_components_ = state.H, state.Ht.shape[1]
        self._sums = state.exponent, state.A, state.B, state.unit


class BatchStopping:
    """When a fit ends: a batch hardly changes H, or the smoothed cost of the batches has stopped falling.

    Parameters
    ----------
    tol : float
        The change of H at which a fit ends; 0: none.
    max_no_improvement : int or None
        The number of steps without a lower smoothed cost after which a fit ends.
    n_samples : int
    printed : (int, float), optional
        Print a line for each step, with the number of steps and costs in this unit; None prints nothing.
    """

    def __init__(
        self, tol: float, max_no_improvement: int | None, n_samples: int, printed: tuple[int, float] | None
    ) -> None:
        self.tol, self.max_no_improvement, self.n_samples = tol, max_no_improvement, n_samples
        self.printed = printed
        self.smoothed: float | None = None
        self.least, self.steps_since = math.inf, 0

    def ends_fit(self, number: int, step: StepResult, rows: int) -> bool:
        """Whether the fit ends after this step. The first step never ends it, because it starts from the initial H."""
        if number > 1:
            share = min(1.0, rows / (self.n_samples + 1))
            self.smoothed = step.cost if self.smoothed is None else (1 - share) * self.smoothed + share * step.cost
        self._print_cost(number, step.cost)
        if self.smoothed is None:
            return False
        self.steps_since = 0 if self.smoothed < self.least else self.steps_since + 1
        self.least = min(self.least, self.smoothed)
        if self.tol > 0 and step.change <= self.tol:
            return self._print_end(number, "small H change")
        if self.max_no_improvement is not None and self.steps_since >= self.max_no_improvement:
            return self._print_end(number, "lack of improvement in objective function")
        return False

    def _print_cost(self, number: int, cost: float) -> None:
        if self.printed is not None:
            n_steps, unit = self.printed
            smoothed = "" if self.smoothed is None else f", ewa cost: {self.smoothed * unit}"
            print(f"Minibatch step {number}/{n_steps}: mean batch cost: {cost * unit}{smoothed}")

    def _print_end(self, number: int, reason: str) -> bool:
        if self.printed is not None:
            print(f"Converged ({reason}) at step {number}/{self.printed[0]}")
        return True
