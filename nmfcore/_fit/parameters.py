"""The arguments that the functions of a fit share, documented once.

A docstring names them by lines such as ``%(init)s``; `document` replaces these when the module is imported. Signatures
stay written out, so that `help`, editors and type checkers see them.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

PARAMETERS = {
    "X": """
X : array_like, SciPy sparse or data frame, shape (m, n)
    Samples in rows, features in columns; finite, >= 0. float32 and float64 arrays in C or Fortran order, CSR and CSC
    are read in place; X is never written to. float16 is computed in float32, integers and booleans in float64. Sparse X
    is held once more in the other orientation. The result keeps the names of a data frame (pandas, polars, pyarrow) or
    an AnnData. Other arguments that are data frames are matched with it by name: they are brought into its order, and
    refused where names differ or are repeated. Arrays, and tables without names, are taken by position (see
    `docs/models.md`).
""",
    "k": """
k : int
    The rank, >= 1; it may exceed m and n.
""",
    "init": """
init : {"auto", "random", "nndsvd", "nndsvda", "nndsvdar", "spa"}, (W0, H0), Result or Checkpoint
    The start. "auto" is "nndsvda" (Boutsidis & Gallopoulos 2008, doi:10.1016/j.patcog.2007.09.010), or "random" for
    k > min(m, n) and for weighted entries. "spa" takes k rows of X for H and the least squares for W, see `separable`.
    Factors are copied, in any float dtype. A `Checkpoint` resumes an interrupted fit.
""",
    "max_iter": """
max_iter : int
    The largest number of iterations; one updates W, then H. 0 returns the start.
""",
    "max_time": """
max_time : float, optional
    Seconds after which no further iteration begins. At least one iteration is done.
""",
    "penalties": """
penalty_W, penalty_H : penalties.Penalty, optional
    Penalties on a factor or sets in which it lies, such as ``nmfcore.penalties.L1(0.1)``; ``P + Q`` is both. The
    objective contains them. If only one factor is penalised, the penalty is computed as if the components of the other
    factor had length 1, so that scaling cannot undo it (see `docs/models.md`).
fixed_W, fixed_H : array_like, shape (m, k) and (k, n), optional
    Known values, NaN where the factor is free. They override `init`. If a whole factor is fixed, "auto" starts the
    other one from a constant.
""",
    "observations": """
weights : array_like or SciPy sparse, shape (m, n), optional
    How much each entry counts, >= 0: the objective is the weighted sum over the entries. Entries that a sparse matrix
    does not store have the weight 0.
mask : array_like or SciPy sparse of bool, shape (m, n), optional
    True where an entry is hidden, as in a `numpy.ma.MaskedArray`, which X may be, too. The values at hidden entries,
    NaN included, change no bit of the result. Memory beyond a dense X: a copy of it and up to 160 bytes for each hidden
    entry; if more than a quarter is hidden, up to three times that of X.
missing : {"nan", "unstored"}, optional
    Further hidden entries: the NaN of a dense X, or what a sparse X does not store. Stored zeros are observed.
""",
    "n_threads": """
n_threads : int, optional
    At most 64, or four times the processors that the process may use. None: the environment variable OMP_NUM_THREADS,
    but at most all processors that the process may use; -1: all, -2: all but one. Fewer are used while other threads
    keep processors busy, unless the process may use only some of the machine's processors or NMFCORE_SHARE=0 is in its
    environment; one is used in a process forked after a threaded call. Any number of threads gives identical bits.
""",
    "random_state": """
random_state : int, Generator, RandomState, optional
    The source of the random numbers in "random", "nndsvdar" and the randomized SVD of "nndsvd*"; None: NumPy's global
    state.
""",
    "callback": """
callback : callable, optional
    Called as callback(state) with a `State` after each iteration. If it returns True the fit ends; an exception passes
    through.
verbose : bool
    Whether to print a line about once a second.
""",
}


def document(function: Function) -> Function:
    """Replace lines such as ``%(init)s`` in the docstring of a function by the shared descriptions."""
    if function.__doc__ is not None:  # which python -OO removes
        function.__doc__ = re.sub(r"^([ ]*)%\((\w+)\)s$", _description, function.__doc__, flags=re.MULTILINE)
    return function


def _description(line: re.Match[str]) -> str:
    indent = line[1]
    return "\n".join(indent + text if text else "" for text in PARAMETERS[line[2]].strip("\n").split("\n"))
