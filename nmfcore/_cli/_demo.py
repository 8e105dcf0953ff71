"""Data and fits of `nmfcore demo`: Swimmer, and scikit-learn's digits if scikit-learn is installed."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from .. import Result, hals
from .._runtime import check_threads


def swimmer() -> np.ndarray:
    """Donoho & Stodden's Swimmer (2003): 256 images of 32 x 32, one a row, with all positions of four limbs."""
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


def run(picture: Path | None, n_threads: int | None) -> None:
    """Fit the demonstration data, print one line for each data set, and draw the parts to a file if one is named."""
    problems = [("Swimmer", swimmer(), 17, (32, 32))]
    if importlib.util.find_spec("sklearn"):
        from sklearn.datasets import load_digits

        digits: Any = load_digits()
        problems.append(("digits", digits.data, 16, (8, 8)))
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
    if picture is not None:
        _draw(results, picture)
        print(f"parts drawn to {picture}")


def _draw(results: list[tuple[str, Result, tuple[int, int]]], path: Path) -> None:
    """Draw the parts of each result as a mosaic of small images."""
    from matplotlib.figure import Figure

    from ..plot import parts

    figure = Figure(figsize=(9, 2.7 * len(results)), layout="constrained")
    for axes, (name, result, image) in zip(figure.subplots(len(results), squeeze=False)[:, 0], results, strict=True):
        parts(result, image, components="share", columns=-(-len(result.H) // 2), ax=axes)
        axes.set_title(f"{name}: {len(result.H)} parts, relative error {result.relative_error:.2g}", fontsize=10)
    figure.savefig(path, dpi=150)
