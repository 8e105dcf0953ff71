"""Samples and the cone of the parts, in two or three features."""

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _check_plot
from ._axes import axes, legend_above
from ._inputs import dense_samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
MANY = 5000  # more points than this are drawn as pixels, in a vector file, too


def geometry(X: Any, result: Any, *, features: Any = None, names: Any = None, ax: "Axes | None" = None) -> "Axes":
    """Draw samples as points, and the cone of the rows of H: what mixtures of the parts can reach.

    Two features are drawn in the plane, with a ray for each part. Of three features only the direction matters. So
    each point is divided by its sum and drawn in the triangle x + y + z = 1 (a ternary plot, whose corners are pure
    features), and the cone becomes the convex hull of the parts. The model cannot reach a sample outside of the cone.
    Samples that are 0 in the three features have no direction and are left out. So are samples with missing entries.

    Parameters
    ----------
    X : array_like or sparse, shape (m, n)
        The samples that were fitted.
    result : Result or pair (W, H)
        The factors.
    features : list of two or three int, optional
        The features to draw; needed if n > 3. The cone is that of the parts in these features.
    names : sequence of n str, optional
        The names of the features.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the samples in `ax.lines[0]` and the parts in `ax.lines[1]`.

    Raises
    ------
    InputTypeError, InputError
        If X does not fit the factors, or the features cannot be drawn.
    ImportError
        If matplotlib is missing.
    """
    W, H = _check_plot.check_factors(result, predicts=True)
    n = H.shape[1]
    chosen = _check_plot.check_two_or_three(features, n)
    names = _check_plot.check_labels(names, "names", n, "feature") or [f"feature {j}" for j in range(n)]
    points = dense_samples(X, None, (len(W), n), result)[:, chosen]
    ax = axes(ax)
    draw = _draw_plane if len(chosen) == 2 else _draw_triangle
    draw(ax, points, H[:, chosen].astype(np.float64), [names[j] for j in chosen])
    legend_above(ax, opaque_samples=True)
    return ax


def draw_samples(ax: "Axes", points: np.ndarray) -> None:
    """Draw points; small and pale ones if there are many."""
    many = len(points) > MANY
    look: dict[str, Any] = (
        {"markersize": 2, "alpha": 0.3, "rasterized": True} if many else {"markersize": 5, "alpha": 0.6}
    )
    ax.plot(*points.T, ".", color="C0", markeredgewidth=0, label="samples", **look)


def finish_labels(ax: "Axes") -> None:
    """Draw the labels of both axes as they are: a $ in a name is no formula."""
    for axis in (ax.xaxis, ax.yaxis):
        axis.label.set_parse_math(False)


def _draw_plane(ax: "Axes", points: np.ndarray, H: np.ndarray, names: list[str]) -> None:
    """Draw points in the plane, and the cone up to the edge of the box around them."""
    corner = 1.05 * np.nanmax(np.vstack([points, np.full(2, np.finfo(float).tiny)]), axis=0)
    H = H[H.any(axis=1)]
    with np.errstate(divide="ignore"):
        tips = H * (corner / H).min(axis=1, keepdims=True)
    draw_samples(ax, points)
    rays = np.stack([np.zeros_like(tips), tips, np.full_like(tips, np.nan)], axis=1).reshape(-1, 2)
    ax.plot(*rays.T, color="C1", label="parts")
    if len(tips):
        slope = np.arctan2(tips[:, 1] / corner[1], tips[:, 0] / corner[0])
        low, high = tips[slope.argmin()], tips[slope.argmax()]
        between = [corner] if slope.min() < np.pi / 4 < slope.max() else []
        ax.fill(*np.array([[0, 0], low, *between, high]).T, color="C1", alpha=0.15, linewidth=0, label="their cone")
    ax.set(xlim=(0, corner[0]), ylim=(0, corner[1]), xlabel=names[0], ylabel=names[1])
    finish_labels(ax)


def _draw_triangle(ax: "Axes", points: np.ndarray, H: np.ndarray, names: list[str]) -> None:
    """Draw directions in the triangle of shares, and the polygon of the parts."""
    points, H = (_shares(rows) @ CORNERS for rows in (points, H))
    draw_samples(ax, points)
    ax.plot(*H.T, "o", color="C1", markersize=6, label="parts", zorder=3)
    polygon = hull(H)
    ax.fill(*polygon.T, facecolor="C1", alpha=0.15, linewidth=0)
    ax.fill(*polygon.T, fill=False, edgecolor="C1", linewidth=1.2, label="their mixtures")
    ax.fill(*CORNERS.T, fill=False, edgecolor="0.3", linewidth=0.8)
    for corner, name, place, dy in zip(CORNERS, names, ("top", "top", "bottom"), (-4, -4, 4), strict=True):
        ax.annotate(name, corner, (0, dy), textcoords="offset points", ha="center", va=place, parse_math=False)
    limits: dict[str, Any] = {"xlim": (-0.05, 1.05), "ylim": (-0.1, 1.0)}  # with room for the names
    ax.set(xticks=[], yticks=[], aspect="equal", frame_on=False, **limits)


def _shares(rows: np.ndarray) -> np.ndarray:
    """The rows divided by their sums. Rows without a positive sum are left out."""
    sums = rows.sum(axis=1, keepdims=True)
    kept = sums[:, 0] > 0
    return rows[kept] / sums[kept]


def hull(points: np.ndarray) -> np.ndarray:
    """The corners of the convex hull in order (Andrew 1979, monotone chain). The points may lie on a line."""
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
