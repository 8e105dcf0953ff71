"""Drop-ins for scikit-learn's NMF, computed by nmfcore; needs scikit-learn: `pip install "nmfcore[sklearn]"`."""

from .._runtime import load

_theirs = load("sklearn.decomposition", "sklearn", "nmfcore.sklearn")

from ._minibatch import MiniBatchNMF  # noqa: E402 (what it imports may be missing)
from ._nmf import (  # noqa: E402 (what it imports may be missing)
    NMF,
    non_negative_factorization,
)

__all__ = ["NMF", "MiniBatchNMF", "non_negative_factorization"]

# Programs ask isinstance(model, sklearn.decomposition.NMF), as textacy does, before they take a model as one.
_theirs.NMF.register(NMF)
_theirs.MiniBatchNMF.register(MiniBatchNMF)
