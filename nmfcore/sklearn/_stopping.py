"""When a fit ends, in the terms of scikit-learn and in those of nmfcore."""

from typing import Any

TRANSFORM_TOL, TRANSFORM_ITERATIONS = 1e-6, 1000  # for W alone, whose problem is convex and cheap


def stopping(solver: str, tol: float, max_iter: int, update_H: bool) -> dict[str, Any]:
    """The options of `nmfcore.nmf` for scikit-learn's tol and max_iter of that solver."""
    if not update_H and tol > 0:
        return {"tol": min(tol, TRANSFORM_TOL), "max_iter": max(max_iter, TRANSFORM_ITERATIONS)}
    plain = {"extrapolate": False} | ({"inner_iter": 1} if solver == "cd" else {})
    return {"tol": tol, "max_iter": max_iter} | (plain if tol == 0 else {})
