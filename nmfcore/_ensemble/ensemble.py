"""The ensemble: fits of one X with several ranks and several starts of each."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import check_choice, check_count, check_flag, check_number, check_random_state
from .._fit import RandomState, Result
from .._runtime import files
from ..data import frames
from .check_ensemble import (
    check_ensembles,
    check_fits,
    check_fraction,
    check_paths,
    check_rank,
    check_refit,
    check_same_data,
    check_same_fit,
    check_sequence,
    require_two_starts,
)
from .consensus import Consensus, build_consensus
from .consensus_factors import ConsensusFactors, cluster_components, fit_consensus, refit_options
from .ledger import Ledger, common_identity
from .matching import Matching, Stability, match_components, measure_stability
from .records import Failure

FACTORS = {name: name for name in ("H", "W")}
AXES = {name: name for name in ("samples", "features")}
NEIGHBOURS = 0.3  # as a share of the starts: the default of cNMF
N_STARTS = 10  # of k-means
COLUMNS = ("k", "fits", "best", "median", "relative_error", "instability", "cophenetic", "dispersion", "silhouette")
COLUMN_DTYPES = {"k": np.int64, "fits": np.int64}


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """Fits of one X with one objective, sorted by rank, then by start.

    `fit_many` returns one; `load` reads one from files. To loop over the fits, use `fits`: an ensemble is no sequence.

    Attributes
    ----------
    fits : tuple of Result
    starts : tuple of int
        For each fit the number of its start among those of its rank.
    failures : tuple of Failure
        Fits that were requested and failed, sorted by rank, then by start.

    Raises
    ------
    InputTypeError, InputError
        The fits are of X of different shapes, or with different loss, penalties, weights, mask or missing (a result
        holds no more of X and its objective); a start of a rank is there twice.
    """

    fits: Sequence[Result]
    starts: Sequence[int]
    failures: Sequence[Failure] = ()

    def __post_init__(self) -> None:
        fits, starts, failures = (check_sequence(getattr(self, name), name) for name in ("fits", "starts", "failures"))
        starts = check_fits(fits, starts, failures)
        order = sorted(range(len(fits)), key=lambda i: (fits[i].W.shape[1], starts[i]))
        object.__setattr__(self, "fits", tuple(fits[i] for i in order))
        object.__setattr__(self, "starts", tuple(starts[i] for i in order))
        object.__setattr__(self, "failures", tuple(sorted(failures)))

    def __len__(self) -> int:
        return len(self.fits)

    @property
    def ranks(self) -> tuple[int, ...]:
        """The ranks of the fits, in increasing order."""
        return tuple(sorted({fit.W.shape[1] for fit in self.fits}))

    def of(self, k: int | None = None) -> tuple[Result, ...]:
        """The fits of rank k, in the order of their starts. k may be omitted if there is only one rank."""
        rank = check_rank(k, self.ranks)
        return tuple(fit for fit in self.fits if fit.W.shape[1] == rank)

    def best(self, k: int | None = None) -> Result:
        """The fit of rank k with the lowest objective.

        Of fits with equal objectives, which may all be 0 or infinite if X is tiny or huge, it is the one with the
        lowest relative error.
        """
        return self.of(k)[int(np.lexsort((self.relative_errors(k), self.objectives(k)))[0])]

    def objectives(self, k: int | None = None) -> np.ndarray:
        """The objectives of the fits of rank k, float64, in the order of their starts."""
        return np.array([fit.objective for fit in self.of(k)])

    def relative_errors(self, k: int | None = None) -> np.ndarray:
        """||X - W H||_F / ||X||_F of the fits of rank k, float64, in the order of their starts."""
        return np.array([fit.relative_error for fit in self.of(k)])

    def match(self, k: int | None = None, of: str = "H") -> Matching:
        """Match the components of each start of rank k with those of the best fit.

        Of all permutations of the components of a start, it finds the one with the largest sum of cosines.

        Parameters
        ----------
        k : int, optional
            The rank; it may be omitted if there is only one.
        of : {"H", "W"}
            Whether to compare the rows of H or the columns of W.

        Returns
        -------
        Matching
            With `permutations` and `similarities`.

        Raises
        ------
        InputTypeError, InputError
            The ensemble has no fit of that rank.
        """
        return match_components(self.of(k), self.best(k), check_choice(of, "of", FACTORS))

    def stability(
        self, k: int | None = None, *, of: str = "H", at_most: int = 1000, random_state: RandomState = 0
    ) -> Stability:
        """Measure how far the fits of rank k from different starts are apart: from 0 (all are the same) to 1.

        The distance of two fits is 1 minus the largest absolute correlation of a component with one of the other fit,
        averaged over the components of both fits [1]_. It does not depend on the order or the scale of components.

        Parameters
        ----------
        k : int, optional
            The rank; it may be omitted if there is only one.
        of : {"H", "W"}
            Whether to compare the rows of H or the columns of W.
        at_most : int
            The largest number of pairs of fits. If there are more, that many are drawn.
        random_state : int, Generator, RandomState or None
            The source of that draw.

        Returns
        -------
        Stability
            With `instability`, `spread`, `distances` and `pairs`.

        Raises
        ------
        InputTypeError, InputError
            The ensemble has fewer than two fits of that rank; an option is out of its range.

        Notes
        -----
        The cost is 2 n k^2 flop a pair and 8 n k bytes a fit. A constant component has the correlation 1 with other
        constant components and 0 with all others.

        References
        ----------
        .. [1] S. Wu, A. Joseph, A. S. Hammonds, S. E. Celniker, B. Yu, E. Frise, "Stability-driven nonnegative matrix
           factorization to interpret spatial gene expression and build local gene networks", PNAS 113 (2016)
           4290-4295. doi:10.1073/pnas.1521171113
        """
        of, at_most = check_choice(of, "of", FACTORS), check_count(at_most, "at_most", 1)
        return measure_stability(self._starts_of(k, "stability"), of, at_most, check_random_state(random_state))

    def consensus(
        self, k: int | None = None, of: str = "samples", *, at_most: int = 1000, random_state: RandomState = 0
    ) -> Consensus:
        """Compute the share of the fits of rank k in which two samples, or two features, are in one cluster [1]_.

        A sample belongs to the cluster of the component t with the largest amount W_it sum(H_t), a feature to that
        with the largest H_tj sum(W_t). These are amounts in the model, so the scale of components has no effect.
        Samples whose amounts are all zero, or round-off compared with the largest of the fit, form one more cluster.

        Parameters
        ----------
        k : int, optional
            The rank; it may be omitted if there is only one.
        of : {"samples", "features"}
        at_most : int
            The largest number of samples (features). If there are more, that many are drawn, the same for all ranks.
        random_state : int, Generator, RandomState or None
            The source of that draw.

        Returns
        -------
        Consensus
            With `matrix`, `indices`, `cophenetic`, `dispersion`, and the `order` in which clusters are blocks.

        Raises
        ------
        InputTypeError, InputError
            The ensemble has fewer than two fits of that rank; an option is out of its range.

        References
        ----------
        .. [1] J.-P. Brunet, P. Tamayo, T. R. Golub, J. P. Mesirov, "Metagenes and molecular pattern discovery using
           matrix factorization", PNAS 101 (2004) 4164-4169. doi:10.1073/pnas.0308531101
        """
        of, at_most = check_choice(of, "of", AXES), check_count(at_most, "at_most", 1)
        return build_consensus(self._starts_of(k, "consensus"), of, at_most, check_random_state(random_state))

    def cophenetic(self, k: int | None = None, of: str = "samples", **options: Any) -> float:
        """The cophenetic correlation of the consensus matrix of rank k: 1 if all fits agree (see `consensus`)."""
        return self.consensus(k, of, **options).cophenetic

    def dispersion(self, k: int | None = None, of: str = "samples", **options: Any) -> float:
        """The dispersion of the consensus matrix of rank k: 1 if all fits agree (see `consensus`)."""
        return self.consensus(k, of, **options).dispersion

    def silhouette(self, k: int | None = None, *, random_state: RandomState = 0) -> float:
        """The mean silhouette of the components of all starts of rank k in k clusters; NaN for k = 1.

        Distances are Euclidean, between the normalized rows of H as in `consensus_factors`. No component is dropped.

        Parameters
        ----------
        k : int, optional
            The rank; it may be omitted if there is only one.
        random_state : int, Generator, RandomState or None
            The source of the starts of k-means.

        Raises
        ------
        InputTypeError, InputError
            The ensemble has fewer than two fits of that rank.
        """
        fits, rng = self._starts_of(k, "silhouette"), check_random_state(random_state)
        groups = cluster_components(fits, self.best(k), np.inf, NEIGHBOURS, N_STARTS, rng)
        return float(np.nanmean(groups.silhouettes)) if len(fits[0].H) > 1 else np.nan

    def consensus_factors(
        self,
        X: Any,
        k: int | None = None,
        *,
        threshold: float = 0.5,
        neighbours: float = NEIGHBOURS,
        refit_H: bool = False,
        loss: Any = None,
        weights: Any = None,
        mask: Any = None,
        n_starts: int = N_STARTS,
        n_threads: int | None = None,
        random_state: RandomState = 0,
    ) -> ConsensusFactors:
        """Compute one factorization of rank k on which the starts agree, in the manner of cNMF [1]_.

        The rows of H of all starts, each divided by its Euclidean norm, are put into k clusters by k-means. Rows that
        are far from their nearest neighbours are dropped first. The rows of the new H are the medians of the clusters,
        entry by entry, with the sum 1 (the mean of a cluster whose median is 0). W is fitted to them.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (m, n)
            The X of the fits.
        k : int, optional
            The rank; it may be omitted if there is only one.
        threshold : float
            A component is kept if its mean distance to its nearest neighbours is less. No distance exceeds the square
            root of 2.
        neighbours : float
            The number of neighbours, as a share of the number of starts; at least one neighbour is used.
        refit_H : bool
            Whether to fit H again, to that W.
        loss
            By default the loss of the fits. Required if that is an object of a class outside nmfcore.
        weights, mask
            Those of the fits; required if the fits had them.
        n_starts : int
            The number of starts of k-means: the best fit, and random ones.
        n_threads : int, optional
            See `hals`. Any number of threads gives identical bits.
        random_state : int, Generator, RandomState or None
            The source of the starts of k-means.

        Returns
        -------
        ConsensusFactors
            With W, H, and the cluster, the distance and the silhouette of each component of each start.

        Raises
        ------
        InputTypeError, InputError
            The ensemble has fewer than two fits of that rank; X has another shape; the threshold leaves fewer than k
            components; an option is out of its range.

        Notes
        -----
        For N components in all the cost is 2 N^2 n flop and 16 N^2 + 8 N n bytes, and a fit of W (and of H) alone,
        which is exact for least squares. That fit has no penalties: a result holds only the names of those of the fits.

        References
        ----------
        .. [1] D. Kotliar, A. Veres, M. A. Nagy, S. Tabrizi, E. Hodis, D. A. Melton, P. C. Sabeti, "Identifying gene
           expression programs of cell-type identity and cellular activity with single-cell RNA-Seq", eLife 8 (2019)
           e43803. doi:10.7554/eLife.43803
        """
        fits = self._starts_of(k, "consensus_factors")
        threshold = check_number(threshold, "threshold", positive=True)
        neighbours = check_fraction(neighbours, "neighbours")
        refit_H, n_starts = check_flag(refit_H, "refit_H"), check_count(n_starts, "n_starts", 1)
        rng = check_random_state(random_state)
        values, names = frames.unwrap(X)
        check_refit(values, names, fits[0], weights, mask)
        X = frames.labelled(values, frames.labels_of(X))
        options = refit_options(fits[0], loss, weights, mask) | {"n_threads": n_threads}
        groups = cluster_components(fits, self.best(k), threshold, neighbours, n_starts, rng)
        return fit_consensus(fits, groups, X, refit_H, options)

    def _starts_of(self, k: int | None, method: str) -> tuple[Result, ...]:
        """At least two fits of rank k, for a method that compares fits."""
        fits = self.of(k)
        require_two_starts(fits[0].W.shape[1], len(fits), method)
        return fits

    def table(self, *, random_state: RandomState = 0) -> dict[str, np.ndarray]:
        """The figures of each rank, as arrays with an entry for each of `ranks`.

        "k" is the rank and "fits" the number of its fits. "best" and "median" are of their objectives, and
        "relative_error" is that of the best fit. "instability", "cophenetic", "dispersion" and "silhouette" are those
        of the methods with default options. They are NaN if the rank has a single fit; the silhouette is NaN for k = 1,
        too, and if fewer than k components are not zero.

        Parameters
        ----------
        random_state : int, Generator, RandomState or None
            See the methods of those names.
        """
        rows = [self._row(k, random_state) for k in self.ranks]
        return {name: np.array([row[name] for row in rows], COLUMN_DTYPES.get(name, np.float64)) for name in COLUMNS}

    def _row(self, k: int, random_state: RandomState) -> dict[str, float]:
        """The row of rank k in the table."""
        objectives = self.objectives(k)
        row = dict.fromkeys(COLUMNS, np.nan) | {"k": k, "fits": len(objectives)}
        row |= {"best": float(objectives.min()), "median": float(np.median(objectives))}
        row["relative_error"] = self.best(k).relative_error
        if len(objectives) > 1:
            consensus = self.consensus(k, random_state=random_state)
            row |= {"cophenetic": consensus.cophenetic, "dispersion": consensus.dispersion}
            row["instability"] = self.stability(k, random_state=random_state).instability
            if sum(np.count_nonzero(fit.H.any(axis=1)) for fit in self.of(k)) >= k:  # enough for k clusters
                row["silhouette"] = self.silhouette(k, random_state=random_state)
        return row

    def to_frame(self, library: str = "pandas", *, random_state: RandomState = 0) -> Any:
        """The table as a data frame with a row for each rank.

        Parameters
        ----------
        library : {"pandas", "polars"}
        random_state : int, Generator, RandomState or None
            See `table`.

        Raises
        ------
        ImportError
            The library is not installed; the message says how to install it.
        InputTypeError, InputError
            Another library.
        """
        library = check_choice(library, "library", frames.LIBRARIES)
        return frames.table(self.table(random_state=random_state), library)

    def __str__(self) -> str:
        """The number of fits, a line for each rank, and a line for each failure."""
        lines = [repr(self)]
        if len(self):
            lines.append(f"{'rank':>5} {'fits':>5} {'best':>12} {'median':>12} {'rel. error':>10}")
        for k in self.ranks:
            values = self.objectives(k)
            figures = f"{k:5d} {len(values):5d} {values.min():12.6g} {np.median(values):12.6g}"
            lines.append(f"{figures} {self.best(k).relative_error:10.4g}")
        lines += [f"failed: rank {k}, start {start}: {message}" for k, start, message in self.failures]
        return "\n".join(lines)

    def __repr__(self) -> str:
        fits, failed = len(self), len(self.failures)
        counts = f"{fits} fit{'s' * (fits != 1)} of rank {', '.join(map(str, self.ranks))}" if fits else "no fits"
        return f"Ensemble({counts}{f', {failed} failed' if failed else ''})"

    @classmethod
    def combine(cls, ensembles: "Iterable[Ensemble]") -> "Ensemble":
        """Combine several ensembles of one X, such as those of several workers.

        Parameters
        ----------
        ensembles : iterable of Ensemble
            If two of them have the same start of the same rank, the first fit counts. A failure counts if no ensemble
            has the fit.

        Raises
        ------
        InputTypeError, InputError
            There is no ensemble, or something else than ensembles; the fits cannot be in one ensemble; two ensembles
            have the same start of the same rank with different objectives.
        """
        fits: dict[tuple[int, int], Result] = {}
        failures: dict[tuple[int, int], Failure] = {}
        for ensemble in check_ensembles(ensembles, cls):
            for fit, start in zip(ensemble.fits, ensemble.starts, strict=True):
                k = fit.W.shape[1]
                first = fits.setdefault((k, start), fit)
                figures = ((one.objective, one.relative_error) for one in (first, fit))
                check_same_fit(k, start, *figures)
            failures |= {(failure.k, failure.start): failure for failure in ensemble.failures}
        remaining = [failure for key, failure in failures.items() if key not in fits]
        return cls(list(fits.values()), [start for _, start in fits], remaining)

    def save(self, path: str | os.PathLike) -> None:
        """Write the ensemble to a ledger file, which replaces an existing file only once it is complete.

        `fit_many` cannot go on with that file, since an ensemble does not hold X.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be written.
        """
        with files.atomic_write(path) as temporary:
            ledger = Ledger.open(temporary, common_identity(self.fits))
            keys = zip(self.fits, self.starts, strict=True)
            ledger.add_all((fit.W.shape[1], start, fit) for fit, start in keys)
            for failure in self.failures:
                ledger.fail(*failure)

    @classmethod
    def load(cls, paths: str | os.PathLike | Sequence[str | os.PathLike]) -> "Ensemble":
        """Read an ensemble from files of `save` or from ledgers of `fit_many`, such as those of several workers.

        Parameters
        ----------
        paths : str, os.PathLike, or list of them

        Raises
        ------
        OSError
            A file cannot be read.
        InputTypeError, InputError
            A file is not a ledger, is damaged, or is of other data or options than the first; as `combine`.
        """
        ledgers = [Ledger.read(path) for path in check_paths(paths)]
        for ledger in ledgers[1:]:
            names = str(ledgers[0].path), str(ledger.path)
            check_same_data(*names, ledgers[0].identity, ledger.identity)
        contents = [(ledger.finished(), ledger.failures()) for ledger in ledgers]
        return cls.combine(
            cls(list(fits.values()), [start for _, start in fits], failures) for fits, failures in contents
        )
