"""What a completion of ratings gives back, and what can be asked of it."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._checks import check_count
from .._fit import History, State
from ..data import pair_products
from . import check_ratings


@dataclass(frozen=True)
class Completion:
    """A model of ratings: user u rates item i mean + user_bias[u] + item_bias[i] + (W H)[u, i].

    Attributes
    ----------
    W : ndarray, shape (m, k)
        The factors of the users, of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        Those of the items; it is the transpose of a C-contiguous (n, k) array.
    user_bias, item_bias : ndarray, shapes (m,) and (n,)
        0 without biases.
    mean : float
        That of the ratings; 0 without biases.
    unobserved : tuple of two ndarrays
        The users and the items without a rating. Their factors and biases are 0: what is predicted for them is the
        mean and the bias of the other side.
    objective : float
        Half the sum of the squared residuals, and the penalties (see `complete`).
    n_iter : int
        Iterations done.
    converged : bool
        Whether the stopping rule was met.
    reason : str
        Why the fit stopped: "tol", "stalled", "max_iter", "max_time" or "callback".
    history : History
        Entry i belongs to the factors after i iterations; the objective falls, to round-off.
    """

    W: np.ndarray = field(repr=False)
    H: np.ndarray = field(repr=False)
    user_bias: np.ndarray = field(repr=False)
    item_bias: np.ndarray = field(repr=False)
    mean: float
    unobserved: tuple[np.ndarray, np.ndarray] = field(repr=False)
    objective: float
    n_iter: int
    converged: bool
    reason: str
    history: History = field(repr=False)
    _rated: tuple[np.ndarray, np.ndarray] = field(repr=False)
    """indptr and indices of X in compressed rows."""

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of users and items."""
        return len(self.user_bias), len(self.item_bias)

    def predict(self, users: Any, items: Any, *, limits: tuple[float, float] | None = None) -> np.ndarray:
        """The ratings that the model expects.

        Parameters
        ----------
        users, items : array_like of int
            Pairs, entry by entry; a single index goes with all of the others.
        limits : pair of numbers, optional
            The smallest and the largest rating there is, to which predictions are clipped.

        Returns
        -------
        ndarray of float64, of the shape of users and items

        Raises
        ------
        TypeError
            Indices that are no integers, limits that are no pair of numbers.
        ValueError
            Indices outside X, shapes that do not fit, limits in the wrong order.
        """
        users, items = check_ratings.pairs(users, items, self.shape)
        limits = check_ratings.limits(limits)
        products = pair_products(self.W, self.H.T, users.ravel(), items.ravel()).reshape(users.shape)
        found = products + self.mean + self.user_bias[users] + self.item_bias[items]
        return found if limits is None else np.clip(found, *limits)

    def recommend(self, user: int, n: int = 10, *, exclude: Any = ()) -> tuple[np.ndarray, np.ndarray]:
        """The n items with the highest predictions among those that the user has not rated.

        Parameters
        ----------
        user : int
        n : int
            Fewer come back where fewer are left.
        exclude : array_like of int
            Items that are left out, too.

        Returns
        -------
        items : ndarray of intp
            The best first; of equal ones the one of lower index.
        ratings : ndarray of float64
            Their predictions.

        Raises
        ------
        TypeError, ValueError
            A user, a number or items that are no indices of X.
        """
        user, n = check_ratings.user(user, self.shape), check_count(n, "n", 0)
        left = np.ones(self.shape[1], dtype=bool)
        left[check_ratings.indices(exclude, "exclude", self.shape[1])] = False
        indptr, indices = self._rated
        left[indices[indptr[user] : indptr[user + 1]]] = False
        items = np.flatnonzero(left)
        ratings = self.predict(user, items)
        best = np.argsort(-ratings, kind="stable")[:n]
        return items[best], ratings[best]

    def rmse(self, X_test: Any, *, limits: tuple[float, float] | None = None) -> float:
        """The root of the mean squared error of the predictions.

        Parameters
        ----------
        X_test : SciPy sparse, shape (m, n)
            Whose stored entries are ratings, zeros included.
        limits : pair of numbers, optional
            As in `predict`.

        Raises
        ------
        TypeError, ValueError
            As `complete` for X; another shape than X.
        """
        X_test = check_ratings.held_out(X_test, self.shape)
        users = np.repeat(np.arange(self.shape[0]), np.diff(X_test.indptr))
        errors = self.predict(users, X_test.indices, limits=limits) - X_test.data
        largest = float(np.abs(errors).max())  # whose square may overflow
        return largest * math.sqrt(np.mean((errors / largest) ** 2)) if largest else 0.0


@dataclass(frozen=True)
class CompletionState(State):
    """What a callback of `complete` is given after each iteration.

    Attributes
    ----------
    completion : Completion
        The fit as if it had stopped here, to be asked for in the callback: to measure it on other ratings.
    """

    _completion: Callable[[], Completion] = field(repr=False)

    @property
    def completion(self) -> Completion:
        """The fit as if it had stopped here, a copy."""
        self._check_current()
        return self._completion()
