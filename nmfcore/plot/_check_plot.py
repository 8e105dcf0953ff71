"""Checks of the arguments of pictures. A check returns the value in the form that the picture uses."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .._archetypes import Archetypes
from .._checks import (
    InputError,
    InputTypeError,
    check_choice,
    check_count,
    check_dtype,
    check_factor,
    check_index_range,
    check_matrix,
)
from .._ensemble import Ensemble
from .._fit import History
from .._rank import RankChoice
from .._ratings import Completion

RESULT = "a Result or a pair (W, H)"


def check_axes(ax: Any) -> None:
    """Refuse a value that is neither None nor one Axes."""
    if ax is not None and not hasattr(ax, "get_xlim"):
        raise InputTypeError(f"ax is of type {type(ax).__name__}; wanted one matplotlib Axes, or None for a new figure")


def check_factors(result: Any, predicts: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """W and H of a result or a pair. predicts: whether W H must be the whole model, so that there are no biases."""
    if predicts and isinstance(result, Completion):
        raise InputTypeError(f"result is a Completion, whose biases are not in W and H; wanted {RESULT}")
    if not (_is_pair(result) or (hasattr(result, "W") and hasattr(result, "H"))):
        raise InputTypeError(f"result is of type {type(result).__name__}; wanted {RESULT}")
    W, H = result if _is_pair(result) else (result.W, result.H)
    W, H = _check_factor(W, "W"), _check_factor(H, "H")
    if W.shape[1] != len(H):
        raise InputError(f"W has shape {W.shape}, H {H.shape}; wanted as many columns of W as rows of H")
    return W, H


def check_parts(H: Any) -> tuple[np.ndarray | None, np.ndarray]:
    """W, or None if it is not known, and H, of a result, a pair, a fitted estimator or H itself."""
    if _is_pair(H) or (hasattr(H, "W") and hasattr(H, "H")):
        return check_factors(H)
    return None, _check_factor(getattr(H, "components_", H), "H")


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(np.ndim(factor) == 2 for factor in value)


def _check_factor(F: Any, name: str) -> np.ndarray:
    F = check_matrix(F, name)
    return check_factor(F, name, F.shape, F.dtype)


def check_image_shape(shape: Any, n: int, order: Any) -> tuple[int, int]:
    """Height and width of the image that a row of n entries holds, in C or Fortran order."""
    check_choice(order, "order", {"C": None, "F": None})
    wanted = f"wanted (height, width) with height * width = {n}, the entries of a row"
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise InputTypeError(f"shape is {shape!r}; {wanted}")
    height, width = (check_count(size, f"shape[{axis}]", 1) for axis, size in enumerate(shape))
    if height * width != n:
        raise InputError(f"shape is {(height, width)}; {wanted}")
    return height, width


def check_indices(value: Any, name: str, size: int) -> np.ndarray:
    """One index or several, from 0 to size - 1, as a vector that is not empty."""
    value = np.atleast_1d(np.asarray(value))
    if value.ndim != 1 or not len(value) or value.dtype.kind not in "iu":
        raise InputTypeError(f"{name} has dtype {value.dtype}, shape {value.shape}; wanted an index or a list of them")
    check_index_range(value, size, name)
    return value


def check_labels(value: Any, name: str, count: int, of: str) -> list[str] | None:
    """A text for each of `count` items, or None."""
    if value is None:
        return None
    if isinstance(value, str) or not hasattr(value, "__len__"):
        raise InputTypeError(f"{name} is of type {type(value).__name__}; wanted a list: {count}, one for each {of}")
    if len(value) != count:
        raise InputError(f"{name} has {len(value)} entries; wanted {count}, one for each {of}")
    return [str(entry) for entry in value]


def check_histories(results: Any) -> dict[str, History] | dict[int, History]:
    """The histories of one result, of a list or of a dict; only those of a dict have texts as keys."""
    if isinstance(results, Mapping):
        return _check_each_history({str(name): result for name, result in results.items()})
    return _check_each_history(dict(enumerate(results)) if isinstance(results, tuple | list) else {0: results})


def _check_each_history(results: dict[Any, Any]) -> dict[Any, History]:
    if not results:
        raise InputError("results is empty; wanted at least one Result")
    histories = {name: getattr(result, "history", result) for name, result in results.items()}
    for name, history in histories.items():
        if not isinstance(history, History):
            raise InputTypeError(
                f"results[{name!r}] is of type {type(history).__name__}; wanted a Result with a history"
            )
    return histories


def check_best(value: Any, lowest: float) -> float:
    """An objective that is not above the lowest one of the results."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputTypeError(
            f"best is {value!r} ({type(value).__name__}); wanted a number, or None for the lowest shown"
        )
    if not math.isfinite(value):
        raise InputError(f"best is {value}; wanted a finite number")
    if value > lowest:
        raise InputError(f"best is {value}, but the results reach {lowest}; wanted at most that")
    return float(value)


def check_data(X: Any, shape: tuple[int, int]) -> Any:
    """X of the given shape as CSR, as a masked array or as an array of real numbers."""
    X = X if hasattr(X, "tocsr") or isinstance(X, np.ma.MaskedArray) else np.asarray(X)
    if X.shape != shape:
        raise InputError(f"X has shape {X.shape}; wanted {shape}, that of W H")
    check_dtype(X.dtype, "X")
    return X.tocsr() if hasattr(X, "tocsr") else X


def check_not_infinite(X: np.ndarray) -> None:
    """Refuse infinite entries. NaN is a missing entry."""
    if np.isinf(X).any():
        raise InputError("X has infinite entries; wanted finite numbers, or NaN where one is missing")


def check_positions(x: Any, n: int) -> np.ndarray:
    """The positions of the n features on an axis; by default 0, 1, ..."""
    if x is None:
        return np.arange(n)
    x = np.asarray(x)
    if x.shape != (n,) or x.dtype.kind not in "iuf":
        raise InputError(f"x has dtype {x.dtype}, shape {x.shape}; wanted {n} numbers, one for each feature")
    return x


def check_two_or_three(features: Any, n: int) -> np.ndarray:
    """The two or three features of a picture of the geometry."""
    if features is None and n in (2, 3):
        return np.arange(n)
    wanted = f"wanted features, a list of two or three of the {n}"
    if features is None:
        raise InputError(f"X has {n} features, and two or three can be shown; {wanted}")
    features = check_indices(features, "features", n)
    if len(features) not in (2, 3) or len(set(features)) != len(features):
        raise InputError(f"features is {features.tolist()}; {wanted}")
    return features


def check_two(features: Any, n: int) -> np.ndarray:
    """The two features of a picture of archetypes."""
    features = np.arange(n) if features is None else check_indices(features, "features", n)
    if len(features) != 2 or features[0] == features[1]:
        raise InputError(f"features is {features.tolist()}; wanted a list of two of the {n}")
    return features


def check_archetypes(result: Any) -> Archetypes:
    """A result of `nmfcore.archetypes`."""
    if not isinstance(result, Archetypes):
        raise InputTypeError(f"result is of type {type(result).__name__}; wanted what nmfcore.archetypes returns")
    return result


def check_ensemble(value: Any) -> Ensemble:
    """An ensemble of fits."""
    if not isinstance(value, Ensemble):
        raise InputTypeError(f"ensemble is of type {type(value).__name__}; wanted an Ensemble")
    return value


def check_rank_choice(choice: Any) -> RankChoice:
    """A result of `nmfcore.select_rank`."""
    if not isinstance(choice, RankChoice):
        raise InputTypeError(f"choice is of type {type(choice).__name__}; wanted what nmfcore.select_rank returns")
    return choice
