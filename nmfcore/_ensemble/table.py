"""What an ensemble says of itself: a table with a row for each rank, and text."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from .ensemble import Ensemble

COLUMNS = ("k", "fits", "best", "median", "relative_error", "instability", "cophenetic", "dispersion", "silhouette")
KINDS = {"k": np.int64, "fits": np.int64}
Seed = int | np.random.Generator | np.random.RandomState | None


def table(ensemble: "Ensemble", random_state: Seed) -> dict[str, np.ndarray]:
    """See `Ensemble.table`."""
    rows = [_row(ensemble, k, random_state) for k in ensemble.ranks]
    return {name: np.array([row[name] for row in rows], KINDS.get(name, np.float64)) for name in COLUMNS}


def _row(ensemble: "Ensemble", k: int, random_state: Seed) -> dict[str, float]:
    objectives = ensemble.objectives(k)
    row = dict.fromkeys(COLUMNS, np.nan) | {"k": k, "fits": len(objectives), "median": np.median(objectives)}
    row |= {"best": objectives.min(), "relative_error": ensemble.best(k).relative_error}
    if len(objectives) > 1:
        consensus = ensemble.consensus(k, random_state=random_state)
        row |= {"cophenetic": consensus.cophenetic, "dispersion": consensus.dispersion}
        row["instability"] = ensemble.stability(k, random_state=random_state).instability
        if sum(np.count_nonzero(fit.H.any(axis=1)) for fit in ensemble.of(k)) >= k:  # else there are no k clusters
            row["silhouette"] = ensemble.silhouette(k, random_state=random_state)
    return row


def line(ensemble: "Ensemble") -> str:
    """How many fits, of which ranks."""
    fits, failed = len(ensemble), len(ensemble.failures)
    counted = f"{fits} fit{'s' * (fits != 1)} of rank {', '.join(map(str, ensemble.ranks))}" if fits else "no fits"
    return f"Ensemble({counted}{f', {failed} failed' if failed else ''})"


def text(ensemble: "Ensemble") -> str:
    """A line for each rank, and one for each fit that failed."""
    lines = [line(ensemble)]
    if len(ensemble):
        lines.append(f"{'rank':>5} {'fits':>5} {'best':>12} {'median':>12} {'rel. error':>10}")
    for k in ensemble.ranks:
        values = ensemble.objectives(k)
        shown = f"{k:5d} {len(values):5d} {values.min():12.6g} {np.median(values):12.6g}"
        lines.append(f"{shown} {ensemble.best(k).relative_error:10.4g}")
    lines += [f"failed: rank {k}, start {start}: {message}" for k, start, message in ensemble.failures]
    return "\n".join(lines)
