"""The scores of ranks."""

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _check_plot
from ._axes import axes, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = {  # the label of the vertical axis for each method
    "speckled": "error of hidden entries / that of a constant",
    "bi-cross-validation": "error of hidden blocks / that of a constant",
    "mdl": "bits an entry",
    "ard": "excess of the k-th scale",
    "stability": "instability",
    "cophenetic": "cophenetic correlation",
    "elbow": "relative error",
}


def rank_scores(choice: Any, ax: "Axes | None" = None) -> "Axes":
    """Draw the score of each rank with its spread, and the chosen rank.

    Parameters
    ----------
    choice : RankChoice
        The result of `nmfcore.select_rank`. Bars are one standard deviation to either side. For "elbow" a dashed line
        shows the least error of any matrix of that rank.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With the scores in `ax.lines[0]` and the choice in the last line.

    Raises
    ------
    InputTypeError
        If `choice` is not a RankChoice.
    ImportError
        If matplotlib is missing.
    """
    choice = _check_plot.check_rank_choice(choice)
    ax = axes(ax)
    ranks = np.array(choice.ranks)
    ax.plot(ranks, choice.score, "o-", color="C0", markersize=4, label="score")
    if np.isfinite(choice.spread).any():
        ax.errorbar(ranks, choice.score, choice.spread, fmt="none", ecolor="C0", alpha=0.6, capsize=2)
    for name, column in choice.more.items():
        ax.plot(ranks, column, "--", color="0.5", label="singular value decomposition" if name == "floor" else name)
    best = choice.score[choice.ranks.index(choice.k)]
    ax.plot(choice.k, best, "o", color="C1", markersize=9, label=f"k = {choice.k}, by {choice.method}")
    ax.locator_params(axis="x", integer=True)
    ax.set(xlabel="rank k", ylabel=SCORES.get(choice.method, "score"))
    legend_above(ax)
    return ax
