"""`nmfcore transform`."""

import warnings
from argparse import Namespace
from pathlib import Path

from .. import transform
from ..data import same_columns
from . import _model, _reading, _results, _writing


def run(options: Namespace) -> int:
    """Fit W to new samples and write it; the exit code."""
    output = options.output or Path(f"{_reading.stem(options.X)}-W.npy")
    _writing.check(output, _writing.FORMATS, _model.files(options))
    model = _results.read(options.model)
    asked = _model.of_transform(options, model)
    _model.try_out(transform, options, asked)
    table = _model.matrix(options)
    same_columns(table.columns, model.names[1])
    if model.options.get("penalty_W") and not asked.get("penalty_W"):
        warnings.warn(f"the model was fitted with penalty_W={model.options['penalty_W']}, W is not", stacklevel=1)
    W = transform(table.X, model, **asked | _model.arrays(options))
    _writing.factor(W, output, table.rows, table.rows and _writing.components(W.shape[1]))
    if not options.quiet:
        print(f"{output}: W, {W.shape[0]} x {W.shape[1]}, {W.dtype}")
    return 0
