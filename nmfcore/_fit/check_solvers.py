"""Which solvers serve a loss and the constraints on the factors."""

import functools
from typing import Any, NoReturn

from .._checks import InputError, check_choice, check_count, check_number
from ..losses import Loss
from ..solvers import SOLVERS, Solver

NAMES = dict.fromkeys(("auto", *(solver.name for solver in SOLVERS)))
Needs = tuple[dict[str, str], dict[str, str]]  # of W and of H: kinds of constraint, and the arguments they come from


def choose_solvers(
    name: Any, loss: Loss, needs: Needs, inner_iter: Any, floor: Any, one_factor: bool = False
) -> tuple[Solver, Solver]:
    """The solvers of W and of H by that name, with its options, that serve the loss and the constraints.

    one_factor: whether the other factor is fixed; "auto" then prefers a solver that solves the half-step exactly.
    """
    check_choice(name, "solver", NAMES)
    options = _solver_options(inner_iter, floor)
    serving = _solvers_of(loss.provides, one_factor)
    if name not in ("auto", *(solver.name for solver in serving)):
        served = list(dict.fromkeys(solver.name for solver in serving))
        raise InputError(f"solver={name!r} does not serve loss={loss.name!r}; wanted one of {served}")
    of_W, of_H = serving, serving
    if any(needs):
        of_W, of_H = (
            [solver for solver in serving if kinds.keys() <= solver.takes & of_loss]
            for kinds, of_loss in zip(needs, loss.takes, strict=True)
        )
    names_of_H = {solver.name for solver in of_H}
    common = [solver.name for solver in of_W if solver.name in names_of_H]
    chosen = name if name != "auto" else next(iter(common), None)
    if chosen not in common:
        _refuse_needs(name, loss, needs, serving, common)
    kinds = [next(solver for solver in side if solver.name == chosen) for side in (of_W, of_H)]
    for option in options:
        if not any(option in solver.__dataclass_fields__ for solver in kinds):
            taken = sorted(kinds[0].__dataclass_fields__) or "none"
            raise InputError(f"{option} is not an option of solver={chosen!r}; it has {taken}")
    return _with_options(kinds[0], options), _with_options(kinds[1], options)


@functools.lru_cache(maxsize=64)
def _solvers_of(provides: frozenset[str], one_factor: bool) -> tuple[Any, ...]:
    """The solvers that serve a loss with those statistics, the preferred ones first."""
    serving = [solver for solver in SOLVERS if solver.needs in provides]
    return tuple(sorted(serving, key=lambda solver: not solver.exact) if one_factor else serving)


def _with_options(solver: Any, options: dict[str, Any]) -> Solver:
    return solver(**{option: value for option, value in options.items() if option in solver.__dataclass_fields__})


def _refuse_needs(name: str, loss: Loss, needs: Needs, serving: tuple[Any, ...], common: list[str]) -> NoReturn:
    """Name the arguments that no solver takes, and the solvers that would serve."""
    candidates = [solver for solver in serving if name in ("auto", solver.name)]
    who = f"with loss={loss.name!r}" if name == "auto" else f"by solver={name!r} with loss={loss.name!r}"
    wanted = f"wanted one of {list(dict.fromkeys(common))}" if common else "wanted another loss, or fewer constraints"
    for kinds, of_loss in zip(needs, loss.takes, strict=True):
        taken = [solver.takes & of_loss for solver in candidates]
        alone = [argument for kind, argument in kinds.items() if not any(kind in each for each in taken)]
        if alone or not any(kinds.keys() <= each for each in taken):
            arguments = alone[0] if alone else " and ".join(kinds.values()) + " together"
            raise InputError(f"{arguments} is not served {who}; {wanted}")
    raise InputError(f"{' and '.join(a for kinds in needs for a in kinds.values())} is not served {who}; {wanted}")


def _solver_options(inner_iter: Any, floor: Any) -> dict[str, Any]:
    """The options of solvers that the call sets."""
    if isinstance(inner_iter, str) and inner_iter != "auto":
        raise InputError(f"inner_iter is {inner_iter!r}; wanted 'auto' or an integer >= 1")
    options = {}
    if inner_iter != "auto":
        options["inner_iter"] = check_count(inner_iter, "inner_iter", 1)
    if floor is not None:
        options["floor"] = check_number(floor, "floor")
        if options["floor"] >= 1:
            raise InputError(f"floor is {floor}, a share of the mean of a component; wanted 0 <= floor < 1")
    return options
