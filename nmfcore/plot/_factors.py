"""Factors as ordered heat maps.

A heat map shows shares of a sample: W_it sum(H_t) over its sum over t. No scaling of the factors changes them.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_choice, check_flag
from .._fit import components
from . import _check_plot
from ._axes import axes, label_ticks, room
from ._inputs import by_share, names_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROWS = 1000  # largest number of rows of an image that can be told apart


def share(result: Any) -> np.ndarray:
    """The share of each component in the sum of the entries of W H. The pictures order components by it.

    Parameters
    ----------
    result : Result or pair (W, H)
        The factors.

    Returns
    -------
    ndarray of float64, shape (k,)
        Shares with the sum 1; all 0 if the model is 0.

    Raises
    ------
    InputTypeError, InputError
        If the factors do not fit each other.
    """
    W, H = _check_plot.check_factors(result)
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
    """Draw a factor as a heat map, with components ordered by share of the model and samples by main component.

    Parameters
    ----------
    result : Result or pair (W, H)
        The factors.
    which : {"W", "H"}
        W has samples downwards and components across; H has components downwards and features across.
    shares : bool
        True: a sample (a feature) shows the share of each component in its sum over the model. False: each component
        is divided by its largest entry.
    names : sequence of str, optional
        The names of the samples (features), by default those of the result. They are drawn if there is room.
    cmap : str or Colormap
        The colour map.
    colorbar : bool
        Whether to draw a colour bar.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the ordered factor in `ax.images[0]`. Samples (features) that are 0 in the model come last. Of more than
        1000 samples (features) the image shows means of neighbours in that order.

    Raises
    ------
    InputTypeError, InputError
        If factors, names or options do not fit.
    ImportError
        If matplotlib is missing.
    """
    W, H = _check_plot.check_factors(result)
    of_W = check_choice(which, "which", {"W": True, "H": False})
    shares, colorbar = check_flag(shares, "shares"), check_flag(colorbar, "colorbar")
    item = "sample" if of_W else "feature"
    names = names_of(names, result, 0 if of_W else 1, len(W) if of_W else H.shape[1])
    ranking = by_share(W, H)
    F, amounts = _scaled(W if of_W else H.T, ranking, components.shares(W, H.T))
    order = _by_main_component(amounts)
    shown = _average_neighbours((amounts if shares else F)[order])
    ax = axes(ax)
    top = shown.max() or 1.0
    ends = (len(ranking) - 0.5, len(order) - 0.5) if of_W else (len(order) - 0.5, len(ranking) - 0.5)
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
        label = f"share of the {item}" if shares else "relative to the largest of the component"
        ax.figure.colorbar(image, ax=ax, label=label)
    _label_axes(ax, item, [str(t) for t in ranking], [names[i] for i in order] if names else None, len(order))
    return ax


def _scaled(factor: np.ndarray, ranking: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The factor with its components in that order: each over its largest entry, and each row as shares of its sum."""
    F = factor[:, ranking].astype(np.float64)
    largest = F.max(axis=0)
    F /= np.where(largest > 0, largest, 1)
    sums = F.sum(axis=0)
    amounts = F * (shares[ranking] / np.where(sums > 0, sums, 1))
    sums = amounts.sum(axis=1, keepdims=True)
    amounts /= np.where(sums > 0, sums, 1)
    return F, amounts


def _by_main_component(amounts: np.ndarray) -> np.ndarray:
    """The order of rows by their largest share: by its component, then by its size; empty rows last."""
    main = np.where(amounts.any(axis=1), amounts.argmax(axis=1), amounts.shape[1])
    return np.lexsort((-amounts.max(axis=1), main))


def _average_neighbours(rows: np.ndarray) -> np.ndarray:
    """Means of neighbouring rows if there are more than can be told apart.

    The smoothing of matplotlib would blur the few columns, too.
    """
    starts = np.arange(0, len(rows), -(-len(rows) // ROWS))
    return np.add.reduceat(rows, starts) / np.diff(starts, append=len(rows))[:, None]


def _label_axes(ax: "Axes", item: str, components: list[str], names: list[str] | None, count: int) -> None:
    """Label the axes of a heat map, with names if they can be read."""
    of_components, of_items = (ax.xaxis, ax.yaxis) if item == "sample" else (ax.yaxis, ax.xaxis)
    space = dict(zip("xy", room(ax), strict=True))
    label_ticks(of_components, components, space[of_components.axis_name] / len(components))
    of_components.set_label_text("component, by share")
    if names:
        label_ticks(of_items, names, space[of_items.axis_name] / count)
    else:
        of_items.set_ticks([])
    of_items.set_label_text(f"{count} {item}{'s' * (count != 1)}, by main component")
