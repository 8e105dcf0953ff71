"""The estimator, and the function that scikit-learn has beside it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .._checks import check_flag
from .._fit import FitRequest, Result, State, run_fit
from ..penalties import Penalty
from . import _check
from . import _multiplicative as multiplicative
from ._base import BaseNMF
from ._stopping import of_one_factor, stopping

#: The options of `nmfcore.nmf` for scikit-learn's solvers. Its multiplicative updates are the textbook's, step by step:
#: they keep zeros of a start, which some count on to say what a component may not hold.
SOLVERS = {"cd": {"solver": "auto"}, "mu": {"solver": "mu", "extrapolate": False, "floor": 0}}


class NMF(BaseNMF):
    r"""Non-negative matrix factorization X ~ W H: scikit-learn's estimator on nmfcore's core.

    Minimises, over W and H >= 0, what `sklearn.decomposition.NMF` of scikit-learn 1.9 minimises,

    .. math:: d_\beta(X | W H) &+ \alpha_W n \left(\rho \|W\|_1 + \tfrac{1 - \rho}{2} \|W\|_F^2\right)

       &+ \alpha_H m \left(\rho \|H\|_1 + \tfrac{1 - \rho}{2} \|H\|_F^2\right),

    for m samples, n features and :math:`\rho` = l1_ratio, with the same parameters, defaults, attributes, errors and
    warnings. What differs is said below, in italics.

    Parameters
    ----------
    n_components : int, "auto" or None, default="auto"
        The number of components. "auto": that of a custom H, else of the features; None: of the features.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"}, default=None
        The start. None: "nndsvda", or "random" where there are more components than samples or features, *or where
        entries are hidden*. "custom": the W and H that are passed. The random numbers are those of scikit-learn; *the
        singular vectors for "cd" are nmfcore's, and "nndsvda" fills in what scales with X.*
    solver : {"cd", "mu"}, default="cd"
        "cd": coordinate descent for beta_loss="frobenius", *by HALS with inner sweeps and extrapolation (see
        `nmfcore.hals`), so that the iterates are others and fewer; what does not suit HALS goes to another solver of
        nmfcore*. "mu": multiplicative updates, which without penalties end after the iterations of scikit-learn at its
        factors, for the same random_state, *where entries of the model stay above the 1e-7 to which it lifts them*.
    beta_loss : float or {"frobenius", "kullback-leibler", "itakura-saito"}, default="frobenius"
        The divergence, for "mu": 2, 1, 0 or any other number. For beta_loss <= 0 X must be positive.
    tol : float, default=1e-4
        For "mu" as in scikit-learn: it ends where the square root of twice the objective falls by less than tol times
        its first value in 10 iterations, *with penalties in it.* For "cd" *that twice in a row, or an iteration that
        moves the factors by no more than 50 tol times the residual, see `nmfcore.hals`; scikit-learn's rule depends on
        the scale of X.* 0: exactly max_iter iterations, *which are then scikit-learn's for "cd", too,
        from a given or a random start*.
    max_iter : int, default=200
        The most iterations.
    random_state : int, RandomState, *Generator* or None, default=None
        Where starts and the order of components are drawn from; None: NumPy's global state.
    alpha_W, alpha_H : float, default=0.0 and "same"
        Strengths of the penalties of W and H.
    l1_ratio : float, default=0.0
        The share of L1 in them.
    verbose : int, default=0
        Whether to print a line now and then.
    shuffle : bool, default=False
        For "cd", whether coordinates are updated in a random order: *one for the whole fit*.
    n_threads : int, optional
        *See `nmfcore.hals`; not in scikit-learn. The result does not depend on it.*
    penalty_W, penalty_H : penalties.Penalty, optional
        *What else is asked of W and H, beside alpha_W and alpha_H; see `nmfcore.penalties`. What is asked of W is asked
        in `transform`, too. A penalty on one factor alone, with alpha_W = alpha_H = 0, that scaling would undo is meant
        for components of which the other half has the norm 1, as in `nmfcore.nmf`.*
    callback : callable, optional
        *Called as callback(state) after each iteration of a fit with a `nmfcore.State`; to return True ends it.*

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        H, in the dtype of X: float32 for float32, else float64.
    n_components_ : int
        The number of components.
    reconstruction_err_ : float
        The square root of twice the divergence, for "frobenius" :math:`\|X - W H\|_F`, without penalties; *of the
        entries that are not hidden*.
    n_iter_ : int
        Iterations done.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had such.

    See Also
    --------
    nmfcore.nmf : The function behind it, with more solvers, losses and what is known of entries.

    Notes
    -----
    X is read where it lies, dense in C or Fortran order or as CSR or CSC; W and H that are passed are cast to its
    dtype, *and refused only where they are less precise*. Cost and memory are those of `nmfcore.nmf`.

    References
    ----------
    The algorithms are those of `nmfcore.hals` and `nmfcore.mu`, where the papers are named.

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
    }

    def __init__(
        self,
        n_components="auto",
        *,
        init=None,
        solver="cd",
        beta_loss="frobenius",
        tol=1e-4,
        max_iter=200,
        random_state=None,
        alpha_W=0.0,
        alpha_H="same",
        l1_ratio=0.0,
        verbose=0,
        shuffle=False,
        n_threads=None,
        penalty_W=None,
        penalty_H=None,
        callback=None,
    ):
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
            As for `fit_transform`.

        Returns
        -------
        NMF
            The estimator itself.
        """
        self.fit_transform(X, W=W, H=H, mask=mask)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None, *, mask: Any = None) -> np.ndarray:
        """Fit the model to X and return W, which costs less than `fit` and `transform`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers >= 0; not written to.
        y : ignored
            For pipelines.
        W, H : array-like of shapes (n_samples, n_components) and (n_components, n_features), optional
            The start, for init="custom"; not written to.
        mask : array-like or sparse matrix of bool, shape (n_samples, n_features), optional
            *True where an entry is hidden, NaN or not; not in scikit-learn. That of a masked array counts, too.*

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W.

        Raises
        ------
        ValueError, TypeError
            scikit-learn's, for X, parameters, W and H; nmfcore's for masks, penalties and the number of threads.

        Warns
        -----
        ConvergenceWarning
            Where max_iter ends the fit and tol > 0.
        """
        X, mask = self._validated(X, mask, reset=True)
        k = self._n_components = _check.n_components(self.n_components, X, H if self.init == "custom" else None)
        found = self._found(X, k, *self._given(X, k, W, H, True), True, mask)
        self.reconstruction_err_ = self._reconstruction_error(X, found, mask)
        self.components_, self.n_components_, self.n_iter_ = found.H, k, found.n_iter
        return found.W

    def _fit_transform(
        self, X: Any, y: Any = None, W: Any = None, H: Any = None, update_H: bool = True, mask: Any = None
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """(W, H, n_iter) of a fit, or with update_H=False of W beside a given H; nothing is kept."""
        given = H if self.init == "custom" or not update_H else None
        k = self._n_components = _check.n_components(self.n_components, X, given)
        found = self._found(X, k, *self._given(X, k, W, H, update_H), update_H, mask)
        return found.W, found.H, found.n_iter

    def transform(self, X: Any, *, mask: Any = None) -> np.ndarray:
        """W for new samples, beside the H of the fit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers >= 0.
        mask : array-like or sparse matrix of bool, shape (n_samples, n_features), optional
            *True where an entry is hidden.*

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W. *For beta_loss=2 it is exact where nothing but alpha_W is asked of it, so that no row depends on another
            one; for other divergences the updates are extrapolated and come closer to that than scikit-learn's.*

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError, TypeError
            As `fit_transform`; also where X has another number of features.

        Warns
        -----
        ConvergenceWarning
            Where the number of iterations ends the fit and tol > 0.
        """
        check_is_fitted(self, "components_")
        self._validate_params()  # which may have been set since
        X, mask = self._validated(X, mask, reset=False)
        return self._found(X, len(self.components_), None, self.components_, False, mask).W

    def _found(self, X: Any, k: int, W: Any, H: Any, update_H: bool, mask: Any) -> Result:
        """What nmfcore finds, from given factors or from the start that `init` names, or for W beside a given H."""
        _check.solver(self.solver, self.beta_loss, self.init)
        if not update_H:
            return self._coordinates(X, H, mask)
        return self._factorized(X, k, W, H, mask)

    def _factorized(self, X: Any, k: int, W: Any, H: Any, mask: Any) -> Result:
        """Both factors, from scikit-learn's start where its iterates or its draws are ours, too."""
        _check.made(self.init, k, X.shape)
        rng = self.random_state
        rng = rng if isinstance(rng, np.random.Generator) else check_random_state(rng)
        order = rng.permutation(k) if self.shuffle and self.solver == "cd" else None
        drawn = self.solver == "mu" or self.init == "random" or k > min(X.shape) or order is not None
        if W is None and mask is None and drawn:
            W, H = self._start(X, k)
        if order is not None:
            _check.order(self.penalty_W, self.penalty_H, mask)
            W, H = W[:, order], H[order]
        penalty_W, penalty_H = self._penalties(X.shape)
        found = self._fitted(
            X,
            k,
            mask,
            loss=multiplicative.loss(self._beta) if self.solver == "mu" else self._beta,
            init=(self.init or "auto") if W is None else (W, H),
            penalty_W=penalty_W,
            penalty_H=penalty_H,
            random_state=rng,
            **SOLVERS[self.solver],
            **stopping(self.solver, self.tol, self.max_iter, self.callback),
        )
        if order is not None:
            back = np.argsort(order)
            found = replace(found, W=found.W[:, back], H=found.H[back])
        return found

    def _coordinates(self, X: Any, H: np.ndarray, mask: Any) -> Result:
        """W beside a given H."""
        norms = np.ones(len(H))
        if self._coupled:  # what is asked of W is asked of W diag(norms)
            norms = np.linalg.norm(H, axis=1)
            norms[norms == 0] = 1
        found = self._fitted(
            X,
            len(H),
            mask,
            loss=self._beta,
            fixed_H=H / norms[:, None],
            penalty_W=self._penalties(X.shape)[0],
            **of_one_factor(self.tol, self.max_iter),
        )
        return replace(found, W=found.W / norms.astype(found.W.dtype), H=H)

    def _fitted(self, X: Any, k: int, mask: Any, *, max_iter: int, **options: Any) -> Result:
        """The fit by `nmfcore.nmf`, with a warning where scikit-learn gives one."""
        if mask is None:
            _check.entries(X, self._beta)
        limits = {"max_iter": max_iter, "n_threads": self.n_threads, "verbose": bool(self.verbose)}
        found = run_fit(FitRequest(X, k, mask=mask, **limits, **options), Result)
        # By the number of iterations, not by the reason: round-off decides whether the last one also converged.
        if found.n_iter == max_iter and self.tol > 0:
            self._warn_of_max_iter(found.n_iter)
        return found


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
    """Factorize X ~ W H, or find W beside a given H: scikit-learn's function on nmfcore's core.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Numbers >= 0; not written to.
    W, H : array-like of shapes (n_samples, n_components) and (n_components, n_features), optional
        The start, for init="custom"; with update_H=False H is what W is fitted to. Not written to.
    update_H : bool, default=True
        Whether H is fitted, too.
    n_components, init, solver, beta_loss, tol, max_iter, alpha_W, alpha_H, l1_ratio, random_state, verbose, shuffle
        As for `NMF`, where it is said what differs from scikit-learn.
    n_threads, penalty_W, penalty_H, callback
        As for `NMF`; not in scikit-learn.
    mask : array-like or sparse matrix of bool, shape (n_samples, n_features), optional
        *True where an entry is hidden; not in scikit-learn.*

    Returns
    -------
    W : ndarray of shape (n_samples, n_components)
        In the dtype of X.
    H : ndarray of shape (n_components, n_features)
        The same; with update_H=False what was given.
    n_iter : int
        Iterations done.

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
    parameters = {name: value for name, value in locals().items() if name in NMF._parameter_constraints}
    model = NMF(**parameters)
    model._validate_params()
    X, mask = model._validated(X, mask, reset=True)
    return model._fit_transform(X, W=W, H=H, update_H=update_H, mask=mask)
