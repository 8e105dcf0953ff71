"""Archetypal analysis: archetypes are mixtures of samples, and samples are mixtures of archetypes.

`archetypes` fits an `Archetypes`. To add a start, write a function and enter it in `start.STARTS`. This room knows the
storages and the kernels of least squares over the simplex, and of the fit the options and records.
"""

from .archetypes import archetypes
from .result import Archetypes

__all__ = [
    "Archetypes",
    "archetypes",
]
