"""A fit that is killed and resumed has the bits of an uninterrupted one."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from nmfcore import Checkpoint, Result
from nmfcore.__main__ import main
from nmfcore._cli import _checkpoints

FIT = ["fit", "x.npy", "-k", "8", "--tol", "0", "--checkpoint", "state", "--init", "random"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).random((300, 200)))
    return tmp_path


def same(path, other):
    found, wanted = Result.load(path), Result.load(other)
    return (
        np.array_equal(found.W, wanted.W)
        and np.array_equal(found.H, wanted.H)
        and np.array_equal(found.history.objective, wanted.history.objective)
        and (found.n_iter, found.reason) == (wanted.n_iter, wanted.reason)
    )


def begun(*more):
    """A fit in a process of its own, after its first checkpoint."""
    command = [sys.executable, "-P", "-m", "nmfcore", *FIT, "-o", "cut.npz", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not Path("state").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.05)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_killed_and_resumed(number, loss, capsys):
    options = ["--max-iter", "4000" if loss == "frobenius" else "2000", "--loss", loss]
    process = begun(*options, "--every", "7")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert out == "" and process.returncode == (-number if number == signal.SIGKILL else 128 + number)
    assert err == "" or err == "nmfcore fit: interrupted; --resume continues from state\n"
    left = sorted(name for name in os.listdir() if number != signal.SIGKILL or not name.startswith(".nmfcore-"))
    assert left == ["state", "x.npy"]  # SIGKILL during a write leaves a temporary file
    saved = Checkpoint.load("state").iteration
    assert saved % 7 == 0 or number != signal.SIGKILL
    assert main([*FIT, *options, "-o", "cut.npz", "--resume"]) == 0
    assert capsys.readouterr().out.startswith(f"state: continues after iteration {saved}\n")
    assert main([*FIT, *options, "-o", "whole.npz", "-q", "--checkpoint", "other"]) == 0
    assert same("cut.npz", "whole.npz")


def test_killed_again_and_again():
    options = ["--max-iter", "3000", "--every", "5", "-o", "cut.npz", "--resume", "-q"]
    for pause in (0.6, 0.9, 1.2, 1.5):
        process = subprocess.Popen([sys.executable, "-P", "-m", "nmfcore", *FIT, *options])
        time.sleep(pause)
        process.kill()
        process.wait()
    assert main([*FIT, *options]) == 0
    assert main([*FIT, "--max-iter", "3000", "-o", "whole.npz", "-q", "--checkpoint", "other"]) == 0
    assert same("cut.npz", "whole.npz")


def test_resume_begins_goes_on_and_is_done(capsys):
    assert main([*FIT, "-o", "a.npz", "--max-iter", "20", "--every", "6", "--resume"]) == 0  # there is no checkpoint
    assert capsys.readouterr().out.startswith("state: starts\n")
    assert main([*FIT, "-o", "b.npz", "--max-iter", "20", "--every", "6", "--resume"]) == 0  # already done
    assert same("a.npz", "b.npz")
    assert main([*FIT, "-o", "c.npz", "--max-iter", "50", "--resume"]) == 0  # more iterations
    assert main([*FIT, "-o", "d.npz", "--max-iter", "50", "--checkpoint", "other"]) == 0
    assert same("c.npz", "d.npz")
    assert capsys.readouterr().err == ""


def test_a_checkpoint_that_does_not_belong_to_the_fit(capsys):
    assert main([*FIT, "--max-iter", "20", "--every", "5", "-q"]) == 0
    before = Path("state").read_bytes()
    np.save("y.npy", np.random.default_rng(1).random((300, 200)))
    for arguments, message in (
        (FIT, "state exists; wanted --resume to continue from it, or another file"),
        (["fit", "y.npy", *FIT[2:], "--resume"], "X"),
        ([*FIT, "--resume", "-k", "5"], "k"),
        ([*FIT, "--resume", "--loss", "kullback-leibler"], "loss"),
        ([*FIT, "--resume", "--l1-W", "0.1"], "penalty_W"),
    ):
        assert main(arguments) == 2
        out, err = capsys.readouterr()
        assert out in ("", "state: continues after iteration 20\n") and err.count("\n") == 1 and message in err
    Path("state").write_bytes(before[:-100])
    assert main([*FIT, "--resume"]) == 2
    assert "state" in capsys.readouterr().err
    assert Path("state").read_bytes() == before[:-100]


def test_by_iterations_and_by_seconds(monkeypatch):
    saved = []

    class State:
        iteration = 0

        def checkpoint(self):
            return self

        def save(self, path):
            saved.append(self.iteration)

    now = [0.0]
    monkeypatch.setattr(_checkpoints.time, "monotonic", lambda: now[0])
    for every, wanted in {(3, np.inf): [3, 6, 9], (0, 4.0): [4, 8]}.items():
        saved.clear()
        writer, state = _checkpoints.CheckpointWriter(Path("state"), every), State()
        for state.iteration in range(1, 11):
            now[0] += 1
            assert not writer(state)
        assert saved == wanted
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits SIG_IGN
    try:
        with writer.end_on_signals():
            signal.raise_signal(signal.SIGINT)
            state.iteration = 99
            assert writer(state) and saved[-1] == 99 and writer.signal == signal.SIGINT
            with pytest.raises(KeyboardInterrupt):  # a second signal
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_no_signals_outside_of_the_main_thread():
    """Whatever `threading` takes for the main thread: the handlers of Python belong to the first one."""
    thread = threading.Thread(target=lambda: codes.append(main([*FIT, "-o", "out.npz", "--max-iter", "5", "-q"])))
    codes = []
    thread.start()
    thread.join()
    assert codes == [0] and Path("out.npz").exists()


def test_a_checkpoint_that_cannot_be_written_does_not_end_the_fit(monkeypatch, capsys):
    def save(self, path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Checkpoint, "save", save)
    assert main([*FIT, "--max-iter", "8", "--every", "4", "-o", "out.npz"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "nmfcore: warning: no checkpoint after iteration 4: state: No space left on device (further "
    )
