"""What the user may pass, and what a mistake is answered with."""

import re

import numpy as np
import pytest
from conftest import planted
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nmfcore

X, W0, H0 = planted(20, 10, 3)


def with_entry(value, place=(4, 7)):
    Y = X.copy()
    Y[place] = value
    return Y


BAD_X = {
    "vector": (X[0], ValueError, "X has 1 dimension, shape (10,); wanted a matrix"),
    "number": (3.0, ValueError, "X has 0 dimensions"),
    "cube": (X[None], ValueError, "X has 3 dimensions, shape (1, 20, 10)"),
    "no rows": (X[:0], ValueError, "X is empty, shape (0, 10)"),
    "no columns": (X[:, :0], ValueError, "X is empty, shape (20, 0)"),
    "complex": (X * 1j, TypeError, "X is complex (complex128); wanted real numbers"),
    "object": (X.astype(object), TypeError, "X has dtype object; wanted real numbers"),
    "text": ([["a", "b"]], TypeError, "X has dtype <U1"),
    "None": (None, TypeError, "X has dtype object"),
    "dates": (np.zeros((2, 2), "M8[s]"), TypeError, "X has dtype datetime64[s]"),
    "ragged": ([[1, 2], [3]], ValueError, "X cannot be read as a matrix"),
    "nan": (with_entry(np.nan), ValueError, "X has 1 NaN entry, the first (nan) at (4, 7); wanted finite numbers"),
    "infinite": (with_entry(np.inf), ValueError, "X has 1 infinite entry, the first (inf) at (4, 7)"),
    "negative": (
        with_entry(-1.5),
        ValueError,
        "X has 1 negative entry, the first (-1.5) at (4, 7); wanted numbers >= 0",
    ),
    "negatives": (-X - 1, ValueError, "X has 200 negative entries, the first"),
    "negative integers": (np.array([[3, -2]]), ValueError, "X has 1 negative entry, the first (-2.0) at (0, 1)"),
    "negative beside huge": ([[1e150, -1e-200]], ValueError, "X has 1 negative entry"),
    "outside a view": (np.array([[1.0, -1.0, 2.0, 5.0]])[:, ::-1][:, ::2], ValueError, "X has 1 negative entry"),
    "long double": (X.astype(np.longdouble), TypeError, "more precise than the computation: pass X.astype('float64')"),
}


@pytest.mark.parametrize("name", BAD_X)
def test_bad_X(name):
    bad, error, message = BAD_X[name]
    if name == "long double" and np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("long double is double on this platform")
    with pytest.raises(error, match=re.escape(message)):
        nmfcore.hals(bad, 2)


BAD_OPTIONS = [
    ({"k": 0}, ValueError, "k is 0; wanted an integer >= 1"),
    ({"k": -3}, ValueError, "k is -3"),
    ({"k": 2.0}, TypeError, "k is 2.0 (float); wanted an integer >= 1"),
    ({"k": True}, TypeError, "k is True"),
    ({"k": "3"}, TypeError, "k is '3' (str)"),
    ({"k": None}, TypeError, "k is None"),
    ({"max_iter": -1}, ValueError, "max_iter is -1; wanted an integer >= 0"),
    ({"max_iter": 1.5}, TypeError, "max_iter is 1.5"),
    ({"tol": -1e-4}, ValueError, "tol is -0.0001; wanted a finite number >= 0"),
    ({"tol": float("nan")}, ValueError, "tol is nan"),
    ({"tol": "small"}, TypeError, "tol is 'small' (str); wanted a number >= 0"),
    ({"max_time": -1}, ValueError, "max_time is -1"),
    ({"max_time": "1 s"}, TypeError, "max_time is '1 s'"),
    ({"inner_iter": 0}, ValueError, "inner_iter is 0; wanted an integer >= 1"),
    ({"inner_iter": "many"}, ValueError, "inner_iter is 'many'; wanted 'auto' or an integer >= 1"),
    ({"extrapolate": 1}, TypeError, "extrapolate is 1 (int); wanted True or False"),
    ({"verbose": "yes"}, TypeError, "verbose is 'yes'"),
    ({"callback": 3}, TypeError, "callback is 3 (int); wanted a function of one argument"),
    ({"n_threads": 0}, ValueError, "n_threads is 0; wanted a number >= 1, None or -1 for all"),
    ({"n_threads": 1.0}, TypeError, "n_threads is 1.0 (float)"),
    ({"random_state": -1}, ValueError, "random_state is -1; wanted None, an integer >= 0"),
    ({"random_state": "seed"}, TypeError, "random_state is 'seed' (str)"),
    ({"init": "svd"}, ValueError, "wanted one of 'auto', 'random', 'nndsvd', 'nndsvda', 'nndsvdar', 'spa'"),
    ({"n_threads": "all"}, TypeError, "n_threads is 'all' (str); wanted a number >= 1"),
    ({"k": 2**70}, ValueError, "wanted an integer >= 1 and <= 2147483647"),
    ({"tol": 10**400}, ValueError, "wanted a finite number >= 0"),
    ({"init": 3}, TypeError, "init is of type int; wanted a pair (W0, H0) or one of 'auto', 'random'"),
    ({"init": W0}, TypeError, "init is of type ndarray; wanted a pair (W0, H0)"),
    ({"init": (W0,)}, ValueError, "init has 1 elements; wanted a pair (W0, H0)"),
    ({"init": (W0[:-1], H0)}, ValueError, "init[0] (W0) has shape (19, 3); wanted (20, 3)"),
    ({"init": (W0, H0.T)}, ValueError, "init[1] (H0) has shape (10, 3); wanted (3, 10)"),
    ({"init": (-W0, H0)}, ValueError, "init[0] (W0) has 60 negative entries"),
    ({"init": (W0, H0 * np.nan)}, ValueError, "init[1] (H0) has 30 NaN entries"),
    ({"init": (W0, H0 + np.inf)}, ValueError, "init[1] (H0) has 30 infinite entries"),
    ({"init": (W0 * 1j, H0)}, TypeError, "init[0] (W0) is complex"),
    ({"init": "nndsvd", "k": 11}, ValueError, "init='nndsvd' needs k <= min(m, n) = 10, but k is 11"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD_OPTIONS, ids=lambda value: str(value)[:40])
def test_bad_options(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        nmfcore.hals(X, **({"k": 3} | options))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"loss": "absolute"},
            "loss is 'absolute'; wanted one of 'frobenius', 'kullback-leibler', 'itakura-saito', 'l1', 'l21', a",
        ),
        ({"loss": np.inf}, "loss is beta=inf; wanted a finite number"),
        ({"solver": "sgd"}, "solver is 'sgd'; wanted one of 'auto', 'hals', 'mu', 'cd', 'pgd'"),
        (
            {"loss": 1, "solver": "hals"},
            "'hals' does not serve loss='kullback-leibler'; wanted one of ['mu', 'cd', 'pgd', 'newton']",
        ),
        ({"loss": 1, "inner_iter": 3}, "inner_iter is not an option of solver='mu'; it has ['floor']"),
        ({"floor": 0}, "floor is not an option of solver='hals'; it has ['inner_iter']"),
        ({"solver": "mu", "floor": -1}, "floor is -1; wanted a finite number >= 0"),
        ({"solver": "mu", "floor": 1}, "floor is 1, a share of the mean of a component; wanted 0 <= floor < 1"),
        ({"loss": 10**400}, "wanted a finite number below"),
        ({"loss": nmfcore.Huber(1e-40)}, "loss has delta=1e-40, below 1e-30 of the largest entry of X"),
        ({"init": (1e200 * W0, 1e200 * H0)}, "init (W0, H0) is out of scale with X"),
        ({"loss": 0}, "X has 1 zero among 200 entries, where loss='itakura-saito' is infinite; wanted X > 0"),
        ({"loss": -0.5}, "X has 1 zero among 200 entries, where loss='beta=-0.5' is infinite"),
    ],
)
def test_unknown_loss_and_solver(options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        nmfcore.nmf(np.where(X == X.max(), 0, X), 3, **options)


def test_unknown_option_is_not_ignored():
    with pytest.raises(TypeError, match="alpha"):
        nmfcore.hals(X, 3, alpha=1)


class Frame:
    """What a DataFrame is to NumPy."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


COUNTS = np.arange(200).reshape(20, 10) % 7


@pytest.mark.parametrize(
    ("other", "same", "dtype"),
    [
        (COUNTS.tolist(), COUNTS, np.float64),
        (Frame(X), X, np.float64),
        (COUNTS.astype(np.int64), COUNTS, np.float64),
        (COUNTS.astype(np.uint8), COUNTS, np.float64),
        (COUNTS > 3, COUNTS > 3, np.float64),
        (COUNTS.astype(np.float16), COUNTS, np.float32),
        (X.astype(">f8"), X, np.float64),
        (X.astype(">f4"), X.astype(np.float32), np.float32),
        (np.ma.masked_array(X), X, np.float64),
        (np.vstack([X, X])[::-2, ::-1], np.vstack([X, X])[::-2, ::-1].copy(), np.float64),
        (np.lib.stride_tricks.as_strided(X, (20, 10), (0, 8)), np.tile(X[0], (20, 1)), np.float64),
        (np.broadcast_to(X[:, :1], (20, 10)), np.tile(X[:, :1], 10), np.float64),
        (np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float64).reshape(20, 10), X, np.float64),
    ],
    ids=[
        "list",
        "frame",
        "int64",
        "uint8",
        "bool",
        "float16",
        "big-endian",
        "big-endian single",
        "unmasked",
        "reversed",
        "one row",
        "one column",
        "unaligned",
    ],
)
def test_other_kinds_of_X(other, same, dtype):
    start = planted(20, 10, 3)[1:]
    result = nmfcore.hals(other, 3, init=start, max_iter=5)
    expected = nmfcore.hals(np.array(same, dtype), 3, init=start, max_iter=5)
    assert result.W.dtype == dtype
    np.testing.assert_array_equal(result.W, expected.W)
    np.testing.assert_array_equal(result.H, expected.H)


@pytest.mark.parametrize("k", [np.int64(3), np.uint8(3), np.array(3)])
def test_numpy_integers_as_k(k):
    assert nmfcore.hals(X, k).W.shape == (20, 3)


@settings(max_examples=80, deadline=None)
@given(
    Y=hnp.arrays(
        st.sampled_from([np.float64, np.float32]),
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
        elements=st.sampled_from([0, 0, 1, 0.5, 3, 1e-3, 1e-30, 1e30]),
    ),
    k=st.integers(1, 14),
    init=st.sampled_from(["auto", "random"]),
    fortran=st.booleans(),
)
def test_any_matrix_is_factorized(Y, k, init, fortran):
    result = nmfcore.hals(np.asfortranarray(Y) if fortran else Y, k, init=init, random_state=0, max_iter=30)
    for F in result:
        assert np.isfinite(F).all() and F.min() >= 0
    assert np.isfinite(result.kkt_residual) and result.relative_error <= 1 + 1e-4
    assert np.all(np.diff(result.history.objective) <= 0)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("columns", [slice(None, None, 3), slice(None, None, -1), slice(2, 3)], ids=str)
def test_views_of_one_row_or_column(columns, transposed):
    view = planted(5, 30, 2)[0][2:3, columns]
    view = view.T if transposed else view
    result, expected = (nmfcore.hals(Y, 1, init="random", random_state=0) for Y in (view, view.copy()))
    np.testing.assert_array_equal(result.W, expected.W)
    np.testing.assert_allclose(result.W @ result.H, view, rtol=1e-10)
