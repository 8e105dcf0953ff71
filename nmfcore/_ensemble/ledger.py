"""A file of finished fits that grows while many fits run, and is whole at any moment."""

import contextlib
import io
import json
import os
import sqlite3
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._checks import InputError
from .._fit import Result, result_from_arrays, result_to_arrays
from .._runtime import files
from . import check_ensemble
from .records import Failure

APPLICATION = int.from_bytes(b"nmfc")  # which SQLite keeps in the head of the file
VERSION = 1
TABLES = {
    "identity": "CREATE TABLE identity (content TEXT NOT NULL)",
    "fits": "CREATE TABLE fits (k INTEGER, start INTEGER, objective REAL, relative_error REAL, PRIMARY KEY (k, start))",
    "pieces": "CREATE TABLE pieces (k INTEGER, start INTEGER, piece INTEGER, content BLOB, "
    "PRIMARY KEY (k, start, piece))",
    "failures": "CREATE TABLE failures (k INTEGER, start INTEGER, message TEXT, PRIMARY KEY (k, start))",
}
OF_ONE = frozenset({"k", "random_state", "version"})  # options in which fits of one sweep may differ
PLACE = "WHERE k = ? AND start = ?"
PIECE = 1 << 28  # bytes; SQLite holds no more than 1e9 in one place
PATIENCE = 60.0  # seconds to wait for another process
DAMAGE = {
    sqlite3.SQLITE_NOTADB: "is no ledger of nmfcore",
    sqlite3.SQLITE_CORRUPT: "is truncated or damaged",
    sqlite3.SQLITE_ERROR: "is truncated or damaged",  # as these statements themselves are right
}
WANTED = "wanted a file that a Ledger has written"


@dataclass(frozen=True)
class Ledger:
    """Finished fits of one X in one SQLite file, which several processes of one machine may add to at once.

    Each fit is a transaction, so that the file holds it as a whole or not at all, whenever the process is killed. A
    fit is kept as the bytes that `Result.save` writes, and read without trust. Nothing is held open between two calls.
    Where folders are shared by several machines, whose locks cannot be relied on, each takes a ledger of its own.

    Attributes
    ----------
    path : Path
    identity : dict
        What all fits have in common, as JSON values.
    """

    path: Path
    identity: dict[str, Any]

    @classmethod
    def open(cls, path: str | os.PathLike, identity: dict[str, Any]) -> "Ledger":
        """The ledger of that path, a new one where there is no file or an empty one.

        Parameters
        ----------
        path : str or os.PathLike
        identity : dict
            Of the fits that are to be added, such as the fingerprint of X and the options.

        Raises
        ------
        OSError
            The file cannot be written, or its folder does not exist.
        ValueError
            It is no ledger, a damaged one, or one of another identity; the message says what differs.
        """
        ledger = cls(Path(os.fsdecode(path)), json.loads(json.dumps(identity)))
        if not ledger.path.absolute().parent.is_dir():
            raise FileNotFoundError(2, "No such folder for a ledger", str(ledger.path.parent))
        with ledger._connection(create=True) as connection:
            connection.execute("BEGIN IMMEDIATE")
            if _is_new(connection):
                for statement in TABLES.values():
                    connection.execute(statement)
                connection.execute("INSERT INTO identity VALUES (?)", (json.dumps(ledger.identity),))
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
            before = _identity(connection)
            connection.execute(f"PRAGMA user_version = {VERSION}")  # also where it is: so a file can be written
        check_ensemble.same_identity(str(ledger.path), before, ledger.identity)
        return ledger

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Ledger":
        """The ledger of that path, with the identity that it has; nothing is written.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be read.
        ValueError
            It is no ledger, or a damaged one.
        """
        ledger = cls(Path(os.fsdecode(path)), {})
        with ledger._connection() as connection:
            ledger.identity.update(_identity(connection))
        return ledger

    def finished(self, asked: Container[tuple[int, int]] | None = None) -> dict[tuple[int, int], Result]:
        """The fits that are in it, by their rank and start; no others than those asked for are unpacked."""
        with self._connection() as connection:
            _identity(connection)
            places = connection.execute("SELECT k, start FROM fits ORDER BY k, start").fetchall()
            wanted = places if asked is None else [place for place in places if place in asked]
            return {place: self._result(connection, *place) for place in wanted}

    def failures(self) -> tuple[Failure, ...]:
        """The fits that failed, of those that are not finished."""
        with self._connection() as connection:
            _identity(connection)
            found = connection.execute("SELECT k, start, message FROM failures ORDER BY k, start").fetchall()
        if not all(isinstance(k, int) and isinstance(start, int) and isinstance(text, str) for k, start, text in found):
            raise InputError(f"{self.path} is truncated or damaged; {WANTED}")
        return tuple(map(Failure._make, found))

    def add(self, k: int, start: int, result: Result) -> None:
        """Write a finished fit; one that is there already, with the same objective, stays.

        Parameters
        ----------
        k, start : int
            Its rank, and which of the starts of that rank it is.
        result : Result

        Raises
        ------
        OSError
            The file cannot be written; it is as it was before.
        TypeError, ValueError
            No result of that rank; a fit of that rank and start that is there has another objective.
        """
        self.add_all([(k, start, result)])

    def add_all(self, finished: Iterable[tuple[int, int, Result]]) -> None:
        """Write many fits, each as `add` does, in one transaction: all of them or none."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            _identity(connection)
            for k, start, result in finished:
                _insert(connection, *check_ensemble.place(k, start, result), result)

    def fail(self, k: int, start: int, message: str) -> None:
        """Write that a fit failed; the last message about it stays, until it is finished.

        Parameters
        ----------
        k, start : int
        message : str

        Raises
        ------
        OSError
            The file cannot be written.
        """
        k, start = check_ensemble.place(k, start)
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            _identity(connection)
            if not connection.execute(f"SELECT 1 FROM fits {PLACE}", (k, start)).fetchone():
                connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", (k, start, message))

    def _result(self, connection: sqlite3.Connection, k: int, start: int) -> Result:
        name = f"{self.path} (the fit of k={k!r}, start={start!r})"
        pieces = connection.execute(f"SELECT content FROM pieces {PLACE} ORDER BY piece", (k, start)).fetchall()
        if not all(isinstance(value, bytes) for (value,) in pieces) or not isinstance(start, int):
            raise InputError(f"{name} is truncated or damaged; {WANTED}")
        result = files.unpack(io.BytesIO(b"".join(value for (value,) in pieces)), result_from_arrays, name)
        if result.W.shape[1] != k:
            raise InputError(f"{name} has {result.W.shape[1]} components; {WANTED}")
        return result

    @contextlib.contextmanager
    def _connection(self, create: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection of one transaction, which an exception takes back; what SQLite says becomes plain errors.

        One that only reads may have to write, too: to take back what a process that was killed has left half done.
        """
        if not create or self.path.is_dir():
            with open(self.path, "rb"):  # whose errors say more than SQLite's
                pass
        address = f"{self.path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        connection = None
        try:
            connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None)
            connection.execute("PRAGMA trusted_schema = OFF")
            yield connection
            if connection.in_transaction:
                connection.execute("COMMIT")
        except Strange as strange:
            raise InputError(f"{self.path} {strange}; {WANTED}") from None
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # without: text that is none
            if code in DAMAGE:
                raise InputError(f"{self.path} {DAMAGE[code]}; {WANTED}") from None
            raise OSError(f"{self.path} cannot be used as a ledger now: {error}") from None
        finally:
            if connection is not None:
                connection.close()  # which takes back what has not been committed


def _insert(connection: sqlite3.Connection, k: int, start: int, result: Result) -> None:
    figures = result.objective, result.relative_error
    found = connection.execute(f"SELECT objective, relative_error FROM fits {PLACE}", (k, start)).fetchone()
    if found:
        check_ensemble.same_fit(k, start, found, figures)
        return
    packed = io.BytesIO()
    files.pack(packed, result_to_arrays(result))
    content = packed.getbuffer()
    connection.execute("INSERT INTO fits VALUES (?, ?, ?, ?)", (k, start, *figures))
    for piece, begin in enumerate(range(0, len(content), PIECE)):
        row = (k, start, piece, content[begin : begin + PIECE])
        connection.execute("INSERT INTO pieces VALUES (?, ?, ?, ?)", row)
    connection.execute(f"DELETE FROM failures {PLACE}", (k, start))


def common(fits: Sequence[Result]) -> dict[str, Any]:
    """What fits have in common, as the identity of a ledger: the shape of X, and the options that are the same."""
    if not fits:
        return {}
    first, rest = fits[0], fits[1:]
    options = {
        name: value
        for name, value in first.options.items()
        if name not in OF_ONE and all(fit.options.get(name) == value for fit in rest)
    }
    return {"shape": [len(first.W), first.H.shape[1]], "options": options}


class Strange(Exception):
    """A file that no Ledger of this version writes."""


def _is_new(connection: sqlite3.Connection) -> bool:
    empty = not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    return empty and connection.execute("PRAGMA application_id").fetchone() == (0,)


def _identity(connection: sqlite3.Connection) -> dict[str, Any]:
    """The identity in a file, which must be a ledger of this version to the letter: no view, no trigger."""
    if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION,):
        raise Strange("is no ledger of nmfcore")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise Strange(f"is a ledger of version {version}, of which this nmfcore reads {VERSION}")
    tables = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
    rows = connection.execute("SELECT content FROM identity").fetchall() if tables == TABLES else []
    try:
        ((text,),) = rows
        identity = json.loads(text)
        return dict(identity.items())
    except (ValueError, TypeError, AttributeError):
        raise Strange("is truncated or damaged") from None
