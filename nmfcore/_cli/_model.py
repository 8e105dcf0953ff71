"""From options and files to the arguments of `nmf` and `transform`."""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import Result, penalties, transform
from .._checks import InputError
from .._fit import loss_of_fit
from . import _reading, _text
from ._arguments import YES_NO
from ._table import Table

ARRAYS = ("mask", "weights", "fixed_W", "fixed_H")  # arguments that options give as files


def read_options(options: Namespace, **changes: Any) -> _reading.ReadOptions:
    """How to read the files of a command."""
    answers = YES_NO[options.header], YES_NO[options.row_names]
    return _reading.ReadOptions(options.key, options.delimiter, *answers)._replace(**changes)


def input_files(options: Namespace) -> list[Path]:
    """All files that a command reads."""
    paths = (getattr(options, name, None) for name in ("X", "model", *ARRAYS))
    return [path for path in paths if path is not None]


def read_matrix(options: Namespace) -> Table:
    """X in the orientation and the dtype of the options."""
    how = read_options(options, convert=_text.number_or_missing if options.missing == "nan" else None)
    _reading.check_read_options(options.X, how)
    return _reading.read(options.X, how).prepare(options.transpose, options.dtype)


def read_arrays(options: Namespace) -> dict[str, Any]:
    """The array arguments, read from the files that options name."""
    arrays = {}
    for name in ARRAYS:
        path: Path | None = getattr(options, name, None)
        if path is None:
            continue
        shaped_as_X = name in ("mask", "weights")
        convert = {"mask": _text.truth, "weights": None}.get(name, _text.number_or_missing)
        table = _reading.read(path, read_options(options, convert=convert, key=None))
        table = table.prepare(shaped_as_X and options.transpose, None)
        table = table._replace(X=_reading.as_mask(table, path)) if name == "mask" else table
        arrays[name] = table.argument
    return arrays


def fit_arguments(options: Namespace) -> dict[str, Any]:
    """The arguments of `nmf` that are not arrays."""
    return _shared_arguments(options) | {
        "loss": "frobenius" if options.loss is None else options.loss,
        "init": options.init,
        "inner_iter": options.inner_iter or "auto",
        "floor": options.floor,
        "extrapolate": not options.no_extrapolate,
        "compress": False if options.no_compress else "auto",
        "penalty_H": _penalty(options, "H"),
        "random_state": options.seed,
    }


def transform_arguments(options: Namespace, model: Result) -> dict[str, Any]:
    """The arguments of `transform` that are not arrays. Without --loss the loss is that of the model."""
    return _shared_arguments(options) | {"loss": loss_of_fit(model.options) if options.loss is None else options.loss}


def _shared_arguments(options: Namespace) -> dict[str, Any]:
    same = {name: getattr(options, name) for name in ("solver", "max_iter", "tol", "max_time", "missing")}
    return same | {"penalty_W": _penalty(options, "W"), "n_threads": options.threads}


def _penalty(options: Namespace, factor: str) -> penalties.Penalty | None:
    """The sum of the penalties of a factor."""
    l1, l2, relative = (getattr(options, f"{name}_{factor}") for name in ("l1", "l2", "relative"))
    if relative and l1 is None and l2 is None:
        raise InputError(f"--relative-{factor} is set without a penalty; wanted --l1-{factor} or --l2-{factor}, too")
    by_kind = ((penalties.L1, l1), (penalties.L2, l2))
    terms = [kind(strength, relative=relative) for kind, strength in by_kind if strength is not None]
    return sum(terms[1:], terms[0]) if terms else None


def check_arguments(function: Callable[..., Any], options: Namespace, arguments: dict[str, Any]) -> None:
    """Let `nmf` or `transform` check its arguments on a matrix of one entry, before a large X is read.

    Which solver serves a loss depends on whether X is sparse or weighted and on which arrays are passed. A check
    without any X would have to repeat that choice, and would drift from it.
    """
    # Every residual has the scale of this entry, so that a small or large delta of a Huber loss is accepted.
    one = np.full((1, 1), getattr(arguments["loss"], "delta", 1.0))
    X: Any = one
    if options.missing == "unstored":
        import scipy.sparse

        X = scipy.sparse.csr_array(one)
    substitutes = {"mask": one < 0, "weights": one, "fixed_W": one * np.nan, "fixed_H": one * np.nan}
    arrays = {name: substitutes[name] for name in ARRAYS if getattr(options, name, None) is not None}
    second = one if function is transform else 1
    function(X, second, **arguments | arrays | {"max_iter": 0})
