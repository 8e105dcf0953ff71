"""Penalties that are linear or quadratic in the factor, or touched from above by something that is."""

import math
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .._checks import InputError, check_number
from .base import Majorizer, Penalty, Units, entries_fault

OFF = 1e30  # curvature and slope that keep a component that was switched off at 0


def _no_row(F: np.ndarray) -> np.ndarray:
    return np.zeros((1, F.shape[1]))


def _csr(graph: Any) -> Any:
    from scipy.sparse import csr_array  # here, since few need it

    return csr_array(graph, dtype=np.float64)


@dataclass(frozen=True)
class Strong(Penalty):
    """A penalty with a strength."""

    strength: float

    def __post_init__(self) -> None:
        check_number(self.strength, f"strength of {type(self).__name__}")


@dataclass(frozen=True)
class L1(Strong):
    """strength x the sum of the entries: sparse factors.

    Parameters
    ----------
    strength : float
        >= 0.
    """

    needs = "linear"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "L1":
        """Linear in the factor."""
        return L1(units.strength(self.strength, 1))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """The sum."""
        return float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """C - strength."""
        return Majorizer(np.zeros((F.shape[1],) * 2), -self.strength * norms[None])

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The sum of each component: s <= (s^2 + 1) / 2."""
        return self.strength * norms * F.sum(axis=0, dtype=np.float64)


@dataclass(frozen=True)
class L2(Strong):
    """strength / 2 x the sum of the squared entries: small factors (ridge, Tikhonov).

    Parameters
    ----------
    strength : float
        >= 0.
    """

    needs = "diagonal"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "L2":
        """Quadratic in the factor."""
        return L2(units.strength(self.strength, 2))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """FactorState of the sum of squares."""
        return 0.5 * float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """G + strength I."""
        return Majorizer(np.diag(self.strength * norms**2), _no_row(F))

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The squares of each component."""
        return self.strength * norms**2 * np.einsum("it,it->t", F, F, dtype=np.float64)


def ElasticNet(strength: float, l1_ratio: float) -> Penalty:
    """strength x (l1_ratio x sum of entries + (1 - l1_ratio) / 2 x sum of squares) (Zou & Hastie 2005).

    doi:10.1111/j.1467-9868.2005.00503.x. It is `L1` + `L2`.
    """
    check_number(strength, "strength of ElasticNet")
    if not 0 <= check_number(l1_ratio, "l1_ratio of ElasticNet") <= 1:
        raise InputError(f"l1_ratio is {l1_ratio}; wanted 0 <= l1_ratio <= 1")
    return L1(strength * l1_ratio) + L2(strength * (1 - l1_ratio))


@dataclass(frozen=True)
class Group(Strong):
    """strength x the sum of the Euclidean norms of the components (L2,1): switches whole components off.

    Components are the columns of W, the rows of H. On both factors it asks for few components, since |w| + |h| is least
    at twice the root of |w| |h|, and one large root is less than two small ones; on one factor alone two components
    with the same direction are as good as one. By iteratively reweighted least squares, which touches a norm from above
    (Yuan & Lin 2006, doi:10.1111/j.1467-9868.2005.00532.x, for the penalty): a component that does not pay for itself
    shrinks geometrically, and is 0 from where it falls below the round-off of the largest one.

    Parameters
    ----------
    strength : float
        >= 0.
    """

    needs = "diagonal"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Group":
        """Linear in the factor."""
        return Group(units.strength(self.strength, 1))

    def _sizes(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        return norms * np.sqrt(np.einsum("it,it->t", F, F, dtype=np.float64))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """The sum of norms."""
        return self.strength * float(np.sum(self._sizes(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """G_tt + strength / norm of component t."""
        sizes = self._sizes(F, norms)
        on = sizes > np.finfo(F.dtype).eps * sizes.max()
        off = OFF * (not on.all() and self.strength > 0)
        curvature = np.where(on, self.strength * norms**2 / np.where(on, sizes, 1), off)
        return Majorizer(np.diag(curvature), np.where(on, 0.0, -off)[None])

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The norm of each component."""
        return self.strength * self._sizes(F, norms)


@dataclass(frozen=True)
class Orthogonality(Strong):
    """strength x the sum over pairs of components of their inner product: components that do not overlap.

    Half the sum of the off-diagonal entries of W'W, or of H H': for non-negative factors it is 0 where the components
    are orthogonal, which is where no two of them share an entry.

    Parameters
    ----------
    strength : float
        >= 0.
    """

    needs = "off-diagonal"

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Orthogonality":
        """Quadratic in the factor."""
        return Orthogonality(units.strength(self.strength, 2))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """FactorState of the sum over ordered pairs."""
        return 0.5 * float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """G + strength off the diagonal."""
        G = self.strength * np.outer(norms, norms)
        np.fill_diagonal(G, 0)
        return Majorizer(G, _no_row(F))

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """The overlap of each component with the others: 2 s_t s_u <= s_t^2 + s_u^2."""
        overlaps = np.einsum("is,it->st", F, F, dtype=np.float64)
        np.fill_diagonal(overlaps, 0)
        return self.strength * norms * np.einsum("st,t->s", overlaps, norms)


@dataclass(frozen=True)
class Smooth(Strong):
    """strength / 2 x the sum of a_ij |f_i - f_j|^2 over the pairs of neighbours: factors that change slowly.

    f_i is a row of W, for samples with a known order or graph, or a column of H, for features such as the bands of a
    spectrum or the pixels of an image (Cai et al. 2011, doi:10.1109/TPAMI.2010.231). All rows are updated at once under
    a quadratic that touches it from above, so no update raises the objective.

    Parameters
    ----------
    strength : float
        >= 0.
    graph : SciPy sparse or array_like, shape (m, m) for W, (n, n) for H, optional
        The weights a_ij >= 0 of the neighbours, symmetric. None: each sample or feature and the next, weight 1.
    """

    graph: Any = None

    needs = "diagonal"

    def fault(self, shape: tuple[int, int], transposed: bool) -> str | None:
        """The shape, the entries and the symmetry of the graph."""
        if self.graph is None:
            return None
        try:
            graph, wanted = _csr(self.graph), (shape[0],) * 2
        except (TypeError, ValueError):
            return "graph is not a matrix of numbers"
        if graph.shape != wanted:
            return f"graph has shape {graph.shape}; wanted {wanted}"
        if graph.nnz and not (graph.data.min() >= 0 and np.isfinite(graph.data.max())):
            return "graph has negative, NaN or infinite weights; wanted finite numbers >= 0"
        if (graph != graph.T).nnz:
            return "graph is not symmetric; wanted the weight of a pair of neighbours in both places"
        return None

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Smooth":
        """Quadratic in the factor."""
        graph = None if self.graph is None else _csr(self.graph)
        return Smooth(units.strength(self.strength, 2), graph)

    def _laplacian(self, F: np.ndarray) -> np.ndarray:
        """(D - A) F."""
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
        """The sum over neighbours."""
        return 0.5 * float(np.sum(self.norm_curvature(F, norms)))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """D - A <= 2 max(D): the Laplacian's part that couples rows stays where it is, for the price of its bound."""
        weights, bound = self.strength * norms**2, 2 * self._degrees(len(F)).max()
        return Majorizer(np.diag(bound * weights), weights * (bound * F - self._laplacian(F)))

    def norm_curvature(self, F: np.ndarray, norms: np.ndarray) -> np.ndarray:
        """Of each component."""
        return self.strength * norms**2 * np.einsum("it,it->t", F, self._laplacian(F), dtype=np.float64)


@dataclass(frozen=True)
class MinVolume(Strong):
    """strength / 2 x log det(F'F + delta I): components as close together as the data allow.

    F is W, or H' for H (Leplat, Ang & Gillis 2019, doi:10.1109/ICASSP.2019.8682280), under the quadratic with
    (F'F + delta I)^-1 that touches it from above. The other factor must be held to a scale, by `SumToOne` for instance.

    Parameters
    ----------
    strength : float
        >= 0.
    delta : float
        > 0, in units of F squared: how small a direction counts as flat.
    """

    delta: float = 0.1
    exponent: int = field(default=0, repr=False, kw_only=True)  # of a unit of the factor in a fit

    needs = "volume"
    removable_by_scaling: ClassVar[bool] = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number(self.delta, "delta of MinVolume", positive=True)

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "MinVolume":
        """The determinant stays in units of the user, as log det(unit^2 F'F + delta I)."""
        return MinVolume(units.strength(self.strength, 0), self.delta, exponent=units.factor)

    @property
    def _square(self) -> float:
        """Of a unit of the factor in a fit, in those of the user."""
        return math.ldexp(1.0, max(-1000, min(1000, 2 * self.exponent)))

    def _gram(self, F: np.ndarray) -> np.ndarray:
        F = F.astype(np.float64, copy=False)
        return self._square * np.einsum("is,it->st", F, F) + self.delta * np.eye(F.shape[1])

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """FactorState of the log determinant."""
        return 0.5 * self.strength * float(np.linalg.slogdet(self._gram(F))[1])

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """G + strength (F'F + delta I)^-1: log det lies below its tangents."""
        return Majorizer(self.strength * self._square * np.linalg.inv(self._gram(F)), _no_row(F))


@dataclass(frozen=True)
class Prior(Penalty):
    """strength / 2 x ||F - target||_F^2: a factor near given values.

    Parameters
    ----------
    target : array_like, of the shape of the factor
        >= 0.
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
        """The shape and the entries of the target."""
        return entries_fault(self.target, "target", shape[::-1] if transposed else shape)

    def in_units(self, units: Units, shape: tuple[int, int], transposed: bool) -> "Prior":
        """Quadratic in the factor; the target is turned as the factor is."""
        target = np.asarray(self.target, np.float64)
        target = np.ascontiguousarray(units.values(target.T if transposed else target))
        return Prior(target, units.strength(self.strength, 2))

    def value(self, F: np.ndarray, norms: np.ndarray) -> float:
        """FactorState of the squared distance."""
        return 0.5 * self.strength * float(np.sum((F - self.target) ** 2))

    def majorizer(self, F: np.ndarray, norms: np.ndarray) -> Majorizer:
        """G + strength I, C + strength target."""
        return Majorizer(self.strength * np.eye(F.shape[1]), self.strength * self.target)


def scikit_learn(
    shape: tuple[int, int], alpha_W: float = 0.0, alpha_H: float | str = "same", l1_ratio: float = 0.0
) -> tuple[Penalty, Penalty]:
    """(penalty_W, penalty_H) of scikit-learn's NMF for X of that shape.

    There W is penalised alpha_W n_features and H alpha_H n_samples times the elastic net with l1_ratio, and a penalty
    on one factor alone is taken as it stands: both are given, so it is here, too.

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
