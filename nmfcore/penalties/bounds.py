"""Bounds on the entries of a factor, and fixed entries.

Bounds cost a sweep two more tiles, with a row each or one row for all. Fixed entries are bounds that are equal. A
factor that is fixed as a whole is not updated, and products that do not change are computed once.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..data import FACTOR_AXES
from .base import Align, Penalty, Units, entries_fault, typical_size
from .domain import Bounds


@dataclass(frozen=True, eq=False)
class Box(Penalty):
    """The bounds lower <= F <= upper on the entries of a factor, in the order of `scipy.optimize.Bounds`.

    Parameters
    ----------
    lower : float or array_like, default 0
        >= 0 and finite, in units of the factor. An array broadcasts to the shape of W or H.
    upper : float or array_like, default infinity
        >= lower, in units of the factor. An array broadcasts to the shape of W or H.

    Examples
    --------
    >>> import nmfcore
    >>> nmfcore.penalties.Box(upper=0.9)
    Box(lower=0.0, upper=0.9)
    """

    lower: Any = 0.0
    upper: Any = math.inf

    needs = "bounds"
    removable_by_scaling: ClassVar[bool] = False

    @property
    def stops_shrinking(self) -> bool:  # type: ignore[override]
        """Whether a lower bound is positive."""
        return bool(np.any(np.asarray(self.lower) > 0))

    @property
    def stops_growing(self) -> bool:  # type: ignore[override]
        """Whether an upper bound is finite."""
        return bool(np.any(np.isfinite(self.upper)))

    def typical_entry(self, shape: tuple[int, int], transposed: bool) -> float | None:
        """The mean of the bounds that are positive and finite."""
        return typical_size(np.concatenate([np.ravel(np.asarray(b, np.float64)) for b in (self.lower, self.upper)]))

    def align(self, align: Align, name: str, transposed: bool) -> "Box":
        """Align both bounds."""
        axes = FACTOR_AXES[transposed]
        bounds = ((self.lower, "lower"), (self.upper, "upper"))
        return Box(*(align(bound, f"{what} of {name}=Box", axes, broadcast=True) for bound, what in bounds))

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """Bounds that do not broadcast to the factor or are out of range."""
        user_shape = (shape[1], shape[0]) if transposed else shape
        try:
            lower, upper = (np.broadcast_to(np.asarray(b, np.float64), user_shape) for b in (self.lower, self.upper))
        except (TypeError, ValueError):
            return f"bounds are not numbers that broadcast to {user_shape}"
        if not lower.min() >= 0:
            return f"lower is {lower.min()} somewhere; wanted numbers >= 0"
        if not np.isfinite(lower.max()):
            return "lower is infinite somewhere; wanted finite numbers"
        if not np.all(lower <= upper):
            return "upper is below lower, below 0 or NaN somewhere; wanted 0 <= lower <= upper"
        return None

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Box":
        """Convert the bounds to the units of the fit; numbers become one row."""
        bounds = [units.values(bound) for bound in (self.lower, self.upper)]
        if all(bound.ndim == 0 for bound in bounds):
            return Box(*(np.full((1, shape[1]), bound) for bound in bounds))
        full_bounds = [np.broadcast_to(bound, shape[::-1] if transposed else shape) for bound in bounds]
        return Box(*(np.ascontiguousarray(bound.T if transposed else bound) for bound in full_bounds))

    def domain(self, F: np.ndarray) -> Bounds:
        """The bounds in the dtype of F."""
        return Bounds(*(bound.astype(F.dtype) for bound in (self.lower, self.upper)))


@dataclass(frozen=True, eq=False)
class Fixed(Penalty):
    """Entries fixed to values, free where these are NaN: the arguments `fixed_W` and `fixed_H`."""

    values: Any

    needs = "bounds"
    removable_by_scaling: ClassVar[bool] = False

    @property
    def stops_shrinking(self) -> bool:  # type: ignore[override]
        """Whether a value is positive."""
        return self.typical_entry((0, 0), False) is not None

    @property
    def stops_growing(self) -> bool:  # type: ignore[override]
        """Whether a value is positive."""
        return self.stops_shrinking

    def typical_entry(self, shape: tuple[int, int], transposed: bool) -> float | None:
        """The mean of the positive values."""
        return typical_size(np.asarray(self.values, np.float64))

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """A wrong shape, or entries that are not >= 0 or NaN."""
        return entries_fault(self.values, "array", (shape[1], shape[0]) if transposed else shape, free=True)

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Fixed":
        """Convert the values to the units of the fit."""
        values = units.values(self.values)
        return Fixed(np.ascontiguousarray(values.T if transposed else values))

    def domain(self, F: np.ndarray) -> Bounds:
        """Equal bounds at fixed entries, 0 and infinity at free ones."""
        free = np.isnan(self.values)
        return Bounds(*(np.where(free, bound, self.values).astype(F.dtype) for bound in (0.0, np.inf)))
