"""A matrix with the names that stand beside it in its file."""

from typing import Any, NamedTuple

import numpy as np


class Table(NamedTuple):
    """A matrix, dense or sparse, with the names of its rows and columns where its file has such."""

    X: Any
    rows: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None

    def arranged(self, transpose: bool, dtype: str | None) -> "Table":
        """The table turned over, in another dtype; the matrix is copied only where it has another one."""
        X, rows, columns = self
        if dtype is not None:
            with np.errstate(over="ignore"):  # what is infinite then is refused as such
                X = X.astype(dtype, copy=False)
        return Table(X.T, columns, rows) if transpose else Table(X, rows, columns)
