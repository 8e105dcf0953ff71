"""nmfcore.archetypes beside the packages spams (spams-bin) and archetypes: the error and the time of whole fits.

Each starts and stops as it does by default; nmfcore takes the best of `--starts` starts, too. The error is half the
squared residual, evaluated in NumPy from each one's factors. (A file archetypes.py would hide that package.)
"""

import argparse
import os
import sys
import time
from collections.abc import Callable

import numpy as np

import nmfcore
from nmfcore._runtime import threads


def mixtures(m: int, n: int, k: int, noise: float) -> np.ndarray:
    """Mixtures of k points of either sign, and noise."""
    rng = np.random.default_rng(0)
    W, Z = rng.dirichlet(np.full(k, 0.5), m), rng.standard_normal((k, n))
    return W @ Z + noise * rng.standard_normal((m, n))


def of_nmfcore(X: np.ndarray, k: int, n_threads: int, n_starts: int) -> np.ndarray:
    """The model W B X."""
    result = nmfcore.archetypes(X, k, n_starts=n_starts, random_state=0, n_threads=n_threads)
    return result.W @ result.archetypes


def of_spams(X: np.ndarray, k: int, n_threads: int) -> np.ndarray:
    """The same by spams, which prints each iteration."""
    import spams

    sys.stdout.flush()
    shown, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        Z, W = spams.archetypalAnalysis(np.asfortranarray(X.T), p=k, returnAB=True, numThreads=n_threads)[:2]
    finally:
        os.dup2(shown, 1)
    return (Z @ W).T


def of_archetypes(X: np.ndarray, k: int) -> np.ndarray:
    """The same by archetypes."""
    from archetypes import AA

    fit = AA(k, random_state=0).fit(X)
    return fit.coefficients_ @ fit.archetypes_


def report(name: str, X: np.ndarray, run: Callable[[], np.ndarray], repeats: int) -> None:
    """Print a row of the table."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        model = run()
        seconds.append(time.perf_counter() - start)
    print(f"| {name} | {0.5 * np.sum((X - model) ** 2):.4f} | {np.median(seconds):.2f} s |", flush=True)


def main() -> None:
    """Compare on mixtures with noise, and on noise alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=threads.available_processors())
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--shape", type=int, nargs=3, default=(10_000, 20, 8), metavar=("m", "n", "k"))
    options = parser.parse_args()
    m, n, k = options.shape
    for title, X in (
        ("mixtures", mixtures(m, n, k, 0.05)),
        ("normal", np.random.default_rng(0).standard_normal((m, n))),
    ):
        print(f"\n| {title}, {m} x {n}, k = {k} | error | time |\n|---|---|---|")
        for starts in sorted({1, options.starts}):
            report(f"nmfcore, best of {starts}", X, lambda X=X, s=starts: of_nmfcore(X, k, options.threads, s), 5)
        report("spams", X, lambda X=X: of_spams(X, k, options.threads), 1)
        report("archetypes", X, lambda X=X: of_archetypes(X, k), 1)


if __name__ == "__main__":
    main()
