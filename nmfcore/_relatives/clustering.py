"""What symmetric, projective and orthogonal NMF give back."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .._fit import History
from ..data import Names
from .iterations import Fitted


@dataclass(frozen=True, eq=False)
class Clustering:
    """A factorization X ~ W H that groups the rows of X; `W, H = result` unpacks it.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        Of the dtype of X, float32 or float64; C-contiguous, >= 0.
    H : ndarray, shape (k, n)
        The transpose of a C-contiguous (n, k) array: W' in `symmetric`, W'X in `projective`, in `orthogonal` the
        direction of each cluster, times the norm of the part of X that lies along it.
    labels : ndarray of intp, shape (m,)
        The component with the largest entry in each row of W; -1 where the row is 0.
    objective : float
        1/2 ||X - W H||_F^2.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    n_iter : int
        Iterations of the fit that was kept.
    converged : bool
        Whether the stopping rule was met.
    reason : str
        Why that fit stopped: "tol", "max_iter", "max_time" or "callback".
    kkt_residual : float
        How far from a stationary point: 0 there, whatever the scale of X (see the doors).
    history : History
        The objective after each iteration; it never rises.
    objectives : ndarray of float64
        That of the fit from each start.
    names : tuple of two, each a tuple of str or None
        Of the rows and of the columns of X, where it was a data frame or an AnnData.
    """

    W: np.ndarray = field(repr=False)
    H: np.ndarray = field(repr=False)
    labels: np.ndarray = field(repr=False)
    objective: float
    relative_error: float
    n_iter: int
    converged: bool
    reason: str
    kkt_residual: float
    history: History = field(repr=False)
    objectives: np.ndarray = field(repr=False)
    names: Names = field(repr=False, default=(None, None))

    @classmethod
    def of(cls, best: Fitted, objectives: np.ndarray, names: Names) -> "Clustering":
        """The best of several fits."""
        W, H = best.method.factors()
        return cls(
            W=W,
            H=H,
            labels=np.where(W.any(axis=1), W.argmax(axis=1), -1),
            objective=float(best.history.objective[-1]),
            relative_error=best.relative_error,
            n_iter=len(best.history.objective) - 1,
            converged=best.reason == "tol",
            reason=best.reason,
            kkt_residual=best.method.kkt_residual(),
            history=best.history,
            objectives=objectives,
            names=names,
        )

    def __iter__(self) -> Iterator[np.ndarray]:
        """W, then H."""
        return iter((self.W, self.H))
