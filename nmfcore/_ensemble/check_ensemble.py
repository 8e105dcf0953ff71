"""The checks of many fits: that they belong together, and are enough for what is asked of them."""

import math
import numbers
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .. import losses
from .._checks import InputError, InputTypeError, check_count, check_number
from .._fit import NEAR, ROUND_OFF, Result, check_result
from ..data import same_columns
from .records import Failure

AGREE = 1e-6  # relative, between objectives of one fit that was made twice, or a relative error like round-off
MOST = 3  # entries that differ and are shown
NOT_COMPARED = frozenset({"version"})  # of nmfcore: a sweep may go on with a newer one, which each fit says of itself
OBJECTIVE = ("loss", "penalty_W", "penalty_H", "weights", "mask", "missing")  # options that say what is minimised


def place(k: Any, start: Any, result: Any = None) -> tuple[int, int]:
    """A rank and a start, and that a result is one of that rank."""
    k, start = check_count(k, "k", 1), check_count(start, "start", 0)
    if result is None:
        return k, start
    if not isinstance(result, Result):
        raise InputTypeError(f"result is of type {type(result).__name__}; wanted a Result")
    if result.W.shape[1] != k:
        raise InputError(f"k is {k}, but the result has {result.W.shape[1]} components; wanted its rank")
    return k, start


def sequence(values: Any, name: str) -> tuple[Any, ...]:
    """What can be gone through, as a tuple."""
    if not isinstance(values, Iterable) or isinstance(values, str | bytes | Result):
        raise InputTypeError(f"{name} is of type {type(values).__name__}; wanted a sequence")
    return tuple(values)


def members(fits: Sequence[Any], starts: Sequence[Any], failures: Sequence[Any]) -> list[int]:
    """The starts as integers, of fits of one X and one objective, none of them twice."""
    if len(fits) != len(starts):
        raise InputError(f"starts has {len(starts)} entries, but there are {len(fits)} fits; wanted one for each")
    for name, values, kind in (("fits", fits, Result), ("failures", failures, Failure)):
        _all_of(values, name, kind)
    for i, fit in enumerate(fits):
        _beside(fits[0], fit, i)
    found = [check_count(start, f"starts[{i}]", 0) for i, start in enumerate(starts)]
    seen: set[tuple[int, int]] = set()
    for fit, start in zip(fits, found, strict=True):
        if (place := (fit.W.shape[1], start)) in seen:
            raise InputError(f"starts has {start} twice for rank {place[0]}; wanted each start of a rank once")
        seen.add(place)
    return found


def _all_of(values: Sequence[Any], name: str, kind: type) -> None:
    for i, value in enumerate(values):
        if not isinstance(value, kind):
            raise InputTypeError(f"{name}[{i}] is of type {type(value).__name__}; wanted {kind.__name__}")


def _beside(first: Result, fit: Result, i: int) -> None:
    """Refuse a fit whose objective says nothing beside that of the first one."""
    shapes = [(len(one.W), one.H.shape[1]) for one in (first, fit)]
    if shapes[0] != shapes[1]:
        raise InputError(f"fits[{i}] is of an X with shape {shapes[1]}, fits[0] of {shapes[0]}; wanted one X")
    for name in OBJECTIVE:
        asked = [one.options.get(name) for one in (first, fit)]
        if asked[0] != asked[1]:
            raise InputError(f"fits[{i}] has {name}={asked[1]!r}, fits[0] {asked[0]!r}; wanted fits of one objective")


def ensembles(values: Any, kind: type) -> list[Any]:
    """At least one ensemble; `kind` is their class."""
    found = [values] if isinstance(values, kind) else list(sequence(values, "ensembles"))
    if not found:
        raise InputError("ensembles is empty; wanted at least one Ensemble")
    _all_of(found, "ensembles", kind)
    return found


def paths(values: Any) -> list[Any]:
    """One path or several, as a list that is not empty."""
    found = [values] if isinstance(values, str | bytes | os.PathLike) else list(sequence(values, "paths"))
    if not found:
        raise InputError("paths is empty; wanted at least one path")
    for i, path in enumerate(found):
        if not isinstance(path, str | bytes | os.PathLike):
            raise InputTypeError(f"paths[{i}] is of type {type(path).__name__}; wanted a path")
    return found


def rank(k: Any, ranks: tuple[int, ...]) -> int:
    """A rank of which there are fits; the only one for None."""
    if not ranks:
        raise InputError("the ensemble has no fit")
    shown = ", ".join(map(str, ranks))
    if k is None:
        if len(ranks) > 1:
            raise InputError(f"k is None, but the ensemble has fits of the ranks {shown}; wanted one of them")
        return ranks[0]
    if not isinstance(k, numbers.Number):  # X, perhaps, which would be long to read
        raise InputTypeError(f"k is of type {type(k).__name__}; wanted one of the ranks {shown}")
    k = check_count(k, "k", 1)
    if k not in ranks:
        raise InputError(f"k is {k}, but the ensemble has fits of rank {shown}; wanted one of them")
    return k


def several(k: int, count: int, what: str) -> None:
    """Refuse a single start where starts are to be compared."""
    if count < 2:
        raise InputError(f"the ensemble has one fit of rank {k}, but {what} compares fits; wanted at least two starts")


def share(value: Any, name: str) -> float:
    """A number > 0 and at most 1."""
    value = check_number(value, name, positive=True)
    if value > 1:
        raise InputError(f"{name} is {value}; wanted a number > 0 and <= 1")
    return value


def enough_components(
    kept: int, k: int, total: int, distances: np.ndarray | None = None, threshold: float = math.inf
) -> None:
    """Refuse fewer components than there are to be clusters of them."""
    if kept >= k:
        return
    if distances is None:
        raise InputError(f"{kept} of {total} components are not 0 everywhere; wanted at least k={k}")
    raise InputError(
        f"{kept} of {total} components are within threshold={threshold} of their neighbours, whose distances are from "
        f"{distances.min():.3g} to {distances.max():.3g}; wanted a threshold that leaves at least k={k}"
    )


def refit(X: Any, columns: tuple[str, ...] | None, fit: Result, asked: dict[str, Any]) -> dict[str, Any]:
    """The options of a fit of one factor of X with the loss and the weights of an ensemble, of which `fit` is one."""
    same_columns(columns, fit.names[1])
    if np.ndim(X) == 2:  # another one is refused for itself
        check_result.same_shape(np.shape(X), (len(fit.W), fit.H.shape[1]))
    known = fit.options
    for name in ("weights", "mask"):
        if bool(known.get(name)) != (asked[name] is not None or (name == "mask" and isinstance(X, np.ma.MaskedArray))):
            had, given = ("", "out") if known.get(name) else ("out", "")
            raise InputError(f"the fits are with{had} {name}, but X comes with{given} it; wanted it as in the fits")
    loss = known.get("loss", "frobenius") if asked["loss"] is None else asked["loss"]
    if isinstance(loss, str) and loss not in losses.NAMED:
        raise InputError(f"the fits have the loss {loss}, which no result holds; wanted it as loss=")
    return {"loss": loss, "missing": known.get("missing")} | {name: asked[name] for name in ("weights", "mask")}


def same_fit(k: int, start: int, before: tuple[float | None, float | None], now: tuple[float, float]) -> None:
    """Refuse two fits of one rank and start whose objectives, beside their relative errors, do not agree."""
    exact = all(error is not None and error <= AGREE for error in (before[1], now[1]))
    pairs = [(before[0], now[0])]
    if now[0] == 0 or not math.isfinite(now[0]):  # which many fits are, where objectives leave float64
        pairs.append((before[1], now[1]))
    if not exact and not all(one is not None and math.isclose(one, two, rel_tol=AGREE) for one, two in pairs):
        raise InputError(
            f"the fit of rank {k}, start {start}, is there twice, with objectives {before[0]} and {now[0]}, "
            f"relative errors {before[1]} and {now[1]}; wanted fits of one X with the same options"
        )


def same_identity(path: str, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Refuse to go on with a ledger of other fits."""
    if "X" in now and "X" not in before:
        raise InputError(
            f"{path} does not say of which X its fits are, as what Ensemble.save writes does not; "
            "wanted a ledger that fit_many has begun, or a new file"
        )
    if found := _shown(_differences(before, now, False, "there", "now")):
        raise InputError(
            f"{path} is a ledger of other fits: {found}; wanted one of the same data and options, or a new file"
        )


def same_sweep(first: str, path: str, one: dict[str, Any], two: dict[str, Any]) -> None:
    """Refuse two ledgers of different fits; only entries that both have can differ."""
    if found := _shown(_differences(one, two, True, "in the first", "in the second")):
        raise InputError(f"{first} and {path} have fits of different data or options: {found}; wanted those of one X")


def _shown(found: Iterator[str]) -> str:
    listed = list(found)
    more = f" and {len(listed) - MOST} more" if len(listed) > MOST else ""
    return "; ".join(listed[:MOST]) + more


def _differences(
    before: dict[str, Any], now: dict[str, Any], shared: bool, here: str, there: str, inside: str = ""
) -> Iterator[str]:
    """What differs, by name, with both values; sums over X may differ by what another order of them does."""
    near = NEAR * math.sqrt(abs(_real(now.get("squared_norm"))))
    for name in before | now:  # in this order, which a set of names would not keep
        both = name in before and name in now
        if name in NOT_COMPARED or (shared and not both):
            continue
        if not both:
            owner, value = ("it", before[name]) if name in before else ("this fit", now[name])
            yield f"only {owner} has {inside}{name} ({value!r})"
        elif isinstance(before[name], dict) and isinstance(now[name], dict):
            yield from _differences(before[name], now[name], shared, here, there, f"{inside}{name}.")
        elif before[name] != now[name]:
            values = _real(before[name]), _real(now[name])
            allowed = near if name == "places" else ROUND_OFF * abs(values[1])
            if not abs(values[0] - values[1]) <= allowed:
                yield f"{inside}{name} is {before[name]!r} {here} and {now[name]!r} {there}"


def _real(value: Any) -> float:
    """A number that is no count, else NaN, which is near nothing."""
    return value if isinstance(value, float) else math.nan
