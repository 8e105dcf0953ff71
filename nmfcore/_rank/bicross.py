"""Bi-cross-validation: the rank whose fits predict a hidden block of X best (Owen & Perry 2009)."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .._fit import Problem, Result, fit_W
from .._runtime import Workspace
from .check_select_rank import require_blocks
from .fits import HoldoutScore, Selection, Task, choose_rank, fit_path

BLOCK = 1 << 18  # entries of a dense block of the model


def select_by_bicross_validation(task: Task) -> Selection:
    """For each repeat halve rows and columns at random, and predict each of the four blocks from the others."""
    shape, n_repeats, table = task.problem.data.shape, task.options["n_repeats"], []
    require_blocks(shape)
    for repeat in range(n_repeats):
        row_halves, column_halves = (np.array_split(task.rng.permutation(size), 2) for size in shape)
        for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
            parts = row_halves[i], column_halves[j], row_halves[1 - i], column_halves[1 - j]
            table.append(list(block_errors(task, *(np.sort(part) for part in parts))))
        scores = np.array2string(np.mean(table[-4:], axis=0), precision=4)
        task.report(f"repeat {repeat + 1} of {n_repeats}  scores {scores}")
    selection = choose_rank("hidden blocks", task, table)
    largest = min(size // 2 for size in shape)
    if task.ranks[-1] > largest:
        limit = f"; the rank of a block of X is at most {largest}, so the scores of larger ranks say little"
        return selection._replace(why=selection.why + limit)
    return selection


def block_errors(
    task: Task, rows: np.ndarray, columns: np.ndarray, other_rows: np.ndarray, other_columns: np.ndarray
) -> Iterator[float]:
    """For each rank, the error in the block (rows, columns) of a model that the other three blocks give.

    With X = [A B; C D]: fit D ~ W_D H_D, then B ~ W_A H_D and C ~ W_D H_A for these H_D and W_D; the model of A is
    W_A H_A.
    """
    A, B = submatrix(task.X, rows, columns), submatrix(task.X, rows, other_columns)
    C, D = submatrix(task.X, other_rows, columns), submatrix(task.X, other_rows, other_columns)
    request = task.problem.request
    problem = Problem(replace(request, X=D), Result)
    holdout = HoldoutScore(problem.data, problem.loss)
    for k, fit in fit_path(problem, task.ranks, task.rng):
        W = fit_W(replace(request, X=B, k=k, fixed_H=fit.H), Result, warn=False).W
        H = fit_W(replace(request, X=C.T, k=k, fixed_H=fit.W.T), Result, warn=False).W.T
        yield holdout.evaluate(row_blocks(A, W, H, task.problem.workspace))


def submatrix(X: Any, rows: np.ndarray, columns: np.ndarray) -> Any:
    """These rows and columns of an array or a CSR array."""
    return X[np.ix_(rows, columns)] if isinstance(X, np.ndarray) else X[rows][:, columns]


def row_blocks(
    A: Any, W: np.ndarray, H: np.ndarray, workspace: Workspace
) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Blocks of rows of A and of W H, dense, and the weight of their entries."""
    H, step = np.ascontiguousarray(H), max(1, BLOCK // A.shape[1])
    for first in range(0, A.shape[0], step):
        x = A[first : first + step]
        x = x if isinstance(x, np.ndarray) else x.toarray()
        yield x, workspace.product(W[first : first + step], H, np.empty(x.shape, W.dtype)), 1.0
