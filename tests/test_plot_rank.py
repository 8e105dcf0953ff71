"""The picture of the choice of a rank: the data of its artists."""

from dataclasses import replace

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from nmfcore import RankChoice, plot  # noqa: E402

CHOICE = RankChoice(3, "elbow", (2, 3, 5), np.array([0.5, 0.2, 0.3]), np.array([0.1, 0.05, np.nan]), "it bends")


@pytest.fixture
def ax():
    return Figure(layout="constrained").subplots()


def test_rank_scores(ax):
    """Scores at their ranks, a mark at the choice, the floor as a line, ticks at whole numbers."""
    plot.rank_scores(replace(CHOICE, more={"floor": np.array([0.4, 0.1, 0.1])}), ax=ax)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[2, 0.5], [3, 0.2], [5, 0.3]])
    np.testing.assert_array_equal(ax.lines[-1].get_xydata(), [[3, 0.2]])
    assert any(list(line.get_ydata()) == [0.4, 0.1, 0.1] for line in ax.lines)
    (bars,) = ax.containers
    low, high = bars.lines[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((0.4, 0.6))
    ax.figure.draw_without_rendering()
    assert all(float(tick).is_integer() for tick in ax.get_xticks())
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("rank k", "relative error")


def test_one_rank_without_spread(ax):
    plot.rank_scores(RankChoice(4, "ard", (4,), np.array([7.0]), np.array([np.nan]), "it is alone"), ax=ax)
    ax.figure.draw_without_rendering()
    assert not ax.containers and len(ax.lines) == 2


def test_axes(ax):
    """The function returns the Axes that it is given, without pyplot; without Axes it makes one new figure."""
    assert plot.rank_scores(CHOICE, ax=ax) is ax and not pyplot.get_fignums()
    new = plot.rank_scores(CHOICE)
    assert pyplot.get_fignums() == [new.figure.number]
    pyplot.close("all")
