"""The number of threads of a call, and the limit of BLAS to one thread.

The products of an iteration are kernels of `_core`, not of BLAS. After a threaded product the idle threads of OpenBLAS
spin for 130 ms and keep processors busy: an iteration of 1.6 ms took 6 ms, and 2.4 ms with `ThreadBudget`; one product
at the end of a fit slowed the next fit threefold. BLAS on several threads also has other bits than on one. It is left
for starts and for small matrices, under `single_blas`; `tests/test_blas_threads.py` lists the functions that use it.

After a fork GNU OpenMP waits for threads that no longer exist, if there were any. A process that was forked after a
parallel region therefore computes on one thread.
"""

import contextlib
import functools
import numbers
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .._checks import MAX_COUNT, InputError, InputTypeError, quote_integer, user_stacklevel
from .._core import baseline

# Idle threads of our own then never stop spinning, so the load says nothing about other processes.
SPIN_FOR_EVER = os.environ.get("OMP_WAIT_POLICY", "").lower() == "active"
_lock = threading.Lock()
_single_blas_users = 0
_blas_limit = None
_pool_started = False  # whether this process may have threads of OpenMP: it has entered a parallel region
_pool_lost = False  # whether this process was forked from one that may have had them
SHARE = "NMFCORE_SHARE"  # the environment variable that says whether to look for busy processors: "1", or "0" for no
FACTOR, LEAST_LIMIT = 4, 64  # more threads than processors are slow; thousands may not start, and OpenMP then ends us


def _foreign_threads() -> int:
    """Threads of this process that Python has not started, such as those of OpenMP; 0 where that is not known."""
    try:
        return len(os.listdir("/proc/self/task")) - threading.active_count()
    except OSError:
        return 0


_foreign_at_import = _foreign_threads()


def _before_fork() -> None:
    """Take threads that came since the import for those of OpenMP: another library may share it."""
    global _pool_started
    _pool_started = _pool_started or _foreign_threads() > _foreign_at_import


def _after_fork() -> None:
    global _lock, _single_blas_users, _blas_limit, _pool_lost
    if _blas_limit is not None:
        _blas_limit.restore_original_limits()
    _lock, _single_blas_users, _blas_limit = threading.Lock(), 0, None
    _pool_lost = _pool_lost or _pool_started


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork)


def enter_region(n_threads: int) -> int:
    """Return the number of threads of a parallel region, and remember that it starts them."""
    global _pool_started
    _pool_started = _pool_started or n_threads > 1
    return n_threads


@functools.cache
def _cgroup_limit(path: str = "/sys/fs/cgroup/cpu.max") -> float:
    """Processors that a container may use (cgroup v2); infinite without a limit."""
    try:
        quota, period = Path(path).read_text().split()
        return float(quota) / float(period)
    except (OSError, ValueError):  # no cgroup, or "max": no limit
        return float("inf")


@functools.cache
def _processors() -> int:
    """Processors of the machine; to ask for them takes as long as a small fit."""
    return os.cpu_count() or 1


def available_processors() -> int:
    """Processors that this process may use: its affinity and its container's limit."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else _processors()
    return max(1, int(min(count, _cgroup_limit())))


class ThreadBudget:
    """The number of threads for a short parallel region: at most n_threads, and no more than there are idle processors.

    A parallel region waits for its slowest thread. A thread that shares its processor takes a time slice (4 ms), many
    times what a short region takes. Other processes keep processors busy, and so do the idle threads of a BLAS. Then
    fewer threads are faster: next to a compiler, Swimmer took 4 s with all threads and 0.1 s with those that were left.
    The number of threads changes no bit of a result.

    The load is that of the whole machine. It says nothing about the processors of a process that may use only some of
    them, because of its affinity or the limit of a container: such a process always takes n_threads. So does one with
    NMFCORE_SHARE=0 in its environment.
    """

    LOOK_SECONDS = 1e-2  # between two readings of the load
    OWN_SPIN_SECONDS = 1e-2  # for which the idle threads of our own last region spin
    _last_region = (-float("inf"), 1)  # the time at which this process last entered one, and its threads

    def __init__(self, n_threads: int) -> None:
        self.n_threads = self._free = n_threads
        looks = n_threads > 1 and looks_for_load()
        self._next_look = -float("inf") if looks else float("inf")

    def threads(self) -> int:
        """Return the threads for a short parallel region that begins now."""
        now = time.perf_counter()
        if now >= self._next_look:
            since, own = ThreadBudget._last_region
            others = _runnable() - (own if now - since < self.OWN_SPIN_SECONDS else 1)
            self._free = max(1, min(self.n_threads, _processors() - others)) if others > 0 else self.n_threads
            self._next_look = now + self.LOOK_SECONDS
        if self._free > 1:
            ThreadBudget._last_region = now, self._free
        return self._free


def shares_processors() -> bool:
    """Whether the environment asks to leave busy processors to other processes, which it does by default."""
    value = os.environ.get(SHARE, "1")
    if value not in ("0", "1"):
        raise InputError(f"the environment variable {SHARE} is {value!r}; wanted 0 or 1")
    return value == "1"


def looks_for_load() -> bool:
    """Whether the load of the machine says how many of the processors of this process are idle."""
    return shares_processors() and not SPIN_FOR_EVER and available_processors() >= _processors()


def thread_limit() -> int:
    """The largest number of threads that a call may ask for."""
    return max(LEAST_LIMIT, FACTOR * available_processors())


def _runnable() -> int:
    """Threads of all processes that run or wait for a processor, with the caller; 0 where that is not known."""
    try:
        return int(Path("/proc/loadavg").read_text().split()[3].partition("/")[0])
    except (OSError, ValueError, IndexError):
        return 0


def thread_count(n_threads: int | None) -> int:
    """Return the number of threads for the argument `n_threads`.

    None: `OMP_NUM_THREADS` if it is set and below the number of available processors, else all of these. -1: all, -2:
    all but one, and so on. The result is 1 without OpenMP, and in a process forked from one that has used it.
    """
    if n_threads is None:
        first = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
        count = available_processors()
        if first.isdecimal() and len(first) < 10 and int(first) > 0:
            count = min(int(first), count)
    else:
        count = n_threads if n_threads > 0 else max(1, available_processors() + 1 + n_threads)
    if count == 1 or not baseline.has_openmp():
        return 1
    if _pool_lost:
        if n_threads is not None:
            warnings.warn(
                f"n_threads={n_threads} asked for in a forked process, where OpenMP threads that its parent may have "
                "used cannot start again: running on one (multiprocessing's 'spawn' keeps them all)",
                RuntimeWarning,
                stacklevel=user_stacklevel(),
            )
        return 1
    return count


@functools.cache
def _blas_libraries(with_scipy: bool) -> Any:
    """The BLAS of NumPy, and that of SciPy if it has one of its own and is loaded. To find them takes milliseconds."""
    from threadpoolctl import ThreadpoolController  # here: it takes a tenth of the time of `import nmfcore`

    return ThreadpoolController()


@contextlib.contextmanager
def single_blas() -> Iterator[None]:
    """Limit BLAS to one thread, since its idle threads would spin against those of OpenMP.

    The limit belongs to the process. Threads that fit at the same time share it: the first one sets it, and the last
    one restores the setting before.
    """
    global _single_blas_users, _blas_limit
    counted = False
    try:
        with _lock:
            counted = True
            _single_blas_users += 1
            if _single_blas_users == 1:
                _blas_limit = _blas_libraries("scipy.linalg" in sys.modules).limit(limits=1, user_api="blas")
        yield
    finally:
        with _lock:
            _single_blas_users -= counted
            if _single_blas_users == 0 and _blas_limit is not None:
                _blas_limit.restore_original_limits()
                _blas_limit = None


def check_threads(n_threads: Any) -> int:
    """Check the argument `n_threads` and return the number of threads; see `thread_count`."""
    if n_threads is not None:
        wanted = "wanted a number >= 1, None or -1 for all, -2 for all but one, and so on"
        if isinstance(n_threads, bool | np.bool_) or not isinstance(n_threads, numbers.Integral):
            raise InputTypeError(f"n_threads is {n_threads!r} ({type(n_threads).__name__}); {wanted}")
        n_threads = int(n_threads)
        if n_threads == 0:
            raise InputError(f"n_threads is 0; {wanted}")
        if not -MAX_COUNT <= n_threads <= thread_limit():
            shown = quote_integer(n_threads)
            raise InputError(
                f"n_threads is {shown}, and this process may use {available_processors()} processors; wanted a number "
                f"from 1 to {thread_limit()}, None, -1, -2, ..."
            )
    return thread_count(n_threads)
