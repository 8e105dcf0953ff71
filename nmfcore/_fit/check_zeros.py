"""Refuses zeros of the factors under which a loss is infinite: entries of X > 0 that no component can reach.

An entry of a factor stays 0 if it is fixed to 0, if its upper bound is 0, or if it starts at 0 and the solver keeps
zeros. Where this leaves the model 0 under an entry of X > 0, Kullback-Leibler, Itakura-Saito and every beta-divergence
with beta <= 1 are infinite, whatever the other entries are. One pass over X finds out; it is left out where some
component can reach all of X.
"""

from typing import NamedTuple

import numpy as np

from .._checks import InputError
from .._starts import Start
from ..data import Data
from ..losses import Loss
from .constraints import FIXED, PENALTIES, FactorConstraints
from .specification import FactorSpec

PATTERNS = 64  # of zeros, which are looked at together
SHOWN = 5  # rows that a message names


class Zeros(NamedTuple):
    """Where a tall factor stays 0, and the arguments that say so."""

    places: np.ndarray
    arguments: list[str]


def check_zeros(
    data: Data, loss: Loss, constraints: FactorConstraints, specs: tuple[FactorSpec, FactorSpec], start: Start
) -> None:
    """Refuse zeros that stay, if they make the loss infinite; the message names the rows or the columns of X."""
    if not loss.needs_model:
        return
    of_W, of_H = (_zeros(constraints, specs[side], F, side) for side, F in enumerate((start.W, start.Ht)))
    if np.any(~of_W.places.any(axis=0) & ~of_H.places.any(axis=0)):
        return
    W, Ht = ((~zeros.places).astype(data.dtype) for zeros in (of_W, of_H))
    if data.split_step(W, Ht, "beta", 1.0, np.empty_like(W), np.empty_like(W), True) < np.inf:
        return
    causes = " and ".join(dict.fromkeys(of_W.arguments + of_H.arguments))
    rows, columns = _unreached(W, Ht, data), _unreached(Ht, W, data.T)
    empty_rows, empty_columns = rows[~W[rows].any(axis=1)], columns[~Ht[columns].any(axis=1)]
    where = f"some entries of {_shown(rows, 'row')} of X"
    if len(empty_rows):
        where = f"{_shown(empty_rows, 'row')} of X"
    elif len(empty_columns):
        where = f"{_shown(empty_columns, 'column')} of X"
    raise InputError(
        f"{causes}: every component is 0 in {where}, where X is not, and loss={loss.name!r} is infinite there; wanted "
        "a component that can grow there, a mask that hides these entries, or a loss with beta > 1"
    )


def check_finite_objective(value: float, loss: Loss) -> None:
    """Refuse the outcome of a fit whose objective is infinite for X of any scale."""
    if not value < np.inf:
        cause = "the model is 0 where X is not" if loss.needs_model else "it is beyond the range of float64"
        raise InputError(
            f"the objective is infinite at the end of the fit with loss={loss.name!r}: {cause}; wanted another start, "
            "fewer zeros in the factors, or another loss"
        )


def _zeros(constraints: FactorConstraints, spec: FactorSpec, start: np.ndarray, side: int) -> Zeros:
    """Where the factor of a side stays 0."""
    places, arguments = np.zeros(start.shape, bool), []
    values, upper = constraints.values[side], spec.domain.upper
    fixed = None if values is None else (values.T if side else values) == 0
    bounded = None if upper is None or spec.fixed else np.broadcast_to(upper == 0, start.shape)
    started = start == 0 if spec.solver.keeps_zeros and not spec.fixed else None
    for zeros, argument in ((fixed, FIXED[side]), (bounded, PENALTIES[side]), (started, "init")):
        if zeros is not None and np.any(zeros & ~places):
            places |= zeros
            arguments.append(argument)
    return Zeros(places, arguments)


def _unreached(F: np.ndarray, B: np.ndarray, data: Data) -> np.ndarray:
    """The rows with an entry of X > 0 where F B' is 0; F and B have entries of 0 and 1."""
    patterns, of_row = np.unique(F, axis=0, return_inverse=True)
    unreached = np.zeros(len(F), bool)
    for first in range(0, len(patterns), PATTERNS):
        there = np.ascontiguousarray((B @ patterns[first : first + PATTERNS].T == 0).astype(F.dtype))
        sums = data.dot(there, np.empty((len(F), there.shape[1]), F.dtype))
        rows = np.flatnonzero((of_row >= first) & (of_row < first + PATTERNS))
        unreached[rows] = sums[rows, of_row[rows] - first] > 0
    return np.flatnonzero(unreached)


def _shown(lines: np.ndarray, name: str) -> str:
    """The numbers of some rows or columns, the first ones if they are many."""
    numbers = ", ".join(str(line) for line in lines[:SHOWN])
    if len(lines) > SHOWN:
        return f"{len(lines)} {name}s ({numbers}, ...)"
    return f"{name}{'s' * (len(lines) != 1)} {numbers}"
