"""Samples, their archetypes, and the hull of these, in two features."""

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _check_plot
from ._axes import axes, legend_above
from ._geometry import _hull, _samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def archetypes(X: Any, result: Any, *, features: Any = None, names: Any = None, ax: "Axes | None" = None) -> "Axes":
    """Samples as points, archetypes as dots, and what mixtures of these can reach: their convex hull.

    A sample outside of the hull is one that the model cannot reach. Of more than two features it is a projection, in
    which an archetype can lie inside the hull of the others.

    Parameters
    ----------
    X : array_like or sparse, shape (m, n)
    result : Archetypes
    features : list of two int, optional
        Which ones to draw, of more.
    names : sequence of n str, optional
        Of the features; by default those of the data frame that was fitted.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With the samples in `ax.lines[0]` and the archetypes in `ax.lines[1]`.

    Raises
    ------
    TypeError, ValueError
        Data that do not fit, a result of another kind, features that cannot be drawn.
    ImportError
        Without matplotlib.
    """
    Z = _check_plot.archetypes(result)
    n = Z.shape[1]
    shown = _check_plot.pair(features, n)
    names = _check_plot.names(names, result, 1, n) or [f"feature {j}" for j in range(n)]
    points = _check_plot.data(X, None, (len(result.W), n))[:, shown]
    ax, Z = axes(ax), Z[:, shown].astype(np.float64)
    _samples(ax, points)
    ax.plot(*Z.T, "o", color="C1", markersize=6, label="archetypes", zorder=3)
    hull = _hull(Z)
    ax.fill(*hull.T, facecolor="C1", alpha=0.15, linewidth=0)
    ax.fill(*hull.T, fill=False, edgecolor="C1", linewidth=1.2, label="their mixtures")
    ax.set(xlabel=names[shown[0]], ylabel=names[shown[1]])
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_parse_math(False)
    legend_above(ax)
    ax.get_legend().legend_handles[0].set(markersize=5, alpha=1)
    return ax
