"""The command `nmfcore fit`."""

import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from .. import Checkpoint, Result, State, nmf
from .._checks import InputError
from .._starts import INITS
from . import _checkpoints, _model, _progress, _reading, _results, _writing
from ._table import Table


def run(options: Namespace) -> int:
    """Factorize X, write the result and return the exit code."""
    output = options.output or Path(f"{_reading.stem(options.X)}-k{options.k}.npz")
    writer = _prepare(options, output)
    checkpoint = None if writer is None else _load_checkpoint(writer.path, options)
    table = _model.read_matrix(options)
    arguments = _model.fit_arguments(options) | _model.read_arrays(options)
    arguments["init"] = checkpoint or _read_start(options.init)
    _writing.check_space(output, options.k * sum(table.X.shape) * (4 if table.X.dtype == np.float32 else 8))
    with _progress.bar(options.max_iter, options.quiet) as draw:
        result = _fit(table.argument, options.k, arguments, draw, writer)
    if writer is not None and writer.signal is not None and result.reason == "callback":
        print(f"nmfcore fit: interrupted; --resume continues from {writer.path}", file=sys.stderr)
        return 128 + writer.signal
    result = _order_and_normalize(result, options)
    _results.save(result, output)
    if not options.quiet:
        _print_summary(options.X, table, result, output)
    return 0


def _prepare(options: Namespace, output: Path) -> _checkpoints.CheckpointWriter | None:
    """Refuse options and outputs that cannot succeed, before X is read. Returns the writer of checkpoints, if any."""
    inputs = _model.input_files(options)
    _writing.check(output, _results.FORMATS, inputs)
    if output.suffix.lower() == ".h5":
        _results.load_h5py(output, "writing")
    _model.check_arguments(nmf, options, _model.fit_arguments(options) | {"init": _check_start(options.init)})
    path = options.checkpoint
    if path is None:
        option = "--resume" if options.resume else "--every" if options.every else None
        if option:
            raise InputError(f"{option} needs a checkpoint; wanted --checkpoint FILE, too")
        return None
    _writing.check(path, (path.suffix.lower(),), [*inputs, output])
    return _checkpoints.CheckpointWriter(path, options.every or _checkpoints.DEFAULT_INTERVAL)


def _load_checkpoint(path: Path, options: Namespace) -> Checkpoint | None:
    """The checkpoint to continue from, if there is one."""
    checkpoint = _checkpoints.load(path, options.resume)
    if options.resume and not options.quiet:
        print(f"{path}: " + (f"continues after iteration {checkpoint.iteration}" if checkpoint else "starts"))
    return checkpoint


def _check_start(init: str) -> str:
    """A start that `nmf` can check without a file: "auto" stands for a result file, which must exist."""
    if init in INITS or init == "auto":
        return init
    if not Path(init).exists():
        raise InputError(
            f"--init is {init!r}, and there is no such file; wanted one of auto, {', '.join(INITS)}, or a result file"
        )
    return "auto"


def _read_start(init: str) -> str | Result:
    return init if init in INITS or init == "auto" else _results.read(Path(init))


def _fit(
    X: Any,
    k: int,
    arguments: dict[str, Any],
    draw: Callable[[State], None] | None,
    writer: _checkpoints.CheckpointWriter | None,
) -> Result:
    """Run the fit. The callback is passed only if something listens, since a State is not free."""
    if writer is None:
        return nmf(X, k, **arguments, callback=draw)

    def callback(state: State) -> bool:
        if draw is not None:
            draw(state)
        return writer(state)

    with writer.end_on_signals():
        return nmf(X, k, **arguments, callback=callback)


def _order_and_normalize(result: Result, options: Namespace) -> Result:
    if options.order is not None:
        result = result.order(options.order)
    return result if options.normalize is None else result.normalize(options.normalize)


def _print_summary(path: Path, table: Table, result: Result, output: Path) -> None:
    """Print a line on X and a line on the result."""
    m, n = table.X.shape
    named = [axis for axis, names in (("rows", table.rows), ("columns", table.columns)) if names is not None]
    names = f", names of {' and '.join(named)}" if named else ""
    print(f"{path}: {m} x {n}, {table.X.dtype}{names}")
    print(
        f"{output}: k = {result.W.shape[1]}, relative error {result.relative_error:.6f} after {result.n_iter} "
        f"iterations ({result.reason}), {result.history.seconds[-1]:.2f} s"
    )
