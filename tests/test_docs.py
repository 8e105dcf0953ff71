"""The examples of the documents run as they stand."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [path for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if path.exists()]
NEEDS = {"pictures.md": ("matplotlib", "sklearn")}


def blocks(path):
    return re.findall(r"^```python\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_examples(path, capsys, tmp_path, monkeypatch):
    """One after the other, in one namespace; what they write, they write elsewhere."""
    for library in NEEDS.get(path.name, ()):
        pytest.importorskip(library)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    found, names = blocks(path), {}
    assert found
    for number, block in enumerate(found):
        exec(compile(block, f"{path.name}, block {number}", "exec"), names)
    assert capsys.readouterr().out


def test_every_penalty_has_its_row():
    from nmfcore import penalties

    text = (ROOT / "docs" / "models.md").read_text()
    for name in (
        "L1",
        "L2",
        "ElasticNet",
        "Group",
        "Orthogonality",
        "Smooth",
        "MinVolume",
        "Box",
        "Prior",
        "Hoyer",
        "SumToOne",
    ):
        assert f"`{name}(" in text and hasattr(penalties, name)
