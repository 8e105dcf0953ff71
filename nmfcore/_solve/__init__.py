"""Factorizations that need no alternation: non-negative least squares, separable NMF, the truncated SVD."""

from .nnls import nnls
from .separable import Separable, separable
from .svd import svd

__all__ = [
    "Separable",
    "nnls",
    "separable",
    "svd",
]
