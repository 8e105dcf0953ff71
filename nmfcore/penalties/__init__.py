"""Penalties, bounds and sets for the factors: the arguments penalty_W and penalty_H.

`P + Q` is the sum of two penalties, or a penalty within a set. A fit minimises

    loss(X, W H) + penalty_W(W) + penalty_H(H).

Users pass `L1`, `L2`, `ElasticNet`, `Group`, `Orthogonality`, `Smooth`, `MinVolume`, `Prior`, `Box`, `SumToOne`,
`Hoyer`, or what `scikit_learn` returns; all other names are for the package itself. To add a penalty, derive a class
from `Penalty`. If a solver must support something new for it, add a word to `Penalty.needs` and to `Solver.takes`. This
room knows the kernels, through `Workspace`, and the checks.

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
from .sets import AxisDomain, Hoyer, SumToOne

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
    "Smooth",
    "Sum",
    "SumToOne",
    "Units",
    "scikit_learn",
]
