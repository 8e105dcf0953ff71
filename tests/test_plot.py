"""Pictures: the data of the artists, not the pixels."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp

import nmfcore

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from matplotlib import pyplot  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from nmfcore import plot  # noqa: E402
from nmfcore._ensemble.ensemble import Ensemble  # noqa: E402
from nmfcore._rank.choice import RankChoice  # noqa: E402

W = np.array(
    [[4.0, 0, 1], [0, 3, 1], [0, 0, 0], [5, 0, 0], [1, 8, 0]]
)  # simple enough to know the shares of the samples
H = np.array([[0.0, 1, 0, 3], [2, 2, 0, 0], [0, 0, 0, 6]])
X = W @ H
MANY = Ensemble([nmfcore.hals(X, 2, init="random", random_state=seed) for seed in range(3)], range(3))
EXTREMES = nmfcore.archetypes(X, 3, random_state=0)
CHOICE = RankChoice(3, "speckled", (2, 3, 5), np.array([0.5, 0.2, 0.3]), np.array([0.1, 0.05, np.nan]), "it is")
DRAW = {
    "parts": lambda ax=None: plot.parts(H, (2, 2), titles=["a", "b", "c"], ax=ax),
    "part lines": lambda ax=None: plot.parts((W, H), ax=ax),
    "factors": lambda ax=None: plot.factors((W, H), ax=ax),
    "top_words": lambda ax=None: plot.top_words((W, H), ax=ax),
    "reconstruction": lambda ax=None: plot.reconstruction(X, (W, H), shape=(2, 2), ax=ax),
    "reconstruction lines": lambda ax=None: plot.reconstruction(X, (W, H), ax=ax),
    "convergence": lambda ax=None: plot.convergence(nmfcore.hals(X, 2, random_state=0), ax=ax),
    "geometry": lambda ax=None: plot.geometry(X, (W, H), features=[0, 1, 3], ax=ax),
    "consensus": lambda ax=None: plot.consensus(MANY, ax=ax),
    "archetypes": lambda ax=None: plot.archetypes(X, EXTREMES, features=[0, 3], ax=ax),
    "rank_scores": lambda ax=None: plot.rank_scores(CHOICE, ax=ax),
}


@pytest.fixture
def ax():
    """Axes outside of pyplot."""
    return Figure(layout="constrained").subplots()


@pytest.fixture(autouse=True)
def closed():
    """Every test closes its figures."""
    assert not pyplot.get_fignums()
    yield
    pyplot.close("all")


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_axes(draw, ax):
    """A function returns the Axes that it is given, without pyplot; without Axes it makes one new figure."""
    assert draw(ax=ax) is ax and not pyplot.get_fignums()
    ax.figure.draw_without_rendering()
    with matplotlib.rc_context({"figure.figsize": (3.3, 2)}):
        new = draw()
    assert pyplot.get_fignums() == [new.figure.number] and new.figure.get_figwidth() == 3.3
    new.figure.canvas.draw()


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
def test_subfigures_and_no_layout(draw):
    figure = Figure()
    ax = figure.subfigures(1, 2)[1].subplots(2)[0]
    assert draw(ax=ax) is ax
    figure.canvas.draw()


@pytest.mark.parametrize("draw", DRAW.values(), ids=DRAW)
@pytest.mark.parametrize("bad", ["axes", pyplot, np.empty(2, object)])
def test_bad_axes(draw, bad):
    with pytest.raises(TypeError, match=r"ax is of type .*; wanted one matplotlib Axes"):
        draw(ax=bad)
    assert not pyplot.get_fignums()


def test_nothing_is_changed():
    frozen = [array.copy() for array in (W, H, X)]
    for draw in DRAW.values():
        draw()
        pyplot.close()
    for array, copy in zip((W, H, X), frozen, strict=True):
        assert np.array_equal(array, copy)


class TestParts:
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_images_are_the_rows(self, ax, order):
        plot.parts(H, [2, 2], order=order, ax=ax)
        assert len(ax.images) == 3
        for image, row in zip(ax.images, H, strict=True):
            assert np.array_equal(image.get_array(), row.reshape((2, 2), order=order))
            assert image.get_clim() == (0, row.max()) and image.origin == "upper"

    def test_tiles_do_not_overlap(self, ax):
        plot.parts(np.random.default_rng(0).random((50, 6)), (3, 2), titles=range(50), ax=ax)
        left, right, bottom, top = np.array([image.get_extent() for image in ax.images]).T
        assert np.allclose(right - left, 2) and np.allclose(bottom - top, 3)
        apart = [
            right[i] < left[j] or right[j] < left[i] or bottom[i] < top[j] or bottom[j] < top[i]
            for i in range(50)
            for j in range(i)
        ]
        assert all(apart)
        (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
        assert x0 <= left.min() and right.max() <= x1 and y1 <= top.min() and bottom.max() <= y0

    def test_order_titles_and_scale(self, ax):
        plot.parts((W, H), (2, 2), components="share", titles=["a", "b", "c"], scale="common", ax=ax)
        assert np.allclose(plot.share((W, H)), np.array([40, 44, 12]) / 96)
        assert [text.get_text() for text in ax.texts] == ["b", "a", "c"]
        assert np.array_equal([image.get_array().ravel() for image in ax.images], H[[1, 0, 2]])
        assert {image.get_clim() for image in ax.images} == {(0, 6)}

    def test_chosen_and_columns(self, ax):
        plot.parts(H, (1, 4), components=[2, 0], columns=1, ax=ax)
        assert np.array_equal(ax.images[0].get_array()[0], H[2]) and len(ax.images) == 2
        assert len({image.get_extent()[0] for image in ax.images}) == 1

    def test_an_estimator(self, ax):
        class Estimator:
            components_ = H

        plot.parts(Estimator(), (2, 2), ax=ax)
        assert np.array_equal(ax.images[2].get_array(), H[2].reshape(2, 2))

    def test_lines(self, ax):
        x = [400, 500, 600, 700]
        plot.parts(np.vstack([H, np.zeros(4)]), titles=["a", "b", "c", "d"], x=x, ax=ax)
        for line, row in zip(ax.lines, H, strict=False):
            assert np.array_equal(line.get_xdata(), x) and np.allclose(line.get_ydata(), row / row.max())
        assert not ax.lines[3].get_ydata().any()
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b", "c", "d"]


class TestFactors:
    def test_shares_in_order(self, ax):
        plot.factors((W, H), ax=ax)
        amounts = (W * H.sum(axis=1))[:, [1, 0, 2]]
        wanted = np.vstack([amounts[i] / amounts[i].sum() for i in (4, 1, 3, 0)] + [np.zeros(3)])
        assert np.allclose(ax.images[0].get_array(), wanted)
        assert labels(ax.xaxis) == ["1", "0", "2"] and "5 samples" in ax.get_ylabel()
        assert len(ax.figure.axes) == 2

    def test_features(self, ax):
        plot.factors((W, H), "H", names=["p", "q", "r", "s"], shares=False, colorbar=False, ax=ax)
        scaled = (H / H.max(axis=1, keepdims=True))[[1, 0, 2]]
        assert np.allclose(ax.images[0].get_array(), scaled[:, [0, 1, 3, 2]])
        assert labels(ax.xaxis) == ["p", "q", "s", "r"] and labels(ax.yaxis) == ["1", "0", "2"]
        assert len(ax.figure.axes) == 1

    def test_scale_does_not_matter(self):
        one, other = Figure().subplots(1, 2)
        scales = np.array([1e-300, 1.0, 1e300])
        plot.factors((W, H), ax=one)
        plot.factors((W * scales, H / scales[:, None]), ax=other)
        assert np.allclose(one.images[0].get_array(), other.images[0].get_array())

    def test_huge(self, ax):
        plot.factors((W * 1e300, H * 1e300), ax=ax)
        assert np.allclose(ax.images[0].get_array().sum(axis=1), [1, 1, 1, 1, 0])

    def test_names_only_where_there_is_room(self, ax):
        rng = np.random.default_rng(0)
        many = np.eye(50)[rng.integers(50, size=10000)] + 0.01 * rng.random((10000, 50))
        plot.factors((many, np.ones((50, 30))), names=[str(i) for i in range(10000)], ax=ax)
        assert not len(ax.get_yticks()) and "10000 samples" in ax.get_ylabel()
        shown = ax.images[0].get_array()
        assert shown.shape == (1000, 50) and np.allclose(shown.sum(axis=1), 1)
        assert ax.get_ylim() == (9999.5, -0.5) and np.all(np.diff(shown.argmax(axis=1)) >= 0)
        ax.figure.canvas.draw()

    def test_names_of_the_result(self, ax):
        result = replace(nmfcore.hals(X, 3, random_state=0), W=W, H=H, names=(None, ("p", "q", "r", "s")))
        plot.factors(result, "H", ax=ax)
        assert labels(ax.xaxis) == ["p", "q", "s", "r"]
        words = plot.top_words(result, components=0, ax=Figure().subplots())
        assert [text.get_text() for text in words.texts] == ["component 0", "s", "q"]


class TestTopWords:
    NAMES = ("p", "q", "r", "s")

    def test_bars(self, ax):
        plot.top_words((W, H), self.NAMES, n=2, ax=ax)
        assert [[bar.get_width() for bar in bars] for bars in ax.containers] == [[1, 1 / 3], [1, 1], [1]]
        texts = [text.get_text() for text in ax.texts]
        assert texts == ["component 0", "s", "q", "component 1", "p", "q", "component 2", "s"]
        assert [text.xy[1] for text in ax.texts if hasattr(text, "xy")] == [
            bar.get_y() + bar.get_height() / 2 for bars in ax.containers for bar in bars
        ]

    def test_chosen(self, ax):
        plot.top_words(H, self.NAMES, [2, 0], n=9, titles=["A", "B", "C"], columns=1, ax=ax)
        assert [text.get_text() for text in ax.texts] == ["C", "s", "A", "s", "q"]
        first, second = (bars[0].get_y() for bars in ax.containers)
        assert second > first and ax.get_ylim()[0] > second

    def test_names_are_no_formulas(self, ax):
        names = ["$", "$$a_$", r"\$x^$", "$^$"]
        plot.top_words(H, names, ax=ax)
        one, two, three = Figure().subplots(1, 3)
        plot.factors((W, H), "H", names=names, ax=one)
        plot.geometry(X, (W, H), features=[0, 1, 3], names=names, ax=two)
        plot.geometry(X, (W, H), features=[1, 3], names=names, ax=three)
        ax.figure.canvas.draw()
        one.figure.canvas.draw()
        shown = [text for text in ax.texts if text.get_text() in names]
        assert shown and not any(text.get_parse_math() for text in shown)

    def test_without_names(self, ax):
        plot.top_words(H, components=1, ax=ax)
        assert [text.get_text() for text in ax.texts][1:] == ["feature 0", "feature 1"]


class TestReconstruction:
    def test_images(self, ax):
        noisy = X + 1
        plot.reconstruction(noisy, (W, H), [3, 0], (2, 2), ax=ax)
        for row, i in enumerate((3, 0)):
            original, model, difference = ax.images[3 * row : 3 * row + 3]
            assert np.array_equal(original.get_array().ravel(), noisy[i])
            assert np.allclose(model.get_array().ravel(), X[i])
            assert np.allclose(difference.get_array(), 1)
            assert {image.get_clim() for image in (original, model, difference)} == {(0, noisy[i].max())}
        assert labels(ax.xaxis) == ["original", "model", "|difference|"]
        assert labels(ax.yaxis)[1] == f"sample 0\nerror {2 / np.linalg.norm(noisy[0]):.2g}"

    def test_lines(self, ax):
        plot.reconstruction(X, (W, H), 1, x=[1, 2, 4, 8], ax=ax)
        original, model = ax.lines
        assert np.allclose(original.get_ydata(), X[1] / X[1].max()) and np.allclose(
            model.get_ydata(), original.get_ydata()
        )
        assert list(model.get_xdata()) == [1, 2, 4, 8]
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["original", "model", "|difference|"]

    @pytest.mark.parametrize("kind", [sp.csr_array, sp.coo_array, sp.csc_matrix, np.asfortranarray, np.float32])
    def test_storage(self, ax, kind):
        plot.reconstruction(kind(X), (W, H), [4], (2, 2), ax=ax)
        assert np.array_equal(ax.images[0].get_array().ravel(), X[4])

    @pytest.mark.parametrize("kind", ["nan", "masked"])
    def test_missing_and_empty(self, ax, kind):
        holes = X.copy() if kind == "nan" else np.ma.array(X)
        holes[0, 1] = np.nan if kind == "nan" else np.ma.masked
        plot.reconstruction(holes, (W, H), [0, 2], (2, 2), ax=ax)
        assert np.isnan(np.ma.filled(ax.images[0].get_array(), np.nan)).ravel().tolist() == [False, True, False, False]
        assert labels(ax.yaxis) == ["sample 0\nerror 0", "sample 2\nall zero"]
        ax.figure.canvas.draw()


HISTORIES = {
    "a": nmfcore.History(np.array([8.0, 4, 2]), np.array([0.1, 0.2, 0.4])),
    "b": nmfcore.History(np.array([9.0, 3]), np.array([0.5, 1.0])),
}


class TestConvergence:
    def test_lines(self, ax):
        plot.convergence(HISTORIES, ax=ax)
        first, second = ax.lines
        assert np.array_equal(first.get_ydata(), [3, 1, np.nan], equal_nan=True)
        assert np.allclose(second.get_ydata(), [3.5, 0.5]) and np.allclose(second.get_xdata(), [0.5, 1])
        assert first.get_linestyle() != second.get_linestyle()
        assert ax.get_yscale() == "log" and ax.get_xlabel() == "seconds"
        assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]

    def test_iterations_and_best(self, ax):
        plot.convergence(list(HISTORIES.values()), "iterations", best=0, ax=ax)
        assert list(ax.lines[0].get_ydata()) == [8, 4, 2] and list(ax.lines[0].get_xdata()) == [0, 1, 2]
        assert ax.get_ylabel() == "objective" and ax.get_legend() is None

    def test_negative_objectives(self, ax):
        plot.convergence(nmfcore.History(np.array([1.0, -4]), np.zeros(2)), ax=ax)
        assert ax.lines[0].get_ydata()[0] == 5 / 4

    def test_no_iterations(self, ax):
        plot.convergence(nmfcore.hals(X, 2, max_iter=0, random_state=0), ax=ax)
        ax.figure.canvas.draw()
        assert [len(line.get_xdata()) for line in ax.lines] == [1]


class TestGeometry:
    def test_plane(self, ax):
        plot.geometry(X, (W, H), features=[1, 3], names=["p", "q", "r", "s"], ax=ax)
        samples, parts = ax.lines
        assert np.array_equal(np.transpose(samples.get_data()), X[:, [1, 3]])
        ends = np.transpose(parts.get_data())[1::3]
        corner = np.array([ax.get_xlim()[1], ax.get_ylim()[1]])
        assert np.all(corner > X[:, [1, 3]].max(axis=0)) and np.all(ends <= corner * (1 + 1e-12))
        assert np.allclose(ends[:, 0] * H[:, 3], ends[:, 1] * H[:, 1])  # the directions of the parts
        assert np.allclose((ends / corner).max(axis=1), 1)
        assert (ax.get_xlabel(), ax.get_ylabel()) == ("q", "s")

    def test_triangle(self, ax):
        plot.geometry(X, (W, H), features=[0, 1, 3], ax=ax)
        samples, parts = ax.lines[:2]
        corners = np.array([[0, 0], [1, 0], [0.5, np.sqrt(0.75)]])
        kept = X[[0, 1, 3, 4]][:, [0, 1, 3]]  # sample 2 is all zero
        assert np.allclose(np.transpose(samples.get_data()), kept / kept.sum(axis=1, keepdims=True) @ corners)
        assert np.allclose(np.transpose(parts.get_data())[2], corners[2])  # H[2] is 0 but for feature 3
        assert [text.get_text() for text in ax.texts] == ["feature 0", "feature 1", "feature 3"]

    @pytest.mark.parametrize(
        "points, corners",
        [
            ([[0, 0]], 1),
            ([[0, 0], [0, 0]], 1),
            ([[0, 0], [1, 1]], 2),
            ([[0, 0], [1, 1], [2, 2]], 2),
            ([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5], [0.5, 0]], 4),
        ],
    )
    def test_hull(self, points, corners):
        from nmfcore.plot._geometry import hull

        assert hull(np.array(points, float)).shape == (corners, 2)

    def test_nothing_to_see(self, ax):
        plot.geometry(np.zeros((3, 3)), (np.zeros((3, 1)), np.zeros((1, 3))), ax=ax)
        flat = plot.geometry(np.zeros((3, 2)), (np.zeros((3, 1)), np.zeros((1, 2))), ax=Figure().subplots())
        assert np.isfinite([*ax.axis(), *flat.axis()]).all()


@pytest.mark.parametrize("k, m, n", [(1, 1, 1), (1, 1, 3), (2, 1, 2), (1, 4, 2), (3, 2, 3), (60, 2, 3)])
@pytest.mark.parametrize("zero", [False, True])
def test_small_and_degenerate(k, m, n, zero):
    rng, dtype = np.random.default_rng(0), np.float32 if zero else np.float64
    W, H = rng.random((m, k), dtype), rng.random((k, n), dtype)
    W[:, 0], H[-1] = (0, 0) if zero else (W[:, 0], H[-1])
    figure = Figure(layout="constrained")
    axes = iter(figure.subplots(3, 3).flat)
    plot.parts((W, H), (1, n), components="share", titles=range(k), ax=next(axes))
    plot.parts(H, ax=next(axes))
    plot.factors((W, H), "W", ax=next(axes))
    plot.factors((W, H), "H", shares=False, ax=next(axes))
    plot.top_words((W, H), ax=next(axes))
    plot.reconstruction(W @ H, (W, H), shape=(n, 1), ax=next(axes))
    plot.reconstruction(W @ H, (W, H), ax=next(axes))
    if n > 1:
        plot.geometry(W @ H, (W, H), ax=next(axes))
    figure.canvas.draw()
    drawn = figure.axes[: 8 if n > 1 else 7]
    assert all(np.isfinite(axes.axis()).all() for axes in drawn)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_archetypes(form, ax):
    square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    points = np.vstack([square, 0.5 * square, [[0, 0]]])
    result = nmfcore.archetypes(points, 4, init=[0, 1, 2, 3])
    plot.archetypes(form(points), result, names=["$a", "b"], ax=ax)
    samples, dots = ax.lines[:2]
    np.testing.assert_array_equal(samples.get_xydata(), points)
    np.testing.assert_array_equal(dots.get_xydata(), result.archetypes)
    for patch in ax.patches:
        assert {tuple(corner) for corner in patch.get_xy()} == {tuple(corner) for corner in result.archetypes}
    assert ax.get_xlabel() == "$a" and ax.get_ylabel() == "b"


@pytest.mark.parametrize("k", [1, 2])
def test_archetypes_without_area(k, ax):
    """Points on a line have a hull without area, which is drawn, too."""
    points = np.array([[0.0, 1], [2, 3], [1, 2]])
    plot.archetypes(points, nmfcore.archetypes(points, k, random_state=0), ax=ax)
    ax.figure.canvas.draw()
    assert len(ax.lines[0].get_xdata()) == 3 and max(len(line.get_xdata()) for line in ax.lines[1:]) >= k


@pytest.mark.parametrize("of", ["samples", "features"])
def test_consensus(of, ax):
    """Two blocks of samples, and one sample that is with the second block in 3 of 4 fits."""
    one, two = (np.repeat(np.eye(2)[[0, 1, 0, 1]], 2, axis=0) for _ in range(2))
    two[3] = 1, 0
    fits = [replace(MANY.fits[0], W=F, H=F.T, names=(None, tuple("abcdefgh"))) for F in (one, one, two, one)]
    e = Ensemble(fits, range(4))
    plot.consensus(e, of=of, ax=ax)
    image = ax.images[0]
    shown, found = np.asarray(image.get_array()), e.consensus(of=of)
    np.testing.assert_array_equal(shown, found.matrix[found.order][:, found.order])
    assert set(shown.flat) == {0, 0.25, 0.75, 1} and image.get_clim() == (0, 1)
    assert np.all(shown[:4, :4] == 1) != np.all(shown[4:, 4:] == 1)  # blocks
    assert ax.get_title() == f"k = 2, cophenetic correlation {found.cophenetic:.4f}"
    assert ax.get_ylabel() == f"8 {of}, by average linkage"
    assert labels(ax.yaxis) == ([] if of == "samples" else ["abcdefgh"[i] for i in found.order])


def test_consensus_of_some(ax):
    plot.consensus(MANY, 2, at_most=3, random_state=1, names=["a", "b", "c", "d", "e"], colorbar=False, ax=ax)
    found = MANY.consensus(at_most=3, random_state=1)
    assert labels(ax.yaxis) == ["abcde"[found.indices[i]] for i in found.order]
    assert ax.get_ylabel() == "3 of 5 samples, by average linkage" and ax.figure.axes == [ax]
