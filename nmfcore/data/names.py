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


def check_same_columns(found: tuple[str, ...] | None, wanted: tuple[str, ...] | None) -> None:
    """Refuse a data frame whose columns are not those of the fit; no check if either has no names."""
    if found is None or wanted is None or found == wanted:
        return
    columns, fitted = set(found), set(wanted)
    missing = [name for name in wanted if name not in columns]
    extra = [name for name in found if name not in fitted]
    if missing or extra:
        faults = [f"{_first_of(names)} {what}" for names, what in ((missing, "missing"), (extra, "extra")) if names]
    elif len(found) == len(wanted):
        at = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
        faults = [f"{found[at]!r} instead of {wanted[at]!r} (column {at})"]
    else:
        faults = [f"{len(found)} columns instead of {len(wanted)}"]
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
