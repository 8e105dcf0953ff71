"""Which solvers serve a loss and what is asked of the factors."""

from typing import Any

from .._checks import InputError, check_choice, check_count, check_number
from ..losses import Loss
from ..solvers import SOLVERS, Solver


def solvers(
    name: Any, loss: Loss, needs: tuple[dict, dict], inner_iter: Any, floor: Any, once: bool = False
) -> tuple[Solver, Solver]:
    """The solvers of W and of H, of that name and with its options, which serve the loss and take what is asked.

    needs: for each factor what its solver must take, and the argument that asks for it; once: whether one factor is
    given, so that the other one's problem is solved once, by "auto" exactly where there is a solver that does.
    """
    names = [known.name for known in SOLVERS]
    check_choice(name, "solver", dict.fromkeys(("auto", *names)))
    serving = [known for known in SOLVERS if known.needs in loss.provides]
    if once:
        serving.sort(key=lambda known: not known.exact)
    if name not in ("auto", *(known.name for known in serving)):
        served = list(dict.fromkeys(known.name for known in serving))
        raise InputError(f"solver={name!r} does not serve loss={loss.name!r}; wanted one of {served}")
    taking = [
        [known for known in serving if needed.keys() <= known.takes & of_loss]
        for needed, of_loss in zip(needs, loss.takes, strict=True)
    ]
    common = [known.name for known in taking[0] if known.name in {other.name for other in taking[1]}]
    wanted = name if name != "auto" else next(iter(common), None)
    if wanted not in common:
        _refuse_needs(name, loss, needs, serving, common)
    found = tuple(next(known for known in side if known.name == wanted) for side in taking)
    options = _solver_options(inner_iter, floor)
    for option in options:
        if not any(option in known.__dataclass_fields__ for known in found):
            taken = sorted(found[0].__dataclass_fields__) or "none"
            raise InputError(f"{option} is not an option of solver={wanted!r}; it has {taken}")
    return tuple(
        known(**{option: value for option, value in options.items() if option in known.__dataclass_fields__})
        for known in found
    )


def _refuse_needs(name: str, loss: Loss, needs: tuple[dict, dict], serving: list, common: list[str]) -> None:
    """Name what is asked and who does not take it, and what would serve."""
    candidates = [known for known in serving if name in ("auto", known.name)]
    who = f"with loss={loss.name!r}" if name == "auto" else f"by solver={name!r} with loss={loss.name!r}"
    wanted = f"wanted one of {list(dict.fromkeys(common))}" if common else "wanted another loss, or one thing less"
    for needed, of_loss in zip(needs, loss.takes, strict=True):
        taken = [known.takes & of_loss for known in candidates]
        alone = [asked for need, asked in needed.items() if not any(need in kinds for kinds in taken)]
        if alone or not any(needed.keys() <= kinds for kinds in taken):
            asked = alone[0] if alone else " and ".join(needed.values()) + " together"
            raise InputError(f"{asked} is not served {who}; {wanted}")
    raise InputError(f"{' and '.join(a for n in needs for a in n.values())} is not served {who}; {wanted}")


def _solver_options(inner_iter: Any, floor: Any) -> dict[str, Any]:
    """The options that were given."""
    if isinstance(inner_iter, str) and inner_iter != "auto":
        raise InputError(f"inner_iter is {inner_iter!r}; wanted 'auto' or an integer >= 1")
    given = {}
    if inner_iter != "auto":
        given["inner_iter"] = check_count(inner_iter, "inner_iter", 1)
    if floor is not None:
        given["floor"] = check_number(floor, "floor")
        if given["floor"] >= 1:
            raise InputError(f"floor is {floor}, a share of the mean of a component; wanted 0 <= floor < 1")
    return given
