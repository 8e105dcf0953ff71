"""Relatives of NMF: symmetric, projective, orthogonal and semi-NMF, and hierarchical clustering by NMF of rank 2.

The first four return a `Clustering` and share one body (`fit_clustering`), one loop (`iterations`) and the checks. To
add a relative, write a class with the protocol `IterativeFit`, describe it by a `ClusteringModel`, and write the
function that users call. This room knows the storages, the starts, the accuracies of the losses, and of the fit
its options and records, `Recorder`, `ProgressPrinter`, `Momentum`, and `run_fit` with a `FitRequest`.
"""

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
