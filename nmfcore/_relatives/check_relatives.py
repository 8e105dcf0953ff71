"""The checks of the relatives of NMF."""

from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError, check_count, check_factor, check_index_range
from ..data import Data, Dense

ASYMMETRY = 1024  # machine epsilons of the largest entry: the round-off of a product that ought to be symmetric
BLOCK = 1 << 20  # entries compared at a time


def starts(n_starts: Any, given: bool, usual: int) -> int:
    """How many fits: if it is not said, one where the start is given, else as many as are usual."""
    if n_starts == "auto":
        return 1 if given else usual
    if isinstance(n_starts, str):
        raise InputError(f"n_starts is {n_starts!r}; wanted 'auto' or an integer >= 1")
    n_starts = check_count(n_starts, "n_starts", 1)
    if given and n_starts > 1:
        raise InputError(f"n_starts is {n_starts}, but init says where to start; wanted 1")
    return n_starts


def symmetric(held: Data) -> None:
    """Refuse a matrix that differs from its transpose by more than round-off."""
    m, n = held.shape
    if m != n:
        raise InputError(f"S has shape {held.shape}; wanted a square matrix")
    found = _of_dense(held.X) if isinstance(held, Dense) else _of_sparse(held)
    if found is not None:
        i, j, here, there = found
        raise InputError(
            f"S is not symmetric: S[{i}, {j}] is {here:g}, S[{j}, {i}] is {there:g}; "
            "wanted S equal to S.T, to round-off: pass (S + S.T) / 2 if that is meant"
        )


def _most(largest: float, dtype: np.dtype) -> float:
    return ASYMMETRY * float(np.finfo(dtype).eps) * largest


def _of_dense(S: np.ndarray) -> tuple[int, int, float, float] | None:
    """The first pair of entries that differ."""
    step, most = max(1, BLOCK // len(S)), _most(float(S.max()), S.dtype)
    for i in range(0, len(S), step):
        far = np.abs(S[i : i + step] - S[:, i : i + step].T) > most
        if far.any():
            row, column = (int(index) for index in np.argwhere(far)[0])
            return i + row, column, S[i + row, column], S[column, i + row]
    return None


def _of_sparse(held: Any) -> tuple[int, int, float, float] | None:
    """The same along stored entries."""
    import scipy.sparse

    indptr, indices, data, _ = held.rows
    S = scipy.sparse.csr_array((data, indices, indptr), shape=held.shape)
    gap = abs(S - S.T).tocoo()
    far = np.flatnonzero(gap.data > _most(float(data.max(initial=0)), data.dtype))
    if not len(far):
        return None
    i, j = int(gap.row[far[0]]), int(gap.col[far[0]])
    return i, j, S[i, j], S[j, i]


def factor(init: Any, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray | None:
    """A start as a copy of the size of 1, whatever its scale; None where none is given."""
    if init is None:
        return None
    F = check_factor(init, "init", shape, np.dtype(np.float64))
    empty = int((~F.any(axis=0)).sum())
    if empty:
        raise InputError(f"init has {empty} column{'s' * (empty > 1)} of zeros; wanted a positive entry in each")
    F = np.ldexp(F, -int(np.frexp(F.max())[1])).astype(dtype, order="C")
    if not F.any(axis=0).all():
        raise InputError(
            f"init has columns that {dtype} cannot hold beside its largest entry; wanted them closer to it"
        )
    return F


def labels(init: Any, rows: int, k: int) -> np.ndarray | None:
    """A cluster for each row, from 0 to k - 1; None where none are given."""
    if init is None:
        return None
    init = np.asarray(init)
    if init.dtype.kind not in "iu":
        raise InputTypeError(f"init has dtype {init.dtype}; wanted integers, the cluster of each row")
    if init.shape != (rows,):
        raise InputError(f"init has shape {init.shape}; wanted a cluster for each row of X, ({rows},)")
    check_index_range(init, k, "init")
    return init.astype(np.intp)


def leaves(n_leaves: Any, rows: int) -> int:
    """As many leaves as there can be."""
    n_leaves = check_count(n_leaves, "n_leaves", 1)
    if n_leaves > rows:
        raise InputError(f"n_leaves is {n_leaves}, but X has {rows} rows; wanted n_leaves <= {rows}")
    return n_leaves


def cut(n_leaves: Any, most: int) -> int:
    """A number of leaves that a tree had."""
    n_leaves = check_count(n_leaves, "n_leaves", 1)
    if n_leaves > most:
        raise InputError(f"n_leaves is {n_leaves}, but the tree has {most} leaves; wanted n_leaves <= {most}")
    return n_leaves


def node(number: Any, nodes: int) -> int:
    """A node of a tree."""
    number = check_count(number, "node", 0)
    if number >= nodes:
        raise InputError(f"node is {number}, but the tree has {nodes} nodes; wanted node < {nodes}")
    return number
