"""How often each method of nmfcore.select_rank finds a planted rank, and how long it takes.

There are twenty cases: five shapes, four kinds of X, ranks from 2 to 20. An entry of W or H is 0 with probability 0.3
(0.8 if X is sparse), else it has the exponential distribution; each component is multiplied by a number from 0.5 to
1.5. "gaussian" adds normal noise with 0.75 of the standard deviation of W H. The noise is cut off in both directions
where it exceeds the entry of W H, so that X >= 0 has the mean W H: clipping X at 0 would change the mean, and that
change is a component of its own. "poisson" draws counts with a mean of 4, or 1 if X is sparse. The seed of case i is i
plus 1000 times `--seed`. A method uses the loss of the noise if it serves that loss. The candidates depend on the shape
only.
"""

import argparse
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp

from nmfcore._rank.select_rank import METHODS, select_rank
from nmfcore._runtime import threads

SHAPES = (  # with the planted ranks and the largest candidate
    ((100, 60), (2, 3, 4, 6), 10),
    ((200, 120), (3, 5, 7, 9), 14),
    ((300, 200), (4, 7, 10, 13), 18),
    ((500, 300), (6, 10, 13, 16), 21),
    ((1000, 400), (8, 12, 16, 20), 25),
)
KINDS = ("gaussian", "poisson", "sparse gaussian", "sparse poisson")


class Case(NamedTuple):
    """A planted rank k among 1 ... most."""

    i: int
    shape: tuple[int, int]
    kind: str
    k: int
    most: int


def cases() -> Iterator[Case]:
    """All cases; from shape to shape the ranks shift by one kind."""
    for i, (shape, ranks, most) in enumerate(SHAPES):
        for j, kind in enumerate(KINDS):
            yield Case(4 * i + j, shape, kind, ranks[(j - i) % 4], most)


def planted(case: Case, seed: int) -> np.ndarray | sp.csr_array:
    """The X of a case."""
    rng, (m, n), sparse = np.random.default_rng(1000 * seed + case.i), case.shape, case.kind.startswith("sparse")
    zeros = 0.8 if sparse else 0.3
    W, H = (rng.exponential(size=size) * (rng.random(size) >= zeros) for size in ((m, case.k), (case.k, n)))
    model = W @ (H * rng.uniform(0.5, 1.5, (case.k, 1)))
    if case.kind.endswith("poisson"):
        X = rng.poisson(model * ((1.0 if sparse else 4.0) / model.mean())).astype(float)
    else:
        X = model + np.clip(0.75 * model.std() * rng.standard_normal((m, n)), -model, model)
    return sp.csr_array(X) if sparse else X


def main() -> None:
    """Print a row for each case, and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=threads.available_processors())
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--cases", type=int, nargs="+", default=range(20))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    right, seconds = dict.fromkeys(options.methods, 0), dict.fromkeys(options.methods, 0.0)
    print(f"| case | shape | kind | planted | {' | '.join(options.methods)} |")
    print("|---" * (4 + len(options.methods)) + "|")
    for case in (case for case in cases() if case.i in options.cases):
        X, row = planted(case, options.seed), []
        for method in options.methods:
            counts = case.kind.endswith("poisson") and METHODS[method].losses != "frobenius"
            start = time.perf_counter()
            choice = select_rank(
                X,
                range(1, case.most + 1),
                method,
                loss="kullback-leibler" if counts else "frobenius",
                n_threads=options.threads,
                random_state=0,
            )
            took = time.perf_counter() - start
            right[method] += choice.k == case.k
            seconds[method] += took
            row.append(f"{choice.k}{'' if choice.k == case.k else ' x'} ({took:.1f} s)")
        print(
            f"| {case.i} | {case.shape[0]} x {case.shape[1]} | {case.kind} | {case.k} | {' | '.join(row)} |", flush=True
        )
    totals = [f"{right[method]} right ({seconds[method]:.0f} s)" for method in options.methods]
    print(f"| all |  |  |  | {' | '.join(totals)} |")


if __name__ == "__main__":
    main()
