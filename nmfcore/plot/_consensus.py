"""The consensus matrix of many fits as an ordered heat map."""

from typing import TYPE_CHECKING, Any

from .._checks import check_flag
from . import _check_plot
from ._axes import axes, room, ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATIO = 0.85  # of a new figure, which a square with a colour bar beside it fills


def consensus(
    ensemble: Any,
    k: int | None = None,
    *,
    of: str = "samples",
    at_most: int = 1000,
    random_state: Any = 0,
    names: Any = None,
    cmap: Any = "viridis",
    colorbar: bool = True,
    ax: "Axes | None" = None,
) -> "Axes":
    """How often two samples are in one cluster, over all starts: blocks on the diagonal where the starts agree.

    Samples are ordered by the tree of average linkage, whose cophenetic correlation stands above (Brunet et al. 2004,
    see `Ensemble.consensus`).

    Parameters
    ----------
    ensemble : Ensemble
    k : int, optional
        The rank; it may be left out where there is one.
    of : {"samples", "features"}
    at_most : int
        Where there are more samples (features), that many are drawn.
    random_state : int, Generator, RandomState or None
        By which they are drawn.
    names : sequence of str, optional
        Of all samples (features), written where there is room; those that the fits know by default.
    cmap : str or Colormap
    colorbar : bool
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With the ordered matrix in `ax.images[0]`.

    Raises
    ------
    TypeError, ValueError
        No ensemble, or none with two fits of that rank; names or options that do not fit.
    ImportError
        Without matplotlib.
    """
    ensemble, colorbar = _check_plot.ensemble(ensemble), check_flag(colorbar, "colorbar")
    found = ensemble.consensus(k, of, at_most=at_most, random_state=random_state)
    best = ensemble.best(k)
    thing, total = ("sample", len(best.W)) if of == "samples" else ("feature", best.H.shape[1])
    names = _check_plot.names(names, best, 0 if of == "samples" else 1, total)
    order = found.order
    ax = axes(ax, RATIO)
    image = ax.imshow(
        found.matrix[order][:, order], cmap, origin="upper", vmin=0, vmax=1, aspect="equal", interpolation="nearest"
    )
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label="share of the fits with both in one cluster")
    shown = len(order)
    counted = f"{total} {thing}{'s' * (total != 1)}" if shown == total else f"{shown} of {total} {thing}s"
    ax.set_title(f"k = {best.W.shape[1]}, cophenetic correlation {found.cophenetic:.4f}", size="medium")
    ax.set(xticks=[], yticks=[], ylabel=f"{counted}, by average linkage")
    if names:
        ticks(ax.yaxis, [names[i] for i in found.indices[order]], room(ax)[1] / shown)
    return ax
