"""What is written to a ledger of many fits, and when."""

import hashlib
import os
import time
import warnings
from dataclasses import fields
from typing import Any

import numpy as np
import scipy.sparse

from .._ensemble import Failure, Ledger
from .._fit import Checkpoint, FitRequest, RankedProblem, Result, fingerprint
from .schedule import Job

WRITE_SECONDS = 1.0  # a killed call may lose the fits of that time
OF_ONE = ("k", "random_state")  # options in which the fits of a ledger differ


class LedgerWriter:
    """Writes fits to a ledger, if there is one, once a second: a safe write takes longer than a small fit."""

    def __init__(self, ledger: Ledger | None) -> None:
        self.ledger, self.written = ledger, time.perf_counter()
        self.waiting: list[tuple[Job, Result | Failure]] = []

    @classmethod
    def open(cls, path: str | os.PathLike | None, ranked: RankedProblem[Result], entropy: int) -> "LedgerWriter":
        """A writer to the ledger at a path, which holds fits of that problem and no others."""
        if path is None:
            return cls(None)
        options = {name: value for name, value in ranked.provenance.options.items() if name not in OF_ONE}
        identity = {"X": fingerprint(ranked.problem.data), "options": options, "random_state": entropy}
        return cls(Ledger.open(path, identity | {"arrays": digests(ranked.request)}))

    def finished(self, jobs: set[Job]) -> dict[Job, Result]:
        """Those of the jobs that the ledger holds."""
        return {} if self.ledger is None else {Job(*place): fit for place, fit in self.ledger.finished(jobs).items()}

    def enter(self, job: Job, outcome: Result | Failure) -> None:
        """Enter a fit that has ended; one that max_time has cut short is left out, so that it is done again."""
        if self.ledger is not None and getattr(outcome, "reason", None) != "max_time":
            self.waiting.append((job, outcome))
            self.write_now_and_then()

    def write_now_and_then(self) -> None:
        """Write the fits that wait, if the last write was a second ago."""
        if self.waiting and time.perf_counter() - self.written >= WRITE_SECONDS:
            self.write()

    def write(self) -> None:
        """Write all fits that wait."""
        if self.ledger is None or not self.waiting:
            return
        self.ledger.add_all((job.k, job.start, outcome) for job, outcome in self.waiting if isinstance(outcome, Result))
        for _, outcome in self.waiting:
            if isinstance(outcome, Failure):
                self.ledger.fail(*outcome)
        self.waiting, self.written = [], time.perf_counter()

    def close(self, error: BaseException | None = None) -> None:
        """Write the fits that wait. A write that fails is a warning, or a note on the error that ended the call."""
        try:
            self.write()
        except (OSError, ValueError) as fault:
            what = f"{len(self.waiting)} finished fits are not in the ledger: {fault}"
            if error is None:
                warnings.warn(what, RuntimeWarning, stacklevel=4)
            else:
                error.add_note(what)


def digests(request: FitRequest) -> dict[str, str]:
    """Digests of fixed factors, starts and penalty arrays; the options store only "given" for them."""
    arrays = {name: getattr(request, name) for name in ("fixed_W", "fixed_H") if getattr(request, name) is not None}
    if not isinstance(request.init, str | Checkpoint):
        arrays |= {f"init[{i}]": F for i, F in enumerate(request.init)}
    for name in ("penalty_W", "penalty_H"):
        penalty = getattr(request, name)
        for i, part in enumerate(penalty.parts if penalty is not None else ()):
            values = {f"{name}.{i}.{field.name}": getattr(part, field.name) for field in fields(part)}
            arrays |= {
                where: value for where, value in values.items() if np.ndim(value) or scipy.sparse.issparse(value)
            }
    return {name: _digest(value) for name, value in arrays.items()}


def _digest(value: Any) -> str:
    if scipy.sparse.issparse(value):
        value = value.tocsr().sorted_indices()
        parts = value.indptr.astype(np.int64), value.indices.astype(np.int64), value.data
    else:
        parts = (np.asarray(value),)
    digest = hashlib.sha256(repr(value.shape if hasattr(value, "shape") else parts[0].shape).encode())
    for part in parts:
        digest.update(np.ascontiguousarray(part, np.float64 if part.dtype.kind in "iubf" else part.dtype).tobytes())
    return digest.hexdigest()[:16]
