"""The rooms of the package: imports go down, through doors, and nothing stands in the hall that has a room."""

import ast
from pathlib import Path

import pytest

import nmfcore

PACKAGE = Path(nmfcore.__file__).parent
#: From the lowest room to the highest; a room imports from those before it.
ORDER = [
    "_version",
    "_core",
    "_checks",
    "_runtime",
    "data",
    "penalties",
    "losses",
    "solvers",
    "_starts",
    "_fit",
    "_solve",
    "_ensemble",
    "_many",
    "_rank",
    "_relatives",
    "_archetypes",
    "_ratings",
    "sklearn",
    "plot",
    "_patch",
    "__init__",
    "_cli",
    "__main__",
    "reference",
]
#: Where a user may be told to look, so an `__init__.py` says more than the import that a submodule needs.
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__")
MOST_AT_THE_TOP = 8


def modules():
    """Each module of the package, by the parts of its name below `nmfcore`, with its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        yield parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts, path, ast.parse(path.read_text())


def imports():
    """(importer, imported module, name, line) for each import from this package, at whatever depth of the code."""
    names = {parts for parts, *_ in modules()}
    for parts, path, tree in modules():
        package = parts if path.name == "__init__.py" and len(parts) > 0 and parts != ("__init__",) else parts[:-1]
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("nmfcore")):
                base = package[: len(package) - node.level + 1] if node.level else ()
                module = (node.module or "").removeprefix("nmfcore").strip(".") if not node.level else node.module or ""
                target = (*base, *module.split(".")) if module else tuple(base)
                for alias in node.names:
                    inner = (*target, alias.name)
                    yield (
                        parts,
                        (inner if inner in names and inner[-1] != "__init__" else target),
                        alias.name,
                        node.lineno,
                    )
            elif isinstance(node, ast.Import):
                assert not any(alias.name.startswith("nmfcore") for alias in node.names), f"{path}:{node.lineno}"


def room(parts):
    return parts[0] if parts else "__init__"


def test_every_room_is_known():
    assert set(ROOMS) <= set(ORDER)
    at_the_top = [path.stem for path in PACKAGE.glob("*.py")]
    assert set(at_the_top) <= set(ORDER) and len(at_the_top) <= MOST_AT_THE_TOP


def test_imports_go_down():
    places = {name: place for place, name in enumerate(ORDER)}
    upward = [
        f"{'.'.join(importer)}:{line} imports {'.'.join(imported)}"
        for importer, imported, _, line in imports()
        if room(importer) != room(imported) and places[room(importer)] <= places[room(imported)]
    ]
    assert not upward


def test_nobody_imports_the_reference():
    assert not [importer for importer, imported, *_ in imports() if room(imported) == "reference" != room(importer)]


def test_rooms_are_entered_by_their_doors():
    """Another room's names come from its `__init__.py`, which lists them; no room uses an underscored one."""
    faults = []
    doors = {name: getattr(__import__(f"nmfcore.{name}", fromlist=["__all__"]), "__all__", None) for name in ROOMS}
    for importer, imported, name, line in imports():
        if room(importer) == room(imported) or room(imported) not in ROOMS or not imported:
            continue
        place = f"{'.'.join(importer)}:{line} from {'.'.join(imported)} import {name}"
        if imported == (name,):  # the room itself
            continue
        if len(imported) > 1 and imported[-1] != name:
            faults.append(f"{place}: past the door")
        elif name.startswith("_") or (doors[imported[0]] is not None and name not in doors[imported[0]]):
            faults.append(f"{place}: no name of the door")
    assert not faults


def test_no_circles_inside_rooms():
    graph = {}
    for importer, imported, *_ in imports():
        if room(importer) == room(imported) and importer != imported and len(importer) > 1:
            graph.setdefault(importer, set()).add(imported)
    done, path = set(), []

    def visit(module):
        assert module not in path, f"a circle: {[*path, module]}"
        if module in done:
            return
        path.append(module)
        for other in sorted(graph.get(module, ())):
            visit(other)
        path.pop()
        done.add(module)

    for module in sorted(graph):
        visit(module)


@pytest.mark.parametrize("name", ROOMS)
def test_a_door_says_what_its_room_is_for(name):
    docstring = ast.get_docstring(ast.parse((PACKAGE / name / "__init__.py").read_text()))
    assert docstring and len(docstring.split()) >= 12


def test_what_is_asked_travels_by_name():
    """No dict(locals()), and no function with more than a dozen arguments but those that users call."""
    public = {"nmf", "hals", "mu", "transform", "fit_many", "select_rank", "archetypes", "complete", "__init__"}
    public |= {"symmetric", "projective", "orthogonal", "semi", "hierarchical", "non_negative_factorization"}
    faults = []
    for parts, _, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node) in ("dict(locals())", "locals()"):
                faults.append(f"{'.'.join(parts)}:{node.lineno} {ast.unparse(node)}")
            if isinstance(node, ast.FunctionDef) and node.name not in public:
                arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = len([argument for argument in arguments if argument.arg not in ("self", "cls")])
                if count > 12:
                    faults.append(f"{'.'.join(parts)}:{node.lineno} {node.name} has {count} arguments")
    assert not faults
