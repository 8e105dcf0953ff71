"""Factors as ordered heat maps."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_choice, check_flag
from .._fit import components
from . import _check_plot
from ._axes import axes, room, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 1000  # of an image, that can be told apart


def share(result: Any) -> np.ndarray:
    """What share of the sum of the entries of W H each component is: what "share" orders by here, for titles.

    Parameters
    ----------
    result : Result or pair (W, H)

    Returns
    -------
    ndarray of float64, shape (k,)
        With the sum 1, or 0 everywhere where the model is 0.

    Raises
    ------
    TypeError, ValueError
        Factors that do not fit.
    """
    W, H = _check_plot.model(result)
    return components.shares(W, H.T)


def factors(
    result: Any,
    which: str = "W",
    *,
    shares: bool = True,
    names: Any = None,
    cmap: Any = "viridis",
    colorbar: bool = True,
    ax: "Axes | None" = None,
) -> "Axes":
    """A factor as a heat map, ordered: components by their share of the model, samples by their main component.

    Parameters
    ----------
    result : Result or pair (W, H)
    which : {"W", "H"}
        W, samples downwards and components across, or H, components downwards and features across.
    shares : bool
        Whether a sample (a feature) shows what share of its sum in the model each component is. Otherwise each
        component is divided by its largest entry.
    names : sequence of str, optional
        Of the samples (features), written where there is room; those that the result knows by default.
    cmap : str or Colormap
    colorbar : bool
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With the ordered factor in `ax.images[0]`, of more than 1000 samples (features) the means of neighbours in that
        order; those that the model leaves empty come last.

    Raises
    ------
    TypeError, ValueError
        Factors, names or options that do not fit.
    ImportError
        Without matplotlib.
    """
    W, H = _check_plot.model(result)
    of_W = check_choice(which, "which", {"W": True, "H": False})
    shares, colorbar = check_flag(shares, "shares"), check_flag(colorbar, "colorbar")
    thing = "sample" if of_W else "feature"
    names = _check_plot.names(names, result, 0 if of_W else 1, len(W) if of_W else H.shape[1])
    by_share = components.ranking(W, H.T, components.SIZES["share"])
    F = (W if of_W else H.T)[:, by_share].astype(np.float64)
    largest = F.max(axis=0)
    F /= np.where(largest > 0, largest, 1)
    sums = F.sum(axis=0)
    amounts = F * (components.shares(W, H.T)[by_share] / np.where(sums > 0, sums, 1))
    sums = amounts.sum(axis=1, keepdims=True)
    amounts /= np.where(sums > 0, sums, 1)
    main = np.where(sums[:, 0] > 0, amounts.argmax(axis=1), len(by_share))
    order = np.lexsort((-amounts.max(axis=1), main))
    shown = _thinned((amounts if shares else F)[order])
    ax = axes(ax)
    top = shown.max() or 1.0
    ends = (len(by_share) - 0.5, len(order) - 0.5) if of_W else (len(order) - 0.5, len(by_share) - 0.5)
    image = ax.imshow(
        shown if of_W else shown.T,
        cmap,
        extent=(-0.5, ends[0], ends[1], -0.5),
        origin="upper",
        vmin=0,
        vmax=top,
        aspect="auto",
        interpolation="nearest",
    )
    if colorbar:
        label = f"share of the {thing}" if shares else "relative to the largest of the component"
        ax.figure.colorbar(image, ax=ax, label=label)
    _names(ax, thing, [str(t) for t in by_share], [names[i] for i in order] if names else None, len(order))
    return ax


def _thinned(rows: np.ndarray) -> np.ndarray:
    """Means of neighbouring rows where there are more than can be seen, which smoothing the image would blur across."""
    starts = np.arange(0, len(rows), -(-len(rows) // ROWS))
    return np.add.reduceat(rows, starts) / np.diff(starts, append=len(rows))[:, None]


def _names(ax: "Axes", thing: str, components: list[str], names: list[str] | None, count: int) -> None:
    """Label the axes of a heat map, with names where they can be read."""
    of_components, of_things = (ax.xaxis, ax.yaxis) if thing == "sample" else (ax.yaxis, ax.xaxis)
    space = dict(zip("xy", room(ax), strict=True))
    ticks(of_components, components, space[of_components.axis_name] / len(components))
    of_components.set_label_text("component, by share")
    if names:
        ticks(of_things, names, space[of_things.axis_name] / count)
    else:
        of_things.set_ticks([])
    of_things.set_label_text(f"{count} {thing}{'s' * (count != 1)}, by main component")
