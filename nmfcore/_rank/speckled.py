"""Speckled cross-validation: the rank whose fits predict hidden entries best (Wold 1978).

The same entries are hidden for all ranks. The fit of each rank starts from the one before, with faint components
appended: that costs as much as a random start, and ends less often in a bad local minimum, which would count against
the rank.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .._fit import Problem
from ..data import Weights, entries_at, find_stored, pair_products, weigh
from ..losses import Frobenius, with_weights
from .check_select_rank import refuse_endless_matrix, require_hidden_entries
from .fits import HoldoutScore, Selection, Task, choose_rank, fit_path, with_data

SHARE = 0.05  # of the entries that are hidden
SHARE_OF_STORED = 0.5  # the largest ratio of hidden zeros and nonzero entries: a hidden zero costs more to fit
BLOCK = 1 << 20  # entries of a dense X that are searched at a time
ROOM = 2.0  # how far above the visible entries of its row and column a prediction may be


def select_by_speckled_validation(task: Task) -> Selection:
    """For each repeat hide entries, fit all ranks to the others, and compare the models with the hidden entries."""
    n_repeats, table = task.options["n_repeats"], []
    refuse_endless_matrix(task.problem.data.shape)
    shares = hidden_shares(task)
    for repeat, seed in enumerate(task.seeds(n_repeats)):
        rows, columns, weights = hidden_entries(task.X, shares, seed)
        problem = hide_entries(task.problem, task.X, rows, columns)
        x, most = entries_at(task.X, rows, columns), ROOM * largest_visible(task.X, rows, columns)
        holdout, scores = HoldoutScore(problem.data, problem.loss), []
        for k, fit in fit_path(problem, task.ranks, np.random.default_rng(seed)):
            model = np.minimum(pair_products(fit.W, fit.H.T, rows, columns), most)
            scores.append(holdout.evaluate([(x, model, weights)]))
            task.report(f"repeat {repeat + 1} of {n_repeats}  k = {k}  score {scores[-1]:.5g}")
        table.append(scores)
    return choose_rank("hidden entries", task, table)


def hidden_shares(task: Task) -> tuple[float, float]:
    """The shares of the nonzero entries and of the zeros to hide; fewer zeros if X has few entries that are not 0."""
    if task.options["fraction"] is not None:
        return task.options["fraction"], task.options["fraction"]
    m, n = task.problem.data.shape
    nonzero = np.count_nonzero(task.X) if isinstance(task.X, np.ndarray) else task.X.count_nonzero()
    return SHARE, min(SHARE, SHARE_OF_STORED * nonzero / (m * n)) or SHARE


def hidden_entries(X: Any, shares: tuple[float, float], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of entries drawn at random, row by row, and how many entries of X each of them stands for.

    shares: those of the nonzero entries and of the zeros that are drawn. The storage of X has no influence. A row or
    column of which no entry would be left is not hidden at all. The cost is proportional to the nonzero entries and
    the hidden zeros.
    """
    shape, rng = X.shape, np.random.Generator(np.random.Philox(seed))
    share, share_of_zeros = shares
    rows, columns, drawn = nonzero_entries(X, lambda count: draw_positions(count, share, rng))
    zeros = np.divmod(draw_positions(shape[0] * shape[1], share_of_zeros, rng), shape[1])
    of_zeros = entries_at(X, *zeros) == 0
    rows, columns = (np.concatenate([a, b[of_zeros]]) for a, b in zip((rows, columns), zeros, strict=True))
    weights = np.repeat([1 / share, 1 / share_of_zeros], [drawn, int(np.count_nonzero(of_zeros))])
    full_rows = np.bincount(rows, minlength=shape[0]) == shape[1]
    full_columns = np.bincount(columns, minlength=shape[1]) == shape[0]
    kept = np.flatnonzero(~(full_rows[rows] | full_columns[columns]))
    require_hidden_entries(len(kept), shape, share)
    kept = kept[np.lexsort((columns[kept], rows[kept]))]
    return rows[kept], columns[kept], weights[kept]


def draw_positions(count: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """About that share of the integers below count, each drawn on its own, by the geometric gaps between them."""
    parts, last = [np.empty(0, np.int64)], -1
    while last < count - 1:
        wanted = int((count - last) * share + 4 * math.sqrt((count - last) * share) + 8)
        gaps = rng.geometric(share, wanted)
        gaps = gaps[: np.count_nonzero(np.cumsum(gaps, dtype=np.float64) < 2.0 * count) + 1]  # no sum wraps
        parts.append(last + np.cumsum(np.minimum(gaps, count + 1)))
        last = int(parts[-1][-1])
    positions = np.concatenate(parts)
    return positions[positions < count]


def nonzero_entries(X: Any, draw: Callable[[int], np.ndarray]) -> tuple[np.ndarray, np.ndarray, int]:
    """Rows and columns of those nonzero entries whose numbers, row by row, `draw` returns; and how many these are."""
    if not isinstance(X, np.ndarray):
        rows, columns = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices
        nonzero = np.flatnonzero(X.data)
        places = nonzero[draw(len(nonzero))]
        return rows[places], columns[places].astype(np.int64), len(places)
    step, parts, before = max(1, BLOCK // X.shape[1]), [], 0
    numbers = draw(int(np.count_nonzero(X)))
    for first in range(0, len(X), step):
        places = np.flatnonzero(X[first : first + step])
        own = numbers[np.searchsorted(numbers, before) : np.searchsorted(numbers, before + len(places))] - before
        parts.append(places[own] + first * X.shape[1])
        before += len(places)
    rows, columns = np.divmod(np.concatenate(parts), X.shape[1])
    return rows, columns, len(numbers)


def largest_visible(X: Any, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The smaller one of the largest visible entries in the row and in the column of each hidden entry.

    A row or column of few entries says little about those that are hidden, and the model may be anything there.
    """
    if not isinstance(X, np.ndarray):
        at, stored = find_stored(X, rows, columns)
        visible = X.copy()
        visible.data[at[stored]] = 0
        of_rows, of_columns = (visible.max(axis=axis).toarray().ravel() for axis in (1, 0))
    else:
        of_rows, of_columns = _largest_of_lines(X, rows, columns), _largest_of_lines(X.T, columns, rows)
    return np.minimum(of_rows[rows], of_columns[columns])


def _largest_of_lines(X: np.ndarray, lines: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The largest entry of each row of X but for the entries (lines, across); 0 where there is no other."""
    largest = X.max(axis=1)
    order = np.argsort(lines, kind="stable")
    lines, across = lines[order], across[order]
    for i in np.unique(lines[X[lines, across] >= largest[lines]]):
        own = across[np.searchsorted(lines, i) : np.searchsorted(lines, i, "right")]
        largest[i] = np.delete(X[i], own).max(initial=0)
    return largest


def hide_entries(problem: Problem, X: Any, rows: np.ndarray, columns: np.ndarray) -> Problem:
    """The problem with these entries hidden.

    Least squares takes them out of its Gram matrices. For other losses of a dense X, weights of all entries take half
    the time.
    """
    dense = None
    if isinstance(X, np.ndarray) and not isinstance(problem.loss, Frobenius):
        dense = np.ones(X.shape, X.dtype)
        dense[rows, columns] = 0
    weights = Weights(1.0, rows, columns, np.zeros(len(rows), X.dtype), dense)
    data = weigh(X, weights, problem.workspace)
    return with_data(problem, data, with_weights(problem.loss, data))
