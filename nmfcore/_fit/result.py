"""What a fit gives back, how it lasts, and in which order and scale it is shown."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from .._checks import check_choice
from .._runtime import files
from ..data import Names, frames
from . import check_result, components
from .optimality import optimality
from .records import History, Optimality


@dataclass(frozen=True, eq=False)
class Result:
    """A factorization X ~ W H; `W, H = result` unpacks it.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        Of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        The same; it is the transpose of a C-contiguous (n, k) array.
    objective : float
        The loss at (W, H), for "frobenius" 1/2 ||X - W H||_F^2, and the penalties; one on W alone is that of
        W diag(|H_t|), one on H alone that of diag(|W_t|) H.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    n_iter : int
        Iterations done.
    converged : bool
        Whether the stopping rule was met (see `hals`).
    reason : str
        Why the fit stopped: "tol", "stalled", "max_iter", "max_time" or "callback".
    kkt_residual : float
        How far (W, H) is from a stationary point: 0 there; it does not change with the scale of X, nor when a
        column of W is multiplied and the row of H divided by the same number (see `hals`).
    history : History
    unobserved : tuple of two ndarrays
        The rows and the columns of X without an observed entry, of which W and H hold 0 unless penalties say more.
    options : dict
        What was asked for, as JSON values by the names of the arguments of `nmf`: objects as they are written, without
        their arrays ("L1(0.1)"); of fixed values, weights and masks whether there were any; "given" for
        factors and generators. Beside them "dtype", in which was computed, and "version", that of nmfcore.
    names : tuple of two, each a tuple of str or None
        Of the rows and of the columns of X, where it was a data frame or an AnnData.
    """

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
    def load(cls, path: str | os.PathLike) -> "Result":
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
        return files.read(path, result_from_arrays)

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

    def order(self, by: str = "share") -> "Result":
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

    def normalize(self, norm: str, by: str = "H") -> "Result":
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

    def optimality(
        self,
        X: Any,
        *,
        n_threads: int | None = None,
        random_state: int | np.random.Generator | np.random.RandomState | None = None,
    ) -> Optimality:
        """How far ||X - W H||_F is above the least error of any matrix of that rank: what non-negativity costs.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (m, n)
            The X of the fit, which a result does not hold.
        n_threads, random_state
            As for `svd`, which gives the least error; costs as there.

        Returns
        -------
        Optimality
            (error, best, ratio). The error is that of Frobenius, whatever the loss of the fit. Near an exact fit both
            are round-off, and so is their ratio.

        Raises
        ------
        TypeError, ValueError
            As `hals` for X; X of another shape or with other columns; a fit with weights, a mask or missing entries,
            of which no decomposition gives the least error.
        """
        return optimality(self.W, self.H, self.options, self.names, X, n_threads, random_state)


STORED = ("W", "H", "objective", "relative_error", "n_iter", "converged", "reason", "kkt_residual")
TEXTS = ("options", "names")  # JSON


def result_to_arrays(result: Result) -> dict[str, np.ndarray]:
    """All of a result as arrays of numbers and text."""
    arrays = {name: np.asarray(getattr(result, name)) for name in STORED}
    arrays["history_objective"], arrays["history_seconds"] = result.history.objective, result.history.seconds
    arrays["unobserved_rows"], arrays["unobserved_columns"] = result.unobserved
    return arrays | {name: np.asarray(json.dumps(getattr(result, name))) for name in TEXTS}


def result_from_arrays(arrays: dict[str, np.ndarray]) -> Result:
    """The result that those arrays hold; an exception of any kind where they do not fit together."""
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
    return Result(
        W, np.asfortranarray(H), **plain, history=history, unobserved=unobserved, options=options, names=names
    )
