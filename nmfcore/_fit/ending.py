"""How a fit ended, as members of a file: what every result of an alternation stores."""

from typing import Any, Protocol

import numpy as np

from .._runtime import Members
from .records import History

CONVERGED = ("tol", "stalled")  # the reasons to stop that can be convergence
# A fit that ends farther from a stationary point has not converged. Fits that end by tol = 1e-4 have a KKT residual of
# at most 0.002, for all losses, solvers and penalties; at a random start it is about 1.
LARGEST_KKT_RESIDUAL = 1e-2


def has_converged(reason: str, kkt_residual: float) -> bool:
    """Whether a fit that ended for that reason has converged: only near a stationary point."""
    return reason in CONVERGED and kkt_residual <= LARGEST_KKT_RESIDUAL


class Ending(Protocol):
    """A result with the record of its alternation."""

    @property
    def history(self) -> History:
        """The objective and the seconds after each iteration."""
        ...


def ending_to_arrays(result: Ending) -> dict[str, np.ndarray]:
    """The objective, the number of iterations, the reason to stop and the history as arrays."""
    plain = {name: np.asarray(getattr(result, name)) for name in ("objective", "n_iter", "converged", "reason")}
    return plain | history_to_arrays(result.history)


def history_to_arrays(history: History) -> dict[str, np.ndarray]:
    """A history as arrays."""
    compressed = {"history_compressed": np.asarray(history.compressed)} if history.compressed else {}
    return {"history_objective": history.objective, "history_seconds": history.seconds} | compressed


def ending_from_members(members: Members, reasons: tuple[str, ...], least: float = 0.0) -> dict[str, Any]:
    """The same as keyword arguments of the result; a ValueError where they contradict each other.

    least: the lowest objective that is possible.
    """
    n_iter, reason = members.count("n_iter"), members.choice("reason", reasons)
    objective, converged = members.number("objective", least), members.flag("converged")
    values = members.floats("history_objective", (n_iter + 1,), np.float64, least)
    seconds = members.floats("history_seconds", (n_iter + 1,), np.float64, 0, np.finfo(np.float64).max)
    # Only a result far from stationary has stopped by its rule without convergence.
    near = "kkt_residual" not in members.arrays or members.number("kkt_residual") <= LARGEST_KKT_RESIDUAL
    compressed = members.count("history_compressed") if "history_compressed" in members.arrays else 0
    contradictory = converged != (reason in CONVERGED) if near else converged and reason not in CONVERGED
    if contradictory or objective != values[-1] or np.any(np.diff(seconds) < 0) or compressed > n_iter:
        raise ValueError("reason or history")
    history = History(values, seconds, compressed)
    return {"objective": objective, "n_iter": n_iter, "converged": converged, "reason": reason, "history": history}
