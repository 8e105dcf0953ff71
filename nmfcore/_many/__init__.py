"""Many fits of one X: several ranks and starts, side by side, with a ledger that survives an interruption.

This room knows the single fit and the ensemble that it returns.
"""

from .fit_many import fit_many

__all__ = [
    "fit_many",
]
