"""Records of a run of many fits: its progress, and the fits that failed."""

from typing import NamedTuple

from .._fit import Result


class Progress(NamedTuple):
    """The argument of the callback of `fit_many`, which is called after each fit.

    Attributes
    ----------
    done, total : int
        The number of fits that have ended, and the number requested. Failed fits and fits read from the ledger count
        as done.
    k, start : int
        The rank of the fit that has just ended, and the number of its start among those of that rank.
    result : Result or None
        None if the fit failed.
    seconds : float
        Wall time since the call of `fit_many`.
    """

    done: int
    total: int
    k: int
    start: int
    result: Result | None
    seconds: float


class Failure(NamedTuple):
    """A fit that failed.

    Attributes
    ----------
    k : int
        Its rank.
    start : int
        The number of its start among those of rank k.
    message : str
        The error.
    """

    k: int
    start: int
    message: str
