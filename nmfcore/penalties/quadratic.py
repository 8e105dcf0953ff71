"""Penalties that are linear or quadratic in the factor, or have a quadratic majorizer."""

import math
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from .._checks import InputError, check_flag, check_number
from ..data import FACTOR_AXES, FEATURES, SAMPLES
from .base import Align, Majorizer, Penalty, Units, entries_fault, typical_size

DELTAS = 1e-150, 1e150  # range of delta in the units of a fit, in which the factor has entries of about 1

# Curvature and slope that keep a component at 0 once it is 0: no gradient at the scale of a fit outweighs them, and
# they are finite in float32, too.
OFF = 1e30


def _no_row(F: np.ndarray) -> np.ndarray:
    return np.zeros((1, F.shape[1]))


def _csr(graph: Any) -> Any:
    from scipy.sparse import csr_array  # here, since few need it

    return csr_array(graph, dtype=np.float64)


class Weighed(Penalty):
    """A penalty times a strength.

    A relative one is strength x S x penalty(F / u) / `size`, with the scale S of the loss and the unit u of the factor,
    which the fit measures (see `Units`).
    """

    strength: float
    relative: bool

    degree: ClassVar[int] = 2
    """The penalty of c F is c^degree times that of F."""

    def __post_init__(self) -> None:
        check_number(self.strength, f"strength of {type(self).__name__}")
        check_flag(self.relative, f"relative of {type(self).__name__}")

    def size(self, shape: tuple[int, int]) -> float:
        """The number by which a relative penalty divides: that of the entries."""
        return float(shape[0]) * shape[1]

    def strength_in(self, units: Units, shape: tuple[int, int]) -> float:
        """The strength in the units of a fit, for a tall factor of that shape."""
        if self.relative:
            return units.relative_strength(self.strength, self.degree, self.size(shape))
        return units.strength(self.strength, self.degree)


@dataclass(frozen=True, eq=False)
class StrengthPenalty(Weighed):
    """A penalty whose first argument is its strength."""

    strength: float
    relative: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class L1(StrengthPenalty):
    """Sparse factors: strength x sum of the entries of the factor.

    Parameters
    ----------
    strength : float
        >= 0, in units of the loss per unit of the factor.
    relative : bool, default False
        Whether the strength has no unit: the penalty is then strength x S x (mean entry) / u. S is the scale of the
        loss and u that of the factor, see `nmfcore.penalties`.
    """

    needs = "linear"
    degree: ClassVar[int] = 1

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "L1":
        """Convert the strength; the penalty is of degree 1."""
        return L1(self.strength_in(units, shape))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength x sum of the entries."""
        return float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Subtract strength x norms from C."""
        return Majorizer(np.zeros((F.shape[1],) * 2), -self.strength * norms[None])

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The sum of each component, since s <= (s^2 + 1) / 2."""
        return self.strength * norms * F.sum(axis=0, dtype=np.float64)


@dataclass(frozen=True)
class L2(StrengthPenalty):
    """Small factors (ridge, Tikhonov): strength / 2 x sum of the squared entries of the factor.

    Parameters
    ----------
    strength : float
        >= 0, in units of the loss per squared unit of the factor.
    relative : bool, default False
        Whether the strength has no unit: the penalty is then strength x S x (mean squared entry) / (2 u^2). S is the
        scale of the loss and u that of the factor, see `nmfcore.penalties`.
    """

    needs = "diagonal"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "L2":
        """Convert the strength; the penalty is of degree 2."""
        return L2(self.strength_in(units, shape))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength / 2 x sum of squares."""
        return 0.5 * float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Add strength I to G."""
        return Majorizer(np.diag(self.strength * norms**2), _no_row(F))

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The sum of squares of each component."""
        return self.strength * norms**2 * np.einsum("it,it->t", F, F, dtype=np.float64)


def ElasticNet(strength: float, l1_ratio: float, *, relative: bool = False) -> Penalty:
    """Elastic net: strength x (l1_ratio x sum of entries + (1 - l1_ratio) / 2 x sum of squared entries).

    Zou & Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x.

    Parameters
    ----------
    strength : float
        >= 0, in units of the loss per unit of the factor for L1, per squared unit for L2.
    l1_ratio : float
        0 <= l1_ratio <= 1, the share of L1.
    relative : bool, default False
        Whether the strength has no unit, see `L1` and `L2`.

    Returns
    -------
    Penalty
        L1(strength x l1_ratio) + L2(strength x (1 - l1_ratio)).
    """
    check_number(strength, "strength of ElasticNet")
    if not 0 <= check_number(l1_ratio, "l1_ratio of ElasticNet") <= 1:
        raise InputError(f"l1_ratio is {l1_ratio}; wanted 0 <= l1_ratio <= 1")
    return L1(strength * l1_ratio, relative=relative) + L2(strength * (1 - l1_ratio), relative=relative)


@dataclass(frozen=True)
class Group(StrengthPenalty):
    """Few components: strength x sum of the Euclidean norms of the components (group lasso, L2,1 norm).

    Components are the columns of W and the rows of H. The penalty is that of Yuan & Lin 2006,
    doi:10.1111/j.1467-9868.2005.00532.x; it is minimised by iteratively reweighted least squares. A component that
    lowers the loss by less than its penalty shrinks geometrically, and becomes 0 below the round-off of the largest
    component.

    Use it on both factors. The sum |w| + |h| is then 2 sqrt(|w| |h|) at the best scale, so one large component costs
    less than two small ones. On one factor alone, two components with the same direction cost the same as one.

    Parameters
    ----------
    strength : float
        >= 0, in units of the loss per unit of the factor.
    relative : bool, default False
        Whether the strength has no unit: the penalty is then strength x S x (mean over the components of the root mean
        square of their entries) / u. S is the scale of the loss and u that of the factor, see `nmfcore.penalties`.
    """

    needs = "diagonal"
    degree: ClassVar[int] = 1

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Group":
        """Convert the strength; the penalty is of degree 1."""
        return Group(self.strength_in(units, shape))

    def size(self, shape: tuple[int, int]) -> float:
        """The norm of a factor of ones, summed over the components."""
        return math.sqrt(shape[0]) * shape[1]

    def _sizes(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        return norms * np.sqrt(np.einsum("it,it->t", F, F, dtype=np.float64))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength x sum of the norms."""
        return self.strength * float(np.sum(self._sizes(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Add strength / norm of component t to G_tt."""
        sizes = self._sizes(F, norms)
        on = sizes > np.finfo(F.dtype).eps * sizes.max()
        off = OFF * (not on.all() and self.strength > 0)
        curvature = np.where(on, self.strength * norms**2 / np.where(on, sizes, 1), off)
        return Majorizer(np.diag(curvature), np.where(on, 0.0, -off)[None])

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The norm of each component."""
        return self.strength * self._sizes(F, norms)


@dataclass(frozen=True)
class Orthogonality(StrengthPenalty):
    """Components that do not overlap: strength x sum of the inner products of all pairs of components.

    The sum is half the sum of the off-diagonal entries of W'W, or of H H'. For non-negative factors it is 0 if and only
    if the components are orthogonal, that is, no two of them are positive at the same index.

    Parameters
    ----------
    strength : float
        >= 0, in units of the loss per squared unit of the factor.
    relative : bool, default False
        Whether the strength has no unit: the penalty is then strength x S x (that sum / number of entries of the
        factor) / u^2. S is the scale of the loss and u that of the factor, see `nmfcore.penalties`.
    """

    needs = "off-diagonal"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Orthogonality":
        """Convert the strength; the penalty is of degree 2."""
        return Orthogonality(self.strength_in(units, shape))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength / 2 x sum over ordered pairs."""
        return 0.5 * float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Add strength to G off its diagonal."""
        G = self.strength * np.outer(norms, norms)
        np.fill_diagonal(G, 0)
        return Majorizer(G, _no_row(F))

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The overlap of each component with the others, since 2 s_t s_u <= s_t^2 + s_u^2."""
        overlaps = np.einsum("is,it->st", F, F, dtype=np.float64)
        np.fill_diagonal(overlaps, 0)
        return self.strength * norms * np.einsum("st,t->s", overlaps, norms)


@dataclass(frozen=True, eq=False)
class Smooth(StrengthPenalty):
    """Smooth factors: strength / 2 x sum of a_ij |f_i - f_j|^2 over all pairs (i, j) of neighbours.

    f_i is a row of W, for samples with an order or a graph, or a column of H, for features such as the bands of a
    spectrum or the pixels of an image. Cai et al. 2011, doi:10.1109/TPAMI.2010.231. All rows are updated at once with a
    quadratic majorizer, so no update raises the objective.

    Parameters
    ----------
    strength : float
        >= 0, in units of the loss per squared unit of the factor.
    graph : SciPy sparse or array_like, shape (m, m) for W, (n, n) for H, optional
        The weights a_ij >= 0 of the pairs, symmetric. None: each sample or feature is a neighbour of the next one, with
        weight 1.
    relative : bool, default False
        Whether the strength has no unit: the penalty is then strength x S x (that sum / number of entries of the
        factor) / (2 u^2). S is the scale of the loss and u that of the factor, see `nmfcore.penalties`.
    """

    graph: Any = None

    needs = "diagonal"

    def align(self, align: Align, name: str, transposed: bool) -> "Smooth":
        """Align the rows and the columns of the graph."""
        axis = FEATURES if transposed else SAMPLES
        return replace(self, graph=align(self.graph, f"graph of {name}=Smooth", (axis, axis)))

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """A graph of the wrong shape, with bad entries, or not symmetric."""
        if self.graph is None:
            return None
        try:
            graph, square = _csr(self.graph), (shape[0],) * 2
        except (TypeError, ValueError):
            return "graph is not a matrix of numbers"
        if graph.shape != square:
            return f"graph has shape {graph.shape}; wanted {square}"
        if graph.nnz and not (graph.data.min() >= 0 and np.isfinite(graph.data.max())):
            return "graph has negative, NaN or infinite weights; wanted finite numbers >= 0"
        if (graph != graph.T).nnz:
            return "graph is not symmetric; wanted a_ij = a_ji"
        return None

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Smooth":
        """Convert the strength; the penalty is of degree 2."""
        graph = None if self.graph is None else _csr(self.graph)
        return Smooth(self.strength_in(units, shape), graph)

    def _laplacian(self, F: np.ndarray) -> np.ndarray:
        """(D - A) F for the weights A and their row sums D."""
        F = F.astype(np.float64, copy=False)
        if self.graph is not None:
            return self._degrees(len(F))[:, None] * F - self.graph @ F
        out = np.zeros_like(F)
        step = np.diff(F, axis=0)
        out[:-1] -= step
        out[1:] += step
        return out

    def _degrees(self, rows: int) -> np.ndarray:
        if self.graph is not None:
            return np.asarray(self.graph.sum(axis=1), dtype=np.float64).ravel()
        return np.full(rows, 2.0 if rows > 2 else 1.0)

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength / 2 x sum over all pairs."""
        return 0.5 * float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Replace the Laplacian D - A by its bound 2 max(D), which does not couple rows."""
        weights, bound = self.strength * norms**2, 2 * self._degrees(len(F)).max()
        return Majorizer(np.diag(bound * weights), weights * (bound * F - self._laplacian(F)))

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The sum over pairs, for each component."""
        return self.strength * norms**2 * np.einsum("it,it->t", F, self._laplacian(F), dtype=np.float64)


@dataclass(frozen=True)
class MinVolume(StrengthPenalty):
    """Minimum volume: strength / 2 x log det(F'F + delta I), with F = W or F = H'.

    The components become as close together as the data allow. Leplat, Ang & Gillis 2019,
    doi:10.1109/ICASSP.2019.8682280; the majorizer has the matrix (F'F + delta I)^-1. The volume must not vanish by
    scaling: `SumToOne` on this factor or on the other one fixes the scale, as in the paper.

    Parameters
    ----------
    strength : float
        >= 0, in units of the loss.
    delta : float
        > 0, in units of the factor squared; if relative, of m u^2 for W and n u^2 for H, the squared length of a
        component whose entries are u. Directions whose squared length is small relative to delta count as flat.
    relative : bool, default False
        Whether strength and delta have no unit: the penalty is then strength x S / 2 x log det(F'F / (m u^2) + delta I)
        for F = W, with n in place of m for F = H'. S is the scale of the loss and u that of the factor, see
        `nmfcore.penalties`.
    """

    delta: float = 0.1
    in_fit: tuple[float, float] = field(default=(math.nan, math.nan), repr=False, kw_only=True)
    """Delta in the units of the fit, and its logarithm in units of the user."""

    needs = "volume"
    degree: ClassVar[int] = 0
    removable_by_scaling: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.delta, "delta of MinVolume", positive=True)

    def size(self, shape: tuple[int, int]) -> float:
        """A relative strength is divided by nothing."""
        return 1.0

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "MinVolume":
        """Keep the determinant in units of the user."""
        with np.errstate(over="ignore", under="ignore"):
            if self.relative:
                log_unit = -math.log(shape[0]) - 2 * math.log(units.entry)
                delta = float(self.delta * shape[0] * np.float64(units.entry) ** 2)
            else:
                delta, log_unit = float(np.ldexp(self.delta, -2 * units.factor)), 2 * units.factor * math.log(2.0)
        log_delta = max(math.log(self.delta), math.log(DELTAS[0]) + log_unit)
        in_fit = float(np.clip(delta, *DELTAS)), log_delta
        return MinVolume(self.strength_in(units, shape), self.delta, in_fit=in_fit)

    def _inverse(self, F: np.ndarray) -> tuple[np.ndarray, float]:
        """The inverse of F'F + delta I in the units of the fit, and the log determinant in units of the user."""
        delta, log_delta = self.in_fit
        F = F.astype(np.float64, copy=False)
        inverse, log_det = inverse_and_log_det(np.einsum("is,it->st", F, F) / delta)
        return inverse / delta, F.shape[1] * log_delta + log_det

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength / 2 x log determinant."""
        return 0.5 * self.strength * self._inverse(F)[1]

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Add strength (F'F + delta I)^-1 to G; log det is concave, so it lies below its tangents."""
        return Majorizer(self.strength * self._inverse(F)[0], _no_row(F))


def inverse_and_log_det(S: np.ndarray) -> tuple[np.ndarray, float]:
    """The inverse and the log determinant of S + I for a positive semi-definite S (k x k).

    Gauss-Jordan elimination; every pivot is at least 1 but for round-off. LAPACK is avoided, since its bits depend on
    its number of threads. 2 k^3 flop.
    """
    A = S + np.eye(len(S))
    log_det, product = 0.0, np.empty_like(A)
    for t in range(len(A)):
        pivot = max(float(A[t, t]), 1.0)
        log_det += math.log(pivot)
        row, column = A[t] / pivot, A[:, t].copy()
        A -= np.multiply(column[:, None], row, out=product)
        A[t], A[:, t] = row, -column / pivot
        A[t, t] = 1 / pivot
    return (A + A.T) / 2, log_det


@dataclass(frozen=True, eq=False)
class Prior(Weighed):
    """A factor close to a target: strength / 2 x ||F - target||_F^2 for the factor F.

    Parameters
    ----------
    target : array_like, shape (m, k) for W, (k, n) for H
        >= 0, in units of the factor.
    strength : float
        >= 0, in units of the loss per squared unit of the factor.
    relative : bool, default False
        Whether the strength has no unit: the penalty is then strength x S x (mean squared difference) / (2 u^2). S is
        the scale of the loss and u that of the factor, see `nmfcore.penalties`.
    """

    target: Any
    strength: float
    relative: bool = field(default=False, kw_only=True)

    needs = "diagonal"
    removable_by_scaling: ClassVar[bool] = False
    stops_shrinking: ClassVar[bool] = True

    def typical_entry(self, shape: tuple[int, int], transposed: bool) -> float | None:
        """The mean of the positive entries of the target."""
        return typical_size(np.asarray(self.target, np.float64))

    def align(self, align: Align, name: str, transposed: bool) -> "Prior":
        """Align the target."""
        return replace(self, target=align(self.target, f"target of {name}=Prior", FACTOR_AXES[transposed]))

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """A target of the wrong shape or with bad entries."""
        return entries_fault(self.target, "target", (shape[1], shape[0]) if transposed else shape)

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Prior":
        """Convert the strength and the target; the penalty is of degree 2."""
        target = np.asarray(self.target, np.float64)
        target = np.ascontiguousarray(units.values(target.T if transposed else target))
        return Prior(target, self.strength_in(units, shape))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength / 2 x squared distance."""
        return 0.5 * self.strength * float(np.sum((F - self.target) ** 2))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Add strength I to G and strength target to C."""
        return Majorizer(self.strength * np.eye(F.shape[1]), self.strength * self.target)


def scikit_learn(
    shape: tuple[int, int], alpha_W: float = 0.0, alpha_H: float | str = "same", l1_ratio: float = 0.0
) -> tuple[Penalty, Penalty]:
    """The penalties of scikit-learn's NMF, from its parameters.

    scikit-learn penalises W by the elastic net with l1_ratio and the strength alpha_W n_features, and H by the elastic
    net with the strength alpha_H n_samples. Both penalties are returned even if one has strength 0: a penalty on one
    factor alone would be coupled to the scale of the other factor, which scikit-learn does not do.

    Parameters
    ----------
    shape : (int, int)
        The shape of X, (n_samples, n_features).
    alpha_W : float, default 0
        >= 0.
    alpha_H : float or "same", default "same"
        >= 0; "same": alpha_W.
    l1_ratio : float, default 0
        0 <= l1_ratio <= 1.

    Returns
    -------
    penalty_W, penalty_H : Penalty
        For `nmfcore.hals`, `mu` and `nmf`.

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> X = np.random.default_rng(0).random((20, 10))
    >>> penalty_W, penalty_H = nmfcore.penalties.scikit_learn(X.shape, alpha_W=0.01, l1_ratio=0.5)
    >>> result = nmfcore.hals(X, 3, penalty_W=penalty_W, penalty_H=penalty_H, random_state=0)
    """
    m, n = shape
    if isinstance(alpha_H, str):
        if alpha_H != "same":
            raise InputError(f"alpha_H is {alpha_H!r}; wanted a number >= 0 or 'same'")
        alpha_H = alpha_W
    check_number(alpha_W, "alpha_W")
    check_number(alpha_H, "alpha_H")
    return ElasticNet(alpha_W * n, l1_ratio), ElasticNet(alpha_H * m, l1_ratio)
