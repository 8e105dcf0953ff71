"""The checks of what the user passes, and the steps from a name to an object; beside it those of one subject each."""

import math
import numbers
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _threads, losses
from ._driver import Options
from ._numbers import choice, listed, number
from ._result import Result
from ._types import State
from ._workspace import Workspace
from .data import Data, Dense, Sparse
from .init import INITS, Random, Start, given, made
from .losses import L1, L21, BetaDivergence, Frobenius, Huber, Loss

STARTS = {name: name for name in ("auto", *INITS)}
MOST = 2**31 - 1  # of a count
LEAST_DELTA = 1e-30  # of a Huber loss, in units of the largest entry of X
BLOCK = 1 << 20  # entries looked at at a time to find the first bad one


def data(X: Any, n_threads: int, signed: bool = False, name: str = "X") -> tuple[Data, Workspace]:
    """X held for a fit, and the workspace of that fit; X is copied only where the kernels cannot read it as it is."""
    stored = _is_sparse(X)
    X = compressed(X, name) if stored else matrix(X, name)
    workspace = Workspace(X.dtype, n_threads)
    held = Sparse.of(X, workspace) if stored else Dense.of(X, workspace)
    if not ((signed or held.measures.smallest >= 0) and math.isfinite(held.measures.squared_norm)):
        _refuse_stored(X, name) if stored else _refuse_entries(X, name)
    return held, workspace


def matrix(X: Any, name: str) -> np.ndarray:
    """A non-empty 2-D array of float32 or float64 in native byte order, with unit stride along one axis."""
    if _is_sparse(X):
        raise TypeError(f"{name} is a sparse {type(X).__name__}; wanted a dense array: pass {name}.toarray()")
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        count = np.ma.count_masked(X)
        raise ValueError(f"{name} is a masked array with {count} masked entries; wanted numbers everywhere")
    try:
        X = np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{name} cannot be read as a matrix: {error}") from None
    _check_dtype(X.dtype, name)
    _check_shape(X.shape, name)
    X = np.asarray(X, _computed_in(X.dtype))
    X = X if X.flags.aligned else X.copy()
    strides = [stride for stride, size in zip(X.strides, X.shape, strict=True) if size > 1]  # the others say nothing
    readable = X.itemsize in strides and all(stride % X.itemsize == 0 for stride in strides)
    return X if readable else np.ascontiguousarray(X)


def _is_sparse(X: Any) -> bool:
    if not hasattr(X, "tocsr"):
        return False
    import scipy.sparse

    return scipy.sparse.issparse(X)


def _check_dtype(dtype: np.dtype, name: str) -> None:
    if dtype.kind == "c":
        raise TypeError(f"{name} is complex ({dtype}); wanted real numbers")
    if dtype.kind not in "biuf":
        raise TypeError(f"{name} has dtype {dtype}; wanted real numbers")
    if dtype.kind == "f" and dtype.itemsize > 8:
        raise TypeError(f"{name} has dtype {dtype}, more precise than the computation: pass {name}.astype('float64')")


def _check_shape(shape: tuple[int, ...], name: str) -> None:
    if len(shape) != 2:
        raise ValueError(
            f"{name} has {len(shape)} dimension{'s' * (len(shape) != 1)}, shape {shape}; wanted a matrix (2)"
        )
    if 0 in shape:
        raise ValueError(f"{name} is empty, shape {shape}; wanted at least one row and one column")


def _computed_in(dtype: np.dtype) -> type:
    return np.float32 if dtype.kind == "f" and dtype.itemsize <= 4 else np.float64


def compressed(X: Any, name: str) -> Any:
    """A SciPy CSR or CSC array in canonical form, of float32 or float64; it shares the memory of X where it can."""
    import scipy.sparse

    _check_dtype(X.dtype, name)
    _check_shape(X.shape, name)
    if X.format == "coo":
        for axis, (indices, size) in enumerate(zip((X.row, X.col), X.shape, strict=True)):
            _check_range(indices, size, f"{name} (COO, axis {axis})")
    if X.format not in ("csr", "csc"):
        X = X.tocsr()
    _check_compressed(X, name)
    kind = scipy.sparse.csr_array if X.format == "csr" else scipy.sparse.csc_array
    stored = X.indptr[-1]
    values = np.ascontiguousarray(X.data[:stored], _computed_in(X.dtype))
    # A new object on the same memory: SciPy's own conversions would sort the caller's indices in place.
    X = kind((values, X.indices[:stored], X.indptr), shape=X.shape)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _check_compressed(X: Any, name: str) -> None:
    """Refuse arrays that point outside the matrix, which no product would notice before it crashes."""
    major, minor = X.shape if X.format == "csr" else X.shape[::-1]
    pointers, stored = X.indptr, min(len(X.indices), len(X.data))
    wanted = f"wanted {major + 1} numbers from 0 to at most {stored} that never fall"
    if len(pointers) != major + 1:
        raise ValueError(f"{name}.indptr has {len(pointers)} numbers; {wanted}")
    if pointers[0] != 0 or pointers[-1] > stored or np.any(pointers[1:] < pointers[:-1]):
        raise ValueError(f"{name}.indptr runs from {pointers[0]} to {pointers[-1]}, or falls; {wanted}")
    _check_range(X.indices[: pointers[-1]], minor, f"{name}.indices")


def _check_range(indices: np.ndarray, size: int, name: str) -> None:
    if len(indices) and not 0 <= indices.min() <= indices.max() < size:
        raise ValueError(f"{name} has indices from {indices.min()} to {indices.max()}; wanted 0 to {size - 1}")


KINDS = {"NaN": np.isnan, "infinite": np.isinf, "negative": lambda block: block < 0}


def _refuse_stored(X: Any, name: str) -> None:
    """Say how many stored entries are NaN, infinite or negative, and where the first is."""
    for kind, is_bad in KINDS.items():
        bad = np.flatnonzero(is_bad(X.data))
        if len(bad):
            major = int(np.searchsorted(X.indptr, bad[0], side="right")) - 1
            place = (major, int(X.indices[bad[0]])) if X.format == "csr" else (int(X.indices[bad[0]]), major)
            _refuse(name, len(bad), kind, X.data[bad[0]], place)


def _refuse(name: str, count: int, kind: str, entry: Any, place: tuple[int, int]) -> None:
    entries = "entry" if count == 1 else "entries"
    wanted = "finite numbers" if kind != "negative" else "numbers >= 0"
    raise ValueError(f"{name} has {count} {kind} {entries}, the first ({entry}) at {place}; wanted {wanted}")


def _refuse_entries(X: np.ndarray, name: str) -> None:
    """Say how many entries are NaN, infinite or negative, and where the first is."""
    step = max(1, BLOCK // X.shape[1])
    for kind, is_bad in KINDS.items():
        count, first = 0, None
        for i in range(0, len(X), step):
            bad = is_bad(X[i : i + step])
            if first is None and bad.any():
                row, column = np.argwhere(bad)[0]
                first = int(row) + i, int(column)
            count += int(np.count_nonzero(bad))
        if first is not None:
            _refuse(name, count, kind, X[first], first)


def count(value: Any, name: str, least: int) -> int:
    """An integer, of Python or NumPy, that is at least `least`."""
    wanted = f"wanted an integer >= {least}"
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r}; {wanted}")
    try:
        value = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); {wanted}") from None
    if not least <= value <= MOST:
        raise ValueError(f"{name} is {value}; {wanted}" + f" and <= {MOST}" * (value > MOST))
    return value


def flag(value: Any, name: str) -> bool:
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {value!r} ({type(value).__name__}); wanted True or False")
    return bool(value)


def threads(n_threads: Any) -> int:
    """The number of threads that n_threads means."""
    if n_threads is not None:
        wanted = "wanted a number >= 1, None or -1 for all, -2 for all but one, and so on"
        if isinstance(n_threads, bool | np.bool_) or not isinstance(n_threads, numbers.Integral):
            raise TypeError(f"n_threads is {n_threads!r} ({type(n_threads).__name__}); {wanted}")
        if n_threads == 0:
            raise ValueError(f"n_threads is 0; {wanted}")
    return _threads.resolve(n_threads)


def generator(random_state: Any) -> Random:
    """NumPy's global state for None, a new one for a seed, or the generator that was passed."""
    if random_state is None:
        return np.random.mtrand._rand  # the one behind np.random.seed, as scikit-learn has it
    if isinstance(random_state, np.random.Generator | np.random.RandomState):
        return random_state
    wanted = "wanted None, an integer >= 0, a numpy Generator or a RandomState"
    if isinstance(random_state, bool | np.bool_) or not isinstance(random_state, numbers.Integral):
        raise TypeError(f"random_state is {random_state!r} ({type(random_state).__name__}); {wanted}")
    if random_state < 0:
        raise ValueError(f"random_state is {random_state}; {wanted}")
    return np.random.default_rng(int(random_state))


def start(
    init: Any,
    held: Data,
    k: int,
    random_state: Any,
    workspace: Workspace,
    given_values: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
    together: bool = False,
) -> Start:
    """The starting factors that `init` names or holds.

    given_values: of W and H where they are (in part) fixed; together: whether all components have one scale.
    """
    rng = generator(random_state)
    if isinstance(init, Result):
        init = tuple(init)
    if isinstance(init, tuple | list):
        if len(init) != 2:
            raise ValueError(f"init has {len(init)} elements; wanted a pair (W0, H0)")
        m, n = held.shape
        W0, H0 = (
            _factor(F, name, shape, held.dtype)
            for F, name, shape in zip(init, ("init[0] (W0)", "init[1] (H0)"), ((m, k), (k, n)), strict=True)
        )
        found = given(held, W0, H0, together)
        limit = float(np.finfo(held.dtype).max) ** 0.3
        if held.measures.largest > 0 and not found.W.max() <= limit:  # X = 0 has no scale
            raise ValueError(
                f"init (W0, H0) is out of scale with X: with H0 scaled to 1 and X to {held.measures.largest:g}, W0 has "
                f"entries beyond {limit:.0e}"
            )
        return found
    of_H = _scale_of_H(held, given_values)
    if not isinstance(init, str):
        raise TypeError(f"init is of type {type(init).__name__}; wanted a pair (W0, H0) or one of {listed(STARTS)}")
    largest = min(held.shape)
    name = choice(init, "init", STARTS | {"auto": "nndsvda" if k <= largest and not held.weighted else "random"})
    if k > largest and name != "random":
        raise ValueError(f"init={init!r} needs k <= min(m, n) = {largest}, but k is {k}; 'random' and 'auto' do not")
    if name == "spa" and held.weighted:
        raise ValueError("init is 'spa', which takes whole rows of X, but entries have weights; wanted another start")
    found = made(held, name, k, rng, workspace, of_H)
    independent(found.W.shape[1], k)
    return found


def independent(rows: int, k: int) -> None:
    """Refuse more components than X has independent rows, where those are to be the components."""
    if rows < k:
        raise ValueError(f"k is {k}, but X has only {rows} linearly independent rows, to round-off; wanted k <= {rows}")


def _scale_of_H(held: Data, given_values: tuple[np.ndarray | None, np.ndarray | None]) -> int | None:
    """The exponent of H in a fit where values of a factor are given."""
    of_W, of_H = (
        None if values is None or not np.nanmax(values, initial=0) > 0 else int(np.frexp(np.nanmax(values))[1])
        for values in given_values
    )
    return of_H if of_W is None else held.measures.exponent - of_W if of_H is None else of_H


def _factor(F: Any, name: str, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    F = matrix(F, name)
    if F.shape != shape:
        raise ValueError(f"{name} has shape {F.shape}; wanted {shape}")
    if not (F.min() >= 0 and F.max() < math.inf):
        _refuse_entries(F, name)
    if F.dtype != dtype and F.max() > np.finfo(dtype).max:
        raise ValueError(f"{name} has entries up to {F.max()}, more than the {dtype} of X can hold")
    return F


def parts(H: Any, X: Any) -> np.ndarray:
    """A whole H for X, finite and >= 0."""
    H = matrix(H, "H")
    columns = np.shape(X)[1] if np.ndim(X) == 2 else H.shape[1]  # another X is refused for itself
    return _factor(H, "H", (H.shape[0], columns), H.dtype)


def loss(value: Any) -> Loss:
    """The loss of that name, or of that beta, or that object itself."""
    if isinstance(value, Frobenius | BetaDivergence | Huber | L1 | L21):
        return losses.of(value.beta) if type(value) is BetaDivergence else value
    if isinstance(value, numbers.Real) and not isinstance(value, bool | np.bool_):
        if not abs(value) < MOST:
            raise ValueError(f"loss is beta={value}; wanted a finite number below {MOST}")
        return losses.of(float(value))
    wanted = f"wanted one of {listed(losses.NAMED)}, a number beta, or an object such as nmfcore.Huber(delta)"
    if not isinstance(value, str):
        raise TypeError(f"loss is {value!r} ({type(value).__name__}); {wanted}")
    if value not in losses.NAMED:
        raise ValueError(f"loss is {value!r}; {wanted}")
    return losses.NAMED[value]


def entries(held: Data, X: Any, loss: Loss) -> None:
    """Refuse zeros where the loss is infinite at them, and a scale that no residual has."""
    if isinstance(loss, Huber) and loss.parameter(held) < LEAST_DELTA:
        raise ValueError(
            f"loss has delta={loss.delta}, below {LEAST_DELTA} of the largest entry of X; wanted a larger one"
        )
    if not loss.positive or held.measures.smallest > 0:
        return
    size = held.shape[0] * held.shape[1]
    zeros = size - (X.count_nonzero() if _is_sparse(X) else int(np.count_nonzero(X)))
    found = "zeros that are not hidden" if held.weighted else f"{zeros} zero{'s' * (zeros != 1)} among {size} entries"
    raise ValueError(
        f"X has {found}, where loss={loss.name!r} is infinite; "
        "wanted X > 0: add a small constant to X, or take 'kullback-leibler' or another beta > 0"
    )


def options(
    extrapolates: bool,
    max_iter: Any,
    tol: Any,
    max_time: Any,
    extrapolate: Any,
    callback: Any,
    verbose: Any,
    report: Callable[[State], None],
) -> Options:
    """When to stop and what to tell; whether to extrapolate where the solver does."""
    if callback is not None and not callable(callback):
        raise TypeError(
            f"callback is {callback!r} ({type(callback).__name__}); wanted a function of one argument, or None"
        )
    return Options(
        max_iter=count(max_iter, "max_iter", 0),
        tol=number(tol, "tol"),
        max_time=None if max_time is None else number(max_time, "max_time"),
        extrapolate=flag(extrapolate, "extrapolate") and extrapolates,
        callback=callback,
        report=report if flag(verbose, "verbose") else None,
    )
