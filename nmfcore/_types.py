"""What a fit gives back."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ._checkpoint import Checkpoint
    from ._result import Result

Names = tuple[tuple[str, ...] | None, tuple[str, ...] | None]  # of the rows and of the columns of X, where it has such


@dataclass(frozen=True)
class History:
    """The course of a fit; entry i belongs to the best factors after i iterations, entry 0 to the start.

    Attributes
    ----------
    objective : ndarray of float64, shape (n_iter + 1,)
        What `Result.objective` would be, had the fit stopped there; it never rises.
    seconds : ndarray of float64, shape (n_iter + 1,)
        Wall time since the call, the checks and the start included.
    """

    objective: np.ndarray
    seconds: np.ndarray


class Origin(NamedTuple):
    """What a result says of its origin (see `Result`)."""

    options: dict[str, Any]
    names: Names


class Optimality(NamedTuple):
    """What non-negativity costs: the error of a factorization beside the least one of its rank.

    Attributes
    ----------
    error : float
        ||X - W H||_F.
    best : float
        The least ||X - Y||_F over all Y of that rank, of any sign: that of the truncated singular value
        decomposition (Eckart & Young 1936).
    ratio : float
        error / best; infinite where best alone is 0, and 1 where both are.
    """

    error: float
    best: float
    ratio: float


@dataclass(frozen=True)
class Separable:
    """A separable factorization X ~ W H, in which H consists of rows of X; `W, H = result` unpacks it.

    Attributes
    ----------
    rows : ndarray of intp, shape (k,)
        The indices of those rows, in the order in which they were found.
    W : ndarray, shape (m, k)
        Of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        X[rows]; it is the transpose of a C-contiguous (n, k) array.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    """

    rows: np.ndarray
    W: np.ndarray = field(repr=False)
    H: np.ndarray = field(repr=False)
    relative_error: float

    def __iter__(self) -> Iterator[np.ndarray]:
        """W, then H."""
        return iter((self.W, self.H))


class Progress(NamedTuple):
    """What the callback of `fit_many` is given after each fit.

    Attributes
    ----------
    done, total : int
        Fits that have ended, failed ones and those of the ledger included, and how many are asked for.
    k, start : int
        The fit that has just ended: its rank, and which of the starts of that rank it is.
    result : Result or None
        None where it failed.
    seconds : float
        Since the call.
    """

    done: int
    total: int
    k: int
    start: int
    result: "Result | None"
    seconds: float


class Failure(NamedTuple):
    """A fit of many that failed.

    Attributes
    ----------
    k : int
    start : int
        Which of the starts of rank k.
    message : str
        What went wrong.
    """

    k: int
    start: int
    message: str


@dataclass(frozen=True)
class State:
    """What a callback is given after each iteration: the best factors so far.

    Attributes
    ----------
    iteration : int
        Iterations done, from 1.
    objective : float
        Of the best factors so far.
    seconds : float
        Since the call.
    relative_error : float
        Of the best factors so far; like all that follows, made when it is asked for, which must be in the callback. For
        losses other than "frobenius" that is a product with X.
    W, H : ndarray
        Copies of those factors.
    history : History
        The course so far, a copy.
    """

    iteration: int
    objective: float
    seconds: float
    _relative_error: Callable[[], float] = field(repr=False)
    _factors: Callable[[], tuple[np.ndarray, np.ndarray]] = field(repr=False)
    _current: Callable[[], int] = field(repr=False)
    _history: Callable[[], History] = field(repr=False)
    _checkpoint: "Callable[[], Checkpoint] | None" = field(repr=False, default=None, kw_only=True)

    @property
    def relative_error(self) -> float:
        """||X - W H||_F / ||X||_F of the best factors so far."""
        self._check_current()
        return self._relative_error()

    @property
    def W(self) -> np.ndarray:
        """The best W so far, a copy."""
        return self._at_this_iteration()[0]

    @property
    def H(self) -> np.ndarray:
        """The best H so far, a copy."""
        return self._at_this_iteration()[1]

    @property
    def history(self) -> History:
        """The course of the fit so far, a copy."""
        self._check_current()
        return self._history()

    def checkpoint(self) -> "Checkpoint":
        """All that the fit needs to go on from here, a copy; see `Checkpoint`. For fits of `nmf` only."""
        self._check_current()
        if self._checkpoint is None:
            raise RuntimeError(
                "only fits of `nmf` go on from a checkpoint, those of doors such as `complete` cannot go on: "
                "nothing was made"
            )
        return self._checkpoint()

    def _at_this_iteration(self) -> tuple[np.ndarray, np.ndarray]:
        self._check_current()
        return self._factors()

    def _check_current(self) -> None:
        if self._current() != self.iteration:
            raise RuntimeError(f"the fit has left iteration {self.iteration}: a State is to be read in the callback")
