"""Archetypal analysis in plain NumPy."""

import numpy as np


def simplex_projection(v: np.ndarray) -> np.ndarray:
    """The nearest f >= 0 whose sum is 1 (Held, Wolfe & Crowder 1974)."""
    falling = np.sort(v)[::-1]
    thresholds = (np.cumsum(falling) - 1) / np.arange(1, len(v) + 1)
    return np.maximum(v - thresholds[falling > thresholds][-1], 0)


def nearest_in_hull(x: np.ndarray, points: np.ndarray, steps: int = 5000) -> np.ndarray:
    """The f on the simplex for which f points is nearest to x.

    Accelerated projected gradient steps, restarted if the objective increases.
    """
    G, c = points @ points.T, points @ x
    bound = np.linalg.norm(G, 2) or 1.0
    f = y = simplex_projection(c * 0)
    momentum = 1
    for _ in range(steps):
        new = simplex_projection(y - (G @ y - c) / bound)
        momentum = 1 if (y - new) @ (new - f) > 0 else momentum + 1
        y = new + (momentum - 1) / (momentum + 2) * (new - f)
        f = new
    return f


def archetypes_objective(
    X: np.ndarray, W: np.ndarray, B: np.ndarray, weights: np.ndarray | float = 1.0, huber: float = np.inf
) -> float:
    """Weighted sum over the rows of half the squared residual, or of Huber's loss of its length."""
    lengths = np.linalg.norm(X - W @ (B @ X), axis=1)
    near = np.minimum(lengths, huber)
    return float(np.sum(weights * near * (lengths - 0.5 * near)))


def archetypes(X: np.ndarray, rows: np.ndarray, n_iter: int, steps: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """W and B after n_iter iterations from the archetypes X[rows], as for `nmfcore.archetypes`.

    Cutler & Breiman 1994 (doi:10.2307/1269949): W row by row; then, for each archetype, the point of the hull of X that
    is nearest to the best fit of the residuals of the others.
    """
    B = np.eye(len(X))[rows]
    for iteration in range(n_iter + 1):
        Z = B @ X
        W = np.array([nearest_in_hull(x, Z, steps) for x in X])
        for t in range(len(rows)) if iteration < n_iter else ():
            use = W[:, t]
            if use @ use > 0:
                wanted = Z[t] + use @ (X - W @ Z) / (use @ use)
                B[t] = nearest_in_hull(wanted, X, steps)
                Z[t] = B[t] @ X
    return W, B
