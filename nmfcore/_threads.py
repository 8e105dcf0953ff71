"""How many threads a call uses, and BLAS kept to one of them meanwhile. The only importer of threadpoolctl."""

import contextlib
import functools
import os
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

from ._core import baseline

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


class Crowd:
    """How many of the threads asked for find a processor that no other thread of this process keeps busy.

    After a threaded product, the idle threads of a BLAS spin for another tenth of a second. A parallel region that
    has to share their processors waits a time slice for its slowest thread, many times what a short region takes, so
    meanwhile fewer threads are faster. The number of threads changes no bit of a result.
    """

    AGAIN_SECONDS = 1e-2  # between two looks, as long as it is crowded
    OWN_SPIN_SECONDS = 1e-2  # for which the idle threads of our own last region spin, too
    _last_region = (-float("inf"), 1)  # when this process last entered one, and with how many threads

    def __init__(self, n_threads: int) -> None:
        self.n_threads = self._free = n_threads
        spin_for_ever = os.environ.get("OMP_WAIT_POLICY", "").lower() == "active"  # a look would see only our own
        self._next_look = float("inf") if n_threads == 1 or spin_for_ever else -float("inf")

    def threads(self) -> int:
        """Threads for the next parallel region."""
        now = time.perf_counter()
        if now >= self._next_look:
            busy = self._busy(now)
            self._free = max(1, min(self.n_threads, available() - busy)) if busy else self.n_threads
            self._next_look = now + self.AGAIN_SECONDS if busy else float("inf")
        if self._free > 1:
            Crowd._last_region = now, self._free
        return self._free

    def _busy(self, now: float) -> int:
        """Processors that other threads of this process keep busy, our own idle ones not counted."""
        since, own = Crowd._last_region
        return max(0, _running_threads() - (own - 1 if now - since < self.OWN_SPIN_SECONDS else 0))


def _running_threads() -> int:
    """Threads of this process that run at this moment, the caller not counted; 0 where there is no /proc (Linux)."""
    caller, running = str(threading.get_native_id()), 0
    with contextlib.suppress(OSError):
        for task in Path("/proc/self/task").iterdir():
            with contextlib.suppress(OSError):  # a thread that ended meanwhile
                state = (task / "stat").read_bytes().rpartition(b") ")[2][:1]
                running += state == b"R" and task.name != caller
    return running


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
