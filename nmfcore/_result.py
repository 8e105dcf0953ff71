"""What a fit gives back, how it lasts, and in which order and scale it is shown."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _files
from ._types import History, Names


@dataclass(frozen=True)
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
        arrays = {name: np.asarray(getattr(self, name)) for name in PLAIN}
        arrays["history_objective"], arrays["history_seconds"] = self.history.objective, self.history.seconds
        arrays["unobserved_rows"], arrays["unobserved_columns"] = self.unobserved
        for name in TEXTS:
            arrays[name] = np.asarray(json.dumps(getattr(self, name)))
        _files.write(path, arrays)

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
        return _files.read(path, _of_arrays)


PLAIN = ("W", "H", "objective", "relative_error", "n_iter", "converged", "reason", "kkt_residual")
TEXTS = ("options", "names")  # JSON


def _of_arrays(arrays: dict[str, np.ndarray]) -> Result:
    """The result that those arrays hold; an exception of any kind where they do not fit together."""
    W, H = arrays["W"], arrays["H"]
    plain = {name: arrays[name].item() for name in PLAIN[2:]}
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
