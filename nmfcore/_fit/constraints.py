"""The penalties, sets and fixed values of both factors, checked against each other and against the shape of X."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError
from ..penalties import Box, Fixed, MinVolume, Penalty, Sum, SumToOne

PENALTIES, FIXED = ("penalty_W", "penalty_H"), ("fixed_W", "fixed_H")

MOST_STRENGTH = {4: 1e12, 8: 1e60}  # in the units of a fit, or relative, by the bytes of a number
LARGEST_STRENGTH = {4: 1e30, 8: 1e250}  # of relative ones in the units of a fit, which are extreme where those of X are

NUMPY_SCALAR = re.compile(r"np\.((?:float|u?int)\d+)\(([^()]+)\)")
OLD_BOX = re.compile(r"Box\(([^(),=]+), ([^(),=]+)\)")
BySide = tuple[np.ndarray | None, np.ndarray | None]


class FactorConstraints:
    """The constraints on both factors, in the units of the user: W first, then H.

    Attributes
    ----------
    values : tuple of ndarray or None
        Fixed values, NaN where the factor is free.
    own : tuple of Penalty or None
        Penalties, sets and fixed values of each factor as one penalty.
    fixed : tuple of bool
        Whether the whole factor is fixed.
    coupled : bool
        Whether only one factor is penalised, in a way that scaling could remove (see `penalties.FactorPenalty`).
    """

    def __init__(self, shape: tuple[int, int], k: int, penalties: tuple[Any, Any], fixed: tuple[Any, Any]) -> None:
        self.k = k
        self.shapes = (shape[0], k), (shape[1], k)
        self.values: BySide = _values(fixed[0], 0, self.shapes[0]), _values(fixed[1], 1, self.shapes[1])
        self.own = self._own(penalties, 0), self._own(penalties, 1)
        self.fixed = _is_whole(self.values[0]), _is_whole(self.values[1])
        if all(self.fixed):
            raise InputError("fixed_W and fixed_H leave nothing to fit; wanted NaN somewhere in one of them")
        penalised = [own for own in self.own if own is not None]
        self.coupled = len(penalised) == 1 and penalised[0].removable_by_scaling
        _check_volume(self.own)

    def _own(self, penalties: tuple[Any, Any], side: int) -> Penalty | None:
        return _combined(penalties[side], self.values[side], side, self.shapes[side])

    @property
    def needs(self) -> tuple[dict[str, str], dict[str, str]]:
        """For each factor the kinds of constraint that its solver must take, and the argument that each comes from."""
        return self._needs(0), self._needs(1)

    def _needs(self, side: int) -> dict[str, str]:
        own, other = self.own[side], self.own[1 - side]
        if self.fixed[side]:
            return {}
        if own is not None:
            return {part.requires(side == 1): _shown(part, side) for part in own.parts}
        if self.coupled and other is not None:
            return {"diagonal": f"{_shown(other, 1 - side)} alone"}
        return {}


def _check_volume(own: tuple[Penalty | None, Penalty | None]) -> None:
    """Refuse a penalty on the volume of a factor that may shrink without limit while the other factor grows."""
    for side in (0, 1):
        this, other = ([] if penalty is None else penalty.parts for penalty in (own[side], own[1 - side]))
        if not any(isinstance(part, MinVolume) for part in this):
            continue
        if not (any(part.stops_shrinking for part in this) or any(part.stops_growing for part in other)):
            name = PENALTIES[side]
            raise InputError(
                f"{name}=MinVolume(...) alone can be removed by scaling; wanted {PENALTIES[1 - side]}, too, such as "
                f"SumToOne(...) or L2(...), or fixed values of that factor, or {name}=MinVolume(...) + SumToOne(...)"
            )


def check_strengths(parts: Sequence[Penalty], in_fit: Sequence[Penalty], side: int, dtype: np.dtype) -> None:
    """Refuse strengths beyond what the dtype of X allows; in_fit: the same penalties in the units of the fit."""
    for part, converted in zip(parts, in_fit, strict=True):
        strength, relative = getattr(converted, "strength", 0.0), getattr(part, "relative", False)
        given = getattr(part, "strength", 0.0)
        limits = [(strength, (LARGEST_STRENGTH if relative else MOST_STRENGTH)[dtype.itemsize])]
        limits += [(given, MOST_STRENGTH[dtype.itemsize])] if relative else []
        if all(value <= most for value, most in limits):
            continue
        limit = given * min(most / value for value, most in limits)
        wanted = [f"at most {limit:.1e}" if limit > 0 else "a smaller one"]
        wanted += ["X in float64"] if dtype.itemsize == 4 else []
        wanted += [] if relative else ["relative=True"]
        raise InputError(
            f"{_shown(part, side)}: the strength is {strength:.1e} times the scale of X, beyond what {dtype} "
            f"resolves; wanted {', or '.join(wanted)}"
        )


def _is_whole(values: np.ndarray | None) -> bool:
    return values is not None and not np.isnan(values).any()


def _values(fixed: Any, side: int, shape: tuple[int, int]) -> np.ndarray | None:
    """Fixed values of a factor as the user sees it, NaN where it is free."""
    if fixed is None:
        return None
    fault = Fixed(fixed).fault(shape, side == 1)
    if fault:
        raise InputError(f"{FIXED[side]}: {fault}")
    return np.asarray(fixed, np.float64)


def _combined(penalty: Any, values: np.ndarray | None, side: int, shape: tuple[int, int]) -> Penalty | None:
    """The penalties and the fixed values of one factor as one penalty; None where there are none."""
    name = PENALTIES[side]
    if penalty is not None and not isinstance(penalty, Penalty):
        raise InputTypeError(
            f"{name} is {penalty!r} ({type(penalty).__name__}); wanted None, or an object of nmfcore.penalties such as "
            "nmfcore.penalties.L1(0.1), or a sum of such objects"
        )
    parts = [] if penalty is None else list(penalty.parts)
    if values is not None and _is_whole(values):  # nothing is left to project, but the values must lie in the sets
        _check_faults([part.with_fixed(values) for part in parts if isinstance(part, SumToOne)], side, shape)
        parts = [part for part in parts if part.needs not in ("rows", "columns")]
    _check_faults(parts, side, shape)
    if values is not None and not np.isnan(values).all():
        _check_box(parts, values, side)
        with_sums = [part.with_fixed(values) if isinstance(part, SumToOne) else part for part in parts]
        parts = with_sums if any(isinstance(part, SumToOne) for part in parts) else [*parts, Fixed(values)]
    _check_faults(parts, side, shape)
    sets = [part for part in parts if part.needs in ("bounds", "rows", "columns")]
    if len(sets) > 1 and any(part.needs != "bounds" for part in sets):
        raise InputError(
            f"{_shown(sets[0], side)} and {_shown(sets[1], side)} are two sets, and no algorithm here finds the "
            "nearest point of both; wanted one of them"
        )
    return None if not parts else parts[0] if len(parts) == 1 else Sum(tuple(parts))


def _check_faults(parts: Sequence[Penalty], side: int, shape: tuple[int, int]) -> None:
    """Refuse arrays that do not fit, sets that exclude fixed values, and boxes without a common point."""
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
        for values in _arrays(part, "values", "target", "lower", "upper"):
            if np.any(values > limit, where=np.isfinite(values)):
                raise InputError(f"{_shown(part, side)} has values that the {dtype} of X cannot hold; scale X and them")


def check_converted(given: Iterable[Penalty], converted: Iterable[Penalty], side: int, dtype: np.dtype) -> None:
    """Refuse values that the dtype of X cannot hold in the units of a fit."""
    limit = float(np.finfo(dtype).max)
    for before, part in zip(given, converted, strict=True):
        for values in _arrays(part, "values", "target", "lower"):
            if np.any(values > limit):
                raise InputError(
                    f"{_shown(before, side)} has values too large beside X and the other factor for {dtype}; wanted "
                    "values whose product has about the size of X"
                )


def _arrays(part: Penalty, *names: str) -> Iterator[np.ndarray]:
    for name in names:
        values = getattr(part, name, None)
        if values is not None and not isinstance(values, property):
            yield np.asarray(values, np.float64)


def _check_box(parts: list[Penalty], values: np.ndarray, side: int) -> None:
    """Refuse fixed values outside of a box."""
    for box in parts:
        if isinstance(box, Box):
            outside = (values < box.lower) | (values > box.upper)
            if outside.any():
                first = tuple(int(i) for i in np.argwhere(outside)[0])
                raise InputError(
                    f"{FIXED[side]} has {np.count_nonzero(outside)} values outside of {_shown(box, side)}, the first "
                    f"({values[first]}) at {first}; wanted values within the bounds"
                )


def _shown(part: Penalty, side: int) -> str:
    """A constraint as the user wrote it, without its arrays."""
    if isinstance(part, Fixed):
        return f"{FIXED[side]} (fixed values)"
    return f"{PENALTIES[side]}={describe_penalty(part)}"


def describe_penalty(penalty: Penalty) -> str:
    """A penalty without its arrays."""
    terms = []
    for term in penalty.parts:
        shown = [field for field in fields(term) if field.repr] if is_dataclass(term) else []
        shown = [field for field in shown if not (field.kw_only and getattr(term, field.name) == field.default)]
        shown.sort(key=lambda field: bool(field.kw_only))
        written = []
        for field in shown:
            value = getattr(term, field.name)
            text = plain_text(repr(value)) if np.ndim(value) == 0 else "..."
            named = field.kw_only or isinstance(term, Box)  # whose arguments once had the other order
            written.append(f"{field.name}={text}" if named else text)
        terms.append(f"{type(term).__name__}({', '.join(written)})")
    return " + ".join(terms)


def plain_text(text: str) -> str:
    """The text of an object with Python's numbers for NumPy's: "Huber(delta=np.float64(0.5))" has delta=0.5."""
    return NUMPY_SCALAR.sub(lambda scalar: repr(np.dtype(scalar[1]).type(scalar[2]).item()), text)


def current_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a fit as they are written now; older files hold NumPy's scalars and "Box(upper, lower)"."""
    names = [name for name in (*PENALTIES, "loss") if isinstance(options.get(name), str)]
    texts = {name: OLD_BOX.sub(r"Box(lower=\2, upper=\1)", plain_text(options[name])) for name in names}
    return options | texts
