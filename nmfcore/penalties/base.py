"""What the driver asks of a penalty, and how penalties add up.

A penalty sees a factor F (m x k) as it is updated: W, or H' for H. It asks of a half-step an *edit*, a quadratic
that touches the penalty at F from above, added to the statistics, so that solvers know no penalty. A set in which the
factor must lie is a *domain* (see `domain`).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from .domain import ORTHANT, Domain


class Majorizer(NamedTuple):
    """The quadratic 1/2 tr(F G F') - tr(F C'), up to a constant: G is k x k, C is m x k or one row for all; float64."""

    G: np.ndarray
    C: np.ndarray

    def __add__(self, other: "Majorizer") -> "Majorizer":  # type: ignore[override]
        """The sum of two quadratics."""
        return Majorizer(self.G + other.G, self.C + other.C)


class Units(NamedTuple):
    """The powers of two that one unit of the factor and of the objective in a fit are, in the units of the user."""

    factor: int
    objective: float
    largest: float = 1e60
    """A strength beyond it, in the units of the fit, is as good as infinite."""

    def strength(self, value: float, degree: int) -> float:
        """A strength in the units of the fit, of a penalty that grows with that power of the factor."""
        exponent = degree * self.factor - self.objective
        whole = math.floor(exponent)
        try:
            return min(math.ldexp(value * 2.0 ** (exponent - whole), whole), self.largest)
        except OverflowError:
            return self.largest

    def values(self, values: Any) -> np.ndarray:
        """Entries of the factor in the units of the fit."""
        return np.ldexp(np.asarray(values, np.float64), -self.factor)


class Penalty(ABC):
    """A term of the objective that depends on one factor alone, or a set in which that factor lies.

    `P + Q` is both. Each is said of W or of H as the user sees them, m x k and k x n; within a fit it is one of the
    tall factor, H' for H, in the units of the fit (`in_units`).
    """

    needs: ClassVar[str]
    """What a solver must take: "linear", "diagonal", "off-diagonal", "volume", or the `kind` of its `Domain`."""
    removable_by_scaling: ClassVar[bool] = True
    """Whether it is undone by scaling: smaller for smaller components, whatever the size of the other factor."""

    def __add__(self, other: "Penalty") -> "Penalty":
        """Both of them."""
        if not isinstance(other, Penalty):
            return NotImplemented
        return Sum((*self.parts, *other.parts))

    def __radd__(self, other: object) -> "Penalty":
        """For `sum`, which begins with 0."""
        return self if other == 0 else NotImplemented

    @property
    def parts(self) -> tuple["Penalty", ...]:
        """The penalties that this one is the sum of."""
        return (self,)

    def requires(self, transposed: bool) -> str:
        """What a solver must take to serve it on a tall factor, of which the user sees the transpose or not."""
        return self.needs

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """What is wrong with its arrays for a tall factor of that shape, of which the user sees the transpose."""
        return None

    @abstractmethod
    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> Self:
        """The same for a factor of that shape (m, k) in other units; transposed where the user sees F'."""

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """The penalty of F diag(norms)."""
        return 0.0

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer | None:
        """A quadratic in F that touches `value` at F from above, up to a constant."""
        return None

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """r (k) such that value(F, s norms) <= value(F, norms) + 1/2 sum_t r_t (s_t^2 - 1), where it is scale-free."""
        return np.zeros(F.shape[1])

    def domain(self, F: np.ndarray) -> Domain:
        """The set in which a factor like F lies."""
        return ORTHANT


@dataclass(frozen=True)
class Sum(Penalty):
    """Several penalties at once."""

    terms: tuple[Penalty, ...]

    needs = ""

    @property
    def parts(self) -> tuple[Penalty, ...]:
        """The penalties that this one is the sum of."""
        return self.terms

    @property
    def removable_by_scaling(self) -> bool:  # type: ignore[override]
        """Where one of them is; the others see F as it is."""
        return any(part.removable_by_scaling for part in self.terms)

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Sum":
        """Each of them in other units."""
        return Sum(tuple(part.in_units(units, shape, transposed) for part in self.terms))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """The sum of their values."""
        return sum(part.value(F, norms if part.removable_by_scaling else np.ones_like(norms)) for part in self.terms)

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer | None:
        """The sum of their quadratics."""
        return _total(
            part.majorizer(F, norms if part.removable_by_scaling else np.ones_like(norms)) for part in self.terms
        )

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The sum of their shares."""
        return sum((part.norm_curvature(F, norms) for part in self.terms), np.zeros(F.shape[1]))

    def domain(self, F: np.ndarray) -> Domain:
        """The set common to all of theirs, of which one at most is not given by bounds."""
        common = ORTHANT
        for part in self.terms:
            common = common.intersect(part.domain(F))
        return common


def _total(edits: Iterator[Majorizer | None]) -> Majorizer | None:
    total = None
    for majorizer in edits:
        if majorizer is not None:
            total = majorizer if total is None else total + majorizer
    return total


@dataclass(frozen=True)
class FactorPenalty:
    """What the penalties ask of one factor F, given the other one B.

    Penalties on one factor alone would be undone by scaling it down and the other one up. Where nothing is said of the
    other factor, they are meant for components of which the other half has the Euclidean norm 1: the objective has
    P(F diag(|B_t|)), which no scaling changes, so that B is penalised, too, in proportion to what P takes of F.
    """

    own: Penalty | None
    other: Penalty | None
    coupled: bool
    """Whether exactly one of the two factors is penalised, and that one by what scaling would undo."""

    def value(self, F: np.ndarray, B: np.ndarray) -> float:
        """The penalties on F."""
        return 0.0 if self.own is None else self.own.value(F, self._norms(B))

    def majorizer(self, F: np.ndarray, B: np.ndarray) -> Majorizer | None:
        """The quadratic in F that touches the penalties from above."""
        if self.own is not None:
            return self.own.majorizer(F, self._norms(B))
        if self.other is None or not self.coupled:
            return None
        norms = self._norms(F)
        shares = self.other.norm_curvature(B, norms)
        least = np.finfo(F.dtype).eps * (norms.max() or 1.0)  # an empty component stays so
        return Majorizer(np.diag(shares / np.maximum(norms, least) ** 2), np.zeros((1, F.shape[1])))

    def _norms(self, F: np.ndarray) -> np.ndarray:
        return component_norms(F) if self.coupled else np.ones(F.shape[1])


def entries_fault(values: Any, name: str, shape: tuple[int, int], free: bool = False) -> str | None:
    """What is wrong with an array that should have that shape and entries >= 0, or NaN where `free`."""
    if np.ma.is_masked(values):
        return f"{name} has masked entries; wanted NaN for what is free" if free else f"{name} has masked entries"
    try:
        values = np.asarray(values)
    except ValueError:
        values = np.empty(0, object)
    if values.dtype.kind not in "biuf":
        return f"{name} is not an array of real numbers"
    values = values.astype(np.float64)
    if values.shape != shape:
        return f"{name} has shape {values.shape}; wanted {shape}"
    bad = ~((values >= 0) & np.isfinite(values)) & ~(free & np.isnan(values))
    if not bad.any():
        return None
    first, wanted = tuple(int(i) for i in np.argwhere(bad)[0]), "numbers >= 0" + ", or NaN for what is free" * free
    return f"{name} has {np.count_nonzero(bad)} bad entries, the first ({values[first]}) at {first}; wanted {wanted}"


def component_norms(F: np.ndarray) -> np.ndarray:
    """The Euclidean norm of each column, in float64."""
    return np.sqrt(np.einsum("it,it->t", F, F, dtype=np.float64))
