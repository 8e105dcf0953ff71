"""Names of the rows and columns of X, and checks of the data frames that have them."""

from collections import Counter
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


def describe_difference(names: tuple[str, ...], wanted: tuple[str, ...]) -> str | None:
    """How names differ from those that are wanted, or why their order cannot be told; None for the same in any order.

    At least one of the two has an order that the other has not.
    """
    has, needs = set(names), set(wanted)
    missing = [name for name in wanted if name not in has]
    extra = [name for name in names if name not in needs]
    if missing or extra:
        parts = [f"{_first_of(some)} {what}" for some, what in ((missing, "missing"), (extra, "extra")) if some]
        return ", ".join(parts)
    if len(names) != len(wanted):
        return f"{len(names)} instead of {len(wanted)}"
    if len(names) == len(has):
        return None
    return f"{Counter(names).most_common(1)[0][0]!r} is repeated"


def check_same_names(names: tuple[str, ...] | None, fitted: tuple[str, ...] | None, place: str, of: str) -> None:
    """Refuse a data frame whose rows or columns are not those of the fit; no check if either has no names."""
    if names is None or fitted is None or names == fitted:
        return
    fault = describe_difference(names, fitted) if set(names) != set(fitted) else None
    if fault is None and len(names) == len(fitted):
        at = next(i for i, (a, b) in enumerate(zip(names, fitted, strict=True)) if a != b)
        fault = f"{names[at]!r} instead of {fitted[at]!r} ({place[:-1]} {at})"
    elif fault is None:
        fault = f"{len(names)} {place} instead of {len(fitted)}"
    raise InputError(f"the {place} of X are not those of {of}: {fault}; wanted the {place} of the fit, in its order")


def check_same_columns(columns: tuple[str, ...] | None, fitted_columns: tuple[str, ...] | None) -> None:
    """Refuse new samples whose columns are not those of the fit; no check if either has no names."""
    check_same_names(columns, fitted_columns, "columns", "H")


def check_same_table(names: Names, fitted: Names) -> None:
    """Refuse a data frame whose rows and columns cannot be those of the X that was fitted."""
    check_same_names(names[0], fitted[0], "rows", "W")
    check_same_columns(names[1], fitted[1])


def _first_of(names: list[str]) -> str:
    return repr(names[0]) + f" and {len(names) - 1} more" * (len(names) > 1)


def check_unique(names: list[str], library: str) -> None:
    """Refuse a repeated column name, for libraries that allow no repeats."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(f"two columns have the name {name!r}, which {library} does not allow; wanted 'pandas'")
        seen.add(name)
