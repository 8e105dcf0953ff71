"""Problems without an alternation: non-negative least squares, separable NMF, and the truncated SVD.

To add a function of this kind, write a file with the function and, if it needs some, a `check_` file with its checks.
This room knows the storages, the starts, the losses, and of the fit the type `RandomState`.
"""

from .nnls import nnls
from .separable import Separable, separable
from .svd import svd

__all__ = [
    "Separable",
    "nnls",
    "separable",
    "svd",
]
