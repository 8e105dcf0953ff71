"""Checks of weights, masks and missing entries."""

import math
import warnings
from typing import Any, NamedTuple

import numpy as np

from .._checks import (
    InputError,
    InputTypeError,
    check_choice,
    check_compressed,
    check_matrix,
    is_sparse,
    refuse_entries,
    refuse_stored_entries,
    user_stacklevel,
)
from .base import Data
from .weighing import Weights, entries_at

MISSING = {"nan": "nan", "unstored": "unstored"}
MAX_EXCEPTIONS = {True: 0.25, False: 0.5}  # share of X (dense: True); beyond it a weight for every entry is cheaper
WEIGHT_LIMIT = {4: 1e9, 8: 1e90}  # by the bytes of a number; keeps weights times squares of X finite
SAMPLE = 10_000  # number of weights from which the most frequent one is estimated


class SparseMask(NamedTuple):
    """Weights that are 0 at the stored entries of a sparse matrix and 1 elsewhere."""

    hidden: Any


def check_missing(missing: Any) -> None:
    """Refuse what names no kind of missing entries."""
    if missing is not None:
        check_choice(missing, "missing", MISSING)


def combine_weights(X: Any, weights: Any, masks: list, missing: str | None) -> Any:
    """The checked weights of all entries: an array, a CSR array (0 where nothing is stored), or a `SparseMask`."""
    Omega = None if weights is None else _weights(weights, X)
    hidden = [_mask(mask, X.shape) for mask in masks if mask is not None]
    dense = isinstance(X, np.ndarray)
    if missing == "nan":
        if not dense:
            raise InputError("missing is 'nan', but X is sparse; wanted a dense X, or 'unstored', or a mask")
        hidden.append(np.isnan(X))
    elif missing == "unstored":
        if dense:
            raise InputError("missing is 'unstored', but X is dense; wanted a sparse X, or 'nan', or a mask")
        Omega = _restrict(Omega, X)
    if Omega is None:
        return _weights_of_mask(_union(hidden), X.dtype, MAX_EXCEPTIONS[dense])
    for mask in hidden:
        Omega = _hide(Omega, mask)
    return Omega


def _union(masks: list) -> Any:
    """One mask that hides what any of them hides; an array if one of them is."""
    arrays = [mask for mask in masks if isinstance(mask, np.ndarray)]
    if not arrays:
        return sum(masks[1:], masks[0])
    union = arrays[0] if len(masks) == 1 else np.logical_or.reduce(arrays)
    for mask in masks:
        if not isinstance(mask, np.ndarray):
            union[_stored(mask)] = True
    return union


def _weights_of_mask(mask: Any, dtype: np.dtype, most: float) -> Any:
    """Weights of 0 and 1; a `SparseMask`, which takes little memory, if at most a share `most` is hidden."""
    if not isinstance(mask, np.ndarray):
        return SparseMask(mask)
    if np.count_nonzero(mask) > most * mask.size:
        return np.logical_not(mask).astype(dtype)
    from scipy.sparse import csr_array  # here, since few need it

    counts = np.count_nonzero(mask, axis=1)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    indices = np.concatenate([np.flatnonzero(row) for row in mask])
    return SparseMask(csr_array((np.ones(len(indices), bool), indices, indptr), shape=mask.shape))


def _weights(weights: Any, X: Any) -> Any:
    """Check weights: finite, >= 0, of the shape of X; return them in the dtype of X, as an array or a CSR array."""
    stored = is_sparse(weights)
    weights = check_compressed(weights, "weights").tocsr() if stored else check_matrix(weights, "weights")
    if weights.shape != X.shape:
        raise InputError(f"weights have shape {weights.shape}; wanted that of X, {X.shape}")
    values = weights.data if stored else weights
    if not (np.min(values, initial=0) >= 0 and np.max(values, initial=0) < math.inf):
        refuse_stored_entries(weights, "weights") if stored else refuse_entries(weights, "weights")
    largest, limit = float(np.max(values, initial=0)), WEIGHT_LIMIT[X.dtype.itemsize]
    if largest > 0 and not 1 / limit <= largest <= limit:
        raise InputError(
            f"the largest weight is {largest:g}; wanted a largest weight from {1 / limit:g} to {limit:g} for X in "
            f"{X.dtype}: multiply all weights by one number"
        )
    with np.errstate(over="ignore", under="ignore"):
        cast = weights.astype(X.dtype)
    kept = cast.data if stored else cast
    if not (np.max(kept, initial=0) < math.inf and np.array_equal(kept > 0, values > 0)):
        raise InputError(f"weights have entries beyond the range of {X.dtype}, the dtype of X; scale them")
    return cast


def _mask(mask: Any, shape: tuple[int, int]) -> Any:
    """Check a mask: booleans of the shape of X; return an array or a CSR array that stores the hidden entries."""
    wanted = "wanted booleans, True where an entry is hidden"
    stored = is_sparse(mask)
    mask = mask if stored else np.asarray(mask)
    if mask.dtype != bool:
        raise InputTypeError(f"mask has dtype {mask.dtype}; {wanted}")
    if mask.shape != shape:
        raise InputError(f"mask has shape {mask.shape}; wanted that of X, {shape}")
    if stored:
        mask = check_compressed(mask, "mask").tocsr(copy=True)
        mask.eliminate_zeros()
    return mask


def _restrict(Omega: Any, X: Any) -> Any:
    """A CSR array with the weights of the stored entries of X."""
    kind, (rows, columns) = type(X), _stored(X)
    values = np.ones(len(rows)) if Omega is None else entries_at(Omega, rows, columns)
    return kind((values.astype(X.dtype), X.indices.copy(), X.indptr.copy()), shape=X.shape)


def _hide(Omega: Any, mask: Any) -> Any:
    """Set Omega to 0 where the mask is True, in a copy."""
    if isinstance(Omega, np.ndarray):
        if isinstance(mask, np.ndarray):
            return np.where(mask, Omega.dtype.type(0), Omega)
        Omega = Omega.copy()
        Omega[_stored(mask)] = 0
        return Omega
    rows, columns = _stored(Omega)
    Omega = Omega.copy()
    Omega.data[entries_at(mask, rows, columns) > 0] = 0
    return Omega


def _stored(A: Any) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the stored entries of a CSR array, in order."""
    return np.repeat(np.arange(A.shape[0]), np.diff(A.indptr)), A.indices.astype(np.int64)


def describe_weights(Omega: Any, dtype: np.dtype, most: float) -> Weights:
    """Find the most frequent weight and the exceptions; all weights if more than a share `most` are exceptions."""
    if isinstance(Omega, SparseMask):
        rows, columns = _stored(Omega.hidden)
        weights = Weights(1.0, rows, columns, np.zeros(len(rows), dtype))
        any_left = len(rows) < math.prod(Omega.hidden.shape)
    elif isinstance(Omega, np.ndarray):
        values, counts = np.unique(Omega.ravel(order="K")[:: max(1, Omega.size // SAMPLE)], return_counts=True)
        base = values[np.argmax(counts)]
        rows, columns = np.nonzero(Omega != base)
        weights = Weights(float(base), rows, columns, Omega[rows, columns])
        any_left = base > 0 or bool(np.any(weights.weights > 0))
    else:
        (rows, columns), has_weight = _stored(Omega), Omega.data > 0
        weights = Weights(0.0, rows[has_weight], columns[has_weight], Omega.data[has_weight])
        any_left = bool(has_weight.any())
    if not any_left:
        raise InputError("weights, mask and missing entries leave nothing of X; wanted a positive weight somewhere")
    shape = Omega.hidden.shape if isinstance(Omega, SparseMask) else Omega.shape
    if len(weights.rows) <= most * math.prod(shape):
        return weights
    if isinstance(Omega, SparseMask):
        dense = np.ones(shape, dtype)
        dense[weights.rows, weights.columns] = 0
        return weights._replace(dense=dense)
    return weights._replace(dense=Omega if isinstance(Omega, np.ndarray) else Omega.toarray())


def refuse_observed(X: Any, Omega: Any) -> None:
    """Raise the error for bad entries of X that have a positive weight."""
    if isinstance(X, np.ndarray):
        if isinstance(Omega, SparseMask):
            has_weight = np.ones(X.shape, dtype=bool)
            has_weight[_stored(Omega.hidden)] = False
        else:
            has_weight = (Omega if isinstance(Omega, np.ndarray) else Omega.toarray()) > 0
        refuse_entries(np.where(has_weight, X, 0), "X")
    else:
        sparse_mask = isinstance(Omega, SparseMask)
        has_weight = (entries_at(Omega.hidden if sparse_mask else Omega, *_stored(X)) > 0) != sparse_mask
        refuse_stored_entries(type(X)((np.where(has_weight, X.data, 0), X.indices, X.indptr), shape=X.shape), "X")
    raise InputError("weights times the squares of X are beyond float64; scale the weights")


def warn_of_unobserved(data: Data, fixed: tuple[bool, bool]) -> None:
    """Warn of rows and columns without an observed entry, unless their factor is fixed."""
    for lines, name, is_fixed in zip(data.unobserved, ("row", "column"), fixed, strict=True):
        if len(lines) and not is_fixed:
            count = f"{len(lines)} {name}s of X have" if len(lines) > 1 else f"1 {name} of X has"
            which = "the first" if len(lines) > 1 else "it"
            factor = "W" if name == "row" else "H"
            warnings.warn(
                f"{count} no observed entry ({which} is {name} {lines[0]}): nothing determines {factor} there, "
                "see Result.unobserved",
                UserWarning,
                stacklevel=user_stacklevel(),
            )
