"""A warning for a fit that ends far from a stationary point, at max_iter or by its stopping rule."""

import math
import warnings

from .._checks import ConvergenceWarning, user_stacklevel
from .ending import CONVERGED
from .factorization import Factorization

# Measured on eight real data sets (faces, spectra, texts, ratings, genes), by least squares and Kullback-Leibler: fits
# of 200 iterations lowered the objective by at most 0.7 % in their last 20; most fits of 10 iterations lowered it by
# more. On exact data every iteration lowers it by a large share, so the fall is also compared with the start.
WINDOW = 0.1  # of the iterations; three at least
SHARE, SHARE_OF_START = 1e-2, 1e-5
NEAR = 1e-5  # a KKT residual at which the rows of a factor are near their minimum; at 1e-4 amounts are off by a tenth


def warn_if_far(result: Factorization, tol: float) -> None:
    """Warn where a fit has ended by its stopping rule, or at max_iter, far from a stationary point.

    At max_iter this is where the last iterations still lowered the objective by much; never for tol = 0.
    """
    _warn_if_stopped_far(result)
    if result.reason != "max_iter" or result.n_iter == 0 or not tol > 0:
        return
    objective = result.history.objective
    window = min(result.n_iter, max(3, round(WINDOW * result.n_iter)))
    if not objective[-1 - window] < math.inf:  # beyond the range of float64
        return
    fall = objective[-1 - window] - objective[-1]
    if fall > SHARE * abs(objective[-1]) and fall > SHARE_OF_START * abs(objective[0]):
        _warn(
            f"the fit ended at max_iter={result.n_iter} far from a stationary point: its last {window} iterations "
            f"lowered the objective by {fall / abs(objective[-1 - window]):.1%}; raise max_iter, or set tol=0 for a "
            "fixed number of iterations without this warning"
        )


def warn_if_off_minimum(result: Factorization, tol: float) -> None:
    """Warn where the fit of one factor has ended off its minimum; at a limit never for tol = 0."""
    _warn_if_stopped_far(result)
    if result.reason in CONVERGED or result.kkt_residual <= NEAR or result.n_iter == 0 or not tol > 0:
        return
    _warn(
        f"W has not converged: the fit ended at {result.reason} after {result.n_iter} iterations, with a KKT residual "
        f"of {result.kkt_residual:.1e}; raise {result.reason}, or set tol=0 for a fixed number of iterations without "
        "this warning"
    )


def _warn_if_stopped_far(result: Factorization) -> None:
    if result.reason not in CONVERGED or result.converged:
        return
    what = {"tol": "its steps became small", "stalled": "no step lowers the objective any more"}[result.reason]
    _warn(
        f"the fit ended after {result.n_iter} iterations, where {what}, but its KKT residual is "
        f"{result.kkt_residual:.2g}; lower tol, or take another start or solver"
    )


def _warn(message: str) -> None:
    warnings.warn(message, ConvergenceWarning, stacklevel=user_stacklevel())
