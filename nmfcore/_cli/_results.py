"""Result files, .npz and .h5."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import Result, __version__
from .._checks import InputError
from .._fit import STORED, result_from_arrays
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


def save(result: Result, path: Path) -> None:
    """Write a result in the format of the suffix. After an error no partial file is left."""
    if path.suffix.lower() == ".npz":
        result.save(path)
        return
    h5py = load_h5py(path, "writing")
    history, unobserved = result.history, result.unobserved
    arrays = result.W, result.H, history.objective, history.seconds, *unobserved
    with atomic_write(path) as temporary, h5py.File(temporary, "w") as file:
        for dataset, array in zip(DATASETS.values(), arrays, strict=True):
            file[dataset] = array
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
    with h5py.File(path, "r") as file:
        try:
            arrays = {name: file[dataset][:] for name, dataset in DATASETS.items()}
            arrays |= {name: np.asarray(file.attrs[name]) for name in (*STORED[2:], "options")}
            names = [file[dataset].asstr()[:].tolist() if dataset in file else None for dataset in NAMES]
            return result_from_arrays(arrays | {"names": np.asarray(json.dumps(names))})
        except (MemoryError, OSError):
            raise
        except Exception:  # HDF5 and h5py raise errors of many classes for a damaged file
            raise InputError(
                f"{path} is no result of nmfcore, or damaged; wanted a file that fit has written"
            ) from None
