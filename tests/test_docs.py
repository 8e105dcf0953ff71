"""The examples of the documents run as they stand, and what the documents name exists."""

import inspect
import re
from pathlib import Path

import pytest

import nmfcore

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


def test_design_is_one_page():
    """At most 120 lines, with all rooms in their order, and no path that does not exist."""
    text = (ROOT / "DESIGN.md").read_text()
    assert len(text.splitlines()) <= 120
    package = Path(nmfcore.__file__).parent
    rooms = re.findall(r"^    (\w+)/ ", text, re.MULTILINE)
    assert sorted(rooms) == sorted(p.name for p in package.iterdir() if p.is_dir() and p.name != "__pycache__")


@pytest.mark.parametrize("name", ["DESIGN.md", "CONTRIBUTING.md"])
def test_paths_exist(name):
    package = ROOT / "nmfcore"  # the checkout: an installed package has no kernel sources
    paths = re.findall(r"`([\w./]+\.(?:py|pyi|pxi|h|md))`", (ROOT / name).read_text())
    assert paths
    rooms = [package, ROOT, *(path for path in package.iterdir() if path.is_dir())]
    missing = [path for path in paths if not any((room / path).exists() for room in rooms)]
    assert not missing


def test_links_lead_somewhere():
    for path in (*DOCUMENTS, ROOT / "CONTRIBUTING.md", ROOT / "DESIGN.md"):
        text = path.read_text()
        for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", text):
            there = path.parent / target if target else path
            assert there.exists(), f"{path.name}: {target}"
            if anchor:
                headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
                assert anchor in [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings]


def test_help_names_every_public_name():
    names = set(nmfcore.__all__) - {"__version__"}
    assert not [name for name in names if not re.search(rf"\b{name}\b", nmfcore.__doc__ or "")]


def test_table_of_tolerances_has_the_defaults():
    """The defaults of tol and max_iter in docs/models.md are those of the signatures."""
    text = (ROOT / "docs" / "models.md").read_text()
    rows = [re.split(r"\s*\|\s*", line)[1:4] for line in text.splitlines() if re.match(r"\| .*\| \de-\d", line)]
    found = 0
    for names, tol, max_iter in rows:
        for name in re.findall(r"`(\w+)`", names):
            parameters = inspect.signature(getattr(nmfcore, name)).parameters
            if name not in ("select_rank", "nnls"):  # whose defaults are those of a method
                assert (parameters["tol"].default, parameters["max_iter"].default) == (float(tol), int(max_iter)), name
                found += 1
    assert found >= 10
