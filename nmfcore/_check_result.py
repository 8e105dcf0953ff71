"""The checks of data frames, whose names a result keeps, and of what a result is asked for."""

from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

SHOWN = 40  # characters of a text in a message


def refuse_column(column: Any, dtype: Any, values: Iterable, name: str) -> NoReturn:
    """Say which column of a data frame holds no numbers, and what it holds."""
    text = next((value for value in values if isinstance(value, str)), None)
    found = dtype if text is None else f"text, such as {text[:SHOWN]!r}"
    raise TypeError(f"{name} has the column {column!r} of {found}; wanted numbers")


def refuse_without_x(name: str) -> NoReturn:
    """Say that an AnnData has its numbers elsewhere."""
    raise TypeError(f"{name} is an AnnData whose X is None; wanted one with X, or one of its layers alone")


def same_columns(found: tuple[str, ...] | None, wanted: tuple[str, ...] | None) -> None:
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
    raise ValueError(f"X has other columns than H: {', '.join(faults)}; wanted the columns of the fit in their order")


def _counted(names: list[str]) -> str:
    return repr(names[0]) + f" and {len(names) - 1} more" * (len(names) > 1)


def no_name_twice(names: list[str], library: str) -> None:
    """Refuse names of columns that a library takes only once."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(
                f"{library} takes no two columns of one name, but {name!r} is there twice; wanted 'pandas'"
            )
        seen.add(name)


def held(F: np.ndarray, before: np.ndarray, name: str) -> np.ndarray:
    """A factor in another scale, where its dtype holds it."""
    if np.any(np.isinf(F) & np.isfinite(before)):
        raise ValueError(
            f"normalize takes {name} beyond the range of {F.dtype}; wanted another norm, or by the other side"
        )
    return F


def unweighted(options: dict[str, Any]) -> None:
    """Refuse a fit in which entries had weights, for which no decomposition gives the least error."""
    asked = [name for name in ("weights", "mask", "missing") if options.get(name)]
    if asked:
        raise ValueError(
            f"the fit had {' and '.join(asked)}, and the least error with weights is not known; "
            "wanted a fit in which all entries count alike"
        )


def same_shape(found: tuple[int, int], wanted: tuple[int, int]) -> None:
    """Refuse an X that cannot be the one that was fitted."""
    if found != wanted:
        raise ValueError(f"X has shape {found}, but W H has {wanted}; wanted the X of the fit")
