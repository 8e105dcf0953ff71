"""Many fits of one X: several ranks, several starts of each."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _check_ensemble, _files
from ._ledger import Ledger
from ._result import Result
from ._types import Failure

OF_ONE = frozenset({"k", "random_state", "version"})  # options in which the fits of an ensemble differ


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Fits of one X by rank, then start, whose objectives can be compared.

    Attributes
    ----------
    fits : tuple of Result
    starts : tuple of int
        Of each fit, which of the starts of its rank it is.
    failures : tuple of Failure
        Fits that were asked for and failed, by rank, then start.

    Raises
    ------
    TypeError, ValueError
        Fits of other X or with another objective beside each other; a start of a rank twice.
    """

    fits: Sequence[Result] = field(repr=False)
    starts: Sequence[int] = field(repr=False)
    failures: Sequence[Failure] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        fits, failures = tuple(self.fits), tuple(self.failures)
        starts = _check_ensemble.members(fits, tuple(self.starts), failures)
        order = sorted(range(len(fits)), key=lambda i: (fits[i].W.shape[1], starts[i]))
        object.__setattr__(self, "fits", tuple(fits[i] for i in order))
        object.__setattr__(self, "starts", tuple(starts[i] for i in order))
        object.__setattr__(self, "failures", tuple(sorted(failures)))

    def __len__(self) -> int:
        return len(self.fits)

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks of which there are fits, rising."""
        return tuple(sorted({fit.W.shape[1] for fit in self.fits}))

    def of(self, k: int | None = None) -> tuple[Result, ...]:
        """The fits of rank k, in the order of their starts; k may be left out where there is one rank."""
        k = _check_ensemble.rank(k, self.ranks)
        return tuple(fit for fit in self.fits if fit.W.shape[1] == k)

    def best(self, k: int | None = None) -> Result:
        """The fit of rank k with the lowest objective, the first one of equals."""
        return self.of(k)[int(np.argmin(self.objectives(k)))]

    def objectives(self, k: int | None = None) -> np.ndarray:
        """The objectives of the fits of rank k, float64, in the order of their starts."""
        return np.array([fit.objective for fit in self.of(k)])

    def relative_errors(self, k: int | None = None) -> np.ndarray:
        """||X - W H||_F / ||X||_F of the fits of rank k, float64, in the order of their starts."""
        return np.array([fit.relative_error for fit in self.of(k)])

    @classmethod
    def combine(cls, ensembles: Iterable["Ensemble"]) -> "Ensemble":
        """All fits of several ensembles, such as those of several workers.

        Parameters
        ----------
        ensembles : iterable of Ensemble
            Of one X. The same start of the same rank in two of them is one fit, the first one; a failure counts where
            no ensemble has the fit.

        Raises
        ------
        TypeError, ValueError
            No ensemble, or something else; fits of other X or options; a start of a rank twice, with objectives that
            differ.
        """
        fits: dict[tuple[int, int], Result] = {}
        failures: dict[tuple[int, int], Failure] = {}
        for ensemble in _check_ensemble.ensembles(ensembles, cls):
            for fit, start in zip(ensemble.fits, ensemble.starts, strict=True):
                first = fits.setdefault((k := fit.W.shape[1], start), fit)
                figures = [(one.objective, one.relative_error) for one in (first, fit)]
                _check_ensemble.same_fit(k, start, *figures)
            failures |= {failure[:2]: failure for failure in ensemble.failures}
        left = [failure for place, failure in failures.items() if place not in fits]
        return cls(list(fits.values()), [start for _, start in fits], left)

    def save(self, path: str | os.PathLike) -> None:
        """Write all of it to a ledger file, in the place of what is there; as a whole or not at all.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be written.
        """
        with _files.written(path) as temporary:
            ledger = Ledger.open(temporary, _identity(self.fits))
            ledger.add_all((fit.W.shape[1], start, fit) for fit, start in zip(self.fits, self.starts, strict=True))
            for failure in self.failures:
                ledger.fail(*failure)

    @classmethod
    def load(cls, paths: str | os.PathLike | Sequence[str | os.PathLike]) -> "Ensemble":
        """Read what `save` has written, or ledgers of `fit_many`, those of several workers together.

        Parameters
        ----------
        paths : str, os.PathLike, or list of them

        Raises
        ------
        OSError
            A file cannot be read.
        TypeError, ValueError
            A file is no ledger, is damaged, or is one of other data or options than the first; as `combine`.
        """
        ledgers = [Ledger.read(path) for path in _check_ensemble.paths(paths)]
        for ledger in ledgers[1:]:
            _check_ensemble.same_identity(str(ledger.path), ledger.identity, ledgers[0].identity, shared=True)
        found = [(ledger.finished(), ledger.failures()) for ledger in ledgers]
        return cls.combine(cls(list(fits.values()), [start for _, start in fits], failed) for fits, failed in found)


def _identity(fits: Sequence[Result]) -> dict[str, Any]:
    """What the fits have in common: the shape of X, and the options that are the same in all of them."""
    if not fits:
        return {}
    first, rest = fits[0], fits[1:]
    options = {
        name: value
        for name, value in first.options.items()
        if name not in OF_ONE and all(fit.options.get(name) == value for fit in rest)
    }
    return {"shape": [len(first.W), first.H.shape[1]], "options": options}
