"""Parts and reconstructions, as images or as lines."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import check_choice, check_count
from . import _check_plot
from ._axes import COLOURS, LINE, STYLES, Mosaic, axes, columns_for, font, legend_above, room
from ._inputs import component_order, dense_samples

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
    """Draw the rows of H: with `shape` as images side by side, without it as lines, for spectra.

    Parameters
    ----------
    H : array_like, shape (k, n), or Result, or a pair (W, H), or an estimator with `components_`
        The rows to draw. If the pixels are samples, `parts(result.W.T, shape)` draws how much of each part they have.
    shape : (height, width), optional
        The shape of an image, with height * width = n.
    components : list of int or "share", optional
        The components to draw, in this order. "share" draws all, the largest share of the model first (needs W).
    titles : sequence of k texts or numbers, optional
        The titles of all components, including those that are not drawn.
    scale : {"each", "common"}
        The darkest colour (the top of the lines) is the largest entry of each part, or of all parts drawn. The
        lightest colour (the bottom) is 0.
    order : {"C", "F"}
        The order of the pixels in a row, as in `numpy.reshape`; "F" for data from MATLAB or R.
    columns : int, optional
        The number of images in a row.
    x : array_like, shape (n,), optional
        The positions of the features on the axis of the lines, such as wavelengths or times.
    cmap : str or Colormap
        The colour map of the images.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With an image for each part in `ax.images`, or a line in `ax.lines`.

    Raises
    ------
    InputTypeError, InputError
        If factors, shapes or options do not fit.
    ImportError
        If matplotlib is missing.
    """
    W, H = _check_plot.check_parts(H)
    k, n = H.shape
    chosen = component_order(components, W, H)
    labels = _check_plot.check_labels(titles, "titles", k, "component")
    largest = H[chosen].max(axis=1)
    if check_choice(scale, "scale", {"each": False, "common": True}):
        largest[:] = largest.max()
    H, labels = H[chosen], [labels[t] for t in chosen] if labels else []
    if shape is None:
        labels = labels or [f"component {t}" for t in chosen]
        return _draw_part_lines(H, largest, labels, _check_plot.check_positions(x, n), ax)
    height, width = _check_plot.check_image_shape(shape, n, order)
    columns = columns_for(len(H), height, width) if columns is None else check_count(columns, "columns", 1)
    mosaic = Mosaic(len(H), height, width, min(columns, len(H)))
    ax = _axes_with_titles(mosaic, labels, ax)
    for i, (part, top) in enumerate(zip(H, largest, strict=True)):
        mosaic.image(ax, i, part.reshape((height, width), order=order), cmap, top)
    mosaic.finish(ax)
    return ax


def _axes_with_titles(mosaic: Mosaic, titles: list[str], ax: "Axes | None") -> "Axes":
    """The Axes for a mosaic, with titles above its tiles. The tiles leave room for the titles."""
    _check_plot.check_axes(ax)
    if not titles:
        return axes(ax, mosaic.extent[1] / mosaic.extent[0])
    unit = mosaic.unit(room(ax), LINE * font([], math.inf, "small"))
    size = font(titles, (mosaic.width + mosaic.gap) * unit, "small")
    mosaic.head = LINE * size / unit - 0.5 * mosaic.gap
    ax = axes(ax, mosaic.extent[1] / mosaic.extent[0])
    for i, title in enumerate(titles):
        left, top = mosaic.corner(i)
        middle = left + mosaic.width / 2, top
        ax.annotate(title, middle, (0, 2), textcoords="offset points", size=size, ha="center", annotation_clip=False)
    return ax


def _draw_part_lines(H: np.ndarray, largest: np.ndarray, titles: list[str], x: np.ndarray, ax: "Axes | None") -> "Axes":
    """Draw rows as lines in one coordinate system."""
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
    """Draw samples, their model and the absolute difference.

    With `shape` they are images, in a row for each sample. The three images of a row have one scale, so a difference
    that can hardly be seen is small. Without `shape` they are lines above each other, for spectra, each divided by the
    largest entry of its sample. The error in the labels is ||x - w H|| / ||x|| over the entries of x that are not
    missing (NaN).

    Parameters
    ----------
    X : array_like or sparse, shape (m, n)
        The samples that were fitted.
    result : Result or pair (W, H)
        The factors.
    samples : int or list of int, optional
        The rows of X to draw; by default the first four.
    shape : (height, width), optional
        The shape of an image, with height * width = n.
    x : array_like, shape (n,), optional
        The positions of the features on the axis of the lines, such as wavelengths or times.
    order : {"C", "F"}
        See `parts`.
    cmap : str or Colormap
        The colour map of the images.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        With three images per sample in `ax.images`, or two lines per sample in `ax.lines`.

    Raises
    ------
    InputTypeError, InputError
        If X, factors, shapes or indices do not fit.
    ImportError
        If matplotlib is missing.
    """
    W, H = _check_plot.check_factors(result, predicts=True)
    m, n = len(W), H.shape[1]
    chosen = _check_plot.check_indices(range(min(4, m)) if samples is None else samples, "samples", m)
    X = dense_samples(X, chosen, (m, n), result)
    model = W[chosen].astype(np.float64) @ H
    labels = [f"sample {i}\n{_error(*pair)}" for i, *pair in zip(chosen, X, model, strict=True)]
    if shape is None:
        return _draw_sample_lines(X, model, labels, _check_plot.check_positions(x, n), ax)
    height, width = _check_plot.check_image_shape(shape, n, order)
    mosaic = Mosaic(3 * len(chosen), height, width, 3)
    ax = axes(ax, 0.9 * mosaic.extent[1] / mosaic.extent[0])  # leaves width for labels
    for row, (sample, fit) in enumerate(zip(X, model, strict=True)):
        largest = np.nanmax(sample, initial=fit.max())
        for column, image in enumerate((sample, fit, np.abs(sample - fit))):
            mosaic.image(ax, 3 * row + column, image.reshape((height, width), order=order), cmap, largest)
    mosaic.finish(ax)
    corners = [mosaic.corner(i) for i in range(mosaic.count)]
    ax.set_xticks([left + width / 2 for left, _ in corners[:3]], KINDS)
    ax.set_yticks([top + height / 2 for _, top in corners[::3]], labels)
    ax.set_anchor("NW")  # keeps the labels in their margins if the aspect ratio makes the Axes smaller
    ax.tick_params(length=0, labeltop=True, labelbottom=False)
    ax.tick_params(labelsize=font(KINDS, (width + mosaic.gap) * mosaic.unit(room(ax))))
    return ax


def _error(sample: np.ndarray, fit: np.ndarray) -> str:
    """The relative error of the model of a sample, as text."""
    norm = np.sqrt(np.nansum(sample**2))
    return f"error {np.sqrt(np.nansum((sample - fit) ** 2)) / norm:.2g}" if norm > 0 else "all zero"


def _draw_sample_lines(X: np.ndarray, model: np.ndarray, labels: list[str], x: np.ndarray, ax: "Axes | None") -> "Axes":
    """Draw pairs of sample and model as lines above each other, and the difference as an area from their base."""
    ax = axes(ax)
    ink = ax.xaxis.label.get_color()  # the text colour of the style
    bases = 1.25 * np.arange(len(X))[::-1]
    for i, (base, sample, fit) in enumerate(zip(bases, X, model, strict=True)):
        largest = np.nanmax(sample, initial=fit.max()) or 1.0
        names = [name if i == 0 else None for name in KINDS]
        ax.plot(x, base + sample / largest, color=ink, linewidth=2.5, alpha=0.4, label=names[0])
        ax.plot(x, base + fit / largest, color="C0", linewidth=1, label=names[1])
        difference = base + np.abs(sample - fit) / largest
        ax.fill_between(x, base, difference, color=ink, alpha=0.25, linewidth=0, label=names[2])
    ax.set_yticks(bases + 0.5, labels)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.05, bases[0] + 1.05)
    ax.margins(x=0)
    legend_above(ax)
    return ax
