"""The request of a fit as its result keeps it: JSON values."""

import numbers
from dataclasses import fields
from typing import Any

import numpy as np

from .._version import __version__
from ..data import Data, Names
from ..losses import L1, L21, BetaDivergence, Frobenius, Huber
from ..penalties import Penalty
from . import check_checkpoint
from .checkpoint import Checkpoint
from .constraints import describe_penalty, plain_text
from .digests import digest_arrays
from .records import Provenance
from .request import FitRequest

ARRAYS = ("fixed_W", "fixed_H", "weights", "mask")  # a result says only whether there were any
LEFT_OUT = ("X", "n_threads", "callback", "verbose")  # not stored: X itself, and arguments that change no factor
OPTIONS = tuple(field.name for field in fields(FitRequest) if field.name not in LEFT_OUT)
AS_IT_IS = frozenset({type(None), str, bool, int, float})
PLAIN = {str: str, bool: bool, np.bool_: bool, numbers.Integral: int, numbers.Real: float}


def build_provenance(request: FitRequest, X: Any, names: Names, data: Data, solver: str) -> Provenance:
    """What a result says of its origin; a resumed fit has that of its first start. solver: the one that runs."""
    arguments = vars(request)
    options = {name: _plain(arguments[name]) for name in OPTIONS}
    options |= {name: arguments[name] is not None for name in ARRAYS}
    options["mask"] |= isinstance(X, np.ma.MaskedArray)
    options |= {"solver": solver, "dtype": data.dtype.name, "version": __version__}
    if isinstance(request.init, Checkpoint):
        check_checkpoint.check_same_fit(request.init, options, data, digest_arrays(request))
        options |= {name: request.init.options[name] for name in ("init", "random_state")}
    return Provenance(options, names)


def with_random_state(origin: Provenance, random_state: Any) -> Provenance:
    """The same with another random state."""
    return origin._replace(options=origin.options | {"random_state": _plain(random_state)})


def _plain(value: Any) -> Any:
    """An argument as a JSON value: itself, the text of a loss or penalty, or "given" for arrays and generators."""
    if type(value) in AS_IT_IS:
        return value
    if isinstance(value, Penalty):
        return describe_penalty(value)
    if isinstance(value, Frobenius | BetaDivergence | Huber | L1 | L21):
        return plain_text(repr(value))
    return next((plain(value) for kind, plain in PLAIN.items() if isinstance(value, kind)), "given")
