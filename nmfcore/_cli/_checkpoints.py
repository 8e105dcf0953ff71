"""Checkpoints of a long fit: when they are saved, and how a fit continues from one."""

import contextlib
import signal
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from .. import Checkpoint, State
from .._checks import InputError

DEFAULT_INTERVAL = 0, 60.0  # iterations and seconds between two checkpoints
SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class CheckpointWriter:
    """A callback of a fit that saves its state at intervals, and a last time when a signal ends the fit.

    Parameters
    ----------
    path : Path
        The file to write.
    interval : (int, float)
        Iterations and seconds between two checkpoints; 0 iterations or infinite seconds do not count.
    """

    def __init__(self, path: Path, interval: tuple[int, float]) -> None:
        self.path = path
        self.iterations, self.seconds = interval
        self.last_save = time.monotonic()
        self.signal: int | None = None  # the signal that ends the fit
        self.has_warned = False

    def __call__(self, state: State) -> bool:
        """Save the state if it is due. Returns True to end the fit."""
        by_iterations = self.iterations and state.iteration % self.iterations == 0
        by_seconds = time.monotonic() - self.last_save >= self.seconds
        if by_iterations or by_seconds or self.signal is not None:
            self._save(state)
        return self.signal is not None

    def _save(self, state: State) -> None:
        """Save the state. A failure is a warning only, once: the fit is worth more than its checkpoint."""
        try:
            state.checkpoint().save(self.path)
        except OSError as error:
            if not self.has_warned:
                warnings.warn(
                    f"no checkpoint after iteration {state.iteration}: {self.path}: {error.strerror} "
                    "(further ones are tried without a warning)",
                    stacklevel=1,
                )
            self.has_warned = True
        else:
            self.has_warned = False
        self.last_save = time.monotonic()

    @contextlib.contextmanager
    def end_on_signals(self) -> Iterator[None]:
        """End the fit after its current iteration on Ctrl-C, SIGTERM or SIGHUP; a second signal ends it at once.

        A signal that the process ignores, as SIGHUP under nohup, stays ignored. Python handles signals in the main
        thread only, so nothing changes in another one.
        """
        active = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
        before = {}
        try:
            with contextlib.suppress(ValueError):  # not in the main thread
                for number in active:
                    before[number] = signal.signal(number, self._handle)
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number


def load(path: Path, resume: bool) -> Checkpoint | None:
    """The checkpoint in a file, or None if there is no file yet. Without --resume an existing file is refused."""
    if not path.exists():
        return None
    if not resume:
        raise InputError(f"{path} exists; wanted --resume to continue from it, or another file")
    return Checkpoint.load(path)
