"""What several pictures take from X and a result: dense samples, the components to draw, names."""

from typing import Any

import numpy as np

from .._checks import InputError, check_choice
from .._fit import components as component_sizes
from ..data import check_same_table, frames
from . import _check_plot


def dense_samples(X: Any, rows: np.ndarray | None, shape: tuple[int, int], result: Any) -> np.ndarray:
    """The rows of X with those indices, or all, as a dense float64 array. Missing and masked entries are NaN.

    A data frame has the rows and columns of the X of the result.
    """
    X, names = frames.unwrap(X)
    check_same_table(names, getattr(result, "names", (None, None)))
    X = _check_plot.check_data(X, shape)
    X = X if rows is None else X[rows]
    X = np.ma.filled((X.toarray() if hasattr(X, "toarray") else X).astype(np.float64), np.nan)
    _check_plot.check_not_infinite(X)
    return X


def component_order(components: Any, W: np.ndarray | None, H: np.ndarray) -> np.ndarray:
    """The components to draw, in this order: those given; all for None; all, by decreasing share, for "share"."""
    if components is None:
        return np.arange(len(H))
    if not isinstance(components, str):
        return _check_plot.check_indices(components, "components", len(H))
    check_choice(components, "components", {"share": None})
    if W is None:
        raise InputError("components is 'share', but the shares are not known without W; wanted a Result as H")
    return by_share(W, H)


def by_share(W: np.ndarray, H: np.ndarray) -> np.ndarray:
    """All components, the one with the largest share of the model first."""
    return component_sizes.ranking(W, H.T, component_sizes.SIZES["share"])


def names_of(names: Any, result: Any, axis: int, count: int) -> list[str] | None:
    """The names of samples (axis 0) or features (axis 1): those given, else those of the result, else None."""
    if names is None:
        names = getattr(result, "names", (None, None))[axis]
    return _check_plot.check_labels(names, "names", count, ("sample", "feature")[axis])


def feature_names(names: Any, result: Any, count: int) -> list[str]:
    """The names of features, by default "feature 0" and so on."""
    return names_of(names, result, 1, count) or [f"feature {j}" for j in range(count)]
