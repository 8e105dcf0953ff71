"""The start of a fit."""

from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError, check_choice, check_factor, check_random_state, quoted
from .._runtime import Workspace
from .._starts import INITS, Start, check_independent, given, made
from ..data import Data
from .checkpoint import Checkpoint
from .result import Result

STARTS = {name: name for name in ("auto", *INITS)}


def make_start(
    init: Any,
    held: Data,
    k: int,
    random_state: Any,
    workspace: Workspace,
    given_values: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
    together: bool = False,
) -> Start:
    """The starting factors that `init` names or holds.

    given_values: of W and H where they are (in part) fixed; together: whether all components have one scale.
    """
    rng = check_random_state(random_state)
    if isinstance(init, Result):
        init = tuple(init)
    if isinstance(init, tuple | list):
        if len(init) != 2:
            raise InputError(f"init has {len(init)} elements; wanted a pair (W0, H0)")
        m, n = held.shape
        W0, H0 = (
            check_factor(F, name, shape, held.dtype)
            for F, name, shape in zip(init, ("init[0] (W0)", "init[1] (H0)"), ((m, k), (k, n)), strict=True)
        )
        found = given(held, W0, H0, together)
        limit = float(np.finfo(held.dtype).max) ** 0.3
        if held.measures.largest > 0 and not found.W.max() <= limit:  # X = 0 has no scale
            raise InputError(
                f"init (W0, H0) is out of scale with X: with H0 scaled to 1 and X to {held.measures.largest:g}, W0 has "
                f"entries beyond {limit:.0e}"
            )
        return found
    of_H = _scale_of_H(held, given_values)
    if not isinstance(init, str):
        raise InputTypeError(
            f"init is of type {type(init).__name__}; wanted a pair (W0, H0) or one of {quoted(STARTS)}"
        )
    largest = min(held.shape)
    name = check_choice(init, "init", STARTS | {"auto": "nndsvda" if k <= largest and not held.weighted else "random"})
    if k > largest and name != "random":
        raise InputError(f"init={init!r} needs k <= min(m, n) = {largest}, but k is {k}; 'random' and 'auto' do not")
    if name == "spa" and held.weighted:
        raise InputError("init is 'spa', which takes whole rows of X, but entries have weights; wanted another start")
    found = made(held, name, k, rng, workspace, of_H)
    check_independent(found.W.shape[1], k)
    return found


def _scale_of_H(held: Data, given_values: tuple[np.ndarray | None, np.ndarray | None]) -> int | None:
    """The exponent of H in a fit where values of a factor are given."""
    of_W, of_H = (
        None if values is None or not np.nanmax(values, initial=0) > 0 else int(np.frexp(np.nanmax(values))[1])
        for values in given_values
    )
    return of_H if of_W is None else held.measures.exponent - of_W if of_H is None else of_H


def resumed(checkpoint: Checkpoint) -> Start:
    """The factors of a checkpoint."""
    arrays = checkpoint.arrays
    factors = (arrays[name].copy() for name in ("W_factor", "H_factor"))
    return Start(*factors, (arrays["W_exponents"], arrays["H_exponents"]))
