"""Matrices in Matrix Market format (.mtx), as NIST describes it.

SciPy's reader crashes on damaged files, and takes memory for the sizes that a file declares. `numpy.loadtxt` reads the
entries here, and the sizes are compared with what is there.
"""

import itertools
import warnings
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import numpy as np

from . import _text

KINDS = {"real": np.float64, "integer": np.int64, "pattern": None}
SYMMETRIES = "general", "symmetric", "skew-symmetric"


class Header(NamedTuple):
    """What the first line and the line of the sizes declare."""

    layout: str
    """"coordinate" or "array"."""
    kind: str
    symmetry: str
    sizes: tuple[int, ...]
    """Rows, columns, and for "coordinate" entries."""


def read(path: Path) -> Any:
    """The matrix in a file, a COO or a dense array; a ValueError where the file is none."""
    with _text.open_text(path) as file:
        header = _read_header(file)
        return _read_coordinates(file, header) if header.layout == "coordinate" else _read_array(file, header)


def _read_header(file: TextIO) -> Header:
    words = file.readline(1000).lower().split()
    if len(words) != 5 or words[:2] != ["%%matrixmarket", "matrix"] or words[2] not in ("coordinate", "array"):
        raise ValueError("the first line is not '%%MatrixMarket matrix coordinate real general' or the like")
    layout, kind, symmetry = words[2:]
    if kind not in KINDS or symmetry not in SYMMETRIES or (layout, kind) == ("array", "pattern"):
        raise ValueError(f"the first line says {layout} {kind} {symmetry}; wanted real numbers")
    line = next((line for line in file if line.strip() and not line.startswith("%")), "")
    fields = line.split()
    if len(fields) != (3 if layout == "coordinate" else 2) or not all(f.isascii() and f.isdigit() for f in fields):
        raise ValueError(f"the sizes are {line.strip()[: _text.SHOWN]!r}")
    sizes = tuple(map(int, fields))
    if symmetry != "general" and sizes[0] != sizes[1]:
        raise ValueError(f"a {symmetry} matrix has {sizes[0]} rows and {sizes[1]} columns")
    if max(sizes) > np.iinfo(np.int64).max:
        raise ValueError(f"the sizes are {line.strip()[: _text.SHOWN]!r}")
    return Header(layout, kind, symmetry, sizes)


def _read_rows(file: TextIO, dtype: Any, wanted: int) -> np.ndarray:
    """The rows of numbers that follow; a ValueError if there are not as many as the header declares."""
    first = next((line for line in file if line.strip()), None)
    rows = np.empty(0, dtype)
    if first is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an index such as 1.5 is a deprecation only
            try:
                rows = np.loadtxt(itertools.chain([first], file), dtype, comments="%", ndmin=1)
            except Warning as warning:
                raise ValueError(str(warning)) from None
    if len(rows) != wanted:
        raise ValueError(f"it declares {wanted} entries and has {len(rows)}")
    return rows


def _read_coordinates(file: TextIO, header: Header) -> Any:
    import scipy.sparse

    dtype = [("row", np.int64), ("column", np.int64)]
    dtype += [] if header.kind == "pattern" else [("value", KINDS[header.kind])]
    m, n, entries = header.sizes
    found = _read_rows(file, dtype, entries)
    rows, columns = found["row"] - 1, found["column"] - 1
    for name, indices, size in (("row", rows, m), ("column", columns, n)):
        if entries and not 0 <= indices.min() <= indices.max() < size:
            raise ValueError(
                f"indices of {name}s run from {indices.min() + 1} to {indices.max() + 1}; wanted 1 to {size}"
            )
    values = np.ones(entries) if header.kind == "pattern" else found["value"]
    if header.symmetry != "general":
        off = rows != columns
        if (rows[off] > columns[off]).any() and (rows[off] < columns[off]).any():
            raise ValueError(f"a {header.symmetry} matrix has entries on both sides of the diagonal")
        sign = -1 if header.symmetry == "skew-symmetric" else 1
        values = np.concatenate([values, sign * values[off]])
        rows, columns = np.concatenate([rows, columns[off]]), np.concatenate([columns, rows[off]])
    return scipy.sparse.coo_array((values, (rows, columns)), shape=(m, n))


def _read_array(file: TextIO, header: Header) -> np.ndarray:
    """The entries column by column: all, or those below the diagonal, with it where the matrix is symmetric."""
    m, n = header.sizes
    dtype = KINDS[header.kind]
    if header.symmetry == "general":
        return np.asarray(_read_rows(file, dtype, m * n).reshape(n, m).T)
    skew = header.symmetry == "skew-symmetric"
    values = _read_rows(file, dtype, m * (m - 1) // 2 if skew else m * (m + 1) // 2)
    X = np.zeros((m, m), values.dtype)
    columns, rows = np.triu_indices(m, 1 if skew else 0)
    X[columns, rows] = -values if skew else values
    X[rows, columns] = values
    return X
