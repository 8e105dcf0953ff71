"""The checks of the singular value decomposition."""

from typing import Any

from . import _check
from ._singular import ACCURATE, Effort


def effort(power_iter: Any, oversampling: Any) -> Effort:
    """How long to look for the triplets."""
    oversampling = _check.count(oversampling, "oversampling", 0)
    if isinstance(power_iter, str):
        _check.choice(power_iter, "power_iter", {"auto": None})
        return ACCURATE._replace(oversampling=oversampling)
    return Effort(_check.count(power_iter, "power_iter", 0), None, oversampling)


def rank(k: Any, shape: tuple[int, int]) -> int:
    """As many triplets as there can be."""
    k = _check.count(k, "k", 1)
    if k > min(shape):
        raise ValueError(f"k is {k}, but X of shape {shape} has {min(shape)} singular values; wanted k <= {min(shape)}")
    return k
