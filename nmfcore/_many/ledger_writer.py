"""What a ledger is told of many fits, and when."""

import hashlib
import os
import time
import warnings
from dataclasses import fields
from typing import Any

import numpy as np
import scipy.sparse

from .._ensemble import Failure, Ledger
from .._fit import FitRequest, RankedProblem, Result, fingerprint
from .schedule import Job

WRITE_SECONDS = 1.0  # whose finished fits a killed call may lose
OF_ONE = ("k", "random_state")  # options in which the fits differ


class LedgerWriter:
    """Fits for a ledger, if there is one: written once a second, since a safe write takes longer than a small fit."""

    def __init__(self, ledger: Ledger | None) -> None:
        self.ledger, self.waiting, self.written = ledger, [], time.perf_counter()

    @classmethod
    def open(cls, path: str | os.PathLike | None, ranked: RankedProblem, entropy: int) -> "LedgerWriter":
        """The book of the ledger at a path, of fits such as those."""
        if path is None:
            return cls(None)
        options = {name: value for name, value in ranked.provenance.options.items() if name not in OF_ONE}
        identity = {"X": fingerprint(ranked.problem.data), "options": options, "random_state": entropy}
        return cls(Ledger.open(path, identity | {"arrays": digests(ranked.request)}))

    def finished(self, asked: set[Job]) -> dict[Job, Result]:
        """Those of the fits asked for that are in it."""
        return {} if self.ledger is None else {Job(*place): fit for place, fit in self.ledger.finished(asked).items()}

    def enter(self, job: Job, found: Result | Failure) -> None:
        """A fit that has ended; one that time has cut short is to be done again."""
        if self.ledger is not None and getattr(found, "reason", None) != "max_time":
            self.waiting.append((job, found))
            self.write_now_and_then()

    def write_now_and_then(self) -> None:
        """What waits, where the last time was a second ago."""
        if self.waiting and time.perf_counter() - self.written >= WRITE_SECONDS:
            self.write()

    def write(self) -> None:
        """All that waits."""
        if not self.waiting:
            return
        self.ledger.add_all((*job, found) for job, found in self.waiting if isinstance(found, Result))
        for _, found in self.waiting:
            if isinstance(found, Failure):
                self.ledger.fail(*found)
        self.waiting, self.written = [], time.perf_counter()

    def close(self, error: BaseException | None = None) -> None:
        """Write what waits; that it cannot be written is said, and hides neither the fits nor another error."""
        try:
            self.write()
        except (OSError, ValueError) as fault:
            what = f"{len(self.waiting)} finished fits are not in the ledger: {fault}"
            if error is None:
                warnings.warn(what, RuntimeWarning, stacklevel=4)
            else:
                error.add_note(what)


def digests(request: FitRequest) -> dict[str, str]:
    """What tells given factors, starts and arrays of penalties from others, of which an option says only "given"."""
    arrays = {name: getattr(request, name) for name in ("fixed_W", "fixed_H") if getattr(request, name) is not None}
    if not isinstance(request.init, str):
        arrays |= {f"init[{i}]": F for i, F in enumerate(request.init)}
    for name in ("penalty_W", "penalty_H"):
        penalty = getattr(request, name)
        for i, part in enumerate(penalty.parts if penalty is not None else ()):
            held = {f"{name}.{i}.{field.name}": getattr(part, field.name) for field in fields(part)}
            arrays |= {where: value for where, value in held.items() if np.ndim(value) or scipy.sparse.issparse(value)}
    return {name: _digest(value) for name, value in arrays.items()}


def _digest(value: Any) -> str:
    if scipy.sparse.issparse(value):
        value = value.tocsr().sorted_indices()
        parts = value.indptr.astype(np.int64), value.indices.astype(np.int64), value.data
    else:
        parts = (np.asarray(value),)
    found = hashlib.sha256(repr(value.shape if hasattr(value, "shape") else parts[0].shape).encode())
    for part in parts:
        found.update(np.ascontiguousarray(part, np.float64 if part.dtype.kind in "iubf" else part.dtype).tobytes())
    return found.hexdigest()[:16]
