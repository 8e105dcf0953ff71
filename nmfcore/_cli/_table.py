"""A matrix with the names of its rows and columns, as a file holds them."""

from typing import Any, NamedTuple

import numpy as np

from ..data import frames


class Table(NamedTuple):
    """A matrix, dense or sparse, and the names of its rows and columns; None if the file has no names."""

    X: Any
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None

    @property
    def argument(self) -> Any:
        """The matrix with its names, as an argument of `nmf`, which matches tables by name."""
        return frames.labelled(self.X, (self.rows, self.columns))

    def prepare(self, transpose: bool, dtype: str | None) -> "Table":
        """The table, optionally transposed and in another dtype. X is copied only for a new dtype."""
        X, rows, columns = self
        if dtype is not None:
            with np.errstate(over="ignore"):  # an overflow is an infinite entry, which the fit refuses
                X = X.astype(dtype, copy=False)
        return Table(X.T, columns, rows) if transpose else Table(X, rows, columns)
