"""Many iterations in one call: the bits of single steps, and what is called between them."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import LEVELS

import nmfcore
from nmfcore._fit import driver
from nmfcore._fit.stopping import BEGIN

SHAPES = [
    (20, 10, 2),
    (150, 4, 2),
    (1, 7, 1),
    (9, 1, 1),
    (60, 300, 4),
    (8, 1000, 5),
    (90, 50, 17),
    (700, 33, 130),
    (3, 2, 40),
]
OPTIONS = [
    {},
    {"extrapolate": False},
    {"inner_iter": 3, "max_iter": 37, "tol": 0},
    {"loss": "kullback-leibler"},
    {"loss": "itakura-saito", "max_iter": 30},
    {"loss": 1.5, "extrapolate": False},
    {"loss": "l1", "max_iter": 30},
    {"loss": nmfcore.Huber(0.5), "max_iter": 30},
    {"loss": 1, "floor": 0.0, "max_iter": 20},
]


def entries(m, n, k, seed=0):
    rng = np.random.default_rng(seed)
    return rng.poisson(3 * rng.gamma(0.5, 1, (m, k)) @ rng.gamma(0.5, 1, (k, n))) + 0.1 * rng.random((m, n)) + 0.01


def step_by_step(monkeypatch, *given, **options):
    with monkeypatch.context() as patch:
        patch.setattr(driver, "plan_iterations", lambda *given: None)
        return nmfcore.nmf(*given, **options)


def assert_same(one, other):
    for name in ("W", "H"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    np.testing.assert_array_equal(one.history.objective, other.history.objective)
    for name in ("objective", "relative_error", "n_iter", "reason", "converged", "kkt_residual"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.filterwarnings("ignore::nmfcore.ConvergenceWarning")
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_the_bits_are_those_of_single_steps(monkeypatch, m, n, k, dtype, options):
    options = {"init": "random", "random_state": 1, "max_iter": 60} | options
    for order, n_threads in itertools.product("CF", (1, 2)):
        X = np.asarray(entries(m, n, k), dtype, order=order)
        one = nmfcore.nmf(X, k, n_threads=n_threads, **options)
        assert_same(one, step_by_step(monkeypatch, X, k, n_threads=n_threads, **options))
        assert np.all(np.diff(one.history.seconds) >= 0) and len(one.history.seconds) == one.n_iter + 1


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_an_exact_fit_ends_at_round_off(monkeypatch, loss):
    """Where the objective is summed entry by entry, and where fits restart and stall."""
    rng = np.random.default_rng(0)
    X = rng.random((30, 2)) @ rng.random((2, 20))
    for order in "CF":
        options = {"loss": loss, "tol": 1e-14, "max_iter": 3000, "init": "random", "random_state": 0}
        one = nmfcore.nmf(np.asarray(X, order=order), 2, **options)
        assert_same(one, step_by_step(monkeypatch, np.asarray(X, order=order), 2, **options))
        assert one.relative_error < 1e-7 and one.reason in ("tol", "stalled")


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_what_is_called_between_iterations(loss):
    X, seen = entries(40, 30, 3), []
    options = {"loss": loss, "max_iter": 25, "tol": 0, "random_state": 0}
    whole = nmfcore.nmf(X, 3, **options)

    def callback(state):
        seen.append((state.iteration, state.objective, state.W.copy(), state.checkpoint()))

    watched = nmfcore.nmf(X, 3, **options, callback=callback)
    assert_same(whole, watched)
    assert [iteration for iteration, *_ in seen] == list(range(1, 26))
    np.testing.assert_array_equal([objective for _, objective, *_ in seen], whole.history.objective[1:])
    np.testing.assert_array_equal(seen[-1][2], whole.W)
    for place in (0, 7, 14):
        assert_same(nmfcore.nmf(X, 3, **options | {"init": seen[place][3]}), whole)
    assert nmfcore.nmf(X, 3, **options | {"max_time": 0.0}).n_iter <= 1
    assert nmfcore.nmf(X, 3, **options, callback=lambda state: state.iteration == 4).n_iter == 4


@given(st.lists(st.floats(0, 1e3), min_size=2, max_size=60), st.floats(0, 1e-3), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_the_course_of_a_fit(objectives, share, moved):
    """The numbers by which a fit stops, beside plain Python."""
    precision = np.array([0.1, 500.0, share, 1e-9])
    for kernels in LEVELS:
        course, low, lower, progress, t = np.array([BEGIN]), np.inf, 0, 0, 1.0
        no_higher, weights, ends = np.empty(1, np.int64), np.empty(1), np.empty(1, np.int64)
        for objective in objectives:
            kernels.advance_courses(course, weights)
            before, t = t, (1 + np.sqrt(1 + 4 * t * t)) / 2
            assert weights[0] == pytest.approx((before - 1) / t)
            kernels.enter_values(course, precision, np.array([objective]), no_higher)
            wanted = objective <= low + share * low + 0.1 * (low > 500)
            assert no_higher[0] == wanted
            lower, progress = (lower + 1) * (objective >= low), (progress + 1) * (not wanted)
            low = min(low, objective)
            course[0, 3] = moved
            np.testing.assert_allclose(course[0, [1, 2, 4, 5]], [lower, progress, t, low])
            kernels.ends_of(course, precision, 1e-2, ends)
            converged = low <= 1e-9 or moved <= 2e-4 * low
            assert ends[0] == (1 if converged else 2 if lower >= 20 else 0)
