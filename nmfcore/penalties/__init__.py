"""What is known of a factor: penalties, bounds and sets. `P + Q` is both.

Passed as penalty_W and penalty_H to `nmfcore.hals`, `mu` and `nmf`. To add one: a class with the protocol `Penalty`.
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
