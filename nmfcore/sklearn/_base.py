"""What the estimators share: parameters, checks, starts, the inverse transform and scikit-learn's tags."""

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .._checks import MAX_COUNT
from .._fit import FitRequest, Result, run_fit
from .._runtime import single_blas
from . import _check, _starts

BETAS = {"frobenius": 2.0, "kullback-leibler": 1.0, "itakura-saito": 0.0}


class BaseNMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The common part of the estimators.

    A subclass has an `__init__` with all its parameters, among them those in `_parameter_constraints`.
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 1, MAX_COUNT, closed="both"), None, StrOptions({"auto"})],
        "init": [StrOptions({"random", "nndsvd", "nndsvda", "nndsvdar", "custom"}), None],
        "beta_loss": [StrOptions(set(BETAS)), Real],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, MAX_COUNT, closed="both")],
        "random_state": ["random_state", np.random.Generator],
        "alpha_W": [Interval(Real, 0, None, closed="left")],
        "alpha_H": [Interval(Real, 0, None, closed="left"), StrOptions({"same"})],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "verbose": ["verbose"],
        "n_threads": [Integral, None],
    }

    init: str | None
    beta_loss: float | str
    random_state: Any
    n_threads: int | None
    components_: np.ndarray

    @property
    def _beta(self) -> float:
        return BETAS[self.beta_loss] if isinstance(self.beta_loss, str) else float(self.beta_loss)

    def _check_X(self, X: Any, mask: Any, reset: bool) -> tuple[Any, Any]:
        """X as an array or a CSR or CSC matrix of floats, and its mask. Hidden entries may have any value."""
        X, mask = _check.split_mask(X, mask)
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

    def _check_custom(self, X: Any, k: int, W: Any, H: Any, update_H: bool) -> tuple[Any, Any]:
        """The factors that were passed as far as the fit uses them, else None; a warning if it does not use them."""
        if self.init == "custom" and update_H:
            H = _check.check_factor(H, "H", (k, X.shape[1]), X.dtype, start=True)
            return _check.check_factor(W, "W", (X.shape[0], k), X.dtype, start=True), H
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
        return None, _check.check_factor(H, "H", (k, X.shape[1]), X.dtype, start=False)

    def _start(self, X: Any, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(W, H) of the start that `init` names: scikit-learn's, or nmfcore's if that one would overflow or vanish."""
        _check.check_svd_start(self.init, k, X.shape)
        init = self.init or ("nndsvda" if k <= min(X.shape) else "random")
        if _starts.in_range(X):
            return _starts.start(init, X, k, self.random_state)
        request = FitRequest(X, k, init=init, max_iter=0, random_state=self.random_state, n_threads=self.n_threads)
        start = run_fit(request, Result)
        return start.W, start.H

    def _warn_of_max_iter(self, n_iter: int) -> None:
        warnings.warn(
            f"Maximum number of iterations {n_iter} reached. Increase it to improve convergence.",
            ConvergenceWarning,
            stacklevel=2,
        )

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Compute the model of transformed samples, X @ components_.

        Parameters
        ----------
        X : {ndarray, sparse matrix} of shape (n_samples, n_components)
            Transformed samples, as `transform` returns them.

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
        with single_blas():
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
