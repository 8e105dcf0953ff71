"""`nmfcore info` and `nmfcore export`: what is in a result file."""

import json
import math
from argparse import Namespace
from typing import Any

from .. import Result
from . import _model, _results, _writing


def run(options: Namespace) -> int:
    """Print what a result file holds; the exit code."""
    found = _content(_results.read(options.file))
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return 0
    width = max(map(len, found))
    for name, value in found.items():
        print(f"{name:{width}}  {_shown(value)}")
    return 0


def export(options: Namespace) -> int:
    """Write a factor of a result file as a table; the exit code."""
    _writing.check(options.output, _writing.FORMATS, [options.file])
    result = _results.read(options.file)
    rows, columns = result.names
    components = _writing.components(result.W.shape[1])
    F, *names = (result.W, rows, components) if options.factor == "W" else (result.H, components, columns)
    _writing.factor(F, options.output, *(names if None not in names else (None, None)))
    return 0


def _content(result: Result) -> dict[str, Any]:
    (m, k), n = result.W.shape, result.H.shape[1]
    options = dict(result.options)
    version = options.pop("version", None)
    return {
        "version": version,
        "rows": m,
        "columns": n,
        "k": k,
        "dtype": str(result.W.dtype),
        "names": [word for word, names in zip(("rows", "columns"), result.names, strict=True) if names is not None],
        "objective": _number(result.objective),
        "relative_error": _number(result.relative_error),
        "n_iter": result.n_iter,
        "converged": result.converged,
        "reason": result.reason,
        "kkt_residual": _number(result.kkt_residual),
        "seconds": float(result.history.seconds[-1]),
        "options": options,
    }


def _number(value: float) -> float | None:
    """A number that JSON knows."""
    return float(value) if math.isfinite(value) else None


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        said = {name: option for name, option in value.items() if option is not None and name not in _model.ARRAYS}
        given = [name for name in _model.ARRAYS if value.get(name)]
        return ", ".join([*(f"{name}={option}" for name, option in said.items()), *given]) or "not known"
    if isinstance(value, list):
        return " and ".join(value) or "none"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
