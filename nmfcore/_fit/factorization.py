"""The factors that a fit found and what is known of them; their file, their order and their scale."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

import numpy as np

from .._checks import check_choice
from .._runtime import files
from ..data import Names, frames
from . import check_result, components
from .records import History


@dataclass(frozen=True, eq=False)
class Factorization:
    """What a fit found: the attributes of a `Result`, which documents them, and the methods that need no other fit."""

    W: np.ndarray = field(repr=False)
    H: np.ndarray = field(repr=False)
    objective: float
    relative_error: float
    n_iter: int
    converged: bool
    reason: str
    kkt_residual: float
    history: History = field(repr=False)
    unobserved: tuple[np.ndarray, np.ndarray] = field(repr=False)
    options: dict[str, Any] = field(repr=False, default_factory=dict)
    names: Names = field(repr=False, default=(None, None))

    def __iter__(self) -> Iterator[np.ndarray]:
        """W, then H."""
        return iter((self.W, self.H))

    def save(self, path: str | os.PathLike) -> None:
        """Write all of it to a file, bit for bit, in the place of what is there.

        An .npz file, whatever its name, which ``numpy.load(path)["W"]`` reads, too; nothing in it is pickled. It is
        written under another name in the same folder and renamed, so that it is there as a whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be written.
        """
        files.write(path, result_to_arrays(self))

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read what `save` has written.

        Parameters
        ----------
        path : str or os.PathLike

        Returns
        -------
        Result
            Equal to the one that was saved, to the bit.

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            It is truncated, damaged, of a newer version, or no such file. No code in a file is ever executed.
        """
        return files.read(path, lambda arrays: factorization_from_arrays(arrays, cls))

    def reconstruct(self, rows: Any = None) -> np.ndarray:
        """The model W H, or those rows of it.

        Parameters
        ----------
        rows : int, slice, array_like of int or bool, optional
            Which rows, as NumPy indexes them; None: all of them, an m x n array.

        Returns
        -------
        ndarray, shape (m, n) or that of the rows
            Of the dtype of X. 2 k n flop a row.

        Raises
        ------
        InputError, InputTypeError
            Rows that W does not have, or that are no index.
        """
        return check_result.rows(self.W, rows) @ self.H

    def to_frame(self, library: str = "pandas") -> tuple[Any, Any]:
        """W and H as data frames, with the names of the rows and columns of X where it had such.

        Parameters
        ----------
        library : {"pandas", "polars"}
            Whose data frames. What the index is for pandas is for polars, which has none, a first column: "row" of W,
            "component" of H.

        Returns
        -------
        W, H : data frames, shapes (m, k) and (k, n)
            Copies. Components are called component_0, component_1 and so on; rows and columns of X without names are
            numbered from 0.

        Raises
        ------
        ImportError
            The library is not there; the message says how to install it.
        TypeError, ValueError
            Another library; names for polars that are not unique.
        """
        library = check_choice(library, "library", frames.LIBRARIES)
        return frames.factor_frames(self.W, self.H, self.names, library)

    def order(self, by: str = "share") -> Self:
        r"""The same factorization with its components in order, the largest first.

        Parameters
        ----------
        by : {"share", "norm"}
            "share": the sum of the entries of :math:`w_t h_t`, which is what component t contributes to the sum of
            W H; "norm": its Frobenius norm :math:`\|w_t\| \|h_t\|`. Neither depends on how a scale is shared between W
            and H. Equal ones stay in their order, those of 0 come last.

        Returns
        -------
        Result
            With copies of W and H; the rest is that of this one.

        Raises
        ------
        TypeError, ValueError
            Another `by`.
        """
        best = components.ranking(self.W, self.H.T, check_choice(by, "by", components.SIZES))
        return replace(self, W=self.W.take(best, axis=1), H=self.H.T.take(best, axis=1).T)

    def normalize(self, norm: str, by: str = "H") -> Self:
        """The same factorization with components of norm 1 in one factor, and their scale in the other.

        Parameters
        ----------
        norm : {"l1", "l2", "max"}
            The sum of the entries, the Euclidean norm, or the largest entry.
        by : {"W", "H"}
            Which factor gets that norm: the columns of W, or the rows of H.

        Returns
        -------
        Result
            With W and H of the same dtype, whose product is the same to round-off. Where a component is 0 in the factor
            `by`, it stays as it is in both. What is said of the fit, its objective and history included, stays: the
            loss does not change, but a penalty may have another value now, and given values, bounds and sets of the
            fit need not hold.

        Raises
        ------
        TypeError, ValueError
            Another norm or factor; a result that the dtype cannot hold.
        """
        norm = check_choice(norm, "norm", components.NORMS)
        if check_choice(by, "by", {"W": True, "H": False}):
            W, Ht = components.moved(self.W, self.H.T, norm)
        else:
            Ht, W = components.moved(self.H.T, self.W, norm)
        return replace(self, W=check_result.held(W, self.W, "W"), H=check_result.held(Ht, self.H.T, "H").T)


Kind = TypeVar("Kind", bound=Factorization)
STORED = ("W", "H", "objective", "relative_error", "n_iter", "converged", "reason", "kkt_residual")
TEXTS = ("options", "names")  # JSON


def result_to_arrays(result: Factorization) -> dict[str, np.ndarray]:
    """All of a result as arrays of numbers and text."""
    arrays = {name: np.asarray(getattr(result, name)) for name in STORED}
    arrays["history_objective"], arrays["history_seconds"] = result.history.objective, result.history.seconds
    arrays["unobserved_rows"], arrays["unobserved_columns"] = result.unobserved
    return arrays | {name: np.asarray(json.dumps(getattr(result, name))) for name in TEXTS}


def factorization_from_arrays(arrays: dict[str, np.ndarray], kind: type[Kind]) -> Kind:
    """The result that the arrays hold; an exception of any kind where they do not fit together."""
    W, H = arrays["W"], arrays["H"]
    plain = {name: arrays[name].item() for name in STORED[2:]}
    history = History(arrays["history_objective"], arrays["history_seconds"])
    unobserved = arrays["unobserved_rows"], arrays["unobserved_columns"]
    options, names = (json.loads(arrays[name].item()) for name in TEXTS)
    names = tuple(None if found is None else tuple(found) for found in names)
    shape, lengths = (*W.shape, *H.shape), {len(history.objective), len(history.seconds), plain["n_iter"] + 1}
    fits = W.dtype == H.dtype and W.dtype.kind == "f" and len(shape) == 4 and shape[1] == shape[2] and len(lengths) == 1
    fits &= all(found is None or len(found) == size for found, size in zip(names, shape[::3], strict=True))
    if not fits or not isinstance(options, dict):
        raise ValueError
    return kind(W, np.asfortranarray(H), **plain, history=history, unobserved=unobserved, options=options, names=names)
