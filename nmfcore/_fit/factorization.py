"""The factors that a fit found and what is known of them; their file, their order and their scale."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from .._checks import check_choice
from .._runtime import Members, Storable, Workspace, check_threads, files
from ..data import Names, frames
from . import check_result, components
from .constraints import current_options
from .ending import ending_from_members, history_to_arrays
from .records import History

STORED = ("W", "H", "objective", "relative_error", "n_iter", "converged", "reason", "kkt_residual")
TEXTS = ("options", "names")  # JSON
REASONS = ("tol", "stalled", "max_iter", "max_time", "callback")
LARGEST = np.finfo(np.float64).max  # entries of the factors are finite


@dataclass(frozen=True, eq=False)
class Factorization(Storable):
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

    _file_kind: ClassVar = files.RESULT

    def __iter__(self) -> Iterator[np.ndarray]:
        """W, then H."""
        return iter((self.W, self.H))

    def _to_arrays(self) -> dict[str, np.ndarray]:
        return result_to_arrays(self)

    @classmethod
    def _from_members(cls, members: Members) -> Self:
        W = members.floats("W", (None, None), None, 0, LARGEST)
        m, k = W.shape
        H = members.floats("H", (k, None), W.dtype, 0, LARGEST)
        n = H.shape[1]
        return cls(
            W=np.ascontiguousarray(W),
            H=np.asfortranarray(H),
            relative_error=members.number("relative_error", 0),
            kkt_residual=members.number("kkt_residual", 0),
            unobserved=(
                members.indices("unobserved_rows", (None,), m),
                members.indices("unobserved_columns", (None,), n),
            ),
            options=current_options(members.mapping("options")),
            names=members.names((m, n)),
            **ending_from_members(members, REASONS, least=-math.inf),
        )

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
        some = check_result.take_rows(self.W, rows)
        F, B = np.ascontiguousarray(some.reshape(-1, len(self.H))), np.ascontiguousarray(self.H, some.dtype)
        out = np.empty((len(F), B.shape[1]), F.dtype)
        if out.size:
            Workspace(F.dtype, check_threads(None)).product(F, B, out)
        return out.reshape(*some.shape[:-1], B.shape[1])

    def to_frame(self, library: str = "pandas") -> tuple[Any, Any]:
        """W and H as data frames, with the names of the rows and columns of X if it had names.

        Parameters
        ----------
        library : {"pandas", "polars"}
            The library of the data frames. pandas has the names in the index; polars has no index, and has them in a
            first column, "row" of W and "component" of H.

        Returns
        -------
        W, H : data frames, shapes (m, k) and (k, n)
            Copies. Components are named component_0, component_1 and so on; rows and columns of X without names are
            numbered from 0.

        Raises
        ------
        ImportError
            The library is not installed; the message says how to install it.
        InputError, InputTypeError
            Another library; names for polars that are not unique.
        """
        library = check_choice(library, "library", frames.LIBRARIES)
        return frames.factor_frames(self.W, self.H, self.names, library)

    def order(self, by: str = "share") -> Self:
        r"""The same factorization with its components in order of size, the largest first.

        Parameters
        ----------
        by : {"share", "norm"}
            "share": the sum of the entries of :math:`w_t h_t`, the contribution of component t to the sum of W H;
            "norm": its Frobenius norm :math:`\|w_t\| \|h_t\|`. Neither depends on the scales of W and H. Components of
            equal size keep their order; those of size 0 come last.

        Returns
        -------
        Result
            With copies of W and H; everything else is unchanged.

        Raises
        ------
        InputError, InputTypeError
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
            With W and H of the same dtype, and the same product to round-off. A component that is 0 in the factor `by`
            stays as it is in both. The objective and the history stay: the loss does not change, but penalties may have
            other values now, and fixed values, bounds and sets of the fit need not hold.

        Raises
        ------
        InputError, InputTypeError
            Another norm or factor; a result that the dtype cannot hold.
        """
        length = check_choice(norm, "norm", components.NORMS)
        if check_choice(by, "by", {"W": True, "H": False}):
            W, Ht = components.normalized(self.W, self.H.T, length)
        else:
            Ht, W = components.normalized(self.H.T, self.W, length)
        return replace(
            self, W=check_result.check_finite(W, self.W, "W"), H=check_result.check_finite(Ht, self.H.T, "H").T
        )


Kind = TypeVar("Kind", bound=Factorization)


def result_to_arrays(result: Factorization) -> dict[str, np.ndarray]:
    """A result as arrays of numbers and text."""
    arrays = {name: np.asarray(getattr(result, name)) for name in STORED}
    arrays |= history_to_arrays(result.history)
    arrays["unobserved_rows"], arrays["unobserved_columns"] = result.unobserved
    return arrays | {name: np.asarray(json.dumps(getattr(result, name))) for name in TEXTS}
