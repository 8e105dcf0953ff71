"""Many fits of one X: several ranks, several starts of each."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .._checks import check_choice, check_count, check_flag, check_number, check_random_state
from .._fit import Result
from ..data import frames
from . import check_ensemble, consensus, consensus_factors, files, matching, table
from .consensus import Consensus
from .consensus_factors import ConsensusFactors
from .matching import Matching, Stability
from .records import Failure
from .table import Seed

FACTORS = {name: name for name in ("H", "W")}
THINGS = {name: name for name in ("samples", "features")}
NEIGHBOURS = 0.3  # of the starts, as cNMF has it
N_STARTS = 10  # of k-means


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """Fits of one X by rank, then start, whose objectives can be compared.

    What to loop over is `fits`; an ensemble itself is no sequence.

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
        Fits of X of different shapes, or with different loss, penalties, weights, mask or missing, which are all that
        a result knows of X and objective; a start of a rank twice.
    """

    fits: Sequence[Result]
    starts: Sequence[int]
    failures: Sequence[Failure] = ()

    def __post_init__(self) -> None:
        fits, starts, failures = (
            check_ensemble.sequence(getattr(self, name), name) for name in ("fits", "starts", "failures")
        )
        starts = check_ensemble.members(fits, starts, failures)
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
        wanted = check_ensemble.rank(k, self.ranks)
        return tuple(fit for fit in self.fits if fit.W.shape[1] == wanted)

    def best(self, k: int | None = None) -> Result:
        """The fit of rank k with the lowest objective; of equals (as beyond float64) the lowest relative error."""
        return self.of(k)[int(np.lexsort((self.relative_errors(k), self.objectives(k)))[0])]

    def objectives(self, k: int | None = None) -> np.ndarray:
        """The objectives of the fits of rank k, float64, in the order of their starts."""
        return np.array([fit.objective for fit in self.of(k)])

    def relative_errors(self, k: int | None = None) -> np.ndarray:
        """||X - W H||_F / ||X||_F of the fits of rank k, float64, in the order of their starts."""
        return np.array([fit.relative_error for fit in self.of(k)])

    def match(self, k: int | None = None, of: str = "H") -> Matching:
        """The components of all starts of rank k, each beside one of the best fit.

        The sum of the cosines of a start's components and those of the best is the largest that a permutation has.

        Parameters
        ----------
        k : int, optional
            The rank; it may be left out where there is one.
        of : {"H", "W"}
            Whether the rows of H or the columns of W are compared.

        Returns
        -------
        Matching
            (permutations, similarities).

        Raises
        ------
        TypeError, ValueError
            A rank of which there is no fit.
        """
        return matching.match(self.of(k), self.best(k), check_choice(of, "of", FACTORS))

    def stability(
        self, k: int | None = None, *, of: str = "H", at_most: int = 1000, random_state: Seed = 0
    ) -> Stability:
        """How far fits of rank k from different starts are apart: 0 where all are the same, at most 1.

        The distance of two fits is what is missing to 1 in the largest absolute correlation that a component has with
        one of the other fit, on average over the components of both [1]_. It knows no order and no scale of them.

        Parameters
        ----------
        k : int, optional
            The rank; it may be left out where there is one.
        of : {"H", "W"}
            Whether the rows of H or the columns of W are compared.
        at_most : int
            Pairs of fits. Where there are more, that many are drawn.
        random_state : int, Generator, RandomState or None
            By which pairs are drawn.

        Returns
        -------
        Stability
            (instability, spread, distances, pairs).

        Raises
        ------
        TypeError, ValueError
            A rank of which there are not two fits, or none; an option out of its range.

        Notes
        -----
        2 n k^2 flop a pair, 8 n k bytes a fit. A component without variance is at one with others of that kind alone.

        References
        ----------
        .. [1] S. Wu, A. Joseph, A. S. Hammonds, S. E. Celniker, B. Yu, E. Frise, "Stability-driven nonnegative matrix
           factorization to interpret spatial gene expression and build local gene networks", PNAS 113 (2016)
           4290-4295. doi:10.1073/pnas.1521171113
        """
        of, at_most = check_choice(of, "of", FACTORS), check_count(at_most, "at_most", 1)
        return matching.stability(self._several(k, "stability"), of, at_most, check_random_state(random_state))

    def consensus(
        self, k: int | None = None, of: str = "samples", *, at_most: int = 1000, random_state: Seed = 0
    ) -> Consensus:
        """The share of the fits of rank k in which two samples, or two features, are in one cluster [1]_.

        A sample is in the cluster of the component that it has most of, W_it sum(H_t); a feature in that of the largest
        H_tj sum(W_t). These are amounts in the model, which do not depend on the scale of components. Those that have
        none of any component, or no more than round-off beside the largest of a fit, are a cluster of their own.

        Parameters
        ----------
        k : int, optional
            The rank; it may be left out where there is one.
        of : {"samples", "features"}
        at_most : int
            Where there are more samples (features), that many are drawn, the same for all ranks.
        random_state : int, Generator, RandomState or None
            By which they are drawn.

        Returns
        -------
        Consensus
            With `matrix`, `indices`, `cophenetic`, `dispersion`, and `order`, in which clusters are blocks.

        Raises
        ------
        TypeError, ValueError
            A rank of which there are not two fits, or none; an option out of its range.

        References
        ----------
        .. [1] J.-P. Brunet, P. Tamayo, T. R. Golub, J. P. Mesirov, "Metagenes and molecular pattern discovery using
           matrix factorization", PNAS 101 (2004) 4164-4169. doi:10.1073/pnas.0308531101
        """
        of, at_most = check_choice(of, "of", THINGS), check_count(at_most, "at_most", 1)
        return consensus.consensus(self._several(k, "consensus"), of, at_most, check_random_state(random_state))

    def cophenetic(self, k: int | None = None, of: str = "samples", **options: Any) -> float:
        """The cophenetic correlation of the consensus matrix of rank k: 1 where all fits agree (see `consensus`)."""
        return self.consensus(k, of, **options).cophenetic

    def dispersion(self, k: int | None = None, of: str = "samples", **options: Any) -> float:
        """The dispersion of the consensus matrix of rank k: 1 where all fits agree (see `consensus`)."""
        return self.consensus(k, of, **options).dispersion

    def silhouette(self, k: int | None = None, *, random_state: Seed = 0) -> float:
        """The mean silhouette of the components of all starts of rank k in k clusters, none dropped; NaN for k = 1.

        By Euclidean distances of the normalised rows of H, as in `consensus_factors`.

        Parameters
        ----------
        k : int, optional
            The rank; it may be left out where there is one.
        random_state : int, Generator, RandomState or None
            Where the clusters start.

        Raises
        ------
        TypeError, ValueError
            A rank of which there are not two fits, or none.
        """
        fits, rng = self._several(k, "silhouette"), check_random_state(random_state)
        found = consensus_factors.grouped(fits, self.best(k), np.inf, NEIGHBOURS, N_STARTS, rng)
        return float(np.nanmean(found.silhouettes)) if len(fits[0].H) > 1 else np.nan

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
        random_state: Seed = 0,
    ) -> ConsensusFactors:
        """One factorization of rank k on which the starts agree, in the manner of cNMF [1]_.

        The rows of H of all starts, each divided by its Euclidean norm, are put into k clusters by k-means; those
        whose neighbours are far are left out. The parts are the medians of the clusters, entry by entry, with the sum 1
        (the mean of a cluster whose median is 0). W is fitted to them.

        Parameters
        ----------
        X : array_like, SciPy sparse or data frame, shape (m, n)
            That of the fits.
        k : int, optional
            The rank; it may be left out where there is one.
        threshold : float
            A component is kept if the mean distance to its nearest neighbours is below it; no distance is above the
            square root of 2.
        neighbours : float
            How many neighbours, as a share of the starts; at least one.
        refit_H : bool
            Whether H is fitted again, to that W.
        loss
            By default that of the fits; it has to be given where that is an object, such as `Huber`.
        weights, mask
            Those of the fits, where they had such.
        n_starts : int
            Of k-means: one is the best fit, the others are drawn.
        n_threads : int, optional
            See `hals`; the result does not depend on it, to the bit.
        random_state : int, Generator, RandomState or None
            By which they are drawn.

        Returns
        -------
        ConsensusFactors
            With W, H, the cluster, the distance and the silhouette of each component of each start.

        Raises
        ------
        TypeError, ValueError
            A rank of which there are not two fits, or none; X of another shape; a threshold that leaves fewer than k
            components; an option out of its range.

        Notes
        -----
        With N components in all, 2 N^2 n flop and 16 N^2 + 8 N n bytes, and a fit of W (and of H) alone, which is exact
        for least squares. It is one without the penalties of the fits, of which a result knows the names only.

        References
        ----------
        .. [1] D. Kotliar, A. Veres, M. A. Nagy, S. Tabrizi, E. Hodis, D. A. Melton, P. C. Sabeti, "Identifying gene
           expression programs of cell-type identity and cellular activity with single-cell RNA-Seq", eLife 8 (2019)
           e43803. doi:10.7554/eLife.43803
        """
        fits = self._several(k, "consensus_factors")
        limits = check_number(threshold, "threshold", positive=True), check_ensemble.share(neighbours, "neighbours")
        refit_H, n_starts = check_flag(refit_H, "refit_H"), check_count(n_starts, "n_starts", 1)
        rng = check_random_state(random_state)
        X, (_, columns) = frames.unwrap(X)
        options = check_ensemble.refit(X, columns, fits[0], {"loss": loss, "weights": weights, "mask": mask})
        grouping = consensus_factors.grouped(fits, self.best(k), *limits, n_starts, rng)
        return consensus_factors.factors(fits, grouping, X, refit_H, options | {"n_threads": n_threads})

    def _several(self, k: int | None, what: str) -> tuple[Result, ...]:
        fits = self.of(k)
        check_ensemble.several(fits[0].W.shape[1], len(fits), what)
        return fits

    def table(self, *, random_state: Seed = 0) -> dict[str, np.ndarray]:
        """What is known of each rank, by name: arrays with an entry for each of `ranks`.

        "k"; "fits", how many there are; "best" and "median", of their objectives; "relative_error" of the best fit;
        "instability", "cophenetic", "dispersion" and "silhouette", by default options, which are NaN where a rank has
        one fit, as the last one is for k = 1 and where fewer than k components are not 0.

        Parameters
        ----------
        random_state : int, Generator, RandomState or None
            Where something is drawn; see the methods of those names.
        """
        return table.table(self, random_state)

    def to_frame(self, library: str = "pandas", *, random_state: Seed = 0) -> Any:
        """The table as a data frame with a row for each rank.

        Parameters
        ----------
        library : {"pandas", "polars"}
        random_state : int, Generator, RandomState or None
            See `table`.

        Raises
        ------
        ImportError
            The library is not there; the message says how to install it.
        TypeError, ValueError
            Another library.
        """
        return frames.table(self.table(random_state=random_state), check_choice(library, "library", frames.LIBRARIES))

    def __str__(self) -> str:
        return table.text(self)

    def __repr__(self) -> str:
        return table.line(self)

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
            No ensemble, or something else; fits that cannot be in one ensemble; a start of a rank twice, with
            objectives that differ.
        """
        return cls(*files.together(check_ensemble.ensembles(ensembles, cls)))

    def save(self, path: str | os.PathLike) -> None:
        """Write all of it to a ledger file, in the place of what is there; as a whole or not at all.

        It is there to be loaded: `fit_many` does not go on with it, since it does not know X.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            The file cannot be written.
        """
        files.save(self, path)

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
            A file is no ledger, is damaged, or says that it is of other data or options than the first; as `combine`.
        """
        return cls.combine(cls(*parts) for parts in files.load(paths))
