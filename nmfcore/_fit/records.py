"""What a fit gives back."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..data import Names

if TYPE_CHECKING:
    from .checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
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


class Provenance(NamedTuple):
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


@dataclass(frozen=True, eq=False)
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
