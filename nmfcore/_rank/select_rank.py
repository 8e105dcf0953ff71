"""How many components: the front door of the methods that choose a rank."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from .._checks import check_choice, check_flag, check_random_state
from .._fit import FitRequest, Problem, Result, check_entries
from . import ard, bicross, check_select_rank, elbow, mdl, stability
from . import speckled as _speckled
from .choice import RankChoice, at_the_end
from .fits import Scores, Task


class Method(NamedTuple):
    """A way to choose.

    scores: what does it; options: those it has, with its defaults; losses: those it serves; least: how many ranks it
    needs; bounded: whether none may exceed min(m, n).
    """

    scores: Callable[[Task], Scores]
    options: dict[str, Any]
    losses: str = "any"
    least: int = 1
    bounded: bool = False


HALF = {"max_iter": 100, "tol": 1e-3}  # of fits whose errors are large beside what they have not reached
STARTS = {"max_iter": 200, "tol": 1e-3}
METHODS = {
    "speckled": Method(_speckled.scores, {"n_repeats": 4, "fraction": None} | HALF, "beta"),
    "bi-cross-validation": Method(bicross.scores, {"n_repeats": 2} | HALF, "beta"),
    "mdl": Method(mdl.scores, {"n_starts": 3} | STARTS, "frobenius"),
    "ard": Method(ard.scores, {"n_starts": 3, "max_iter": 2000, "tol": 1e-5}, "noise"),
    "stability": Method(stability.stability, {"n_starts": 10} | STARTS),
    "cophenetic": Method(stability.cophenetic, {"n_starts": 10} | STARTS),
    "elbow": Method(elbow.scores, {"n_starts": 3} | STARTS, least=3, bounded=True),
}


def select_rank(
    X: Any,
    ranks: Iterable[int],
    method: str = "speckled",
    *,
    loss: str | float = "frobenius",
    n_repeats: int | None = None,
    n_starts: int | None = None,
    fraction: float | None = None,
    max_iter: int | None = None,
    tol: float | None = None,
    n_threads: int | None = None,
    random_state: int | np.random.Generator | np.random.RandomState | None = None,
    verbose: bool = False,
) -> RankChoice:
    r"""Choose the rank k of X ~ W H among several, by what speaks for it.

    =================== ========================================================== ====================================
    method              score of a rank                                            choice
    =================== ========================================================== ====================================
    speckled            error in entries hidden by chance [1]_                     the least
    bi-cross-validation error in hidden blocks [2]_                                the least
    mdl                 bits an entry of W, H and the residual                     the least
    ard                 excess of the k-th scale in a fit of the largest rank [3]_ the number of components that stay
    stability           distance between fits of several starts [4]_               the last within 0.01 of the least
    cophenetic          cophenetic correlation of their consensus [5]_             the last within 0.002 of the largest
    elbow               relative error of the best of several fits                 where its fall ends [6]_
    =================== ========================================================== ====================================

    Parameters
    ----------
    X : array_like, SciPy sparse or data frame, shape (m, n)
        As for `hals`, without hidden entries. It is not changed.
    ranks : iterable of int
        Different ones, >= 1, such as ``range(2, 16)``; at least three for "elbow", and none above min(m, n).
    method : str
        The first two ask how well a model foretells what it has not seen, as a share of the error of the mean; a larger
        rank has to gain a thousandth. "mdl" is a criterion in the spirit of Squires, Prugel-Bennett & Niranjan (Neural
        Computation 29, 2017, 2164-2176), not theirs: the residual is Gaussian, the entries of a factor that are not 0
        follow a gamma distribution, at the precision that makes the whole shortest. "ard" gives each component a scale
        in an exponential prior. Of "stability" and "cophenetic" k = 1 is no choice, since there all fits agree. "elbow"
        is the rank to which the error falls most beside how it falls to the next one, so neither the first nor the
        last; its table has the least error of any matrix of that rank (see `svd`) as "floor".
    loss : str, float or object
        As for `nmf`: "frobenius" or a beta for the first two, "frobenius" for "mdl", that or "kullback-leibler"
        (for counts, in their units) for "ard".
    n_repeats : int, optional
        How often entries (4 times) or blocks (2 times, 4 blocks each) are hidden.
    n_starts : int, optional
        Fits of each rank, for "ard" of the largest one: 3, or 10 for "stability" and "cophenetic", which need 2.
    fraction : float, optional
        The share of the entries that "speckled" hides, at most 0.5. None: 0.05, for sparse X at most half as many
        entries as it stores.
    max_iter, tol : optional
        Of a fit, see `hals`; 100 and 1e-3 for the first two, 2000 and 1e-5 (of the change of a scale) for "ard", else
        200 and 1e-3.
    n_threads : int, optional
        See `hals`; the result does not depend on it, to the bit.
    random_state : int, Generator, RandomState, optional
        Where fits start and what is hidden; None: NumPy's global state.
    verbose : bool
        Print a line after each fit.

    Returns
    -------
    RankChoice
        k, score, spread, why; ``print`` shows the table.

    Raises
    ------
    TypeError, ValueError
        As `nmf` for X and loss; ranks that are empty, not integers, not positive, repeated, too few or too large; a
        method that is not known or does not serve the loss; an option out of its range, or of another method.

    Notes
    -----
    "speckled" hides the same entries for all ranks of a repeat: those whose hash of (seed, row, column) is small, zeros
    of a sparse X included, which stays sparse. The fit of each rank starts from that of the one before, with faint
    random components appended: faster than a random start, and less often in a bad local minimum, which would count
    against the rank. No row or column is hidden as a whole, since nothing foretells it. The cost is that of n_repeats
    fits of each rank with `mask`.

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

    Examples
    --------
    >>> import numpy as np, nmfcore
    >>> rng = np.random.default_rng(0)
    >>> X = rng.gamma(1, size=(60, 3)) @ rng.gamma(1, size=(3, 40)) + 0.1 * rng.random((60, 40))
    >>> nmfcore.select_rank(X, range(1, 6), random_state=0).k
    3
    """
    by = check_choice(method, "method", METHODS)
    given = {"n_repeats": n_repeats, "n_starts": n_starts, "fraction": fraction, "max_iter": max_iter, "tol": tol}
    options = check_select_rank.options(given, by.options, method)
    say = print if check_flag(verbose, "verbose") else lambda line: None
    rng = check_random_state(random_state)
    limits = {name: options[name] for name in ("max_iter", "tol")}
    problem = Problem(FitRequest(X, loss=loss, n_threads=n_threads, **limits), Result)
    check_select_rank.whole(problem.data)
    check_select_rank.loss(problem.loss, by.losses, method)
    check_entries(problem.data, problem.X, problem.loss)
    ranks = check_select_rank.ranks(ranks, problem.data.shape, method, by.least, by.bounded)
    task = Task(problem, check_select_rank.numbers(problem.X), ranks, options, rng, say)
    found = by.scores(task)
    why = found.why + at_the_end(ranks, found.k)
    return RankChoice(found.k, method, ranks, found.score, found.spread, why, found.more)
