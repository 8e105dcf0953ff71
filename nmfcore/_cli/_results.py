"""Result files, .npz and .h5.

HDF5 has no checksum of a file, and its library may loop for ever in a damaged one. An .h5 file therefore ends with a
hash of all bytes before it, which HDF5 ignores and which is compared before HDF5 reads the file.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from .. import Result, __version__
from .._checks import InputError
from .._fit import STORED, result_from_arrays, result_to_arrays
from .._runtime import atomic_write, import_optional

FORMATS = (".npz", ".h5")
DATASETS = {  # of an .h5 file, by the name of the array that `Result.save` writes
    "W": "W",
    "H": "H",
    "history_objective": "history/objective",
    "history_seconds": "history/seconds",
    "unobserved_rows": "unobserved/rows",
    "unobserved_columns": "unobserved/columns",
}
NAMES = "names/rows", "names/columns"
HASH = b"nmfcore sha256 "  # before the hash, which follows in hexadecimal digits
HASH_BYTES = len(HASH) + 64


def save(result: Result, path: Path) -> None:
    """Write a result in the format of the suffix. After an error no partial file is left."""
    if path.suffix.lower() == ".npz":
        result.save(path)
        return
    h5py = load_h5py(path, "writing")
    with atomic_write(path) as temporary:
        _write_h5(h5py, temporary, result)
        with open(temporary, "r+b") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.write(HASH + digest.encode())


def _write_h5(h5py: Any, path: Path, result: Result) -> None:
    arrays = result_to_arrays(result)
    with h5py.File(path, "w") as file:
        for name, dataset in DATASETS.items():
            file[dataset] = arrays[name]
        for dataset, names in zip(NAMES, result.names, strict=True):
            if names is not None:
                file.create_dataset(dataset, data=list(names), dtype=h5py.string_dtype())
        file.attrs.update({name: getattr(result, name) for name in STORED[2:]})
        file.attrs.update(options=json.dumps(result.options), version=__version__)


def load_h5py(path: Path, purpose: str) -> Any:
    """The library for .h5 files, or a `MissingLibraryError`."""
    return import_optional("h5py", "cli", f"{purpose} {path.name}")


def read(path: Path) -> Result:
    """The result in a file."""
    try:
        return _read_h5(path) if path.suffix.lower() == ".h5" else Result.load(path)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def _read_h5(path: Path) -> Result:
    """The result in an .h5 file, with the checks of `Result.load`."""
    h5py = load_h5py(path, "reading")
    if _is_undamaged(path):
        with h5py.File(path, "r") as file:
            try:
                return result_from_arrays(_h5_arrays(file))
            except (MemoryError, OSError):
                raise
            except Exception:  # HDF5 and h5py raise errors of many classes for a damaged file
                pass
    raise InputError(f"{path} is no result of nmfcore, or damaged; wanted a file that fit has written")


def _is_undamaged(path: Path) -> bool:
    """Whether the bytes of a file have the hash at its end; files of older versions and of other programs have none."""
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - HASH_BYTES, 0))
        end = file.read()
        if not end.startswith(HASH):
            return True
        digest, left = hashlib.sha256(), size - HASH_BYTES
        file.seek(0)
        while left and (block := file.read(min(left, 1 << 20))):
            digest.update(block)
            left -= len(block)
    return end == HASH + digest.hexdigest().encode()


def _h5_arrays(file: Any) -> dict[str, np.ndarray]:
    """The arrays of `result_to_arrays`; an exception of any kind where the file has others."""
    text = {name: np.asarray(file.attrs[name]) for name in (*STORED[2:], "options")}
    names = [_h5_names(file, dataset) for dataset in NAMES]
    datasets = {name: _h5_array(file, dataset) for name, dataset in DATASETS.items()}
    return datasets | text | {"names": np.asarray(json.dumps(names))}


def _h5_array(file: Any, dataset: str) -> np.ndarray:
    """A dataset of numbers whose values are all in the file itself: HDF5 gives zeros for what was never written."""
    stored = file[dataset]
    if stored.external or stored.is_virtual or stored.id.get_storage_size() != stored.nbytes:
        raise ValueError(dataset)
    return stored[:]


def _h5_names(file: Any, dataset: str) -> list[str] | None:
    if dataset not in file:
        return None
    stored = file[dataset]
    if stored.external or stored.is_virtual or stored.id.get_storage_size() < stored.nbytes:
        raise ValueError(dataset)
    return stored.asstr()[:].tolist()
