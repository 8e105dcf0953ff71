"""The largest entries of components as bars with names."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_count
from . import _check_plot
from ._axes import LETTER, LINE, SMALLEST, axes, columns_for, font, room

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STEP = 1.1  # from a group of bars to the one beside it, in units of the longest bar
WORD = {"textcoords": "offset points", "va": "center_baseline", "parse_math": False}  # a word may have a $
HEAD = 1.8  # what a title and the gap above it take, in units of a bar


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
    """The features with the largest entries in a component, as bars with their names: words of topics, genes, bands.

    Parameters
    ----------
    H : array_like, shape (k, n_features), or Result, or a pair (W, H), or an estimator with `components_`
    names : sequence of str, optional
        Of the features; those that the result knows by default, or their indices.
    components : int, list of int or "share", optional
        Which ones, in this order, each a group of bars; all by default, and "share" is all of them, the largest
        share of the model first (needs W).
    n : int
        Bars for a component; fewer where fewer entries are above 0.
    titles : sequence of k texts or numbers, optional
        Of all components; "component t" by default.
    columns : int, optional
        Groups side by side.
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With a container of bars for each component in `ax.containers`. A bar's width is the entry over the largest
        of its component.

    Raises
    ------
    TypeError, ValueError
        Factors, names or options that do not fit.
    ImportError
        Without matplotlib.
    """
    _check_plot.axes(ax)
    W, rows = _check_plot.rows(H)
    k, count = rows.shape
    names = _check_plot.names(names, H, 1, count) or [f"feature {j}" for j in range(count)]
    titles = _check_plot.labels(titles, "titles", k, "component") or [f"component {t}" for t in range(k)]
    chosen = _check_plot.components(components, W, rows)
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
    """Groups side by side, the size of the font, and height over width of it all."""
    texts = [word for group in words for word in group] + [f"{title} " for title in titles]  # bold is wider
    size = font([], math.inf)
    width, height = LETTER * size * max(map(len, texts)), 1.5 * size * (n + HEAD)
    if columns is None:
        columns = min(columns_for(len(titles), height, width), max(1, int(space[0] / width)))
        columns = -(-len(titles) // -(-len(titles) // columns))  # as few as those rows need
    columns = min(columns, len(titles))
    lines = (n + HEAD) * -(-len(titles) // columns)
    size = max(SMALLEST, min(font(texts, space[0] / columns), space[1] / lines / LINE))
    return columns, size, 1.5 * size * lines / space[0]


def _largest(row: np.ndarray, n: int) -> np.ndarray:
    """The indices of the n largest entries that are above 0, the largest first."""
    best = np.argsort(-row, kind="stable")[:n]
    return best[row[best] > 0]
