"""nmfcore.svd beside scikit-learn's randomized_svd, and the start that contains it.

Prints for each file (a SciPy sparse matrix, or the first array of an .npz) the median time of both, interleaved, and
how far the error of each is above the least one of that rank; then the time of an nndsvda start alone. Without files on
generated data.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.utils.extmath import randomized_svd

import nmfcore
from nmfcore._runtime import threads

SETTLE_SECONDS = 0.3  # for which the idle threads of a BLAS go on spinning on the processors that nmfcore wants


def problems(paths: list[Path], dtype: str) -> dict[str, Any]:
    """The matrices by their names."""
    if not paths:
        rng = np.random.default_rng(0)
        dense = rng.gamma(0.5, size=(3000, 60)) @ rng.gamma(0.5, size=(60, 1000)) + rng.random((3000, 1000))
        return {
            "dense": dense.astype(dtype),
            "sparse": sp.random_array((10_000, 20_000), density=0.005, rng=rng).tocsr().astype(dtype),
        }
    found = {}
    for path in paths:
        with np.load(path) as arrays:
            is_sparse = "format" in arrays.files
            X = None if is_sparse else arrays[arrays.files[0]].astype(dtype)
        found[path.stem] = sp.csr_array(sp.load_npz(path).astype(dtype)) if is_sparse else X
    return found


def clocked(run: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds of a call, and what it gives."""
    time.sleep(SETTLE_SECONDS)
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def compare(name: str, X: Any, k: int, n_threads: int, repeats: int) -> None:
    """Print a row of the table."""
    total = float(np.sum((X.data if sp.issparse(X) else X).astype(np.float64) ** 2))
    exact = nmfcore.svd(X, k, power_iter=60, random_state=1)[1]
    calls = {
        "scikit-learn": lambda: randomized_svd(X, k, random_state=0)[1],
        "nmfcore": lambda: nmfcore.svd(X, k, n_threads=n_threads, random_state=0)[1],
        "start": lambda: nmfcore.hals(X, k, init="nndsvda", max_iter=0, n_threads=n_threads, random_state=0),
    }
    seconds, found = {call: [] for call in calls}, {}
    for _ in range(repeats):
        for call, run in calls.items():
            taken, found[call] = clocked(run)
            seconds[call].append(taken)
    theirs, ours, start = (float(np.median(taken)) * 1e3 for taken in seconds.values())
    least = total - float(np.sum(exact.astype(np.float64) ** 2))
    above = [((total - float(np.sum(s.astype(np.float64) ** 2))) / least) ** 0.5 - 1 for s in list(found.values())[:2]]
    print(
        f"| {name}, {X.shape[0]} x {X.shape[1]} | {k} | {theirs:.0f} ms | {ours:.1f} ms | {theirs / ours:.1f} x "
        f"| {above[0]:.1e} | {above[1]:.1e} | {start:.1f} ms |",
        flush=True,
    )


def main() -> None:
    """Compare on every matrix."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("-k", type=int, default=50)
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float64")
    parser.add_argument("--threads", type=int, default=threads.available_processors())
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print("| X | k | scikit-learn | nmfcore | faster | its error above the least | nmfcore's | start of a fit |")
    print("|---|---|---|---|---|---|---|---|")
    for name, X in problems(options.files, options.dtype).items():
        compare(name, X, options.k, options.threads, options.repeats)


if __name__ == "__main__":
    main()
