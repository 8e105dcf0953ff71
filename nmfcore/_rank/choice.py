"""`RankChoice`, the result of `select_rank`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._checks import MAX_COUNT, check_choice
from .._runtime import files
from ..data import frames

KIND = files.FileFormat("nmfcore rank choice", "no rank choice of nmfcore", "RankChoice.save")
MORE = "more_"  # begins the names of further columns in a file
OWN_COLUMNS = frozenset({"k", "score", "spread", "chosen"})


@dataclass(frozen=True, eq=False)
class RankChoice:
    """The rank that was chosen, and the score of each candidate; ``print(choice)`` shows them as a table.

    Attributes
    ----------
    k : int
        The chosen rank.
    method : str
        The method of `select_rank`, which says what its score is.
    ranks : tuple of int
        The candidates, in increasing order.
    score : ndarray of float64, shape (len(ranks),)
        The score of each candidate.
    spread : ndarray of float64, shape (len(ranks),)
        The standard deviation of the score over repeats, blocks ("bi-cross-validation", four a repeat) or starts; NaN
        if there is only one. Blocks of one repeat share parts of X, so they spread less than independent ones.
    why : str
        The rule and the figures that led to the choice, in one sentence.
    more : mapping of str to ndarray
        Further columns of the table: "floor" for the method "elbow".
    """

    k: int
    method: str
    ranks: tuple[int, ...]
    score: np.ndarray = field(repr=False)
    spread: np.ndarray = field(repr=False)
    why: str
    more: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    def table(self) -> dict[str, np.ndarray]:
        """The columns "k", "score", "spread", those of `more`, and "chosen", with an entry for each candidate."""
        ranks = np.array(self.ranks)
        columns = {"k": ranks, "score": self.score, "spread": self.spread, **self.more, "chosen": ranks == self.k}
        return {name: column.copy() for name, column in columns.items()}

    def to_frame(self, library: str = "pandas") -> Any:
        """The table as a data frame with a row for each candidate.

        Parameters
        ----------
        library : {"pandas", "polars"}

        Raises
        ------
        ImportError
            The library is not installed; the message says how to install it.
        InputTypeError, InputError
            Another library.
        """
        return frames.table(self.table(), check_choice(library, "library", frames.LIBRARIES))

    def __str__(self) -> str:
        """The table with a mark at the chosen rank, and the reason."""
        columns = {name: column for name, column in self.table().items() if name != "chosen"}
        lines = ["".join(f"{name:>12}" for name in columns)]
        for k, *figures in zip(*columns.values(), strict=True):
            lines.append(f"{k:12d}" + "".join(f"{figure:12.5g}" for figure in figures) + "  <" * bool(k == self.k))
        return "\n".join([*lines, f"k = {self.k}: {self.why}"])

    def save(self, path: str | os.PathLike) -> None:
        """Write the choice to an .npz file, in the way of `Result.save`; nothing in it is pickled.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be written; an existing file stays as it is.
        """
        files.write(path, _to_arrays(self), KIND)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "RankChoice":
        """Read a file of `save`.

        Parameters
        ----------
        path : str or os.PathLike

        Returns
        -------
        RankChoice
            With identical bits.

        Raises
        ------
        OSError
            The file cannot be read.
        InputError
            The file is truncated, damaged, of a newer version, or not a file of `save`. No code in a file is executed.
        """
        return files.read(path, _from_arrays, KIND)


def _to_arrays(choice: RankChoice) -> dict[str, np.ndarray]:
    plain = {name: np.asarray(getattr(choice, name)) for name in ("k", "method", "ranks", "score", "spread", "why")}
    return plain | {MORE + name: np.asarray(column) for name, column in choice.more.items()}


def _from_arrays(arrays: dict[str, np.ndarray]) -> RankChoice:
    """The choice that these arrays hold; an exception of any kind if they do not fit together."""
    method, why = (_text(arrays.pop(name)) for name in ("method", "why"))
    k, ranks = arrays.pop("k"), arrays.pop("ranks")
    if k.shape != () or ranks.ndim != 1 or not {k.dtype.kind, ranks.dtype.kind} <= set("iu"):
        raise ValueError
    if not 1 <= ranks[0] <= ranks[-1] <= MAX_COUNT or np.any(ranks[1:] <= ranks[:-1]) or k not in ranks:
        raise ValueError
    score, spread = (_column(arrays.pop(name), ranks) for name in ("score", "spread"))
    if np.any(spread < 0):
        raise ValueError
    more = {name.removeprefix(MORE): _column(column, ranks) for name, column in arrays.items()}
    if not all(name.startswith(MORE) for name in arrays) or more.keys() & OWN_COLUMNS:
        raise ValueError
    return RankChoice(k.item(), method, tuple(ranks.tolist()), score, spread, why, more)


def _text(array: np.ndarray) -> str:
    if array.shape != () or array.dtype.kind != "U":
        raise ValueError
    return array.item()


def _column(array: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    if array.shape != ranks.shape or array.dtype != np.float64:
        raise ValueError
    return array
