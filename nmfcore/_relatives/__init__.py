"""Relatives of NMF: symmetric, projective, orthogonal, semi-NMF and hierarchical clustering."""

from .clustering import Clustering
from .hierarchical import hierarchical
from .hierarchy import Hierarchy
from .orthogonal import orthogonal
from .projective import projective
from .semi import semi
from .symmetric import symmetric

__all__ = [
    "Clustering",
    "Hierarchy",
    "hierarchical",
    "orthogonal",
    "projective",
    "semi",
    "symmetric",
]
