"""Penalties, bounds and sets for the factors: the arguments penalty_W and penalty_H.

`P + Q` is the sum of two penalties, or a penalty within a set. A fit minimises

    loss(X, W H) + penalty_W(W) + penalty_H(H).

Users pass `L1`, `L2`, `ElasticNet`, `Group`, `Orthogonality`, `Smooth`, `MinVolume`, `Prior`, `Box`, `SumToOne`,
`Hoyer`, or what `scikit_learn` returns; all other names are for the package itself. To add a penalty, derive a class
from `Penalty`. If a solver must support something new for it, add a word to `Penalty.needs` and to `Solver.takes`. This
room knows the kernels, through `Workspace`, the checks, and the axes of tables.

Strengths have units: a penalty and the loss are added, so a strength is in units of the loss, and the entries of the
factor are in their own unit. For X times c and a loss of degree d, the same fit needs a strength times c^d, divided by
the change of the factor to the degree of the penalty (1 for `L1` and `Group`, 0 for `MinVolume`, else 2). With
`relative=True` a strength has no unit, and X times c has the same factors up to scale. The penalty is then

    strength x S x P(F / u) / N.

S is the scale of the loss: ||X||_F^2 for "frobenius"; sum(X) for "kullback-leibler" and "l1"; the number of entries of
X for "itakura-saito"; that number times mean(X)^beta for the beta-divergence; that number times mean(X) min(mean(X),
delta) for `Huber`; sqrt(m) ||X||_F for "l21". Weights of entries count in all of these.

u is the unit of the factor, u_W for W and u_H for H. Constant factors of these units have the mean of X as product:
k u_W u_H = mean(X). What prescribes the size of a factor sets its unit: the mean of entries that sum to one
(`SumToOne`), or the mean of the positive entries of fixed values, of the target of `Prior`, or of the finite bounds of
`Box`. If neither factor has such a constraint, the two units are equal up to the power of two by which the start
divides the scale of X between the factors: at most 2, except for a start that the user gives. If only W is penalised,
its penalty applies to W diag(|H_t|), and its unit is sqrt(n) u_W u_H; likewise sqrt(m) u_W u_H for H.

N is the number of entries of the factor, for `Group` k times the square root of the number of rows of W or columns of
H, for `MinVolume` 1. So a strength of 0.01 costs about a hundredth of S, or of S / 2 for squares, where the entries of
the factor are about u. `transform` measures S and u on its own X, so that a row depends on the other rows.

Examples
--------
>>> import numpy as np, nmfcore
>>> from nmfcore import penalties
>>> X = np.random.default_rng(0).random((20, 10))
>>> result = nmfcore.hals(X, 3, penalty_W=penalties.L1(0.1) + penalties.Box(upper=0.9), random_state=0)
>>> float(result.W.max()) <= 0.9
True
"""

from .base import FactorPenalty, Majorizer, Penalty, Sum, Units
from .bounds import Box, Fixed
from .domain import ORTHANT, Bounds, Domain
from .quadratic import L1, L2, ElasticNet, Group, MinVolume, Orthogonality, Prior, Smooth, scikit_learn
from .sets import AxisDomain, Hoyer, Simplex, SumToOne

__all__ = [
    "L1",
    "L2",
    "ORTHANT",
    "AxisDomain",
    "Bounds",
    "Box",
    "Domain",
    "ElasticNet",
    "FactorPenalty",
    "Fixed",
    "Group",
    "Hoyer",
    "Majorizer",
    "MinVolume",
    "Orthogonality",
    "Penalty",
    "Prior",
    "Simplex",
    "Smooth",
    "Sum",
    "SumToOne",
    "Units",
    "scikit_learn",
]
