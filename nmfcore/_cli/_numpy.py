"""Arrays in .npy and .npz files. What a header declares is compared with the size of the file before memory is taken.

NumPy takes memory for the shape that a header declares, reads no further than that, and may not compare the checksum of
a member of an .npz file.
"""

import math
import os
import zipfile
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

MAGIC = b"\x93NUMPY"  # the first bytes of an .npy file
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
MOST_DEFLATED = 1032  # the largest ratio that Deflate reaches
CHUNK = 1 << 20  # bytes that are read at a time
SPARSE = {  # the arrays of a sparse matrix in an .npz file, by its format
    "csr": ("data", "indices", "indptr"),
    "csc": ("data", "indices", "indptr"),
    "bsr": ("data", "indices", "indptr"),
    "coo": ("data", "row", "col"),
    "dia": ("data", "offsets"),
}


class Header(NamedTuple):
    """What the header of an array declares."""

    shape: tuple[int, ...]
    in_columns: bool
    dtype: np.dtype

    @property
    def size(self) -> int:
        """The bytes of the entries."""
        return math.prod(self.shape) * self.dtype.itemsize


class ObjectsError(ValueError):
    """An array holds Python objects, which are not read."""


def read_header(file: IO[bytes], left: int) -> Header:
    """The header of an array that ends `left` bytes after the beginning; a ValueError where the two do not fit."""
    begin = file.tell()
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"version {version[0]}.{version[1]} of the format is for records, not for numbers")
    header = Header(*HEADERS[version](file))
    if not all(type(size) is int and size >= 0 for size in header.shape):
        raise ValueError(f"the header declares the shape {header.shape}")
    if header.dtype.hasobject:
        raise ObjectsError
    left -= file.tell() - begin
    if header.size != left:
        raise ValueError(
            f"the header declares the shape {header.shape} of {header.dtype}, {header.size} bytes, but {left} follow"
        )
    return header


def map_array(path: Path) -> np.ndarray:
    """The array in an .npy file, memory-mapped; the file is not larger than the array."""
    with open(path, "rb") as file:
        header = read_header(file, os.fstat(file.fileno()).st_size)
        order = "F" if header.in_columns else "C"
        if not header.size:
            return np.empty(header.shape, header.dtype, order)
        return np.memmap(path, header.dtype, "r", file.tell(), header.shape, order)


def array_names(archive: zipfile.ZipFile) -> list[str]:
    """The names of the arrays in an .npz file."""
    return [name.removesuffix(".npy") for name in archive.namelist()]


def read_member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of an .npz file; its checksum is compared."""
    info = archive.getinfo(f"{name}.npy")
    if info.file_size > max(info.compress_size * MOST_DEFLATED, 1 << 16):
        raise ValueError(f"{info.filename} declares {info.file_size} bytes in {info.compress_size}")
    with archive.open(info) as member:
        header = read_header(member, info.file_size)
        content, done = bytearray(header.size), 0
        view = memoryview(content)
        while done < len(content):
            count = member.readinto(view[done : done + CHUNK])  # pyright: ignore[reportAttributeAccessIssue]  # ZipExtFile
            if not count:
                raise ValueError(f"{info.filename} is cut off")
            done += count
        if member.read(1):  # at the end of the member the checksum is compared
            raise ValueError(f"{info.filename} has more bytes than it declares")
    return np.ndarray(header.shape, header.dtype, content, order="F" if header.in_columns else "C")


def is_sparse(names: list[str]) -> bool:
    """Whether the arrays of an .npz file are those of a sparse matrix."""
    return {"format", "data", "shape"} <= set(names)


def read_sparse(archive: zipfile.ZipFile) -> Any:
    """The sparse matrix in an .npz file, as `scipy.sparse.save_npz` writes it."""
    import scipy.sparse

    kind = read_member(archive, "format").item()
    kind = kind.decode("ascii") if isinstance(kind, bytes) else kind
    if kind not in SPARSE:
        raise ValueError(f"the format is {kind!r}")
    shape = read_member(archive, "shape")
    if shape.dtype.kind not in "iu" or shape.shape != (2,) or shape.min() < 0:
        raise ValueError(f"the shape is {shape.tolist()}")
    data, *indices = (read_member(archive, name) for name in SPARSE[kind])
    build, shape = getattr(scipy.sparse, f"{kind}_array"), (int(shape[0]), int(shape[1]))
    return build((data, tuple(indices)) if kind == "coo" else (data, *indices), shape=shape)
