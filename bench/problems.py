"""The matrices of the comparison: three that need no file, and those of a folder."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from nmfcore._cli._demo import swimmer

DEFAULT_RANK = 20
RANKS = {
    "aml_all": 3,
    "brca21_sbs96": 5,
    "cbcl": 49,
    "jasper": 4,
    "olivetti": 40,
    "samson": 3,
    "swimmer_noisy": 17,
    "usps": 40,
}


@dataclass(frozen=True)
class Problem:
    """A matrix and the rank it is factorized with."""

    name: str
    X: np.ndarray
    k: int


def planted(m: int = 2000, n: int = 1000, k: int = 20) -> np.ndarray:
    """A product of two factors with gamma entries, each entry times gamma noise of 10 %."""
    rng = np.random.default_rng(0)
    return (rng.gamma(0.5, size=(m, k)) @ rng.gamma(0.5, size=(k, n))) * rng.gamma(100, 0.01, size=(m, n))


def stored(path: Path) -> np.ndarray | None:
    """The first array of a file; None where it is no dense matrix."""
    with np.load(path) as arrays:
        if "format" in arrays.files:  # as scipy.sparse.save_npz writes it
            return None
        X = arrays[arrays.files[0]]
    return X if X.ndim == 2 else None


def problems(dtype: str, only: list[str]) -> Iterator[Problem]:
    """The problems that need no file, then those in the folder that NMFCORE_DATA names."""
    sources: dict[str, tuple[Callable[[], np.ndarray | None], int]] = {
        "digits": (lambda: load_digits().data, 16),
        "swimmer": (swimmer, 17),
        "planted": (planted, 20),
    }
    if "NMFCORE_DATA" in os.environ:
        for path in sorted(Path(os.environ["NMFCORE_DATA"]).glob("*.npz")):
            rank = RANKS.get(path.stem, DEFAULT_RANK)
            sources.setdefault(path.stem, (lambda path=path: stored(path), rank))
    unknown = set(only) - set(sources)
    if unknown:
        sys.exit(f"no problem named {', '.join(sorted(unknown))}; there are {', '.join(sources)}")
    for name, (load, k) in sources.items():
        if only and name not in only:
            continue
        X = load()
        if X is None or min(X.shape) < k:
            print(f"{name}: skipped, not a dense matrix of at least {k} x {k}", file=sys.stderr)
        else:
            yield Problem(name, np.ascontiguousarray(X, dtype=dtype), k)
