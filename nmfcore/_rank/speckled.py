"""The rank that foretells hidden entries best: speckled cross-validation."""

import numpy as np

from .._fit import Problem
from ..data import Data, Weights, find_stored, pair_products, weigh
from ..losses import Frobenius, with_weights
from . import check_select_rank
from .choice import column, foretells
from .fits import HoldoutScore, Scores, Task, on, path

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
BLOCK = 1 << 18  # entries hashed at a time
SHARE = 0.05  # of the entries that are hidden
SHARE_OF_STORED = 0.5  # what is hidden of sparse X, beside what is stored, at most: a hidden 0 costs more than that


def scores(task: Task) -> Scores:
    """For each repeat hide entries, fit all ranks to the others, and compare the models with what was hidden."""
    data, n_repeats, table = task.problem.data, task.options["n_repeats"], []
    fraction = task.options["fraction"]
    if fraction is None:
        stored = data.size if isinstance(task.X, np.ndarray) else task.X.count_nonzero()
        fraction = min(SHARE, SHARE_OF_STORED * stored / (data.shape[0] * data.shape[1])) or SHARE
    for repeat, seed in enumerate(task.seeds(n_repeats)):
        rows, columns = hidden(data.shape, fraction, seed)
        problem = without(task.problem, task.X, rows, columns)
        foretold, x = HoldoutScore(problem.data, problem.loss), entries(task.X, rows, columns)
        table.append([])
        for k, fit in path(problem, task.ranks, np.random.default_rng(seed)):
            table[-1].append(foretold.share([(x, pair_products(fit.W, fit.H.T, rows, columns))]))
            task.say(f"repeat {repeat + 1} of {n_repeats}  k = {k}  score {table[-1][-1]:.5g}")
    score, spread = column(table)
    at, why = foretells("hidden entries", task.ranks, score)
    return Scores(task.ranks[at], score, spread, why)


def mixed(state: np.ndarray) -> np.ndarray:
    """What SplitMix64 gives at those states (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195), uint64."""
    z = state + GOLDEN
    z = (z ^ (z >> np.uint64(30))) * FACTORS[0]
    z = (z ^ (z >> np.uint64(27))) * FACTORS[1]
    return z ^ (z >> np.uint64(31))


def hidden(shape: tuple[int, int], fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of about that share of the entries, by a hash of (seed, row, column); row by row.

    What is stored has no say in it. Rows and columns of which nothing would be left stay whole.
    """
    m, n = shape
    below = np.uint64(int(fraction * 2.0**64))
    key, of_columns = mixed(np.array([seed], np.uint64)), np.arange(n, dtype=np.uint64)
    step = max(1, BLOCK // n)
    parts = []
    for first in range(0, m, step):
        of_rows = mixed(key ^ np.arange(first, min(m, first + step), dtype=np.uint64))
        rows, columns = np.nonzero(mixed(of_rows[:, None] ^ of_columns) < below)
        parts.append((rows + first, columns))
    rows, columns = (np.concatenate(part) for part in zip(*parts, strict=True))
    gone = np.bincount(rows, minlength=m) == n, np.bincount(columns, minlength=n) == m
    kept = ~(gone[0][rows] | gone[1][columns])
    check_select_rank.some_hidden(int(kept.sum()), shape, fraction)
    return rows[kept], columns[kept]


def without(problem: Problem, X: object, rows: np.ndarray, columns: np.ndarray) -> Problem:
    """The problem with those entries hidden.

    Least squares takes them out of Gram matrices; for other losses of dense X a weight for every entry costs half.
    """
    dense = None
    if isinstance(X, np.ndarray) and not isinstance(problem.loss, Frobenius):
        dense = np.ones(X.shape, X.dtype)
        dense[rows, columns] = 0
    held: Data = weigh(X, Weights(1.0, rows, columns, np.zeros(len(rows), X.dtype), dense), problem.workspace)
    return on(problem, held, with_weights(problem.loss))


def entries(X: object, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The entries of an array or of a canonical CSR array at those places."""
    if isinstance(X, np.ndarray):
        return X[rows, columns]
    at, stored = find_stored(X, rows, columns)
    return np.where(stored, np.append(X.data, 0)[at], 0)
