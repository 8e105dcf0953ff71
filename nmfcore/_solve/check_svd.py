"""The checks of the singular value decomposition."""

from typing import Any

from .._checks import InputError, check_choice, check_count
from .._starts import ACCURATE, Effort


def effort(power_iter: Any, oversampling: Any) -> Effort:
    """How long to look for the triplets."""
    oversampling = check_count(oversampling, "oversampling", 0)
    if isinstance(power_iter, str):
        check_choice(power_iter, "power_iter", {"auto": None})
        return ACCURATE._replace(oversampling=oversampling)
    return Effort(check_count(power_iter, "power_iter", 0), None, oversampling)


def rank(k: Any, shape: tuple[int, int]) -> int:
    """As many triplets as there can be."""
    k = check_count(k, "k", 1)
    if k > min(shape):
        raise InputError(f"k is {k}, but X of shape {shape} has {min(shape)} singular values; wanted k <= {min(shape)}")
    return k
