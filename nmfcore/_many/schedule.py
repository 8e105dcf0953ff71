"""Which fits are to be done, from which seeds, and how many of them at a time."""

from typing import NamedTuple

import numpy as np

from ..data import Data

WIDE = 256  # columns of factors side by side with which a product runs at its full speed
FLOP = 1e9  # of the products of an iteration, beside which its other costs are small
NARROW = 48  # columns below which a product of sparse X is slower
CACHE = 1 << 26  # bytes of factors that stay near the processor
ARRAYS = 12  # of the size of both factors that a fit takes on its way, ...
STACKS = 4  # ... and that an iteration goes through
MEMORY = 1 << 30  # bytes, where nothing is said


class Job(NamedTuple):
    """A fit to be done: its rank, and which of the starts of that rank it is."""

    k: int
    start: int

    def seed(self, entropy: int) -> int:
        """What its start draws from, whichever other fits there are."""
        return int(np.random.SeedSequence(entropy, spawn_key=self).generate_state(1)[0])


def jobs(ranks: tuple[int, ...], n_starts: int, worker: tuple[int, int]) -> list[Job]:
    """The share of a worker (i, n) of all fits: each n-th of them, so that the ranks are shared out."""
    return [Job(k, start) for k in ranks for start in range(n_starts)][worker[0] :: worker[1]]


def fit_bytes(data: Data, k: int) -> int:
    """Memory that a fit of rank k takes on its way, beyond X."""
    return ARRAYS * sum(data.shape) * k * data.dtype.itemsize


def columns_at_a_time(data: Data, memory: int) -> int:
    """The sum of ranks that advance together, as far as the memory suffices and it makes an iteration faster.

    What one more column saves of the readings of X is lost where it drives factors out of the cache.
    """
    column = STACKS * sum(data.shape) * data.dtype.itemsize
    cached = max(CACHE, 2 * data.size * data.dtype.itemsize) // column
    wanted = max(WIDE, int(FLOP / (4 * data.size + 1)))
    return min(wanted, max(NARROW, cached), memory // fit_bytes(data, 1))
