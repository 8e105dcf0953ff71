"""Names of the rows and columns of X, and the checks of data frames that carry them."""

from collections.abc import Iterable
from typing import Any, NoReturn

from .._checks import InputError, InputTypeError

Names = tuple[tuple[str, ...] | None, tuple[str, ...] | None]  # of the rows and of the columns of X, where it has such
SHOWN = 40  # characters of a text in a message


def refuse_column(column: Any, dtype: Any, values: Iterable, name: str) -> NoReturn:
    """Say which column of a data frame holds no numbers, and what it holds."""
    text = next((value for value in values if isinstance(value, str)), None)
    found = dtype if text is None else f"text, such as {text[:SHOWN]!r}"
    raise InputTypeError(f"{name} has the column {column!r} of {found}; wanted numbers")


def refuse_without_x(name: str) -> NoReturn:
    """Say that an AnnData has its numbers elsewhere."""
    raise InputTypeError(f"{name} is an AnnData whose X is None; wanted one with X, or one of its layers alone")


def check_same_columns(found: tuple[str, ...] | None, wanted: tuple[str, ...] | None) -> None:
    """Refuse a data frame with other columns than those of the one that was fitted, where both have names."""
    if found is None or wanted is None or found == wanted:
        return
    there, known = set(found), set(wanted)
    lacking = [name for name in wanted if name not in there]
    strange = [name for name in found if name not in known]
    if lacking or strange:
        faults = [f"{_counted(names)} {what}" for names, what in ((lacking, "lacking"), (strange, "too many")) if names]
    elif len(found) == len(wanted):
        at = next(i for i, (a, b) in enumerate(zip(found, wanted, strict=True)) if a != b)
        faults = [f"{found[at]!r} in the place of {wanted[at]!r} (column {at})"]
    else:
        faults = [f"{len(found)} of them instead of {len(wanted)}"]
    raise InputError(f"X has other columns than H: {', '.join(faults)}; wanted the columns of the fit in their order")


def _counted(names: list[str]) -> str:
    return repr(names[0]) + f" and {len(names) - 1} more" * (len(names) > 1)


def no_name_twice(names: list[str], library: str) -> None:
    """Refuse names of columns that a library takes only once."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InputError(
                f"{library} takes no two columns of one name, but {name!r} is there twice; wanted 'pandas'"
            )
        seen.add(name)
