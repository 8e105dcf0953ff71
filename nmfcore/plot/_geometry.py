"""Samples and the cone of the parts, where two or three features can be drawn."""

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _check_plot
from ._axes import axes, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
MANY = 5000  # points, from which on they are drawn as pixels also in a vector file


def geometry(X: Any, result: Any, *, features: Any = None, names: Any = None, ax: "Axes | None" = None) -> "Axes":
    """Samples as points, and what mixtures of the parts can reach: the cone of the rows of H.

    Two features: the plane, with a ray for each part. Three: what matters there is the direction, so each point is
    divided by its sum and drawn in the triangle x + y + z = 1 (a ternary plot, whose corners are pure features), where
    the cone is the convex hull of the parts. A sample outside of the cone is one that the model cannot reach. Samples
    that are 0 in the three features have no direction and are left out, as are those with missing entries (NaN).

    Parameters
    ----------
    X : array_like or sparse, shape (m, n)
    result : Result or pair (W, H)
    features : list of two or three int, optional
        Which ones to draw, of more; the model in them is the cone of the parts in them.
    names : sequence of n str, optional
        Of the features.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With the samples in `ax.lines[0]` and the parts in `ax.lines[1]`.

    Raises
    ------
    TypeError, ValueError
        Data and factors that do not fit, features that cannot be drawn.
    ImportError
        Without matplotlib.
    """
    W, H = _check_plot.model(result, predicts=True)
    n = H.shape[1]
    shown = _check_plot.plane(features, n)
    names = _check_plot.labels(names, "names", n, "feature") or [f"feature {j}" for j in range(n)]
    points = _check_plot.data(X, None, (len(W), n))[:, shown]
    ax = axes(ax)
    draw = _plane if len(shown) == 2 else _triangle
    draw(ax, points, H[:, shown].astype(np.float64), [names[j] for j in shown])
    ax.get_legend().legend_handles[0].set(markersize=5, alpha=1)
    return ax


def _samples(ax: "Axes", points: np.ndarray) -> None:
    """Points, small and pale where there are many."""
    many = len(points) > MANY
    look = {"markersize": 2, "alpha": 0.3, "rasterized": True} if many else {"markersize": 5, "alpha": 0.6}
    ax.plot(*points.T, ".", color="C0", markeredgewidth=0, label="samples", **look)


def _plane(ax: "Axes", points: np.ndarray, H: np.ndarray, names: list[str]) -> None:
    """Points in the plane, and the cone up to the edge of the box around them."""
    corner = 1.05 * np.nanmax(np.vstack([points, np.full(2, np.finfo(float).tiny)]), axis=0)
    H = H[H.any(axis=1)]
    with np.errstate(divide="ignore"):
        tips = H * (corner / H).min(axis=1, keepdims=True)
    _samples(ax, points)
    rays = np.stack([np.zeros_like(tips), tips, np.full_like(tips, np.nan)], axis=1).reshape(-1, 2)
    ax.plot(*rays.T, color="C1", label="parts")
    if len(tips):
        slope = np.arctan2(tips[:, 1] / corner[1], tips[:, 0] / corner[0])
        low, high = tips[slope.argmin()], tips[slope.argmax()]
        between = [corner] if slope.min() < np.pi / 4 < slope.max() else []
        ax.fill(*np.array([[0, 0], low, *between, high]).T, color="C1", alpha=0.15, linewidth=0, label="their cone")
    ax.set(xlim=(0, corner[0]), ylim=(0, corner[1]), xlabel=names[0], ylabel=names[1])
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_parse_math(False)
    legend_above(ax)


def _triangle(ax: "Axes", points: np.ndarray, H: np.ndarray, names: list[str]) -> None:
    """Directions in the triangle of shares, and the polygon of the parts."""
    points, H = (_shares(rows) @ CORNERS for rows in (points, H))
    _samples(ax, points)
    ax.plot(*H.T, "o", color="C1", markersize=6, label="parts", zorder=3)
    ax.fill(*_hull(H).T, facecolor="C1", alpha=0.15, linewidth=0)
    ax.fill(*_hull(H).T, fill=False, edgecolor="C1", linewidth=1.2, label="their mixtures")
    ax.fill(*CORNERS.T, fill=False, edgecolor="0.3", linewidth=0.8)
    for corner, name, place, dy in zip(CORNERS, names, ("top", "top", "bottom"), (-4, -4, 4), strict=True):
        ax.annotate(name, corner, (0, dy), textcoords="offset points", ha="center", va=place, parse_math=False)
    limits = {"xlim": (-0.05, 1.05), "ylim": (-0.1, 1.0)}  # with room for the names
    ax.set(xticks=[], yticks=[], aspect="equal", frame_on=False, **limits)
    legend_above(ax)


def _shares(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their sums; those without any are left out."""
    sums = rows.sum(axis=1, keepdims=True)
    kept = sums[:, 0] > 0
    return rows[kept] / sums[kept]


def _hull(points: np.ndarray) -> np.ndarray:
    """The corners of the convex hull, in order, also where the points lie on a line (Andrew 1979, monotone chain)."""
    points = np.unique(points, axis=0)
    chains = []
    for ordered in (points, points[::-1]):
        chain: list[np.ndarray] = []
        for point in ordered:
            while len(chain) > 1 and np.linalg.det([chain[-1] - chain[-2], point - chain[-2]]) <= 0:
                chain.pop()
            chain.append(point)
        chains += chain[:-1]
    return np.array(chains if chains else points).reshape(-1, 2)
