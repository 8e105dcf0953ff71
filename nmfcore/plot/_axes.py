"""What the pictures share: new axes, room for labels, a mosaic of tiles in one Axes.

A picture is one Axes, whatever it shows. The images of a mosaic are tiles in its data coordinates and not Axes of
their own. So `ax=` means the same for every picture, and a test can read the rows of H from `ax.images`. pyplot is
loaded only to make a new figure. The room for names is measured after the layout of the figure has been computed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .._runtime import import_optional
from . import _check_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import XAxis, YAxis

LETTER = 0.65  # width of a letter, in units of the font size
LINE = 1.2  # height of a line, in units of the font size
SMALLEST = 5.0  # smallest readable font, in points
STYLES = ("-", "--", "-.", ":")  # line styles, so that lines differ without colours, too
COLOURS = 10  # number of colours after which most styles repeat
ENTRIES = 20  # largest number of entries in a legend
TALLEST = 2.0  # largest height of a new figure, in units of its width


def axes(ax: "Axes | None", ratio: float | None = None) -> "Axes":
    """`ax`, or the Axes of a new figure that has the width of the style and `ratio` times that height."""
    _check_plot.check_axes(ax)
    if ax is not None:
        return ax
    pyplot = import_optional("matplotlib.pyplot", "plot", "nmfcore.plot")
    width, height = pyplot.rcParams["figure.figsize"]
    size = (width, height if ratio is None else width * min(ratio, TALLEST))
    return pyplot.subplots(figsize=size, layout="constrained")[1]


def room(ax: "Axes | None") -> tuple[float, float]:
    """Width and height of the Axes in points, or the largest ones of a new figure."""
    if ax is None:
        width = import_optional("matplotlib", "plot", "nmfcore.plot").rcParams["figure.figsize"][0] * 72
        return width, TALLEST * width
    figure: Any = ax.figure.figure  # of a subfigure: the whole figure
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    box = ax.get_window_extent()
    return box.width * 72 / figure.dpi, box.height * 72 / figure.dpi


def font(labels: Sequence[str], width: float, name: str | float = "medium") -> float:
    """The size of the named font of the style, or a smaller one if a label does not fit the width in points."""
    from matplotlib.font_manager import FontProperties

    size = FontProperties(size=name).get_size_in_points()
    return max(SMALLEST, min(size, width / (LETTER * max(map(len, labels), default=1) or 1)))


def label_ticks(axis: "XAxis | YAxis", labels: Sequence[str], each: float) -> None:
    """Put a label at each whole number, smaller or turned if needed; none if `each` points are too few for a label."""
    from matplotlib import rcParams

    horizontal = axis.axis_name == "x"
    size = rcParams["xtick.labelsize" if horizontal else "ytick.labelsize"]
    size = min(font([], math.inf, size), each / LINE)
    if size < SMALLEST:
        axis.set_ticks([])
        return
    turned = horizontal and max(map(len, labels)) * LETTER * size > 0.8 * each
    axis.set_ticks(np.arange(len(labels)), labels, size=size, rotation=90 if turned else 0, parse_math=False)
    axis.set_tick_params(length=0)


def legend_above(ax: "Axes", opaque_samples: bool = False) -> None:
    """Put a legend above the axes, where it hides nothing. A legend that is too long is left out.

    opaque_samples: whether the first entry is of samples, whose small and pale points cannot be seen in a legend.
    """
    labels = ax.get_legend_handles_labels()[1]
    if len(labels) > ENTRIES:
        return
    size = font([], math.inf, "small")
    entry = size * (4 + LETTER * max(map(len, labels)))  # the line, the gaps and the text
    columns = max(1, min(len(labels), int(room(ax)[0] / entry)))
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0, 1), "borderaxespad": 0.2}
    legend = ax.legend(**place, ncols=columns, frameon=False, fontsize=size)
    if opaque_samples and (handle := legend.legend_handles[0]) is not None:
        handle.set(markersize=5, alpha=1)


def columns_for(count: int, height: float, width: float) -> int:
    """The number of columns that gives a mosaic of about 3 : 2 with few empty places."""
    wanted = math.sqrt(1.5 * count * height / width)
    candidates = range(max(1, math.ceil(0.7 * wanted)), max(1, math.floor(1.5 * wanted)) + 1)
    return min((min(c, count) for c in candidates), key=lambda c: (-count % c, abs(c - wanted)))


@dataclass
class Mosaic:
    """Equal tiles in rows, in the data coordinates of one Axes, y downwards. `head` is the space above each tile."""

    count: int
    height: int
    width: int
    columns: int
    head: float = 0

    @property
    def gap(self) -> float:
        """The space between tiles."""
        return 0.08 * max(self.height, self.width)

    def unit(self, room: tuple[float, float], head: float = 0) -> float:
        """The points of a data unit if the mosaic has that room, with heads of so many points."""
        width, height = self.extent
        return min(room[0] / width, max(room[1] - self.rows * head, 0.2 * room[1]) / height)

    @property
    def rows(self) -> int:
        """The number of rows of tiles."""
        return -(-self.count // self.columns)

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height of the mosaic."""
        return (
            self.columns * (self.width + self.gap) - self.gap,
            self.rows * (self.height + self.gap + self.head) - self.gap,
        )

    def corner(self, i: int) -> tuple[float, float]:
        """The left and the top of tile i."""
        row, column = divmod(i, self.columns)
        return column * (self.width + self.gap), row * (self.height + self.gap + self.head) + self.head

    def image(self, ax: "Axes", i: int, image: np.ndarray, cmap: Any, largest: float) -> None:
        """Draw an image as tile i, with colours from 0 to `largest`."""
        left, top = self.corner(i)
        extent = (left, left + self.width, top + self.height, top)
        ax.imshow(image, cmap=cmap, vmin=0, vmax=largest if largest > 0 else 1, extent=extent, origin="upper")

    def finish(self, ax: "Axes") -> None:
        """Draw thin frames around the tiles, and remove the frame and the ticks of the Axes."""
        x, y = [], []
        for left, top in map(self.corner, range(self.count)):
            right, bottom = left + self.width, top + self.height
            x += [left, right, right, left, left, math.nan]
            y += [top, top, bottom, bottom, top, math.nan]
        ax.plot(x, y, color="0.7", linewidth=0.5, clip_on=False, scalex=False, scaley=False)
        width, height = self.extent
        ax.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[], aspect="equal", frame_on=False)
