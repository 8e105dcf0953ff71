"""A warning for a fit that ends at max_iter far from a stationary point."""

import math
import warnings

from .._checks import ConvergenceWarning, user_stacklevel
from .factorization import Factorization

# Measured on eight real data sets (faces, spectra, texts, ratings, genes), by least squares and Kullback-Leibler: no
# fit of the default 200 iterations lowers its objective by more than 0.7 % in the last 20; most fits of 10 iterations
# do. A fit of exact data lowers it by large shares to the end: there the share of the objective at the start decides.
WINDOW = 0.1  # of the iterations; three at least
SHARE, SHARE_OF_START = 1e-2, 1e-5


def warn_if_far(found: Factorization, tol: float) -> None:
    """Warn where the last iterations before max_iter still lowered the objective by much; never for tol = 0."""
    if found.reason != "max_iter" or found.n_iter == 0 or not tol > 0:
        return
    objective = found.history.objective
    window = min(found.n_iter, max(3, round(WINDOW * found.n_iter)))
    if not objective[-1 - window] < math.inf:  # beyond the range of float64
        return
    fall = objective[-1 - window] - objective[-1]
    if fall > SHARE * abs(objective[-1]) and fall > SHARE_OF_START * abs(objective[0]):
        warnings.warn(
            f"the fit ended at max_iter={found.n_iter} far from a stationary point: its last {window} iterations "
            f"lowered the objective by {fall / abs(objective[-1 - window]):.1%}; raise max_iter, or set tol=0 for a "
            "fixed number of iterations without this warning",
            ConvergenceWarning,
            stacklevel=user_stacklevel(),
        )
