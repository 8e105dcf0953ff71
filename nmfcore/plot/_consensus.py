"""The consensus matrix of many fits as an ordered heat map."""

from typing import TYPE_CHECKING, Any

from .._checks import check_flag
from . import _check_plot
from ._axes import axes, label_ticks, room
from ._inputs import names_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RATIO = 0.85  # height over width of a square with a colour bar to its right


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
    """Draw how often two samples are in one cluster, over all fits of a rank. Where they agree, there are blocks.

    Samples are ordered by the tree of average linkage. Its cophenetic correlation is in the title (Brunet et al. 2004,
    see `Ensemble.consensus`).

    Parameters
    ----------
    ensemble : Ensemble
        The fits.
    k : int, optional
        The rank; it may be omitted if all fits have one rank.
    of : {"samples", "features"}
        What to cluster.
    at_most : int
        The largest number of samples (features) shown; of more, that many are chosen at random.
    random_state : int, Generator, RandomState or None
        The source of that draw.
    names : sequence of str, optional
        The names of all samples (features), by default those of the fits. They are drawn if there is room.
    cmap : str or Colormap
        The colour map.
    colorbar : bool
        Whether to draw a colour bar.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the ordered matrix in `ax.images[0]`.

    Raises
    ------
    InputTypeError, InputError
        If the ensemble has fewer than two fits of the rank, or an argument does not fit.
    ImportError
        If matplotlib is missing.
    """
    ensemble, colorbar = _check_plot.check_ensemble(ensemble), check_flag(colorbar, "colorbar")
    consensus = ensemble.consensus(k, of, at_most=at_most, random_state=random_state)
    best = ensemble.best(k)
    item, total = ("sample", len(best.W)) if of == "samples" else ("feature", best.H.shape[1])
    names = names_of(names, best, 0 if of == "samples" else 1, total)
    order = consensus.order
    ax = axes(ax, RATIO)
    image = ax.imshow(
        consensus.matrix[order][:, order], cmap, origin="upper", vmin=0, vmax=1, aspect="equal", interpolation="nearest"
    )
    if colorbar:
        ax.figure.colorbar(image, ax=ax, label="share of the fits with both in one cluster")
    shown = len(order)
    count = f"{total} {item}{'s' * (total != 1)}" if shown == total else f"{shown} of {total} {item}s"
    ax.set_title(f"k = {best.W.shape[1]}, cophenetic correlation {consensus.cophenetic:.4f}", size="medium")
    ax.set(xticks=[], yticks=[], ylabel=f"{count}, by average linkage")
    if names:
        label_ticks(ax.yaxis, [names[i] for i in consensus.indices[order]], room(ax)[1] / shown)
    return ax
