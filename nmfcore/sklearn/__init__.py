"""Drop-in replacements for scikit-learn's NMF on nmfcore's core (`pip install "nmfcore[sklearn]"`).

============================ ==========================================================================
`NMF`                        coordinate descent or multiplicative updates on the whole of X
`MiniBatchNMF`               multiplicative updates on mini-batches, or on a stream (`partial_fit`)
`non_negative_factorization` the function form of `NMF`
============================ ==========================================================================

They have the parameters, defaults, attributes, warnings and errors of scikit-learn's classes, and further parameters
that must be passed by name. `nmfcore.patch_sklearn` puts them in place of scikit-learn's in a running program.

The classes implement the interface of scikit-learn's classes and do not inherit from them. Coordinate descent is
nmfcore's HALS with its defaults. Multiplicative updates are scikit-learn's to round-off, including its zeros and its
exponents, because its tests, `MiniBatchNMF` and score-informed starts depend on them: there is no extrapolation and no
floor, and L1 is added to the denominator. Their random starts and their stopping rule are scikit-learn's, too, so that
the same `random_state` gives its factors. Coordinate descent with ``tol=0`` has scikit-learn's iterates from a custom
or a random start.

This room knows scikit-learn, the fit and the rooms below it. `_base.py` has what the estimators share, `_check.py` the
checks in scikit-learn's words, `_stopping.py` the meaning of scikit-learn's tol for nmfcore, and `_online.py` the
mini-batch solver.
"""

from .._runtime import import_optional

_decomposition = import_optional("sklearn.decomposition", "sklearn", "nmfcore.sklearn")

# Imported after `import_optional`, which reports a missing scikit-learn.
from ._minibatch import MiniBatchNMF  # noqa: E402
from ._nmf import NMF, non_negative_factorization  # noqa: E402

__all__ = ["NMF", "MiniBatchNMF", "non_negative_factorization"]

# Some programs, textacy for one, accept a model only if isinstance(model, sklearn.decomposition.NMF).
_decomposition.NMF.register(NMF)
_decomposition.MiniBatchNMF.register(MiniBatchNMF)
