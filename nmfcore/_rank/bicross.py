"""The rank that foretells a hidden block of X best: bi-cross-validation."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .._fit import Problem, Result
from .._runtime import Workspace
from . import check_select_rank
from .choice import column, foretells
from .fits import HoldoutScore, Scores, Task, begun, path

BLOCK = 1 << 18  # entries of a dense block of the model


def scores(task: Task) -> Scores:
    """For each repeat halve rows and columns by chance, and foretell each of the four blocks from the others."""
    n_repeats, table = task.options["n_repeats"], []
    check_select_rank.halves(task.problem.data.shape)
    for repeat in range(n_repeats):
        halves = [np.array_split(task.rng.permutation(size), 2) for size in task.problem.data.shape]
        folds = [(halves[0][i], halves[1][j], halves[0][1 - i], halves[1][1 - j]) for i in (0, 1) for j in (0, 1)]
        found = [list(fold(task, *(np.sort(part) for part in parts))) for parts in folds]
        table.append(np.mean(found, axis=0))
        task.say(f"repeat {repeat + 1} of {n_repeats}  scores {np.array2string(table[-1], precision=4)}")
    score, spread = column(table)
    at, why = foretells("hidden blocks", task.ranks, score)
    most = min(size // 2 for size in task.problem.data.shape)
    if task.ranks[-1] > most:
        why += f"; ranks above {most} are more than a block of X can have"
    return Scores(task.ranks[at], score, spread, why)


def fold(task: Task, rows: np.ndarray, columns: np.ndarray, others: np.ndarray, kept: np.ndarray) -> Iterator[float]:
    """Of each rank, the error in the block (rows, columns), with components that the opposite block gives.

    X = [A B; C D]: D ~ W_D H_D, then B ~ W_A H_D and C ~ W_D H_A for given H_D and W_D, and A ~ W_A H_A.
    """
    A, B, C, D = (part(task.X, *at) for at in ((rows, columns), (rows, kept), (others, columns), (others, kept)))
    whole, above, left = (Problem(replace(task.problem.request, X=block), Result) for block in (D, B, C))
    foretold = HoldoutScore(whole.data, whole.loss)
    for k, fit in path(whole, task.ranks, task.rng):
        W = begun(above, k, "auto", task.rng, fixed_H=fit.H).run().W
        H = begun(left, k, "auto", task.rng, fixed_W=fit.W).run().H
        yield foretold.share(blocks(A, W, H, task.problem.workspace))


def part(X: Any, rows: np.ndarray, columns: np.ndarray) -> Any:
    """Those rows and columns of an array or a CSR array."""
    return X[rows][:, columns] if not isinstance(X, np.ndarray) else X[np.ix_(rows, columns)]


def blocks(A: Any, W: np.ndarray, H: np.ndarray, workspace: Workspace) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows of A and of W H at a time, dense."""
    H, step = np.ascontiguousarray(H), max(1, BLOCK // A.shape[1])
    for first in range(0, A.shape[0], step):
        x = A[first : first + step]
        x = x if isinstance(x, np.ndarray) else x.toarray()
        yield x, workspace.product(W[first : first + step], H, np.empty(x.shape, W.dtype))
