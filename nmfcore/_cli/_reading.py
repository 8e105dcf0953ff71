"""The matrix in a file, whatever its format; one function for each, found by the end of the file's name."""

import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._checks import InputError
from .._runtime import load
from ..data import frames
from . import _text
from ._table import Table

NPY = b"\x93NUMPY"  # with which such a file begins


class ReadOptions(NamedTuple):
    """How a file is to be read; None is found out."""

    key: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    row_names: bool | None = None
    cell: Callable[[str], float] | None = None
    """Reads a field of a text file that is no number."""


AS_FOUND = ReadOptions()


def read(path: Path, wish: ReadOptions = AS_FOUND) -> Table:
    """The matrix in a file; what cannot be read is an `InputError`, a library that is missing an ImportError."""
    suffix = ending(path)
    if suffix not in FORMATS:
        raise InputError(f"{path} is of no known format; wanted a file that ends in {', '.join(FORMATS)}")
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory; wanted a file")
        return FORMATS[suffix](path, wish)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is damaged or not what its name says: {error}") from None


def check(path: Path, wish: ReadOptions) -> None:
    """Refuse what says nothing of a file in that format."""
    said = {
        "--key": (wish.key, (".npz", ".h5ad")),
        "--delimiter": (wish.delimiter, tuple(_text.DELIMITERS)),
        "--header": (wish.header, tuple(_text.DELIMITERS)),
        "--row-names": (wish.row_names, (*_text.DELIMITERS, ".parquet")),
    }
    for option, (value, formats) in said.items():
        if value is not None and ending(path) not in formats:
            raise InputError(f"{option} says nothing of {path}; it is of {', '.join(formats)} files")


def ending(path: Path) -> str:
    """The end of a file's name that says its format, without that of its compression."""
    ends = [end.lower() for end in path.suffixes]
    return ends[-2] if len(ends) > 1 and ends[-1] in _text.OPENERS and ends[-2] in COMPRESSED else (ends or [""])[-1]


def stem(path: Path) -> str:
    """The name of a file without the ends that say its format."""
    return path.name.removesuffix("".join(path.suffixes[-2:]) if path.suffix.lower() != ending(path) else path.suffix)


def boolean(table: Table, path: Path) -> Any:
    """A mask, which text files and some others hold as numbers."""
    X = table.X
    if X.dtype != bool:
        stored = X.data if hasattr(X, "tocsr") else X
        if not np.all((stored == 0) | (stored == 1)):
            raise InputError(f"{path} has other entries than 0 and 1; wanted a mask, 1 where an entry is hidden")
        X = X.astype(bool)
    return X


def _numpy(path: Path, wish: ReadOptions) -> Table:
    """An array of .npy, left in the file until it is used, or one of .npz, dense or sparse."""
    with open(path, "rb") as file:
        try:
            if file.read(len(NPY)) == NPY:
                return Table(np.load(path, mmap_mode="r", allow_pickle=False))
            file.seek(0)
            held = np.load(file, allow_pickle=False)
        except (ValueError, tokenize.TokenError) as error:
            raise InputError(f"{path} holds no array of numbers that NumPy can read: {error}") from None
        with held:
            return _of_archive(path, held, wish.key)


def _of_archive(path: Path, held: Any, key: str | None) -> Table:
    keys = held.files
    if key is None and {"format", "data", "shape"} <= set(keys):
        import scipy.sparse

        try:
            return Table(scipy.sparse.load_npz(path))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
            raise InputError(f"{path} holds no sparse matrix that SciPy can read: {error}") from None
    if key is None and len(keys) == 1:
        key = keys[0]
    if key is None or key not in keys:
        found = f"{len(keys)} arrays" if key is None else f"no array {key!r}"
        raise InputError(f"{path} has {found}; wanted one array, or for X --key with one of {', '.join(keys)}")
    try:
        return Table(held[key])
    except ValueError:
        raise InputError(f"{path}: the array {key!r} holds Python objects; wanted numbers") from None


def _table_of_text(path: Path, wish: ReadOptions) -> Table:
    return _text.read(path, ending(path), wish.delimiter, wish.header, wish.row_names, wish.cell)


def _matrix_market(path: Path, wish: ReadOptions) -> Table:
    import scipy.io

    try:
        return Table(scipy.io.mmread(path))
    except (ValueError, OverflowError) as error:
        raise InputError(f"{path} is no matrix in Matrix Market format: {error}") from None


def _anndata(path: Path, wish: ReadOptions) -> Table:
    """X, or a layer, of annotated data: observations in rows, variables in columns."""
    anndata = load("anndata", "anndata", f"reading {path.name}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it says of its own future
        try:
            held = anndata.read_h5ad(path)
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is no file of annotated data: {error}") from None
    if wish.key is not None and wish.key not in held.layers:
        raise InputError(f"{path} has no layer {wish.key!r}; wanted one of {', '.join(held.layers) or 'none'}")
    X = held.X if wish.key is None else held.layers[wish.key]
    if X is None:
        raise InputError(f"{path} has no X; wanted --key with one of {', '.join(held.layers) or 'none'}")
    return Table(X, tuple(map(str, held.obs_names)), tuple(map(str, held.var_names)))


def _parquet(path: Path, wish: ReadOptions) -> Table:
    """The columns of numbers; names of rows are an index that pandas has stored, or a first column of text."""
    purpose = f"reading {path.name}"
    load("pyarrow", "cli", purpose)
    pandas = load("pandas", "cli", purpose)
    try:
        frame = pandas.read_parquet(path, engine="pyarrow")
    except ValueError as error:
        raise InputError(f"{path} is no Parquet file that can be read: {error}") from None
    text_first = len(frame.columns) > 1 and _holds_text(frame.iloc[:, 0])
    counted = isinstance(frame.index, pandas.RangeIndex)
    if counted and (text_first if wish.row_names is None else wish.row_names):
        frame = frame.set_index(frame.columns[0])
    X, names = frames.unwrap(frame, str(path))
    return Table(X, *names)


def _holds_text(column: Any) -> bool:
    import pandas

    return isinstance(column.dtype, pandas.CategoricalDtype) or pandas.api.types.is_string_dtype(column)


FORMATS: dict[str, Callable[[Path, ReadOptions], Table]] = {
    ".npy": _numpy,
    ".npz": _numpy,
    ".csv": _table_of_text,
    ".tsv": _table_of_text,
    ".mtx": _matrix_market,
    ".h5ad": _anndata,
    ".parquet": _parquet,
}
COMPRESSED = {".csv", ".tsv", ".mtx"}  # which may be .gz and such
