"""scikit-learn's NMF and non_negative_factorization."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .._api import nmf
from .._check import flag, generator
from .._types import Result, State
from ..penalties import Penalty
from . import _check
from ._base import BaseNMF
from ._stopping import stopping

#: The options of `nmfcore.nmf` for scikit-learn's solvers.
SOLVERS = {"cd": {"solver": "auto"}, "mu": {"solver": "mu", "extrapolate": False}}


class NMF(BaseNMF):
    """Non-negative matrix factorization."""

    _parameter_constraints: ClassVar[dict] = {
        **BaseNMF._parameter_constraints,
        "solver": [StrOptions({"cd", "mu"})],
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
        """Fit the model to X; see `fit_transform`."""
        self.fit_transform(X, W=W, H=H, mask=mask)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None, *, mask: Any = None) -> np.ndarray:
        """Fit the model to X and return W."""
        X, mask = self._validated(X, mask, reset=True)
        self._n_components = _check.n_components(self.n_components, X.shape[1], H if self.init == "custom" else None)
        found = self._found(X, self._n_components, *self._given(X, self._n_components, W, H, True), True, mask)
        self.reconstruction_err_ = self._reconstruction_error(X, found, mask)
        self.components_, self.n_components_, self.n_iter_ = found.H, len(found.H), found.n_iter
        return found.W

    def _fit_transform(
        self, X: Any, y: Any = None, W: Any = None, H: Any = None, update_H: bool = True, mask: Any = None
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """(W, H, n_iter) of a fit, or of W alone beside a given H."""
        given = H if self.init == "custom" or not update_H else None
        k = self._n_components = _check.n_components(self.n_components, X.shape[1], given)
        found = self._found(X, k, *self._given(X, k, W, H, update_H), update_H, mask)
        return found.W, found.H, found.n_iter

    def transform(self, X: Any, *, mask: Any = None) -> np.ndarray:
        """W for new samples."""
        check_is_fitted(self)
        X, mask = self._validated(X, mask, reset=False)
        H = self.components_.astype(X.dtype, copy=False)
        return self._found(X, len(H), None, H, False, mask).W

    def _found(self, X: Any, k: int, W: Any, H: Any, update_H: bool, mask: Any) -> Result:
        """What nmfcore finds, from given factors or from the start that `init` names, or for W beside a given H."""
        _check.solver(self.solver, self.beta_loss)
        if mask is None:
            _check.entries(X, self._beta)
        options = {
            "loss": self._beta,
            "mask": mask,
            "n_threads": self.n_threads,
            "verbose": bool(self.verbose),
            **SOLVERS[self.solver],
            **stopping(self.solver, self.tol, self.max_iter, update_H),
        }
        found = self._factorized(X, k, W, H, options) if update_H else self._coordinates(X, H, options)
        if found.reason == "max_iter" and self.tol > 0:
            self._warn_of_max_iter(found.n_iter)
        return found

    def _factorized(self, X: Any, k: int, W: Any, H: Any, options: dict) -> Result:
        """Both factors."""
        rng = generator(self.random_state)
        shuffled = self.shuffle and self.solver == "cd"
        if shuffled:
            _check.order(self.penalty_W, self.penalty_H)
            order = rng.permutation(k)
        if W is None and shuffled:
            W, H = self._start(X, k, rng, options["mask"])
        elif W is None:
            _check.made(self.init, k, X.shape)
        init = (self.init or "auto") if W is None else (W[:, order], H[order]) if shuffled else (W, H)
        penalty_W, penalty_H = self._penalties(X.shape)
        found = nmf(
            X, k, init=init, random_state=rng, penalty_W=penalty_W, penalty_H=penalty_H, callback=self.callback, **options
        )
        if shuffled:
            back = np.argsort(order)
            found = replace(found, W=found.W[:, back], H=found.H[back])
        return found

    def _coordinates(self, X: Any, H: np.ndarray, options: dict) -> Result:
        """W beside a given H, from a level start where the way there is not exact."""
        norms = np.ones(len(H), H.dtype)
        if self._coupled:
            norms = np.linalg.norm(H, axis=1)
            norms[norms == 0] = 1
        found = nmf(X, len(H), fixed_H=H / norms[:, None], penalty_W=self._penalties(X.shape)[0], **options)
        return replace(found, W=found.W / norms, H=H)


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
    """Factorize X ~ W H, all non-negative."""
    update_H = flag(update_H, "update_H")
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
    X, mask = model._validated(X, mask, reset=True)
    return model._fit_transform(X, W=W, H=H, update_H=update_H, mask=mask)
