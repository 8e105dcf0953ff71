"""The commands `nmfcore info` and `nmfcore export`, which read a result file."""

import json
import math
from argparse import Namespace
from typing import Any

from .. import Result
from . import _model, _results, _writing


def run(options: Namespace) -> int:
    """Print the content of a result file and return the exit code."""
    content = _content(_results.read(options.file))
    if options.json:
        print(json.dumps(content, ensure_ascii=False))
        return 0
    width = max(map(len, content))
    for name, value in content.items():
        print(f"{name:{width}}  {_as_text(value)}")
    return 0


def export(options: Namespace) -> int:
    """Write a factor of a result file as a table and return the exit code."""
    _writing.check(options.output, _writing.FORMATS, [options.file])
    result = _results.read(options.file)
    rows, columns = result.names
    components = _writing.component_names(result.W.shape[1])
    F, *names = (result.W, rows, components) if options.factor == "W" else (result.H, components, columns)
    _writing.write_factor(F, options.output, *(names if None not in names else (None, None)))
    return 0


def _content(result: Result) -> dict[str, Any]:
    """The content of a result as JSON values."""
    (m, k), n = result.W.shape, result.H.shape[1]
    options = dict(result.options)
    version = options.pop("version", None)
    return {
        "version": version,
        "rows": m,
        "columns": n,
        "k": k,
        "dtype": str(result.W.dtype),
        "names": [axis for axis, names in zip(("rows", "columns"), result.names, strict=True) if names is not None],
        "objective": _finite(result.objective),
        "relative_error": _finite(result.relative_error),
        "n_iter": result.n_iter,
        "converged": result.converged,
        "reason": result.reason,
        "kkt_residual": _finite(result.kkt_residual),
        "seconds": float(result.history.seconds[-1]),
        "options": options,
    }


def _finite(value: float) -> float | None:
    """The value, or None if it is not finite, which JSON cannot express."""
    return float(value) if math.isfinite(value) else None


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        # Arrays are stored as whether they were passed, so their names alone say all.
        pairs = [
            f"{name}={option}" for name, option in value.items() if option is not None and name not in _model.ARRAYS
        ]
        arrays = [name for name in _model.ARRAYS if value.get(name)]
        return ", ".join([*pairs, *arrays]) or "not known"
    if isinstance(value, list):
        return " and ".join(value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
