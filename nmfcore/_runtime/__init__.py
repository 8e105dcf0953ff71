"""What a call needs of the machine: threads, scratch memory, kernel calls, files, optional libraries.

`Workspace` runs the kernels of one fit, `BatchKernels` those of many fits of one X. This room knows the kernels and the
checks of arguments; it knows no loss, no solver and no result.
"""

from . import files, optional
from .batch import BatchKernels, FactorBatch, GramBatch
from .calls import parts
from .config import show_config
from .files import written
from .optional import load
from .storable import Members, Storable, names_to_array
from .threads import check_threads, single_blas
from .weighted import ExceptionEntries, Quadratic, SweepBounds, dense_sweep, gram_sweep
from .workspace import FLOAT64, INT32, PROJECTION_FLOP, Workspace

__all__ = [
    "FLOAT64",
    "INT32",
    "PROJECTION_FLOP",
    "BatchKernels",
    "ExceptionEntries",
    "FactorBatch",
    "GramBatch",
    "Members",
    "Quadratic",
    "Storable",
    "SweepBounds",
    "Workspace",
    "check_threads",
    "dense_sweep",
    "files",
    "gram_sweep",
    "load",
    "names_to_array",
    "optional",
    "parts",
    "show_config",
    "single_blas",
    "written",
]
