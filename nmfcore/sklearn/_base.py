"""What the estimators share: parameters, checks, starts, and the way to nmfcore's core and back."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import penalties
from .._fit import FitRequest, Result, run_fit
from ..penalties import Penalty
from . import _check, _starts

BETAS = {"frobenius": 2.0, "kullback-leibler": 1.0, "itakura-saito": 0.0}


class BaseNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Parameters, checks, inverse transform and tags of the estimators.

    A subclass has an `__init__` with all parameters, among them those in `_parameter_constraints`.
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None, StrOptions({"auto"})],
        "init": [StrOptions({"random", "nndsvd", "nndsvda", "nndsvdar", "custom"}), None],
        "beta_loss": [StrOptions(set(BETAS)), Real],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state", np.random.Generator],
        "alpha_W": [Interval(Real, 0, None, closed="left")],
        "alpha_H": [Interval(Real, 0, None, closed="left"), StrOptions({"same"})],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "verbose": ["verbose"],
        "n_threads": [Integral, None],
        "penalty_W": [Penalty, None],
        "penalty_H": [Penalty, None],
        "callback": [callable, None],
    }

    @property
    def _beta(self) -> float:
        return BETAS[self.beta_loss] if isinstance(self.beta_loss, str) else float(self.beta_loss)

    def _validated(self, X: Any, mask: Any, reset: bool) -> tuple[Any, Any]:
        """X as an array or a CSR or CSC matrix of floats, and its mask; what is hidden may be anything."""
        X, mask = _check.hidden(X, mask)
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse=("csr", "csc"),
            dtype=_check.FLOATS,
            ensure_all_finite=mask is None,
            ensure_non_negative=mask is None,
        )
        return X, mask

    def _start(self, X: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(W, H) of the start that `init` names, number for number that of scikit-learn where it has a scale of X."""
        _check.made(self.init, k, X.shape)
        init = self.init or ("nndsvda" if k <= min(X.shape) else "random")
        if _starts.in_scale(X):
            return _starts.made(init, X, k, self.random_state)
        request = FitRequest(X, k, init=init, max_iter=0, random_state=self.random_state, n_threads=self.n_threads)
        start = run_fit(request, Result)
        return start.W, start.H

    def _given(self, X: Any, k: int, W: Any, H: Any, update_H: bool) -> tuple[Any, Any]:
        """The given factors that count, or None; a warning where others came."""
        if self.init == "custom" and update_H:
            H = _check.factor(H, "H", (k, X.shape[1]), X.dtype, start=True)
            return _check.factor(W, "W", (X.shape[0], k), X.dtype, start=True), H
        if update_H:
            if W is not None or H is not None:
                warnings.warn(
                    "When init!='custom', provided W or H are ignored. Set  init='custom' to use them as "
                    "initialization.",
                    RuntimeWarning,
                    stacklevel=2,
                )
            return None, None
        if W is not None:
            warnings.warn("When update_H=False, the provided initial W is not used.", RuntimeWarning, stacklevel=2)
        return None, _check.factor(H, "H", (k, X.shape[1]), X.dtype, start=False)

    def _penalties(self, shape: tuple[int, int]) -> tuple[Penalty | None, Penalty | None]:
        """What is asked of W and of H: scikit-learn's elastic nets, which count as they stand, and further penalties.

        A single penalty that scaling would undo is left alone, so that nmfcore takes it for components of one norm.
        """
        own = self.penalty_W, self.penalty_H
        if self.alpha_W or self.alpha_H not in (0, "same"):
            nets = penalties.scikit_learn(shape, self.alpha_W, self.alpha_H, self.l1_ratio)
            return tuple(net if more is None else net + more for net, more in zip(nets, own, strict=True))
        if own[0] is not None and own[1] is None and not self._coupled:
            return own[0], penalties.L2(0.0)  # a set of W holds its scale
        return own

    @property
    def _coupled(self) -> bool:
        """Whether W alone has a penalty, which is then that of W diag(|H_t|)."""
        return (
            self.penalty_W is not None
            and self.penalty_H is None
            and not self.alpha_W
            and self.alpha_H in (0, "same")
            and all(part.removable_by_scaling for part in self.penalty_W.parts)
        )

    def _reconstruction_error(self, X: Any, found: Result, mask: Any) -> float:
        """scikit-learn's: the square root of twice the divergence, without penalties."""
        objective = found.objective
        if any(self._penalties(X.shape)):
            options = {"loss": self._beta, "n_threads": self.n_threads, "mask": mask}
            request = FitRequest(X, len(found.H), init=(found.W, found.H), max_iter=0, **options)
            objective = run_fit(request, Result).objective
        return float(np.sqrt(2 * objective))

    def _warn_of_max_iter(self, n_iter: int) -> None:
        warnings.warn(
            f"Maximum number of iterations {n_iter} reached. Increase it to improve convergence.",
            ConvergenceWarning,
            stacklevel=2,
        )

    def inverse_transform(self, X: Any) -> np.ndarray:
        """The model X H of transformed samples.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_components)
            What `transform` gives.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            X @ components_.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self, "components_")
        return X @ self.components_

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
