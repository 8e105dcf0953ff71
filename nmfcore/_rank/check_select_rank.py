"""The checks of the choice of a rank."""

import itertools
from collections.abc import Mapping
from typing import Any

from .._checks import InputError, InputTypeError, check_compressed, check_count, check_matrix, check_number, is_sparse
from ..data import Data
from ..losses import BetaDivergence, Frobenius, Loss

MOST_HIDDEN = 0.5  # of the entries
SERVED = {
    "any": (object, "any"),
    "beta": (Frobenius | BetaDivergence, "'frobenius', 'kullback-leibler' or another beta"),
    "noise": (Frobenius | BetaDivergence, "'frobenius' or 'kullback-leibler'"),
    "frobenius": (Frobenius, "'frobenius'"),
}


def ranks(values: Any, shape: tuple[int, int], method: str, least: int, bounded: bool) -> tuple[int, ...]:
    """Different ranks >= 1, rising: at least so many, and where they are `bounded` none above min(m, n)."""
    wanted = "wanted a range or a list of different integers >= 1"
    if isinstance(values, str | bytes | Mapping) or not hasattr(values, "__iter__"):
        raise InputTypeError(f"ranks is {values!r} ({type(values).__name__}); {wanted}")
    found = sorted(check_count(k, f"ranks[{i}]", 1) for i, k in enumerate(values))
    if not found:
        raise InputError(f"ranks is empty; {wanted}")
    twice = [k for k, following in itertools.pairwise(found) if k == following]
    if twice:
        raise InputError(f"ranks has {twice[0]} more than once; {wanted}")
    if len(found) < least:
        raise InputError(f"ranks has {len(found)} entries; wanted at least {least} for method={method!r}")
    if bounded and found[-1] > min(shape):
        raise InputError(
            f"ranks has {found[-1]}, but X has shape {shape}; wanted ranks <= {min(shape)} for method={method!r}"
        )
    return tuple(found)


def options(given: dict[str, Any], defaults: dict[str, Any], method: str) -> dict[str, Any]:
    """The options of a method: those given, else its defaults. Refuses those it does not have."""
    for name, value in given.items():
        if value is not None and name not in defaults:
            raise InputError(f"{name} is {value!r}, but method={method!r} has no such option; wanted None")
    found = defaults | {name: value for name, value in given.items() if value is not None}
    least = 2 if method in ("stability", "cophenetic") else 1
    for name, least_count in (("n_repeats", 1), ("n_starts", least), ("max_iter", 1)):
        if name in found:
            found[name] = check_count(found[name], name, least_count)
    if found.get("fraction") is not None:
        found["fraction"] = _fraction(found["fraction"])
    return found | {"tol": check_number(found["tol"], "tol")}


def _fraction(value: Any) -> float:
    value = check_number(value, "fraction", positive=True)
    if value > MOST_HIDDEN:
        raise InputError(f"fraction is {value}; wanted a share of the entries to hide, > 0 and <= {MOST_HIDDEN}")
    return value


def whole(held: Data) -> None:
    """Refuse X with hidden entries."""
    if held.weighted:
        raise InputError("X is a masked array with masked entries; wanted an X without, of which entries can be hidden")


def loss(chosen: Loss, served: str, method: str) -> None:
    """Refuse a loss for which a method says nothing."""
    kinds, wanted = SERVED[served]
    serves = isinstance(chosen, kinds) and (served != "noise" or getattr(chosen, "beta", 1) == 1)
    if not serves:
        raise InputError(f"loss is {chosen.name!r}; wanted {wanted} for method={method!r}")


def numbers(X: Any) -> Any:
    """The entries of an X that is held already, as an array or a CSR array in canonical form."""
    return check_compressed(X, "X").tocsr() if is_sparse(X) else check_matrix(X, "X")


def some_hidden(count: int, shape: tuple[int, int], fraction: float) -> None:
    """Refuse an X so small that there is nothing to foretell."""
    if min(shape) < 2:
        raise InputError(f"X has shape {shape}; wanted two rows and two columns at least, to hide entries of it")
    if not count:
        raise InputError(
            f"X has shape {shape}, of which fraction={fraction:g} hides no entry; wanted a larger X or fraction"
        )


def halves(shape: tuple[int, int]) -> None:
    """Refuse an X that has no blocks."""
    if min(shape) < 2:
        raise InputError(f"X has shape {shape}; wanted two rows and two columns at least, to hide blocks of it")
