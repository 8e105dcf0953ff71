"""What is written to a ledger of many fits, and when."""

import os
import time
import warnings

from .._ensemble import Failure, Ledger
from .._fit import RankedProblem, Result, digest_arrays, digest_start, fingerprint
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
        if options["compress"] == "auto":
            del options["compress"]  # as in the ledgers of versions that did not have it
        identity = {"X": fingerprint(ranked.problem.data), "options": options, "random_state": entropy}
        arrays = digest_arrays(ranked.request) | digest_start(ranked.request)
        return cls(Ledger.open(path, identity | {"arrays": arrays}))

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
