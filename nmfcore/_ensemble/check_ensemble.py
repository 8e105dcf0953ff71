"""Checks of many fits: that they are fits of one X with one objective, and that they are enough for a question."""

import math
import numbers
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeGuard, TypeVar

import numpy as np

from .._checks import InputError, InputTypeError, check_count, check_number
from .._fit import Result, check_result, differing_entries
from ..data import Names, check_same_table
from .records import Failure

OBJECTIVE_TOLERANCE = 1e-6  # relative, between the objectives of one fit that was computed twice
MAX_DIFFERENCES = 3  # listed in a message
# The version may differ: many fits may be continued with a newer nmfcore, and the options of each fit name its version.
NOT_COMPARED = frozenset({"version"})
OBJECTIVE_OPTIONS = ("loss", "penalty_W", "penalty_H", "weights", "mask", "missing")

T = TypeVar("T")


def check_key(k: Any, start: Any) -> tuple[int, int]:
    """The rank of a fit and the number of its start, as integers."""
    return check_count(k, "k", 1), check_count(start, "start", 0)


def check_result_of_rank(result: Any, k: int) -> Result:
    """A result with k components."""
    if not isinstance(result, Result):
        raise InputTypeError(f"result is of type {type(result).__name__}; wanted a Result")
    if result.W.shape[1] != k:
        raise InputError(f"k is {k}, but the result has {result.W.shape[1]} components; wanted its rank")
    return result


def check_sequence(values: Any, name: str) -> tuple[Any, ...]:
    """The entries of an iterable. Text and a `Result`, which are iterable, too, are refused."""
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | Result):
        raise InputTypeError(f"{name} is of type {type(values).__name__}; wanted a sequence")
    return tuple(values)


def check_fits(fits: Sequence[Any], starts: Sequence[Any], failures: Sequence[Any]) -> list[int]:
    """The starts as integers, if the fits are of one X and one objective and none is there twice."""
    if len(fits) != len(starts):
        raise InputError(f"starts has {len(starts)} entries, but there are {len(fits)} fits; wanted one for each")
    _check_types(fits, "fits", Result)
    _check_types(failures, "failures", Failure)
    for i, fit in enumerate(fits):
        _check_same_objective(fits[0], fit, i)
    starts = [check_count(start, f"starts[{i}]", 0) for i, start in enumerate(starts)]
    keys: set[tuple[int, int]] = set()
    for fit, start in zip(fits, starts, strict=True):
        key = fit.W.shape[1], start
        if key in keys:
            raise InputError(f"starts has {start} twice for rank {key[0]}; wanted each start of a rank once")
        keys.add(key)
    return starts


def _check_types(values: Sequence[Any], name: str, kind: type[T]) -> TypeGuard[Sequence[T]]:
    for i, value in enumerate(values):
        if not isinstance(value, kind):
            raise InputTypeError(f"{name}[{i}] is of type {type(value).__name__}; wanted {kind.__name__}")
    return True


def _check_same_objective(first: Result, fit: Result, i: int) -> None:
    """Refuse a fit whose objective cannot be compared with that of the first one."""
    shapes = [(len(one.W), one.H.shape[1]) for one in (first, fit)]
    if shapes[0] != shapes[1]:
        raise InputError(f"fits[{i}] is of an X with shape {shapes[1]}, fits[0] of {shapes[0]}; wanted one X")
    for name in OBJECTIVE_OPTIONS:
        values = [one.options.get(name) for one in (first, fit)]
        if values[0] != values[1]:
            raise InputError(f"fits[{i}] has {name}={values[1]!r}, fits[0] {values[0]!r}; wanted fits of one objective")


def check_ensembles(values: Any, kind: type[T]) -> list[T]:
    """A list of at least one ensemble; `kind` is their class, which stands above this module."""
    ensembles = [values] if isinstance(values, kind) else list(check_sequence(values, "ensembles"))
    if not ensembles:
        raise InputError("ensembles is empty; wanted at least one Ensemble")
    _check_types(ensembles, "ensembles", kind)
    return ensembles


def check_paths(values: Any) -> list[str | bytes | os.PathLike]:
    """A list of at least one path."""
    paths = [values] if isinstance(values, str | bytes | os.PathLike) else list(check_sequence(values, "paths"))
    if not paths:
        raise InputError("paths is empty; wanted at least one path")
    for i, path in enumerate(paths):
        if not isinstance(path, str | bytes | os.PathLike):
            raise InputTypeError(f"paths[{i}] is of type {type(path).__name__}; wanted a path")
    return paths


def check_rank(k: Any, ranks: tuple[int, ...]) -> int:
    """One of the ranks of an ensemble; None stands for the only one."""
    if len(ranks) == 0:
        raise InputError("the ensemble has no fit")
    listed = ", ".join(map(str, ranks))
    if k is None:
        if len(ranks) > 1:
            raise InputError(f"k is None, but the ensemble has fits of the ranks {listed}; wanted one of them")
        return ranks[0]
    if not isinstance(k, numbers.Number):  # perhaps X, which would be long to read
        raise InputTypeError(f"k is of type {type(k).__name__}; wanted one of the ranks {listed}")
    k = check_count(k, "k", 1)
    if k not in ranks:
        raise InputError(f"k is {k}, but the ensemble has fits of rank {listed}; wanted one of them")
    return k


def require_two_starts(k: int, count: int, method: str) -> None:
    """Refuse a rank with a single fit for a method that compares fits."""
    if count < 2:
        raise InputError(
            f"the ensemble has one fit of rank {k}, but {method} compares fits; wanted at least two starts"
        )


def check_fraction(value: Any, name: str) -> float:
    """A number > 0 and at most 1."""
    value = check_number(value, name, positive=True)
    if value > 1:
        raise InputError(f"{name} is {value}; wanted a number > 0 and <= 1")
    return value


def require_components(
    kept: int, k: int, total: int, distances: np.ndarray | None = None, threshold: float = math.inf
) -> None:
    """Refuse to put fewer than k components into k clusters."""
    if kept >= k:
        return
    if distances is None:
        raise InputError(f"{kept} of {total} components are not 0 everywhere; wanted at least k={k}")
    raise InputError(
        f"{kept} of {total} components are within threshold={threshold} of their neighbours, whose distances are from "
        f"{distances.min():.3g} to {distances.max():.3g}; wanted a threshold that leaves at least k={k}"
    )


def check_refit(X: Any, names: Names, fit: Result, weights: Any, mask: Any) -> None:
    """Refuse an X, weights or a mask that cannot be those of a fit of the ensemble."""
    check_same_table(names, fit.names)
    if np.ndim(X) == 2:  # the fit itself refuses any other X
        check_result.check_same_shape(np.shape(X), (len(fit.W), fit.H.shape[1]))
    _check_presence("weights", weights is not None, bool(fit.options.get("weights")))
    masked = mask is not None or isinstance(X, np.ma.MaskedArray)
    _check_presence("mask", masked, bool(fit.options.get("mask")))


def _check_presence(name: str, is_there: bool, was_there: bool) -> None:
    if is_there != was_there:
        of_fits, of_X = ("with", "without") if was_there else ("without", "with")
        raise InputError(f"the fits are {of_fits} {name}, but X comes {of_X} it; wanted it as in the fits")


def check_same_fit(k: int, start: int, before: tuple[float | None, float | None], now: tuple[float, float]) -> None:
    """Refuse two fits of one rank and start that differ; `before` and `now` are (objective, relative error)."""
    exact = all(error is not None and error <= OBJECTIVE_TOLERANCE for error in (before[1], now[1]))
    pairs = [(before[0], now[0])]
    if now[0] == 0 or not math.isfinite(now[0]):  # then the objectives of different fits may be equal
        pairs.append((before[1], now[1]))
    close = (one is not None and math.isclose(one, two, rel_tol=OBJECTIVE_TOLERANCE) for one, two in pairs)
    if not exact and not all(close):
        raise InputError(
            f"the fit of rank {k}, start {start}, is there twice, with objectives {before[0]} and {now[0]}, "
            f"relative errors {before[1]} and {now[1]}; wanted fits of one X with the same options"
        )


def check_same_identity(path: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to add fits to a ledger of other fits."""
    if "X" in now and "X" not in before:
        raise InputError(
            f"{path} does not say of which X its fits are, since Ensemble.save has written it; "
            "wanted a ledger that fit_many has begun, or a new file"
        )
    if differences := _listed(_differences(before, now, False, "there", "now")):
        raise InputError(
            f"{path} is a ledger of other fits: {differences}; wanted one of the same data and options, or a new file"
        )


def check_same_data(first: str, path: str, one: dict[str, Any], two: dict[str, Any]) -> None:
    """Refuse ledgers whose fits cannot be in one ensemble; only entries that both identities have are compared."""
    if differences := _listed(_differences(one, two, True, "in the first", "in the second")):
        raise InputError(
            f"{first} and {path} have fits of different data or options: {differences}; wanted those of one X"
        )


def _listed(differences: Iterator[str]) -> str:
    listed = list(differences)
    more = f" and {len(listed) - MAX_DIFFERENCES} more" if len(listed) > MAX_DIFFERENCES else ""
    return "; ".join(listed[:MAX_DIFFERENCES]) + more


def _differences(
    before: dict[str, Any], now: dict[str, Any], shared_only: bool, here: str, there: str, prefix: str = ""
) -> Iterator[str]:
    """Describe each entry in which two identities differ, in the order of the entries."""
    differing = set(differing_entries(before, now))
    for name in before | now:
        if name in NOT_COMPARED or (name == "solver" and "auto" in (before.get(name), now.get(name))):
            continue  # older versions stored the argument "auto", not the solver that ran
        if name not in before or name not in now:
            if not shared_only:
                owner, value = ("it", before[name]) if name in before else ("this fit", now[name])
                yield f"only {owner} has {prefix}{name} ({value!r})"
        elif isinstance(before[name], dict) and isinstance(now[name], dict):
            yield from _differences(before[name], now[name], shared_only, here, there, f"{prefix}{name}.")
        elif name in differing:
            yield f"{prefix}{name} is {before[name]!r} {here} and {now[name]!r} {there}"
