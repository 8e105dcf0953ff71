"""Archetypal analysis: archetypes are mixtures of samples, samples are mixtures of archetypes."""

from .archetypes import archetypes
from .result import Archetypes

__all__ = [
    "Archetypes",
    "archetypes",
]
