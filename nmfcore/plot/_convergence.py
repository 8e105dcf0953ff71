"""The objective of fits over time or iterations."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_choice
from . import _check_plot
from ._axes import STYLES, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def convergence(
    results: Any, against: str = "seconds", *, best: float | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw how far the objective is above the best one, on a logarithmic axis.

    The height is (objective - best) / |best|, or objective - best if best is 0. The lowest objective of all has the
    height 0, which a logarithmic axis cannot show. So its line ends before it, and falls faster near its end than it
    would fall towards the true minimum.

    Parameters
    ----------
    results : Result, or a list or a dict of them
        Results of one problem with one loss; any objects with a `history`. The keys of a dict are the legend.
    against : {"seconds", "iterations"}
        The horizontal axis.
    best : float, optional
        By default the lowest objective shown. Pass a known minimum, or 0 to draw the objective itself.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With a line for each result in `ax.lines`.

    Raises
    ------
    InputTypeError, InputError
        If a result has no history, or `best` is above the lowest objective.
    ImportError
        If matplotlib is missing.
    """
    histories = _check_plot.check_histories(results)
    against = check_choice(against, "against", {"seconds": "seconds", "iterations": "iterations"})
    lowest = min(float(history.objective.min()) for history in histories.values())
    best = lowest if best is None else _check_plot.check_best(best, lowest)
    ax = axes(ax)
    for i, (name, history) in enumerate(histories.items()):
        x = history.seconds if against == "seconds" else np.arange(len(history.objective))
        above = (history.objective - best) / (abs(best) or 1.0)
        shown = np.where(above > 0, above, np.nan)
        label = name if isinstance(name, str) else None
        ax.plot(x, shown, STYLES[i % len(STYLES)] if label else "-", label=label)
    ax.set(yscale="log", xlabel=against, ylabel="(objective - best) / |best|" if best else "objective")
    if any(isinstance(name, str) for name in histories):
        ax.legend()
    return ax
