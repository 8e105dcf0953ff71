"""Many fits of one X: `nmfcore.fit_many` beside calls one after another, and beside scikit-learn's.

python bench/many.py [dense] [sparse] [ranks] [signatures] [--sparse FILE] [--ranks FILE] [--signatures FILE]

dense, sparse: 20 starts at k = 10 and the same iterations as 20 calls of `hals`, on a generated matrix and word counts.
ranks: 2 ... 15 with 10 starts each beside scikit-learn's NMF, as many fits at a time as there are processors.
signatures: 500 starts at k = 5 of counts 96 x 200 by Kullback-Leibler beside scikit-learn's, one after the other.
The last two compare at scikit-learn's objective: tol of `fit_many` is the largest one tried with which the mean
objective of all fits is no higher than scikit-learn's by its defaults, and that of no rank more than a thousandth.
Files hold a SciPy matrix, faces, and profiles (96 x n).
"""

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import scipy.sparse as sp
from scikit_learn import load
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning
from transform import counts

import nmfcore
from nmfcore._runtime import threads

SETTLE_SECONDS = 0.3  # for which the idle threads of a BLAS go on spinning on the processors that nmfcore wants
ITERATIONS, STARTS, REPEATS = 40, 20, 3
TOLERANCES = (3e-2, 2e-2, 1.6e-2, 1.4e-2, 1.2e-2, 1e-2, 7e-3, 5e-3, 3e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4)
NEAR = 1e-3


def clocked(run: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds of a call, and what it gives."""
    time.sleep(SETTLE_SECONDS)
    start = time.perf_counter()
    found = run()
    return time.perf_counter() - start, found


def beside_calls(name: str, X: Any) -> None:
    """The same iterations of the same starts, together and one after another."""
    options = {"max_iter": ITERATIONS, "tol": 0, "init": "random"}
    seconds = {"together": [], "alone": []}
    for _ in range(REPEATS):
        taken, ensemble = clocked(lambda: nmfcore.fit_many(X, 10, STARTS, random_state=0, **options))
        seconds["together"].append(taken)
        seeds = [fit.options["random_state"] for fit in ensemble.fits]
        taken, alone = clocked(lambda: [nmfcore.hals(X, 10, random_state=seed, **options) for seed in seeds])  # noqa: B023
        seconds["alone"].append(taken)
    same = all(np.array_equal(one.H, other.H) for one, other in zip(ensemble.fits, alone, strict=True))
    together, each = (float(np.median(taken)) for taken in seconds.values())
    print(
        f"{name} {X.shape[0]} x {X.shape[1]}, {STARTS} starts of k = 10, {ITERATIONS} iterations: one after another "
        f"{each:.2f} s, together {together:.2f} s, {each / together:.2f} x; the same bits: {same}",
        flush=True,
    )


def beside_scikit_learn(name: str, X: Any, ranks: range, n_starts: int, loss: str, jobs: int) -> None:
    """As good in each rank on the average, sooner."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        places = [(k, start) for k in ranks for start in range(n_starts)]
        theirs, values = clocked(lambda: peers(X, places, loss, jobs))
    goal = {k: np.mean([value for (rank, _), value in zip(places, values, strict=True) if rank == k]) for k in ranks}
    for tol in TOLERANCES:
        options = {"loss": loss, "tol": tol, "random_state": 0}
        ensemble = nmfcore.fit_many(X, ranks, n_starts, **options)
        ratios = [np.mean(ensemble.objectives(k)) / goal[k] for k in ranks]
        if np.mean(ratios) <= 1 and max(ratios) <= 1 + NEAR:
            break
    else:
        print(f"{name}: no tol of {TOLERANCES} reaches scikit-learn's objectives")
        return
    runs = [clocked(lambda: nmfcore.fit_many(X, ranks, n_starts, **options))[0] for _ in range(REPEATS)]
    ours = float(np.median(runs))
    print(
        f"{name} {X.shape[0]} x {X.shape[1]}, {loss}, ranks {ranks[0]} ... {ranks[-1]}, {n_starts} starts each: "
        f"scikit-learn, {jobs} at a time, {theirs:.2f} s; fit_many with tol={tol:g} {ours:.2f} s, "
        f"{theirs / ours:.1f} x, objectives {min(ratios):.4f} to {max(ratios):.4f} of scikit-learn's",
        flush=True,
    )


def peers(X: Any, places: list[tuple[int, int]], loss: str, jobs: int) -> list[float]:
    """The objectives of scikit-learn's fits."""
    if jobs == 1:
        return [peer(X, k, start, loss) for k, start in places]
    return joblib.Parallel(jobs)(joblib.delayed(peer)(X, k, start, loss) for k, start in places)


def peer(X: Any, k: int, start: int, loss: str) -> float:
    """The objective of one of scikit-learn's fits, random start, all else by default."""
    solver = "cd" if loss == "frobenius" else "mu"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return (
            NMF(k, init="random", solver=solver, beta_loss=loss, random_state=start).fit(X).reconstruction_err_ ** 2 / 2
        )


def dense() -> np.ndarray:
    """A planted matrix with noise."""
    rng = np.random.default_rng(0)
    return rng.gamma(0.5, size=(5000, 10)) @ rng.gamma(0.5, size=(10, 2000)) + rng.random((5000, 2000))


def faces() -> np.ndarray:
    """Samples of the size of small faces, made of 20 parts."""
    rng = np.random.default_rng(0)
    return rng.gamma(0.3, size=(2400, 20)) @ rng.gamma(0.3, size=(20, 361)) + 0.3 * rng.random((2400, 361))


def signatures(file: Path | None) -> np.ndarray:
    """Counts of 96 kinds of mutations in 200 samples, from five of the profiles in the file, or generated ones."""
    rng = np.random.default_rng(0)
    profiles = rng.dirichlet(np.full(96, 0.2), 40).T if file is None else load(file)
    chosen = profiles[:, rng.choice(profiles.shape[1], 5, replace=False)]
    return rng.poisson(chosen @ rng.gamma(0.5, 200, size=(5, 200))).astype(float)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = ("dense", "sparse", "ranks", "signatures")
    parser.add_argument("kinds", nargs="*", metavar="kind", help=" ".join(kinds))
    for kind in kinds[1:]:
        parser.add_argument(f"--{kind}", type=Path)
    options = parser.parse_args()
    for kind in options.kinds or kinds:
        if kind == "dense":
            beside_calls("dense", dense())
        elif kind == "sparse":
            beside_calls("sparse", load(options.sparse) if options.sparse else sp.csr_array(counts()))
        elif kind == "ranks":
            X = load(options.ranks) / 255 if options.ranks else faces()
            beside_scikit_learn("faces", X, range(2, 16), 10, "frobenius", threads.available_processors())
        elif kind == "signatures":
            beside_scikit_learn("signatures", signatures(options.signatures), range(5, 6), 500, "kullback-leibler", 1)
        else:
            parser.error(f"kind is {kind!r}; wanted some of {', '.join(kinds)}")


if __name__ == "__main__":
    main()
