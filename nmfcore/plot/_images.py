"""Parts and reconstructions as images."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_choice, check_count
from . import _check_plot
from ._axes import COLOURS, LINE, STYLES, Mosaic, axes, columns_for, font, legend_above, room

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KINDS = ("original", "model", "|difference|")


def parts(
    H: Any,
    shape: tuple[int, int] | None = None,
    *,
    components: Any = None,
    titles: Sequence[Any] | None = None,
    scale: str = "each",
    order: str = "C",
    columns: int | None = None,
    x: Any = None,
    cmap: Any = "gray_r",
    ax: "Axes | None" = None,
) -> "Axes":
    """The rows of H: as images side by side, or without a shape as lines, as for spectra.

    Parameters
    ----------
    H : array_like, shape (k, n), or Result, or a pair (W, H), or an estimator with `components_`
        Other rows serve as well: `parts(result.W.T, shape)` draws maps of how much of each part the pixels have.
    shape : (height, width), optional
        Of an image, with height * width = n.
    components : list of int or "share", optional
        Which ones to draw, in this order; "share" is all of them, the largest share of the model first (needs W).
    titles : sequence of k texts or numbers, optional
        Of all components, drawn or not.
    scale : {"each", "common"}
        The darkest colour (the top of the lines) is the largest entry of each part, or of all that are drawn. The
        lightest (the bottom) is 0.
    order : {"C", "F"}
        How a row of n pixels was made of an image, as in `numpy.reshape`; "F" where the data come from MATLAB or R.
    columns : int, optional
        Images in a row.
    x : array_like, shape (n,), optional
        Where the features are on the axis of the lines: wavelengths, times.
    cmap : str or Colormap
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With an image for each part in `ax.images`, or a line in `ax.lines`.

    Raises
    ------
    TypeError, ValueError
        Factors, shapes or options that do not fit.
    ImportError
        Without matplotlib.
    """
    W, H = _check_plot.rows(H)
    k, n = H.shape
    chosen = _check_plot.components(components, W, H)
    titles = _check_plot.labels(titles, "titles", k, "component")
    largest = H[chosen].max(axis=1)
    if check_choice(scale, "scale", {"each": False, "common": True}):
        largest[:] = largest.max()
    H, titles = H[chosen], [titles[t] for t in chosen] if titles else []
    if shape is None:
        return _part_lines(H, largest, titles or [f"component {t}" for t in chosen], _check_plot.positions(x, n), ax)
    height, width = _check_plot.image(shape, n, order)
    columns = columns_for(len(H), height, width) if columns is None else check_count(columns, "columns", 1)
    mosaic = Mosaic(len(H), height, width, min(columns, len(H)))
    ax = _titled(mosaic, titles, ax)
    for i, (part, top) in enumerate(zip(H, largest, strict=True)):
        mosaic.image(ax, i, part.reshape((height, width), order=order), cmap, top)
    mosaic.finish(ax)
    return ax


def _titled(mosaic: Mosaic, titles: list[str], ax: "Axes | None") -> "Axes":
    """The axes for a mosaic, with titles over its tiles and the room that they take where the axes stay as large."""
    _check_plot.axes(ax)
    if titles:
        space, head = room(ax), LINE * font([], math.inf, "small")
        unit = mosaic.unit(space, head)
        size = font(titles, (mosaic.width + mosaic.gap) * unit, "small")
        mosaic.head = LINE * size / unit - 0.5 * mosaic.gap
    ax = axes(ax, mosaic.extent[1] / mosaic.extent[0])
    for i, title in enumerate(titles):
        left, top = mosaic.corner(i)
        middle = left + mosaic.width / 2, top
        ax.annotate(title, middle, (0, 2), textcoords="offset points", size=size, ha="center", annotation_clip=False)
    return ax


def _part_lines(H: np.ndarray, largest: np.ndarray, titles: list[str], x: np.ndarray, ax: "Axes | None") -> "Axes":
    """Rows as lines, one over the other."""
    ax = axes(ax)
    for i, (part, top, title) in enumerate(zip(H, largest, titles, strict=True)):
        ax.plot(x, part / (top or 1), STYLES[i // COLOURS % len(STYLES)], label=title)
    ax.set(ylim=(0, None), ylabel="relative to the largest entry")
    ax.margins(x=0)
    legend_above(ax)
    return ax


def reconstruction(
    X: Any,
    result: Any,
    samples: Any = None,
    shape: tuple[int, int] | None = None,
    *,
    x: Any = None,
    order: str = "C",
    cmap: Any = "gray_r",
    ax: "Axes | None" = None,
) -> "Axes":
    """Samples beside what the model makes of them, and the absolute difference.

    With `shape` as images, a row for each sample, whose three images have one scale: a difference that can hardly be
    seen is small. Without it as lines above each other, as for spectra, each divided by the largest entry of its
    sample. What the labels call error is ||x - w H|| / ||x|| over the entries of x that are not missing (NaN).

    Parameters
    ----------
    X : array_like or sparse, shape (m, n)
    result : Result or pair (W, H)
    samples : int or list of int, optional
        The rows to draw; the first four by default.
    shape : (height, width), optional
        Of an image, with height * width = n.
    x : array_like, shape (n,), optional
        Where the features are on the axis of the lines: wavelengths, times.
    order : {"C", "F"}
        See `parts`.
    cmap : str or Colormap
    ax : matplotlib.axes.Axes, optional

    Returns
    -------
    matplotlib.axes.Axes
        With the images in `ax.images`, three a sample, or the lines in `ax.lines`, two a sample.

    Raises
    ------
    TypeError, ValueError
        Data, factors, shapes or indices that do not fit.
    ImportError
        Without matplotlib.
    """
    W, H = _check_plot.model(result, predicts=True)
    m, n = len(W), H.shape[1]
    chosen = _check_plot.indices(range(min(4, m)) if samples is None else samples, "samples", m)
    X = _check_plot.data(X, chosen, (m, n))
    model = W[chosen].astype(np.float64) @ H
    labels = [f"sample {i}\n{_error(*pair)}" for i, *pair in zip(chosen, X, model, strict=True)]
    if shape is None:
        return _lines(X, model, labels, _check_plot.positions(x, n), ax)
    height, width = _check_plot.image(shape, n, order)
    mosaic = Mosaic(3 * len(chosen), height, width, 3)
    ax = axes(ax, 0.9 * mosaic.extent[1] / mosaic.extent[0])  # the rest of the width is for labels
    for row, (sample, fit) in enumerate(zip(X, model, strict=True)):
        largest = np.nanmax(sample, initial=fit.max())
        for column, image in enumerate((sample, fit, np.abs(sample - fit))):
            mosaic.image(ax, 3 * row + column, image.reshape((height, width), order=order), cmap, largest)
    mosaic.finish(ax)
    corners = [mosaic.corner(i) for i in range(mosaic.count)]
    ax.set_xticks([left + width / 2 for left, _ in corners[:3]], KINDS)
    ax.set_yticks([top + height / 2 for _, top in corners[::3]], labels)
    ax.set_anchor("NW")  # labels stay in the margins that a layout leaves for them, wherever the aspect takes room away
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.tick_params(labelsize=font(KINDS, (width + mosaic.gap) * mosaic.unit(room(ax))))
    return ax


def _error(sample: np.ndarray, fit: np.ndarray) -> str:
    """How far a model is from its sample, in words."""
    norm = np.sqrt(np.nansum(sample**2))
    return f"error {np.sqrt(np.nansum((sample - fit) ** 2)) / norm:.2g}" if norm > 0 else "all zero"


def _lines(X: np.ndarray, model: np.ndarray, labels: list[str], x: np.ndarray, ax: "Axes | None") -> "Axes":
    """Samples and models as lines, one pair above the other, the difference as an area from the base of each."""
    ax = axes(ax)
    ink = ax.xaxis.label.get_color()  # what the style writes with
    bases = 1.25 * np.arange(len(X))[::-1]
    for i, (base, sample, fit) in enumerate(zip(bases, X, model, strict=True)):
        largest = np.nanmax(sample, initial=fit.max()) or 1.0
        names = [name if i == 0 else None for name in KINDS]
        ax.plot(x, base + sample / largest, color=ink, linewidth=2.5, alpha=0.4, label=names[0])
        ax.plot(x, base + fit / largest, color="C0", linewidth=1, label=names[1])
        apart = base + np.abs(sample - fit) / largest
        ax.fill_between(x, base, apart, color=ink, alpha=0.25, linewidth=0, label=names[2])
    ax.set_yticks(bases + 0.5, labels)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.05, bases[0] + 1.05)
    ax.margins(x=0)
    legend_above(ax)
    return ax
