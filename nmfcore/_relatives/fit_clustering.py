"""The body that symmetric, projective, orthogonal and semi-NMF share: checks, starts, the best of several fits."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._checks import Random, check_count, check_random_state, refuse_large_rank
from .._fit import ProgressPrinter, RandomState, State, check_options
from .._runtime import Workspace, check_threads, single_blas
from ..data import COMPONENTS, FEATURES, SAMPLES, Alignment, UnweightedData, as_data, frames
from .check_relatives import check_n_starts, check_start_factor, check_symmetric
from .clustering import Clustering
from .iterations import IterativeFit, best_of


@dataclass(frozen=True, eq=False)
class ClusteringRequest:
    """The arguments of a call of `symmetric`, `projective`, `orthogonal` or `semi`, not yet checked."""

    X: Any
    k: int
    init: Any
    n_starts: int | str
    max_iter: int
    tol: float
    max_time: float | None
    n_threads: int | None
    random_state: RandomState
    callback: Callable[[State], object] | None
    verbose: bool


def draw_factor(data: UnweightedData, k: int, rng: Random) -> np.ndarray:
    """A random start for W (m x k): absolute values of normal numbers."""
    return np.abs(rng.standard_normal((data.shape[0], k))).astype(data.dtype)


def start_from_factor(init: Any, data: UnweightedData, k: int) -> np.ndarray:
    """A copy of a given start for W, scaled by a power of two so that its largest entry lies in [1/2, 1)."""
    F = check_start_factor(init, (data.shape[0], k), data.dtype)
    return np.ldexp(F, -int(np.frexp(F.max())[1])).astype(data.dtype, order="C")


class ClusteringModel(NamedTuple):
    """What one of the four functions does differently from the others."""

    fit: Callable[[UnweightedData, np.ndarray, Workspace], IterativeFit]
    """Begins a fit of the data from a start."""
    n_starts: int
    """The number of fits where n_starts is "auto" and no start is given."""
    name: str = "X"
    """The name of the matrix in messages."""
    symmetric: bool = False
    signed: bool = False
    """Whether entries may be negative."""
    draw_start: Callable[[UnweightedData, int, Random], np.ndarray] = draw_factor
    start_from_init: Callable[[Any, UnweightedData, int], np.ndarray] = start_from_factor
    axes_of_init: tuple[str, ...] = (SAMPLES, COMPONENTS)


def fit_clustering(request: ClusteringRequest, model: ClusteringModel) -> Clustering:
    """Check the arguments, fit from each start, and return the best fit."""
    clock = time.perf_counter()
    k, has_init = check_count(request.k, "k", 1), request.init is not None
    n_starts = check_n_starts(request.n_starts, has_init, model.n_starts)
    options = check_options(
        request.max_iter, request.tol, request.max_time, request.callback, request.verbose, ProgressPrinter()
    )
    rng = check_random_state(request.random_state)
    axes = (SAMPLES, SAMPLES) if model.symmetric else (SAMPLES, FEATURES)
    alignment = Alignment(request.X, model.name, axes)
    X, names = frames.unwrap(request.X, model.name)
    if model.symmetric:  # whose columns have the order of its rows
        X, names = alignment.align(request.X, model.name, axes), (names[0], names[0] or names[1])
    given_init = alignment.align(request.init, "init", model.axes_of_init)
    data, workspace = as_data(X, check_threads(request.n_threads), signed=model.signed, name=model.name)
    refuse_large_rank(k, sum(data.shape), data.dtype.itemsize)
    if model.symmetric:
        check_symmetric(data)
    init = model.start_from_init(given_init, data, k) if has_init else None

    def start_fit() -> IterativeFit:
        return model.fit(data, model.draw_start(data, k, rng) if init is None else init, workspace)

    with single_blas():
        best, objectives = best_of(start_fit, n_starts, options, clock)
        return Clustering.of(best, objectives, names)
