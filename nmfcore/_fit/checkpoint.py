"""A fit that was interrupted, and how it continues.

A checkpoint holds what an iteration hands to the next one, and nothing that follows from it: the factors, their
extrapolation, the best factors, five numbers and the history. Gram matrices and statistics are computed again, to the
same bits, because they are the same kernels on the same arrays.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from .._runtime import Members, Storable, files
from ..data import Data
from .constraints import current_options
from .stopping import NUMBERS

TEXTS = {"options": "options", "fingerprint": "fingerprint", "stopping": "course"}  # JSON members; older files load
KINDS = ("factor", "best", "old")
LARGEST = np.finfo(np.float64).max  # entries of the factors are finite
LARGEST_EXPONENT = 1 << 13  # of a power of two, beyond the range of any X
PLACES_TOLERANCE = 1e-3  # of ||X||: "places" is summed in the dtype of X; another order of entries moves it by ||X||
SUM_TOLERANCE = 1e-9  # relative: the other sums over X are float64, and differ by round-off for another memory order


@dataclass(frozen=True, eq=False)
class Checkpoint(Storable):
    """The state of a fit after an iteration: ``nmf(X, k, init=checkpoint)`` continues it, with the same X and options.

    The fit ends with the bits of one that was not interrupted. `State.checkpoint` makes a checkpoint in a callback, and
    the command ``nmfcore fit --checkpoint`` at intervals. max_iter, max_time and tol may change; the first two count
    from the first start. Another option is an error, and so is another X, or another array of weights, hidden entries,
    fixed values or penalties: a checkpoint has a fingerprint of all their entries. Files of early versions have
    sums over X instead, which do not notice an exchange of a few similar entries.

    Attributes
    ----------
    iteration : int
        Iterations done.
    options : dict
        The options of the fit, see `Result.options`.
    """

    iteration: int
    options: dict[str, Any]
    fingerprint: dict[str, Any] = field(repr=False)
    """Sums over the scaled X that tell it from another X, and digests of the arrays of penalties and fixed values."""
    stopping: dict[str, Any] = field(repr=False)
    """The numbers of the stopping rule."""
    arrays: dict[str, np.ndarray] = field(repr=False)
    """The factors, their scales and the history."""

    _file_kind: ClassVar = files.FileFormat("nmfcore checkpoint", "no checkpoint of nmfcore", "Checkpoint.save")

    def _to_arrays(self) -> dict[str, np.ndarray]:
        texts = {member: np.asarray(json.dumps(getattr(self, name))) for name, member in TEXTS.items()}
        return {"iteration": np.asarray(self.iteration)} | texts | self.arrays

    @classmethod
    def _from_members(cls, members: Members) -> Self:
        iteration = members.count("iteration")
        options, measured, stopping = (members.mapping(member) for member in TEXTS.values())
        options = current_options(options)
        k, dtype = options["k"], np.dtype(options["dtype"])
        extrapolated = members.arrays.keys() & {"W_old", "H_old"}
        arrays = {
            "objective": members.floats("objective", (iteration + 1,), np.float64),
            "seconds": members.floats("seconds", (iteration + 1,), np.float64, 0, LARGEST),
        }
        if "compressed" in members.arrays:  # not in files of early versions
            arrays["compressed"] = np.asarray(_at_most(members.count("compressed"), iteration))
        for factor, size in zip(("W", "H"), measured["shape"], strict=True):
            for name in (f"{factor}_{kind}" for kind in (KINDS if extrapolated else KINDS[:2])):
                arrays[name] = members.floats(name, (size, k), dtype, 0, LARGEST)
            name = f"{factor}_exponents"
            members.indices(name, (k,), LARGEST_EXPONENT + 1, -LARGEST_EXPONENT)
            arrays[name] = members.arrays[name]
        if iteration < 1 or set(stopping) != set(NUMBERS) or not all(map(_is_number, stopping.values())):
            raise ValueError("stopping")
        return cls(iteration, options, measured, stopping, arrays)


def fingerprint(data: Data) -> dict[str, Any]:
    """Numbers that tell one X from another: its shape, its measures, and fingerprints of its entries and weights.

    "entries" depends on every bit of the scaled X, but not on its memory order or storage. "places", which files of
    older versions have instead, is a product with one column. Each reads X once.
    """
    of_rows, of_columns = (np.sin(np.arange(1.0, size + 1)) for size in data.shape)
    B = of_columns.astype(data.dtype)[:, None]
    of_X = data.dot(B, np.empty((data.shape[0], 1), data.dtype))[:, 0]
    places = float(np.sum(of_rows * of_X.astype(np.float64)))
    entries = [f"{number:016x}" for number in data.fingerprints()]
    measures = {name: float(value) for name, value in data.measures._asdict().items()}
    kind = {"shape": list(data.shape), "weighted": data.weighted, "total": float(data.total)}
    return kind | {"places": places, "entries": entries} | measures


def differing_entries(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Names of the entries that both fingerprints have and that tell one X from the other, in the order of `before`.

    Floats may differ by the round-off of sums over X in another order; all other values must be equal.
    """
    norm = math.sqrt(abs(_float_or_nan(now.get("squared_norm"))))
    names = []
    for name in (name for name in before if name in now and before[name] != now[name]):
        one, two = _float_or_nan(before[name]), _float_or_nan(now[name])
        tolerance = PLACES_TOLERANCE * norm if name == "places" else SUM_TOLERANCE * abs(two)
        if not abs(one - two) <= tolerance:
            names.append(name)
    return names


def _float_or_nan(value: Any) -> float:
    """A float; NaN, which is close to nothing, for a count or any other value."""
    return value if isinstance(value, float) else math.nan


def _at_most(count: int, most: int) -> int:
    if count > most:
        raise ValueError("compressed")
    return count


def _is_number(value: Any) -> bool:
    """Whether a value of a JSON file is a number, perhaps infinite, but not NaN."""
    return type(value) in (int, float) and value == value
