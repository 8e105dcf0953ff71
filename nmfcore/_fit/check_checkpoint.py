"""The check that a checkpoint belongs to the fit that is to go on from it."""

from typing import Any

from .._checks import InputError
from ..data import Data
from .checkpoint import Checkpoint, differing_entries, fingerprint

# These may change on resume: they decide only when the fit stops, how it started, and which version ran.
FREE = frozenset({"init", "random_state", "compress", "max_iter", "max_time", "tol", "version"})


def check_same_fit(checkpoint: Checkpoint, options: dict[str, Any], data: Data, digests: dict[str, str]) -> None:
    """Refuse to go on from a fit with other options, of another X, or with other arrays of these digests."""
    for name in sorted(options.keys() - FREE):
        before = checkpoint.options.get(name)
        if name == "solver" and before == "auto":  # older versions stored the argument, not the solver that ran
            continue
        if before != options[name]:
            raise InputError(
                f"init is a checkpoint of a fit with {name}={before!r}, but {name} is {options[name]!r} now; "
                "wanted the options of that fit"
            )
    before, now = checkpoint.fingerprint, fingerprint(data)
    if before["shape"] != now["shape"]:
        shapes = tuple(before["shape"]), tuple(now["shape"])
        raise InputError(f"init is a checkpoint of a fit of X with shape {shapes[0]}, but X has shape {shapes[1]}")
    if before.keys() | {"entries", "arrays"} != now.keys() | {"arrays"} or differing_entries(before, now):
        raise InputError("init is a checkpoint of a fit of another X, or with other weights: wanted those of that fit")
    arrays = before.get("arrays", digests)  # older versions stored no digests and no "entries"
    for name in sorted(arrays.keys() | digests.keys()):
        if arrays.get(name) != digests.get(name):
            raise InputError(f"init is a checkpoint of a fit with another array {name}; wanted that of that fit")
