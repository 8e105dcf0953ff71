"""`python -m nmfcore demo`: Swimmer, and scikit-learn's digits where that is installed."""

import importlib.util

import numpy as np

from .._fit import Result, hals
from .._runtime import check_threads


def swimmer() -> np.ndarray:
    """The 256 images of Donoho & Stodden's Swimmer (2003), 32 x 32, one a row: all positions of four limbs."""
    images = np.zeros((256, 32, 32))
    joints = [(9, 14), (21, 14), (9, 16), (21, 16)]
    upper, lower = [(-1, 0), (-1, -1), (0, -1), (1, -1)], [(1, 0), (1, -1), (0, -1), (-1, -1)]
    directions = [upper, lower, [(r, -c) for r, c in upper], [(r, -c) for r, c in lower]]
    images[:, 9:22, 15] = 1
    for (row, column), limb, place in zip(joints, directions, (64, 16, 4, 1), strict=True):
        images[:, row, column] = 1
        for i in range(256):
            step_r, step_c = limb[i // place % 4]
            for length in range(1, 6):
                images[i, row + length * step_r, column + length * step_c] = 1
    return images.reshape(256, 1024)


def run(plot: str | None, n_threads: int | None) -> None:
    """Factorize the demonstration data, print a line for each and draw the parts where `plot` names a file."""
    problems = [("Swimmer", swimmer(), 17, (32, 32))]
    if importlib.util.find_spec("sklearn"):
        from sklearn.datasets import load_digits

        problems.append(("digits", load_digits().data, 16, (8, 8)))
    n_threads = check_threads(n_threads)
    print(f"{'':8} {'shape':>12} {'rank':>5} {'relative error':>15} {'iterations':>11} {'seconds':>8} {'threads':>8}")
    results = []
    for name, X, k, image in problems:
        result = hals(X, k, random_state=0, n_threads=n_threads)
        shape = f"{X.shape[0]} x {X.shape[1]}"
        print(
            f"{name:8} {shape:>12} {k:5d} {result.relative_error:15.2e} {result.n_iter:11d} "
            f"{result.history.seconds[-1]:8.3f} {n_threads:8d}"
        )
        results.append((name, result, image))
    if plot is not None:
        draw(results, plot)
        print(f"parts drawn to {plot}")


def draw(results: list[tuple[str, Result, tuple[int, int]]], path: str) -> None:
    """The parts as small images, one mosaic of them a problem."""
    from matplotlib.figure import Figure

    from ..plot import parts

    figure = Figure(figsize=(9, 2.7 * len(results)), layout="constrained")
    for axes, (name, result, image) in zip(figure.subplots(len(results), squeeze=False)[:, 0], results, strict=True):
        parts(result, image, components="share", columns=-(-len(result.H) // 2), ax=axes)
        axes.set_title(f"{name}: {len(result.H)} parts, relative error {result.relative_error:.2g}", fontsize=10)
    figure.savefig(path, dpi=150)
