"""Checks of ratings, of the options of their model, and of the arguments of a completion's methods."""

from typing import Any

import numpy as np

from .._checks import (
    InputError,
    InputTypeError,
    check_compressed,
    check_count,
    check_index_range,
    check_number,
    is_sparse,
    refuse_stored_entries,
)

FACTORS = ("W", "H")
MOST_STRENGTH = 1e100  # in the units of a fit, in which ratings are about 1: it leaves nothing


def check_ratings(X: Any, name: str) -> Any:
    """A SciPy CSR array in canonical form with finite stored entries, one for each pair of a user and an item."""
    if not is_sparse(X):
        raise InputTypeError(
            f"{name} is of type {type(X).__name__}; wanted a sparse matrix whose stored entries are the ratings, such "
            "as scipy.sparse.coo_array((ratings, (users, items)))"
        )
    if X.format in ("bsr", "dia"):
        raise InputTypeError(
            f"{name} is in {X.format.upper()}, which stores more than was rated; wanted COO, CSR or CSC"
        )
    stored = X.nnz
    X = check_compressed(X, name)
    if X.nnz < stored:
        raise InputError(
            f"{name} has {stored - X.nnz} more ratings than pairs of a user and an item; wanted one for each pair"
        )
    if not stored:
        raise InputError(f"{name} has no stored entries; wanted at least one rating")
    if not np.isfinite(X.data).all():
        refuse_stored_entries(X, name)
    return X.tocsr()


def check_strengths(strength: Any) -> tuple[float, float]:
    """The strengths of the penalties on the factors and on the biases."""
    if not isinstance(strength, tuple | list):
        return _check_strength(strength, "strength"), _check_strength(strength, "strength")
    if len(strength) != 2:
        raise InputError(f"strength has {len(strength)} elements; wanted a number or a pair (of factors, of biases)")
    factors = check_number(strength[0], "strength[0] (of factors)")  # the unit of the ratings says how much that is
    return factors, _check_strength(strength[1], "strength[1] (of biases)")


def _check_strength(strength: Any, name: str) -> float:
    if check_number(strength, name) > MOST_STRENGTH:
        raise InputError(f"{name} is {strength:g}; wanted at most {MOST_STRENGTH:g}, with which nothing is left")
    return float(strength)


def check_signs(nonnegative: Any) -> tuple[bool, bool]:
    """Whether W is non-negative, and whether H is."""
    if isinstance(nonnegative, bool | np.bool_):
        return bool(nonnegative), bool(nonnegative)
    wanted = "wanted True, False, or the names of the factors that are non-negative, such as ('W',)"
    if not isinstance(nonnegative, tuple | list):
        raise InputTypeError(f"nonnegative is {nonnegative!r} ({type(nonnegative).__name__}); {wanted}")
    if any(name not in FACTORS for name in nonnegative):
        raise InputError(f"nonnegative is {nonnegative!r}; {wanted}")
    return "W" in nonnegative, "H" in nonnegative


def check_indices(value: Any, name: str, size: int) -> np.ndarray:
    """Integers from 0 to size - 1."""
    value = np.asarray(value)
    if value.dtype.kind not in "iu" and value.size:
        raise InputTypeError(f"{name} has dtype {value.dtype}; wanted integers")
    check_index_range(value.ravel(), size, name)
    return value.astype(np.intp)


def check_pairs(users: Any, items: Any, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The indices of users and items, broadcast to one shape."""
    users, items = check_indices(users, "users", shape[0]), check_indices(items, "items", shape[1])
    try:
        users_of_pairs, items_of_pairs = np.broadcast_arrays(users, items)
    except ValueError:
        raise InputError(f"users has shape {users.shape}, items {items.shape}; wanted the same shape") from None
    return users_of_pairs, items_of_pairs


def check_limits(value: Any) -> tuple[float, float] | None:
    """The smallest and the largest prediction."""
    if value is None:
        return None
    wanted = "wanted None or a pair (smallest, largest) of numbers"
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise InputTypeError(f"limits is {value!r}; {wanted}")
    if not all(isinstance(limit, int | float | np.integer | np.floating) for limit in value):
        raise InputTypeError(f"limits is {value!r}; {wanted}")
    if not value[0] <= value[1]:
        raise InputError(f"limits is {value!r}; {wanted}")
    return float(value[0]), float(value[1])


def check_user(value: Any, shape: tuple[int, int]) -> int:
    """The index of a user."""
    value = check_count(value, "user", 0)
    if value >= shape[0]:
        raise InputError(f"user is {value}; wanted an index below {shape[0]}")
    return value


def check_test_ratings(X: Any, shape: tuple[int, int]) -> Any:
    """Ratings of the same users and items as those of the fit."""
    X = check_ratings(X, "X_test")
    if X.shape != shape:
        raise InputError(f"X_test has shape {X.shape}; wanted that of X, {shape}")
    return X
