"""Every check of what the user says of the factors, and the step from it to the parts of a fit."""

from dataclasses import fields
from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError
from ..penalties import Box, Fixed, MinVolume, Penalty, Sum, SumToOne

PENALTIES, GIVEN = ("penalty_W", "penalty_H"), ("fixed_W", "fixed_H")


class FactorConstraints:
    """What is known of both factors, as the user says it: W first, then H."""

    def __init__(self, shape: tuple[int, int], k: int, on: tuple[Any, Any], fixed: tuple[Any, Any]) -> None:
        self.k = k
        self.shapes = tuple((size, k) for size in shape)
        self.values = tuple(_values(given, side, self.shapes[side]) for side, given in enumerate(fixed))
        self.own = tuple(_own(on[side], self.values[side], side, self.shapes[side]) for side in (0, 1))
        self.fixed = tuple(values is not None and not np.isnan(values).any() for values in self.values)
        if all(self.fixed):
            raise InputError("fixed_W and fixed_H leave nothing to fit; wanted a factor, or NaN in one, that is free")
        said = [own for own in self.own if own is not None]
        self.coupled = len(said) == 1 and said[0].removable_by_scaling
        for own, name, other in zip(self.own, PENALTIES, reversed(PENALTIES), strict=True):
            if len(said) == 1 and own is not None and any(isinstance(part, MinVolume) for part in own.parts):
                raise InputError(
                    f"{name}=MinVolume(...) alone is undone by scaling; wanted {other}, too, such as SumToOne(...) or "
                    "L2(...), or given values of that factor"
                )

    @property
    def needs(self) -> tuple[dict[str, str], dict[str, str]]:
        """For each factor what its solver must take, and the argument that asks for it."""
        return self._needs(0), self._needs(1)

    def _needs(self, side: int) -> dict[str, str]:
        own, other = self.own[side], self.own[1 - side]
        if self.fixed[side]:
            return {}
        if own is not None:
            return {part.requires(side == 1): _shown(part, side) for part in own.parts}
        if self.coupled:
            return {"diagonal": f"{_shown(other, 1 - side)} alone"}
        return {}


def _values(given: Any, side: int, shape: tuple[int, int]) -> np.ndarray | None:
    """Given values of a factor as the user sees it, NaN where it is free."""
    if given is None:
        return None
    fault = Fixed(given).fault(shape, side == 1)
    if fault:
        raise InputError(f"{GIVEN[side]}: {fault}")
    return np.asarray(given, np.float64)


def _own(penalty: Any, values: np.ndarray | None, side: int, shape: tuple[int, int]) -> Penalty | None:
    """The penalties and the given values of one factor; None where there are none."""
    name = PENALTIES[side]
    if penalty is not None and not isinstance(penalty, Penalty):
        raise InputTypeError(
            f"{name} is {penalty!r} ({type(penalty).__name__}); wanted None or what nmfcore.penalties has, such as "
            "nmfcore.penalties.L1(0.1), or a sum of such"
        )
    parts = [] if penalty is None else list(penalty.parts)
    whole = values is not None and not np.isnan(values).any()
    if whole:  # nothing is left to project, but what is given must be in the sets
        _check_faults([part.with_fixed(values) for part in parts if isinstance(part, SumToOne)], side, shape)
        parts = [part for part in parts if part.needs not in ("rows", "columns")]
    _check_faults(parts, side, shape)
    if values is not None and not np.isnan(values).all():
        _check_box(parts, values, side)
        simplex = next((i for i, part in enumerate(parts) if isinstance(part, SumToOne)), None)
        if simplex is None:
            parts.append(Fixed(values))
        else:
            parts[simplex] = parts[simplex].with_fixed(values)
    _check_faults(parts, side, shape)
    sets = [part for part in parts if part.needs in ("bounds", "rows", "columns")]
    if len(sets) > 1 and any(part.needs != "bounds" for part in sets):
        raise InputError(
            f"{_shown(sets[0], side)} and {_shown(sets[1], side)} are two sets, of which no algorithm here finds the "
            "nearest common point; wanted one of them"
        )
    return None if not parts else parts[0] if len(parts) == 1 else Sum(tuple(parts))


def _check_faults(parts: list[Penalty], side: int, shape: tuple[int, int]) -> None:
    """Refuse arrays that do not fit, sets that given values are not in, and boxes with nothing in common."""
    for part in parts:
        fault = part.fault(shape, side == 1)
        if fault:
            raise InputError(f"{_shown(part, side)}: {fault}")
    boxes = [part for part in parts if isinstance(part, Box)]
    if boxes and np.any(np.max([np.max(b.lower) for b in boxes]) > np.min([np.min(b.upper) for b in boxes])):
        seen = shape[::-1] if side == 1 else shape
        low = np.max([np.broadcast_to(box.lower, seen) for box in boxes], axis=0)
        high = np.min([np.broadcast_to(box.upper, seen) for box in boxes], axis=0)
        if np.any(low > high):
            first = tuple(int(i) for i in np.argwhere(low > high)[0])
            raise InputError(
                f"{' and '.join(_shown(box, side) for box in boxes)} have nothing in common at {first}: wanted bounds "
                "between which there is a number"
            )


def check_range(own: Penalty, side: int, dtype: np.dtype) -> None:
    """Refuse values that the dtype of X cannot hold."""
    limit = float(np.finfo(dtype).max)
    for part in own.parts:
        for name in ("values", "target", "lower", "upper"):
            held = getattr(part, name, None)
            if held is None or isinstance(held, property):
                continue
            held = np.asarray(held, np.float64)
            if np.any(held > limit, where=np.isfinite(held)):
                raise InputError(f"{_shown(part, side)} has values that the {dtype} of X cannot hold; scale X and them")


def _check_box(parts: list[Penalty], values: np.ndarray, side: int) -> None:
    """Refuse given values outside of a box."""
    for box in parts:
        if isinstance(box, Box):
            outside = (values < box.lower) | (values > box.upper)
            if outside.any():
                first = tuple(int(i) for i in np.argwhere(outside)[0])
                raise InputError(
                    f"{GIVEN[side]} has {np.count_nonzero(outside)} values outside of {_shown(box, side)}, the first "
                    f"({values[first]}) at {first}; wanted values within the bounds"
                )


def _shown(part: Penalty, side: int) -> str:
    """What a user has written, without its arrays."""
    if isinstance(part, Fixed):
        return f"{GIVEN[side]} (given values)"
    return f"{PENALTIES[side]}={describe_penalty(part)}"


def describe_penalty(penalty: Penalty) -> str:
    """A penalty without its arrays."""
    terms = []
    for term in penalty.parts:
        values = [getattr(term, field.name) for field in fields(term) if field.repr]
        terms.append(f"{type(term).__name__}({', '.join(repr(v) if np.ndim(v) == 0 else '...' for v in values)})")
    return " + ".join(terms)
