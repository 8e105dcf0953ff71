"""RankChoice as a record: comparison, and its files, which are whole and read without trust."""

import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest

import nmfcore
from nmfcore import RankChoice
from nmfcore._rank import choice as choice_module
from nmfcore._runtime import files

CHOICE = RankChoice(
    3,
    "elbow",
    (2, 3, 5),
    np.array([0.5, 0.2, np.inf]),
    np.array([0.1, 0.0, np.nan]),
    "the error of k = 3 is 0.2 ‖X - W H‖ / ‖X‖",
    {"floor": np.array([0.4, 0.1, -0.0])},
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "choice.npz"


def assert_same(one, other):
    for name in ("k", "method", "ranks", "why"):
        assert getattr(one, name) == getattr(other, name) and type(getattr(one, name)) is type(getattr(other, name))
    assert all(type(k) is int for k in other.ranks)
    columns, others = one.table(), other.table()
    assert list(columns) == list(others)
    for name, column in columns.items():
        assert column.dtype == others[name].dtype and column.tobytes() == others[name].tobytes()


def refused(path, words):
    with pytest.raises(nmfcore.InputError, match=rf"{path.name} {words}.*; wanted a file that RankChoice.save has"):
        RankChoice.load(path)


def test_choices_can_be_compared():
    assert CHOICE == CHOICE and replace(CHOICE) != CHOICE and len({CHOICE, replace(CHOICE)}) == 2


def test_saved_and_loaded_to_the_bit(path):
    for choice in (CHOICE, replace(CHOICE, more={})):  # the second one in the place of the first
        choice.save(path)
        assert_same(choice, RankChoice.load(str(path)))
    assert [found.name for found in path.parent.iterdir()] == ["choice.npz"]


@pytest.mark.parametrize("method", ["speckled", "elbow", "cophenetic"])
def test_what_select_rank_returns(path, method):
    X = np.random.default_rng(0).random((20, 15))
    choice = nmfcore.select_rank(X, [1, 2, 3], method, random_state=0, max_iter=5)
    choice.save(path)
    assert_same(choice, RankChoice.load(path))
    assert str(choice) == str(RankChoice.load(path))


def test_nothing_is_pickled(path):
    CHOICE.save(path)
    with np.load(path, allow_pickle=False) as archive:
        assert str(archive["format"]) == "nmfcore rank choice" and archive["ranks"].tolist() == [2, 3, 5]
        assert archive["why"] == CHOICE.why


def test_truncated_anywhere(path):
    CHOICE.save(path)
    content = path.read_bytes()
    for length in range(0, len(content), 3):
        path.write_bytes(content[:length])
        refused(path, "is truncated or damaged" if length >= 4 else "is no rank choice of nmfcore")


def test_flipped_bits(path):
    """What reads nevertheless is what was saved."""
    CHOICE.save(path)
    content, rng, read = path.read_bytes(), np.random.default_rng(0), 0
    for _ in range(300):
        changed = bytearray(content)
        changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        try:
            found = RankChoice.load(path)
        except nmfcore.InputError as error:
            assert "choice.npz" in str(error)
        else:
            assert_same(CHOICE, found)
            read += 1
    assert read < 150


BAD_MEMBERS = {
    "a missing member": {"score": None},
    "an unknown member": {"other": np.zeros(3)},
    "k that is no candidate": {"k": np.array(4)},
    "k that is no integer": {"k": np.array(3.0)},
    "several k": {"k": np.array([3])},
    "no ranks": {"ranks": np.empty(0, int)},
    "ranks that are no integers": {"ranks": np.array([2.0, 3.0, 5.0])},
    "ranks that fall": {"ranks": np.array([3, 2, 5])},
    "a rank twice": {"ranks": np.array([2, 3, 3])},
    "a rank of 0": {"ranks": np.array([0, 3, 5])},
    "a rank beyond any": {"ranks": np.array([2, 3, 1 << 40])},
    "ranks in rows": {"ranks": np.array([[2, 3, 5]])},
    "too few scores": {"score": np.zeros(2)},
    "scores of another precision": {"score": np.zeros(3, np.float32)},
    "scores that are text": {"score": np.array(["a", "b", "c"])},
    "a negative spread": {"spread": np.array([-1.0, 0, 0])},
    "a reason that is no text": {"why": np.array(3)},
    "several methods": {"method": np.array(["elbow", "ard"])},
    "a further column of another length": {"more_floor": np.zeros(4)},
    "a further column with the name of another one": {"more_score": np.zeros(3)},
}


@pytest.mark.parametrize("members", BAD_MEMBERS.values(), ids=BAD_MEMBERS)
def test_members_that_do_not_fit(path, members):
    arrays = choice_module._to_arrays(CHOICE) | members
    arrays = {name: value for name, value in arrays.items() if value is not None}
    files.write(path, arrays, choice_module.KIND)
    refused(path, "is truncated or damaged")


def test_objects_are_not_read(path):
    CHOICE.save(path)
    with np.load(path) as archive:
        np.savez(path, **{**archive, "why": np.array([object()])})
    with pytest.raises(nmfcore.InputError, match=r"wanted a file that RankChoice\.save has written"):
        RankChoice.load(path)


def test_files_of_another_kind(path, tmp_path):
    fit = nmfcore.hals(np.random.default_rng(0).random((6, 5)), 2, max_iter=2)
    fit.save(tmp_path / "result.npz")
    nmfcore.Ensemble([fit], [0]).save(tmp_path / "ensemble")
    np.savez(tmp_path / "plain.npz", k=np.array(3))
    (tmp_path / "text").write_text("k = 3\n")
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.writestr("format", "nmfcore rank choice")
    for other in list(tmp_path.iterdir()):
        refused(other, "is no rank choice of nmfcore")
    CHOICE.save(path)
    with pytest.raises(nmfcore.InputError, match="is no result of nmfcore"):
        nmfcore.Result.load(path)


def test_a_newer_version_is_named(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(files, "VERSION", files.VERSION + 1)
        CHOICE.save(path)
    refused(path, "has format version")


def test_no_file_and_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        RankChoice.load(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        CHOICE.save(tmp_path / "none" / "choice.npz")
    assert os.listdir(tmp_path) == []
