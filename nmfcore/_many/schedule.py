"""Which fits are to be done, from which seeds, and how many of them at a time.

As many fits advance together as fill 256 columns, more for a small X, fewer if their factors are large compared with X.
Beyond that a product is no faster, and the other kernels wait for factors that have left the cache.
"""

from typing import NamedTuple

import numpy as np

from ..data import Data

FULL_SPEED_COLUMNS = 256  # columns of factors with which a product runs at full speed
SMALL_ITERATION_FLOP = 1e9  # of the products of an iteration; its other costs are small then
SPARSE_MIN_COLUMNS = 48  # columns; with fewer, a product of sparse X is slower
CACHE_BYTES = 1 << 26  # bytes of factors that stay near the processor
ARRAYS_PER_FIT = 12  # memory of a fit under way, in units of both factors
ARRAYS_PER_ITERATION = 4  # the same units, that an iteration goes through
DEFAULT_BYTES = 1 << 30  # bytes, by default


class Job(NamedTuple):
    """A fit to be done: its rank, and which of the starts of that rank it is."""

    k: int
    start: int

    def seed(self, entropy: int) -> int:
        """The seed of its start, which does not depend on the other fits."""
        return int(np.random.SeedSequence(entropy, spawn_key=self).generate_state(1)[0])


def jobs(ranks: tuple[int, ...], n_starts: int, worker: tuple[int, int]) -> list[Job]:
    """The share of worker i of n: each n-th fit, so that every worker has fits of every rank."""
    return [Job(k, start) for k in ranks for start in range(n_starts)][worker[0] :: worker[1]]


def fit_bytes(data: Data, k: int) -> int:
    """The memory that a fit of rank k takes under way, beyond X."""
    return ARRAYS_PER_FIT * sum(data.shape) * k * data.dtype.itemsize


def max_batch_columns(data: Data, memory: int) -> int:
    """The largest sum of ranks of fits that advance together.

    More columns save readings of X, as far as the memory suffices and the factors stay in the cache.
    """
    column = ARRAYS_PER_ITERATION * sum(data.shape) * data.dtype.itemsize
    cached = max(CACHE_BYTES, 2 * data.size * data.dtype.itemsize) // column
    wanted = max(FULL_SPEED_COLUMNS, int(SMALL_ITERATION_FLOP / (4 * data.size + 1)))
    return min(wanted, max(SPARSE_MIN_COLUMNS, cached), memory // fit_bytes(data, 1))
