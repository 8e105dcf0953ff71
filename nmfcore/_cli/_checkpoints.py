"""The state of a long fit in a file, from which it goes on as if nothing had been."""

import contextlib
import signal
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import Checkpoint
from .._checks import InputError

EVERY = 0, 60.0  # iterations and seconds between two checkpoints


SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class CheckpointWriter:
    """Saves the state now and then, and at last when a signal asks the fit to end."""

    def __init__(self, path: Path, every: tuple[int, float]) -> None:
        self.path, (self.iterations, self.seconds) = path, every
        self.saved = time.monotonic()
        self.signal: int | None = None

    def __call__(self, state: Any) -> bool:
        """Save where it is time to; True ends the fit."""
        counted = self.iterations and state.iteration % self.iterations == 0
        if counted or time.monotonic() - self.saved >= self.seconds or self.signal is not None:
            self._save(state)
        return self.signal is not None

    def _save(self, state: Any) -> None:
        """A checkpoint that cannot be written is no reason to lose the fit."""
        try:
            state.checkpoint().save(self.path)
        except OSError as error:
            warnings.warn(
                f"no checkpoint after iteration {state.iteration}: {self.path}: {error.strerror}", stacklevel=1
            )
        self.saved = time.monotonic()

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Ctrl-C, SIGTERM and a terminal that is closed end the fit after its iteration; a second one at once."""
        heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]  # as nohup ignores one
        before = {number: signal.signal(number, self._ask) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, number: int, frame: Any) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


def resumed(path: Path, resume: bool) -> Any:
    """The checkpoint to go on from, or None where there is none yet; one that would be lost is refused."""
    if not path.exists():
        return None
    if not resume:
        raise InputError(f"{path} exists; wanted --resume, which goes on from it, or another file")
    return Checkpoint.load(path)
