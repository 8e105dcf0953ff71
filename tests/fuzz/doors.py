"""One random call of each function that users call, with the checks of what it returns.

A call raises `Refused` with a clear error of the package, `Finding` where something is wrong, and else returns.
"""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import oracle
import scipy.optimize
import scipy.sparse as sp
from draw import OWN_ERRORS, Draw

import nmfcore
from nmfcore.sklearn import NMF

TOLERANCE = 1e-6  # of a reported number
ROUND_OFF = 500  # times the eps of the dtype and the size of the terms: sums of up to 27000 entries


class Refused(Exception):
    """The package has refused the arguments."""


class Finding(Exception):
    """What is wrong with a call."""


def require(condition, message):
    if not condition:
        raise Finding(message)


def call(function, *arguments, unchanged=(), **options):
    """Call the function; its warnings are findings, but for those that say something about the data or the fit."""
    before = [np.array(array, copy=True) for array in unchanged]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", nmfcore.ConvergenceWarning)
        warnings.filterwarnings("ignore", ".* no observed entry .*", UserWarning)
        warnings.filterwarnings("ignore", "X has entries > 0 in .* where no component of H does", UserWarning)
        try:
            result = function(*arguments, **options)
        except OWN_ERRORS as error:
            require("\n" not in str(error) and len(str(error)) < 500, f"a message of more than one sentence: {error}")
            raise Refused(str(error)) from None
        finally:
            for one, other in zip(before, unchanged, strict=True):
                require(np.array_equal(one, other, equal_nan=True), "an argument has changed")
    return result


def check_factors(W, H, shape, dtype, signed=False):
    for F, wanted, name in ((W, shape[0], "W"), (H, shape[1], "H")):
        require(F.dtype == dtype, f"{name} has dtype {F.dtype} for X of {dtype}")
        require(np.isfinite(F).all(), f"{name} is not finite")
        require(signed or (F >= 0).all(), f"{name} has negative entries")
        require(wanted in F.shape, f"{name} has shape {F.shape} for X of {shape}")


def near(reported, true, size, dtype):
    """Whether a number is the true one to a millionth and to the round-off of its terms, and infinite if that is."""
    with np.errstate(all="ignore"):
        largest, eps = np.finfo(np.float64).max, oracle.WIDE(np.finfo(dtype).eps)
        round_off = ROUND_OFF * eps * (size + np.sqrt(abs(size * true)))
        if true > largest and reported > largest * (1 - TOLERANCE):
            return True
        return bool(abs(reported - true) <= TOLERANCE * abs(true) + round_off + 1e-300)


def check_history(result):
    values = result.history.objective
    require(len(values) == result.n_iter + 1, "the history has another length than n_iter + 1")
    require(not np.isnan(values).any(), "the history has a NaN")
    finite = values[np.isfinite(values)]
    with np.errstate(all="ignore"):
        rises = np.diff(finite) > 1e-9 * np.abs(finite[1:])
    require(not rises.any(), "the history rises")


def same_bits(one, other):
    return all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))


def fit(draw: Draw):
    """`nmf`, `hals` or `mu`."""
    shape, dtype = draw.shape(), draw.choose(np.float64, np.float64, np.float32)
    (m, n), k = shape, draw.choose(1, 2, 3, 5, 9)
    loss, name = draw.loss()
    options = draw.options() | {"loss": loss, "init": draw.init(m, n, k)}
    plain = draw.chance(0.5)
    exponent = draw.exponent(dtype) if plain and not isinstance(name, tuple) and isinstance(options["init"], str) else 0
    zeros = draw.choose(None, 0.3, 0.8) if not isinstance(name, (int, float)) or name > 0 else None
    X = draw.values(shape, dtype, zeros, exponent=exponent)
    if isinstance(name, (int, float)) and name <= 0:
        X[X == 0] = np.ldexp(dtype(0.5), exponent)
    draw.note(shape=shape, dtype=dtype.__name__, k=k, exponent=exponent, **options | {"init": draw.said["init"]})
    weights = known = None
    told = {}
    if not plain:
        weights, known, told = draw_extras(draw, X, k, name, options)
    A, arrays = draw.store(X, sparse=isinstance(name, tuple) or name == "l1" or name > 0 or name == 2)
    if draw.chance(0.3):
        options["solver"] = draw.choose("hals", "mu", "cd", "bpp", "pgd")
        draw.note(solver=options["solver"])
    result = call(nmfcore.nmf, A, k, unchanged=arrays, **options)
    check_fit(result, X, dtype, name, weights, told, known)
    if draw.chance(0.1):
        other = call(nmfcore.nmf, A, k, **options | {"n_threads": 2 if options["n_threads"] == 1 else 1})
        require(same_bits(result, other), "another number of threads gives other bits")
    if (
        plain
        and draw.chance(0.1)
        and exponent == 0
        and not isinstance(name, tuple)
        and isinstance(options["init"], str)
    ):
        other = call(nmfcore.nmf, np.ldexp(X, 8), k, **options)
        alone = call(nmfcore.nmf, X.copy(), k, **options)
        same = all(np.array_equal(np.frexp(a)[0], np.frexp(b)[0]) for a, b in zip(alone, other, strict=True))
        require(same, "256 X gives other digits than X")
    if draw.chance(0.1):
        check_file(result)
    return result


def draw_extras(draw, X, k, name, options):
    """Add penalties, weights or a mask, and known values to the options."""
    (m, n), weights, told, known = X.shape, None, {}, None
    for side, shape in (("W", (m, k)), ("H", (n, k))):
        if draw.chance(0.35):
            options[f"penalty_{side}"], told[f"penalty_{side}"] = draw.penalty(shape, side)
    if draw.chance(0.3):
        kind = draw.choose("weights", "mask", "zero weights")
        hidden = draw.rng.random((m, n)) < 0.3
        weights = np.where(hidden, 0.0, 1.0)
        if kind == "mask":
            options["mask"] = hidden
        else:
            weights = draw.rng.choice([0.5, 1.0, 2.0], (m, n)) * (weights if kind == "zero weights" else 1)
            options["weights"] = weights
        draw.note(extras=kind)
    if draw.chance(0.25):
        side = draw.choose("W", "H")
        known = draw.fixed((m, k) if side == "W" else (k, n))
        options[f"fixed_{side}"], known = known, (side, known) if np.isfinite(known).any() else None
    draw.note(penalties=told, fixed=known and known[0])
    return weights, known, told


def check_fit(result, X, dtype, name, weights, told, known):
    check_factors(result.W, result.H, X.shape, dtype)
    check_history(result)
    constrained = {side.removeprefix("penalty_") for side in told} | ({known[0]} if known else set())
    coupled = len(constrained) == 1 and all(kind not in SETS for kind, _ in told.values())
    true = oracle.objective(X, result.W, result.H, name, weights, **told, coupled=coupled)
    size = oracle.scale(X, name, weights)
    if np.isfinite(true):
        require(
            near(result.objective, true, size, dtype), f"objective {result.objective!r}, but the sum is {float(true)!r}"
        )
    error = oracle.relative_error(X, result.W, result.H, weights)
    if np.isfinite(error):
        allowed = TOLERANCE * error + np.sqrt(ROUND_OFF * np.finfo(dtype).eps * max(error, 1)) * 1e-1
        require(
            abs(result.relative_error - error) <= allowed,
            f"relative_error {result.relative_error!r}, but the sum is {float(error)!r}",
        )
    if known is not None:
        side, values = known
        F, given = getattr(result, side), np.isfinite(values)
        require(np.allclose(F[given], values[given], rtol=1e-5), f"known values of {side} have changed")


SETS = ("Box", "SumToOne", "Hoyer")


def check_file(result):
    """A result is the same after `save` and `load`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        result.save(path)
        read = type(result).load(path)
    require(same_bits(result, read), "a file gives other factors")
    require(read.options == result.options and read.objective == result.objective, "a file gives other figures")


def checkpoint(draw: Draw):
    """A fit that was interrupted goes on to the same bits."""
    m, n = draw.shape()
    X, k = draw.values((m, n), np.float64, 0.2), draw.choose(1, 2, 4)
    options = draw.options() | {"max_iter": 12, "loss": draw.choose("frobenius", "kullback-leibler", 1.5)}
    at, kept = draw.choose(1, 3, 11), []
    draw.note(shape=(m, n), k=k, at=at, **options)

    def keep(state):
        if state.iteration == at:
            kept.append(state.checkpoint())

    whole = call(nmfcore.nmf, X, k, callback=keep, **options)
    if kept:
        resumed = call(nmfcore.nmf, X, k, **options | {"init": kept[0]})
        require(same_bits(whole, resumed), "a resumed fit ends at other factors")


def transform(draw: Draw):
    m, n = draw.shape()
    k, dtype = draw.choose(1, 2, 4), draw.choose(np.float64, np.float32)
    loss = draw.choose("frobenius", "frobenius", "kullback-leibler", 1.5, "l1")
    X, H = draw.values((m, n), dtype, 0.2), draw.values((k, n), dtype, draw.choose(None, 0.3))
    A, arrays = draw.store(X, sparse=loss != 1.5)
    draw.note(shape=(m, n), k=k, loss=loss, dtype=dtype.__name__)
    W = call(nmfcore.transform, A, H, loss=loss, n_threads=draw.choose(1, 2), unchanged=[*arrays, H])
    check_factors(W, H, (m, n), dtype)
    if loss == "frobenius":
        check_least_squares(X, W, H.T, dtype, 1e-4)


def check_least_squares(X, W, B, dtype, tolerance):
    """The rows of W are least-squares solutions of X ~ W B'."""
    for x, w in zip(X.astype(float), W.astype(float), strict=True):
        best = scipy.optimize.nnls(B.astype(float), x)[1] ** 2
        found = np.sum((x - B @ w) ** 2)
        room = tolerance * best + ROUND_OFF * np.finfo(dtype).eps * np.sum(x * x)
        require(found <= best + room, f"squared residual {found!r}; the least one is {best!r}")


def nnls(draw: Draw):
    m, n = draw.shape()
    k, dtype = draw.choose(1, 2, 4, 8), draw.choose(np.float64, np.float32)
    exponent = draw.exponent(dtype) if draw.chance(0.5) else 0
    X, B = draw.values((m, n), dtype, 0.2, signed=draw.chance(0.5), exponent=exponent), draw.values((m, k), dtype, 0.2)
    A, arrays = draw.store(X)
    draw.note(shape=(m, n), k=k, dtype=dtype.__name__, exponent=exponent)
    Y = call(nmfcore.nnls, B, A, unchanged=[*arrays, B])
    check_factors(B, Y, (m, n), dtype, signed=True)
    require((Y >= 0).all(), "Y has negative entries")
    if abs(exponent) < 300:
        check_least_squares(
            np.ldexp(X.T.astype(float), -exponent), np.ldexp(Y.T.astype(float), -exponent), B, dtype, 1e-6
        )


def fit_many(draw: Draw):
    m, n = draw.shape(25)
    dtype = draw.choose(np.float64, np.float32)
    loss, name = draw.choose(("frobenius", 2), ("kullback-leibler", 1), (1.5, 1.5))
    X = draw.values((m, n), dtype, 0.2)
    ranks = sorted({draw.choose(1, 2, 3, 4) for _ in range(2)})
    A, arrays = draw.store(X)
    options = draw.options()
    draw.note(shape=(m, n), ranks=ranks, loss=loss, dtype=dtype.__name__, **options)
    ensemble = call(nmfcore.fit_many, A, ranks, 2, loss=loss, unchanged=arrays, **options)
    require(not ensemble.failures, f"fits have failed: {ensemble.failures[:1]}")
    for result in ensemble.fits:
        check_fit(result, X, dtype, name, None, {}, None)


def select_rank(draw: Draw):
    m, n = max(draw.shape(25)[0], 4), max(draw.shape(25)[1], 4)
    X = draw.values((m, n), np.float64, 0.1, exponent=draw.exponent(np.float64))
    method = draw.choose("speckled", "bicross", "mdl", "stability", "elbow", "ard")
    A, arrays = draw.store(X)
    draw.note(shape=(m, n), method=method)
    ranks = [1, 2, 3]
    choice = call(nmfcore.select_rank, A, ranks, method, max_iter=20, random_state=0, unchanged=arrays)
    require(choice.k in ranks, f"the choice {choice.k} is none of the ranks")
    require(not np.isnan(choice.score).all(), "all scores are NaN")


def archetypes(draw: Draw):
    m, n = draw.shape(25)
    dtype, k = draw.choose(np.float64, np.float32), draw.choose(1, 2, 3, 5)
    X = draw.values((m, n), dtype, 0.2, signed=draw.chance(0.5), exponent=draw.exponent(dtype))
    if draw.chance(0.2):
        X[:] = X[0]
    A, arrays = draw.store(X)
    options = {"delta": draw.choose(0.0, 0.0, 0.3), "random_state": 0, "max_iter": draw.choose(0, 5, 50)}
    draw.note(shape=(m, n), k=k, dtype=dtype.__name__, **options)
    result = call(nmfcore.archetypes, A, k, unchanged=arrays, **options)
    check_factors(result.W, result.archetypes, (m, n), dtype, signed=True)
    require((result.W >= 0).all() and (result.B >= 0).all(), "weights below zero")
    require((X.min() < 0) or (result.archetypes >= 0).all(), "archetypes of X >= 0 below zero")
    require(np.allclose(result.W.sum(axis=1), 1, atol=1e-5), "rows of W do not sum to one")
    check_history(result)
    true = oracle.objective(X, result.W, result.archetypes, 2)
    require(near(result.objective, true, oracle.scale(abs(X), 2), dtype), f"objective {result.objective}, sum {true}")


def complete(draw: Draw):
    m, n = draw.shape(25)
    X = np.ceil(draw.values((m, n), np.float64)) * (draw.rng.random((m, n)) < 0.5)
    draw.note(shape=(m, n))
    A = sp.csr_array(X)
    k, nonnegative = draw.choose(0, 1, 3), draw.choose(True, False, ("W",))
    result = call(nmfcore.complete, A, k, nonnegative=nonnegative, random_state=0, max_iter=20, unchanged=[A.data])
    check_factors(result.W, result.H, (m, n), np.float64, signed=True)
    require(nonnegative is not True or ((result.W >= 0).all() and (result.H >= 0).all()), "factors below zero")
    check_history(result)
    model = result.mean + result.user_bias[:, None] + result.item_bias + result.W @ result.H
    known, lam = X > 0, 0.08
    value = np.sum((X - model)[known] ** 2) / 2
    for axis, F, bias in ((1, result.W, result.user_bias), (0, result.H.T, result.item_bias)):
        value += lam / 2 * np.sum(known.sum(axis=axis) * (np.sum(F * F, axis=1) + bias**2))
    require(near(result.objective, value, np.sum(X * X), np.float64), f"objective {result.objective}, sum {value}")


def svd(draw: Draw):
    shape, dtype = draw.shape(), draw.choose(np.float64, np.float32)
    exponent = draw.exponent(dtype)
    X = draw.values(shape, dtype, 0.2, signed=draw.chance(0.5), exponent=exponent)
    k = int(draw.rng.integers(1, min(*shape, 6) + 1))
    A, arrays = draw.store(X)
    draw.note(shape=shape, k=k, dtype=dtype.__name__, exponent=exponent)
    U, s, Vt = call(nmfcore.svd, A, k, random_state=0, unchanged=arrays)
    require(all(np.isfinite(F).all() for F in (U, s, Vt)), "not finite")
    true = np.linalg.svd(np.ldexp(X.astype(float), -exponent), compute_uv=False)[:k]
    found = np.ldexp(s.astype(float), -exponent)
    require(np.allclose(found, true, rtol=1e-2, atol=1e-4 * true[0]), f"singular values {found}, wanted {true}")


def separable(draw: Draw):
    shape, dtype = draw.shape(), draw.choose(np.float64, np.float32)
    X = draw.values(shape, dtype, 0.2, exponent=draw.exponent(dtype))
    k = int(draw.rng.integers(1, min(shape) + 1))
    A, arrays = draw.store(X)
    draw.note(shape=shape, k=k, dtype=dtype.__name__)
    result = call(nmfcore.separable, A, k, normalize=draw.chance(0.7), unchanged=arrays)
    check_factors(result.W, result.H, shape, dtype)
    require(np.array_equal(result.H, X[result.rows]), "H does not consist of rows of X")
    error = oracle.relative_error(X, result.W, result.H)
    require(abs(result.relative_error - error) <= 1e-6 * error + 1e-3 * (dtype == np.float32) + 1e-6, "relative_error")


def relatives(draw: Draw):
    name = draw.choose("symmetric", "projective", "orthogonal", "semi", "hierarchical")
    shape, dtype = draw.shape(25), draw.choose(np.float64, np.float32)
    exponent = draw.choose(0, 0, 30, -30)
    X = draw.values(shape, dtype, 0.2, signed=name == "semi", exponent=exponent)
    if name == "symmetric":
        X = np.maximum(X @ X.T, (X @ X.T).T) if draw.chance(0.9) else X
    k = int(draw.rng.integers(1, min(*X.shape, 5) + 1))
    A, arrays = draw.store(X)
    draw.note(shape=X.shape, k=k, door=name, dtype=dtype.__name__)
    options = {"random_state": 0, "max_iter": draw.choose(1, 20)}
    result = call(getattr(nmfcore, name), A, k, unchanged=arrays, **options)
    if name == "hierarchical":
        require(np.isfinite(result.objective), "the objective is not finite")
        return
    check_factors(result.W, result.H, X.shape, dtype, signed=name == "semi")
    check_history(result)
    true = oracle.objective(X, result.W, result.H, 2)
    require(near(result.objective, true, oracle.scale(abs(X), 2), dtype), f"objective {result.objective}, sum {true}")


def estimator(draw: Draw):
    shape = draw.shape(25)
    X, k = draw.values(shape, draw.choose(np.float64, np.float32), 0.2), draw.choose(1, 2, 3)
    solver = draw.choose("cd", "mu")
    A, _ = draw.store(X)
    draw.note(shape=shape, k=k, solver=solver)
    model = NMF(k, solver=solver, beta_loss=1 if solver == "mu" else 2, random_state=0, max_iter=draw.choose(1, 30))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "Maximum number of iterations")
            W = model.fit_transform(A)
    except ValueError as error:
        raise Refused(str(error)) from None
    require(np.isfinite(W).all() and np.isfinite(model.components_).all(), "not finite")
    require(np.isfinite(model.reconstruction_err_), "reconstruction_err_ is not finite")
    if solver == "cd":
        true = np.linalg.norm(X.astype(float) - W.astype(float) @ model.components_.astype(float))
        require(abs(model.reconstruction_err_ - true) <= 1e-3 * np.linalg.norm(X) + 1e-9, "reconstruction_err_")


def mistake(draw: Draw):
    """A wrong argument is refused by every fit."""
    m, n = draw.shape(12)
    arguments = draw.mistake(m, n)
    function = draw.choose(nmfcore.nmf, nmfcore.hals, nmfcore.mu, nmfcore.fit_many)
    draw.note(function=function.__name__)
    try:
        call(function, *(arguments.pop(name) for name in ("X", "k")), **arguments)
    except Refused:
        return
    raise Finding("a wrong argument was taken")


DOORS = {
    "fit": (fit, 10),
    "checkpoint": (checkpoint, 1),
    "transform": (transform, 1),
    "nnls": (nnls, 1),
    "fit_many": (fit_many, 1),
    "select_rank": (select_rank, 0.3),
    "archetypes": (archetypes, 1),
    "complete": (complete, 1),
    "svd": (svd, 1),
    "separable": (separable, 1),
    "relatives": (relatives, 2),
    "estimator": (estimator, 1),
    "mistake": (mistake, 1),
}
