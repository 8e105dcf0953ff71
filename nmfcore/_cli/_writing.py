"""Output files: their checks before a fit begins, and factors as tables."""

import csv
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from .._checks import InputError
from .._runtime import atomic_write

FORMATS = (".npy", ".npz", ".csv", ".tsv")
MARGIN = 1 << 16  # bytes of a result file in addition to the factors


def check(path: Path, formats: Iterable[str], inputs: Iterable[Path] = ()) -> None:
    """Refuse an output that cannot be written, or that is an input of the same command."""
    check_format(path, formats)
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{path} cannot be written: there is no folder {folder}")
    if path.is_dir():
        raise InputError(f"{path} is a directory; wanted a file to write to")
    for other in inputs:
        if path.exists() and other.exists() and path.samefile(other):
            raise InputError(f"{path} is an input of this command; wanted another output")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None


def check_format(path: Path, formats: Iterable[str]) -> None:
    """Refuse a suffix that is none of the formats."""
    if path.suffix.lower() not in formats:
        raise InputError(f"{path} cannot be written in that format; wanted a name that ends in {' or '.join(formats)}")


def check_space(path: Path, size: int) -> None:
    """Refuse a fit if the disk has no room for its factors, which take `size` bytes."""
    free = shutil.disk_usage(path.parent).free
    if free < size + MARGIN:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {size} bytes needed, {free} free", str(path))


def write_factor(F: np.ndarray, path: Path, rows: tuple[str, ...] | None, columns: tuple[str, ...] | None) -> None:
    """Write a factor. A text file also gets the names of rows and columns if there are any."""
    suffix = path.suffix.lower()
    with atomic_write(path) as temporary:
        if suffix in (".npy", ".npz"):
            with open(temporary, "wb") as file:
                (np.save if suffix == ".npy" else np.savez)(file, F)
        else:
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter="\t" if suffix == ".tsv" else ",", lineterminator="\n")
                writer.writerows(_fields(F, rows, columns))


def _fields(F: np.ndarray, rows: tuple[str, ...] | None, columns: tuple[str, ...] | None) -> Iterator[list]:
    """The header and the rows. Each number has the fewest digits that are read back as the same number."""
    if columns is not None:
        yield [""] * (rows is not None) + [*columns]
    for i, row in enumerate(F):
        numbers = row.tolist() if F.dtype == np.float64 else row.astype(str).tolist()
        yield numbers if rows is None else [rows[i], *numbers]


def component_names(k: int) -> tuple[str, ...]:
    """The names of components that `Result.to_frame` uses."""
    return tuple(f"component_{t}" for t in range(k))
