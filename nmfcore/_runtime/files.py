"""Files that hold a result. They are written as a whole or not at all, and read without trust in their content."""

import contextlib
import errno
import hashlib
import io
import math
import os
import platform
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, TypeVar

import numpy as np

from .._checks import InputError
from .._version import __version__

VERSION = 1
MARK = b"PK\x03\x04"  # the first bytes of a zip file, and so of an .npz file
HEAD = 1 << 16  # bytes of an array that contain its dtype and its shape
CHUNK = 1 << 20  # bytes that are read or hashed at once

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

    The content is on the disk before the file is renamed, so that a power cut leaves the old file or the new one. The
    files that a killed process has left in the folder are removed. A path that is no regular file, such as
    /dev/stdout, is given as it is.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        yield Path(path)
        return
    target = Path(os.path.realpath(path))  # the file behind a link, which stays a link
    temporary = target.with_name(f".nmfcore-{_writer()}-{os.urandom(8).hex()}{target.suffix}")
    try:
        remove_abandoned(target.parent)
        yield temporary
        if target.exists():
            shutil.copymode(target, temporary)
        _flush_to_disk(temporary, os.O_RDWR)
        temporary.replace(target)
        if os.name == "posix":  # elsewhere a folder cannot be opened
            _flush_to_disk(target.parent, os.O_RDONLY)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename in (temporary, str(temporary)):
            raise OSError(error.errno, error.strerror, os.fspath(path)) from None
        raise


def _flush_to_disk(path: Path, flags: int) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):  # the file system has no such call
            raise
    finally:
        os.close(descriptor)


def _host() -> str:
    """A short name of the place where numbers of processes have a meaning: this machine, or this container on it."""
    try:
        container = os.readlink("/proc/self/ns/pid")
    except OSError:
        container = ""
    return hashlib.sha256(f"{platform.node()} {container}".encode()).hexdigest()[:8]


def _writer() -> str:
    """The name of this process in the names of its temporary files."""
    return f"{_host()}-{os.getpid()}"


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files in a folder whose process on this machine does not exist any more."""
    if os.name != "posix":  # os.kill would end the process elsewhere
        return
    name = re.compile(rf"\.nmfcore-{_host()}-(\d{{1,9}})-[0-9a-f]{{16}}(\..*)?")
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = name.fullmatch(entry.name)
            if found and not _is_running(int(found[1])):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # a process of another user
        return True
    return True


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
        # Stored members that do not overlap are no larger than the file, so that no small file takes much memory.
        if sum(info.file_size for info in archive.infolist()) > file.seek(0, os.SEEK_END):
            raise UnknownFormat
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
    if info.compress_type != zipfile.ZIP_STORED:
        raise UnknownFormat
    content = bytearray(info.file_size)
    with archive.open(info) as member:
        # The second reading is at the end of the member, where the checksum is compared.
        if _read_into(member, content) != len(content) or member.read(1):
            raise ValueError(name)
    head = io.BytesIO(memoryview(content)[:HEAD])
    if np.lib.format.read_magic(head) != (1, 0):
        raise UnknownFormat
    shape, in_columns, dtype = np.lib.format.read_array_header_1_0(head)
    if dtype.kind not in "biufU":
        raise UnknownFormat
    if head.tell() + math.prod(shape) * dtype.itemsize != len(content):
        raise ValueError(name)
    array = np.ndarray(shape, dtype, content, head.tell(), order="F" if in_columns else "C")
    return array.astype(dtype.newbyteorder("="), order="K", copy=False)


def _read_into(member: IO[bytes], content: bytearray) -> int:
    """Fill `content` from a file; returns the number of bytes that the file had for it."""
    view, done = memoryview(content), 0
    while done < len(content):
        count = member.readinto(view[done : done + CHUNK])  # pyright: ignore[reportAttributeAccessIssue]  # ZipExtFile
        if not count:
            break
        done += count
    return done
