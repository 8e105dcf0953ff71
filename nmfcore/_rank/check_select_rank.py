"""Checks of the arguments of `select_rank`."""

from collections.abc import Iterable, Mapping
from typing import Any

from .._checks import (
    InputError,
    InputTypeError,
    check_choice,
    check_count,
    check_number,
    check_ranks,
    is_integer,
    refuse_large_rank,
)
from ..data import Data
from ..losses import BetaDivergence, Frobenius, Loss

RULES = {rule: rule for rule in ("best", "one-standard-error")}
MAX_FRACTION = 0.5  # of the entries that are hidden
MAX_ENTRIES = 2**61  # a fourth of what 64 bits number
LOSSES = {
    "any": (object, "any"),
    "beta": (Frobenius | BetaDivergence, "'frobenius', 'kullback-leibler' or another beta"),
    "noise": (Frobenius | BetaDivergence, "'frobenius' or 'kullback-leibler'"),
    "frobenius": (Frobenius, "'frobenius'"),
}


def check_candidates(ranks: Any, shape: tuple[int, int], method: str, least: int, bounded: bool) -> tuple[int, ...]:
    """At least `least` different ranks, in increasing order; if `bounded`, none above min(m, n).

    An integer, which `fit_many` takes as a single rank, is refused: it may be meant as the largest rank.
    """
    if is_integer(ranks):
        raise InputTypeError(
            f"ranks is {ranks!r} ({type(ranks).__name__}), a single rank; "
            "wanted the ranks to choose from, such as range(1, 11)"
        )
    candidates = check_ranks(ranks)
    if len(candidates) < least:
        raise InputError(f"ranks has {len(candidates)} entries; wanted at least {least} for method={method!r}")
    refuse_large_rank(candidates[-1], sum(shape), 8)
    if bounded and candidates[-1] > min(shape):
        raise InputError(
            f"ranks has {candidates[-1]}, but X has shape {shape}; wanted ranks <= {min(shape)} for method={method!r}"
        )
    return candidates


def require_known_options(names: Mapping[str, Any], known: Iterable[str], method: str) -> None:
    """Refuse options that the method does not have."""
    for name, value in names.items():
        if name not in known:
            raise InputError(f"{name} is {value!r}, but method={method!r} has no such option; wanted None")


def check_options(options: Mapping[str, Any], method: str) -> dict[str, Any]:
    """The options of a method in their range."""
    least = {"n_repeats": 1, "n_starts": 2 if method in ("stability", "cophenetic") else 1, "max_iter": 1}
    checked: dict[str, Any] = {name: check_count(options[name], name, least[name]) for name in least if name in options}
    if options.get("fraction") is not None:
        checked["fraction"] = _check_fraction(options["fraction"])
    if "rule" in options:
        check_choice(options["rule"], "rule", RULES)
        if method == "speckled" and options["rule"] == "one-standard-error" and checked["n_repeats"] == 1:
            raise InputError("n_repeats is 1, which gives no standard error; wanted at least 2 for that rule")
    return {**options, **checked, "tol": check_number(options["tol"], "tol")}


def _check_fraction(value: Any) -> float:
    value = check_number(value, "fraction", positive=True)
    if value > MAX_FRACTION:
        raise InputError(f"fraction is {value}; wanted a share of the entries to hide, > 0 and <= {MAX_FRACTION}")
    return value


def require_no_weights(data: Data) -> None:
    """Refuse X with masked entries."""
    if data.weighted:
        raise InputError("X is a masked array with masked entries; wanted an X without, since entries are hidden here")


def require_served_loss(loss: Loss, served: str, method: str) -> None:
    """Refuse a loss that the method does not serve; `served` is a key of `LOSSES`."""
    kinds, wanted = LOSSES[served]
    if not isinstance(loss, kinds) or (served == "noise" and getattr(loss, "beta", 1) != 1):
        raise InputError(f"loss is {loss.name!r}; wanted {wanted} for method={method!r}")


def refuse_endless_matrix(shape: tuple[int, int]) -> None:
    """Refuse an X whose entries no 64-bit integer numbers, with room for draws beyond the last one."""
    if shape[0] * shape[1] > MAX_ENTRIES:
        raise InputError(
            f"X has shape {shape}, so {shape[0] * shape[1]:.2g} entries; wanted at most {MAX_ENTRIES:.2g} for "
            "method='speckled', or method='bi-cross-validation'"
        )


def require_hidden_entries(count: int, shape: tuple[int, int], fraction: float) -> None:
    """Refuse an X so small that no entry is hidden."""
    if min(shape) < 2:
        raise InputError(f"X has shape {shape}; wanted two rows and two columns at least, to hide entries of it")
    if not count:
        raise InputError(
            f"fraction={fraction:g} hides no entry of an X of shape {shape}; wanted a larger X or fraction"
        )


def require_blocks(shape: tuple[int, int]) -> None:
    """Refuse an X that cannot be cut into four blocks."""
    if min(shape) < 2:
        raise InputError(f"X has shape {shape}; wanted two rows and two columns at least, to hide blocks of it")
