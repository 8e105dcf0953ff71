"""Checks of the arguments of the singular value decomposition."""

from typing import Any

from .._checks import InputError, check_choice, check_count


def check_power_iter(power_iter: Any) -> int | None:
    """A number of power iterations; None for "auto"."""
    if isinstance(power_iter, str):
        return check_choice(power_iter, "power_iter", {"auto": None})
    return check_count(power_iter, "power_iter", 0)


def check_n_triplets(k: Any, shape: tuple[int, int]) -> int:
    """A number of singular values, at most min(m, n)."""
    k = check_count(k, "k", 1)
    if k > min(shape):
        raise InputError(f"k is {k}, but X of shape {shape} has {min(shape)} singular values; wanted k <= {min(shape)}")
    return k
