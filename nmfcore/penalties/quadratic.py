"""Penalties that are linear or quadratic in the factor, or have a quadratic majorizer."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .._checks import InputError, check_number
from .base import Majorizer, Penalty, Units, entries_fault

# Curvature and slope that keep a component at 0 once it is 0: no gradient at the scale of a fit outweighs them, and
# they are finite in float32, too.
OFF = 1e30


def _no_row(F: np.ndarray) -> np.ndarray:
    return np.zeros((1, F.shape[1]))


def _csr(graph: Any) -> Any:
    from scipy.sparse import csr_array  # here, since few need it

    return csr_array(graph, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class StrengthPenalty(Penalty):
    """A penalty with a strength."""

    strength: float

    def __post_init__(self) -> None:
        check_number(self.strength, f"strength of {type(self).__name__}")


@dataclass(frozen=True)
class L1(StrengthPenalty):
    """Sparse factors: strength x sum of the entries of the factor.

    Parameters
    ----------
    strength : float
        >= 0.
    """

    needs = "linear"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "L1":
        """Convert the strength; the penalty is of degree 1."""
        return L1(units.strength(self.strength, 1))

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
        >= 0.
    """

    needs = "diagonal"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "L2":
        """Convert the strength; the penalty is of degree 2."""
        return L2(units.strength(self.strength, 2))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength / 2 x sum of squares."""
        return 0.5 * float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Add strength I to G."""
        return Majorizer(np.diag(self.strength * norms**2), _no_row(F))

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The sum of squares of each component."""
        return self.strength * norms**2 * np.einsum("it,it->t", F, F, dtype=np.float64)


def ElasticNet(strength: float, l1_ratio: float) -> Penalty:
    """Elastic net: strength x (l1_ratio x sum of entries + (1 - l1_ratio) / 2 x sum of squared entries).

    Zou & Hastie 2005, doi:10.1111/j.1467-9868.2005.00503.x.

    Parameters
    ----------
    strength : float
        >= 0.
    l1_ratio : float
        0 <= l1_ratio <= 1, the share of L1.

    Returns
    -------
    Penalty
        L1(strength x l1_ratio) + L2(strength x (1 - l1_ratio)).
    """
    check_number(strength, "strength of ElasticNet")
    if not 0 <= check_number(l1_ratio, "l1_ratio of ElasticNet") <= 1:
        raise InputError(f"l1_ratio is {l1_ratio}; wanted 0 <= l1_ratio <= 1")
    return L1(strength * l1_ratio) + L2(strength * (1 - l1_ratio))


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
        >= 0.
    """

    needs = "diagonal"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Group":
        """Convert the strength; the penalty is of degree 1."""
        return Group(units.strength(self.strength, 1))

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
        >= 0.
    """

    needs = "off-diagonal"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Orthogonality":
        """Convert the strength; the penalty is of degree 2."""
        return Orthogonality(units.strength(self.strength, 2))

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
        >= 0.
    graph : SciPy sparse or array_like, shape (m, m) for W, (n, n) for H, optional
        The weights a_ij >= 0 of the pairs, symmetric. None: each sample or feature is a neighbour of the next one, with
        weight 1.
    """

    graph: Any = None

    needs = "diagonal"

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
        return Smooth(units.strength(self.strength, 2), graph)

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
    doi:10.1109/ICASSP.2019.8682280; the majorizer has the matrix (F'F + delta I)^-1. The scale of the other factor must
    be fixed, for example by `SumToOne`.

    Parameters
    ----------
    strength : float
        >= 0.
    delta : float
        > 0, in units of the factor squared. Directions whose squared length is small relative to delta count as flat.
    """

    delta: float = 0.1
    exponent: int = field(default=0, repr=False, kw_only=True)  # of Units.factor

    needs = "volume"
    removable_by_scaling: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.delta, "delta of MinVolume", positive=True)

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "MinVolume":
        """Keep the determinant in units of the user, as log det(unit^2 F'F + delta I)."""
        return MinVolume(units.strength(self.strength, 0), self.delta, exponent=units.factor)

    @property
    def _square(self) -> float:
        """The squared unit of the factor in a fit, in units of the user."""
        return math.ldexp(1.0, max(-1000, min(1000, 2 * self.exponent)))

    def _gram(self, F: np.ndarray) -> np.ndarray:
        F = F.astype(np.float64, copy=False)
        return self._square * np.einsum("is,it->st", F, F) + self.delta * np.eye(F.shape[1])

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """strength / 2 x log determinant."""
        return 0.5 * self.strength * float(np.linalg.slogdet(self._gram(F))[1])

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """Add strength (F'F + delta I)^-1 to G; log det is concave, so it lies below its tangents."""
        return Majorizer(self.strength * self._square * np.linalg.inv(self._gram(F)), _no_row(F))


@dataclass(frozen=True, eq=False)
class Prior(Penalty):
    """A factor close to a target: strength / 2 x ||F - target||_F^2 for the factor F.

    Parameters
    ----------
    target : array_like, shape (m, k) for W, (k, n) for H
        >= 0, in units of the factor.
    strength : float
        >= 0.
    """

    target: Any
    strength: float

    needs = "diagonal"
    removable_by_scaling: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_number(self.strength, "strength of Prior")

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """A target of the wrong shape or with bad entries."""
        return entries_fault(self.target, "target", (shape[1], shape[0]) if transposed else shape)

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Prior":
        """Convert the strength and the target; the penalty is of degree 2."""
        target = np.asarray(self.target, np.float64)
        target = np.ascontiguousarray(units.values(target.T if transposed else target))
        return Prior(target, units.strength(self.strength, 2))

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
