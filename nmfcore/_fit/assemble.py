"""The start of a fit, and how each of its factors is updated, in the units of the fit.

With penalties all components of a factor have one scale, a power of two, in which strengths and bounds are expressed
once. Without penalties each component may have a scale of its own.
"""

import math
from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError, check_choice, check_factor, check_random_state, quote_names
from .._runtime import Workspace
from .._starts import INITS, Start, build_start, check_independent, from_factors, from_one_factor, project_starts
from ..data import Data
from ..losses import Loss
from ..penalties import ORTHANT, Domain, FactorPenalty, Penalty, Prior, Sum, SumToOne, Units
from ..solvers import Solver
from .checkpoint import Checkpoint
from .constraints import FactorConstraints, check_converted, check_range, check_strengths
from .factorization import Factorization
from .specification import FactorSpec

STARTS = {name: name for name in ("auto", *INITS)}
ENTRIES = 1e-100, 1e100  # range of a unit of relative penalties, in the units of a fit
TYPICAL_SHARE = np.array([[0.5]])  # a factor whose entries sum to one has about this size, which sets its scale


def make_start(constraints: FactorConstraints, init: Any, data: Data, random_state: Any, workspace: Workspace) -> Start:
    """Build the start that `init` names or holds. If a factor is fixed, "auto" starts the other one from a constant."""
    if isinstance(init, Checkpoint):
        return from_checkpoint(init)
    constrained = any(own is not None for own in constraints.own)
    if constrained and isinstance(init, str) and init == "auto" and any(constraints.fixed):
        fixed = zip(constraints.values, constraints.fixed, strict=True)
        return from_one_factor(data, *(values if is_fixed else None for values, is_fixed in fixed))
    scales = _scale_values(constraints, 0), _scale_values(constraints, 1)
    return _from_argument(init, data, constraints.k, random_state, workspace, scales, one_scale=constrained)


def _scale_values(constraints: FactorConstraints, side: int) -> np.ndarray | None:
    """Values of a factor that set its scale, if there are any."""
    values, own = constraints.values[side], constraints.own[side]
    if values is not None or own is None:
        return values
    if any(isinstance(part, SumToOne) for part in own.parts):
        return TYPICAL_SHARE
    targets = [part.typical_entry(constraints.shapes[side], side == 1) for part in own.parts if isinstance(part, Prior)]
    return next((np.array([[target]]) for target in targets if target is not None), None)


def factor_specs(
    constraints: FactorConstraints,
    solvers: tuple[Solver, Solver],
    start: Start,
    loss: Loss,
    data: Data,
    workspace: Workspace,
) -> tuple[FactorSpec, FactorSpec]:
    """How W and H are updated, in the units of the fit; the start is projected onto their sets, in place."""
    of_W, of_H = (_in_units_of_fit(constraints, side, start, loss, data) for side in (0, 1))
    domains = _domain(of_W, start.W), _domain(of_H, start.Ht)
    project_starts(start, domains, constraints.fixed, workspace)
    return (
        FactorSpec(solvers[0], FactorPenalty(of_W, of_H, constraints.coupled), domains[0], constraints.fixed[0]),
        FactorSpec(solvers[1], FactorPenalty(of_H, of_W, constraints.coupled), domains[1], constraints.fixed[1]),
    )


def _domain(penalty: Penalty | None, F: np.ndarray) -> Domain:
    return ORTHANT if penalty is None else penalty.domain(F)


def _in_units_of_fit(constraints: FactorConstraints, side: int, start: Start, loss: Loss, data: Data) -> Penalty | None:
    """The penalties on a factor in the units of a fit; coupled ones count the factor times the norms of the other."""
    own = constraints.own[side]
    if own is None:
        return None
    check_range(own, side, data.dtype)
    objective, scale = loss.degree * data.measures.exponent, loss.scale(data)
    of_factor, entries = int(start.exponents[side][0]), _typical_entries(constraints, start, data)
    parts = []
    for part in own.parts:
        exponent, entry = of_factor, entries[side]
        if constraints.coupled and part.removable_by_scaling:
            exponent = data.measures.exponent
            entry = entries[0] * entries[1] * math.sqrt(constraints.shapes[1 - side][0])
        units = Units(exponent, objective, scale, entry or 1.0)
        parts.append(part.in_units(units, constraints.shapes[side], side == 1))
    check_converted(own.parts, parts, side, data.dtype)
    check_strengths(own.parts, parts, side, data.dtype)
    return parts[0] if len(parts) == 1 else Sum(tuple(parts))


def _typical_entries(constraints: FactorConstraints, start: Start, data: Data) -> tuple[float, float]:
    """The units of W and H for relative penalties, in the units of the fit.

    They are what a constraint prescribes. Where none does, constant W and H have the mean of X as product.
    """
    of_W, of_H = (_prescribed_entry(constraints, side, start) for side in (0, 1))
    product = data.measures.mean / constraints.k
    if of_W is None:
        of_W = math.sqrt(product) if of_H is None else product / of_H
    return of_W, (product / of_W if of_W > 0 else 0.0) if of_H is None else of_H


def _prescribed_entry(constraints: FactorConstraints, side: int, start: Start) -> float | None:
    """The size of an entry that the first constraint with one prescribes, in the units of the fit."""
    own = constraints.own[side]
    sizes = [] if own is None else [part.typical_entry(constraints.shapes[side], side == 1) for part in own.parts]
    size = next((size for size in sizes if size is not None), None)
    if size is None:
        return None
    with np.errstate(over="ignore"):  # it is clipped
        return float(np.clip(np.ldexp(size, -int(start.exponents[side][0])), *ENTRIES))


def _from_argument(
    init: Any,
    data: Data,
    k: int,
    random_state: Any,
    workspace: Workspace,
    scale_values: tuple[np.ndarray | None, np.ndarray | None],
    one_scale: bool,
) -> Start:
    """The starting factors that `init` names or holds.

    scale_values: values that set the scale of W and of H, or None; one_scale: whether all components share one scale.
    """
    rng = check_random_state(random_state)
    if isinstance(init, Factorization):
        init = tuple(init)
    if isinstance(init, tuple | list):
        if len(init) != 2:
            raise InputError(f"init has {len(init)} elements; wanted a pair (W0, H0)")
        m, n = data.shape
        W0, H0 = (
            check_factor(F, name, shape, data.dtype)
            for F, name, shape in zip(init, ("init[0] (W0)", "init[1] (H0)"), ((m, k), (k, n)), strict=True)
        )
        start = from_factors(data, W0, H0, one_scale)
        limit = float(np.finfo(data.dtype).max) ** 0.3
        if data.measures.largest > 0 and not start.W.max() <= limit:  # X = 0 has no scale
            raise InputError(
                f"init (W0, H0) is out of scale with X: with H0 scaled to 1 and X to {data.measures.largest:g}, W0 has "
                f"entries beyond {limit:.0e}"
            )
        return start
    of_H = _scale_of_H(data, scale_values)
    if not isinstance(init, str):
        raise InputTypeError(
            f"init is of type {type(init).__name__}; wanted a pair (W0, H0) or one of {quote_names(STARTS)}"
        )
    start = build_start(data, check_start_name(init, data, k), k, rng, workspace, of_H)
    check_independent(start.W.shape[1], k)
    return start


def check_start_name(init: str, data: Data, k: int) -> str:
    """The name of a start of k components for X, which is one of `INITS`."""
    largest = min(data.shape)
    name = check_choice(init, "init", STARTS | {"auto": "nndsvda" if k <= largest and not data.weighted else "random"})
    if k > largest and name != "random":
        raise InputError(f"init={init!r} needs k <= min(m, n) = {largest}, but k is {k}; wanted 'random' or 'auto'")
    if name == "spa" and data.weighted:
        raise InputError("init is 'spa', which takes whole rows of X, but entries have weights; wanted another start")
    return name


def _scale_of_H(data: Data, scale_values: tuple[np.ndarray | None, np.ndarray | None]) -> int | None:
    """The exponent of 2 of H in a fit where values of a factor are fixed."""
    of_W, of_H = (
        None if values is None or not np.nanmax(values, initial=0) > 0 else int(np.frexp(np.nanmax(values))[1])
        for values in scale_values
    )
    return of_H if of_W is None else data.measures.exponent - of_W if of_H is None else of_H


def from_checkpoint(checkpoint: Checkpoint) -> Start:
    """The factors of a checkpoint."""
    arrays = checkpoint.arrays
    of_W, of_H = (arrays[name].astype(np.intc) for name in ("W_exponents", "H_exponents"))  # early files have int64
    return Start(arrays["W_factor"].copy(), arrays["H_factor"].copy(), (of_W, of_H))
