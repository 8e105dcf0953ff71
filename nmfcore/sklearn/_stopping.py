"""When a fit ends: scikit-learn's tol and max_iter in the terms of nmfcore."""

from typing import Any

TRANSFORM_TOL, TRANSFORM_ITERATIONS = 1e-6, 1000  # for W alone, whose problem is cheap and, as a rule, convex


def stopping(solver: str, tol: float, max_iter: int, update_H: bool) -> dict[str, Any]:
    """The options of `nmfcore.nmf` for a fit by that solver of scikit-learn's, or for W beside a given H.

    tol = 0 asks for max_iter iterations of a fit, no more and no less, which is of use where they are scikit-learn's.
    """
    if not update_H:
        return {"tol": min(tol or 1.0, TRANSFORM_TOL), "max_iter": max(max_iter, TRANSFORM_ITERATIONS)}
    plain = {"extrapolate": False, "inner_iter": 1} if solver == "cd" and tol == 0 else {}
    return {"tol": tol, "max_iter": max_iter, **plain}
