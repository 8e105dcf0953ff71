"""`nmfcore fit`."""

import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import Result, nmf
from .._checks import InputError
from .._starts import INITS
from . import _checkpoints, _model, _progress, _reading, _results, _writing
from ._table import Table


def run(options: Namespace) -> int:
    """Factorize X and write the result; the exit code."""
    output = options.output or Path(f"{_reading.stem(options.X)}-k{options.k}.npz")
    keeper = _prepare(options, output)
    checkpoint = None if keeper is None else _checkpoints.resumed(keeper.path, options.resume)
    if options.resume and not options.quiet:
        print(f"{keeper.path}: " + (f"goes on after iteration {checkpoint.iteration}" if checkpoint else "begins"))
    table = _model.matrix(options)
    asked = _model.of_fit(options) | _model.arrays(options) | {"init": checkpoint or _start(options.init)}
    _writing.check_space(output, options.k * sum(table.X.shape) * (4 if table.X.dtype == np.float32 else 8))
    with _progress.bar(options.max_iter, options.quiet) as draw:
        result = _fitted(table.X, options.k, asked, draw, keeper)
    if keeper is not None and result.reason == "callback":
        print(f"nmfcore fit: interrupted; --resume goes on from {keeper.path}", file=sys.stderr)
        return 128 + keeper.signal
    result = _arranged(replace(result, names=(table.rows, table.columns)), options)
    _results.save(result, output)
    if not options.quiet:
        _tell(options.X, table, result, output)
    return 0


def _prepare(options: Namespace, output: Path) -> _checkpoints.CheckpointWriter | None:
    """Refuse what cannot end well, before anything large is read."""
    inputs = _model.files(options)
    _writing.check(output, _results.FORMATS, inputs)
    if output.suffix.lower() == ".h5":
        _results.load_h5py(output, "writing")
    _model.try_out(nmf, options, _model.of_fit(options) | {"init": _name(options.init)})
    path = options.checkpoint
    if path is None:
        asked = "--resume" if options.resume else "--every" if options.every else None
        if asked:
            raise InputError(f"{asked} is said of no checkpoint; wanted --checkpoint FILE, too")
        return None
    _writing.check(path, (path.suffix.lower(),), [*inputs, output])
    return _checkpoints.CheckpointWriter(path, options.every or _checkpoints.EVERY)


def _name(init: str) -> str:
    """A name of a start, also for one in a file."""
    if init in INITS or init == "auto":
        return init
    if not Path(init).exists():
        raise InputError(f"--init {init!r} is no file; wanted one, or one of auto, {', '.join(INITS)}")
    return "auto"


def _start(init: str) -> str | Result:
    return init if init in INITS or init == "auto" else _results.read(Path(init))


def _fitted(
    X: Any,
    k: int,
    asked: dict[str, Any],
    draw: Callable[[Any], None] | None,
    keeper: _checkpoints.CheckpointWriter | None,
) -> Result:
    """The result of the fit, of which those are told who listen: nobody's state costs nothing."""
    if keeper is None:
        return nmf(X, k, **asked, callback=draw)

    def tell(state: Any) -> bool:
        if draw is not None:
            draw(state)
        return keeper(state)

    with keeper.listening():
        return nmf(X, k, **asked, callback=tell)


def _arranged(result: Result, options: Namespace) -> Result:
    """The result in the order and the scale that are asked for."""
    if options.order is not None:
        result = result.order(options.order)
    return result if options.normalize is None else result.normalize(options.normalize)


def _tell(path: Path, table: Table, result: Result, output: Path) -> None:
    """What was read, what came of it, and where it is."""
    m, n = table.X.shape
    named = [word for word, found in (("rows", table.rows), ("columns", table.columns)) if found is not None]
    names = f", names of {' and '.join(named)}" if named else ""
    print(f"{path}: {m} x {n}, {table.X.dtype}{names}")
    print(
        f"{output}: k = {result.W.shape[1]}, relative error {result.relative_error:.6f} after {result.n_iter} "
        f"iterations ({result.reason}), {result.history.seconds[-1]:.2f} s"
    )
