"""Data frames and AnnData: their numbers and names, and factors as data frames.

A library is imported only if an object of it is passed or requested.
"""

import sys
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._runtime import import_optional
from .names import Names, check_unique, refuse_column, refuse_without_x

EXTRA = "frames"
LIBRARIES = {name: name for name in ("pandas", "polars")}
Labels: TypeAlias = tuple[str, ...] | range | None  # of an axis; a range for a default index of pandas


@dataclass(frozen=True, eq=False)
class LabelledMatrix:
    """An array or a sparse matrix with the names of its rows and columns, which counts as a data frame."""

    values: Any
    labels: tuple[Labels, Labels]


def labelled(values: Any, labels: tuple[Labels, ...]) -> Any:
    """A matrix with the labels of its rows and columns; the matrix itself if there are none."""
    if len(labels) != 2 or labels == (None, None):
        return values
    return LabelledMatrix(values, (labels[0], labels[1]))


def unwrap(X: Any, name: str = "X") -> tuple[Any, Names]:
    """The numbers of a data frame or an AnnData, as a view if possible, and the names of its rows and columns.

    Anything else is returned unchanged, without names. A default pandas RangeIndex, and polars, which has no index,
    give no row names.
    """
    if type(X) is np.ndarray:
        return X, (None, None)
    if _is(X, "pandas", "DataFrame"):
        values = _of_pandas(X, name)
    elif _is_arrow_like(X):
        frame = import_optional("narwhals", EXTRA, "a data frame").from_native(X, eager_only=True)
        values = _of_narwhals(frame, name)
    elif _is(X, "anndata", "AnnData"):
        values = _of_anndata(X, name)
    else:
        values = X.values if isinstance(X, LabelledMatrix) else X
    labels = labels_of(X)
    if len(labels) != 2:
        return values, (None, None)
    rows, columns = (None if isinstance(names, range) else names for names in labels)
    return values, (rows, columns)


def labels_of(A: Any) -> tuple[Labels, ...]:
    """The labels of the rows and columns of a data frame or an AnnData, or of a Series of pandas; () for an array."""
    if A is None or type(A) is np.ndarray:
        return ()
    if _is(A, "pandas", "DataFrame"):
        return _index(A.index), _index(A.columns)
    if _is(A, "pandas", "Series"):
        return (_index(A.index),)
    if _is(A, "polars", "DataFrame"):
        return None, tuple(A.columns)
    if _is(A, "pyarrow", "Table"):
        return None, tuple(A.column_names)
    if _is(A, "anndata", "AnnData"):
        return _index(A.obs_names), _index(A.var_names)
    return A.labels if isinstance(A, LabelledMatrix) else ()


def _is_arrow_like(X: Any) -> bool:
    """Whether X is a table without an index, of polars or Arrow."""
    return _is(X, "polars", "DataFrame") or _is(X, "pyarrow", "Table")


def _is(X: Any, library: str, kind: str) -> bool:
    return isinstance(X, getattr(sys.modules.get(library), kind, ()))


def _index(index: Any) -> tuple[str, ...] | range:
    """A pandas index as text; a range for a RangeIndex from 0."""
    import pandas

    counts = isinstance(index, pandas.RangeIndex) and index.start == 0 and index.step == 1
    return range(len(index)) if counts else tuple(map(str, index))


def _of_pandas(X: Any, name: str) -> Any:
    """A SciPy matrix if all columns are sparse with fill value 0, otherwise an array with NaN for missing entries."""
    import pandas

    dtypes = list(X.dtypes)
    kinds = list(dict.fromkeys(dtypes))  # the distinct dtypes, in order
    for dtype in kinds:
        if not (pandas.api.types.is_numeric_dtype(dtype) or dtype.kind == "b"):
            i = dtypes.index(dtype)
            refuse_column(X.columns[i], dtype, X.iloc[:, i], name)
    if kinds and all(isinstance(dtype, pandas.SparseDtype) and dtype.fill_value == 0 for dtype in kinds):
        return X.sparse.to_coo()
    plain = [getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", dtype)) for dtype in kinds]
    common = np.result_type(*plain) if plain else np.dtype(float)
    if all(isinstance(dtype, np.dtype) for dtype in kinds) or (common.kind == "b" and not X.isna().any(axis=None)):
        return X.to_numpy(common)
    single = common.kind == "f" and common.itemsize <= 4
    return X.to_numpy(np.float32 if single else np.float64, na_value=np.nan)


def _of_narwhals(frame: Any, name: str) -> np.ndarray:
    """An array with NaN for missing entries."""
    nw = import_optional("narwhals", EXTRA, "a data frame")
    for column, dtype in frame.schema.items():
        if not (dtype.is_numeric() or dtype == nw.Boolean):
            refuse_column(column, dtype, frame[column], name)
    kinds = set(frame.schema.values())
    if kinds == {nw.Boolean} and not any(frame[column].null_count() for column in frame.columns):
        return frame.to_numpy()
    single = kinds == {nw.Float32}
    return frame.select(nw.all().cast(nw.Float32 if single else nw.Float64)).to_numpy()


def _of_anndata(X: Any, name: str) -> Any:
    """The matrix X of an AnnData, loaded if it is in a file."""
    values = X.X
    if values is None:
        refuse_without_x(name)
    return values.to_memory() if hasattr(values, "to_memory") else values


def factor_frames(W: np.ndarray, H: np.ndarray, names: Names, library: str) -> tuple[Any, Any]:
    """Both factors as data frames of a library, with the names of rows and columns."""
    components = [f"component_{t}" for t in range(len(H))]
    rows, columns = (None if labels is None else list(labels) for labels in names)
    if library == "pandas":
        DataFrame = import_optional("pandas", EXTRA, "Result.to_frame").DataFrame
        return (
            DataFrame(W, index=rows, columns=components, copy=True),
            DataFrame(H, index=components, columns=columns, copy=True),
        )
    import_optional(library, library, "Result.to_frame")
    row_labels = np.arange(len(W)) if rows is None else rows
    column_labels = [str(j) for j in range(H.shape[1])] if columns is None else columns
    return (
        _frame(library, "row", row_labels, components, W),
        _frame(library, "component", components, column_labels, H),
    )


def table(columns: dict[str, np.ndarray], library: str) -> Any:
    """Columns of equal length as a data frame of a library."""
    if library == "pandas":
        return import_optional("pandas", EXTRA, "to_frame").DataFrame(columns)
    import_optional(library, library, "to_frame")
    return import_optional("narwhals", EXTRA, "to_frame").from_dict(columns, backend=library).to_native()


def _frame(library: str, first: str, labels: Any, columns: list[str], F: np.ndarray) -> Any:
    """A data frame whose first column has the labels of the rows."""
    check_unique([first, *columns], library)
    data = {first: labels} | {column: F[:, j].copy() for j, column in enumerate(columns)}
    return import_optional("narwhals", EXTRA, "Result.to_frame").from_dict(data, backend=library).to_native()
