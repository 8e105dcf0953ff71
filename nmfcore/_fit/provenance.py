"""What was asked of a fit, as its result keeps it."""

import numbers
from typing import Any

import numpy as np

from .._version import __version__
from ..data import Data, Names
from ..losses import L1, L21, BetaDivergence, Frobenius, Huber
from ..penalties import Penalty
from . import check_checkpoint
from .checkpoint import Checkpoint
from .constraints import shown
from .records import Provenance

ARRAYS = ("fixed_W", "fixed_H", "weights", "mask")  # of which is kept whether they were given
LEFT_OUT = ("X", "n_threads", "callback", "verbose")  # what no factor depends on, beside X
PLAIN = {str: str, bool: bool, np.bool_: bool, numbers.Integral: int, numbers.Real: float}


def of(asked: dict[str, Any], names: Names, data: Data) -> Provenance:
    """The origin of a result, from the arguments of `nmf`; that of the first start where a fit goes on."""
    options = {name: _plain(value) for name, value in asked.items() if name not in LEFT_OUT}
    options |= {name: asked[name] is not None for name in ARRAYS}
    options["mask"] |= isinstance(asked["X"], np.ma.MaskedArray)
    options |= {"dtype": data.dtype.name, "version": __version__}
    if isinstance(asked["init"], Checkpoint):
        check_checkpoint.same_fit(asked["init"], options, data)
        options |= {name: asked["init"].options[name] for name in ("init", "random_state")}
    return Provenance(options, names)


def of_seed(origin: Provenance, random_state: Any) -> Provenance:
    """The same with another random state."""
    return origin._replace(options=origin.options | {"random_state": _plain(random_state)})


def _plain(value: Any) -> Any:
    """An argument as a JSON value: what it is, how an object is made, or "given" for arrays and generators."""
    if value is None:
        return None
    if isinstance(value, Penalty):
        return shown(value)
    if isinstance(value, Frobenius | BetaDivergence | Huber | L1 | L21):
        return repr(value)
    return next((plain(value) for kind, plain in PLAIN.items() if isinstance(value, kind)), "given")
