"""Weighted least squares in plain NumPy; notation as in `algorithms`.

Omega (m x n) >= 0 has the weights. Entries of X with weight 0 are ignored.
"""

import numpy as np


def observed(X: np.ndarray, Omega: np.ndarray) -> np.ndarray:
    """X with 0 where the weight is 0."""
    return np.where(Omega > 0, X, 0)


def weighted_objective(X: np.ndarray, Omega: np.ndarray, W: np.ndarray, H: np.ndarray) -> float:
    """1/2 sum of omega (x - (W H))^2 over the entries."""
    return 0.5 * float(np.sum(Omega * (observed(X, Omega) - W @ H) ** 2))


def bounded_sweep(
    G: np.ndarray, c: np.ndarray, f: np.ndarray, lower: np.ndarray | float = 0.0, upper: np.ndarray | float = np.inf
) -> float:
    """One sweep over lower <= f <= upper for 1/2 f G f' - f c, in place; returns the sum of G_tt (change)^2."""
    moved = 0.0
    lower, upper = np.broadcast_to(lower, f.shape), np.broadcast_to(upper, f.shape)
    for t in range(len(f)):
        if G[t, t] > 0:
            new = np.clip(f[t] + (c[t] - f @ G[t]) / G[t, t], lower[t], upper[t])
            moved += G[t, t] * (new - f[t]) ** 2
            f[t] = new
    return moved


def weighted_hals_sweep(
    X: np.ndarray,
    Omega: np.ndarray,
    F: np.ndarray,
    B: np.ndarray,
    E: np.ndarray | float = 0.0,
    C: np.ndarray | float = 0.0,
    ridge: np.ndarray | float = 0.0,
    q: np.ndarray | float = 0.0,
    lower: np.ndarray | float = 0.0,
    upper: np.ndarray | float = np.inf,
    sweeps: int = 1,
    stop: float = 0.0,
) -> tuple[float, float]:
    """Sweeps of weighted HALS over F, in place, each row with the Gram matrix of its own weights.

    Kim & Choi 2009, doi:10.1109/ICASSP.2009.4959890, with the quadratic 1/2 f (E + ridge_i diag(q)) f' - f C_i added
    for each row. A row stops if a sweep changes it by at most `stop` times what its first sweep did. Returns the sum of
    G_tt (change)^2 in the first sweep, and the sum of the quadratics at the end.
    """
    k = F.shape[1]
    C, ridge, q = np.broadcast_to(C, F.shape), np.broadcast_to(ridge, len(F)), np.broadcast_to(q, k)
    lower, upper = np.broadcast_to(lower, F.shape), np.broadcast_to(upper, F.shape)
    moved = quadratic = 0.0
    for i, (x, omega) in enumerate(zip(observed(X, Omega), Omega, strict=True)):
        G = (B * omega[:, None]).T @ B + E + ridge[i] * np.diag(q)
        c = C[i] + (omega * x) @ B
        first = None
        for _ in range(sweeps):
            change = bounded_sweep(G, c, F[i], lower[i], upper[i])
            first = change if first is None else first
            if change <= stop * first:
                break
        moved += first or 0.0
        quadratic += 0.5 * F[i] @ G @ F[i] - F[i] @ c
    return moved, quadratic


def weighted_hals(
    X: np.ndarray, Omega: np.ndarray, W: np.ndarray, H: np.ndarray, n_iter: int
) -> tuple[np.ndarray, np.ndarray]:
    """Plain weighted HALS: an iteration is one sweep over W, then one over H."""
    W, Ht = W.copy(), H.T.copy()
    for _ in range(n_iter):
        weighted_hals_sweep(X, Omega, W, Ht)
        weighted_hals_sweep(X.T, Omega.T, Ht, W)
    return W, Ht.T
