"""What a choice of the rank gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._checks import check_choice
from .._runtime import load

FLAT = 1e-3  # of the error of a constant: what a larger rank must gain to be better


@dataclass(frozen=True, eq=False)
class RankChoice:
    """Which rank, and what speaks for it; ``print(choice)`` shows it all.

    Attributes
    ----------
    k : int
        The rank.
    method : str
        By which it was chosen; `select_rank` says what the score of each is.
    ranks : tuple of int
        Those to choose from, rising.
    score : ndarray of float64, shape (len(ranks),)
        Of each rank.
    spread : ndarray of float64, shape (len(ranks),)
        The standard deviation of the score over repeats or starts; NaN where there is but one.
    why : str
        The rule and the figures by which it chose, in a sentence.
    more : mapping of str to ndarray
        Further columns of the table: "floor" for "elbow".
    """

    k: int
    method: str
    ranks: tuple[int, ...]
    score: np.ndarray = field(repr=False)
    spread: np.ndarray = field(repr=False)
    why: str
    more: Mapping[str, np.ndarray] = field(default_factory=dict, repr=False)

    def table(self) -> dict[str, np.ndarray]:
        """The columns "k", "score", "spread", further ones, and "chosen", each with an entry for each rank."""
        ranks = np.array(self.ranks)
        columns = {"k": ranks, "score": self.score, "spread": self.spread, **self.more, "chosen": ranks == self.k}
        return {name: column.copy() for name, column in columns.items()}

    def to_frame(self, library: str = "pandas") -> Any:
        """The table as a data frame.

        Parameters
        ----------
        library : {"pandas", "polars"}

        Raises
        ------
        ImportError
            The library is not there; the message says how to install it.
        TypeError, ValueError
            Another library.
        """
        extra = check_choice(library, "library", {"pandas": "frames", "polars": "polars"})
        return load(library, extra, "RankChoice.to_frame").DataFrame(self.table())

    def __str__(self) -> str:
        """The table, the choice marked, and why."""
        columns = {name: column for name, column in self.table().items() if name != "chosen"}
        lines = ["".join(f"{name:>12}" for name in columns)]
        for k, *figures in zip(*columns.values(), strict=True):
            lines.append(f"{k:12d}" + "".join(f"{figure:12.5g}" for figure in figures) + "  <" * bool(k == self.k))
        return "\n".join([*lines, f"k = {self.k}: {self.why}"])


def foretells(what: str, ranks: tuple[int, ...], score: np.ndarray) -> tuple[int, str]:
    """The place of the first rank whose error is not more than `FLAT` above the least, and why it is chosen."""
    at = int(np.argmax(score <= np.min(score) + FLAT))
    how = "foretells" if score[at] == np.min(score) else f"is the first that to {FLAT:g} foretells"
    return at, f"it {how} {what} best, with a share {beside(ranks, score, at)} of the error of a constant"


def beside(ranks: tuple[int, ...], score: np.ndarray, at: int) -> str:
    """The score of a rank, and those of its neighbours, in words."""
    near = [f"{score[i]:.4g} at k = {ranks[i]}" for i in (at - 1, at + 1) if 0 <= i < len(ranks)]
    return f"{score[at]:.4g}" + (f" ({' and '.join(near)})" if near else "")


def at_the_end(ranks: tuple[int, ...], k: int) -> str:
    """What there is to say of a choice beyond which no rank was asked for."""
    if len(ranks) == 1:
        return "; no other rank was asked for"
    if k in (1, *ranks[1:-1]):
        return ""
    return f"; it is the {'smallest' if k == ranks[0] else 'largest'} rank asked for, and one beyond may be better"


def column(values: Sequence[Sequence[float]], axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Score and spread of each rank: mean and standard deviation along the axis of repeats; NaN of a single one."""
    table = np.array(values, dtype=np.float64)
    mean = table.mean(axis=axis)
    return mean, table.std(axis=axis, ddof=1) if table.shape[axis] > 1 else np.full_like(mean, np.nan)
