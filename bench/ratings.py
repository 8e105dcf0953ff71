"""Ratings: errors of predictions in cross-validation, and the time of a fit beside cmfrec's.

Reads ml100k.npz (943 users x 1682 films, 100 000 ratings from 1 to 5, as scipy.sparse.save_npz writes them) from the
folder that NMFCORE_DATA names, or the file that is given. Predictions are clipped to the range from 1 to 5.
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import KFold

import nmfcore
from nmfcore._runtime import threads

SETTLE_SECONDS = 0.3  # for which the idle threads of another OpenMP go on spinning
MODELS = {
    "biases alone": {"k": 0},
    "W H, all but free of penalties": {"k": 10, "biases": False, "strength": 0.02},
    "W H": {"k": 20, "biases": False, "strength": 0.1},
    "biases and W H, k = 10": {"k": 10},
    "biases and W H": {"k": 20},
    "biases and W H, k = 40": {"k": 40},
    "biases and W H, constant penalty": {"k": 20, "per_rating": False, "strength": 8},
    "biases and W H of any sign": {"k": 20, "nonnegative": False, "strength": 0.12},
}


def cross_validate(X: sp.coo_array, n_threads: int) -> None:
    """Print the root mean squared error over five folds for each model."""
    print("| model | RMSE | standard deviation over folds | iterations | s a fit |\n|---|---|---|---|---|")
    for name, options in MODELS.items():
        errors, iterations, seconds = [], [], []
        for train, test in KFold(5, shuffle=True, random_state=0).split(X.data):
            known, held_out = (
                sp.coo_array((X.data[part], (X.row[part], X.col[part])), shape=X.shape) for part in (train, test)
            )
            model = nmfcore.complete(known, **options, random_state=0, n_threads=n_threads)
            errors.append(model.rmse(held_out, limits=(1, 5)))
            iterations.append(model.n_iter)
            seconds.append(model.history.seconds[-1])
        spread = f"{np.mean(errors):.4f} | {np.std(errors):.4f}"
        print(f"| {name} | {spread} | {np.mean(iterations):.0f} | {np.median(seconds):.2f} |", flush=True)


def objective(X: sp.coo_array, W: np.ndarray, H: np.ndarray, strength: float) -> float:
    """1/2 sum of (x - (W H))^2 over the ratings + strength/2 (||W||^2 + ||H||^2), in float64.

    The one that cmfrec minimises with lambda_=strength: run to convergence, its factors make the gradient of this one
    vanish, and not with twice or half the strength (`gradient`).
    """
    W, Ht = W.astype(np.float64), H.T.astype(np.float64)
    residual = X.data - np.einsum("pk,pk->p", W[X.row], Ht[X.col])
    return 0.5 * float(np.sum(residual**2) + strength * (np.sum(W**2) + np.sum(Ht**2)))


def gradient(X: sp.coo_array, W: np.ndarray, H: np.ndarray, strength: float) -> float:
    """The projected gradient in W of `objective`, as a share of that of its first part."""
    residual = sp.csr_array((X.data - np.einsum("pk,pk->p", W[X.row], H.T[X.col]), (X.row, X.col)), shape=X.shape)
    part = residual @ H.T
    slope = strength * W - part
    return float(np.linalg.norm(np.where(W > 0, slope, np.minimum(slope, 0))) / np.linalg.norm(part))


def peer(X: sp.coo_array, k: int, strength: float, n_threads: int, **options):
    """W, H of cmfrec, by its defaults but for the model."""
    from cmfrec import CMF

    model = {"k": k, "lambda_": strength, "nonneg": True, "user_bias": False, "item_bias": False, "center": False}
    fit = CMF(**model, nthreads=n_threads, precompute_for_predictions=False, verbose=False, **options).fit(X)
    return fit.A_, fit.B_.T


def seconds_of(run) -> float:
    """The seconds of a call, once other threads have come to rest."""
    time.sleep(SETTLE_SECONDS)
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def beside_cmfrec(X: sp.coo_array, k: int, strength: float, n_threads: int, repeats: int) -> None:
    """Print the times to the objective at which cmfrec ends by its defaults; interleaved, medians over starts."""
    exact = peer(X, k, strength, n_threads, niter=100, use_float=False, max_cd_steps=0)
    shares = [gradient(X, *exact, factor * strength) for factor in (0.5, 1, 2)]
    print(
        f"\nlambda {strength:g}; gradient at cmfrec's factors for lambda / 2, lambda, 2 lambda: {np.round(shares, 4)}"
    )
    model = {"strength": strength, "per_rating": False, "biases": False, "tol": 0, "n_threads": n_threads}
    for dtype in (np.float32, np.float64):
        found, Y = [], X.astype(dtype)
        for seed in range(1, repeats + 1):
            theirs = {"use_float": dtype == np.float32, "random_state": seed}
            target = objective(X, *peer(X, k, strength, n_threads, **theirs), strength)
            fit = nmfcore.complete(Y, k, **model, max_iter=100, random_state=seed)
            needed = int(np.flatnonzero(fit.history.objective <= target)[0])
            fit = nmfcore.complete(Y, k, **model, max_iter=needed, random_state=seed)
            assert objective(X, fit.W, fit.H, strength) <= target * (1 + 1e-5)
            own = {"max_iter": needed, "random_state": seed}
            runs = partial(peer, X, k, strength, n_threads, **theirs), partial(nmfcore.complete, Y, k, **model, **own)
            found.append([*map(seconds_of, runs), needed])
        theirs, own, needed = np.median(found, axis=0)
        print(
            f"{np.dtype(dtype).name}: cmfrec {1e3 * theirs:.0f} ms (10 iterations), nmfcore {1e3 * own:.0f} ms "
            f"({needed:.0f} iterations), {theirs / own:.1f} times sooner",
            flush=True,
        )


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=Path(os.environ.get("NMFCORE_DATA", ".")) / "ml100k.npz")
    parser.add_argument("--threads", type=int, default=threads.available_processors())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--strengths", type=float, nargs="*", default=[10.0, 5.0, 1.0], help="for cmfrec's lambda_")
    options = parser.parse_args()
    X = sp.load_npz(options.file).tocoo().astype(np.float64)
    cross_validate(X, options.threads)
    for strength in options.strengths:
        beside_cmfrec(X, 20, strength, options.threads, options.repeats)


if __name__ == "__main__":
    main()
