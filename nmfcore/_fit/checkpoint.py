"""A fit that was interrupted, and goes on."""

import json
import math
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._runtime import files
from ..data import Data
from .stopping import NUMBERS

KIND = files.Kind("nmfcore checkpoint", "no checkpoint of nmfcore", "Checkpoint.save")
TEXTS = {"options": "options", "fingerprint": "fingerprint", "stopping": "course"}  # JSON members, by attribute
KINDS = ("factor", "best", "old")
LARGEST = 1 << 13  # of a power of two, beyond the range of any X
PLACES_TOLERANCE = 1e-3  # of ||X||: "places" is summed in the dtype of X; another order of entries moves it by ||X||
SUM_TOLERANCE = 1e-9  # relative: the other sums over X are float64, and differ by round-off for another memory order


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What a fit needs to go on after an iteration: ``nmf(X, k, init=checkpoint)``, with X and the options of that fit.

    It ends with the bits of a fit that nobody has disturbed. `State.checkpoint` makes one in a callback, the command
    ``nmfcore fit --checkpoint`` one now and then. max_iter, max_time and tol may be others than before; the first two
    count from the first start. Another X and other options are refused; that the arrays of penalties, given values,
    weights and masks are those of that fit is not checked.

    Attributes
    ----------
    iteration : int
        Iterations done.
    options : dict
        What was asked for, see `Result.options`.
    """

    iteration: int
    options: dict[str, Any]
    fingerprint: dict[str, Any] = field(repr=False)
    """Of the scaled X."""
    stopping: dict[str, Any] = field(repr=False)
    """The driver's numbers."""
    arrays: dict[str, np.ndarray] = field(repr=False)
    """The driver's arrays."""

    def save(self, path: str | os.PathLike) -> None:
        """Write it to a file, in the place of what is there, as `Result.save` does.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be written; what was there before is there still.
        """
        texts = {member: np.asarray(json.dumps(getattr(self, name))) for name, member in TEXTS.items()}
        files.write(path, {"iteration": np.asarray(self.iteration)} | texts | self.arrays, KIND)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Checkpoint":
        """Read what `save` has written.

        Parameters
        ----------
        path : str or os.PathLike

        Returns
        -------
        Checkpoint

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            It is truncated, damaged, of a newer version, or no such file. No code in a file is ever executed.
        """
        return files.read(path, _of_arrays, KIND)


def fingerprint(data: Data) -> dict[str, Any]:
    """What tells one X from another: its shape, what is measured of it, and a sum that knows the place of each entry.

    That is a product with one column: a reading of X.
    """
    of_rows, of_columns = (np.sin(np.arange(1.0, size + 1)) for size in data.shape)
    B = of_columns.astype(data.dtype)[:, None]
    places = float(of_rows @ data.dot(B, np.empty((data.shape[0], 1), data.dtype))[:, 0].astype(np.float64))
    return {"shape": list(data.shape), "weighted": data.weighted, "total": float(data.total), "places": places} | {
        name: float(value) for name, value in data.measures._asdict().items()
    }


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


def _of_arrays(arrays: dict[str, np.ndarray]) -> Checkpoint:
    """The checkpoint that those arrays hold; an exception of any kind where they do not fit together."""
    iteration = int(arrays.pop("iteration").item())
    options, found, stopping = (json.loads(arrays.pop(member).item()) for member in TEXTS.values())
    k, dtype = options["k"], np.dtype(options["dtype"])
    for name, size in zip(("W", "H"), found["shape"], strict=True):
        for kind in KINDS if arrays.keys() & {"W_old", "H_old"} else KINDS[:2]:
            F = arrays[f"{name}_{kind}"]
            if F.shape != (size, k) or F.dtype != dtype or not (F.min() >= 0 and F.max() < np.inf):
                raise ValueError
        exponents = arrays[f"{name}_exponents"]
        if exponents.shape != (k,) or exponents.dtype.kind != "i" or np.abs(exponents).max() > LARGEST:
            raise ValueError
    if not len(arrays["objective"]) == len(arrays["seconds"]) == iteration + 1 > 1 or set(stopping) != set(NUMBERS):
        raise ValueError
    return Checkpoint(iteration, options, found, stopping, arrays)
