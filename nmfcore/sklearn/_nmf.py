"""`NMF` and its function form, `non_negative_factorization`."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .. import penalties
from .._checks import check_flag
from .._fit import FitRequest, Problem, Result, State, align_penalty, fit_W, run_fit
from ..data import Alignment
from ..penalties import Penalty
from . import _check
from ._base import BaseNMF
from ._multiplicative import multiplicative_loss
from ._stopping import stopping_options, stopping_options_of_W

TINY = float(np.finfo(np.float64).tiny)

#: The options of `nmfcore.nmf` for scikit-learn's solvers. Its multiplicative updates are those of the textbook. They
#: keep the zeros of a start, and some programs use such zeros to say which entries a component must not have.
SOLVERS = {"cd": {"solver": "auto"}, "mu": {"solver": "mu", "extrapolate": False, "floor": 0}}


class NMF(BaseNMF):
    r"""Non-negative matrix factorization X ~ W H: scikit-learn's estimator on nmfcore's core.

    It minimises, over W and H >= 0, the objective of `sklearn.decomposition.NMF` of scikit-learn 1.9,

    .. math:: d_\beta(X | W H) &+ \alpha_W n \left(\rho \|W\|_1 + \tfrac{1 - \rho}{2} \|W\|_F^2\right)

       &+ \alpha_H m \left(\rho \|H\|_1 + \tfrac{1 - \rho}{2} \|H\|_F^2\right),

    for m samples, n features and :math:`\rho` = l1_ratio. Parameters, defaults, attributes, errors and warnings are the
    same. Every difference is described below in italics.

    Parameters
    ----------
    n_components : int, "auto" or None, default="auto"
        The number of components. "auto": that of a custom H, else the number of features; None: the number of features.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"}, default=None
        The start. None: "nndsvda", or "random" if there are more components than samples or features *or if entries
        are hidden*. "custom": the W and H that are passed to the fit. The random numbers are those of scikit-learn.
        *For "cd" the singular vectors are nmfcore's, and "nndsvda" replaces zeros by a value that scales with X.*
    solver : {"cd", "mu"}, default="cd"
        "cd": coordinate descent for beta_loss="frobenius", *by HALS with inner sweeps and extrapolation (see
        `nmfcore.hals`), so the iterates differ and are fewer; another solver of nmfcore is used for what HALS cannot
        do*. "mu": multiplicative updates. For the same random_state and without penalties they end after as many
        iterations as scikit-learn's, at the same factors, *if the entries of the model stay above 1e-7, to which
        scikit-learn raises smaller ones*.
    beta_loss : float or {"frobenius", "kullback-leibler", "itakura-saito"}, default="frobenius"
        The divergence, for "mu"; a number is beta: 2, 1, 0 or any other. For beta_loss <= 0 X must be positive.
    tol : float, default=1e-4
        The tolerance. For "mu" a fit ends, as in scikit-learn, if the square root of twice the objective, *including
        penalties*, falls by less than tol times its first value in 10 iterations. *For "cd" a fit ends if this holds
        twice in a row, or if an iteration moves the factors by at most 50 tol times the residual (see `nmfcore.hals`);
        scikit-learn's rule depends on the scale of X.* 0: exactly max_iter iterations. *For "cd" these are
        scikit-learn's, too, from a custom or a random start.*
    max_iter : int, default=200
        The largest number of iterations.
    random_state : int, RandomState, *Generator* or None, default=None
        For random starts and the order of components. None: NumPy's global state.
    alpha_W, alpha_H : float, default=0.0 and "same"
        Strengths of the penalties of W and H. "same": alpha_W.
    l1_ratio : float, default=0.0
        The share of L1 in the penalties.
    verbose : int, default=0
        Whether to print the progress at intervals.
    shuffle : bool, default=False
        For "cd", whether coordinates are updated in a random order, *the same one in all iterations*.
    n_threads : int, optional
        *The number of threads, see `nmfcore.hals`; not in scikit-learn. Any number gives identical bits.*
    penalty_W, penalty_H : penalties.Penalty, optional
        *Further penalties or constraints of W and H, see `nmfcore.penalties`; not in scikit-learn. `transform` applies
        penalty_W, too. With alpha_W = alpha_H = 0, a penalty on one factor alone that scaling could remove refers to
        components whose other half has norm 1, as in `nmfcore.nmf`.*
    callback : callable, optional
        *Called as callback(state) with a `nmfcore.State` after each iteration of a fit; not in scikit-learn. The fit
        ends if it returns True.*

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        H; float32 if X is float32, else float64.
    n_components_ : int
        The number of components.
    reconstruction_err_ : float
        The square root of twice the divergence without penalties, for "frobenius" :math:`\|X - W H\|_F`, *over the
        entries that are not hidden*.
    n_iter_ : int
        The number of iterations.
    n_features_in_ : int
        The number of features of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        The names of the features, if X has names.

    See Also
    --------
    nmfcore.nmf : The function that computes the fit, with more solvers, losses, weights and fixed entries.

    Notes
    -----
    X is not copied, dense in C or Fortran order or as CSR or CSC. W and H that are passed are cast to the dtype of X,
    *and refused only if they are less precise*. Cost and memory are those of `nmfcore.nmf`.

    References
    ----------
    The algorithms are those of `nmfcore.hals` and `nmfcore.mu`, which name the papers.

    Examples
    --------
    >>> import numpy as np
    >>> from nmfcore.sklearn import NMF
    >>> X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> model = NMF(n_components=2, init="random", random_state=0)
    >>> W = model.fit_transform(X)
    >>> np.allclose(W @ model.components_, X, atol=0.01)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **BaseNMF._parameter_constraints,
        "solver": [StrOptions(set(SOLVERS))],
        "shuffle": ["boolean"],
        "penalty_W": [Penalty, None],
        "penalty_H": [Penalty, None],
        "callback": [callable, None],
    }

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: str | None = None,
        solver: str = "cd",
        beta_loss: float | str = "frobenius",
        tol: float = 1e-4,
        max_iter: int = 200,
        random_state: Any = None,
        alpha_W: float = 0.0,
        alpha_H: float | str = "same",
        l1_ratio: float = 0.0,
        verbose: int = 0,
        shuffle: bool = False,
        n_threads: int | None = None,
        penalty_W: Penalty | None = None,
        penalty_H: Penalty | None = None,
        callback: Callable[[State], object] | None = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle
        self.n_threads = n_threads
        self.penalty_W = penalty_W
        self.penalty_H = penalty_H
        self.callback = callback

    def fit(self, X: Any, y: Any = None, *, W: Any = None, H: Any = None, mask: Any = None) -> "NMF":
        """Fit the model to X.

        Parameters
        ----------
        X, y, W, H, mask
            See `fit_transform`.

        Returns
        -------
        NMF
            The estimator itself.
        """
        self.fit_transform(X, W=W, H=H, mask=mask)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(  # pyright: ignore[reportIncompatibleMethodOverride] (the signature of scikit-learn's NMF)
        self, X: Any, y: Any = None, W: Any = None, H: Any = None, *, mask: Any = None
    ) -> np.ndarray:
        """Fit the model to X and return W. This costs less than `fit` followed by `transform`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers >= 0. Not changed.
        y : ignored
            For pipelines.
        W, H : array-like of shapes (n_samples, n_components) and (n_components, n_features), optional
            The start if init="custom". Not changed.
        mask : array-like or sparse matrix of bool, shape (n_samples, n_features), optional
            *True for each hidden entry, which may be NaN; not in scikit-learn. Entries that a masked array hides are
            hidden, too.*

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W.

        Raises
        ------
        ValueError, TypeError
            If X, a parameter, W or H is not valid, as in scikit-learn; *if the mask, a penalty or the number of threads
            is not valid*.

        Warns
        -----
        ConvergenceWarning
            If max_iter ends the fit and tol > 0.
        """
        alignment = Alignment(X)
        X, mask = self._check_X(X, _check.align_mask(mask, alignment), reset=True)
        W, H = _check.align_factors(W, H, alignment)
        H_given = H if self.init == "custom" else None
        k = self._n_components = _check.check_n_components(self.n_components, X, H_given)
        result = self._solve(X, k, *self._check_custom(X, k, W, H, True), True, mask, alignment)
        self.reconstruction_err_ = self._reconstruction_error(X, result, mask)
        self.components_, self.n_components_, self.n_iter_ = result.H, k, result.n_iter
        return result.W

    def _fit_transform(
        self, X: Any, y: Any = None, W: Any = None, H: Any = None, update_H: bool = True, mask: Any = None
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """(W, H, n_iter) of a fit, or of W with the given H if update_H=False. No attribute of a fit is set."""
        alignment = Alignment(X)
        X, mask = self._check_X(X, _check.align_mask(mask, alignment), reset=True)
        W, H = _check.align_factors(W, H, alignment)
        H_given = H if self.init == "custom" or not update_H else None
        k = self._n_components = _check.check_n_components(self.n_components, X, H_given)
        result = self._solve(X, k, *self._check_custom(X, k, W, H, update_H), update_H, mask, alignment)
        return result.W, result.H, result.n_iter

    def transform(self, X: Any, *, mask: Any = None) -> np.ndarray:
        """Fit W to new samples with the H of the fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers >= 0.
        mask : array-like or sparse matrix of bool, shape (n_samples, n_features), optional
            *True for each hidden entry; not in scikit-learn.*

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W. *For 1 <= beta_loss <= 2 and without penalty_W it is the exact minimum, so that no row depends on
            another one. For other divergences the updates are extrapolated and come closer to the minimum than
            scikit-learn's. For beta_loss <= 1 features that no component has are ignored.*

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError, TypeError
            As `fit_transform`, and if X has another number of features.

        Warns
        -----
        ConvergenceWarning
            If max_iter ends the fit and tol > 0.
        """
        check_is_fitted(self, "components_")
        self._validate_params()  # they may have changed since the fit
        alignment = Alignment(X)
        X, mask = self._check_X(X, _check.align_mask(mask, alignment), reset=False)
        return self._solve(X, len(self.components_), None, self.components_, False, mask, alignment).W

    def _solve(self, X: Any, k: int, W: Any, H: Any, update_H: bool, mask: Any, alignment: Alignment) -> Result:
        """The fit of both factors, or of W with the given H."""
        _check.check_solver(self.solver, self.beta_loss, self.init)
        if not update_H:
            return self._fit_W(X, H, mask, alignment)
        return self._fit_both(X, k, W, H, mask, alignment)

    def _fit_both(self, X: Any, k: int, W: Any, H: Any, mask: Any, alignment: Alignment) -> Result:
        """Fit both factors, from the given start, from scikit-learn's, or from nmfcore's.

        The start is scikit-learn's if the iterates or the random numbers can be those of scikit-learn, too.
        """
        _check.check_svd_start(self.init, k, X.shape)
        rng = self.random_state
        rng = rng if isinstance(rng, np.random.Generator) else check_random_state(rng)
        order = rng.permutation(k) if self.shuffle and self.solver == "cd" else None
        theirs = self.solver == "mu" or self.init == "random" or k > min(X.shape) or order is not None
        if order is not None:
            _check.check_shuffle(self.penalty_W, self.penalty_H, mask)
        if W is None and mask is None and theirs:
            W, H = self._start(X, k)
        if order is not None and W is not None:
            W, H = W[:, order], H[order]
        penalty_W, penalty_H = self._penalties(X.shape)
        penalty_H, penalty_W = align_penalty(penalty_H, alignment, 1), align_penalty(penalty_W, alignment, 0)
        result = self._run(
            X,
            k,
            mask,
            loss=multiplicative_loss(self._beta) if self.solver == "mu" else self._beta,
            init=(self.init or "auto") if W is None else (W, H),
            penalty_W=penalty_W,
            penalty_H=penalty_H,
            random_state=rng,
            **SOLVERS[self.solver],
            **stopping_options(self.solver, self.tol, self.max_iter, self.callback),
        )
        if order is not None:
            inverse = np.argsort(order)
            result = replace(result, W=result.W[:, inverse], H=result.H[inverse])
        return result

    def _fit_W(self, X: Any, H: np.ndarray, mask: Any, alignment: Alignment) -> Result:
        """Fit W with the given H."""
        norms = np.ones(len(H))
        if self._penalty_needs_norms:  # it applies to W diag(norms)
            norms = np.linalg.norm(H, axis=1)
            norms[norms == 0] = 1
        result = self._run(
            X,
            len(H),
            mask,
            loss=self._beta,
            fixed_H=H / norms[:, None],
            penalty_W=align_penalty(self._penalties(X.shape)[0], alignment, 0),
            **stopping_options_of_W(self.tol, self.max_iter),
        )
        return replace(result, W=result.W / norms.astype(result.W.dtype), H=H)

    def _run(self, X: Any, k: int, mask: Any, *, max_iter: int, **options: Any) -> Result:
        """Run the fit, and warn as scikit-learn does."""
        if mask is None:
            _check.check_entries(X, self._beta)
        options |= {"max_iter": max_iter, "n_threads": self.n_threads, "verbose": bool(self.verbose)}
        request = FitRequest(X, k, mask=mask, **options)
        result = run_fit(request, Result) if request.fixed_H is None else fit_W(request, Result, warn=False)
        # By the number of iterations, not by the reason: round-off decides whether the last one also converged.
        if result.n_iter == max_iter and self.tol > 0:
            self._warn_of_max_iter(result.n_iter)
        return result

    def _penalties(self, shape: tuple[int, int]) -> tuple[Penalty | None, Penalty | None]:
        """The penalties of W and of H: scikit-learn's elastic nets, unscaled, and the further penalties.

        A single penalty that scaling could remove is returned alone. Then nmfcore applies it to components of norm 1.
        """
        penalty_W, penalty_H = self.penalty_W, self.penalty_H
        if self.alpha_W or self.alpha_H not in (0, "same"):
            net_W, net_H = penalties.scikit_learn(shape, self.alpha_W, self.alpha_H, self.l1_ratio)
            return _add(net_W, penalty_W), _add(net_H, penalty_H)
        if penalty_W is not None and penalty_H is None and not self._penalty_needs_norms:
            return penalty_W, penalties.L2(0.0)  # the set of W fixes the scale; a second penalty says so to nmfcore
        return penalty_W, penalty_H

    @property
    def _penalty_needs_norms(self) -> bool:
        """Whether W alone has a penalty, and one that scaling could remove: then it applies to W diag(|H_t|)."""
        return (
            self.penalty_W is not None
            and self.penalty_H is None
            and not self.alpha_W
            and self.alpha_H in (0, "same")
            and all(part.removable_by_scaling for part in self.penalty_W.parts)
        )

    def _reconstruction_error(self, X: Any, result: Result, mask: Any) -> float:
        """The square root of twice the divergence, without penalties, as in scikit-learn."""
        options: dict[str, Any] = {"loss": self._beta, "n_threads": self.n_threads, "mask": mask}
        request = FitRequest(X, len(result.H), init=(result.W, result.H), max_iter=0, **options)
        if any(self._penalties(X.shape)):
            result = run_fit(request, Result)
        if self._beta == 2 and not TINY < result.objective < math.inf:  # only the square is beyond the range
            measures = Problem(request, Result).data.measures
            return math.ldexp(result.relative_error * math.sqrt(measures.squared_norm), measures.exponent)
        return float(np.sqrt(2 * result.objective))


def _add(net: Penalty, more: Penalty | None) -> Penalty:
    return net if more is None else net + more


def non_negative_factorization(
    X: Any,
    W: Any = None,
    H: Any = None,
    n_components: int | str | None = "auto",
    *,
    init: str | None = None,
    update_H: bool = True,
    solver: str = "cd",
    beta_loss: float | str = "frobenius",
    tol: float = 1e-4,
    max_iter: int = 200,
    alpha_W: float = 0.0,
    alpha_H: float | str = "same",
    l1_ratio: float = 0.0,
    random_state: Any = None,
    verbose: int = 0,
    shuffle: bool = False,
    n_threads: int | None = None,
    penalty_W: Penalty | None = None,
    penalty_H: Penalty | None = None,
    callback: Callable[[State], object] | None = None,
    mask: Any = None,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Factorize X ~ W H, or fit W with a given H: scikit-learn's function on nmfcore's core.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Numbers >= 0. Not changed.
    W, H : array-like of shapes (n_samples, n_components) and (n_components, n_features), optional
        The start if init="custom". With update_H=False, H is the fixed factor. Not changed.
    update_H : bool, default=True
        Whether to fit H, too.
    n_components, init, solver, beta_loss, tol, max_iter, alpha_W, alpha_H, l1_ratio, random_state, verbose, shuffle
        See `NMF`, which describes the differences from scikit-learn.
    n_threads, penalty_W, penalty_H, callback
        See `NMF`; not in scikit-learn.
    mask : array-like or sparse matrix of bool, shape (n_samples, n_features), optional
        *True for each hidden entry; not in scikit-learn.*

    Returns
    -------
    W : ndarray of shape (n_samples, n_components)
        W, in the dtype of X.
    H : ndarray of shape (n_components, n_features)
        H, in the dtype of X; with update_H=False the given one.
    n_iter : int
        The number of iterations.

    Raises
    ------
    ValueError, TypeError
        As `NMF.fit_transform`.

    Examples
    --------
    >>> import numpy as np
    >>> from nmfcore.sklearn import non_negative_factorization
    >>> X = np.array([[1, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> W, H, n_iter = non_negative_factorization(X, n_components=2, init="random", random_state=0)
    """
    update_H = check_flag(update_H, "update_H")
    model = NMF(
        n_components,
        init=init,
        solver=solver,
        beta_loss=beta_loss,
        tol=tol,
        max_iter=max_iter,
        random_state=random_state,
        alpha_W=alpha_W,
        alpha_H=alpha_H,
        l1_ratio=l1_ratio,
        verbose=verbose,
        shuffle=shuffle,
        n_threads=n_threads,
        penalty_W=penalty_W,
        penalty_H=penalty_H,
        callback=callback,
    )
    model._validate_params()
    return model._fit_transform(X, W=W, H=H, update_H=update_H, mask=mask)
