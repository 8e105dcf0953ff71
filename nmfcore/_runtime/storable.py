"""Results as files: `save` and `load` of a result object, and the checks of the members of such a file."""

import json
import math
import os
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np

from . import files

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class Members:
    """The arrays of a file, each of which is checked when it is taken.

    Every fault is a ValueError or a KeyError, which `files.read` turns into one sentence about the file.
    """

    def __init__(self, arrays: dict[str, np.ndarray]) -> None:
        self.arrays = arrays

    def floats(
        self,
        name: str,
        shape: tuple[int | None, ...],
        dtype: Any = None,
        least: float = -math.inf,
        most: float = math.inf,
    ) -> np.ndarray:
        """An array of float32 or float64, or of that dtype, without NaN and with entries from least to most.

        A size of None in the shape stands for any size. Entries may be infinite where the bounds are.
        """
        value = self._array(name, shape)
        if value.dtype not in (FLOATS if dtype is None else (np.dtype(dtype),)):
            raise ValueError(name)
        if value.size and not (least <= value.min() and value.max() <= most):  # NaN fails every comparison
            raise ValueError(name)
        return value

    def indices(self, name: str, shape: tuple[int | None, ...], size: int, least: int = 0) -> np.ndarray:
        """An array of intp with entries from least to size - 1."""
        value = self._array(name, shape)
        if value.dtype.kind not in "iu" or (value.size and not (least <= value.min() and value.max() < size)):
            raise ValueError(name)
        return value.astype(np.intp, order="C")

    def number(self, name: str, least: float = -math.inf) -> float:
        """A float64 that is at least `least`, perhaps infinite, but not NaN."""
        value = self._item(name, "f")
        if self.arrays[name].dtype != np.float64 or not value >= least:
            raise ValueError(name)
        return value

    def count(self, name: str) -> int:
        """An integer >= 0."""
        value = self._item(name, "iu")
        if value < 0:
            raise ValueError(name)
        return value

    def flag(self, name: str) -> bool:
        """True or False."""
        return self._item(name, "b")

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of the words in `choices`."""
        value = self._item(name, "U")
        if value not in choices:
            raise ValueError(name)
        return value

    def mapping(self, name: str) -> dict[str, Any]:
        """A JSON object."""
        value = json.loads(self._item(name, "U"))
        if not isinstance(value, dict):
            raise ValueError(name)
        return value

    def names(self, shape: tuple[int, int]) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        """The names of the rows and columns of X, a tuple of strings or None for each."""
        rows, columns = json.loads(self._item("names", "U"))
        return _names_of_axis(rows, shape[0]), _names_of_axis(columns, shape[1])

    def _array(self, name: str, shape: tuple[int | None, ...]) -> np.ndarray:
        value = self.arrays[name]
        if value.ndim != len(shape) or any(
            expected not in (None, size) for expected, size in zip(shape, value.shape, strict=True)
        ):
            raise ValueError(name)
        return value

    def _item(self, name: str, kinds: str) -> Any:
        value = self._array(name, ())
        if value.dtype.kind not in kinds:
            raise ValueError(name)
        return value.item()


def _names_of_axis(value: Any, size: int) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != size or not all(isinstance(name, str) for name in value):
        raise ValueError("names")
    return tuple(value)


def names_to_array(names: tuple[tuple[str, ...] | None, tuple[str, ...] | None]) -> np.ndarray:
    """The member "names" of a file, as `Members.names` reads it."""
    return np.asarray(json.dumps(names))


class Storable(ABC):
    """A result that can be written to a file and read again.

    A subclass sets `_file_kind`, gives its values as named arrays in `_to_arrays`, and builds itself from checked
    members in `_from_members`.
    """

    _file_kind: ClassVar[files.FileFormat]

    def save(self, path: str | os.PathLike) -> None:
        """Write the result to a file, bit for bit; an existing file is replaced.

        The file has the format .npz, whatever its name, and `numpy.load` reads it, too; nothing in it is pickled. It
        is written under another name in the same folder and then renamed, so that it is never there in part.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be written.

        See Also
        --------
        load : Read the file again.
        """
        files.write(path, self._to_arrays(), self._file_kind)

    @classmethod
    def load(cls, path: str | os.PathLike) -> Self:
        """Read a result that `save` has written.

        Parameters
        ----------
        path : str or os.PathLike

        Returns
        -------
        result
            Equal to the one that was saved, with identical bits.

        Raises
        ------
        OSError
            The file cannot be read.
        InputError
            The file is truncated or damaged, was written by a newer version, or holds something else. Every member is
            checked; no code in a file is ever executed.

        See Also
        --------
        save : Write the file.
        """
        return files.read(path, lambda arrays: cls._from_members(Members(arrays)), cls._file_kind)

    @abstractmethod
    def _to_arrays(self) -> dict[str, np.ndarray]:
        """The values of the result as arrays of numbers and text."""

    @classmethod
    @abstractmethod
    def _from_members(cls, members: Members) -> Self:
        """The result that the members of a file describe; any exception where they do not fit together."""
