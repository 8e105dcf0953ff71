"""Checks of the arguments of symmetric, projective, orthogonal and semi-NMF, and of hierarchical clustering."""

from typing import Any

import numpy as np

from .._checks import InputError, InputTypeError, check_count, check_factor, check_index_range
from ..data import Dense, UnweightedData

ASYMMETRY = 1024  # machine epsilons of the largest entry: the round-off that a product such as X X' may have
BLOCK = 1 << 20  # entries that are compared at a time


def check_n_starts(n_starts: Any, has_init: bool, default: int) -> int:
    """The number of fits; "auto" is one fit where a start is given, else the default."""
    if n_starts == "auto":
        return 1 if has_init else default
    if isinstance(n_starts, str):
        raise InputError(f"n_starts is {n_starts!r}; wanted 'auto' or an integer >= 1")
    n_starts = check_count(n_starts, "n_starts", 1)
    if has_init and n_starts > 1:
        raise InputError(f"n_starts is {n_starts}, but init says where to start; wanted 1")
    return n_starts


def check_symmetric(data: UnweightedData) -> None:
    """Refuse a matrix that differs from its transpose by more than round-off."""
    m, n = data.shape
    if m != n:
        raise InputError(f"S has shape {data.shape}; wanted a square matrix")
    pair = _first_dense_asymmetry(data.X) if isinstance(data, Dense) else _first_sparse_asymmetry(data)
    if pair is not None:
        i, j, entry, transposed = pair
        raise InputError(
            f"S is not symmetric: S[{i}, {j}] is {entry:g}, S[{j}, {i}] is {transposed:g}; "
            "wanted S equal to S.T up to round-off: pass (S + S.T) / 2 if that is meant"
        )


def _tolerance(largest: float, dtype: np.dtype) -> float:
    return ASYMMETRY * float(np.finfo(dtype).eps) * largest


def _first_dense_asymmetry(S: np.ndarray) -> tuple[int, int, float, float] | None:
    """The first pair of entries that differ: row, column, S[row, column], S[column, row]."""
    step, tolerance = max(1, BLOCK // len(S)), _tolerance(float(S.max()), S.dtype)
    for i in range(0, len(S), step):
        differs = np.abs(S[i : i + step] - S[:, i : i + step].T) > tolerance
        if differs.any():
            row, column = (int(index) for index in np.argwhere(differs)[0])
            return i + row, column, S[i + row, column], S[column, i + row]
    return None


def _first_sparse_asymmetry(data: Any) -> tuple[int, int, float, float] | None:
    """The same for sparse S; only stored entries are compared."""
    import scipy.sparse

    indptr, indices, values, _ = data.rows
    S = scipy.sparse.csr_array((values, indices, indptr), shape=data.shape)
    gap = abs(S - S.T).tocoo()
    differs = np.flatnonzero(gap.data > _tolerance(float(values.max(initial=0)), values.dtype))
    if not len(differs):
        return None
    i, j = int(gap.row[differs[0]]), int(gap.col[differs[0]])
    return i, j, S[i, j], S[j, i]


def check_start_factor(init: Any, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """A start that is finite and >= 0, with an entry in each column that stays positive in the dtype of X."""
    F = check_factor(init, "init", shape, np.dtype(np.float64))
    empty = int((~F.any(axis=0)).sum())
    if empty:
        raise InputError(f"init has {empty} column{'s' * (empty > 1)} of zeros; wanted a positive entry in each")
    scale = -int(np.frexp(F.max())[1])  # a start has any scale; the fit brings its largest entry near 1
    if not np.ldexp(F.max(axis=0), scale).astype(dtype).all():
        raise InputError(
            f"init has columns too small for {dtype} relative to its largest entry; wanted columns closer to it"
        )
    return F


def check_labels(init: Any, rows: int, k: int) -> np.ndarray:
    """A cluster from 0 to k - 1 for each row."""
    init = np.asarray(init)
    if init.dtype.kind not in "iu":
        raise InputTypeError(f"init has dtype {init.dtype}; wanted integers, the cluster of each row")
    if init.shape != (rows,):
        raise InputError(f"init has shape {init.shape}; wanted a cluster for each row of X, ({rows},)")
    check_index_range(init, k, "init")
    return init.astype(np.intp)


def check_n_leaves(n_leaves: Any, rows: int) -> int:
    """A number of leaves, at most one for each row."""
    n_leaves = check_count(n_leaves, "n_leaves", 1)
    if n_leaves > rows:
        raise InputError(f"n_leaves is {n_leaves}, but X has {rows} rows; wanted n_leaves <= {rows}")
    return n_leaves


def check_cut(n_leaves: Any, most: int) -> int:
    """A number of leaves that the tree had while it grew."""
    n_leaves = check_count(n_leaves, "n_leaves", 1)
    if n_leaves > most:
        raise InputError(f"n_leaves is {n_leaves}, but the tree has {most} leaves; wanted n_leaves <= {most}")
    return n_leaves


def check_node(number: Any, nodes: int) -> int:
    """The number of a node of a tree."""
    number = check_count(number, "node", 0)
    if number >= nodes:
        raise InputError(f"node is {number}, but the tree has {nodes} nodes; wanted node < {nodes}")
    return number
