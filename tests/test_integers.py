"""Whole numbers that no C integer holds, or that memory does not: one clear sentence from every door, or the answer."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import outcome

import nmfcore
from nmfcore import sklearn

X = np.random.default_rng(0).random((8, 6)) + 0.1
S = X[:6] + X[:6].T
RATINGS = sp.coo_array(X)
HUGE = [2**31 - 1, 2**31, 2**63 - 1, 2**63, 2**64, 10**30, np.uint64(2**63), np.int64(2**62)]
BAD = [-1, -(2**31), -(2**63), -(2**64), True, 3.0, "3", np.float32(2), None]
ENDLESS = {"max_iter", "inner_iter", "n_starts", "n_repeats", "power_iter"}  # that many would be computed
SEEDS = {"random_state"}


def one(function, name, *given, **fixed):
    """A test case: the argument `name` of a function gets the value."""
    return pytest.param(
        lambda value: function(*given, **fixed, **{name: value}), name, id=f"{function.__name__}-{name}"
    )


def of_function(function, *given, names, **arguments):
    """Cases of one function; the arguments count but for the one that is tried."""
    for name in names:
        yield one(function, name, *given, **{key: value for key, value in arguments.items() if key != name})


def one_of(call, name, id):
    return pytest.param(call, name, id=id)


FITS = {"k": 2, "max_iter": 2, "random_state": 0}
RANKS = {"max_iter": 2, "random_state": 0, "method": "speckled", "fraction": 0.3}
STARTS = ("k", "n_starts", "max_iter", "n_threads", "random_state")
CASES = [
    *(
        case
        for function in (nmfcore.hals, nmfcore.mu, nmfcore.nmf)
        for case in of_function(function, X, names=("k", "max_iter", "n_threads", "random_state"), tol=1e-2, **FITS)
    ),
    *of_function(nmfcore.hals, X, names=["inner_iter"], **FITS),
    *of_function(nmfcore.transform, X, X[:2], names=("max_iter", "n_threads"), tol=1e-2),
    *of_function(nmfcore.nnls, X[:, :2], X, names=["max_iter"], method="hals"),
    *of_function(nmfcore.nnls, X[:, :2], X, names=["n_threads"]),
    *of_function(
        nmfcore.fit_many,
        X,
        [2],
        names=("n_starts", "max_iter", "n_threads", "random_state", "memory"),
        n_starts=2,
        max_iter=2,
        random_state=0,
    ),
    one_of(lambda value: nmfcore.fit_many(X, [value], 1, random_state=0), "k", "fit_many-ranks"),
    one_of(lambda value: nmfcore.fit_many(X, [2], 2, random_state=0, worker=(0, value)), "share", "fit_many-worker"),
    *of_function(nmfcore.select_rank, X, [1, 2], names=("n_repeats", "max_iter", "n_threads", "random_state"), **RANKS),
    *of_function(nmfcore.select_rank, X, [1, 2], names=["n_starts"], method="stability", random_state=0),
    one_of(
        lambda value: nmfcore.select_rank(X, [1, value], max_iter=1, fraction=0.3, random_state=0),
        "k",
        "select_rank-ranks",
    ),
    *(
        case
        for function in (nmfcore.semi, nmfcore.orthogonal, nmfcore.projective)
        for case in of_function(function, X, names=STARTS, **FITS)
    ),
    *of_function(nmfcore.symmetric, S, names=STARTS, **FITS),
    *of_function(nmfcore.archetypes, X, names=STARTS, **FITS),
    *of_function(
        nmfcore.hierarchical, X, names=("n_leaves", "max_iter", "n_threads", "random_state"), n_leaves=2, random_state=0
    ),
    *of_function(nmfcore.complete, RATINGS, names=("k", "max_iter", "n_threads", "random_state"), **FITS),
    *of_function(nmfcore.svd, X, names=("k", "power_iter", "oversampling", "n_threads", "random_state"), k=2),
    *of_function(nmfcore.separable, X, names=("k", "n_threads"), k=2),
]


@pytest.mark.filterwarnings("ignore::nmfcore.ConvergenceWarning")
@pytest.mark.parametrize(("call", "name"), CASES)
@pytest.mark.parametrize("value", HUGE, ids=str)
def test_huge_numbers(call, name, value):
    if name in ENDLESS and value <= 2**63 - 1:
        pytest.skip("it is what the user asks for")
    try:
        call(value)
    except nmfcore.InputError as error:
        assert "\n" not in str(error) and "wanted" in str(error)
    else:
        assert name in SEEDS or name in {"oversampling", "memory", "share"}, "taken"


@pytest.mark.parametrize(("call", "name"), CASES)
@pytest.mark.parametrize("value", BAD, ids=str)
def test_what_is_no_number_of_things(call, name, value):
    if value is None or (name == "n_threads" and value in (-1, -(2**31))) or (name == "memory" and value == 3.0):
        pytest.skip("it has a meaning")
    with pytest.raises((nmfcore.InputError, nmfcore.InputTypeError), match="wanted") as caught:
        call(value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [np.int8(2), np.uint64(2), np.int16(2)], ids=repr)
@pytest.mark.parametrize(("call", "name"), CASES)
def test_integers_of_numpy(call, name, value):
    if name == "memory":
        pytest.skip("it is too little")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nmfcore.ConvergenceWarning)
        found, wanted = call(value), call(2)
    assert type(found) is type(wanted)
    assert pickle.dumps(outcome(found)) == pickle.dumps(outcome(wanted))


@pytest.mark.parametrize("value", HUGE, ids=str)
@pytest.mark.parametrize("name", ["n_components", "max_iter", "n_threads", "random_state"])
def test_estimators(name, value):
    for kind in (sklearn.NMF, sklearn.MiniBatchNMF):
        if (name in ("n_components", "max_iter") and value < 2**31) or (name == "random_state" and value < 2**32):
            continue
        with pytest.raises(ValueError, match=name):
            kind(**{"n_components": 2, "max_iter": 2, "tol": 1e-2} | {name: value}).fit(X)
