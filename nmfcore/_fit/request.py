"""What a call asks for: the arguments of `nmf`, as one frozen record that the whole package passes on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np

from ..data import FACTOR_AXES, FEATURES, SAMPLES, Alignment, frames
from ..losses import LossLike
from ..penalties import Penalty
from .checkpoint import Checkpoint
from .factorization import Factorization
from .records import State

InitLike: TypeAlias = str | tuple[Any, Any] | list[Any] | Factorization | Checkpoint
RandomState: TypeAlias = int | np.random.Generator | np.random.RandomState | None


@dataclass(frozen=True, eq=False)
class FitRequest:
    """The arguments of `nmf`, not yet checked; `parameters` documents each of them.

    The functions that users call make one. `dataclasses.replace` makes one that differs.
    """

    X: Any
    k: int = 1
    loss: LossLike = "frobenius"
    solver: str = "auto"
    init: InitLike = "auto"
    max_iter: int = 200
    tol: float = 1e-4
    max_time: float | None = None
    inner_iter: int | str = "auto"
    floor: float | None = None
    extrapolate: bool = True
    compress: bool | str = "auto"
    penalty_W: Penalty | None = None
    penalty_H: Penalty | None = None
    fixed_W: Any = None
    fixed_H: Any = None
    weights: Any = None
    mask: Any = None
    missing: str | None = None
    n_threads: int | None = None
    random_state: RandomState = None
    callback: Callable[[State], object] | None = None
    verbose: bool = False

    def align(self) -> Self:
        """The same with all tables as arrays, in the order of the samples and features of X; X itself stays.

        The labels of H decide the order of the components, then those of W, of the start and of the penalties.
        """
        alignment = Alignment(self.X)
        align = alignment.align
        return self.with_changes(
            fixed_H=align(self.fixed_H, "fixed_H", FACTOR_AXES[1]),
            fixed_W=align(self.fixed_W, "fixed_W", FACTOR_AXES[0]),
            init=_align_start(self.init, alignment),
            penalty_H=align_penalty(self.penalty_H, alignment, 1),
            penalty_W=align_penalty(self.penalty_W, alignment, 0),
            weights=align(self.weights, "weights", (SAMPLES, FEATURES)),
            mask=align(self.mask, "mask", (SAMPLES, FEATURES)),
        )

    def with_changes(self, **changes: Any) -> Self:
        """The same with these arguments, or itself if it has them."""
        new = {name: value for name, value in changes.items() if value is not getattr(self, name)}
        return replace(self, **new) if new else self


def _align_start(init: Any, alignment: Alignment) -> Any:
    """The factors of a start in the order of the problem; any other start as it is."""
    if isinstance(init, Factorization):
        rows, columns = init.names
        init = frames.labelled(init.W, (rows, None)), frames.labelled(init.H, (None, columns))
    if not isinstance(init, tuple | list) or len(init) != 2:
        return init
    W0, H0 = init
    H0 = alignment.align(H0, "init[1] (H0)", FACTOR_AXES[1])
    return alignment.align(W0, "init[0] (W0)", FACTOR_AXES[0]), H0


def align_penalty(penalty: Any, alignment: Alignment, side: int) -> Any:
    """A penalty on W (side 0) or H (side 1) with its arrays in the order of the problem; what is none as it is."""
    name = ("penalty_W", "penalty_H")[side]
    return penalty.align(alignment.align, name, side == 1) if isinstance(penalty, Penalty) else penalty
