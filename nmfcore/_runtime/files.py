"""Files that hold a result: whole or not at all, and read without trust."""

import contextlib
import errno
import io
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np

from .._checks import InputError
from .._version import __version__

VERSION = 1
MARK = b"PK\x03\x04"  # with which a zip file, as .npz is one, begins
HEAD = 1 << 16  # bytes of an array, in which its dtype and its shape are said

Made = TypeVar("Made")


class Kind(NamedTuple):
    """What a file holds: the name of its format, what others are instead, and what writes it."""

    format: str
    other: str
    writer: str


RESULT = Kind("nmfcore result", "no result of nmfcore", "Result.save")


@contextlib.contextmanager
def written(path: str | os.PathLike) -> Iterator[Path]:
    """A path in the same folder to write to, which takes the place of `path` at the end; after an error nothing stays.

    What is no regular file, such as /dev/stdout, is written to as it is.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        yield Path(path)
        return
    target = Path(os.path.realpath(path))  # the file behind a link, which stays a link
    temporary = target.with_name(f".nmfcore-{os.urandom(8).hex()}{target.suffix}")
    try:
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        temporary.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (temporary, str(temporary)):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None
        raise


def write(path: str | os.PathLike, arrays: dict[str, np.ndarray], kind: Kind = RESULT) -> None:
    """An .npz file of those arrays, with its format and the version of it."""
    with written(path) as temporary, open(temporary, "wb") as file:
        pack(file, arrays, kind)


def pack(file: BinaryIO, arrays: dict[str, np.ndarray], kind: Kind = RESULT) -> None:
    """The bytes of such a file."""
    np.savez(file, format=np.array(kind.format), format_version=np.array(VERSION), **arrays)


def read(path: str | os.PathLike, make: Callable[[dict[str, np.ndarray]], Made], kind: Kind = RESULT) -> Made:
    """What `make` makes of the arrays in a file that `write` has written.

    Whatever goes wrong in a file that is damaged, or was made by another hand, is one ValueError that names it.
    """
    with open(path, "rb") as file:
        return unpack(file, make, os.fspath(path), kind)


def unpack(file: BinaryIO, make: Callable[[dict[str, np.ndarray]], Made], name: str, kind: Kind = RESULT) -> Made:
    """What `make` makes of the arrays in the bytes of such a file, by whose name it is refused."""
    try:
        return make(_arrays(file, kind))
    except UnknownFormat as strange:
        fault = str(strange) or f"is {kind.other}"
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # which is a place before the file begins
            raise
        fault = "is truncated or damaged"
    raise InputError(f"{name} {fault}; wanted a file that {kind.writer} has written")


class UnknownFormat(Exception):
    """A file that this version does not write: of a newer one, or with no word another file altogether."""


def _arrays(file: BinaryIO, kind: Kind) -> dict[str, np.ndarray]:
    if file.read(len(MARK)) != MARK:
        raise UnknownFormat
    with zipfile.ZipFile(file) as archive:
        if "format.npy" not in archive.namelist() or str(_array(archive, "format.npy")) != kind.format:
            raise UnknownFormat
        version = int(_array(archive, "format_version.npy"))
        if version > VERSION:
            raise UnknownFormat(
                f"has version {version} of its format, of which this nmfcore ({__version__}) reads {VERSION}"
            )
        names = [name for name in archive.namelist() if name not in ("format.npy", "format_version.npy")]
        return {name.removesuffix(".npy"): _array(archive, name) for name in names}


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array in native byte order; nothing but numbers and text is read."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:  # what is stored cannot be larger than the file
        raise UnknownFormat
    content = bytearray(archive.read(info))  # which checks the sum of it
    head = io.BytesIO(memoryview(content)[:HEAD])
    if np.lib.format.read_magic(head) != (1, 0):
        raise UnknownFormat
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(head)
    if dtype.kind not in "biufU":
        raise UnknownFormat
    found = np.ndarray(shape, dtype, content, head.tell(), order="F" if in_columns else "C")
    return found.astype(dtype.newbyteorder("="), order="K", copy=False)
