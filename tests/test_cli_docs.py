"""The commands in docs/command_line.md run as they are."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from nmfcore.__main__ import main

DOCUMENT = Path(__file__).parents[1] / "docs" / "command_line.md"


@pytest.mark.skipif(not DOCUMENT.exists(), reason="not installed with the package")
def test_commands(tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    counts = np.random.default_rng(0).poisson(2.0, (40, 12))
    words = ",".join(f"word {j}" for j in range(12))
    for name in ("counts.csv", "new.csv"):
        np.savetxt(name, counts, fmt="%d", delimiter=",", header=words, comments="")
    np.save("large.npy", counts)
    commands = [
        line
        for block in re.findall(r"^```sh\n(.*?)^```", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
    ]
    assert len(commands) > 5
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "nmfcore" and main(arguments) == 0
    assert capsys.readouterr().err == "" and Path("topics.png").exists() and Path("new_weights.csv").exists()
