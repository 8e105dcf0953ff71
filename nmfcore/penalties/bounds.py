"""Entries of a factor held between bounds, or at given values."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .base import Penalty, Units, entries_fault
from .domain import Bounds


@dataclass(frozen=True)
class Box(Penalty):
    """lower <= F <= upper, entry by entry.

    Parameters
    ----------
    upper : float or array_like
        > 0; what broadcasts to the shape of the factor.
    lower : float or array_like
        >= 0.
    """

    upper: Any
    lower: Any = 0.0

    needs = "bounds"
    removable_by_scaling: ClassVar[bool] = False

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """Bounds that do not fit the factor, or that leave nothing."""
        seen = shape[::-1] if transposed else shape
        try:
            lower, upper = (np.broadcast_to(np.asarray(b, np.float64), seen) for b in (self.lower, self.upper))
        except (TypeError, ValueError):
            return f"bounds are not numbers that broadcast to {seen}"
        if not lower.min() >= 0:
            return f"lower is {lower.min()} somewhere; wanted numbers >= 0"
        if not np.isfinite(lower.max()):
            return "lower is infinite somewhere; wanted finite numbers"
        if not np.all(lower <= upper):
            return "upper is below lower, below 0 or NaN somewhere; wanted 0 <= lower <= upper"
        return None

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Box":
        """The bounds in the units of the fit, one row of them where they are the same for all."""
        bounds = [units.values(bound) for bound in (self.upper, self.lower)]
        if all(bound.ndim == 0 for bound in bounds):
            return Box(*(np.full((1, shape[1]), bound) for bound in bounds))
        seen = [np.broadcast_to(bound, shape[::-1] if transposed else shape) for bound in bounds]
        return Box(*(np.ascontiguousarray(bound.T if transposed else bound) for bound in seen))

    def domain(self, F: np.ndarray) -> Bounds:
        """The box in the dtype of F."""
        return Bounds(*(bound.astype(F.dtype) for bound in (self.lower, self.upper)))


@dataclass(frozen=True)
class Fixed(Penalty):
    """Entries held at given values, where they are not NaN: `fixed_W` and `fixed_H`."""

    values: Any

    needs = "bounds"
    removable_by_scaling: ClassVar[bool] = False

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """The shape and the entries."""
        return entries_fault(self.values, "array", shape[::-1] if transposed else shape, free=True)

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Fixed":
        """The values in the units of the fit."""
        values = units.values(self.values)
        return Fixed(np.ascontiguousarray(values.T if transposed else values))

    @property
    def whole(self) -> bool:
        """Whether nothing is left free."""
        return not np.isnan(self.values).any()

    def domain(self, F: np.ndarray) -> Bounds:
        """0 and infinity where it is free."""
        free = np.isnan(self.values)
        return Bounds(*(np.where(free, bound, self.values).astype(F.dtype) for bound in (0.0, np.inf)))
