"""How many threads a call uses, and BLAS kept to one of them meanwhile. The only importer of threadpoolctl."""

import contextlib
import functools
import numbers
import os
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError
from .._core import baseline

SPIN_FOR_EVER = os.environ.get("OMP_WAIT_POLICY", "").lower() == "active"  # then a look would see our own threads
_lock = threading.Lock()
_single_blas_users = 0
_blas_limit = None
_pool_lost = False  # forked: the OpenMP threads of the parent, if any, are gone, and GNU OpenMP would wait for them


def _after_fork() -> None:
    global _lock, _single_blas_users, _blas_limit, _pool_lost
    if _blas_limit is not None:
        _blas_limit.restore_original_limits()
    _lock, _single_blas_users, _blas_limit = threading.Lock(), 0, None
    _pool_lost = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@functools.cache
def _cgroup_limit(path: str = "/sys/fs/cgroup/cpu.max") -> float:
    """The processors a container may use (cgroup v2); infinite without a limit."""
    try:
        quota, period = Path(path).read_text().split()
        return float(quota) / float(period)
    except (OSError, ValueError):  # no cgroup, or "max": no limit
        return float("inf")


def available() -> int:
    """Processors that this process may use: its affinity and its container's limit."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min(count, _cgroup_limit())))


class ThreadBudget:
    """How many of the threads asked for find a processor that nothing else keeps busy.

    A parallel region waits for its slowest thread: where one has to share a processor, that is a time slice, many
    times what a short region takes. Other processes keep processors busy, and so do the idle threads of a BLAS, which
    spin for a tenth of a second after a threaded product. Meanwhile fewer threads are faster. Their number changes no
    bit of a result.
    """

    AGAIN_SECONDS = 1e-2  # between two looks
    OWN_SPIN_SECONDS = 1e-2  # for which the idle threads of our own last region spin, too
    _last_region = (-float("inf"), 1)  # when this process last entered one, and with how many threads

    def __init__(self, n_threads: int) -> None:
        self.n_threads = self._free = n_threads
        self._next_look = float("inf") if n_threads == 1 or SPIN_FOR_EVER else -float("inf")

    def threads(self) -> int:
        """Threads for a short parallel region that begins now."""
        now = time.perf_counter()
        if now >= self._next_look:
            since, own = ThreadBudget._last_region
            others = _runnable() - (own if now - since < self.OWN_SPIN_SECONDS else 1)
            self._free = max(1, min(self.n_threads, (os.cpu_count() or 1) - others)) if others > 0 else self.n_threads
            self._next_look = now + self.AGAIN_SECONDS
        if self._free > 1:
            ThreadBudget._last_region = now, self._free
        return self._free


def _runnable() -> int:
    """Threads of all processes that run or wait for a processor, the caller included; 0 where Linux does not tell."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 0


def resolve(n_threads: int | None) -> int:
    """The number of threads that `n_threads` means.

    None: `OMP_NUM_THREADS` where it is set, else all available; -1: all available, -2: all but one, and so on.
    One where nmfcore was built without OpenMP, and in a forked process.
    """
    if n_threads is None:
        first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
        count = int(first) if first.isdecimal() and int(first) > 0 else available()
    else:
        count = n_threads if n_threads > 0 else max(1, available() + 1 + n_threads)
    if count == 1 or not baseline.has_openmp():
        return 1
    if _pool_lost:
        if n_threads is not None:
            warnings.warn(
                f"n_threads={n_threads} asked for in a forked process, where OpenMP threads that its parent may have "
                "used cannot start again: running on one (multiprocessing's 'spawn' keeps them all)",
                RuntimeWarning,
                stacklevel=2,
            )
        return 1
    return count


@contextlib.contextmanager
def single_blas() -> Iterator[None]:
    """BLAS on one thread, whose idle threads would spin against OpenMP's; the setting before comes back after.

    The setting belongs to the process, so threads that fit at the same time share one limit: the first sets it and
    the last takes it back.
    """
    global _single_blas_users, _blas_limit
    from threadpoolctl import threadpool_limits  # here, since it costs a tenth of the import of the package

    counted = False
    try:
        with _lock:
            counted = True
            _single_blas_users += 1
            if _single_blas_users == 1:
                _blas_limit = threadpool_limits(limits=1, user_api="blas")
        yield
    finally:
        with _lock:
            _single_blas_users -= counted
            if _single_blas_users == 0 and _blas_limit is not None:
                _blas_limit.restore_original_limits()
                _blas_limit = None


def check_threads(n_threads: Any) -> int:
    """The number of threads that n_threads means."""
    if n_threads is not None:
        wanted = "wanted a number >= 1, None or -1 for all, -2 for all but one, and so on"
        if isinstance(n_threads, bool | np.bool_) or not isinstance(n_threads, numbers.Integral):
            raise InputTypeError(f"n_threads is {n_threads!r} ({type(n_threads).__name__}); {wanted}")
        if n_threads == 0:
            raise InputError(f"n_threads is 0; {wanted}")
    return resolve(n_threads)
