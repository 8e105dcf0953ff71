"""scikit-learn's MiniBatchNMF."""

import itertools
import math
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import gen_batches
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from .. import losses
from .._runtime import Workspace, check_threads
from ..data import as_data
from . import _check
from ._base import BaseNMF
from ._online import ElasticNetTerm, Online, OnlineState, Step

EXTRAS_OF_NMF = {"penalty_W", "penalty_H", "callback"}
COUNT = Interval(Integral, 1, None, closed="left")


class MiniBatchNMF(BaseNMF):
    r"""Non-negative matrix factorization X ~ W H from mini-batches: samples in parts, or in a stream (`partial_fit`).

    Takes the place of `sklearn.decomposition.MiniBatchNMF`, with its parameters, defaults, attributes and messages, and
    from the same start with its iterates, to round-off. Minimises the beta-divergence of X from W H and the penalties

    .. math:: n\_features\, \alpha_W (\rho \|W\|_1 + \tfrac{1 - \rho}{2} \|W\|_F^2)
       + n\_samples\, \alpha_H (\rho \|H\|_1 + \tfrac{1 - \rho}{2} \|H\|_F^2), \quad \rho = l1\_ratio,

    by online multiplicative updates [1]_: each batch updates its rows of W, then the sums over batches A and B of the
    two parts of the gradient for H, which forget, and H = (A / B)^gamma.

    Parameters
    ----------
    n_components : int, None or "auto"
        k. None: the number of features; "auto": that of a given H, else the number of features.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None
        The start; see `nmfcore.hals`. "custom": the W and H that are passed to the fit, which are not changed. None:
        "nndsvda" where k <= min(n_samples, n_features), else "random".
    batch_size : int
        Samples of a batch.
    beta_loss : {"frobenius", "kullback-leibler", "itakura-saito"} or float
        The beta-divergence, beta = 2, 1, 0 or another number; for beta <= 0 X must be positive.
    tol : float
        A fit ends when a batch changes H by at most tol times H, in the Frobenius norm; 0: never.
    max_no_improvement : int or None
        A fit ends after so many batches in a row without a lower smoothed cost; None: never.
    max_iter : int
        Most passes over X.
    alpha_W, alpha_H, l1_ratio : float
        The penalties; alpha_H="same" is alpha_W. A batch counts with its number of samples.
    forget_factor : float
        In [0, 1]: what a pass over X (in `partial_fit`, a batch of batch_size) leaves of the sums before it.
    fresh_restarts : bool
        Whether each batch computes its W from a level start, by at most fresh_restarts_max_iter updates, instead of one
        update of what W was a pass ago. `partial_fit` always does.
    fresh_restarts_max_iter : int
        Most of those updates; they end when one changes W by at most tol times W.
    transform_max_iter : int or None
        The same for `transform`; None: max_iter.
    random_state : int, RandomState, Generator or None
        For the start.
    verbose : int
        Whether to print a line for each batch.
    n_threads : int or None
        *See `nmfcore.hals`; not in scikit-learn. The result does not depend on it.*
    start_weight : float
        *What B begins with, beside which the batches count; not in scikit-learn, where it is 1. That holds H where X is
        so small, as with tf-idf and "frobenius", that den stays far below 1; with 0 the fit scales with X.*

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        H.
    n_components_ : int
        k.
    reconstruction_err_ : float
        The square root of twice the divergence at the end of a fit, for "frobenius" ||X - W H||_F.
    n_iter_ : int
        Passes over X that a fit began.
    n_steps_ : int
        Batches so far.
    n_features_in_ : int
        Features of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X has some.

    Notes
    -----
    A step takes two passes over its batch: 10 n_batch n k flop for Kullback-Leibler, 14 n_batch n k for others, 4 and
    k^2 times their sizes for "frobenius"; along stored entries for sparse X and these two. W H is never held.
    Memory beyond X: 5 n k numbers, and for sparse X its entries once more.

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
        **{name: wanted for name, wanted in BaseNMF._parameter_constraints.items() if name not in EXTRAS_OF_NMF},
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
        n_components="auto",
        *,
        init=None,
        batch_size=1024,
        beta_loss="frobenius",
        tol=1e-4,
        max_no_improvement=10,
        max_iter=200,
        alpha_W=0.0,
        alpha_H="same",
        l1_ratio=0.0,
        forget_factor=0.7,
        fresh_restarts=False,
        fresh_restarts_max_iter=30,
        transform_max_iter=None,
        random_state=None,
        verbose=0,
        n_threads=None,
        start_weight=1.0,
    ):
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
    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> np.ndarray:
        """Fit the model to X and return W.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Non-negative.
        y
            Ignored.
        W, H : array-like, optional
            The start where `init="custom"`, n_samples x k and k x n_features.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W, of the dtype of X.

        Raises
        ------
        TypeError, ValueError
            For parameters, X, W or H that do not fit, and for zeros in X where beta <= 0.
        """
        X, W, H = self._begun(X, W, H, reset=True)
        held, workspace = as_data(X, check_threads(self.n_threads))
        exponent, m = held.measures.exponent, len(W)
        online = self._online(OnlineState.of(H, exponent, self._loss, self.start_weight), workspace)
        size = min(self.batch_size, m)
        self._rho = self.forget_factor ** (size / m)
        batches = [(held.row_slice(rows.start, rows.stop), rows) for rows in gen_batches(m, size)]
        W, n_steps = np.ldexp(W, -exponent), self.max_iter * len(batches)
        watch = BatchStopping(self.tol, self.max_no_improvement, m, (n_steps, online.unit) if self.verbose else None)
        for number, (part, rows) in enumerate(itertools.islice(itertools.cycle(batches), n_steps), 1):
            found = self._step(online, part, None if self.fresh_restarts else W[rows])
            if watch.ends(number, found, rows.stop - rows.start):
                break
        if self.fresh_restarts:
            W = online.coordinates(held, self._transform_max_iter, self.tol)
        self.n_steps_, self.n_iter_ = number, math.ceil(number / len(batches))
        if self.n_iter_ == self.max_iter and self.tol > 0:
            self._warn_of_max_iter(self.max_iter)
        self.reconstruction_err_ = online.error(held, W)
        self._keep(online.memory)
        return np.ldexp(W, exponent, out=W)

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> "MiniBatchNMF":
        """Update the model by one batch, whose W is computed from a level start; components_ changes in place.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The batch, non-negative; of the dtype of the first one, or turned into that.
        y
            Ignored.
        W, H : array-like, optional
            For the first batch where `init="custom"`: H is the start, W is only checked. Ignored later.

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            As `fit_transform`.
        """
        if hasattr(self, "components_"):
            X, mask = self._validated(X, None, reset=False)
            _check.nothing_hidden(mask)
            X = X.astype(self.components_.dtype, copy=False)
            _check.entries(X, self._beta)
            held, workspace = as_data(X, check_threads(self.n_threads))
            Ht = np.require(self.components_.T, requirements="CW")
            online = self._online(OnlineState(Ht, *self._sums), workspace)
        else:
            X, _, H = self._begun(X, W, H, reset=True)
            held, workspace = as_data(X, check_threads(self.n_threads))
            online = self._online(OnlineState.of(H, held.measures.exponent, self._loss, self.start_weight), workspace)
            self._rho = self.forget_factor ** (min(self.batch_size, X.shape[0]) / X.shape[0])
            self.n_steps_ = 0
        self._step(online, held.with_exponent(online.memory.exponent), None)
        self.n_steps_ += 1
        self._keep(online.memory)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """W for samples, by multiplicative updates from a level start.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Non-negative.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W, of the dtype of X.

        Raises
        ------
        NotFittedError, ValueError
            Before a fit; for another number of features.
        """
        check_is_fitted(self, "components_")
        X, mask = self._validated(X, None, reset=False)
        _check.nothing_hidden(mask)
        _check.entries(X, self._beta)
        held, workspace = as_data(X, check_threads(self.n_threads))
        Ht = np.ascontiguousarray(self.components_.T, X.dtype)
        online = self._online(OnlineState(Ht, held.measures.exponent), workspace)
        W = online.coordinates(held, self._transform_max_iter, self.tol)
        return np.ldexp(W, held.measures.exponent, out=W)

    @property
    def _loss(self) -> losses.Loss:
        return losses.beta_loss(self._beta)

    @property
    def _transform_max_iter(self) -> int:
        return self.max_iter if self.transform_max_iter is None else self.transform_max_iter

    def _begun(self, X: Any, W: Any, H: Any, reset: bool) -> tuple[Any, np.ndarray, np.ndarray]:
        """X, checked, and the start."""
        X, mask = self._validated(X, None, reset=reset)
        _check.nothing_hidden(mask)
        _check.entries(X, self._beta)
        given = H if self.init == "custom" else None
        k = self._n_components = _check.n_components(self.n_components, X, given)
        W, H = self._given(X, k, W, H, update_H=True)
        return X, *(self._start(X, k) if W is None else (W, H))

    def _online(self, memory: OnlineState, workspace: Workspace) -> Online:
        """The updates under the penalties as they are set now."""
        alpha_H = self.alpha_W if self.alpha_H == "same" else self.alpha_H
        of_W, of_H = (
            ElasticNetTerm(alpha * self.l1_ratio, alpha * (1 - self.l1_ratio))
            for alpha in (self.alpha_W * len(memory.Ht), alpha_H)
        )
        return Online(memory, self._loss, (of_W, of_H), workspace)

    def _step(self, online: Online, part: Any, W: np.ndarray | None) -> Step:
        """One batch, from its W or from a level start."""
        if W is not None:
            return online.step(part, W, self._rho)
        W = online.coordinates(part, self.fresh_restarts_max_iter, self.tol)
        return online.step(part, W, self._rho, update_W=False)

    def _keep(self, memory: OnlineState) -> None:
        """What the next batch goes on from."""
        self.components_, self.n_components_ = memory.Ht.T, memory.Ht.shape[1]
        self._sums = memory.exponent, memory.A, memory.B, memory.unit


class BatchStopping:
    """When a fit ends: H stands still, or the cost, smoothed over the batches, does not fall any more."""

    def __init__(self, tol: float, most: int | None, n_samples: int, told: tuple[int, float] | None) -> None:
        """most: steps without a lower cost; told: what lines on them need, their number and the unit of costs."""
        self.tol, self.most, self.n_samples, self.told = tol, most, n_samples, told
        self.smoothed: float | None = None
        self.least, self.since = math.inf, 0

    def ends(self, number: int, step: Step, rows: int) -> bool:
        """Whether that is the last step. The first one says nothing, for H has just begun."""
        if number > 1:
            share = min(1.0, rows / (self.n_samples + 1))
            self.smoothed = step.cost if self.smoothed is None else (1 - share) * self.smoothed + share * step.cost
        self._tell_costs(number, step.cost)
        if number == 1:
            return False
        self.since = 0 if self.smoothed < self.least else self.since + 1
        self.least = min(self.least, self.smoothed)
        if self.tol > 0 and step.change <= self.tol:
            return self._tell_end(number, "small H change")
        if self.most is not None and self.since >= self.most:
            return self._tell_end(number, "lack of improvement in objective function")
        return False

    def _tell_costs(self, number: int, cost: float) -> None:
        if self.told is not None:
            n_steps, unit = self.told
            smoothed = "" if self.smoothed is None else f", ewa cost: {self.smoothed * unit}"
            print(f"Minibatch step {number}/{n_steps}: mean batch cost: {cost * unit}{smoothed}")

    def _tell_end(self, number: int, reason: str) -> bool:
        if self.told is not None:
            print(f"Converged ({reason}) at step {number}/{self.told[0]}")
        return True
