"""Speckled cross-validation: the rank whose fits predict hidden entries best (Wold 1978).

A hash of (seed, row, column) hides the same entries for all ranks. The fit of each rank starts from the one before,
with faint components appended: that costs as much as a random start, and ends less often in a bad local minimum, which
would count against the rank.
"""

from typing import Any

import numpy as np

from .._fit import Problem
from ..data import Weights, entries_at, pair_products, weigh
from ..losses import Frobenius, with_weights
from .check_select_rank import require_hidden_entries
from .fits import HoldoutScore, Selection, Task, fit_path, mean_and_spread, select_smallest_error, with_data

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
BLOCK = 1 << 18  # entries hashed at a time
SHARE = 0.05  # of the entries that are hidden
SHARE_OF_STORED = 0.5  # the largest ratio of hidden and stored entries of sparse X: a hidden zero costs more to fit


def select_by_speckled_validation(task: Task) -> Selection:
    """For each repeat hide entries, fit all ranks to the others, and compare the models with the hidden entries."""
    shape, n_repeats, table = task.problem.data.shape, task.options["n_repeats"], []
    fraction = task.options["fraction"]
    if fraction is None:
        fraction = default_fraction(task)
    for repeat, seed in enumerate(task.seeds(n_repeats)):
        rows, columns = hidden_entries(shape, fraction, seed)
        problem = hide_entries(task.problem, task.X, rows, columns)
        holdout, x = HoldoutScore(problem.data, problem.loss), entries_at(task.X, rows, columns)
        scores = []
        for k, fit in fit_path(problem, task.ranks, np.random.default_rng(seed)):
            scores.append(holdout.evaluate([(x, pair_products(fit.W, fit.H.T, rows, columns))]))
            task.report(f"repeat {repeat + 1} of {n_repeats}  k = {k}  score {scores[-1]:.5g}")
        table.append(scores)
    score, spread = mean_and_spread(table)
    index, why = select_smallest_error("hidden entries", task.ranks, score)
    return Selection(task.ranks[index], score, spread, why)


def default_fraction(task: Task) -> float:
    """The share of the entries to hide; less if X is sparse."""
    m, n = task.problem.data.shape
    nonzero = task.problem.data.size if isinstance(task.X, np.ndarray) else task.X.count_nonzero()
    return min(SHARE, SHARE_OF_STORED * nonzero / (m * n)) or SHARE


def splitmix64(state: np.ndarray) -> np.ndarray:
    """The output of SplitMix64 at these states (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195), uint64."""
    z = state + GOLDEN
    z = (z ^ (z >> np.uint64(30))) * FACTORS[0]
    z = (z ^ (z >> np.uint64(27))) * FACTORS[1]
    return z ^ (z >> np.uint64(31))


def hidden_entries(shape: tuple[int, int], fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of about that fraction of the entries, chosen by a hash of (seed, row, column); row by row.

    Whether an entry is stored has no influence. A row or column of which no entry would be left is not hidden at all.
    The cost is m n hashes, also for sparse X.
    """
    m, n = shape
    limit = np.uint64(int(fraction * 2.0**64))
    key, column_states = splitmix64(np.array([seed], np.uint64)), np.arange(n, dtype=np.uint64)
    step = max(1, BLOCK // n)
    parts = []
    for first in range(0, m, step):
        row_states = splitmix64(key ^ np.arange(first, min(m, first + step), dtype=np.uint64))
        rows, columns = np.nonzero(splitmix64(row_states[:, None] ^ column_states) < limit)
        parts.append((rows + first, columns))
    rows, columns = (np.concatenate(part) for part in zip(*parts, strict=True))
    full_rows, full_columns = np.bincount(rows, minlength=m) == n, np.bincount(columns, minlength=n) == m
    kept = ~(full_rows[rows] | full_columns[columns])
    require_hidden_entries(int(kept.sum()), shape, fraction)
    return rows[kept], columns[kept]


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
