"""Files of every result that is a `Storable`: what is saved is read again, and nothing else is."""

import copy
import io
import pickle
import re
import zipfile
from dataclasses import fields, is_dataclass, replace
from functools import cache

import numpy as np
import pytest
import scipy.sparse as sp

import nmfcore
from nmfcore import penalties
from nmfcore._fit import Factorization
from nmfcore._runtime import Storable

KINDS = (nmfcore.Archetypes, nmfcore.Clustering, nmfcore.Completion, nmfcore.Hierarchy, nmfcore.Separable)


def groups(dtype=np.float64):
    rng = np.random.default_rng(0)
    return (np.kron(np.eye(3), np.ones((4, 3))) + 0.2 * rng.random((12, 9))).astype(dtype)


def ratings(dtype=np.float64):
    rng = np.random.default_rng(1)
    X = np.where(rng.random((9, 7)) < 0.5, rng.integers(1, 6, (9, 7)), 0).astype(dtype)
    X[4], X[:, 2] = 0, 0
    return sp.csr_array(X)


@cache
def results(dtype=np.float64):
    X, S = groups(dtype), groups(dtype) @ groups(dtype).T
    pure = np.vstack([np.eye(3, 5), np.full((2, 3), 0.3) @ np.eye(3, 5)]).astype(dtype)
    options = {"random_state": 0, "max_iter": 5, "n_starts": 2}
    return {
        "symmetric": nmfcore.symmetric(S, 3, **options),
        "projective": nmfcore.projective(X, 3, **options),
        "orthogonal": nmfcore.orthogonal(X, 14, **options),
        "semi": nmfcore.semi(X - X.mean(), 3, **options),
        "hierarchical": nmfcore.hierarchical(X, 4, random_state=0),
        "one leaf": nmfcore.hierarchical(X, 1, random_state=0),
        "archetypes": nmfcore.archetypes(X, 3, **options),
        "relaxed archetypes": nmfcore.archetypes(X, 3, delta=0.5, **options),
        "complete": nmfcore.complete(ratings(dtype), 2, random_state=0, max_iter=5),
        "biases alone": nmfcore.complete(ratings(dtype), 0, random_state=0),
        "separable": nmfcore.separable(pure, 3),
    }


NAMES = sorted(results())


def assert_same(one, other, path=""):
    """Equal to the bit, of the same types, dtypes and memory order."""
    assert type(one) is type(other), path
    if is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(other, field.name), f"{path}.{field.name}")
    elif isinstance(one, tuple):
        assert len(one) == len(other), path
        for a, b in zip(one, other, strict=True):
            assert_same(a, b, path)
    elif isinstance(one, np.ndarray):
        if not path.endswith("_rated"):  # indices as SciPy chose them
            assert one.dtype == other.dtype and one.flags.f_contiguous == other.flags.f_contiguous, path
        np.testing.assert_array_equal(one, other, path, strict=not path.endswith("_rated"))
    else:
        assert one == other, path


@cache
def content(name):
    """The bytes of a file with that result."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "result.npz"
        results()[name].save(path)
        return path.read_bytes()


def changed(name, path, **members):
    """The file with other members; None leaves one out. All check sums are right."""
    with zipfile.ZipFile(io.BytesIO(content(name))) as old, zipfile.ZipFile(path, "w") as new:
        for member in old.namelist():
            value = members.get(member.removesuffix(".npy"), old.read(member))
            if isinstance(value, np.ndarray):
                stream = io.BytesIO()
                np.save(stream, value, allow_pickle=True)
                value = stream.getvalue()
            if value is not None:
                new.writestr(member, value)
    return path


def members_of(name):
    with np.load(io.BytesIO(content(name)), allow_pickle=False) as file:
        return {member: file[member] for member in file.files}


def refused(kind, path, *words):
    with pytest.raises(nmfcore.InputError) as error:
        kind.load(path)
    message = str(error.value)
    assert message.startswith(f"{path} ") and f"wanted a file that {kind.__name__}.save has written" in message
    for word in words:
        assert word in message
    return message


@pytest.mark.parametrize("name", NAMES)
def test_saved_to_the_bit(name, tmp_path, dtype):
    result = results(dtype)[name]
    path = tmp_path / "result"  # no suffix is added
    result.save(path)
    assert_same(result, type(result).load(path))
    assert_same(result, type(result).load(str(path)))
    assert [file.name for file in tmp_path.iterdir()] == ["result"]


def test_names_are_kept(tmp_path):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(groups(), [f"Größe {i}\n" for i in range(12)], list("abcdefghi"))
    for result in (
        nmfcore.orthogonal(X, 2, random_state=0),
        nmfcore.archetypes(X, 2, random_state=0),
        nmfcore.hierarchical(X, 2, random_state=0),
    ):
        result.save(tmp_path / "named")
        read = type(result).load(tmp_path / "named")
        assert read.names == result.names and read.names[0][0] == "Größe 0\n"


def test_what_is_read_can_be_used(tmp_path):
    model, tree, corners = (results()[name] for name in ("complete", "hierarchical", "archetypes"))
    for result in (model, tree, corners):
        result.save(tmp_path / type(result).__name__)
    read = nmfcore.Completion.load(tmp_path / "Completion")
    for user in range(9):
        for one, other in zip(model.recommend(user, 3), read.recommend(user, 3), strict=True):
            np.testing.assert_array_equal(one, other)
    assert read.rmse(ratings()) == model.rmse(ratings()) and 4 in read.unobserved[0] and 2 in read.unobserved[1]
    read = nmfcore.Hierarchy.load(tmp_path / "Hierarchy")
    assert str(read) == str(tree)
    for n in range(1, 5):
        np.testing.assert_array_equal(read.cut(n), tree.cut(n))
    for node in range(7):
        np.testing.assert_array_equal(read.rows(node), tree.rows(node))
    read = nmfcore.Archetypes.load(tmp_path / "Archetypes")
    np.testing.assert_array_equal(read.transform(groups()), corners.transform(groups()))


@pytest.mark.parametrize("name", ["symmetric", "hierarchical", "archetypes", "complete", "separable"])
def test_objectives_out_of_range_are_kept(name, tmp_path):
    """X of 1e300 has objectives that are infinite in its units."""
    scale = 1e300
    result = {
        "symmetric": lambda: nmfcore.symmetric(groups() @ groups().T * scale, 3, random_state=0),
        "hierarchical": lambda: nmfcore.hierarchical(groups() * scale, 4, random_state=0),
        "archetypes": lambda: nmfcore.archetypes(groups() * scale, 2, random_state=0),
        "complete": lambda: nmfcore.complete(ratings() * scale, 2, random_state=0),
        "separable": lambda: nmfcore.separable(np.eye(3, 5) * scale, 3),
    }[name]()
    assert name == "separable" or result.objective == np.inf
    result.save(tmp_path / "far")
    assert_same(result, type(result).load(tmp_path / "far"))


@pytest.mark.parametrize("name", NAMES)
def test_truncated_anywhere(name, tmp_path):
    whole, path, kind = content(name), tmp_path / "cut.npz", type(results()[name])
    lengths = {*range(0, 300, 23), *range(300, len(whole), 307), *range(len(whole) - 60, len(whole), 7)}
    for length in sorted(lengths):
        path.write_bytes(whole[:length])
        refused(kind, path, "is truncated or damaged" if length >= 4 else "nmfcore")


@pytest.mark.parametrize("name", NAMES)
def test_changed_bytes(name, tmp_path):
    """A file with a flipped bit is refused, or it is read as what was saved."""
    kind, path = type(results()[name]), tmp_path / "flipped.npz"
    for at in range(7, len(content(name)), 41):
        flipped = bytearray(content(name))
        flipped[at] ^= 1 << at % 8
        path.write_bytes(flipped)
        try:
            read = kind.load(path)
        except nmfcore.InputError:
            continue
        assert_same(results()[name], read)


def test_files_of_other_kinds(tmp_path):
    one_of_each = {type(result): name for name, result in results().items()}
    assert set(one_of_each) == set(KINDS) == set(Storable.__subclasses__()) - {Factorization, nmfcore.Checkpoint}
    for writer, name in one_of_each.items():
        path = tmp_path / writer.__name__
        path.write_bytes(content(name))
        for reader in KINDS:
            if reader is not writer:
                refused(reader, path, "of nmfcore")
        with pytest.raises(nmfcore.InputError, match="is no result of nmfcore"):
            nmfcore.Result.load(path)
    nmfcore.hals(groups(), 2, max_iter=2, tol=0).save(tmp_path / "result")
    np.savez(tmp_path / "other.npz", W=np.ones((3, 3)))
    (tmp_path / "text").write_text("W, H\n1, 2\n")
    for reader in KINDS:
        for other in ("result", "other.npz", "text"):
            refused(reader, tmp_path / other, "of nmfcore")
        with pytest.raises(FileNotFoundError):
            reader.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", NAMES)
def test_newer_versions(name, tmp_path):
    path = changed(name, tmp_path / "new.npz", format_version=np.array(2))
    refused(type(results()[name]), path, "version 2", nmfcore.__version__)


def wrong_members(value):
    """Members in the place of a right one: none, of another type, dtype or shape, out of range, or with NaN."""
    trap = np.array({"a": 1}, dtype=object)
    wrong = [None, b"no array", pickle.dumps(value), trap, np.array("text"), np.ones((2, 3, 4)), value[..., None]]
    if value.dtype.kind == "f" and value.size:
        bad = value.copy()
        bad[(0,) * value.ndim] = np.nan
        wrong += [bad, value.astype(np.float16), value.astype(np.longdouble), value.astype(int)]
    elif value.dtype.kind in "iu":
        wrong += [value.astype(float), value - 1000, value + 1000]
    elif value.dtype.kind == "b":
        wrong += [~value, value.astype(int)]
    elif value.dtype.kind == "U":
        wrong += [np.array("{"), np.array("[1, null]"), np.array("3"), np.array('["a"]'), np.array([value])]
    if value.dtype.kind != "U":
        wrong.append(value.astype("U9"))
    return [np.asarray(other) if isinstance(other, np.generic) else other for other in wrong]


@pytest.mark.parametrize("name", NAMES)
def test_every_member_is_checked(name, tmp_path):
    kind, path = type(results()[name]), tmp_path / "wrong.npz"
    for member, value in members_of(name).items():
        wrong = [] if member.startswith("format") else wrong_members(value)
        if value.ndim and member != "objectives" and (name, member) != ("separable", "W"):  # there can be any number
            wrong.append(value[:-1])
        for other in wrong:
            if not (
                isinstance(other, np.ndarray) and other.size == value.size == 0
            ):  # without components, all is right
                refused(kind, changed(name, path, **{member: other}))


def inconsistent():
    """Members that are right by themselves, and contradict others."""
    labels = members_of("hierarchical")["labels"]
    gains = members_of("hierarchical")["gains"]
    indptr = members_of("complete")["rated_indptr"]
    history = members_of("complete")["history_objective"]
    W, B = members_of("archetypes")["W"], members_of("archetypes")["B"]
    return {
        "labels beyond the components": ("orthogonal", {"labels": np.full(12, 14)}),
        "labels below -1": ("orthogonal", {"labels": np.full(12, -2)}),
        "negative W": ("orthogonal", {"W": -members_of("orthogonal")["W"]}),
        "no objectives": ("orthogonal", {"objectives": np.empty(0)}),
        "dtypes of W and H": ("semi", {"H": members_of("semi")["H"].astype(np.float32)}),
        "names of too few rows": ("semi", {"names": np.array('[["a"], null]')}),
        "names that are numbers": ("semi", {"names": np.array("[null, [1, 2, 3, 4, 5, 6, 7, 8, 9]]")}),
        "unknown reason": ("semi", {"reason": np.array("stalled")}),
        "reason and converged": ("semi", {"reason": np.array("tol")}),
        "history and objective": ("complete", {"history_objective": history + 1}),
        "history and n_iter": ("complete", {"n_iter": np.array(3)}),
        "time that runs back": ("complete", {"history_seconds": np.arange(len(history))[::-1].astype(float)}),
        "pointers that fall": ("complete", {"rated_indptr": indptr[[0, 2, 1, *range(3, 10)]]}),
        "pointers that end early": ("complete", {"rated_indptr": np.minimum(indptr, indptr[-1] - 1)}),
        "an infinite mean": ("complete", {"mean": np.array(np.inf)}),
        "a leaf without rows": ("hierarchical", {"labels": np.where(labels == 3, 2, labels)}),
        "a parent after its child": ("hierarchical", {"parents": np.array([-1, 0, 0, 5, 5, 1, 1])}),
        "a node in a circle": ("hierarchical", {"parents": np.array([-1, 0, 0, 3, 3, 1, 1])}),
        "three children": ("hierarchical", {"parents": np.array([-1, 0, 0, 1, 1, 1, 1])}),
        "different parents": ("hierarchical", {"parents": np.array([-1, 0, 0, 1, 2, 2, 1])}),
        "two roots": ("hierarchical", {"parents": np.array([-1, -1, -1, 1, 1, 2, 2])}),
        "negative gains": ("hierarchical", {"gains": gains - gains.max() - 1}),
        "rows that do not sum to 1": ("archetypes", {"W": W / 2}),
        "sums of B": ("archetypes", {"B": np.minimum(4 * B + 0.2, 1)}),
        "negative B": ("archetypes", {"B": B - 0.1}),
        "a row twice": ("separable", {"rows": np.array([0, 1, 1])}),
        "a row outside X": ("separable", {"rows": np.array([0, 1, 5])}),
        "negative H": ("separable", {"H": -members_of("separable")["H"]}),
        "a negative error": ("separable", {"relative_error": np.array(-1.0)}),
    }


@pytest.mark.parametrize("case", inconsistent())
def test_members_that_contradict_each_other(case, tmp_path):
    name, members = inconsistent()[case]
    refused(type(results()[name]), changed(name, tmp_path / "wrong.npz", **members), "is truncated or damaged")


def test_an_existing_file_stays_where_nothing_can_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "nowhere" / "file"))):
        results()["semi"].save(tmp_path / "nowhere" / "file")


def every_result():
    """One object of every class of results of the package that is a dataclass."""
    X = groups()
    states = []
    fit = nmfcore.hals(X, 2, max_iter=3, tol=0, callback=lambda state: states.append(state.checkpoint()) or False)
    nmfcore.hals(X, 2, max_iter=1, tol=0, callback=states.append)
    nmfcore.complete(ratings(), 2, max_iter=1, random_state=0, callback=states.append)
    many = nmfcore.fit_many(X, [2, 3], n_starts=2, max_iter=3, tol=0, random_state=0)
    choice = nmfcore.select_rank(X, [1, 2, 3], "elbow", random_state=0)
    parts = [fit.history, many.match(2), many.stability(2), many.consensus(k=2), many.consensus_factors(X, k=2)]
    return [fit, many, choice, *states, *parts, *results().values()]


def test_results_are_compared_by_identity():
    """Their arrays have no truth value, so that a comparison of fields would raise."""
    objects = every_result()
    classes = {type(result) for result in objects}
    public = {kind for kind in vars(nmfcore).values() if is_dataclass(kind) and isinstance(kind, type)}
    settings = {nmfcore.BetaDivergence, nmfcore.Huber, nmfcore.losses.L1, nmfcore.L21}
    assert public - settings <= classes
    for result in objects:
        same = copy.copy(result)
        assert result == result and result != same and len({result, same, result}) == 2
        assert {result: 1}[result] == 1 and result in [same, result]
    assert replace(objects[0]) != objects[0]


def test_penalties_with_arrays_are_compared_by_identity():
    array = np.ones((3, 2))
    for penalty in (penalties.Prior(array, 1.0), penalties.Box(0.0, array), penalties.Smooth(1.0, np.eye(3))):
        same = copy.copy(penalty)
        assert penalty == penalty and penalty != same and len({penalty, same, penalty}) == 2
        assert penalty + penalties.L1(1.0) != same + penalties.L1(1.0)
