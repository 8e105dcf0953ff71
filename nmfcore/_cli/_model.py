"""From options and files to the arguments of `nmf` and `transform`."""

import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np

from .. import BetaDivergence, Huber, Result, penalties, transform
from . import _reading, _text
from ._arguments import YES_NO
from ._table import Table

LOSSES = {"Huber": Huber, "BetaDivergence": BetaDivergence}
ARRAYS = ("mask", "weights", "fixed_W", "fixed_H")  # which options name as files


def wish(options: Namespace, **others: Any) -> _reading.ReadOptions:
    """How the files of a command are to be read."""
    answers = YES_NO[options.header], YES_NO[options.row_names]
    return _reading.ReadOptions(options.key, options.delimiter, *answers)._replace(**others)


def files(options: Namespace) -> list[Path]:
    """All files that a command reads."""
    named = (getattr(options, name, None) for name in ("X", "model", *ARRAYS))
    return [path for path in named if path is not None]


def matrix(options: Namespace) -> Table:
    """X, as it is asked for."""
    asked = wish(options, cell=_text.number_or_missing if options.missing == "nan" else None)
    _reading.check(options.X, asked)
    return _reading.read(options.X, asked).arranged(options.transpose, options.dtype)


def arrays(options: Namespace) -> dict[str, Any]:
    """The arrays beside X, from their files."""
    found = {}
    for name in ARRAYS:
        path: Path | None = getattr(options, name, None)
        if path is None:
            continue
        whole = name in ("mask", "weights")  # of the shape of X, and in the same order
        cell = {"mask": _text.truth, "weights": None}.get(name, _text.number_or_missing)
        table = _reading.read(path, wish(options, cell=cell, key=None)).arranged(whole and options.transpose, None)
        found[name] = _reading.boolean(table, path) if name == "mask" else table.X
    return found


def of_fit(options: Namespace) -> dict[str, Any]:
    """The arguments of `nmf` that are no arrays."""
    return _shared(options) | {
        "loss": "frobenius" if options.loss is None else options.loss,
        "init": options.init,
        "inner_iter": options.inner_iter or "auto",
        "floor": options.floor,
        "extrapolate": not options.no_extrapolate,
        "penalty_H": _penalty(options.l1_H, options.l2_H),
        "random_state": options.seed,
    }


def of_transform(options: Namespace, model: Result) -> dict[str, Any]:
    """The arguments of `transform` that are no arrays; the loss is that of the model unless another is asked for."""
    return _shared(options) | {"loss": _loss_of(model) if options.loss is None else options.loss}


def _shared(options: Namespace) -> dict[str, Any]:
    asked = {name: getattr(options, name) for name in ("solver", "max_iter", "tol", "max_time", "missing")}
    return asked | {"penalty_W": _penalty(options.l1_W, options.l2_W), "n_threads": options.threads}


def _penalty(l1: float | None, l2: float | None) -> penalties.Penalty | None:
    if l1 is None or l2 is None:
        return penalties.L1(l1) if l1 is not None else penalties.L2(l2) if l2 is not None else None
    return penalties.L1(l1) + penalties.L2(l2)


def _loss_of(model: Result) -> Any:
    """The loss of a result, which keeps objects as they are written."""
    said = model.options.get("loss", "frobenius")
    made = re.fullmatch(r"(Huber|BetaDivergence)\(\w+=(.+)\)", str(said))
    return LOSSES[made[1]](float(made[2])) if made else said


def try_out(function: Any, options: Namespace, asked: dict[str, Any]) -> None:
    """Have the options checked on a matrix of one entry, before a large one is read."""
    one = np.full((1, 1), getattr(asked["loss"], "delta", 1.0))  # which every scale of residuals sees
    X: Any = one
    if options.missing == "unstored":
        import scipy.sparse

        X = scipy.sparse.csr_array(one)
    beside = {"mask": one < 0, "weights": one, "fixed_W": one * np.nan, "fixed_H": one * np.nan}
    given = {name: beside[name] for name in ARRAYS if getattr(options, name, None) is not None}
    second = one if function is transform else 1
    function(X, second, **asked | given | {"max_iter": 0})
