"""Every check of what a picture is asked to show."""

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
from .._fit import components as component_sizes
from .._rank import RankChoice
from .._ratings import Completion

RESULT = "a Result or a pair (W, H)"


def axes(ax: Any) -> None:
    """Refuse what is neither None nor one Axes."""
    if ax is not None and not hasattr(ax, "get_xlim"):
        raise InputTypeError(f"ax is of type {type(ax).__name__}; wanted one matplotlib Axes, or None for a new figure")


def model(result: Any, predicts: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """W and H of a result or a pair; predicts: whether their product must be the whole model."""
    if predicts and isinstance(result, Completion):
        raise InputTypeError(f"result is a Completion, whose biases are not in W and H; wanted {RESULT}")
    if not (_is_pair(result) or (hasattr(result, "W") and hasattr(result, "H"))):
        raise InputTypeError(f"result is of type {type(result).__name__}; wanted {RESULT}")
    W, H = result if _is_pair(result) else (result.W, result.H)
    W, H = _factor(W, "W"), _factor(H, "H")
    if W.shape[1] != len(H):
        raise InputError(f"W has shape {W.shape}, H {H.shape}; wanted as many columns of W as rows of H")
    return W, H


def rows(H: Any) -> tuple[np.ndarray | None, np.ndarray]:
    """W, if it is known, and H, of a result, a pair, a fitted estimator or H itself."""
    if _is_pair(H) or (hasattr(H, "W") and hasattr(H, "H")):
        return model(H)
    return None, _factor(getattr(H, "components_", H), "H")


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(np.ndim(factor) == 2 for factor in value)


def _factor(F: Any, name: str) -> np.ndarray:
    F = check_matrix(F, name)
    return check_factor(F, name, F.shape, F.dtype)


def image(shape: Any, n: int, order: Any) -> tuple[int, int]:
    """Height and width of the image that a row of n entries is."""
    check_choice(order, "order", {"C": None, "F": None})
    wanted = f"wanted (height, width) with height * width = {n}, the entries of a row"
    if not isinstance(shape, tuple | list) or len(shape) != 2:
        raise InputTypeError(f"shape is {shape!r}; {wanted}")
    shape = tuple(check_count(size, f"shape[{axis}]", 1) for axis, size in enumerate(shape))
    if math.prod(shape) != n:
        raise InputError(f"shape is {shape}; {wanted}")
    return shape


def indices(value: Any, name: str, size: int) -> np.ndarray:
    """One index or several, from 0 to size - 1, as a vector that is not empty."""
    value = np.atleast_1d(np.asarray(value))
    if value.ndim != 1 or not len(value) or value.dtype.kind not in "iu":
        raise InputTypeError(f"{name} has dtype {value.dtype}, shape {value.shape}; wanted an index or a list of them")
    check_index_range(value, size, name)
    return value


def components(value: Any, W: np.ndarray | None, H: np.ndarray) -> np.ndarray:
    """The components to show, in that order; all of them for None, the largest first for "share"."""
    if value is None:
        return np.arange(len(H))
    if not isinstance(value, str):
        return indices(value, "components", len(H))
    check_choice(value, "components", {"share": None})
    if W is None:
        raise InputError("components is 'share', but the shares are not known without W; wanted a Result as H")
    return component_sizes.ranking(W, H.T, component_sizes.SIZES["share"])


def labels(value: Any, name: str, count: int, of: str) -> list[str] | None:
    """A text for each of `count` things."""
    if value is None:
        return None
    wanted = f"wanted {count}, one for each {of}"
    if isinstance(value, str) or not hasattr(value, "__len__"):
        raise InputTypeError(
            f"{name} is of type {type(value).__name__}; wanted a list: {wanted.removeprefix('wanted ')}"
        )
    if len(value) != count:
        raise InputError(f"{name} has {len(value)} entries; {wanted}")
    return [str(entry) for entry in value]


def names(value: Any, result: Any, axis: int, count: int) -> list[str] | None:
    """The names of samples (axis 0) or features (1): those given, or else those that the result knows."""
    if value is None:
        value = getattr(result, "names", (None, None))[axis]
    return labels(value, "names", count, ("sample", "feature")[axis])


def courses(results: Any) -> dict[str, History]:
    """The histories of one result, of a list or of a dict of them; those of a dict have names."""
    if isinstance(results, Mapping):
        found = {str(name): result for name, result in results.items()}
    else:
        found = dict(enumerate(results)) if isinstance(results, tuple | list) else {0: results}
    if not found:
        raise InputError("results is empty; wanted at least one Result")
    found = {name: getattr(result, "history", result) for name, result in found.items()}
    for name, history in found.items():
        if not isinstance(history, History):
            raise InputTypeError(
                f"results[{name!r}] is of type {type(history).__name__}; wanted a Result with a history"
            )
    return found


def best(value: Any, lowest: float) -> float:
    """An objective that is not above the lowest found."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InputTypeError(
            f"best is {value!r} ({type(value).__name__}); wanted a number, or None for the lowest shown"
        )
    if not math.isfinite(value):
        raise InputError(f"best is {value}; wanted a finite number")
    if value > lowest:
        raise InputError(f"best is {value}, but the results reach {lowest}; wanted at most that")
    return float(value)


def data(X: Any, chosen: np.ndarray | None, shape: tuple[int, int]) -> np.ndarray:
    """The chosen rows of X, or all, of the given shape, dense; NaN is what is missing or masked."""
    X = X if hasattr(X, "tocsr") or isinstance(X, np.ma.MaskedArray) else np.asarray(X)
    if X.shape != shape:
        raise InputError(f"X has shape {X.shape}; wanted {shape}, that of W H")
    check_dtype(X.dtype, "X")
    X = X.tocsr() if hasattr(X, "tocsr") else X
    X = X if chosen is None else X[chosen]
    X = np.ma.filled((X.toarray() if hasattr(X, "toarray") else X).astype(np.float64), np.nan)
    if np.isinf(X).any():
        raise InputError("X has infinite entries; wanted finite numbers, or NaN where one is missing")
    return X


def positions(x: Any, n: int) -> np.ndarray:
    """Where the n features are on an axis."""
    if x is None:
        return np.arange(n)
    x = np.asarray(x)
    if x.shape != (n,) or x.dtype.kind not in "iuf":
        raise InputError(f"x has dtype {x.dtype}, shape {x.shape}; wanted {n} numbers, one for each feature")
    return x


def plane(features: Any, n: int) -> np.ndarray:
    """The two or three features that a picture of the geometry shows."""
    if features is None and n in (2, 3):
        return np.arange(n)
    wanted = f"wanted features, a list of two or three of the {n}"
    if features is None:
        raise InputError(f"X has {n} features, and two or three can be shown; {wanted}")
    features = indices(features, "features", n)
    if len(features) not in (2, 3) or len(set(features)) != len(features):
        raise InputError(f"features is {features.tolist()}; {wanted}")
    return features


def pair(features: Any, n: int) -> np.ndarray:
    """The two features that a picture of archetypes shows."""
    features = np.arange(n) if features is None else indices(features, "features", n)
    if len(features) != 2 or features[0] == features[1]:
        raise InputError(f"features is {features.tolist()}; wanted a list of two of the {n}")
    return features


def archetypes(result: Any) -> np.ndarray:
    """The archetypes of such a result."""
    if not isinstance(result, Archetypes):
        raise InputTypeError(f"result is of type {type(result).__name__}; wanted what nmfcore.archetypes gives back")
    return result.archetypes


def ensemble(value: Any) -> Ensemble:
    """An ensemble, of which a picture of its consensus can be made."""
    if not isinstance(value, Ensemble):
        raise InputTypeError(f"ensemble is of type {type(value).__name__}; wanted an Ensemble")
    return value


def rank_choice(choice: Any) -> RankChoice:
    """The choice of a rank."""
    if not isinstance(choice, RankChoice):
        raise InputTypeError(f"choice is of type {type(choice).__name__}; wanted what nmfcore.select_rank gives back")
    return choice
