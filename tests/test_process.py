"""Time limits, callbacks, signals, forks, threads, and what is left of the caller's settings."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import threadpoolctl
from conftest import planted

import nmfcore
from nmfcore._core import kernels
from nmfcore._runtime import threads
from nmfcore._starts import init


def test_max_time():
    X, *_ = planted(400, 300, 10)
    result = nmfcore.hals(X, 10, tol=0, max_iter=10**6, max_time=0.3)
    assert result.reason == "max_time" and 0.3 <= result.history.seconds[-1] < 2
    assert nmfcore.hals(X, 10, tol=0, max_time=0).n_iter == 1


def test_callback():
    X, W0, H0 = planted(40, 30, 4)
    states, factors = [], []

    def keep(state):
        states.append(state)
        factors.append((state.W, state.H))

    result = nmfcore.hals(X, 4, init=(W0, H0), tol=0, max_iter=6, callback=keep)
    assert [state.iteration for state in states] == [1, 2, 3, 4, 5, 6]
    assert [state.objective for state in states] == list(result.history.objective[1:])
    np.testing.assert_array_equal(factors[-1][0], result.W)
    np.testing.assert_array_equal(factors[-1][1], result.H)
    with pytest.raises(RuntimeError, match="the fit has left iteration 1: read a State inside the callback"):
        states[0].W  # noqa: B018

    for answer in (True, np.True_):
        stopped = nmfcore.hals(
            X, 4, init=(W0, H0), tol=0, callback=lambda state, a=answer: a if state.iteration == 3 else 1
        )
        assert (stopped.n_iter, stopped.reason, stopped.converged) == (3, "callback", False)

    def fail(state):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        nmfcore.hals(X, 4, callback=fail)


def test_verbose(capsys):
    X, *_ = planted(40, 30, 4)
    nmfcore.hals(X, 4, max_iter=30)
    assert capsys.readouterr().out == ""
    nmfcore.hals(X, 4, max_iter=30, verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) < 20 and "iteration     1  objective" in lines[0] and "relative error" in lines[0]


@pytest.mark.skipif(not hasattr(os, "fork") or sys.platform == "darwin", reason="needs SIGINT and POSIX processes")
@pytest.mark.parametrize("size", ["many iterations", "long products"])
def test_interrupt(size):
    shape, k = ((200, 150), 5) if size == "many iterations" else ((6000, 4000), 400)
    program = f"""
        import numpy as np, nmfcore, signal
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits SIG_IGN
        X = np.random.default_rng(0).random({shape})
        print("ready", flush=True)
        try:
            nmfcore.hals(X, {k}, init="random", tol=0, max_iter=10**9)
        except KeyboardInterrupt:
            print("interrupted", nmfcore.hals(X[:50], 3, max_iter=3).n_iter, flush=True)
    """
    command = [sys.executable, "-P", "-c", textwrap.dedent(program)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            time.sleep(1.5)
            begin = time.perf_counter()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline() == "interrupted 3\n"
            assert time.perf_counter() - begin < 1.0 + 1.0  # a second, and the second fit
        except BaseException:
            process.kill()  # a test that fails must not wait for it
            raise
    assert process.returncode == 0


def _fit(n_threads, queue):
    X, W0, H0 = planted(500, 400, 12)
    with np.errstate(all="raise"):
        queue.put(nmfcore.hals(X, 12, init=(W0, H0), max_iter=5, n_threads=n_threads).W)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fit_after_fork():
    X, W0, H0 = planted(500, 400, 12)
    expected = nmfcore.hals(X, 12, init=(W0, H0), max_iter=5, n_threads=2).W
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_fit, args=(None, queue))
    child.start()
    np.testing.assert_array_equal(queue.get(timeout=20), expected)
    child.join(20)
    assert child.exitcode == 0


def test_threads_asked_for_after_fork_are_refused_aloud(monkeypatch):
    monkeypatch.setattr(threads, "_pool_lost", True)
    if not threads.baseline.has_openmp():
        assert threads.thread_count(2) == 1
        return
    with pytest.warns(RuntimeWarning, match="n_threads=2 asked for in a forked process"):
        assert threads.thread_count(2) == 1
    assert threads.thread_count(None) == 1


def test_eight_threads_fit_at_once():
    problems = [planted(300, 200, 8, seed) for seed in range(8)]

    def fit(problem):
        return nmfcore.hals(problem[0], 8, random_state=1, max_iter=20, n_threads=2)

    expected = [fit(problem) for problem in problems]
    before = settings()
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(fit, problems))
    for result, one in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result.W, one.W)
        np.testing.assert_array_equal(result.H, one.H)
    assert settings() == before


def settings():
    return sorted((pool["filepath"], pool["num_threads"]) for pool in threadpoolctl.threadpool_info())


def test_settings_of_the_caller_are_as_before():
    X, *_ = planted(300, 200, 8)
    nmfcore.hals(X, 8, max_iter=3)
    for limit in (1, 2):
        with threadpoolctl.threadpool_limits(limit):
            before = settings()
            for n_threads in (1, 2, 3):
                nmfcore.hals(X, 8, max_iter=3, n_threads=n_threads)
            assert settings() == before


def test_a_failing_start_gives_the_settings_back(monkeypatch):
    X, *_ = planted(30, 20, 8)

    def fail(*arguments):
        assert {pool["num_threads"] for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"} == {1}
        raise LookupError

    monkeypatch.setitem(init.INITS, "nndsvd", fail)
    with threadpoolctl.threadpool_limits(2):
        before = settings()
        with pytest.raises(LookupError):
            nmfcore.hals(X, 8, init="nndsvd")
        assert settings() == before


def test_the_interpreter_runs_during_a_fit():
    """One call of a kernel, of a second or so, during which another thread must get its turns."""
    rng = np.random.default_rng(0)
    X, B, out = rng.random((4000, 4000)), rng.random((4000, 300)), np.empty((4000, 300))
    scratch = np.empty(kernels.product_scratch(*X.shape, 300, 1))
    call = threading.Thread(target=kernels.product, args=(X, B, scratch, out, 1.0, 1))
    call.start()
    ticks = 0
    while call.is_alive():
        time.sleep(0.002)
        ticks += 1
    assert ticks > 10


def test_numbers_of_threads(monkeypatch):
    monkeypatch.setattr(threads, "available_processors", lambda: 6)
    monkeypatch.setattr(threads, "_pool_lost", False)
    monkeypatch.setattr(threads.baseline, "has_openmp", lambda: True, raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert [threads.thread_count(n) for n in (None, 1, 4, -1, -2, -6, -9)] == [6, 1, 4, 6, 5, 1, 1]
    for text, count in (("3", 3), ("2,4", 2), ("0", 6), ("many", 6), ("", 6), ("100000", 6), ("9" * 5000, 6)):
        monkeypatch.setenv("OMP_NUM_THREADS", text)
        assert threads.thread_count(None) == count


def test_container_limit(tmp_path):
    for text, limit in (("150000 100000", 1.5), ("max 100000", float("inf")), ("", float("inf"))):
        (tmp_path / "cpu.max").write_text(text)
        assert threads._cgroup_limit.__wrapped__(str(tmp_path / "cpu.max")) == limit
    assert threads._cgroup_limit.__wrapped__(str(tmp_path / "absent")) == float("inf")


@pytest.mark.parametrize(
    ("asked", "runnable", "recent", "expected"),
    [
        (4, 1, False, 4),  # nothing runs but the caller
        (4, 4, False, 1),  # three others
        (4, 3, False, 2),
        (4, 4, True, 4),  # three that are our own, idle since a moment ago
        (4, 6, True, 2),
        (4, 99, False, 1),
        (9, 1, False, 9),  # more than there are processors, as asked
        (4, 0, False, 4),  # not told
    ],
)
def test_fewer_threads_where_processors_are_busy(monkeypatch, asked, runnable, recent, expected):
    monkeypatch.setattr(threads, "_processors", lambda: 4)
    monkeypatch.setattr(threads, "available_processors", lambda: 4)
    monkeypatch.setattr(threads, "_runnable", lambda: runnable)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    monkeypatch.setattr(threads.ThreadBudget, "_last_region", (time.perf_counter() if recent else -float("inf"), 4))
    assert threads.ThreadBudget(asked).threads() == expected


@pytest.mark.parametrize(("available", "expected"), [(64, 1), (4, 4)])
def test_load_of_the_machine_counts_only_where_all_its_processors_are_ours(monkeypatch, available, expected):
    monkeypatch.setattr(threads, "_processors", lambda: 64)
    monkeypatch.setattr(threads, "available_processors", lambda: available)
    monkeypatch.setattr(threads, "_runnable", lambda: 81)
    monkeypatch.setattr(threads, "SPIN_FOR_EVER", False)
    assert threads.ThreadBudget(4).threads() == expected


@pytest.mark.parametrize(("value", "expected"), [("0", 8), ("1", 1), (None, 1)])
def test_the_environment_says_whether_busy_processors_are_left_to_others(monkeypatch, value, expected):
    monkeypatch.setattr(threads, "_processors", lambda: 8)
    monkeypatch.setattr(threads, "available_processors", lambda: 8)
    monkeypatch.setattr(threads, "_runnable", lambda: 81)
    monkeypatch.setattr(threads, "SPIN_FOR_EVER", False)
    monkeypatch.delenv("NMFCORE_SHARE", raising=False)
    if value is not None:
        monkeypatch.setenv("NMFCORE_SHARE", value)
    assert threads.ThreadBudget(8).threads() == expected


@pytest.mark.parametrize("value", ["", "no", "2", " 1"])
def test_another_value_of_the_environment_is_refused(monkeypatch, value):
    monkeypatch.setenv("NMFCORE_SHARE", value)
    with pytest.raises(nmfcore.InputError, match=rf"NMFCORE_SHARE is '{value}'; wanted 0 or 1"):
        nmfcore.hals(np.ones((4, 3)), 1, n_threads=2)


@pytest.mark.parametrize(("available", "limit"), [(1, 64), (2, 64), (16, 64), (24, 96), (256, 1024)])
def test_the_largest_number_of_threads_follows_from_the_processors(monkeypatch, available, limit):
    monkeypatch.setattr(threads, "available_processors", lambda: available)
    assert threads.check_threads(limit) in (limit, 1)
    with pytest.raises(nmfcore.InputError, match=f"may use {available} processors; wanted a number from 1 to {limit},"):
        threads.check_threads(limit + 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.parametrize("before", ["", "nmfcore.hals(X, 150, init='random', max_iter=1, n_threads=2)"])
def test_a_fork_takes_threads_only_after_a_parallel_region(before):
    program = f"""
        import os, nmfcore, numpy as np
        from nmfcore._runtime import threads
        X = np.random.default_rng(0).random((2000, 2000))
        {before}
        if os.fork() == 0:
            os.write(1, b"%d" % threads.thread_count(None if {before!r} else 2))
            os._exit(0)
        os.wait()
    """
    command = [sys.executable, "-P", "-c", textwrap.dedent(program)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    threaded = threads.baseline.has_openmp() and not before
    assert answer.stdout == ("2" if threaded else "1"), answer.stderr


@pytest.mark.parametrize("bits", [11, 17, 30, 31, 63, 20_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_absurd_numbers_of_threads_are_refused(bits, sign):
    count = sign * 2 ** max(bits, 31 if sign < 0 else 0)
    with pytest.raises(nmfcore._checks.InputError, match=r"n_threads is .*wanted a number from 1 to \d+, None"):
        nmfcore.hals(np.ones((4, 3)), 1, n_threads=count)


def test_runnable_threads():
    runnable = threads._runnable()
    assert runnable >= 1 if sys.platform == "linux" else runnable >= 0
