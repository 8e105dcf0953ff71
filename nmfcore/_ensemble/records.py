"""Records of many fits."""

from typing import NamedTuple

from .._fit import Result


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
    result: Result | None
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
