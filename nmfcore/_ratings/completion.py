"""The result of a completion of ratings: predictions, recommendations, errors."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from .._checks import check_count
from .._fit import History, State, ending_from_members, ending_to_arrays
from .._runtime import Members, Storable, files, names_to_array
from ..data import FEATURES, SAMPLES, Alignment, Names, frames, pair_products
from .check_ratings import check_indices, check_limits, check_pairs, check_test_ratings, check_user

REASONS = ("tol", "stalled", "max_iter", "max_time", "callback")


@dataclass(frozen=True, eq=False)
class Completion(Storable):
    """A model of ratings: user u rates item i mean + user_bias[u] + item_bias[i] + (W H)[u, i].

    Attributes
    ----------
    W : ndarray, shape (m, k)
        The factors of the users, of the dtype of X, float32 or float64; C-contiguous.
    H : ndarray, shape (k, n)
        The factors of the items; it is the transpose of a C-contiguous (n, k) array.
    user_bias, item_bias : ndarray, shapes (m,) and (n,)
        The biases; 0 if the model has none.
    mean : float
        The mean of the ratings; 0 if the model has no biases.
    unobserved : tuple of two ndarrays of intp
        The users and the items without a rating. Their factors and biases are 0. The prediction for such a user and an
        item is thus the mean plus the bias of the item, and the other way round.
    objective : float
        Half the sum of the squared residuals, plus the penalties (see `complete`).
    n_iter : int
        Number of iterations.
    converged : bool
        Whether the stopping rule was met.
    reason : str
        Why the fit stopped: "tol", "stalled", "max_iter", "max_time" or "callback".
    history : History
        Entry i belongs to the factors after i iterations. The objective never rises, except by round-off.
    names : tuple
        The names of the users and of the items, if X was a data frame: a tuple of strings, or None, for each.

    See Also
    --------
    complete : The function that returns it.
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
    """The arrays indptr and indices of X in compressed rows."""
    names: Names = field(repr=False, default=(None, None))

    _file_kind: ClassVar = files.FileFormat("nmfcore completion", "no completion of nmfcore", "Completion.save")

    @property
    def shape(self) -> tuple[int, int]:
        """The numbers of users and items."""
        return len(self.user_bias), len(self.item_bias)

    def predict(self, users: Any, items: Any, *, limits: tuple[float, float] | None = None) -> np.ndarray:
        """The ratings that the model predicts.

        Parameters
        ----------
        users, items : array_like of int
            The indices of the pairs; the two are broadcast against each other.
        limits : pair of numbers, optional
            The smallest and the largest possible rating, to which predictions are clipped.

        Returns
        -------
        ndarray of float64, of the shape of the pairs
            In units of the ratings.

        Raises
        ------
        InputTypeError
            Indices are not integers, or limits is not a pair of numbers.
        InputError
            Indices are out of range, shapes do not fit each other, or limits are in the wrong order.
        """
        users, items = check_pairs(users, items, self.shape)
        limits = check_limits(limits)
        products = pair_products(self.W, self.H.T, users.ravel(), items.ravel()).reshape(users.shape)
        ratings = products + self.mean + self.user_bias[users] + self.item_bias[items]
        return ratings if limits is None else np.clip(ratings, *limits)

    def recommend(self, user: int, n: int = 10, *, exclude: Any = ()) -> tuple[np.ndarray, np.ndarray]:
        """The n items with the highest predictions among those that the user has not rated.

        Parameters
        ----------
        user : int
            The index of the user.
        n : int
            The number of items; fewer are returned where fewer are left.
        exclude : array_like of int
            Further items to leave out.

        Returns
        -------
        items : ndarray of intp
            The best item first; among equal predictions the one with the lower index.
        ratings : ndarray of float64
            The predictions for these items.

        Raises
        ------
        InputTypeError, InputError
            The user or the excluded items are not indices of X, or n is not a count.
        """
        user, n = check_user(user, self.shape), check_count(n, "n", 0)
        candidates = np.ones(self.shape[1], dtype=bool)
        candidates[check_indices(exclude, "exclude", self.shape[1])] = False
        indptr, indices = self._rated
        candidates[indices[indptr[user] : indptr[user + 1]]] = False
        items = np.flatnonzero(candidates)
        ratings = self.predict(user, items)
        best = np.argsort(-ratings, kind="stable")[:n]
        return items[best], ratings[best]

    def rmse(self, X_test: Any, *, limits: tuple[float, float] | None = None) -> float:
        """The root mean squared error of the predictions of other ratings.

        Parameters
        ----------
        X_test : SciPy sparse or data frame with sparse columns, shape (m, n)
            Its stored entries are ratings, zeros included. If it and X are data frames, users and items are matched by
            name.
        limits : pair of numbers, optional
            As in `predict`.

        Returns
        -------
        float
            In units of the ratings.

        Raises
        ------
        InputTypeError, InputError
            As `complete` for X, or X_test has another shape than X, or other names.
        """
        of_fit = Alignment(frames.labelled(None, self.names))
        X_test = check_test_ratings(of_fit.align(X_test, "X_test", (SAMPLES, FEATURES)), self.shape)
        users = np.repeat(np.arange(self.shape[0]), np.diff(X_test.indptr))
        errors = self.predict(users, X_test.indices, limits=limits) - X_test.data
        largest = float(np.abs(errors).max())  # whose square may overflow
        return largest * math.sqrt(np.mean((errors / largest) ** 2)) if largest else 0.0

    def _to_arrays(self) -> dict[str, np.ndarray]:
        arrays = {name: getattr(self, name) for name in ("W", "H", "user_bias", "item_bias")}
        indptr, indices = self._rated
        rated = {"mean": np.asarray(self.mean), "rated_indptr": indptr, "rated_indices": indices}
        return arrays | rated | ending_to_arrays(self) | {"names": names_to_array(self.names)}

    @classmethod
    def _from_members(cls, members: Members) -> "Completion":
        W = members.floats("W", (None, None))
        m, k = W.shape
        H = members.floats("H", (k, None), W.dtype)
        n = H.shape[1]
        indices = members.indices("rated_indices", (None,), n)
        indptr = members.indices("rated_indptr", (m + 1,), len(indices) + 1)
        if (
            indptr[0] != 0
            or indptr[-1] != len(indices)
            or np.any(np.diff(indptr) < 0)
            or not math.isfinite(mean := members.number("mean"))
        ):
            raise ValueError("rated_indptr or mean")
        return cls(
            W=np.ascontiguousarray(W),
            H=np.asfortranarray(H),
            user_bias=members.floats("user_bias", (m,), W.dtype),
            item_bias=members.floats("item_bias", (n,), W.dtype),
            mean=mean,
            unobserved=unrated(indptr, indices, n),
            _rated=(indptr, indices),
            names=members.names((m, n)),
            **ending_from_members(members, REASONS),
        )


def unrated(indptr: np.ndarray, indices: np.ndarray, n_items: int) -> tuple[np.ndarray, np.ndarray]:
    """The users and the items without a rating, for ratings in compressed rows."""
    return np.flatnonzero(np.diff(indptr) == 0), np.flatnonzero(np.bincount(indices, minlength=n_items) == 0)


@dataclass(frozen=True, eq=False)
class CompletionState(State):
    """What a callback of `complete` receives after each iteration.

    Attributes
    ----------
    completion : Completion
        The fit as if it had stopped here, such as to measure it on other ratings. It can only be read in the callback.
    """

    _completion: Callable[[], Completion] = field(repr=False)

    @property
    def completion(self) -> Completion:
        """The fit as if it had stopped here, a copy."""
        self._check_current()
        return self._completion()
