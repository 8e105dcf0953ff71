"""The package as it is installed: configuration, levels, command line."""

import os
import subprocess
import sys

import numpy as np
import pytest

import nmfcore
from nmfcore import _core
from nmfcore.__main__ import main
from nmfcore._cli._demo import swimmer


def test_show_config(capsys):
    nmfcore.show_config()
    text = capsys.readouterr().out
    assert nmfcore.__version__ in text and _core.level in text
    for word in ("OpenMP", "threads", "level", "BLAS"):
        assert word in text


def test_unknown_and_impossible_levels(monkeypatch):
    with pytest.raises(ImportError, match="NMFCORE_LEVEL is 'x86_64_v9'; wanted one of baseline"):
        _core.load("x86_64_v9")
    monkeypatch.setattr(_core, "LEVELS", {"baseline": 1, "x86_64_v4": 99})
    with pytest.raises(ImportError, match="which this processor does not run"):
        _core.load("x86_64_v4")
    assert _core._best_level() == "baseline"


def test_level_is_chosen_by_the_environment():
    code = "from nmfcore import _core; print(_core.level, _core.kernels.__name__)"
    out = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"NMFCORE_LEVEL": "baseline"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert out.stdout.split() == ["baseline", "nmfcore._core.baseline"]


def test_import_is_light():
    heavy = ("sklearn", "matplotlib", "threadpoolctl", "scipy.linalg")
    code = f"import sys, nmfcore; print([name for name in {heavy} if name in sys.modules])"
    out = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_swimmer_is_the_textbook_s():
    X = swimmer()
    assert X.shape == (256, 1024) and set(X.sum(axis=1)) == {37.0} and len(np.unique(X, axis=0)) == 256
    assert np.linalg.matrix_rank(X) == 13


def test_demo(capsys):
    assert main(["demo", "--threads", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert (
        "relative error" in lines[0]
        and lines[1].split()[:4] == ["Swimmer", "256", "x", "1024"]
        and lines[2].startswith("digits")
    )


def test_demo_draws_the_parts(tmp_path):
    pytest.importorskip("matplotlib")
    assert main(["demo", "--plot", str(tmp_path / "parts.png")]) == 0
    assert (tmp_path / "parts.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("arguments", [[], ["fly"], ["demo", "--threads", "0"], ["demo", "--threads", "many"]])
def test_bad_command(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2 and "error" in capsys.readouterr().err
