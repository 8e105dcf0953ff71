"""patch_sklearn replaces scikit-learn's objects by name and restores them."""

import pickle
import subprocess
import sys
import textwrap
import threading
import types

import numpy as np
import pytest

import nmfcore
from nmfcore import _patch
from nmfcore.__main__ import main

sklearn = pytest.importorskip("sklearn")
decomposition = pytest.importorskip("sklearn.decomposition")
_nmf = pytest.importorskip("sklearn.decomposition._nmf")
ours = pytest.importorskip("nmfcore.sklearn")

NAMES = ("NMF", "MiniBatchNMF", "non_negative_factorization")
THEIRS = {name: getattr(_nmf, name) for name in NAMES}
OURS = {name: getattr(ours, name) for name in NAMES}


@pytest.fixture(autouse=True)
def nothing_left():
    """Each test begins and ends with scikit-learn's own objects."""
    assert holds(THEIRS)
    yield
    nmfcore.unpatch_sklearn()
    assert holds(THEIRS) and not _patch._active and not _patch._replaced


def holds(objects):
    return all(getattr(place, name) is objects[name] for place in (decomposition, _nmf) for name in NAMES)


@pytest.fixture
def module(monkeypatch):
    """A module that holds scikit-learn's objects under names of its own."""
    module = types.ModuleType("downstream")
    module.Model, module.fit, module.other = THEIRS["NMF"], THEIRS["non_negative_factorization"], decomposition.PCA
    monkeypatch.setitem(sys.modules, "downstream", module)
    return module


def test_acts_at_once_until_undone(module):
    patch = nmfcore.patch_sklearn()
    assert holds(OURS) and module.Model is ours.NMF and module.fit is ours.non_negative_factorization
    assert module.other is decomposition.PCA
    assert {"downstream.Model", "downstream.fit", "sklearn.decomposition._nmf.MiniBatchNMF"} <= {*patch.replaced}
    assert "on: " in repr(patch) and "downstream.Model" in repr(patch)
    nmfcore.unpatch_sklearn()
    assert holds(THEIRS) and module.Model is THEIRS["NMF"] and module.fit is THEIRS["non_negative_factorization"]
    assert "off" in repr(patch)
    nmfcore.unpatch_sklearn()  # nothing to do
    assert holds(THEIRS)


def test_ends_with_the_block_and_with_an_exception(module):
    with nmfcore.patch_sklearn():
        assert holds(OURS)
    assert holds(THEIRS) and module.Model is THEIRS["NMF"]
    with pytest.raises(ZeroDivisionError), nmfcore.patch_sklearn():
        raise ZeroDivisionError
    assert holds(THEIRS) and module.Model is THEIRS["NMF"]


def test_nests():
    with nmfcore.patch_sklearn():
        with nmfcore.patch_sklearn() as inner:
            assert holds(OURS) and not inner.replaced
        assert holds(OURS)
    assert holds(THEIRS)


def test_the_last_of_overlapping_ones_restores(module):
    first = nmfcore.patch_sklearn()
    module.late = THEIRS["NMF"]  # imported in the meantime
    second = nmfcore.patch_sklearn()
    assert second.replaced == ("downstream.late",)
    first.__exit__(None, None, None)
    first.__exit__(None, None, None)
    assert holds(OURS) and module.late is ours.NMF
    second.__exit__(None, None, None)
    assert holds(THEIRS) and module.late is THEIRS["NMF"]


def test_a_block_survives_an_end_from_within():
    with nmfcore.patch_sklearn() as patch:
        nmfcore.unpatch_sklearn()
        assert holds(THEIRS)
    with patch:
        assert holds(OURS)
    assert holds(THEIRS)


def test_only_what_was_replaced_is_put_back(module, monkeypatch):
    module.own = ours.NMF  # imported by the user
    with nmfcore.patch_sklearn():
        module.fit = "something else"
        later = types.ModuleType("later")
        monkeypatch.setitem(sys.modules, "later", later)
        exec("from sklearn.decomposition import NMF", vars(later))
    assert module.own is ours.NMF and module.fit == "something else"
    X = np.random.default_rng(0).random((20, 10))
    assert later.NMF is ours.NMF and later.NMF(2, max_iter=500, random_state=0).fit_transform(X).shape == (20, 2)


def test_what_is_ours_sees_theirs(monkeypatch):
    inside = types.ModuleType("nmfcore.inside")
    inside.NMF = THEIRS["NMF"]
    monkeypatch.setitem(sys.modules, "nmfcore.inside", inside)
    with nmfcore.patch_sklearn():
        assert inside.NMF is THEIRS["NMF"]


def test_odd_entries_of_sys_modules(monkeypatch):
    class Slotted:
        __slots__ = ()

    monkeypatch.setitem(sys.modules, "odd_none", None)
    monkeypatch.setitem(sys.modules, "odd_class", type("Odd", (), {"Model": THEIRS["NMF"]}))
    monkeypatch.setitem(sys.modules, "odd_slots", Slotted())
    with nmfcore.patch_sklearn() as patch:
        assert holds(OURS) and not any(name.startswith("odd") for name in patch.replaced)


def test_factorizes_as_before(module):
    X = np.random.default_rng(0).gamma(1.0, size=(60, 4)) @ np.random.default_rng(1).gamma(1.0, size=(4, 30))
    start = {"init": "custom", "W": np.full((60, 4), 0.5), "H": np.random.default_rng(2).random((4, 30))}
    options = {"n_components": 4, "max_iter": 2000, "tol": 1e-10} | start
    errors = []
    for enter in (False, True):
        if enter:
            nmfcore.patch_sklearn()
        W, H, n_iter = module.fit(X, **options)
        errors.append(np.linalg.norm(X - W @ H) / np.linalg.norm(X))
        assert n_iter <= 2000
    assert errors[1] < errors[0] + 1e-4


def test_objects_that_are_held_elsewhere_go_on():
    X = np.random.default_rng(0).random((20, 10))
    held, model = THEIRS["non_negative_factorization"], THEIRS["NMF"](2, max_iter=500, random_state=0).fit(X)
    before = held(X, n_components=2, max_iter=500, random_state=0), model.transform(X)
    with nmfcore.patch_sklearn():
        after = held(X, n_components=2, max_iter=500, random_state=0), model.transform(X)
        assert isinstance(model, THEIRS["NMF"]) and sklearn.base.clone(model).get_params() == model.get_params()
    np.testing.assert_allclose(after[0][0] @ after[0][1], before[0][0] @ before[0][1], atol=0.05)
    np.testing.assert_array_equal(after[1], before[1])


@pytest.mark.parametrize("name", ["NMF", "MiniBatchNMF"])
def test_ours_count_as_theirs(name):
    with nmfcore.patch_sklearn():
        assert isinstance(getattr(decomposition, name)(2), THEIRS[name])
    assert issubclass(OURS[name], THEIRS[name]) and not issubclass(decomposition.PCA, THEIRS[name])


def test_models_are_pickled_while_on_and_read_after():
    X = np.random.default_rng(0).random((20, 10))
    with nmfcore.patch_sklearn():
        model = decomposition.NMF(2, max_iter=500, random_state=0).fit(X)
        stored = pickle.dumps(model)
    np.testing.assert_array_equal(pickle.loads(stored).transform(X), model.transform(X))


def test_threads(module):
    def work():
        for _ in range(30):
            with nmfcore.patch_sklearn():
                seen.append(holds(OURS) and module.Model is ours.NMF)

    seen = []
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 120 and all(seen) and module.Model is THEIRS["NMF"]


@pytest.fixture
def no_sklearn(tmp_path):
    (tmp_path / "sklearn.py").write_text("raise ModuleNotFoundError(\"No module named 'sklearn'\", name='sklearn')")
    return tmp_path


def test_without_scikit_learn(no_sklearn):
    code = "import nmfcore\ntry: nmfcore.patch_sklearn()\nexcept ImportError as error: print(error)"
    out = subprocess.run([sys.executable, "-c", code], cwd=no_sklearn, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == 'patch_sklearn needs sklearn: pip install "nmfcore[sklearn]"'


SCRIPT = """
import sys
from beside import word
from sklearn.decomposition import NMF, _nmf

if __name__ == "__main__":
    assert sys.modules["__main__"].NMF is NMF
    print(word, NMF.__module__, _nmf.NMF is NMF, *sys.argv[1:])
    sys.exit(3)
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "program.py").write_text(textwrap.dedent(SCRIPT))
    (tmp_path / "beside.py").write_text("word = 'found'")
    return tmp_path


@pytest.mark.parametrize("as_module", [False, True], ids=["script", "module"])
def test_command(program, as_module):
    named = ["-m", "program"] if as_module else [str(program / "program.py")]
    cwd = program if as_module else program.parent
    command = [sys.executable, "-m", "nmfcore", "patch", *named, "--help", "-m", "x"]
    out = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert out.returncode == 3, out.stderr
    assert out.stdout.split() == ["found", ours.NMF.__module__, "True", "--help", "-m", "x"]


def test_command_leaves_the_process_as_it_was(program, capsys):
    argv, path = sys.argv, sys.path.copy()
    with pytest.raises(SystemExit) as stop:
        main(["patch", str(program / "program.py"), "a b"])
    assert stop.value.code == 3 and capsys.readouterr().out.endswith("True a b\n")
    assert sys.argv is argv and sys.path == path and holds(THEIRS)


def test_command_passes_exceptions_on(tmp_path):
    (tmp_path / "fails.py").write_text("raise ValueError('its own')")
    with pytest.raises(ValueError, match="its own"):
        main(["patch", str(tmp_path / "fails.py")])


def test_command_without_scikit_learn(no_sklearn):
    command = [sys.executable, "-m", "nmfcore", "patch", "sklearn.py"]
    out = subprocess.run(command, cwd=no_sklearn, capture_output=True, text=True, check=False)
    assert out.returncode == 2 and out.stderr.endswith('sklearn: pip install "nmfcore[sklearn]"\n')


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["-m"], ["--fly", "x.py"], ["nowhere.py"], ["-m", "nosuch"], ["-m", "no.such"], ["-m", "..x"]),
        *(["-m", "sklearn"], ["."], ["-m", ""]),  # without a module or a file __main__
    ],
)
def test_command_without_a_program(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["patch", *arguments])
    assert stop.value.code == 2 and "nmfcore patch: error: " in capsys.readouterr().err


def test_command_is_listed(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0 and "patch" in capsys.readouterr().out
