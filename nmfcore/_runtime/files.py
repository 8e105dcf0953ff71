"""Files that hold a result. They are written as a whole or not at all, and read without trust in their content."""

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
MARK = b"PK\x03\x04"  # the first bytes of a zip file, and so of an .npz file
HEAD = 1 << 16  # bytes of an array that contain its dtype and its shape

T = TypeVar("T")


class FileFormat(NamedTuple):
    """What a file holds, and the words for it in messages."""

    name: str
    """Stored in the file."""
    other: str
    """What a file of another format is."""
    writer: str
    """The function that writes such a file."""


RESULT = FileFormat("nmfcore result", "no result of nmfcore", "Result.save")


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[Path]:
    """Give a path in the same folder to write to; at the end that file replaces `path`, after an error it is removed.

    A path that is no regular file, such as /dev/stdout, is given as it is.
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


def write(path: str | os.PathLike, arrays: dict[str, np.ndarray], kind: FileFormat = RESULT) -> None:
    """Write an .npz file of those arrays, with the name and the version of its format."""
    with atomic_write(path) as temporary, open(temporary, "wb") as file:
        pack(file, arrays, kind)


def pack(file: BinaryIO, arrays: dict[str, np.ndarray], kind: FileFormat = RESULT) -> None:
    """Write the bytes of such a file."""
    members = {"format": np.array(kind.name), "format_version": np.array(VERSION)} | arrays
    np.savez(file, **members)  # pyright: ignore[reportArgumentType]  # no array is called allow_pickle


def read(path: str | os.PathLike, build: Callable[[dict[str, np.ndarray]], T], kind: FileFormat = RESULT) -> T:
    """Read a file that `write` has written; `build` makes the object from its arrays.

    Every fault of a file that is damaged or was written by another program is one InputError that names the file.
    """
    with open(path, "rb") as file:
        return unpack(file, build, os.fspath(path), kind)


def unpack(file: BinaryIO, build: Callable[[dict[str, np.ndarray]], T], name: str, kind: FileFormat = RESULT) -> T:
    """Read the bytes of such a file. name: of the file, for the message where it is refused."""
    try:
        return build(_arrays(file, kind))
    except UnknownFormat as unknown:
        fault = str(unknown) or f"is {kind.other}"
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # EINVAL: an offset before the start of the file
            raise
        fault = "is truncated or damaged"
    raise InputError(f"{name} {fault}; wanted a file that {kind.writer} has written")


class UnknownFormat(Exception):
    """A file of another format, or of a newer version, which the message says."""


def _arrays(file: BinaryIO, kind: FileFormat) -> dict[str, np.ndarray]:
    if file.read(len(MARK)) != MARK:
        raise UnknownFormat
    with zipfile.ZipFile(file) as archive:
        if "format.npy" not in archive.namelist() or str(_array(archive, "format.npy")) != kind.name:
            raise UnknownFormat
        version = int(_array(archive, "format_version.npy"))
        if version > VERSION:
            raise UnknownFormat(f"has format version {version}; this nmfcore ({__version__}) reads up to {VERSION}")
        names = [name for name in archive.namelist() if name not in ("format.npy", "format_version.npy")]
        return {name.removesuffix(".npy"): _array(archive, name) for name in names}


def _array(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """Read an array, in native byte order; only numbers and text are accepted."""
    info = archive.getinfo(name)
    if info.compress_type != zipfile.ZIP_STORED:  # a stored member cannot be larger than the file
        raise UnknownFormat
    content = bytearray(archive.read(info))  # checks the CRC
    head = io.BytesIO(memoryview(content)[:HEAD])
    if np.lib.format.read_magic(head) != (1, 0):
        raise UnknownFormat
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(head)
    if dtype.kind not in "biufU":
        raise UnknownFormat
    array = np.ndarray(shape, dtype, content, head.tell(), order="F" if in_columns else "C")
    return array.astype(dtype.newbyteorder("="), order="K", copy=False)
