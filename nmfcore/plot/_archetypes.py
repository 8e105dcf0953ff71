"""Samples, their archetypes and the hull of these, in two features."""

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _check_plot
from ._axes import axes, legend_above
from ._geometry import draw_samples, finish_labels, hull
from ._inputs import dense_samples, feature_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def archetypes(X: Any, result: Any, *, features: Any = None, names: Any = None, ax: "Axes | None" = None) -> "Axes":
    """Draw samples as points, archetypes as dots, and the convex hull of these: what their mixtures can reach.

    The model cannot reach a sample outside of the hull. If X has more than two features, the picture is a projection.
    Then an archetype can lie inside the hull of the others.

    Parameters
    ----------
    X : array_like or sparse, shape (m, n)
        The samples that were fitted.
    result : Archetypes
        The result of `nmfcore.archetypes`.
    features : list of two int, optional
        The features to draw; needed if n > 2.
    names : sequence of n str, optional
        The names of the features; by default those of the data frame that was fitted.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the samples in `ax.lines[0]` and the archetypes in `ax.lines[1]`.

    Raises
    ------
    InputTypeError, InputError
        If X does not fit the result, the result is of another kind, or the features cannot be drawn.
    ImportError
        If matplotlib is missing.
    """
    result = _check_plot.check_archetypes(result)
    Z = result.archetypes
    n = Z.shape[1]
    chosen = _check_plot.check_two(features, n)
    names = feature_names(names, result, n)
    points = dense_samples(X, None, (len(result.W), n), result)[:, chosen]
    ax, Z = axes(ax), Z[:, chosen].astype(np.float64)
    draw_samples(ax, points)
    ax.plot(*Z.T, "o", color="C1", markersize=6, label="archetypes", zorder=3)
    corners = hull(Z)
    ax.fill(*corners.T, facecolor="C1", alpha=0.15, linewidth=0)
    ax.fill(*corners.T, fill=False, edgecolor="C1", linewidth=1.2, label="their mixtures")
    ax.set(xlabel=names[chosen[0]], ylabel=names[chosen[1]])
    finish_labels(ax)
    legend_above(ax, opaque_samples=True)
    return ax
