"""One fit, from the call to the result.

`nmf`, `hals`, `mu` and `transform` are the functions that users call. A call becomes a `FitRequest` (its arguments), a
`Problem` (X and the loss, read and checked), a `Fit` (the alternation) and a `Result`. This room knows storages,
losses, penalties, solvers and starts.
"""

from . import check_result, components
from .assemble import STARTS
from .check import check_entries, check_options
from .check_result import loss_of_fit
from .checkpoint import Checkpoint, differing_entries, fingerprint
from .constraints import current_options
from .digests import digest_arrays, digest_start
from .driver import FactorState, Fit
from .ending import CONVERGED, LARGEST_KKT_RESIDUAL, ending_from_members, ending_to_arrays, has_converged
from .factorization import STORED, Factorization, result_to_arrays
from .new_samples import fit_W
from .nmf import hals, mu, nmf
from .parameters import document
from .problem import Problem, RankedProblem, run_fit
from .recorder import Recorder
from .records import History, Optimality, State
from .report import REPORT_SECONDS, ProgressPrinter
from .request import FitRequest, InitLike, RandomState, align_penalty
from .result import Result, result_from_arrays
from .specification import Options
from .stopping import NUMBERS, STALLED, Momentum, StoppingState
from .transform import transform

__all__ = [
    "CONVERGED",
    "LARGEST_KKT_RESIDUAL",
    "NUMBERS",
    "REPORT_SECONDS",
    "STALLED",
    "STARTS",
    "STORED",
    "Checkpoint",
    "FactorState",
    "Factorization",
    "Fit",
    "FitRequest",
    "History",
    "InitLike",
    "Momentum",
    "Optimality",
    "Options",
    "Problem",
    "ProgressPrinter",
    "RandomState",
    "RankedProblem",
    "Recorder",
    "Result",
    "State",
    "StoppingState",
    "align_penalty",
    "check_entries",
    "check_options",
    "check_result",
    "components",
    "current_options",
    "differing_entries",
    "digest_arrays",
    "digest_start",
    "document",
    "ending_from_members",
    "ending_to_arrays",
    "fingerprint",
    "fit_W",
    "hals",
    "has_converged",
    "loss_of_fit",
    "mu",
    "nmf",
    "result_from_arrays",
    "result_to_arrays",
    "run_fit",
    "transform",
]
