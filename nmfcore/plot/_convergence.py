"""The course of fits."""

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
    """How far the objective is above the best one, on a logarithmic axis.

    The height is (objective - best) / |best|, or objective - best where best is 0. The lowest objective of all
    shown is 0 there and has no place on the axis: its line ends before it, and the last bit of it falls faster than
    it would against the true minimum.

    Parameters
    ----------
    results : Result, or a list or a dict of them
        Of one problem with one loss; anything with a `history`. The keys of a dict are the legend.
    against : {"seconds", "iterations"}
    best : float, optional
        The lowest objective of all shown by default; a known minimum, or 0 for the objective itself.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With a line for each result in `ax.lines`.

    Raises
    ------
    TypeError, ValueError
        Results without a history, a `best` above what was found.
    ImportError
        Without matplotlib.
    """
    histories = _check_plot.courses(results)
    against = check_choice(against, "against", {"seconds": "seconds", "iterations": "iterations"})
    lowest = min(float(history.objective.min()) for history in histories.values())
    best = lowest if best is None else _check_plot.best(best, lowest)
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
