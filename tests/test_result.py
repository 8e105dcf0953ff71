"""What a fit gives back: options, files, copies, order and scale."""

import copy
import io
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import planted
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore import Result, penalties
from nmfcore._runtime import files


def fitted(dtype=np.float64, **options):
    X, _, _ = planted(30, 20, 3, dtype=dtype)
    return nmfcore.nmf(X, 3, **{"random_state": 0, "max_iter": 5, **options})


def assert_same(a: Result, b: Result):
    """To the bit, the memory order included."""
    for name in (field.name for field in fields(Result)):
        left, right = getattr(a, name), getattr(b, name)
        if name in ("W", "H"):
            left, right = [left], [right]
        elif name == "history":
            left, right = [left.objective, left.seconds], [right.objective, right.seconds]
        elif name != "unobserved":
            assert type(left) is type(right) and (left == right or (left != left and right != right)), name
            continue
        for x, y in zip(left, right, strict=True):
            assert x.dtype == y.dtype and x.tobytes() == y.tobytes() and x.shape == y.shape, name
    assert b.W.flags.c_contiguous and b.H.T.flags.c_contiguous and b.W.flags.writeable and b.W.flags.aligned


def refused(path, *words):
    with pytest.raises(ValueError) as found:
        Result.load(path)
    text = str(found.value)
    assert text.startswith(f"{path} ") and "\n" not in text and all(word in text for word in words)
    return text


# --- What was asked for


def test_options_are_json_by_the_names_of_the_arguments():
    result = fitted(loss="kullback-leibler", solver="mu", floor=0, max_iter=np.int64(2), random_state=np.int32(7))
    options = result.options
    assert json.loads(json.dumps(options, allow_nan=False)) == options
    assert options == {
        "k": 3,
        "loss": "kullback-leibler",
        "solver": "mu",
        "init": "auto",
        "max_iter": 2,
        "tol": 1e-4,
        "max_time": None,
        "inner_iter": "auto",
        "floor": 0,
        "extrapolate": True,
        "compress": "auto",
        "penalty_W": None,
        "penalty_H": None,
        "fixed_W": False,
        "fixed_H": False,
        "weights": False,
        "mask": False,
        "missing": None,
        "random_state": 7,
        "dtype": "float64",
        "version": nmfcore.__version__,
    }
    assert result.names == (None, None)


def test_options_of_objects_and_arrays():
    X, W0, H0 = planted(30, 20, 3, dtype=np.float32)
    rows = penalties.Prior(np.ones((30, 3)), 2.0) + penalties.L1(0.5)
    fixed = np.full((3, 20), np.nan)
    result = nmfcore.hals(X, 3, init=(W0, H0), max_iter=2, penalty_W=rows, fixed_H=fixed)
    assert result.options["init"] == "given" and result.options["fixed_H"] and not result.options["fixed_W"]
    assert result.options["penalty_W"].startswith("Prior(..., ") and result.options["penalty_W"].endswith(" + L1(0.5)")
    assert result.options["solver"] == "hals" and result.options["dtype"] == "float32"
    masked = np.ma.array(X, mask=np.arange(600).reshape(X.shape) % 7 == 0)
    result = nmfcore.mu(masked, 3, loss=nmfcore.Huber(1.0), max_iter=2, random_state=np.random.default_rng(0))
    assert result.options["loss"] == "Huber(delta=1.0)" and result.options["mask"]
    assert result.options["random_state"] == "given"
    assert nmfcore.mu(X, 3, loss=1.5, max_iter=1).options["loss"] == 1.5
    json.dumps(result.options, allow_nan=False)


# --- Copies and files


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))])
def test_copies(make, dtype):
    result = fitted(dtype)
    assert_same(result, make(result))


def test_saved_to_the_bit(tmp_path, dtype):
    X, _, _ = planted(30, 20, 3, dtype=dtype)
    X[4], X[:, 7] = np.nan, np.nan
    with pytest.warns(UserWarning, match="no observed entry"):
        result = nmfcore.hals(X, 3, missing="nan", max_iter=5, random_state=0)
    result = replace(result, names=(tuple(f"Größe {i}\0\n" for i in range(30)), ("\ud800", *map(str, range(19)))))
    path = tmp_path / "result"  # no suffix is added
    result.save(path)
    assert_same(result, Result.load(path))
    assert_same(result, Result.load(str(path)))
    assert list(result.unobserved[0]) == [4] and os.listdir(tmp_path) == ["result"]
    with np.load(path, allow_pickle=False) as read:
        assert np.array_equal(read["W"], result.W) and str(read["format"]) == "nmfcore result"


@settings(max_examples=50, deadline=None)
@given(
    st.floats(0, width=32),
    st.text(),
    st.integers(1, 3),
    st.sampled_from([np.float32, np.float64]),
    st.sampled_from(["tol", "stalled", "max_iter", "max_time", "callback"]),
)
def test_any_values_are_kept(tmp_path_factory, value, text, k, dtype, reason):
    history = nmfcore.History(np.array([value]), np.array([0.0]))
    none = np.empty(0, np.intp)
    entry = min(value, np.finfo(np.float32).max)
    factors = np.full((2, k), entry, dtype), np.full((k, 1), entry, dtype)
    names, converged = ((text, text + "x"), (text,)), reason in ("tol", "stalled")
    result = Result(*factors, value, value, 0, converged, reason, value, history, (none, none), {text: text}, names)
    path = tmp_path_factory.mktemp("any") / "r.npz"
    result.save(path)
    assert_same(result, Result.load(path))


def test_empty_scale_and_the_same_bytes_twice(tmp_path):
    result = nmfcore.hals(np.zeros((4, 3)), 2)
    for name in "ab":
        result.save(tmp_path / name)
    assert_same(result, Result.load(tmp_path / "a"))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# --- Files of other hands


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("saved") / "result.npz"
    fitted().save(path)
    return path


def test_truncated_anywhere(saved, tmp_path):
    content, path = saved.read_bytes(), tmp_path / "cut.npz"
    for length in [*range(0, 300, 7), *range(300, len(content), 211), *range(len(content) - 60, len(content))]:
        path.write_bytes(content[:length])
        refused(path, "is truncated or damaged" if length >= 4 else "is no result of nmfcore")
    path.write_bytes(content[200:])
    refused(path, "is no result of nmfcore")


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_flipped_bits(saved, tmp_path_factory, data):
    """What reads nevertheless is what was saved."""
    content = bytearray(saved.read_bytes())
    directory = content.index(b"PK\x01\x02")
    at = data.draw(st.one_of(st.integers(0, len(content) - 1), st.integers(directory, len(content) - 1)))
    content[at] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.mktemp("flipped") / "flipped.npz"
    path.write_bytes(content)
    try:
        read = Result.load(path)
    except ValueError as error:
        assert str(error).startswith(f"{path} ") and "wanted a file that Result.save has written" in str(error)
    else:
        assert_same(Result.load(saved), read)


def changed(saved, path, compression=zipfile.ZIP_STORED, **members):
    """A copy of a file with other members, None for none; all sums are right."""
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w", compression) as new:
        for name in old.namelist():
            member = members.get(name.removesuffix(".npy"), old.read(name))
            if isinstance(member, np.ndarray):
                stream = io.BytesIO()
                np.save(stream, member, allow_pickle=True)
                member = stream.getvalue()
            if member is not None:
                new.writestr(name, member)
    return path


def test_newer_and_other_versions(saved, tmp_path):
    path = changed(saved, tmp_path / "new.npz", format_version=np.array(2), W=None)
    assert "version 2" in refused(path, "version 2", nmfcore.__version__)
    refused(changed(saved, tmp_path / "new.npz", format_version=np.array("newest")), "damaged")
    refused(changed(saved, tmp_path / "new.npz", format=np.array("other result")), "is no result of nmfcore")


def test_other_files(tmp_path):
    np.savez(tmp_path / "other.npz", X=np.ones((3, 3)))
    sp.save_npz(tmp_path / "sparse.npz", sp.csr_array(np.eye(3)))
    np.save(tmp_path / "array.npy", np.ones(3))
    (tmp_path / "text.npz").write_text("W, H\n1, 2\n")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("format", "nmfcore result")
    for path in list(tmp_path.iterdir()):
        refused(path, "is no result of nmfcore")
    with pytest.raises(FileNotFoundError):
        Result.load(tmp_path / "none.npz")
    with pytest.raises(IsADirectoryError):
        Result.load(tmp_path)


class Trap:
    """Whose pickle would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("name", ["format", "format_version", "W", "options", "names"])
def test_nothing_is_unpickled(saved, tmp_path, name):
    trap = np.array(Trap(str(tmp_path / "sprung")), dtype=object)
    path = changed(saved, tmp_path / "trap.npz", **{name: trap})
    refused(path)
    refused(changed(saved, path, **{name: pickle.dumps(Trap(str(tmp_path / "sprung")))}))
    assert not (tmp_path / "sprung").exists()


def test_members_that_do_not_fit(saved, tmp_path):
    path = tmp_path / "wrong.npz"
    head = b"\x93NUMPY\x01\x00"
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 3), }".ljust(117) + b"\n"
    wrong = [
        {"H": None},
        {"W": np.ones((30, 4))},
        {"W": np.ones(30)},
        {"W": np.ones((30, 3), np.float32)},
        {"W": np.ones((30, 3), int), "H": np.ones((3, 20), int)},
        {"W": b"no array"},
        {"W": head + len(header).to_bytes(2, "little") + header},
        {"history_seconds": np.zeros(1)},
        {"n_iter": np.arange(3)},
        {"options": np.array("{")},
        {"options": np.array("[]")},
        {"names": np.array('[["a"], null]')},
        {"names": np.array("[null]")},
        {"names": np.array("3")},
    ]
    result = Result.load(saved)
    for number in ("objective", "relative_error", "kkt_residual"):
        wrong += [{number: np.array(value)} for value in ("low", np.nan, 3, True, [1.0])]
    wrong += [{number: np.array(-1.0)} for number in ("relative_error", "kkt_residual")]
    for factor in ("W", "H"):
        for value in (-1.0, np.nan, np.inf):
            entries = getattr(result, factor).copy()
            entries[-1, -1] = value
            wrong.append({factor: entries})
    wrong += [
        {"objective": np.array(result.objective + 1)},  # the history ends at another one
        {"history_objective": np.full(6, "1")},
        {"history_seconds": result.history.seconds[::-1].copy()},
        {"n_iter": np.array(-1)},
        {"n_iter": np.array(5.0)},
        {"converged": np.array("maybe")},
        {"converged": np.array(1)},
        {"converged": np.array(not result.converged)},
        {"reason": np.array("luck")},
        {"unobserved_rows": np.array([30])},
        {"unobserved_columns": np.array([-1])},
        {"unobserved_columns": np.array([0.5])},
        {"options": np.array(3)},
        {"names": np.array("[[" + "1, " * 29 + "1], null]")},
    ]
    for members in wrong:
        refused(changed(saved, path, **members), "truncated or damaged")
    refused(changed(saved, path, zipfile.ZIP_DEFLATED), "is no result of nmfcore")
    refused(changed(saved, path, W=np.ones((30, 3), [("a", "f8")])), "is no result of nmfcore")


def test_overlapping_members_take_no_memory(saved, tmp_path):
    """A small file whose directory names one large member many times."""
    path = tmp_path / "overlapping.npz"
    with zipfile.ZipFile(saved) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("large.npy", bytes(1 << 20))
        large = new.getinfo("large.npy")
        for i in range(50):
            twin = copy.copy(large)
            twin.filename = twin.orig_filename = f"more_{i}.npy"
            new.filelist.append(twin)
            new.NameToInfo[twin.filename] = twin
    tracemalloc.start()
    refused(path, "is no result of nmfcore")
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_file_is_read_once_into_memory(tmp_path):
    result = fitted()
    W = np.ones((200_000, 3))
    replace(result, W=W).save(tmp_path / "large.npz")
    tracemalloc.start()
    Result.load(tmp_path / "large.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.6 * W.nbytes


def test_other_byte_and_memory_order(saved, tmp_path):
    result = Result.load(saved)
    path = changed(saved, tmp_path / "r.npz", W=result.W.astype(">f8"), H=np.ascontiguousarray(result.H))
    assert_same(result, Result.load(path))


# --- Writing


def test_a_file_is_there_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "result.npz"
    path.write_text("before")
    with pytest.raises(KeyboardInterrupt), files.atomic_write(path) as temporary:
        temporary.write_text("half")
        assert temporary.parent == tmp_path and temporary.suffix == ".npz"
        raise KeyboardInterrupt
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["result.npz"]
    with files.atomic_write(path) as temporary:
        temporary.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after" and os.listdir(tmp_path) == ["result.npz"]


def test_content_is_on_the_disk_before_the_name(tmp_path, monkeypatch):
    """A power cut leaves the old file or the new one."""
    steps, fsync, rename = [], os.fsync, Path.replace

    def record_fsync(descriptor):
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def record_rename(path, target):
        steps.append("rename")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_rename)
    fitted().save(tmp_path / "result.npz")
    assert steps[:2] == ["file", "rename"] and (os.name != "posix" or steps == ["file", "rename", "folder"])


@pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody can ask whether a process exists")
def test_temporary_files_of_a_killed_process_are_removed(tmp_path):
    code = """
    import os, signal, sys
    from nmfcore._runtime import files
    with files.atomic_write(sys.argv[1]) as temporary:
        temporary.write_text("half")
        os.kill(os.getpid(), signal.SIGKILL)
    """
    command = [sys.executable, "-P", "-c", textwrap.dedent(code), str(tmp_path / "killed.npz")]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    (abandoned,) = os.listdir(tmp_path)
    assert abandoned.startswith(".nmfcore-")
    mine = tmp_path / ".nmfcore-notes.txt"
    mine.touch()
    with files.atomic_write(tmp_path / "other.npz") as temporary:
        temporary.touch()
        fitted().save(tmp_path / "result.npz")  # leaves what a living process writes
        assert temporary.exists()
    assert sorted(os.listdir(tmp_path)) == [mine.name, "other.npz", "result.npz"]


def test_permissions_are_those_of_a_new_file(tmp_path):
    fitted().save(tmp_path / "result.npz")
    (tmp_path / "usual").touch()
    assert stat.S_IMODE((tmp_path / "result.npz").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_where_nothing_can_be_written(tmp_path):
    with pytest.raises(FileNotFoundError) as found:
        fitted().save(tmp_path / "nowhere" / "result.npz")
    assert found.value.filename == str(tmp_path / "nowhere" / "result.npz")
    with pytest.raises(IsADirectoryError):
        fitted().save(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links and devices are those of Unix")
def test_links_and_devices_stay(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    fitted().save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert_same(Result.load(tmp_path / "link"), Result.load(tmp_path / "file"))
    fitted().save("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


# --- Order and scale


def made(W, H, **said):
    history, none = nmfcore.History(np.array([1.0]), np.array([0.0])), np.empty(0, np.intp)
    Ht = np.ascontiguousarray(np.asarray(H).T)
    return Result(np.asarray(W), Ht.T, 1.0, 0.1, 0, False, "tol", 0.0, history, (none, none), **said)


def test_order_by_what_components_contribute():
    W = np.array([[1.0, 0, 3], [1, 0, 3]])
    H = np.array([[5.0, 5], [9, 9], [0, 4]])
    names = (("a", "b"), None)
    result = made(W, H, names=names, options={"k": 3})
    ordered = result.order()  # shares 20, 0 and 24, norms 10, 0 and 17
    assert ordered.W.tolist() == [[3, 1, 0], [3, 1, 0]] and ordered.H.tolist() == [[0, 4], [5, 5], [9, 9]]
    assert ordered.names == names and ordered.options == {"k": 3} and ordered.history is result.history
    concentrated = made(np.array([[1.0, 3], [1, 0]]), np.array([[2.0, 2], [2, 0]]))  # shares 8 and 6, norms 4 and 6
    assert concentrated.order().W.tolist() == concentrated.W.tolist()
    assert concentrated.order(by="norm").W.tolist() == [[3, 1], [0, 1]]
    assert ordered.W.flags.c_contiguous and ordered.H.T.flags.c_contiguous


def test_order_at_the_ends_of_the_scale():
    W, H = np.array([[1e-300, 1e300, 0, 1, 5e-324]]), np.array([[1e-300], [1e300], [1e300], [1], [5e-324]])
    for by in ("share", "norm"):
        assert made(W, H).order(by).W.tolist() == [[1e300, 1, 1e-300, 5e-324, 0]]
    W, H = np.full((3, 4), 1e308), np.array([[1.0], [4], [2], [4]])  # sums beyond float64; equal ones keep their order
    assert made(W, H).order().H.ravel().tolist() == [4, 4, 2, 1]


NORMS = {"l1": lambda F: F.sum(axis=0), "l2": lambda F: np.sqrt((F**2).sum(axis=0)), "max": lambda F: F.max(axis=0)}


@pytest.mark.parametrize("by", ["W", "H"])
@pytest.mark.parametrize("norm", NORMS)
def test_normalize(norm, by, dtype, rtol):
    result = fitted(dtype)
    scaled = result.normalize(norm, by=by)
    factor = (scaled.W if by == "W" else scaled.H.T).astype(np.float64)
    np.testing.assert_allclose(NORMS[norm](factor), 1, rtol=20 * np.finfo(dtype).eps)
    np.testing.assert_allclose(scaled.W @ scaled.H, result.W @ result.H, rtol=rtol)
    assert scaled.W.dtype == scaled.H.dtype == dtype and scaled.objective == result.objective
    assert scaled.W.flags.c_contiguous and scaled.H.T.flags.c_contiguous and scaled.options == result.options
    again = scaled.normalize(norm, by=by)
    np.testing.assert_allclose(again.W, scaled.W, rtol=20 * np.finfo(dtype).eps)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_normalize_at_any_scale(data):
    """Every column of a factor at a scale of its own: what can be held is the same to round-off in each component."""
    m, n, k = (data.draw(st.integers(1, 4)) for _ in range(3))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    exponents = [np.array(data.draw(st.lists(st.integers(-300, 300), min_size=k, max_size=k))) for _ in "WH"]
    # a component is to be held where the other factor takes its scale
    exponents[1] = np.clip(exponents[1], -300 - np.minimum(exponents[0], 0), 300 - np.maximum(exponents[0], 0))
    W, H = rng.random((m, k)) * 10.0 ** exponents[0], (rng.random((n, k)) * 10.0 ** exponents[1]).T
    W[:, rng.random(k) < 0.2] = 0
    result, norm = made(W, H), data.draw(st.sampled_from(list(NORMS)))
    scaled = result.normalize(norm, by="W")
    for t in range(k):
        if not W[:, t].any():
            assert not scaled.W[:, t].any() and np.array_equal(scaled.H[t], H[t])
            continue
        assert NORMS[norm](scaled.W[:, [t]])[0] == pytest.approx(1, rel=1e-14)
        before, after = np.multiply.outer(W[:, t], H[t]), np.multiply.outer(scaled.W[:, t], scaled.H[t])
        np.testing.assert_allclose(after, before, rtol=1e-14, atol=1e-305)


def test_normalize_what_cannot_be_held():
    result = made(np.full((2, 1), 1e30, np.float32), np.full((1, 3), 1e30, np.float32))
    with pytest.raises(ValueError, match="takes H beyond the range of float32; wanted another norm"):
        result.normalize("max", by="W")
    # beyond a factor on the way, but not at the end
    result = made(np.full((2, 1), 1e308), np.array([[1.5e-308, 5e-324]]))
    scaled = result.normalize("l1", by="W")
    np.testing.assert_allclose(scaled.W @ scaled.H, result.W @ result.H, rtol=1e-15)


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda r: r.order("size"), ValueError, "by is 'size'; wanted one of 'share', 'norm'"),
        (lambda r: r.order(None), TypeError, "by is None"),
        (lambda r: r.normalize("L2"), ValueError, "norm is 'L2'; wanted one of 'l1', 'l2', 'max'"),
        (lambda r: r.normalize("l2", by="X"), ValueError, "by is 'X'; wanted one of 'W', 'H'"),
        (lambda r: r.to_frame("numpy"), ValueError, "library is 'numpy'; wanted one of 'pandas', 'polars'"),
    ],
)
def test_what_a_result_is_not_asked_for(ask, error, words):
    with pytest.raises(error, match=words):
        ask(made(np.ones((2, 1)), np.ones((1, 2))))
