"""The checks of scikit-learn's interface. Its own messages are kept, since programs and its tests look for them."""

import math
import warnings
from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_non_negative

from .._checks import InputError, InputTypeError, check_compressed
from ..data import FACTOR_AXES, FEATURES, SAMPLES, Alignment

FLOATS = [np.float64, np.float32]


def check_n_components(value: Any, X: Any, H: Any) -> int:
    """The number of components k. None: the number of features; "auto": that of a given H, else as None."""
    if isinstance(value, str) and H is not None:  # "auto"
        return np.shape(H)[0] if np.ndim(H) else 1  # `check_factor` refuses the shape of such an H
    return X.shape[1] if value is None or isinstance(value, str) else int(value)


def check_factor(F: Any, name: str, shape: tuple[int, int], dtype: np.dtype, start: bool) -> np.ndarray:
    """A given factor in the dtype of X. A factor less precise than X is refused, and so is a start of zeros."""
    whom = f"NMF (input {name})"
    if F is None:
        raise InputError(
            f"{name} is None; wanted an array of shape {shape}, which init='custom' or update_H=False needs"
        )
    F = check_array(F)
    for axis, place in enumerate(("first", "second")):
        if F.shape[axis] != shape[axis]:
            raise InputError(
                f"Array with wrong {place} dimension passed to {whom}. Expected {shape[axis]}, but got {F.shape[axis]}."
            )
    check_non_negative(F, whom)
    if start and F.max() == 0:
        raise InputError(f"Array passed to {whom} is full of zeros.")
    if F.dtype.kind == "f" and F.dtype.itemsize < dtype.itemsize:
        raise InputTypeError(f"{name} should have the same dtype as X. Got {name}.dtype = {F.dtype}; X has {dtype}.")
    return F.astype(dtype, copy=False)


def check_solver(name: str, beta_loss: Any, init: str | None) -> None:
    """Refuse a loss that the solver does not minimise, and warn of a start that does not suit it."""
    if name != "mu" and beta_loss not in (2, "frobenius"):
        raise InputError(
            f"Invalid beta_loss parameter: solver {name!r} does not handle beta_loss = {beta_loss!r}; wanted 'mu'"
        )
    if name == "mu" and init == "nndsvd":
        warnings.warn(
            "The multiplicative update ('mu') solver cannot update zeros present in the initialization, and so leads "
            "to poorer results when used jointly with init='nndsvd'. You may try init='nndsvda' or init='nndsvdar' "
            "instead.",
            UserWarning,
            stacklevel=4,
        )


def check_shuffle(penalty_W: Any, penalty_H: Any, mask: Any) -> None:
    """Refuse a random order of components with penalties, which may tell components apart, and with a mask."""
    for name, value in (("penalty_W", penalty_W), ("penalty_H", penalty_H), ("mask", mask)):
        if value is not None:
            raise InputError(f"shuffle is True, which cannot be combined with {name}; wanted shuffle=False")


def check_svd_start(init: str | None, k: int, shape: tuple[int, int]) -> None:
    """Refuse a start by singular vectors if X has fewer than k of them."""
    if init in ("nndsvd", "nndsvda", "nndsvdar") and k > min(shape):
        raise InputError(
            f"init = {init!r} can only be used when n_components <= min(n_samples, n_features); "
            f"n_components is {k}, min(n_samples, n_features) is {min(shape)}"
        )


def check_entries(X: Any, beta: float) -> None:
    """Refuse zeros in X if the loss is infinite for them."""
    if beta > 0:
        return
    # SciPy's `count_nonzero` would sort the indices of X in place.
    nonzero = np.count_nonzero(X if isinstance(X, np.ndarray) else check_compressed(X, "X").data)
    if nonzero < math.prod(X.shape):
        raise InputError(
            "When beta_loss <= 0 and X contains zeros, the solver may diverge. Please add small values to X, or use a "
            "positive beta_loss."
        )


def split_mask(X: Any, mask: Any) -> tuple[Any, Any]:
    """X as a plain array, and its mask together with that of a masked array."""
    if not isinstance(X, np.ma.MaskedArray):
        return X, mask
    own = np.ma.getmaskarray(X)
    if not own.any() or (mask is not None and np.shape(mask) != own.shape):  # the fit refuses the shape
        return X.data, mask
    return X.data, own if mask is None else own | (mask.toarray() if hasattr(mask, "toarray") else np.asarray(mask))


def check_nothing_hidden(mask: Any) -> None:
    """Refuse a masked array with hidden entries, which MiniBatchNMF cannot leave out."""
    if mask is not None:
        raise InputError("X is a masked array with hidden entries, which MiniBatchNMF does not leave out; wanted NMF")


def align_mask(mask: Any, alignment: Alignment) -> Any:
    """A mask in the order of X, by the names of rows and columns where both are data frames."""
    return alignment.align(mask, "mask", (SAMPLES, FEATURES))


def align_factors(W: Any, H: Any, alignment: Alignment) -> tuple[Any, Any]:
    """Factors in the order of X, in the same way."""
    H = alignment.align(H, "H", FACTOR_AXES[1])
    return alignment.align(W, "W", FACTOR_AXES[0]), H
