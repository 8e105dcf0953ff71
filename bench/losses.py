"""Kullback-Leibler, Itakura-Saito and sparse X beside scikit-learn, from the same start and with the same threads.

Without arguments on generated counts and spectra; given .npz files, sparse as scipy.sparse.save_npz writes them or with
one dense array, on those. Prints the milliseconds of one textbook iteration of both, and how much sooner the objective
is reached at which scikit-learn stops by its own rule (tol=1e-4, at most 200 iterations).
"""

import argparse
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import non_negative_factorization
from threadpoolctl import threadpool_limits

import nmfcore
from nmfcore._runtime import threads

SETTLE_SECONDS = 0.3  # for which the idle threads of a BLAS go on spinning on the processors that nmfcore wants
LOSSES = {"frobenius": "cd", "kullback-leibler": "mu", "itakura-saito": "mu"}  # with scikit-learn's solver


def generated() -> dict[str, np.ndarray | sp.csr_array]:
    """Counts with the columns of a text, and a power spectrum."""
    rng = np.random.default_rng(0)
    column = (8000 * rng.random(100_000) ** 3).astype(int)
    counts = sp.csr_array((np.ones(len(column)), (rng.integers(0, 3000, len(column)), column)), shape=(3000, 8000))
    power = rng.gamma(0.3, size=(1025, 12)) @ rng.gamma(0.3, size=(12, 1200)) + 1e-4
    return {"counts": counts, "spectrum": power * rng.exponential(size=power.shape)}


def read(path: Path) -> np.ndarray | sp.csr_array:
    """A matrix from a file."""
    with np.load(path, allow_pickle=False) as arrays:
        if "indptr" not in arrays:
            return np.asarray(arrays[arrays.files[0]], dtype=np.float64)
    return sp.csr_array(sp.load_npz(path), dtype=np.float64)


def clock(run, repeats: int = 3) -> float:
    """The median of the seconds of a call."""
    seconds = []
    for _ in range(repeats):
        time.sleep(SETTLE_SECONDS)
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def compare(name: str, X: np.ndarray | sp.csr_array, k: int, loss: str, n_threads: int) -> None:
    """Print a row of the table."""
    start = nmfcore.nmf(X, k, loss=loss, init="nndsvda", random_state=0, max_iter=0)
    W0, H0 = np.ascontiguousarray(start.W), np.ascontiguousarray(start.H)

    def peer(max_iter: int, tol: float = 0.0) -> tuple:
        options = {"init": "custom", "solver": LOSSES[loss], "beta_loss": loss, "max_iter": max_iter, "tol": tol}
        with threadpool_limits(n_threads):
            return non_negative_factorization(X, W=W0.copy(), H=H0.copy(), n_components=k, **options)

    def ours(max_iter: int, **options) -> nmfcore.Result:
        return nmfcore.nmf(X, k, loss=loss, init=(W0, H0), max_iter=max_iter, tol=0, n_threads=n_threads, **options)

    plain = {"extrapolate": False} | ({"inner_iter": 1} if loss == "frobenius" else {})
    runs = peer, lambda max_iter: ours(max_iter, **plain)
    each = [(clock(partial(run, 12)) - clock(partial(run, 2))) / 10 for run in runs]
    W, H, peer_iter = peer(200, tol=1e-4)
    target = nmfcore.nmf(X, k, loss=loss, init=(W, H), max_iter=0).objective
    reached = np.flatnonzero(ours(400).history.objective <= target * (1 + 1e-6))
    row = f"{name} {X.shape[0]} x {X.shape[1]} | {loss} | {k} | {each[0] * 1e3:.1f} -> {each[1] * 1e3:.1f} ms"
    if not len(reached):
        print(f"| {row} | {each[0] / each[1]:.1f} x | not reached | {peer_iter} / 400 |", flush=True)
        return
    whole = clock(lambda: peer(200, tol=1e-4)), clock(lambda: ours(int(reached[0])))
    gain = f"{each[0] / each[1]:.1f} x | {whole[0] / whole[1]:.1f} x"
    print(f"| {row} | {gain} | {peer_iter} / {reached[0]} |", flush=True)


def main() -> None:
    """Compare on every matrix, with the losses that it admits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--k", type=int, default=20)
    parser.add_argument("--threads", type=int, default=threads.available_processors())
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # scikit-learn's, that it has not converged
    problems = {path.stem: read(path) for path in options.files} or generated()
    print("| X | loss | k | an iteration, scikit-learn -> nmfcore | faster | objective reached sooner | iterations |")
    print("|---|---|---|---|---|---|---|")
    for name, X in problems.items():
        positive = not sp.issparse(X) and X.min() > 0
        for loss in LOSSES:
            if (loss != "frobenius" or sp.issparse(X)) and (loss != "itakura-saito" or positive):
                compare(name, X, options.k, loss, options.threads)


if __name__ == "__main__":
    main()
