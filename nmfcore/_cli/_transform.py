"""The command `nmfcore transform`."""

import warnings
from argparse import Namespace
from pathlib import Path

from .. import transform
from . import _model, _reading, _results, _writing


def run(options: Namespace) -> int:
    """Fit W to new samples, write it and return the exit code."""
    output = options.output or Path(f"{_reading.stem(options.X)}-W.npy")
    _writing.check(output, _writing.FORMATS, _model.input_files(options))
    model = _results.read(options.model)
    arguments = _model.transform_arguments(options, model)
    _model.check_arguments(transform, options, arguments)
    table = _model.read_matrix(options)
    if model.options.get("penalty_W") and not arguments.get("penalty_W"):
        warnings.warn(
            f"the model was fitted with penalty_W={model.options['penalty_W']}, which transform does not apply",
            stacklevel=1,
        )
    W = transform(table.argument, model, **arguments | _model.read_arrays(options))
    _writing.write_factor(W, output, table.rows, table.rows and _writing.component_names(W.shape[1]))
    if not options.quiet:
        print(f"{output}: W, {W.shape[0]} x {W.shape[1]}, {W.dtype}")
    return 0
