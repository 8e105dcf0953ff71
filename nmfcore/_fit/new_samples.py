"""W for a given H: the fit of one factor, without the columns of X that no component explains."""

import time
import warnings
from dataclasses import replace
from typing import Any

import numpy as np

from .._checks import check_H, is_sparse, user_stacklevel
from ..data import check_same_columns, frames
from .check_result import loss_of_fit
from .convergence import warn_if_off_minimum
from .factorization import Factorization, Kind
from .problem import Problem
from .request import FitRequest

BY_COLUMN = ("weights", "mask")  # arguments of the shape of X
FLOORS = 4  # machine epsilons times the mean of a component: older results have such entries for 0


def fit_new_samples(X: Any, H: Any, kind: type[Kind], options: dict[str, Any]) -> Kind:
    """The result of `transform`: W for X under H, an array, a data frame or a result; options: those of the fit."""
    clock = time.perf_counter()
    values, names = frames.unwrap(X)
    loss = "frobenius" if options["loss"] is None else options["loss"]
    if isinstance(H, Factorization):
        loss = loss_of_fit(H.options) if options["loss"] is None else loss
        H = frames.labelled(H.H, (None, H.names[1]))
    values_of_H, (_, fitted) = frames.unwrap(H, "H")
    check_same_columns(names[1], fitted)
    values_of_H = check_H(values_of_H, values)
    arguments = options | {"loss": loss, "fixed_H": frames.labelled(values_of_H, frames.labels_of(H))}
    request = FitRequest(X=frames.labelled(values, frames.labels_of(X)), k=len(values_of_H), **arguments)
    result = fit_W(request, kind, clock)
    warn_if_off_minimum(result, request.tol)
    return replace(result, names=names)


def fit_W(request: FitRequest, kind: type[Kind], clock: float | None = None, warn: bool = True) -> Kind:
    """The result of a request whose H (fixed_H) is given in full.

    A loss that is infinite where the model is 0 under X > 0 sees only the columns of X where H has a component; the
    others are listed in `unobserved`, and with `warn` a warning counts those with an entry > 0.
    """
    clock = time.perf_counter() if clock is None else clock
    problem = Problem(request, kind)
    request = problem.request  # its arrays have the order of X, if they have names
    H, _ = frames.unwrap(request.fixed_H, "fixed_H")
    empty = _unexplained_columns(H)
    if not problem.loss.needs_model or not empty.any() or empty.all():
        return problem.fit(clock).run()
    ignored = np.flatnonzero(empty)
    counts = int(np.count_nonzero(_has_entries(problem, ignored)))
    if warn and counts:
        warnings.warn(
            f"X has entries > 0 in {counts} column{'s' * (counts != 1)} where no component of H does and "
            f"loss={problem.loss.name!r} is infinite; these columns are ignored",
            UserWarning,
            stacklevel=user_stacklevel(),
        )
    arguments = {name: _columns(getattr(request, name), ~empty, name) for name in BY_COLUMN}
    explained = replace(request, X=_columns(problem.X, ~empty, "X"), fixed_H=H[:, ~empty], **arguments)
    result = Problem(explained, kind).fit(clock).run()
    rows, columns = result.unobserved
    columns = np.union1d(ignored, np.flatnonzero(~empty)[columns])
    full = np.asfortranarray(H, result.H.dtype)
    return replace(result, H=full, unobserved=(rows, columns), names=problem.names)


def _unexplained_columns(H: np.ndarray) -> np.ndarray:
    """Whether all components are 0 in a column of H, or at a floor that stands for 0."""
    shares = np.ldexp(H, -np.frexp(H.max())[1])  # of a scale in which sums do not overflow
    floor = FLOORS * float(np.finfo(H.dtype).eps) * shares.mean(axis=1, keepdims=True)
    return (shares <= floor).all(axis=0)


def _has_entries(problem: Problem[Any], columns: np.ndarray) -> np.ndarray:
    """Whether each of the columns has an entry > 0 with a weight > 0."""
    data = problem.data.T
    B = np.ones((data.shape[1], 1), data.dtype)
    return data.dot(B, np.empty((data.shape[0], 1), data.dtype))[columns, 0] > 0


def _columns(A: Any, which: np.ndarray, name: str) -> Any:
    """Columns of an array, a sparse matrix or a data frame; None stays None."""
    if A is None:
        return None
    A = frames.unwrap(A, name)[0]
    if is_sparse(A):
        return A.tocsr()[:, which]
    return (A if isinstance(A, np.ndarray) else np.asarray(A))[:, which]
