"""The ledger: whole at any moment, shared by processes, read without trust, and of one kind of fits only."""

import json
import os
import sqlite3
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest

import nmfcore
from nmfcore import Failure
from nmfcore._ensemble import Ledger
from nmfcore._ensemble import ledger as ledger_module
from nmfcore._fit.checkpoint import fingerprint
from nmfcore._runtime.workspace import Workspace
from nmfcore.data import Dense

X = np.random.default_rng(0).random((30, 20))
IDENTITY = {"fingerprint": {"shape": [30, 20], "total": 3.5}, "options": {"loss": "frobenius", "tol": 1e-4}}


def fit(k=3, seed=0):
    return nmfcore.hals(X, k, init="random", random_state=seed, max_iter=20)


def same(a, b):
    arrays = [
        (a.W, b.W),
        (a.H, b.H),
        (a.history.objective, b.history.objective),
        (a.history.seconds, b.history.seconds),
    ]
    plain = ("objective", "relative_error", "n_iter", "converged", "reason", "kkt_residual", "options", "names")
    return all(np.array_equal(f, g) for f, g in arrays) and all(getattr(a, n) == getattr(b, n) for n in plain)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "fits.ledger"


@pytest.fixture
def ledger(path):
    made = Ledger.open(path, IDENTITY)
    made.add(3, 0, fit())
    made.add(3, 1, fit(seed=1))
    made.add(2, 0, fit(2))
    return made


@pytest.mark.parametrize("piece", [ledger_module.PIECE_BYTES, 1000])
def test_what_was_added_is_there_to_the_bit(path, monkeypatch, piece):
    monkeypatch.setattr(ledger_module, "PIECE_BYTES", piece)
    fits = {(3, 1): fit(seed=1), (3, 0): fit(), (2, 5): fit(2)}
    for place, result in fits.items():
        Ledger.open(str(path), IDENTITY).add(*place, result)
    found = Ledger.open(path, IDENTITY).finished()
    assert list(found) == [(2, 5), (3, 0), (3, 1)]
    assert all(same(found[place], fits[place]) for place in fits)
    assert Ledger.read(path).identity == IDENTITY


def test_only_what_is_asked_for_is_unpacked(ledger, path):
    connection = sqlite3.connect(path)
    connection.executescript("DELETE FROM pieces WHERE k = 3 AND start = 1")
    connection.close()
    assert list(ledger.finished({(3, 0), (2, 0), (9, 9)})) == [(2, 0), (3, 0)] and ledger.finished(set()) == {}
    with pytest.raises(ValueError, match="start=1"):
        ledger.finished()


def test_many_fits_take_those_they_ask_for(path):
    """One that nobody asks for costs no reading, and its damage does no harm."""
    nmfcore.fit_many(X, [2, 3], 2, random_state=0, max_iter=5, ledger=path)
    connection = sqlite3.connect(path)
    connection.executescript("DELETE FROM pieces WHERE k = 3")
    connection.close()
    again = nmfcore.fit_many(X, 2, 2, random_state=0, max_iter=5, ledger=path)
    assert again.ranks == (2,) and same(again.of(2)[1], Ledger.read(path).finished({(2, 1)})[2, 1])
    with pytest.raises(ValueError, match="k=3, start=0"):
        nmfcore.fit_many(X, 3, 1, random_state=0, max_iter=5, ledger=path)


def test_a_fit_is_the_bytes_that_save_writes(ledger, path, tmp_path):
    fit().save(tmp_path / "one.npz")
    kept = sqlite3.connect(path).execute("SELECT content FROM pieces WHERE k = 3 AND start = 0").fetchone()[0]
    (tmp_path / "two.npz").write_bytes(kept)
    one, two = (nmfcore.Result.load(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert same(replace(one, history=two.history), two)
    assert len(kept) == (tmp_path / "one.npz").stat().st_size


def test_numbers_of_numpy(path):
    ledger = Ledger.open(path, IDENTITY)
    ledger.add(np.int64(3), np.int32(4), fit())
    ledger.fail(np.int64(3), np.int32(5), "no")
    assert list(ledger.finished()) == [(3, 4)] and ledger.failures() == (Failure(3, 5, "no"),)


def test_failures_last_until_the_fit_is_finished(ledger):
    ledger.fail(4, 1, "first")
    ledger.fail(4, 1, "second")
    ledger.fail(4, 0, "other")
    ledger.fail(3, 0, "it is finished")
    assert ledger.failures() == (Failure(4, 0, "other"), Failure(4, 1, "second"))
    ledger.add(4, 1, fit(4))
    assert ledger.failures() == (Failure(4, 0, "other"),)


def test_the_same_fit_twice_is_one_and_another_one_is_refused(ledger):
    before = ledger.finished()[3, 0]
    ledger.add(3, 0, replace(fit(), n_iter=before.n_iter))
    assert same(ledger.finished()[3, 0], before)
    with pytest.raises(ValueError, match="the fit of rank 3, start 0, is there twice, with objectives"):
        ledger.add(3, 0, fit(seed=7))
    assert len(ledger.finished()) == 3


@pytest.mark.parametrize("place", [(0, 0), (3, -1), (4, 0), ("3", 0), (3, 1.0)])
def test_bad_places(ledger, place):
    with pytest.raises((TypeError, ValueError), match=r"k is|start is"):
        ledger.add(*place, fit())


def test_all_or_none(ledger):
    with pytest.raises(TypeError, match="result is of type str"):
        ledger.add_all([(3, 8, fit()), (3, 9, "no result")])
    assert (3, 8) not in ledger.finished()


OTHERS = {
    "a value": ({"options": {"tol": 1e-5}}, r"options\.tol is 0\.0001 there and 1e-05 now"),
    "data": ({"fingerprint": {"total": 3.51}}, r"fingerprint\.total is 3\.5 there and 3\.51 now"),
    "a shape": ({"fingerprint": {"shape": [30, 21]}}, r"fingerprint\.shape is \[30, 20\] there and \[30, 21\] now"),
    "one more": ({"options": {"init": "random"}}, r"only this fit has options\.init \('random'\)"),
    "a kind": ({"options": 3}, r"options is \{.*\} there and 3 now"),
}


@pytest.mark.parametrize(("change", "message"), OTHERS.values(), ids=OTHERS)
def test_another_identity(ledger, path, change, message):
    changed = IDENTITY | {
        name: IDENTITY[name] | entries if isinstance(entries, dict) else entries for name, entries in change.items()
    }
    with pytest.raises(ValueError, match=r"fits\.ledger is a ledger of other fits: " + message):
        Ledger.open(path, changed)
    with pytest.raises(ValueError, match="only it has"):
        Ledger.open(path, {name: value for name, value in IDENTITY.items() if name != "options"})
    assert Ledger.open(path, IDENTITY).finished().keys() == ledger.finished().keys()


def test_differences_are_listed_in_the_order_of_entries(path):
    """Whatever the hashes of their names are in this process."""
    names = [f"option_{i}" for i in range(8)]
    Ledger.open(path, {"options": dict.fromkeys(names, "a")})
    with pytest.raises(ValueError, match=r"_0 is 'a'.*_1 is 'a'.*_2 is 'a' there and 'b' now and 5 more; wanted"):
        Ledger.open(path, {"options": dict.fromkeys(names, "b")})


def test_another_version_goes_on(tmp_path):
    for i, change in enumerate(({"version": "0.0.1"}, {})):
        path = tmp_path / str(i)
        Ledger.open(path, IDENTITY | {"options": IDENTITY["options"] | change})
        Ledger.open(path, IDENTITY | {"options": IDENTITY["options"] | {"version": "9.0"}}).add(3, 0, fit())
    assert len(nmfcore.Ensemble.load([tmp_path / "0", tmp_path / "1"])) == 1


def test_sums_in_another_order_are_the_same_data(path):
    """Of one X in other memory orders; not of X with two of its rows exchanged."""
    found = [
        fingerprint(Dense.of(Y, Workspace(Y.dtype, 1))) for Y in (X, np.asfortranarray(X), X[[1, 0, *range(2, 30)]])
    ]
    Ledger.open(path, {"fingerprint": found[0]})
    Ledger.open(path, {"fingerprint": found[1]})
    with pytest.raises(ValueError, match=r"fingerprint\.places is"):
        Ledger.open(path, {"fingerprint": found[2]})


@pytest.mark.parametrize(("far", "refused"), [(0.9e-3, False), (1.1e-3, True), (np.nan, True)])
def test_a_sum_that_nearly_vanishes_is_as_exact_as_its_terms(path, far, refused):
    before = {"squared_norm": 4.0, "places": 1e-9}
    Ledger.open(path, before)
    if refused:
        with pytest.raises(ValueError, match="places is"):
            Ledger.open(path, before | {"places": 2 * far})
    else:
        Ledger.open(path, before | {"places": 2 * far})


def test_killed_while_it_is_made(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(ledger_module.TABLES, "more", "CREATE TABLE more (a, a)")
        with pytest.raises(ValueError, match=r"fits\.ledger"):
            Ledger.open(path, IDENTITY)
    assert Ledger.open(path, IDENTITY).finished() == {}


PROGRAM = """
    import sys, numpy as np, nmfcore
    from nmfcore._ensemble import Ledger
    from test_ledger import IDENTITY, fit
    result = fit()
    print(flush=True)
    sys.stdin.readline()
    ledger = Ledger.open(sys.argv[1], IDENTITY)
    for start in range(int(sys.argv[2]), int(sys.argv[3])):
        ledger.add(3, start, result)
"""


def running(path, first, last):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path), str(first), str(last)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=os.path.dirname(os.path.abspath(__file__)),
    )
    process.stdout.readline()
    return process


def test_several_processes_at_once(path):
    processes = [running(path, 20 * i, 20 * i + 21) for i in range(3)]  # which make it together, and share some starts
    for process in processes:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [(process.communicate(), process.returncode)[1] for process in processes] == [0, 0, 0]
    assert list(Ledger.open(path, IDENTITY).finished()) == [(3, start) for start in range(61)]


@pytest.mark.parametrize("reader", [Ledger.read, lambda path: Ledger.open(path, IDENTITY)])
def test_killed_between(path, reader):
    """A journal of a half written transaction is left behind; what was finished before is there."""
    Ledger.open(path, IDENTITY).add(3, 0, fit())
    child = f"""
        import os, sqlite3
        c = sqlite3.connect({str(path)!r}, isolation_level=None)
        c.execute("PRAGMA cache_size = 1")
        c.execute("BEGIN IMMEDIATE")
        c.execute("DELETE FROM fits")
        c.execute("INSERT INTO pieces VALUES (9, 9, 9, zeroblob(1000000))")
        os._exit(0)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(child)], check=True)
    assert path.with_name(path.name + "-journal").stat().st_size > 0
    assert list(reader(path).finished()) == [(3, 0)]


def test_no_file_and_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such folder for a ledger: '.*none'"):
        Ledger.open(tmp_path / "none" / "ledger", IDENTITY)
    with pytest.raises(FileNotFoundError, match="none"):
        Ledger.read(tmp_path / "none")
    with pytest.raises(OSError, match=str(tmp_path.name)):
        Ledger.open(tmp_path, IDENTITY)
    assert not list(tmp_path.iterdir())


def test_a_ledger_that_vanished_is_not_made_again(ledger, path):
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"fits\.ledger"):
        ledger.add(3, 7, fit())
    assert not path.exists()


@pytest.mark.parametrize("access", ["file", "folder"])
def test_where_nothing_can_be_written(ledger, path, access):
    protected = path if access == "file" else path.parent
    mode = protected.stat().st_mode
    protected.chmod(mode & 0o555)
    try:
        if os.access(protected, os.W_OK):
            pytest.skip("this user writes wherever there is room")
        assert len(Ledger.read(path).finished()) == 3
        with pytest.raises(OSError, match=r"fits\.ledger"):
            Ledger.open(path, IDENTITY)
        with pytest.raises(OSError, match=r"fits\.ledger"):
            ledger.add(3, 7, fit())
    finally:
        protected.chmod(mode)


def test_another_process_that_never_ends(ledger, path, monkeypatch):
    monkeypatch.setattr(ledger_module, "LOCK_SECONDS", 0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(OSError, match=r"fits\.ledger cannot be used as a ledger now: database is locked"):
        ledger.add(3, 7, fit())
    other.close()
    ledger.add(3, 7, fit())


def foreign(path):
    sqlite3.connect(path).execute("CREATE TABLE t (a)").connection.close()


FILES = {
    "text": lambda path: path.write_text("no ledger " * 1000),
    "a result": lambda path: fit().save(path),
    "a database": foreign,
}


@pytest.mark.parametrize("write", FILES.values(), ids=FILES)
def test_other_files_are_refused_and_left_alone(path, write):
    write(path)
    before = path.read_bytes()
    for use in (lambda: Ledger.open(path, IDENTITY), lambda: Ledger.read(path)):
        with pytest.raises(ValueError, match=r"fits\.ledger is no ledger of nmfcore; wanted a file that a Ledger has"):
            use()
    assert path.read_bytes() == before


def test_an_empty_file_becomes_a_ledger(path):
    path.touch()
    Ledger.open(path, IDENTITY).add(3, 0, fit())
    assert len(Ledger.read(path).finished()) == 1


HARM = {
    "newer": "PRAGMA user_version = 2",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON fits BEGIN DELETE FROM fits; END",
    "view": "CREATE VIEW v AS SELECT 1",
    "identity": "UPDATE identity SET content = '[1'",
    "two identities": "INSERT INTO identity VALUES ('{}')",
    "no identity": "DELETE FROM identity",
    "a list": "UPDATE identity SET content = '[1]'",
    "content": "UPDATE pieces SET content = zeroblob(20000)",
    "text": "UPDATE pieces SET content = 'text'",
    "part": "UPDATE pieces SET content = substr(content, 1, length(content) - 99)",
    "lost": "DELETE FROM pieces",
    "another rank": "UPDATE fits SET k = 2 WHERE start = 1; UPDATE pieces SET k = 2 WHERE start = 1",
    "start": "UPDATE fits SET start = 'x' WHERE start = 1; UPDATE pieces SET start = 'x' WHERE start = 1",
}


@pytest.mark.parametrize("harm", HARM.values(), ids=HARM)
def test_changed_by_another_hand(ledger, path, harm):
    connection = sqlite3.connect(path)
    connection.executescript(harm)
    connection.close()
    with pytest.raises(ValueError, match=r"fits\.ledger.*; wanted a file that"):
        Ledger.read(path).finished()


def test_damage_anywhere_is_one_error(ledger, path):
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    intact = 0
    for _ in range(150):
        harmed = bytearray(content)
        begin = int(rng.integers(0, len(content)))
        harmed[begin : begin + 300] = rng.bytes(min(300, len(content) - begin))
        path.write_bytes(harmed[: rng.integers(1, len(content) + 1)] if rng.random() < 0.3 else harmed)
        try:
            found = Ledger.read(path)
            found.finished()
            found.failures()
            intact += 1
        except ValueError as error:
            assert "fits.ledger" in str(error)
    assert intact < 75


def test_the_default_of_compress_is_not_in_a_ledger(tmp_path):
    nmfcore.fit_many(X, [2], 1, random_state=0, ledger=tmp_path / "fits")
    with sqlite3.connect(tmp_path / "fits") as connection:
        (content,) = connection.execute("SELECT content FROM identity").fetchone()
    connection.close()
    assert "compress" not in json.loads(content)["options"]  # earlier versions had no such option
    nmfcore.fit_many(X, [2], 2, random_state=0, ledger=tmp_path / "fits", compress="auto")
    with pytest.raises(nmfcore.InputError, match=r"only this fit has options.compress \(False\)"):
        nmfcore.fit_many(X, [2], 2, random_state=0, ledger=tmp_path / "fits", compress=False)
