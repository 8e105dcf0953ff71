"""The largest entries of components, as bars with names."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_count
from . import _check_plot
from ._axes import LETTER, LINE, SMALLEST, axes, columns_for, font, room
from ._inputs import component_order, feature_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEP = 1.1  # distance of neighbouring groups of bars, in units of the longest bar
WORD: dict[str, Any] = {"textcoords": "offset points", "va": "center_baseline", "parse_math": False}  # may have a $
HEAD = 1.8  # height of a title and the gap above it, in units of a bar


def top_words(
    H: Any,
    names: Any = None,
    components: Any = None,
    n: int = 10,
    *,
    titles: Any = None,
    columns: int | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the features with the largest entries in each component, as bars with names: words, genes, bands.

    Parameters
    ----------
    H : array_like, shape (k, n_features), or Result, or a pair (W, H), or an estimator with `components_`
        The components.
    names : sequence of str, optional
        The names of the features; by default those of the result, or their indices.
    components : int, list of int or "share", optional
        The components to draw, in this order, each a group of bars; by default all. "share" draws all, the largest
        share of the model first (needs W).
    n : int
        The number of bars of a component; fewer if fewer entries are above 0.
    titles : sequence of k texts or numbers, optional
        The titles of all components, including those that are not drawn; by default "component t".
    columns : int, optional
        The number of groups side by side.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With a container of bars for each component in `ax.containers`. The width of a bar is its entry over the largest
        entry of the component.

    Raises
    ------
    InputTypeError, InputError
        If factors, names or options do not fit.
    ImportError
        If matplotlib is missing.
    """
    _check_plot.check_axes(ax)
    W, rows = _check_plot.check_parts(H)
    k, count = rows.shape
    names = feature_names(names, H, count)
    titles = _check_plot.check_labels(titles, "titles", k, "component") or [f"component {t}" for t in range(k)]
    chosen = component_order(components, W, rows)
    n = min(check_count(n, "n", 1), count)
    best = [_largest(rows[t], n) for t in chosen]
    titles, words = [titles[t] for t in chosen], [[names[j] for j in group] for group in best]
    if columns is not None:
        columns = check_count(columns, "columns", 1)
    columns, size, ratio = _layout(titles, words, n, columns, room(ax))
    ax = axes(ax, ratio)
    for i, (t, group) in enumerate(zip(chosen, best, strict=True)):
        left, y = STEP * (i % columns), (n + HEAD) * (i // columns) + np.arange(len(group))
        ax.barh(y, rows[t, group] / (rows[t].max() or 1), 0.86, left, color="C0", alpha=0.35, linewidth=0)
        ax.text(left, (n + HEAD) * (i // columns) - 0.7, titles[i], size=size, weight="bold", va="bottom")
        for place, word in zip(y, words[i], strict=True):
            ax.annotate(word, (left, place), (3, 0), size=size, **WORD)
    bottom = (n + HEAD) * -(-len(chosen) // columns) - HEAD
    ax.set(xlim=(0, STEP * columns - STEP + 1), ylim=(bottom, -HEAD), xticks=[], yticks=[], frame_on=False)
    ax.set_xlabel("relative weight")
    return ax


def _layout(
    titles: list[str], words: list[list[str]], n: int, columns: int | None, space: tuple[float, float]
) -> tuple[int, float, float]:
    """The number of groups side by side, the font size, and height over width of the picture."""
    texts = [word for group in words for word in group] + [f"{title} " for title in titles]  # bold is wider
    size = font([], math.inf)
    width, height = LETTER * size * max(map(len, texts)), 1.5 * size * (n + HEAD)
    if columns is None:
        columns = min(columns_for(len(titles), height, width), max(1, int(space[0] / width)))
        columns = -(-len(titles) // -(-len(titles) // columns))  # as few as that number of rows needs
    columns = min(columns, len(titles))
    lines = (n + HEAD) * -(-len(titles) // columns)
    size = max(SMALLEST, min(font(texts, space[0] / columns), space[1] / lines / LINE))
    return columns, size, 1.5 * size * lines / space[0]


def _largest(row: np.ndarray, n: int) -> np.ndarray:
    """The indices of the n largest entries that are above 0, the largest first."""
    best = np.argsort(-row, kind="stable")[:n]
    return best[row[best] > 0]
