"""The compiled kernels, of the highest instruction-set level that this processor runs.

Each level is a module of its own: the same `.pxi` files, compiled with other flags. That works with every compiler and
on every platform, each level has tiles that fit its registers, the levels can be tested in one process, and the wheel
grows by 0.4 MB a level. `kernels` is the module that is used; `kernels.pyi` gives the signatures. The environment
variable `NMFCORE_LEVEL` (baseline, x86_64_v3, x86_64_v4) chooses a lower level, to test it or to compare machines.

The kernels know arrays and numbers only. They know no loss, no solver and no thread but those that a call gives them.
A kernel is a function in a `.pxi` file, with its innermost loops in a `.h` file where they need vector types. A new one
needs its line in `kernels.pyi`, and a test against NumPy over dtypes, threads, memory layouts and sizes around a tile.
"""

import os
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

__all__ = ["LEVELS", "baseline", "kernels", "level", "load"]

if TYPE_CHECKING:
    from . import kernels  # kernels.pyi, which holds for every level
    from . import kernels as baseline
else:
    try:
        baseline = import_module(".baseline", __name__)
    except ModuleNotFoundError as error:
        # The name is that of the package: so `python -m nmfcore` prints one line instead of a traceback.
        raise ImportError(
            f"nmfcore has no compiled kernels in {os.path.dirname(__file__)}: run `pip install -e .` in that checkout, "
            "or run Python from another directory to import the nmfcore that is installed",
            name="nmfcore",
        ) from error

LEVELS = {"baseline": 1, "x86_64_v3": 3, "x86_64_v4": 4}
"""The levels, the lowest first, with the number of `baseline.cpu_level` that each needs."""


def load(level: str) -> ModuleType:
    """Return the kernels of one level; ImportError where it is unknown, not built or cannot run here."""
    if level not in LEVELS:
        raise ImportError(f"NMFCORE_LEVEL is {level!r}; wanted one of {', '.join(LEVELS)}")
    if LEVELS[level] > baseline.cpu_level():
        raise ImportError(f"NMFCORE_LEVEL is {level!r}, which this processor does not run")
    return import_module(f".{level}", __name__)


def _best_level() -> str:
    """Return the highest level that was built and that this processor runs."""
    for level in sorted(LEVELS, key=LEVELS.__getitem__, reverse=True):
        try:
            load(level)
        except ImportError:
            continue
        return level
    return "baseline"


level = os.environ.get("NMFCORE_LEVEL") or _best_level()
if not TYPE_CHECKING:
    kernels = load(level)
