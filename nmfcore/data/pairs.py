"""Entries of W H at given positions."""

import numpy as np

PAIRS = 1 << 15  # positions whose rows of both factors are copied at a time


def pair_products(F: np.ndarray, B: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The entries of F B' at (rows, columns), in float64."""
    out = np.empty(len(rows))
    for i in range(0, len(rows), PAIRS):
        part = slice(i, i + PAIRS)
        np.einsum("pt,pt->p", F[rows[part]], B[columns[part]], dtype=np.float64, out=out[part])
    return out
