"""The result of symmetric, projective, orthogonal and semi-NMF."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from .._checks import check_outcome
from .._fit import History, ending_from_members, ending_to_arrays, has_converged
from .._runtime import Members, Storable, files, names_to_array
from ..data import Names
from .iterations import LoopResult

REASONS = ("tol", "max_iter", "max_time", "callback")


@dataclass(frozen=True, eq=False)
class Clustering(Storable):
    """A factorization X ~ W H that groups the rows of X; `W, H = result` unpacks it.

    Attributes
    ----------
    W : ndarray, shape (m, k)
        >= 0, of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        W' in `symmetric`, W'X in `projective`. In `orthogonal`, the direction of each cluster times the norm of the
        part of X along it. In `semi`, of either sign with rows of norm 1. It is the transpose of a C-contiguous
        (n, k) array.
    labels : ndarray of intp, shape (m,)
        The component with the largest entry in each row of W; -1 where the row is 0.
    objective : float
        1/2 ||X - W H||_F^2.
    relative_error : float
        ||X - W H||_F / ||X||_F.
    n_iter : int
        Number of iterations of the best fit.
    converged : bool
        Whether the stopping rule was met near a stationary point: at a kkt_residual of at most 0.01.
    reason : str
        Why the best fit stopped: "tol", "max_iter", "max_time" or "callback".
    kkt_residual : float
        The distance from a stationary point: 0 there, whatever the scale of X. Each function defines its own.
    history : History
        The objective after each iteration of the best fit; it never rises.
    objectives : ndarray of float64, shape (n_starts,)
        The objective of the fit from each start.
    names : tuple of two, each a tuple of str or None
        The names of the rows and columns of X, if it was a data frame or an AnnData.

    See Also
    --------
    symmetric, projective, orthogonal, semi : The functions that return it.
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

    _file_kind: ClassVar = files.FileFormat("nmfcore clustering", "no clustering of nmfcore", "Clustering.save")

    @classmethod
    def of(cls, best: LoopResult, objectives: np.ndarray, names: Names) -> "Clustering":
        """The best of several fits."""
        (W, H), kkt_residual = best.fit.factors(), best.fit.kkt_residual()
        check_outcome(W=W, H=H, objective=best.history.objective[-1], kkt_residual=kkt_residual)
        return cls(
            W=W,
            H=H,
            labels=np.where(W.any(axis=1), W.argmax(axis=1), -1),
            objective=float(best.history.objective[-1]),
            relative_error=best.relative_error,
            n_iter=len(best.history.objective) - 1,
            converged=has_converged(best.reason, kkt_residual),
            reason=best.reason,
            kkt_residual=kkt_residual,
            history=best.history,
            objectives=objectives,
            names=names,
        )

    def __iter__(self) -> Iterator[np.ndarray]:
        """W, then H."""
        return iter((self.W, self.H))

    def _to_arrays(self) -> dict[str, np.ndarray]:
        arrays = {"W": self.W, "H": self.H, "labels": self.labels, "objectives": self.objectives}
        numbers = {name: np.asarray(getattr(self, name)) for name in ("relative_error", "kkt_residual")}
        return arrays | numbers | ending_to_arrays(self) | {"names": names_to_array(self.names)}

    @classmethod
    def _from_members(cls, members: Members) -> "Clustering":
        W = members.floats("W", (None, None), least=0)
        m, k = W.shape
        H = members.floats("H", (k, None), W.dtype)
        objectives = members.floats("objectives", (None,), np.float64, 0)
        if not len(objectives):
            raise ValueError("objectives")
        return cls(
            W=np.ascontiguousarray(W),
            H=np.asfortranarray(H),
            labels=members.indices("labels", (m,), k, least=-1),
            relative_error=members.number("relative_error", 0),
            kkt_residual=members.number("kkt_residual", 0),
            objectives=objectives,
            names=members.names((m, H.shape[1])),
            **ending_from_members(members, REASONS),
        )
