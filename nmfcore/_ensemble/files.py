"""Ensembles put together, and kept in files."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .._fit import Result
from .._runtime import files
from . import check_ensemble
from .records import Failure

if TYPE_CHECKING:
    from .ensemble import Ensemble

Parts = tuple[list[Result], list[int], Sequence[Failure]]  # what an ensemble is made of


def together(ensembles: Sequence["Ensemble"]) -> Parts:
    """See `Ensemble.combine`."""
    fits: dict[tuple[int, int], Result] = {}
    failures: dict[tuple[int, int], Failure] = {}
    for ensemble in ensembles:
        for fit, start in zip(ensemble.fits, ensemble.starts, strict=True):
            first = fits.setdefault((k := fit.W.shape[1], start), fit)
            figures = [(one.objective, one.relative_error) for one in (first, fit)]
            check_ensemble.same_fit(k, start, *figures)
        failures |= {failure[:2]: failure for failure in ensemble.failures}
    left = [failure for place, failure in failures.items() if place not in fits]
    return list(fits.values()), [start for _, start in fits], left


def save(ensemble: "Ensemble", path: str | os.PathLike) -> None:
    """See `Ensemble.save`."""
    from .ledger import (
        Ledger,
        common,  # here, since a Python can be without SQLite
    )

    with files.written(path) as temporary:
        ledger = Ledger.open(temporary, common(ensemble.fits))
        places = zip(ensemble.fits, ensemble.starts, strict=True)
        ledger.add_all((fit.W.shape[1], start, fit) for fit, start in places)
        for failure in ensemble.failures:
            ledger.fail(*failure)


def load(paths: Any) -> list[Parts]:
    """What is in each of the files, which are of the same data and options as far as they say."""
    from .ledger import Ledger  # as above

    ledgers = [Ledger.read(path) for path in check_ensemble.paths(paths)]
    for ledger in ledgers[1:]:
        names = str(ledgers[0].path), str(ledger.path)
        check_ensemble.same_sweep(*names, ledgers[0].identity, ledger.identity)
    found = [(ledger.finished(), ledger.failures()) for ledger in ledgers]
    return [(list(fits.values()), [start for _, start in fits], failed) for fits, failed in found]
