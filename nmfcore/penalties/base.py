"""The base class of penalties, sums of penalties, and their scaling.

A penalty sees a factor F (m x k) as it is updated: W, or H' for H. It gives a half-step a *majorizer*, a quadratic that
is at least the penalty and equal to it at F. The loss adds it to the statistics, so no solver knows a penalty and no
half-step raises the penalised objective. L1, L2, overlap and priors are quadratic themselves. For norms of components,
for the coupling of rows by a Laplacian (bounded by twice its largest degree) and for log det the majorizer depends on
F. A set in which the factor must lie is a *domain* (see `domain`).

A penalty on one factor alone could be made small by scaling that factor down and the other one up. It is therefore
P(W diag(|H_t|)), which no scaling changes; the other factor gets a quadratic in the norms of its components
(`Penalty.norm_curvature`). Nothing is normalised during a fit. With penalties, all components of the scaled X have one
power of two as scale, in which strengths and bounds are expressed once.

Multiplicative updates take a quadratic with the exponents of Tan & Fevotte. For least squares L1 is subtracted from the
numerator, not added to the denominator as in scikit-learn: both lower the objective, but only the first reaches zeros.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from .domain import ORTHANT, Domain

Align = Callable[..., Any]  # `data.Alignment.align`


class Majorizer(NamedTuple):
    """The quadratic 1/2 tr(F G F') - tr(F C') plus a constant: G is k x k, C is m x k or 1 x k; float64."""

    G: np.ndarray
    C: np.ndarray

    def __add__(self, other: "Majorizer") -> "Majorizer":  # type: ignore[override]
        """The sum of two quadratics."""
        return Majorizer(self.G + other.G, self.C + other.C)


class Units(NamedTuple):
    """Units of a fit in units of the user: 2**factor for entries of a factor, 2**objective for the objective."""

    factor: int
    objective: float
    loss: float = 1.0
    """The scale of the loss (`losses.Loss.scale`) in the units of the fit."""
    entry: float = 1.0
    """The unit of relative penalties: the typical size of an entry of the factor, in the units of the fit."""

    def strength(self, value: float, degree: int) -> float:
        """Convert the strength of a penalty that is of some degree in the factor to the units of the fit."""
        exponent = degree * self.factor - self.objective
        whole = math.floor(exponent)
        try:
            return math.ldexp(value * 2.0 ** (exponent - whole), whole)
        except OverflowError:
            return math.inf

    def relative_strength(self, value: float, degree: int, size: float) -> float:
        """The strength, in the units of the fit, of value x loss x penalty(F / entry) / size."""
        with np.errstate(over="ignore", under="ignore"):
            return float(value * self.loss / size / np.float64(self.entry) ** degree)

    def values(self, values: Any) -> np.ndarray:
        """Convert entries of the factor to the units of the fit; infinite where they are beyond the range."""
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(np.asarray(values, np.float64), -self.factor)


class Penalty(ABC):
    """A term of the objective that depends on one factor, or a set in which this factor must lie.

    `P + Q` is the sum of both. Users define it for W (m x k) or H (k x n). `in_units` converts it to the tall factor of
    a fit, W or H', in the units of the fit; all other methods take the tall factor.
    """

    needs: ClassVar[str]
    """What a solver must take: "linear", "diagonal", "off-diagonal", "volume", or the `kind` of its `Domain`."""
    removable_by_scaling: ClassVar[bool] = True
    """True if scaling W down and H up could shrink the penalty to 0 without changing W H."""

    def __add__(self, other: "Penalty") -> "Penalty":
        """The sum of two penalties."""
        if not isinstance(other, Penalty):
            return NotImplemented
        return Sum((*self.parts, *other.parts))

    def __radd__(self, other: object) -> "Penalty":
        """Support `sum`, which starts with 0."""
        return self if other == 0 else NotImplemented

    @property
    def parts(self) -> tuple["Penalty", ...]:
        """The penalties of which this one is the sum."""
        return (self,)

    def requires(self, transposed: bool) -> str:
        """What a solver must take for it; `transposed` if the user sees the transpose of the tall factor, as for H."""
        return self.needs

    stops_shrinking: ClassVar[bool] = False
    """Whether it keeps the factor from becoming as small as the other factor allows."""
    stops_growing: ClassVar[bool] = True
    """Whether it keeps the factor from becoming as large as the other factor allows."""

    def typical_entry(self, shape: tuple[int, int], transposed: bool) -> float | None:
        """The size of the entries that it prescribes, > 0, in units of the user; None if it prescribes none."""
        return None

    def align(self, align: Align, name: str, transposed: bool) -> "Penalty":
        """The same with its arrays in the order of the problem; `name` is that of the argument in messages."""
        return self

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """What is wrong with its arrays for a tall factor of that shape; None if nothing is."""
        return None

    @abstractmethod
    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> Self:
        """Convert to a tall factor of that shape in the units of the fit; `transposed` if the user sees F'."""

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """The penalty at F diag(norms)."""
        return 0.0

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer | None:
        """A quadratic that is at least `value`, and equal to it at F, up to a constant; None for 0."""
        return None

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """r (k) such that value(F, s norms) <= value(F, norms) + 1/2 sum_t r_t (s_t^2 - 1) for every s > 0.

        Only for penalties that are `removable_by_scaling`.
        """
        return np.zeros(F.shape[1])

    def domain(self, F: np.ndarray) -> Domain:
        """The set in which a factor like F must lie."""
        return ORTHANT


@dataclass(frozen=True)
class Sum(Penalty):
    """The sum of several penalties."""

    terms: tuple[Penalty, ...]

    needs = ""  # each term has its own

    @property
    def parts(self) -> tuple[Penalty, ...]:
        """The penalties of which this one is the sum."""
        return self.terms

    @property
    def removable_by_scaling(self) -> bool:  # type: ignore[override]
        """Whether one of the terms is; the others see F without norms."""
        return any(part.removable_by_scaling for part in self.terms)

    def align(self, align: Align, name: str, transposed: bool) -> "Sum":
        """Align each term."""
        return Sum(tuple(part.align(align, name, transposed) for part in self.terms))

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Sum":
        """Convert each term."""
        return Sum(tuple(part.in_units(units, shape, transposed) for part in self.terms))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """The sum of the values of the terms."""
        return sum(part.value(F, _seen_by(part, norms)) for part in self.terms)

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer | None:
        """The sum of the majorizers of the terms."""
        return _sum_of(part.majorizer(F, _seen_by(part, norms)) for part in self.terms)

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The sum of the curvatures of the terms."""
        return sum((part.norm_curvature(F, norms) for part in self.terms), np.zeros(F.shape[1]))

    def domain(self, F: np.ndarray) -> Domain:
        """The intersection of the domains of the terms, at most one of which is not given by bounds."""
        common = ORTHANT
        for part in self.terms:
            common = common.intersect(part.domain(F))
        return common


def _seen_by(penalty: Penalty, norms: np.ndarray) -> np.ndarray:
    return norms if penalty.removable_by_scaling else np.ones_like(norms)


def _sum_of(majorizers: Iterator[Majorizer | None]) -> Majorizer | None:
    total = None
    for majorizer in majorizers:
        if majorizer is not None:
            total = majorizer if total is None else total + majorizer
    return total


@dataclass(frozen=True)
class FactorPenalty:
    """The penalties on one factor F, given the other factor B.

    If only one factor is penalised, and by something that is `removable_by_scaling`, the objective has P(F
    diag(|B_t|)). No scaling changes that, and B is penalised in proportion to P.
    """

    own: Penalty | None
    """The penalty on F."""
    other: Penalty | None
    """The penalty on B."""
    coupled: bool
    """Whether only one of the two factors is penalised, by a penalty that is `removable_by_scaling`."""

    def value(self, F: np.ndarray, B: np.ndarray) -> float:
        """The penalty on F."""
        return 0.0 if self.own is None else self.own.value(F, self._norms(B))

    def majorizer(self, F: np.ndarray, B: np.ndarray) -> Majorizer | None:
        """The majorizer in F of all penalties; None if they do not depend on F."""
        if self.own is not None:
            return self.own.majorizer(F, self._norms(B))
        if self.other is None or not self.coupled:
            return None
        norms = self._norms(F)
        curvature = self.other.norm_curvature(B, norms)
        least = np.finfo(F.dtype).eps * (norms.max() or 1.0)  # an empty component stays empty
        return Majorizer(np.diag(curvature / np.maximum(norms, least) ** 2), np.zeros((1, F.shape[1])))

    def _norms(self, F: np.ndarray) -> np.ndarray:
        return component_norms(F) if self.coupled else np.ones(F.shape[1])


def entries_fault(values: Any, name: str, shape: tuple[int, int], free: bool = False) -> str | None:
    """What is wrong with an array; None if it has the shape and entries >= 0, or NaN if `free` allows that."""
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


def typical_size(values: np.ndarray) -> float | None:
    """The mean of the finite positive entries; None if there are none."""
    some = values[np.isfinite(values) & (values > 0)]
    if not some.size:
        return None
    unit = int(np.frexp(some.max())[1])  # the sum of entries near the largest number is infinite
    return float(np.ldexp(np.mean(np.ldexp(some, -unit)), unit))


def component_norms(F: np.ndarray) -> np.ndarray:
    """The Euclidean norm of each column, in float64."""
    return np.sqrt(np.einsum("it,it->t", F, F, dtype=np.float64))
