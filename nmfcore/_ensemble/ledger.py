"""The ledger: a file of finished fits that grows while many fits run and is valid at any moment.

It is an SQLite database, in which a write is a transaction: a process may be killed at any moment, and several may
write at once. Fits are kept as the bytes of `Result.save`. A safe write takes 23 to 30 ms, longer than a small fit, so
`fit_many` writes the finished fits once a second. The schema of a file is compared to the letter, so that no view and
no trigger in a foreign file is executed.
"""

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
from .._fit import Result, current_options, result_from_arrays, result_to_arrays
from .._runtime import files
from .check_ensemble import check_key, check_result_of_rank, check_same_fit, check_same_identity
from .records import Failure

APPLICATION = int.from_bytes(b"nmfc")  # the application_id in the header of the file
VERSION = 1
TABLES = {
    "identity": "CREATE TABLE identity (content TEXT NOT NULL)",
    "fits": "CREATE TABLE fits (k INTEGER, start INTEGER, objective REAL, relative_error REAL, PRIMARY KEY (k, start))",
    "pieces": "CREATE TABLE pieces (k INTEGER, start INTEGER, piece INTEGER, content BLOB, "
    "PRIMARY KEY (k, start, piece))",
    "failures": "CREATE TABLE failures (k INTEGER, start INTEGER, message TEXT, PRIMARY KEY (k, start))",
}
# In these options the fits of one ledger may differ. The rank and the seed tell them apart. The version may change
# between two runs that write to one file.
VARYING_OPTIONS = frozenset({"k", "random_state", "version"})
WHERE_KEY = "WHERE k = ? AND start = ?"
PIECE_BYTES = 1 << 28  # SQLite limits a value to 1e9 bytes
LOCK_SECONDS = 60.0  # to wait for another process
FAULTS = {
    sqlite3.SQLITE_NOTADB: "is no ledger of nmfcore",
    sqlite3.SQLITE_CORRUPT: "is truncated or damaged",
    sqlite3.SQLITE_ERROR: "is truncated or damaged",  # the statements of this module are correct
}
WANTED = "wanted a file that a Ledger has written"


@dataclass(frozen=True)
class Ledger:
    """Finished fits of one X in one SQLite file, to which several processes of one machine may add at once.

    A fit is written in one transaction, so the file holds it completely or not at all, even if the process is killed.
    Files are read without trust. No connection stays open between two calls. File locks are not reliable in folders
    that several machines share: there, each machine needs a ledger of its own.

    Attributes
    ----------
    path : Path
    identity : dict
        What all fits have in common, as JSON values.
    """

    path: Path
    identity: dict[str, Any]

    @classmethod
    def open(cls, path: str | bytes | os.PathLike, identity: dict[str, Any]) -> "Ledger":
        """Open the ledger at a path for writing. A new one is created if the file is empty or does not exist.

        Parameters
        ----------
        path : str, bytes or os.PathLike
        identity : dict
            What the fits to be added have in common, such as the fingerprint of X and the options.

        Raises
        ------
        OSError
            The file cannot be written, or its folder does not exist.
        InputError
            The file is not a ledger, is damaged, or has another identity; the message says what differs.
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
            before = _read_identity(connection)
            # Written even if it is there already: so a file that cannot be written is noticed now.
            connection.execute(f"PRAGMA user_version = {VERSION}")
        check_same_identity(str(ledger.path), before, ledger.identity)
        return ledger

    @classmethod
    def read(cls, path: str | bytes | os.PathLike) -> "Ledger":
        """Open the ledger at a path, whatever its identity is. Nothing is written.

        Parameters
        ----------
        path : str, bytes or os.PathLike

        Raises
        ------
        OSError
            The file cannot be read.
        InputError
            The file is not a ledger, or is damaged.
        """
        ledger = cls(Path(os.fsdecode(path)), {})
        with ledger._connection() as connection:
            ledger.identity.update(_read_identity(connection))
        return ledger

    def finished(self, keys: Container[tuple[int, int]] | None = None) -> dict[tuple[int, int], Result]:
        """The fits in the file by (k, start): those with the given keys, or all. No other fit is unpacked."""
        with self._connection() as connection:
            _read_identity(connection)
            stored = connection.execute("SELECT k, start FROM fits ORDER BY k, start").fetchall()
            wanted = stored if keys is None else [key for key in stored if key in keys]
            return {key: self._read_result(connection, *key) for key in wanted}

    def failures(self) -> tuple[Failure, ...]:
        """The fits that failed and have not been finished since."""
        with self._connection() as connection:
            _read_identity(connection)
            rows = connection.execute("SELECT k, start, message FROM failures ORDER BY k, start").fetchall()
        if not all(isinstance(k, int) and isinstance(start, int) and isinstance(text, str) for k, start, text in rows):
            raise InputError(f"{self.path} is truncated or damaged; {WANTED}")
        return tuple(map(Failure._make, rows))

    def add(self, k: int, start: int, result: Result) -> None:
        """Write a finished fit. If the same fit is there already, it stays.

        Parameters
        ----------
        k, start : int
            Its rank, and the number of its start among those of that rank.
        result : Result

        Raises
        ------
        OSError
            The file cannot be written; its content does not change.
        InputTypeError, InputError
            Not a result of that rank; the file has a fit of that rank and start with another objective.
        """
        self.add_all([(k, start, result)])

    def add_all(self, finished: Iterable[tuple[int, int, Result]]) -> None:
        """Write several fits as `add` does, in one transaction: all of them or none."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            _read_identity(connection)
            for k, start, result in finished:
                k, start = check_key(k, start)
                _insert(connection, k, start, check_result_of_rank(result, k))

    def fail(self, k: int, start: int, message: str) -> None:
        """Write that a fit failed. The message replaces an earlier one, and is deleted once the fit is finished.

        Parameters
        ----------
        k, start : int
        message : str

        Raises
        ------
        OSError
            The file cannot be written.
        """
        k, start = check_key(k, start)
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            _read_identity(connection)
            if not connection.execute(f"SELECT 1 FROM fits {WHERE_KEY}", (k, start)).fetchone():
                connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", (k, start, message))

    def _read_result(self, connection: sqlite3.Connection, k: int, start: int) -> Result:
        name = f"{self.path} (the fit of k={k!r}, start={start!r})"
        pieces = connection.execute(f"SELECT content FROM pieces {WHERE_KEY} ORDER BY piece", (k, start)).fetchall()
        if not all(isinstance(content, bytes) for (content,) in pieces) or not isinstance(start, int):
            raise InputError(f"{name} is truncated or damaged; {WANTED}")
        result = files.unpack(io.BytesIO(b"".join(content for (content,) in pieces)), result_from_arrays, name)
        if result.W.shape[1] != k:
            raise InputError(f"{name} has {result.W.shape[1]} components; {WANTED}")
        return result

    @contextlib.contextmanager
    def _connection(self, create: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction, rolled back by an exception. SQLite's errors become InputError and OSError.

        A connection that only reads needs write access, too: it rolls back a transaction that a killed process left.
        """
        if not create or self.path.is_dir():
            with open(self.path, "rb"):  # its errors say more than SQLite's
                pass
        address = f"{self.path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        connection = None
        try:
            connection = sqlite3.connect(address, uri=True, timeout=LOCK_SECONDS, isolation_level=None)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")  # finds more of the damage before it is used
            yield connection
            if connection.in_transaction:
                connection.execute("COMMIT")
        except LedgerFormatError as error:
            raise InputError(f"{self.path} {error}; {WANTED}") from None
        except sqlite3.Error as error:
            # Text that is not UTF-8 raises an error without a code.
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
            if code in FAULTS:
                raise InputError(f"{self.path} {FAULTS[code]}; {WANTED}") from None
            raise OSError(f"{self.path} cannot be used as a ledger now: {error}") from None
        finally:
            if connection is not None:
                connection.close()  # rolls back what has not been committed


def _insert(connection: sqlite3.Connection, k: int, start: int, result: Result) -> None:
    figures = result.objective, result.relative_error
    before = connection.execute(f"SELECT objective, relative_error FROM fits {WHERE_KEY}", (k, start)).fetchone()
    if before:
        check_same_fit(k, start, before, figures)
        return
    file = io.BytesIO()
    files.pack(file, result_to_arrays(result))
    content = file.getbuffer()
    connection.execute("INSERT INTO fits VALUES (?, ?, ?, ?)", (k, start, *figures))
    for piece, begin in enumerate(range(0, len(content), PIECE_BYTES)):
        row = (k, start, piece, content[begin : begin + PIECE_BYTES])
        connection.execute("INSERT INTO pieces VALUES (?, ?, ?, ?)", row)
    connection.execute(f"DELETE FROM failures {WHERE_KEY}", (k, start))


def common_identity(fits: Sequence[Result]) -> dict[str, Any]:
    """The identity of a ledger of these fits: the shape of X, and the options that all of them have in common."""
    if not fits:
        return {}
    first, rest = fits[0], fits[1:]
    options = {
        name: value
        for name, value in first.options.items()
        if name not in VARYING_OPTIONS and all(fit.options.get(name) == value for fit in rest)
    }
    return {"shape": [len(first.W), first.H.shape[1]], "options": options}


class LedgerFormatError(Exception):
    """The file was not written by `Ledger`, or by one of a newer version."""


def _is_new(connection: sqlite3.Connection) -> bool:
    empty = not connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    return empty and connection.execute("PRAGMA application_id").fetchone() == (0,)


def _read_identity(connection: sqlite3.Connection) -> dict[str, Any]:
    """The identity in a file, after a check that the file has exactly the schema of this version."""
    if connection.execute("PRAGMA application_id").fetchone() != (APPLICATION,):
        raise LedgerFormatError("is no ledger of nmfcore")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise LedgerFormatError(f"is a ledger of version {version}, but this nmfcore reads version {VERSION}")
    tables = dict(connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall())
    rows = connection.execute("SELECT content FROM identity").fetchall() if tables == TABLES else []
    try:
        ((text,),) = rows
        identity = json.loads(text)
        if isinstance(identity.get("options"), dict):
            identity["options"] = current_options(identity["options"])
        return dict(identity.items())
    except (ValueError, TypeError, AttributeError):
        raise LedgerFormatError("is truncated or damaged") from None
