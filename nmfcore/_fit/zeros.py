"""Entries of a factor that are 0 at the minimum, which a solver leaves at a floor or at its round-off."""

from typing import Any

import numpy as np

from .._runtime import Workspace
from .specification import FactorSpec

MARGIN = 4  # floors are shares of the mean in an earlier iteration


def entries_to_clear(F: np.ndarray, statistics: Any, spec: FactorSpec, workspace: Workspace) -> np.ndarray:
    """Whether an entry of F stands for 0, given the statistics of F with the penalties.

    A row that nothing draws away from 0, as where the row of X is empty, has its minimum at 0. An entry at the floor of
    the solver stands for 0 if the gradient holds it there. Entries of sets other than bounds stay, since they depend on
    each other.
    """
    if spec.domain.kind != "bounds":
        return np.zeros(F.shape, bool)
    clear = np.zeros(F.shape, bool)
    clear[(statistics.draw(F, workspace) <= 0).all(axis=1)] = True
    floor = MARGIN * spec.solver.floor_of(F.dtype)
    if floor > 0:
        low = (F > 0) & (floor * (workspace.column_sums(F) / len(F)) >= F)
        if low.any():
            split = statistics.split(F, workspace)
            clear |= low & (split.num < split.den)
    if spec.domain.lower is not None:
        clear &= spec.domain.lower == 0
    return clear & (F > 0)
