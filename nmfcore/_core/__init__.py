"""The compiled kernels, of the highest instruction-set level that this processor runs.

`NMFCORE_LEVEL` (baseline, x86_64_v3, x86_64_v4) chooses a lower one, to test it or to compare machines.
"""

import os
from importlib import import_module
from types import ModuleType

try:
    baseline = import_module(".baseline", __name__)
except ModuleNotFoundError as error:
    # The name is that of the package, since `python -m nmfcore` then prints one line instead of a traceback.
    raise ImportError(
        f"nmfcore has no compiled kernels in {os.path.dirname(__file__)}: run `pip install -e .` in that checkout, "
        "or run Python from another directory to import the nmfcore that is installed",
        name="nmfcore",
    ) from error

#: The levels built for this platform, the lowest first, with the number of `baseline.cpu_level` that each needs.
LEVELS = {"baseline": 1, "x86_64_v3": 3, "x86_64_v4": 4}


def load(level: str) -> ModuleType:
    """The module of kernels of one level; ImportError where it is unknown, not built or cannot run here."""
    if level not in LEVELS:
        raise ImportError(f"NMFCORE_LEVEL is {level!r}; wanted one of {', '.join(LEVELS)}")
    if LEVELS[level] > baseline.cpu_level():
        raise ImportError(f"NMFCORE_LEVEL is {level!r}, which this processor does not run")
    return import_module(f".{level}", __name__)


def _best_level() -> str:
    """The highest level that was built and that this processor runs."""
    for level in sorted(LEVELS, key=LEVELS.__getitem__, reverse=True):
        try:
            load(level)
        except ImportError:
            continue
        return level
    return "baseline"


level = os.environ.get("NMFCORE_LEVEL") or _best_level()
kernels = load(level)
