"""A fit that was interrupted, and how it continues.

A checkpoint holds what an iteration hands to the next one, and nothing that follows from it: the factors, their
extrapolation, the best factors, five numbers and the history. Gram matrices and statistics are computed again, to the
same bits, because they are the same kernels on the same arrays.
"""

import json
import math
import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._runtime import files
from ..data import Data
from .constraints import current_options
from .stopping import NUMBERS

KIND = files.FileFormat("nmfcore checkpoint", "no checkpoint of nmfcore", "Checkpoint.save")
TEXTS = {"options": "options", "fingerprint": "fingerprint", "stopping": "course"}  # JSON members; older files load
KINDS = ("factor", "best", "old")
LARGEST = 1 << 13  # of a power of two, beyond the range of any X
PLACES_TOLERANCE = 1e-3  # of ||X||: "places" is summed in the dtype of X; another order of entries moves it by ||X||
SUM_TOLERANCE = 1e-9  # relative: the other sums over X are float64, and differ by round-off for another memory order


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a fit after an iteration: ``nmf(X, k, init=checkpoint)`` continues it, with the same X and options.

    The fit ends with the bits of one that was not interrupted. `State.checkpoint` makes a checkpoint in a callback, and
    the command ``nmfcore fit --checkpoint`` at intervals. max_iter, max_time and tol may change; the first two count
    from the first start. Another option is an error, and so is an X with other sums. An exchange of a few
    similar entries of X is not noticed, nor are changed values in the arrays of penalties, fixed values, weights and
    masks.

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
    """Sums over the scaled X that tell it from another X."""
    stopping: dict[str, Any] = field(repr=False)
    """The numbers of the stopping rule."""
    arrays: dict[str, np.ndarray] = field(repr=False)
    """The factors, their scales and the history."""

    def save(self, path: str | os.PathLike) -> None:
        """Write the checkpoint to a file, which replaces the file of that name, as `Result.save` does.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be written; a file of that name stays as it was.
        """
        texts = {member: np.asarray(json.dumps(getattr(self, name))) for name, member in TEXTS.items()}
        files.write(path, {"iteration": np.asarray(self.iteration)} | texts | self.arrays, KIND)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Checkpoint":
        """Read a file that `save` has written.

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
        InputError
            It is truncated, damaged, of a newer version, or of another kind. No code in a file is ever executed.
        """
        return files.read(path, _from_arrays, KIND)


def fingerprint(data: Data) -> dict[str, Any]:
    """Numbers that tell one X from another: its shape, its measures, and a sum that depends on the place of each entry.

    The sum is a product with one column, which reads X once.
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


def _from_arrays(arrays: dict[str, np.ndarray]) -> Checkpoint:
    """The checkpoint that the arrays hold; an exception of any kind where they do not fit together."""
    iteration = int(arrays.pop("iteration").item())
    options, measured, stopping = (json.loads(arrays.pop(member).item()) for member in TEXTS.values())
    options = current_options(options)
    k, dtype = options["k"], np.dtype(options["dtype"])
    for name, size in zip(("W", "H"), measured["shape"], strict=True):
        for kind in KINDS if arrays.keys() & {"W_old", "H_old"} else KINDS[:2]:
            F = arrays[f"{name}_{kind}"]
            if F.shape != (size, k) or F.dtype != dtype or not (F.min() >= 0 and F.max() < np.inf):
                raise ValueError
        exponents = arrays[f"{name}_exponents"]
        if exponents.shape != (k,) or exponents.dtype.kind != "i" or np.abs(exponents).max() > LARGEST:
            raise ValueError
    if not len(arrays["objective"]) == len(arrays["seconds"]) == iteration + 1 > 1 or set(stopping) != set(NUMBERS):
        raise ValueError
    return Checkpoint(iteration, options, measured, stopping, arrays)
