"""What a call asks for: the arguments of `nmf`, as one frozen record that the whole package passes on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

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
