"""Digests of the arrays of a request, of which options store only that there were any."""

import hashlib
from dataclasses import fields
from typing import Any

import numpy as np

from .._checks import is_sparse
from .checkpoint import Checkpoint
from .request import FitRequest


def digest_arrays(request: FitRequest) -> dict[str, str]:
    """Digests of the fixed factors and of the arrays of penalties."""
    arrays = {name: getattr(request, name) for name in ("fixed_W", "fixed_H") if getattr(request, name) is not None}
    for name in ("penalty_W", "penalty_H"):
        penalty = getattr(request, name)
        for i, part in enumerate(penalty.parts if penalty is not None else ()):
            values = {f"{name}.{i}.{field.name}": getattr(part, field.name) for field in fields(part)}
            arrays |= {where: value for where, value in values.items() if np.ndim(value) or is_sparse(value)}
    return {name: _digest(value) for name, value in arrays.items()}


def digest_start(request: FitRequest) -> dict[str, str]:
    """Digests of the starting factors, if the request has any."""
    if isinstance(request.init, str | Checkpoint):
        return {}
    return {f"init[{i}]": _digest(F) for i, F in enumerate(request.init)}


def _digest(value: Any) -> str:
    if is_sparse(value):
        value = value.tocsr().sorted_indices()
        parts = value.indptr.astype(np.int64), value.indices.astype(np.int64), value.data
    else:
        parts = (np.asarray(value),)
    digest = hashlib.sha256(repr(value.shape if hasattr(value, "shape") else parts[0].shape).encode())
    for part in parts:
        digest.update(np.ascontiguousarray(part, np.float64 if part.dtype.kind in "iubf" else part.dtype).tobytes())
    return digest.hexdigest()[:16]
