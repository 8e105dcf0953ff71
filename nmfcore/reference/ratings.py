"""The completion of ratings in plain NumPy.

X (m x n) has the ratings; Observed (m x n, bool) marks the entries that are ratings. The model of an entry is
mean + b_u + c_i + (W H)_ui.
"""

import numpy as np

from .weighted import weighted_hals_sweep


def completion_objective(
    X: np.ndarray,
    Observed: np.ndarray,
    W: np.ndarray,
    H: np.ndarray,
    user_bias: np.ndarray,
    item_bias: np.ndarray,
    mean: float,
    strengths: tuple[float, float],
    per_rating: bool = True,
) -> float:
    """Half the squared residuals of the ratings plus half the penalties.

    The penalty of a user or an item is multiplied by its number of ratings; without per_rating it counts once if there
    is a rating. strengths are those of the factors and of the biases. Zhou, Wilkinson, Schreiber & Pan 2008
    (doi:10.1007/978-3-540-68880-8_32), equation 4; the biases are those of Koren, Bell & Volinsky 2009
    (doi:10.1109/MC.2009.263), equation 5.
    """
    counts = [Observed.sum(axis=1), Observed.sum(axis=0)]
    n_users, n_items = counts if per_rating else [count > 0 for count in counts]
    factors = n_users @ np.sum(W**2, axis=1) + n_items @ np.sum(H**2, axis=0)
    biases = n_users @ user_bias**2 + n_items @ item_bias**2
    residual = (X - mean - user_bias[:, None] - item_bias - W @ H)[Observed]
    return 0.5 * float(np.sum(residual**2) + strengths[0] * factors + strengths[1] * biases)


def complete(
    X: np.ndarray,
    Observed: np.ndarray,
    W: np.ndarray,
    H: np.ndarray,
    n_iter: int,
    strengths: tuple[float, float],
    per_rating: bool = True,
    biases: bool = True,
    nonnegative: tuple[bool, bool] = (True, True),
    sweeps: int = 3,
    precision: float = 0.03,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]:
    """Alternating coordinate sweeps from (W, H) and biases of 0, the algorithm of `nmfcore.complete`.

    The factors are [W, 1, b] and [H', c, 1]; equal bounds fix the columns of ones. Returns W, H, the biases of users
    and items, and the mean.
    """
    k, mean = W.shape[1], float(X[Observed].mean()) if biases else 0.0
    Y = np.where(Observed, X - mean, 0)
    F, B = (np.hstack([factor, np.zeros((len(factor), 2))]) for factor in (W, H.T))
    F[~Observed.any(axis=1)] = B[~Observed.any(axis=0)] = 0
    F[:, k] = B[:, k + 1] = biases
    sides = (F, B, Y, Observed, nonnegative[0]), (B, F, Y.T, Observed.T, nonnegative[1])
    for _ in range(n_iter):
        for (own, other, ratings, seen, is_nonnegative), ones, bias in zip(sides, (k, k + 1), (k + 1, k), strict=True):
            q, lower, upper = np.full(k + 2, strengths[0]), np.full(k + 2, -np.inf), np.full(k + 2, np.inf)
            q[ones], q[bias] = 0, strengths[1]
            lower[:k] = 0 if is_nonnegative else -np.inf
            lower[ones] = upper[ones] = biases
            if not biases:
                lower[bias] = upper[bias] = 0
            counts = seen.sum(axis=1)
            box = {"ridge": counts if per_rating else counts > 0, "q": q, "lower": lower, "upper": upper}
            weighted_hals_sweep(ratings, seen.astype(float), own, other, **box, sweeps=sweeps, stop=precision**2)
    return F[:, :k], B[:, :k].T, F[:, k + 1], B[:, k], mean
