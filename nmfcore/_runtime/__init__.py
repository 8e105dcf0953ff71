"""What a call needs of the machine: threads, scratch memory, kernel calls, files, optional libraries.

`Workspace` runs the kernels for one fit, `BatchKernels` for several fits of one X, `gram_sweep` and `dense_sweep` those
of weighted least squares, `minimise_rows` and `minimise_sparse_rows` those of Newton's method. They choose the number
of threads, provide scratch memory, and cut long work into calls between which Ctrl-C is heard. This room knows the
kernels and the checks of arguments; it knows no loss, no solver and no result.

To use another kernel, write a method of `Workspace` that reserves its scratch memory and calls it in `parts`.
"""

from . import files, optional
from .batch import BatchKernels, FactorBatch, GramBatch
from .calls import is_one_call, parts
from .config import show_config
from .files import atomic_write
from .newton import RowTerms, minimise_rows, minimise_sparse_rows
from .optional import import_optional
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
    "RowTerms",
    "Storable",
    "SweepBounds",
    "Workspace",
    "atomic_write",
    "check_threads",
    "dense_sweep",
    "files",
    "gram_sweep",
    "import_optional",
    "is_one_call",
    "minimise_rows",
    "minimise_sparse_rows",
    "names_to_array",
    "optional",
    "parts",
    "show_config",
    "single_blas",
]
