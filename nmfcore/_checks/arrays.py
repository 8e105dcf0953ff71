"""Checks of an array or a sparse matrix: its dtype, its shape, its entries."""

import math
from typing import Any

import numpy as np

from .errors import InputError, InputTypeError

BLOCK = 1 << 20  # entries that are tested at a time
KINDS = {"NaN": np.isnan, "infinite": np.isinf, "negative": lambda block: block < 0}


def check_matrix(X: Any, name: str) -> np.ndarray:
    """Return X as a non-empty 2-D array of float32 or float64 in native byte order, with unit stride along one axis."""
    if is_sparse(X):
        raise InputTypeError(f"{name} is a sparse {type(X).__name__}; wanted a dense array: pass {name}.toarray()")
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        count = np.ma.count_masked(X)
        raise InputError(f"{name} is a masked array with {count} masked entries; wanted an array without any")
    try:
        X = np.asarray(X)
    except ValueError as error:
        raise InputError(f"{name} cannot be read as a matrix; wanted rows of the same length ({error})") from None
    check_dtype(X.dtype, name)
    _check_shape(X.shape, name)
    X = np.asarray(X, _computed_in(X.dtype))
    X = X if X.flags.aligned else X.copy()
    # The stride of an axis with one entry is arbitrary.
    strides = [stride for stride, size in zip(X.strides, X.shape, strict=True) if size > 1]
    readable = X.itemsize in strides and all(stride % X.itemsize == 0 for stride in strides)
    return X if readable else np.ascontiguousarray(X)


def is_sparse(X: Any) -> bool:
    """Whether X is a SciPy sparse matrix or array; SciPy is imported only if it may be one."""
    if not hasattr(X, "tocsr"):
        return False
    import scipy.sparse

    return scipy.sparse.issparse(X)


def check_dtype(dtype: np.dtype, name: str) -> None:
    """Refuse a dtype that is not real, or more precise than float64."""
    if dtype.kind == "c":
        raise InputTypeError(f"{name} is complex ({dtype}); wanted real numbers")
    if dtype.kind not in "biuf":
        raise InputTypeError(f"{name} has dtype {dtype}; wanted real numbers")
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise InputTypeError(
            f"{name} has dtype {dtype}, more precise than the computation: pass {name}.astype('float64')"
        )


def _check_shape(shape: tuple[int, ...], name: str) -> None:
    if len(shape) != 2:
        raise InputError(
            f"{name} has {len(shape)} dimension{'s' * (len(shape) != 1)}, shape {shape}; wanted a matrix (2)"
        )
    if 0 in shape:
        raise InputError(f"{name} is empty, shape {shape}; wanted at least one row and one column")


def _computed_in(dtype: np.dtype) -> type:
    return np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64


def check_compressed(X: Any, name: str) -> Any:
    """Return X as a CSR or CSC array in canonical form, of float32 or float64, on the memory of X if possible."""
    import scipy.sparse

    check_dtype(X.dtype, name)
    _check_shape(X.shape, name)
    if X.format == "coo":
        for axis, (indices, size) in enumerate(zip((X.row, X.col), X.shape, strict=True)):
            check_index_range(indices, size, f"{name} (COO, axis {axis})")
    if X.format not in ("csr", "csc"):
        X = X.tocsr()
    _check_compressed(X, name)
    kind = scipy.sparse.csr_array if X.format == "csr" else scipy.sparse.csc_array
    stored = X.indptr[-1]
    values = np.ascontiguousarray(X.data[:stored], _computed_in(X.dtype))
    # A new object on the same memory: SciPy's own conversions would sort the caller's indices in place.
    X = kind((values, X.indices[:stored], X.indptr), shape=X.shape)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _check_compressed(X: Any, name: str) -> None:
    """Refuse indices outside the matrix, with which a product would crash."""
    major, minor = X.shape if X.format == "csr" else X.shape[::-1]
    pointers, stored = X.indptr, min(len(X.indices), len(X.data))
    wanted = f"wanted {major + 1} non-decreasing numbers from 0 to at most {stored}"
    if len(pointers) != major + 1:
        raise InputError(f"{name}.indptr has {len(pointers)} numbers; {wanted}")
    if pointers[0] != 0 or pointers[-1] > stored or np.any(pointers[1:] < pointers[:-1]):
        raise InputError(f"{name}.indptr runs from {pointers[0]} to {pointers[-1]}, or decreases; {wanted}")
    check_index_range(X.indices[: pointers[-1]], minor, f"{name}.indices")


def check_index_range(indices: np.ndarray, size: int, name: str) -> None:
    """Refuse indices below 0 or beyond size - 1."""
    if len(indices) and not 0 <= indices.min() <= indices.max() < size:
        raise InputError(f"{name} has indices from {indices.min()} to {indices.max()}; wanted 0 to {size - 1}")


def refuse_stored_entries(X: Any, name: str) -> None:
    """Raise the error for stored entries that are NaN, infinite or negative: their number, and the first one."""
    for kind, is_bad in KINDS.items():
        bad = np.flatnonzero(is_bad(X.data))
        if len(bad):
            major = int(np.searchsorted(X.indptr, bad[0], side="right")) - 1
            place = (major, int(X.indices[bad[0]])) if X.format == "csr" else (int(X.indices[bad[0]]), major)
            _refuse(name, len(bad), kind, X.data[bad[0]], place)


def _refuse(name: str, count: int, kind: str, entry: Any, place: tuple[int, int]) -> None:
    entries = "entry" if count == 1 else "entries"
    wanted = "finite numbers" if kind != "negative" else "numbers >= 0"
    raise InputError(f"{name} has {count} {kind} {entries}, the first ({entry}) at {place}; wanted {wanted}")


def refuse_entries(X: np.ndarray, name: str) -> None:
    """Raise the error for entries that are NaN, infinite or negative: their number, and the first one."""
    step = max(1, BLOCK // X.shape[1])
    for kind, is_bad in KINDS.items():
        count, first = 0, None
        for i in range(0, len(X), step):
            bad = is_bad(X[i : i + step])
            if first is None and bad.any():
                row, column = np.argwhere(bad)[0]
                first = int(row) + i, int(column)
            count += int(np.count_nonzero(bad))
        if first is not None:
            _refuse(name, count, kind, X[first], first)


def check_factor(F: Any, name: str, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Return a factor of that shape, finite and >= 0, whose entries are in the range of dtype, the dtype of X."""
    F = check_matrix(F, name)
    if F.shape != shape:
        raise InputError(f"{name} has shape {F.shape}; wanted {shape}")
    if not (F.min() >= 0 and F.max() < math.inf):
        refuse_entries(F, name)
    if F.dtype != dtype and F.max() > np.finfo(dtype).max:
        raise InputError(f"{name} has entries up to {F.max()}, beyond the range of {dtype}, the dtype of X")
    return F


def check_H(H: Any, X: Any) -> np.ndarray:
    """Return H with a column for each column of X, finite and >= 0."""
    H = check_matrix(H, "H")
    columns = np.shape(X)[1] if np.ndim(X) == 2 else H.shape[1]  # an X of other dimensions is refused later
    return check_factor(H, "H", (H.shape[0], columns), H.dtype)


def check_outcome(**values: Any) -> None:
    """Refuse what a function is about to return, if it has NaN or, in an array, infinite entries.

    An objective in units of X may be infinite: the square of a residual may be beyond the range of float64.
    """
    for name, value in values.items():
        if math.isfinite(value) if isinstance(value, float) else np.isfinite(value).all():
            continue
        bad = np.isnan(value) if np.ndim(value) == 0 else ~np.isfinite(value)
        if np.any(bad):
            kind = "NaN" if np.any(np.isnan(value)) else "infinite"
            found = f"is {kind}" if np.ndim(value) == 0 else f"has {np.count_nonzero(bad)} {kind} entries"
            raise InputError(
                f"{name} of the result {found}: it is beyond the range of {np.asarray(value).dtype}; wanted X, "
                "strengths and starts of moderate size, or X in float64"
            )
