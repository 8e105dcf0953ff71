"""Names of the rows and columns of X, and checks of the data frames that have them."""

from collections.abc import Iterable
from typing import Any, NoReturn

from .._checks import InputError, InputTypeError

Names = tuple[
    tuple[str, ...] | None, tuple[str, ...] | None
]  # of the rows and of the columns of X; None for an axis without names
MAX_SHOWN = 40  # characters of a text in a message


def refuse_column(column: Any, dtype: Any, values: Iterable, name: str) -> NoReturn:
    """Raise the error for a column of a data frame that is not numeric."""
    text = next((value for value in values if isinstance(value, str)), None)
    content = dtype if text is None else f"text, such as {text[:MAX_SHOWN]!r}"
    raise InputTypeError(f"{name} has the column {column!r} of {content}; wanted numbers")


def refuse_without_x(name: str) -> NoReturn:
    """Raise the error for an AnnData without X."""
    raise InputTypeError(f"{name} is an AnnData whose X is None; wanted an AnnData with X, or one of its layers")


def check_same_columns(columns: tuple[str, ...] | None, fitted_columns: tuple[str, ...] | None) -> None:
    """Refuse a data frame whose columns are not those of the fit; no check if either has no names."""
    if columns is None or fitted_columns is None or columns == fitted_columns:
        return
    names, fitted_names = set(columns), set(fitted_columns)
    missing = [name for name in fitted_columns if name not in names]
    extra = [name for name in columns if name not in fitted_names]
    if missing or extra:
        faults = [f"{_first_of(some)} {what}" for some, what in ((missing, "missing"), (extra, "extra")) if some]
    elif len(columns) == len(fitted_columns):
        at = next(i for i, (a, b) in enumerate(zip(columns, fitted_columns, strict=True)) if a != b)
        faults = [f"{columns[at]!r} instead of {fitted_columns[at]!r} (column {at})"]
    else:
        faults = [f"{len(columns)} columns instead of {len(fitted_columns)}"]
    raise InputError(
        f"the columns of X are not those of H: {', '.join(faults)}; wanted the columns of the fit, in its order"
    )


def _first_of(names: list[str]) -> str:
    return repr(names[0]) + f" and {len(names) - 1} more" * (len(names) > 1)


def check_unique(names: list[str], library: str) -> None:
    """Refuse a repeated column name, for libraries that allow no repeats."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"two columns have the name {name!r}, which {library} does not allow; wanted 'pandas'")
        seen.add(name)
