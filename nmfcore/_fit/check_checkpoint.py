"""The checks of a checkpoint: it must be one of the same fit."""

from typing import Any

import numpy as np

from .._checks import InputError
from ..data import Data
from .checkpoint import Checkpoint, fingerprint

#: What may change when a fit goes on: when it stops, and what only its start depends on.
FREE = frozenset({"init", "random_state", "max_iter", "max_time", "tol", "version"})
NEAR = 1e-3  # of ||X||, between sums of a product in the dtype of X; entries in other places are about ||X|| apart
ROUND_OFF = 1e-9  # between sums over X in different orders, which are sums in float64


def same_fit(checkpoint: Checkpoint, options: dict[str, Any], data: Data) -> None:
    """Refuse to go on from a fit with other options, or of another X."""
    for name in sorted(options.keys() - FREE):
        before = checkpoint.options.get(name)
        if before != options[name]:
            raise InputError(
                f"init is a checkpoint of a fit with {name}={before!r}, but {name} is {options[name]!r} now; "
                "wanted the options of that fit"
            )
    before, now = dict(checkpoint.fingerprint), fingerprint(data)
    shapes = before.pop("shape"), now.pop("shape")
    if shapes[0] != shapes[1]:
        raise InputError(
            f"init is a checkpoint of a fit of X with shape {tuple(shapes[0])}, but X has shape {tuple(shapes[1])}"
        )
    size = np.sqrt(now["squared_norm"])
    near = abs(before.pop("places", np.inf) - now.pop("places")) <= NEAR * size
    numbers = list(before.values()), list(now.values())
    if not near or before.keys() != now.keys() or not np.allclose(*numbers, rtol=ROUND_OFF, atol=0):
        raise InputError("init is a checkpoint of a fit of another X, or with other weights: their sums differ")
