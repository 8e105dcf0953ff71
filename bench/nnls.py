"""nmfcore.nnls beside a loop over scipy.optimize.nnls, for many right-hand sides of one matrix.

Prints the time of both, and how far apart their solutions are, as a share of the largest entry.
"""

import argparse
import time

import numpy as np
from scipy.optimize import nnls

import nmfcore
from nmfcore._runtime import threads

SETTLE_SECONDS = 0.3  # for which the idle threads of a BLAS go on spinning on the processors that nmfcore wants


def problem(m: int, k: int, n: int, zeros: float, positive: bool) -> tuple[np.ndarray, np.ndarray]:
    """B, uniform or normal, and X = B Y + noise, such a share of Y being 0."""
    rng = np.random.default_rng(0)
    B = rng.random((m, k)) if positive else rng.standard_normal((m, k))
    Y = rng.random((k, n)) * (rng.random((k, n)) >= zeros)
    return B, B @ Y + 0.1 * rng.standard_normal((m, n))


def clock(run, repeats: int) -> float:
    """The median of the seconds of a call."""
    seconds = []
    for _ in range(repeats):
        time.sleep(SETTLE_SECONDS)
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def compare(name: str, B: np.ndarray, X: np.ndarray, n_threads: int, peers: int) -> None:
    """Print a row of the table; scipy solves the first `peers` columns, and takes n / peers times as long for all."""
    share = X.shape[1] / peers
    columns = [np.ascontiguousarray(x) for x in X[:, :peers].T]
    theirs = clock(lambda: [nnls(B, x) for x in columns], 3) * share
    exact = np.stack([nnls(B, x)[0] for x in columns], axis=1)
    found = nmfcore.nnls(B, X, n_threads=n_threads)[:, :peers]
    ours = clock(lambda: nmfcore.nnls(B, X, n_threads=n_threads), 7)
    error = np.abs(found - exact).max() / exact.max()
    shape = f"{B.shape[0]} x {B.shape[1]}, {X.shape[1]}"
    print(
        f"| {name} | {shape} | {theirs:.2f} s | {ours * 1e3:.1f} ms | {theirs / ours:.0f} x | {error:.0e} |", flush=True
    )


def main() -> None:
    """Compare on matrices of several shapes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=threads.available_processors())
    parser.add_argument("--peers", type=int, default=2000, help="columns that scipy solves; its time is extrapolated")
    options = parser.parse_args()
    print("| B | shape, right-hand sides | scipy | nmfcore | faster | differ by |")
    print("|---|---|---|---|---|---|")
    for m, k, n in ((300, 40, 20_000), (200, 10, 20_000), (300, 100, 5_000)):
        for zeros in (0.0, 0.5, 0.9):
            for positive in (True, False):
                name = f"{'uniform' if positive else 'normal'}, {zeros:.0%} zeros"
                compare(name, *problem(m, k, n, zeros, positive), options.threads, min(n, options.peers))


if __name__ == "__main__":
    main()
