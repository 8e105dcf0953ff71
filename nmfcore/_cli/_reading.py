"""The matrix in a file. The suffix of its name says the format, and `FORMATS` has the function that reads each."""

import contextlib
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .._checks import InputError
from .._runtime import import_optional
from ..data import frames
from . import _matrix_market, _numpy, _text
from ._table import Table

DAMAGED = "is damaged or has another format than its name says"
NO_ARRAY = "holds no array of numbers that NumPy can read"
MOST_EMPTY = 1000, 10**6
"""Rows or columns for each entry of a sparse matrix, beyond so many in all; more are taken for damage."""
MOST_COMPRESSED = 2000
"""The largest ratio of the bytes of a dataset in an HDF5 file and those that it takes there."""
SMALL = 1 << 20
"""Bytes of a dataset that any file may declare."""


class ReadOptions(NamedTuple):
    """How to read a file. None means that the file decides."""

    key: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    row_names: bool | None = None
    convert: Callable[[str], float] | None = None
    """Converts a field of a text file that is not a number."""


DEFAULTS = ReadOptions()


def read(path: Path, options: ReadOptions = DEFAULTS) -> Table:
    """The matrix in a file.

    A file that cannot be read is an `InputError`, a missing library a `MissingLibraryError`.
    """
    suffix = format_suffix(path)
    if suffix not in FORMATS:
        raise InputError(f"{path} has no known format; wanted a name that ends in {', '.join(FORMATS)}")
    try:
        if path.is_dir():
            raise InputError(f"{path} is a directory; wanted a file")
        return _refuse_hollow(FORMATS[suffix](path, options), path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    except (EOFError, zlib.error, lzma.LZMAError) as error:  # of a compressed text file
        raise InputError(f"{path} {DAMAGED}: {error}") from None


def check_read_options(path: Path, options: ReadOptions) -> None:
    """Refuse options that do not apply to the format of the file."""
    applicable = {
        "--key": (options.key, (".npz", ".h5ad")),
        "--delimiter": (options.delimiter, tuple(_text.DELIMITERS)),
        "--header": (options.header, tuple(_text.DELIMITERS)),
        "--row-names": (options.row_names, (*_text.DELIMITERS, ".parquet")),
    }
    for option, (value, formats) in applicable.items():
        if value is not None and format_suffix(path) not in formats:
            raise InputError(f"{option} does not apply to {path}; wanted it for {', '.join(formats)} files only")


def format_suffix(path: Path) -> str:
    """The suffix that says the format of a file, without a suffix of compression such as .gz."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if len(suffixes) > 1 and suffixes[-1] in _text.OPENERS and suffixes[-2] in COMPRESSIBLE:
        return suffixes[-2]
    return suffixes[-1] if suffixes else ""


def stem(path: Path) -> str:
    """The name of a file without the suffixes of its format and its compression."""
    compressed = path.suffix.lower() != format_suffix(path)
    return path.name.removesuffix("".join(path.suffixes[-2:]) if compressed else path.suffix)


def as_mask(table: Table, path: Path) -> Any:
    """The table as a boolean matrix. Text files and some others hold a mask as the numbers 0 and 1."""
    X = table.X
    if X.dtype != bool:
        stored = X.data if hasattr(X, "tocsr") else X
        if not np.all((stored == 0) | (stored == 1)):
            raise InputError(f"{path} has other entries than 0 and 1; wanted a mask, 1 for each hidden entry")
        X = X.astype(bool)
    return X


@contextlib.contextmanager
def _refuse_damage(path: Path, fault: str, *others: type[Exception]) -> Iterator[None]:
    """Turn any error of a library that reads a file into an `InputError`.

    No library says which exceptions a damaged file may raise, and HDF5 raises many. The block must call the library
    alone, so that a fault of this package is not taken for one of the file. Errors of the classes `others` pass.
    """
    try:
        yield
    except (InputError, ImportError, MemoryError, OSError, *others):
        raise
    except Exception as error:
        raise InputError(f"{path} {fault}: {error}") from None


def _refuse_hollow(table: Table, path: Path) -> Table:
    """Refuse a sparse matrix whose rows or columns are almost all empty: its file is small, the arrays are not."""
    X = table.X
    if hasattr(X, "tocsr"):
        most = max(MOST_EMPTY[1], MOST_EMPTY[0] * X.nnz)
        for size, name in zip(X.shape, ("rows", "columns"), strict=True):
            if size > most:
                raise InputError(
                    f"{path} declares {size} {name} and has {X.nnz} entries; wanted at most {most} {name} for them: "
                    f"leave out {name} that are empty"
                )
    return table


def _read_numpy(path: Path, options: ReadOptions) -> Table:
    """The array in an .npy file, memory-mapped, or one array in an .npz file, dense or sparse.

    The first bytes decide between the two, because either content may have either name.
    """
    with open(path, "rb") as file:
        is_array = file.read(len(_numpy.MAGIC)) == _numpy.MAGIC
    with _refuse_damage(path, NO_ARRAY):
        if is_array:
            return Table(_numpy.map_array(path))
        archive = zipfile.ZipFile(path)
    with archive:
        return _read_archive(path, archive, options.key)


def _read_archive(path: Path, archive: zipfile.ZipFile, key: str | None) -> Table:
    keys = _numpy.array_names(archive)
    if key is None and _numpy.is_sparse(keys):
        with _refuse_damage(path, "holds no sparse matrix that SciPy can read"):
            return Table(_numpy.read_sparse(archive))
    if key is None and len(keys) == 1:
        key = keys[0]
    if key is None or key not in keys:
        content = f"{len(keys)} arrays" if key is None else f"no array {key!r}"
        raise InputError(f"{path} has {content}; wanted one array, or for X --key with one of {', '.join(keys)}")
    try:
        with _refuse_damage(path, DAMAGED, _numpy.ObjectsError):
            return Table(_numpy.read_member(archive, key))
    except _numpy.ObjectsError:
        raise InputError(f"{path}: the array {key!r} holds Python objects; wanted numbers") from None


def _read_text(path: Path, options: ReadOptions) -> Table:
    delimiter = options.delimiter, _text.DELIMITERS[format_suffix(path)]
    return _text.read(path, *delimiter, options.header, options.row_names, options.convert)


def _read_matrix_market(path: Path, options: ReadOptions) -> Table:
    with _refuse_damage(path, "is not a matrix in Matrix Market format", EOFError, zlib.error, lzma.LZMAError):
        return Table(_matrix_market.read(path))


def _read_anndata(path: Path, options: ReadOptions) -> Table:
    """X or a layer of an AnnData: observations in rows, variables in columns."""
    anndata = import_optional("anndata", "anndata", f"reading {path.name}")
    with warnings.catch_warnings(), _refuse_damage(path, "is not an AnnData file"):
        warnings.simplefilter("ignore")  # deprecations within anndata
        if path.exists():
            _check_h5ad(path)
        data = anndata.read_h5ad(path)
    wanted = f"wanted --key with one of {', '.join(data.layers)}" if data.layers else "wanted a file with a matrix"
    if options.key is not None and options.key not in data.layers:
        raise InputError(f"{path} has no layer {options.key!r}; {wanted}")
    X = data.X if options.key is None else data.layers[options.key]
    if X is None:
        raise InputError(f"{path} has no X; {wanted}")
    return Table(X, tuple(map(str, data.obs_names)), tuple(map(str, data.var_names)))


def _check_h5ad(path: Path) -> None:
    """Refuse datasets that declare more than the file has: HDF5 gives zeros for what was never written."""
    h5py = import_optional("h5py", "anndata", f"reading {path.name}")  # which anndata needs

    def check(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or not item.shape or item.nbytes <= SMALL:
            return
        if item.is_virtual or item.external:
            raise ValueError(f"the dataset {name} is in another file")
        stored = item.id.get_storage_size()
        if item.nbytes > stored * (1 if item.compression is None and item.chunks is None else MOST_COMPRESSED):
            raise ValueError(f"the dataset {name} declares {item.nbytes} bytes and has {stored}")

    with h5py.File(path, "r") as file:
        file.visititems(check)


def _read_parquet(path: Path, options: ReadOptions) -> Table:
    """The columns of numbers. An index that pandas has stored, or a first column of text, names the rows."""
    purpose = f"reading {path.name}"
    import_optional("pyarrow", "cli", purpose)
    pandas = import_optional("pandas", "cli", purpose)
    with _refuse_damage(path, "is not a Parquet file that can be read"):
        frame = pandas.read_parquet(path, engine="pyarrow")
    text_first = len(frame.columns) > 1 and _is_text(frame.iloc[:, 0])
    has_index = not isinstance(frame.index, pandas.RangeIndex)
    if not has_index and (text_first if options.row_names is None else options.row_names):
        frame = frame.set_index(frame.columns[0])
    X, names = frames.unwrap(frame, str(path))
    return Table(X, *names)


def _is_text(column: Any) -> bool:
    import pandas

    return isinstance(column.dtype, pandas.CategoricalDtype) or pandas.api.types.is_string_dtype(column)


FORMATS: dict[str, Callable[[Path, ReadOptions], Table]] = {
    ".npy": _read_numpy,
    ".npz": _read_numpy,
    ".csv": _read_text,
    ".tsv": _read_text,
    ".mtx": _read_matrix_market,
    ".h5ad": _read_anndata,
    ".parquet": _read_parquet,
}
COMPRESSIBLE = {".csv", ".tsv", ".mtx"}  # formats that may have a suffix such as .gz
