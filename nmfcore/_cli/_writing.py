"""Where results go: what cannot be written is refused before a fit, and no file is ever half there."""

import csv
import errno
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from .._checks import InputError
from .._runtime import written

FORMATS = (".npy", ".npz", ".csv", ".tsv")
MARGIN = 1 << 16  # bytes beside the factors


def check(path: Path, formats: Iterable[str], inputs: Iterable[Path] = ()) -> None:
    """Refuse a file that could not be written, or that is read in the same command."""
    if path.suffix.lower() not in formats:
        raise InputError(f"{path} cannot be written in that format; wanted a name that ends in {' or '.join(formats)}")
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


def check_space(path: Path, size: int) -> None:
    """Refuse a fit whose factors, of that many bytes, the disk has no room for."""
    free = shutil.disk_usage(path.parent).free
    if free < size + MARGIN:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)}: {size} bytes needed, {free} free", str(path))


def factor(F: np.ndarray, path: Path, rows: tuple[str, ...] | None, columns: tuple[str, ...] | None) -> None:
    """Write a factor, as text with the names of its rows and columns where they are given."""
    suffix = path.suffix.lower()
    with written(path) as temporary:
        if suffix in (".npy", ".npz"):
            with open(temporary, "wb") as file:
                (np.save if suffix == ".npy" else np.savez)(file, F)
        else:
            with open(temporary, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter="\t" if suffix == ".tsv" else ",", lineterminator="\n")
                writer.writerows(_fields(F, rows, columns))


def _fields(F: np.ndarray, rows: tuple[str, ...] | None, columns: tuple[str, ...] | None) -> Iterator[list]:
    """Header and rows, with the shortest numbers that are read as the same ones."""
    if columns is not None:
        yield [""] * (rows is not None) + [*columns]
    for i, row in enumerate(F):
        numbers = row.tolist() if F.dtype == np.float64 else row.astype(str).tolist()
        yield numbers if rows is None else [rows[i], *numbers]


def components(k: int) -> tuple[str, ...]:
    """Names of components, as `Result.to_frame` has them."""
    return tuple(f"component_{t}" for t in range(k))
