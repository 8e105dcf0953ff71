"""Non-negative matrix factorization (NMF): X ~ W H with all entries >= 0.

Rows of X are samples, columns are features. W has a row for each sample, H a row for each part. Start with `hals`.

One fit
    ============================ ========================================================== =======================
    `hals` (X, k)                least squares                                              `Result`: W, H and more
    `mu` (X, k, loss=)           Kullback-Leibler, any beta-divergence, robust losses       `Result`
    `nmf` (X, k, loss=, solver=) any loss with any solver; the two above are shorthands     `Result`
    `transform` (X, H)           W for new samples; also `Result.transform`                 array
    ============================ ========================================================== =======================

Many fits and the rank
    ============================ ========================================================== =======================
    `fit_many` (X, ranks)        several ranks and starts, computed together                `Ensemble`
    `select_rank` (X, ranks)     the number of parts                                        `RankChoice`
    ============================ ========================================================== =======================

    An `Ensemble` gives `Matching`, `Stability`, `Consensus` and `ConsensusFactors`. The callback of
    `fit_many` gets a `Progress`; a fit that failed is a `Failure`.

Relatives of NMF
    ============================ ========================================================== =======================
    `symmetric` (S, k)           S ~ W W': clusters of a graph                              `Clustering`
    `projective` (X, k)          X ~ W W' X: clusters of rows                               `Clustering`
    `orthogonal` (X, k)          X ~ W H with one part for each row                         `Clustering`
    `semi` (X, k)                X ~ W H, X and H of any sign, W >= 0                       `Clustering`
    `hierarchical` (X, n_leaves) a tree of clusters by fits of rank 2                       `Hierarchy`
    `archetypes` (X, k)          samples as mixtures of archetypes, mixtures of samples     `Archetypes`
    ============================ ========================================================== =======================

Without alternation
    ============================ ========================================================== =======================
    `nnls` (B, X)                non-negative least squares, many right-hand sides          array
    `separable` (X, k)           H made of k rows of X                                      `Separable`
    `svd` (X, k)                 the truncated singular value decomposition, any sign       U, s, Vt
    ============================ ========================================================== =======================

Ratings
    ============================ ========================================================== =======================
    `complete` (ratings, k)      biases and factors of users and items; recommendations     `Completion`
    ============================ ========================================================== =======================

Results and files
    The result objects in these tables have ``save`` and ``load``. A `Result` also has ``order``, ``normalize``,
    ``transform``, ``reconstruct``, ``to_frame`` and ``optimality`` (an `Optimality`). Its ``history`` is a `History`.
    A callback gets a `State` after each iteration (from `complete`, a `CompletionState`). A `Checkpoint` continues an
    interrupted fit.

Penalties and losses
    `nmfcore.penalties`: ``L1``, ``L2``, ``ElasticNet``, ``Group``, ``Orthogonality``, ``Smooth``, ``MinVolume``,
    ``Prior``, ``Box``, ``Hoyer``, ``SumToOne``, for penalty_W and penalty_H. Losses are names, numbers beta, or the
    objects `BetaDivergence`, `Huber`, `L21` and ``nmfcore.losses.L1``.

scikit-learn
    `nmfcore.sklearn`: ``NMF``, ``MiniBatchNMF`` and ``non_negative_factorization`` with scikit-learn's interface.
    `patch_sklearn` and `unpatch_sklearn` put them in place of scikit-learn's own.

Pictures
    `nmfcore.plot`: parts, factors, words, reconstructions, convergence, scores of ranks, consensus matrices.

Command line
    ``nmfcore fit counts.csv -k 10 -o topics.npz``; see ``nmfcore --help``.

Other
    `show_config` prints versions, threads and BLAS. `nmfcore.reference` has every algorithm in plain NumPy. A mistake
    in an argument raises `InputError` (a ValueError) or `InputTypeError` (a TypeError). A fit that ends far from a
    stationary point warns with `ConvergenceWarning`.
"""

# ruff: noqa: E402
import contextlib
import importlib
import os
import re
import signal
import sys
import warnings
from types import FrameType
from typing import Any


def _exit_on_signal(number: int, frame: FrameType | None) -> None:
    """End a command before it runs or after it is done: one line, and the exit code that the commands document."""
    command = " ".join(word for word in sys.argv[1:2] if word.isalpha())
    os.write(2, f"{f'nmfcore {command}'.strip()}: interrupted\n".encode())
    os._exit(128 + number)


def _is_command() -> bool:
    """Whether this import belongs to the command `nmfcore` or `python -m nmfcore`."""
    program = getattr(sys, "argv", [""])[:1]
    if program != ["-m"]:  # what Python puts there while it looks for a module to run
        return bool(program) and os.path.basename(program[0]).removesuffix(".exe") == "nmfcore"
    options = zip(sys.orig_argv, sys.orig_argv[1:], strict=False)
    modules = [module for option, module in options if re.fullmatch("-[a-zA-Z]*m", option)]
    return modules[:1] in (["nmfcore"], ["nmfcore.__main__"])


if _is_command():  # the imports below take a second, in which a signal would end in a traceback
    with contextlib.suppress(ValueError):  # not in the main thread
        for _number, _default in ((signal.SIGINT, signal.default_int_handler), (signal.SIGTERM, signal.SIG_DFL)):
            if signal.getsignal(_number) == _default:
                signal.signal(_number, _exit_on_signal)

from . import losses, penalties
from ._archetypes import Archetypes, archetypes
from ._checks import ConvergenceWarning, InputError, InputTypeError
from ._ensemble import Consensus, ConsensusFactors, Ensemble, Failure, Matching, Progress, Stability
from ._fit import Checkpoint, History, Optimality, Result, State, hals, mu, nmf, transform
from ._many import fit_many
from ._patch import patch_sklearn, unpatch_sklearn
from ._rank import RankChoice, select_rank
from ._ratings import Completion, CompletionState, complete
from ._relatives import Clustering, Hierarchy, hierarchical, orthogonal, projective, semi, symmetric
from ._runtime import show_config
from ._solve import Separable, nnls, separable, svd
from ._version import __version__
from .losses import L21, BetaDivergence, Huber

__all__ = [
    "L21",
    "Archetypes",
    "BetaDivergence",
    "Checkpoint",
    "Clustering",
    "Completion",
    "CompletionState",
    "Consensus",
    "ConsensusFactors",
    "ConvergenceWarning",
    "Ensemble",
    "Failure",
    "Hierarchy",
    "History",
    "Huber",
    "InputError",
    "InputTypeError",
    "Matching",
    "Optimality",
    "Progress",
    "RankChoice",
    "Result",
    "Separable",
    "Stability",
    "State",
    "__version__",
    "archetypes",
    "complete",
    "fit_many",
    "hals",
    "hierarchical",
    "losses",
    "mu",
    "nmf",
    "nnls",
    "orthogonal",
    "patch_sklearn",
    "penalties",
    "projective",
    "select_rank",
    "semi",
    "separable",
    "show_config",
    "svd",
    "symmetric",
    "transform",
    "unpatch_sklearn",
]

_SUBMODULES = ("plot", "sklearn")  # which need more than NumPy and SciPy, or take time to load


def __getattr__(name: str) -> Any:
    """Import a submodule at its first use; warn of a deprecated name."""
    if name in _SUBMODULES:
        return importlib.import_module(f".{name}", __name__)
    if name == "L1":  # `penalties.L1` is something else
        warnings.warn("nmfcore.L1 is deprecated; use nmfcore.losses.L1", DeprecationWarning, stacklevel=2)
        return losses.L1
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The names that are there, and the submodules that can be."""
    return sorted({*globals(), *_SUBMODULES})
