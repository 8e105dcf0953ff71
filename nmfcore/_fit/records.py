"""Records of a fit: its history, its origin, and what a callback sees."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ..data import Names
from .checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class History:
    """The objective and the time after each iteration; entry i belongs to the best factors after i iterations.

    Entry 0 belongs to the start. The first iterations may run on a compressed X; see `nmf`.

    Attributes
    ----------
    objective : ndarray of float64, shape (n_iter + 1,)
        The value of `Result.objective` if the fit had stopped there; it never rises.
    seconds : ndarray of float64, shape (n_iter + 1,)
        Wall time since the call, including the checks and the start.
    compressed : int
        How many of the first iterations ran on a compressed X. Their objectives are those of the whole X but for the
        part of W H outside of the compressed X; entry `compressed` and those after it are exact.
    """

    objective: np.ndarray
    seconds: np.ndarray
    compressed: int = 0


class Provenance(NamedTuple):
    """What a result says of its origin (see `Result`)."""

    options: dict[str, Any]
    names: Names


class Optimality(NamedTuple):
    """The error of a factorization and the least error of any matrix of its rank: what non-negativity costs.

    Attributes
    ----------
    error : float
        ||X - W H||_F.
    best : float
        The least ||X - Y||_F over all Y of that rank, of any sign: the error of the truncated singular value
        decomposition (Eckart & Young 1936).
    ratio : float
        error / best; infinite if only best is 0, and 1 if both are.
    """

    error: float
    best: float
    ratio: float


@dataclass(frozen=True, eq=False)
class State:
    """The argument of a callback after each iteration: the best factors so far, and what is known of them.

    Read it inside the callback; the attributes after `seconds` are computed on access.

    Attributes
    ----------
    iteration : int
        The number of iterations done, from 1.
    objective : float
        The objective at the best factors so far.
    seconds : float
        Seconds since the call.
    relative_error : float
        ||X - W H||_F / ||X||_F of the best factors so far. For losses other than "frobenius" it costs a product with X.
    W, H : ndarray
        Copies of the best factors so far.
    history : History
        A copy of the history so far.
    """

    iteration: int
    objective: float
    seconds: float
    _relative_error: Callable[[], float] = field(repr=False)
    _factors: Callable[[], tuple[np.ndarray, np.ndarray]] = field(repr=False)
    _current: Callable[[], int] = field(repr=False)
    _history: Callable[[], History] = field(repr=False)
    _checkpoint: Callable[[], Checkpoint] | None = field(repr=False, default=None, kw_only=True)

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
        """The history so far, a copy."""
        self._check_current()
        return self._history()

    def checkpoint(self) -> Checkpoint:
        """The state of the fit, a copy; see `Checkpoint`. Only fits of `nmf`, `hals` and `mu` have one."""
        self._check_current()
        if self._checkpoint is None:
            raise RuntimeError(
                "only fits of `nmf`, `hals` and `mu` have checkpoints; fits of `complete` and others cannot be resumed"
            )
        return self._checkpoint()

    def _at_this_iteration(self) -> tuple[np.ndarray, np.ndarray]:
        self._check_current()
        return self._factors()

    def _check_current(self) -> None:
        if self._current() != self.iteration:
            raise RuntimeError(f"the fit has left iteration {self.iteration}: read a State inside the callback")
