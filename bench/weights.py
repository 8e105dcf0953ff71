"""What weights cost: milliseconds of an iteration of textbook HALS, and of the same with weights or missing entries.

On generated data with k = 20, and on the matrices in the folder that NMFCORE_DATA names, with the ranks of problems.py.
The kinds are timed in turn, the figures are medians of single iterations.
"""

import argparse

import numpy as np
import scipy.sparse as sp
from problems import planted, problems

import nmfcore

TEXTBOOK = {"inner_iter": 1, "extrapolate": False, "tol": 0}


def kinds(X: np.ndarray) -> dict[str, dict]:
    """The arguments that say which entries count, and how much."""
    rng = np.random.default_rng(1)
    drawn = rng.random(X.shape)
    return {
        "plain": {},
        "all weights 1": {"weights": np.ones(X.shape)},
        "10 % missing": {"mask": drawn < 0.1},
        "50 % missing": {"mask": drawn < 0.5},
        "90 % missing": {"mask": drawn < 0.9},
        "random weights": {"weights": drawn},
        "sparse weights, 5 %": {"weights": sp.csr_array(np.where(drawn < 0.05, drawn, 0))},
    }


def compare(name: str, X: np.ndarray, k: int, n_threads: int, repeats: int, max_iter: int) -> None:
    """Print a row of the table for each kind."""
    start = nmfcore.nmf(X, k, init="random", random_state=0, max_iter=2)
    seconds = {kind: [] for kind in kinds(X)}
    for _ in range(repeats):
        for kind, said in kinds(X).items():
            result = nmfcore.hals(X, k, init=start, max_iter=max_iter, n_threads=n_threads, **TEXTBOOK, **said)
            seconds[kind].extend(np.diff(result.history.seconds)[1:])
    plain = np.median(seconds["plain"])
    for kind, taken in seconds.items():
        print(f"| {name}, {X.shape[0]} x {X.shape[1]} | {k} | {kind} | {1e3 * np.median(taken):.1f} | ", end="")
        print(f"{np.median(taken) / plain:.1f} x |", flush=True)


def main() -> None:
    """Read the options and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["planted", "cbcl"], help="problems of problems.py")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=10)
    options = parser.parse_args()
    print("| X | k | weights | iteration, ms | of plain |\n|---|---|---|---|---|")
    for problem in problems("float64", options.names):
        compare(problem.name, problem.X, problem.k, options.threads, options.repeats, options.iterations)
    compare("generated", planted(5000, 5000, 20), 20, options.threads, 1, 4)


if __name__ == "__main__":
    main()
