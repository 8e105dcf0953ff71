"""`select_rank`: the choice of the number of components."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .._checks import check_choice, check_compressed, check_flag, check_matrix, check_random_state, is_sparse
from .._fit import FitRequest, Problem, RandomState, Result, check_entries
from ..losses import LossLike
from .ard import select_by_relevance
from .bicross import select_by_bicross_validation
from .check_select_rank import (
    check_candidates,
    check_options,
    require_known_options,
    require_no_weights,
    require_served_loss,
)
from .choice import RankChoice
from .elbow import select_by_elbow
from .fits import Selection, Task
from .mdl import select_by_description_length
from .speckled import select_by_speckled_validation
from .stability import select_by_cophenetic, select_by_stability


class RankMethod(NamedTuple):
    """A method of `select_rank`."""

    select: Callable[[Task], Selection]
    options: dict[str, Any]  # that it has, with their defaults
    losses: str = "any"  # that it serves: a key of `check_select_rank.LOSSES`
    least: int = 1  # number of ranks
    bounded: bool = False  # whether no rank may exceed min(m, n)


# Fits that predict hidden entries need less accuracy: the error of the prediction is far larger.
SHORT_FIT = {"max_iter": 100, "tol": 1e-3, "rule": "best"}
LONG_FIT = {"max_iter": 200, "tol": 1e-3}
METHODS = {
    "speckled": RankMethod(select_by_speckled_validation, {"n_repeats": 4, "fraction": None} | SHORT_FIT, "beta"),
    "bi-cross-validation": RankMethod(select_by_bicross_validation, {"n_repeats": 2} | SHORT_FIT, "beta"),
    "mdl": RankMethod(select_by_description_length, {"n_starts": 3} | LONG_FIT, "frobenius"),
    "ard": RankMethod(select_by_relevance, {"n_starts": 3, "max_iter": 2000, "tol": 1e-5}, "noise"),
    "stability": RankMethod(select_by_stability, {"n_starts": 10} | LONG_FIT),
    "cophenetic": RankMethod(select_by_cophenetic, {"n_starts": 10} | LONG_FIT),
    "elbow": RankMethod(select_by_elbow, {"n_starts": 3} | LONG_FIT, least=3, bounded=True),
}


def select_rank(
    X: Any,
    ranks: Iterable[int],
    method: str = "speckled",
    *,
    loss: LossLike = "frobenius",
    n_repeats: int | None = None,
    n_starts: int | None = None,
    fraction: float | None = None,
    rule: str | None = None,
    max_iter: int | None = None,
    tol: float | None = None,
    n_threads: int | None = None,
    random_state: RandomState = None,
    verbose: bool = False,
) -> RankChoice:
    r"""Choose the number of components k of X ~ W H from several candidates.

    =================== ========================================================== ====================================
    method              score of a rank                                            chosen rank
    =================== ========================================================== ====================================
    speckled            error in randomly hidden entries [1]_                      smallest error, see `rule`
    bi-cross-validation error in hidden blocks [2]_                                smallest error, see `rule`
    mdl                 bits per entry that code W, H and the residual             fewest bits
    ard                 excess of the k-th scale in a fit of the largest rank [3]_ number of active components
    stability           distance between fits from several starts [4]_             largest within 0.01 of the smallest
    cophenetic          cophenetic correlation of their consensus [5]_             largest within 0.002 of the best
    elbow               relative error of the best of several fits                 where the error stops falling [6]_
    =================== ========================================================== ====================================

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        As for `hals`, without masked entries. It is not changed.
    ranks : iterable of int
        The candidates: different integers >= 1, such as ``range(2, 16)``. "elbow" needs at least three, none above
        min(m, n).
    method : str
        "speckled" and "bi-cross-validation" measure how well a model predicts entries that it has not seen. Their score
        is the error as a share of that of a constant model; `rule` says which rank is chosen. For texts, where most
        rows and columns have few entries, hidden blocks say more than hidden entries. "mdl" is the minimum description
        length, a criterion similar to that of Squires, Prugel-Bennett & Niranjan (Neural Computation 29, 2017,
        2164-2176): the residual is Gaussian, the nonzero entries of a factor follow a gamma distribution, and the
        precision of the factors is the one with the shortest code. "ard" gives each component a scale in an exponential
        prior. "stability" and "cophenetic" do not choose k = 1, for which all fits agree, unless it is the only
        candidate. "elbow" chooses the rank with the largest ratio of the fall of the error to that rank and the fall to
        the next one, which is neither the first nor the last candidate; its table has a column "floor" with the least
        error of any matrix of that rank (see `svd`).
    loss : str, float or object
        As for `nmf`. "speckled" and "bi-cross-validation" need "frobenius" or a beta, "mdl" needs "frobenius", and
        "ard" needs "frobenius" or "kullback-leibler" (for counts, in their unit).
    n_repeats : int, optional
        How often entries are hidden ("speckled", default 4) or X is cut into four blocks ("bi-cross-validation",
        default 2).
    n_starts : int, optional
        The number of fits of each rank; for "ard" of the largest rank. Default 3; for "stability" and "cophenetic" 10,
        and at least 2.
    fraction : float, optional
        The share of the entries that "speckled" hides, at most 0.5. Default 0.05 of the entries that are not 0, and
        0.05 of the zeros, but at most half as many of them as X has other entries; the errors in hidden zeros then
        count more, so that the score is that of all entries.
    rule : {"best", "one-standard-error"}, optional
        Which rank "speckled" and "bi-cross-validation" choose. "best", the default: the smallest rank whose error is
        not above the least one by more than two standard errors of the difference over the repeats (all ranks of a
        repeat see the same entries), half a percent of itself, and what fits of that `tol` differ by.
        "one-standard-error": the smallest rank whose error is within one standard error of the least one, or the choice
        of "best" if that is smaller [7]_. It needs `n_repeats` of 2 or more with "speckled".
    max_iter, tol : optional
        Of a fit, see `hals`. Defaults: 100 and 1e-3 for "speckled" and "bi-cross-validation", 2000 and 1e-5 (of the
        relative change of a scale) for "ard", 200 and 1e-3 for the others.
    n_threads : int, optional
        See `hals`. Any number of threads gives identical bits.
    random_state : int, Generator, RandomState, optional
        The source of the starts and of the hidden entries. None: NumPy's global state.
    verbose : bool
        Print a line after each fit.

    Returns
    -------
    RankChoice
        With `k`, `score`, `spread` and `why`; ``print`` shows it as a table.

    Raises
    ------
    InputTypeError, InputError
        As `nmf` for X and loss; ranks that are empty, not integers, not positive, repeated, too few or too large; an
        unknown method, or one that does not serve the loss; an option out of its range, or of another method.

    Notes
    -----
    "speckled" hides the same entries for all ranks of a repeat. They include zeros of a sparse X, which stays sparse;
    the storage of X has no influence on which they are. No row or column is hidden completely, since no model can
    predict it. A prediction is clipped to the range of the visible entries, and to twice the largest one in its row or
    its column: where a row has few entries the model of hidden ones may be anything. The fit of each rank starts from
    that of the rank before, with small random components appended: this is faster than a random start and ends less
    often in a bad local minimum, which would count against the rank. The cost is that of n_repeats fits of each rank
    with `mask`.

    References
    ----------
    .. [1] S. Wold, "Cross-validatory estimation of the number of components in factor and principal components models",
       Technometrics 20 (1978) 397-405. doi:10.1080/00401706.1978.10489693
    .. [2] A. B. Owen, P. O. Perry, "Bi-cross-validation of the SVD and the nonnegative matrix factorization", Annals of
       Applied Statistics 3 (2009) 564-594. doi:10.1214/08-AOAS227
    .. [3] V. Y. F. Tan, C. Fevotte, "Automatic relevance determination in nonnegative matrix factorization with the
       beta-divergence", IEEE Trans. PAMI 35 (2013) 1592-1605. doi:10.1109/TPAMI.2012.240
    .. [4] S. Wu et al., "Stability-driven nonnegative matrix factorization to interpret spatial gene expression and
       build local gene networks", PNAS 113 (2016) 4290-4295. doi:10.1073/pnas.1521171113
    .. [5] J.-P. Brunet, P. Tamayo, T. R. Golub, J. P. Mesirov, "Metagenes and molecular pattern discovery using matrix
       factorization", PNAS 101 (2004) 4164-4169. doi:10.1073/pnas.0308531101
    .. [6] S. C. Ahn, A. R. Horenstein, "Eigenvalue ratio test for the number of factors", Econometrica 81 (2013)
       1203-1227. doi:10.3982/ECTA8968
    .. [7] T. Hastie, R. Tibshirani, J. Friedman, "The Elements of Statistical Learning", 2nd edition (2009), section
       7.10.

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> rng = np.random.default_rng(0)
    >>> X = rng.gamma(1, size=(60, 3)) @ rng.gamma(1, size=(3, 40)) + 0.1 * rng.random((60, 40))
    >>> nmfcore.select_rank(X, range(1, 6), random_state=0).k
    3
    """
    selector = check_choice(method, "method", METHODS)
    limits = {"max_iter": max_iter, "tol": tol}
    arguments = {"n_repeats": n_repeats, "n_starts": n_starts, "fraction": fraction, "rule": rule} | limits
    arguments = {name: value for name, value in arguments.items() if value is not None}
    require_known_options(arguments, selector.options, method)
    options = check_options(selector.options | arguments, method)
    report = print if check_flag(verbose, "verbose") else lambda line: None
    rng = check_random_state(random_state)
    limits = {name: options[name] for name in ("max_iter", "tol")}
    problem = Problem(FitRequest(X, loss=loss, n_threads=n_threads, **limits), Result)
    require_no_weights(problem.data)
    require_served_loss(problem.loss, selector.losses, method)
    check_entries(problem.data, problem.X, problem.loss)
    candidates = check_candidates(ranks, problem.data.shape, method, selector.least, selector.bounded)
    selection = selector.select(Task(problem, canonical_matrix(problem.X), candidates, options, rng, report))
    why = selection.why + describe_boundary(candidates, selection.k)
    return RankChoice(selection.k, method, candidates, selection.score, selection.spread, why, selection.more)


def canonical_matrix(X: Any) -> Any:
    """X as an array, or as a CSR array in canonical form, of which entries and blocks can be taken."""
    return check_compressed(X, "X").tocsr() if is_sparse(X) else check_matrix(X, "X")


def describe_boundary(ranks: tuple[int, ...], k: int) -> str:
    """A warning in words if no rank on one side of the choice was tried."""
    if len(ranks) == 1:
        return "; no other rank was given"
    if k in (1, *ranks[1:-1]):
        return ""
    end, beyond = ("smallest", "smaller") if k == ranks[0] else ("largest", "larger")
    return f"; it is the {end} of the given ranks, and a {beyond} one may be better"
