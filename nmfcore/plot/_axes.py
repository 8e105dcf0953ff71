"""What the pictures share: new axes, room for labels, a mosaic of tiles in one Axes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._runtime import load
from . import _check_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

LETTER = 0.65  # the width of a letter, in units of the size of its font
LINE = 1.2  # the height of a line, in the same
SMALLEST = 5.0  # font that can be read, in points
STYLES = ("-", "--", "-.", ":")  # of lines, so that they differ also without colours
COLOURS = 10  # after which those of most styles repeat
ENTRIES = 20  # that a legend may have
MOST = 2.0  # the height of a new figure, in units of its width


def axes(ax: "Axes | None", ratio: float | None = None) -> "Axes":
    """`ax`, or that of a new figure, as wide as the style has it and `ratio` times as high."""
    _check_plot.axes(ax)
    if ax is not None:
        return ax
    pyplot = load("matplotlib.pyplot", "plot", "nmfcore.plot")
    width, height = pyplot.rcParams["figure.figsize"]
    size = (width, height if ratio is None else width * min(ratio, MOST))
    return pyplot.subplots(figsize=size, layout="constrained")[1]


def room(ax: "Axes | None") -> tuple[float, float]:
    """Width and height in points that the axes have, or that those of a new figure may have."""
    if ax is None:
        width = load("matplotlib", "plot", "nmfcore.plot").rcParams["figure.figsize"][0] * 72
        return width, MOST * width
    figure = ax.figure.figure  # the one that holds subfigures
    if figure.get_layout_engine() is not None:
        figure.get_layout_engine().execute(figure)
    box = ax.get_window_extent()
    return box.width * 72 / figure.dpi, box.height * 72 / figure.dpi


def font(labels: Sequence[str], width: float, name: str | float = "medium") -> float:
    """The size of the style's font of that name, or a smaller one for the labels to fit a width in points."""
    from matplotlib.font_manager import FontProperties

    size = FontProperties(size=name).get_size_in_points()
    return max(SMALLEST, min(size, width / (LETTER * max(map(len, labels), default=1) or 1)))


def ticks(axis: "Axis", labels: Sequence[str], each: float) -> None:
    """A label at each whole number, smaller or turned if need be; none where `each` points are too few for one."""
    from matplotlib import rcParams

    size = min(font([], math.inf, rcParams[f"{axis.axis_name}tick.labelsize"]), each / LINE)
    if size < SMALLEST:
        axis.set_ticks([])
        return
    turned = axis.axis_name == "x" and max(map(len, labels)) * LETTER * size > 0.8 * each
    axis.set_ticks(np.arange(len(labels)), labels, size=size, rotation=90 if turned else 0, parse_math=False)
    axis.set_tick_params(length=0)


def legend_above(ax: "Axes") -> None:
    """A legend above the axes, where it hides nothing, as many entries in a row as fit; none where it is too long."""
    labels = ax.get_legend_handles_labels()[1]
    if len(labels) > ENTRIES:
        return
    size = font([], math.inf, "small")
    entry = size * (4 + LETTER * max(map(len, labels)))  # the line, the gaps and the text
    columns = max(1, min(len(labels), int(room(ax)[0] / entry)))
    place = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    ax.legend(**place, ncols=columns, frameon=False, fontsize=size)


def columns_for(count: int, height: float, width: float) -> int:
    """How many columns give a mosaic about 3 : 2 with few empty places."""
    wanted = math.sqrt(1.5 * count * height / width)
    tried = range(max(1, math.ceil(0.7 * wanted)), max(1, math.floor(1.5 * wanted)) + 1)
    return min((min(c, count) for c in tried), key=lambda c: (-count % c, abs(c - wanted)))


@dataclass
class Mosaic:
    """Equal tiles in rows, laid out in the data coordinates of one Axes, y downwards; `head` is left above each."""

    count: int
    height: int
    width: int
    columns: int
    head: float = 0

    @property
    def gap(self) -> float:
        """Between tiles."""
        return 0.08 * max(self.height, self.width)

    def unit(self, room: tuple[float, float], head: float = 0) -> float:
        """How many points a unit of the data has where the whole has that room, with heads of so many points."""
        width, height = self.extent
        return min(room[0] / width, max(room[1] - self.rows * head, 0.2 * room[1]) / height)

    @property
    def rows(self) -> int:
        """How many rows of tiles there are."""
        return -(-self.count // self.columns)

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of it all."""
        return (
            self.columns * (self.width + self.gap) - self.gap,
            self.rows * (self.height + self.gap + self.head) - self.gap,
        )

    def corner(self, i: int) -> tuple[float, float]:
        """Left and top of tile i."""
        row, column = divmod(i, self.columns)
        return column * (self.width + self.gap), row * (self.height + self.gap + self.head) + self.head

    def image(self, ax: "Axes", i: int, image: np.ndarray, cmap: Any, largest: float) -> None:
        """An image as tile i, 0 at the low end of the colours."""
        left, top = self.corner(i)
        extent = (left, left + self.width, top + self.height, top)
        ax.imshow(image, cmap=cmap, vmin=0, vmax=largest if largest > 0 else 1, extent=extent, origin="upper")

    def finish(self, ax: "Axes") -> None:
        """Thin frames around the tiles, none around the axes, and no ticks."""
        x, y = [], []
        for left, top in map(self.corner, range(self.count)):
            right, bottom = left + self.width, top + self.height
            x += [left, right, right, left, left, math.nan]
            y += [top, top, bottom, bottom, top, math.nan]
        ax.plot(x, y, color="0.7", linewidth=0.5, clip_on=False, scalex=False, scaley=False)
        width, height = self.extent
        ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], aspect="equal", frame_on=False)
