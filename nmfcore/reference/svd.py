"""The truncated singular value decomposition in plain NumPy, as in textbooks."""

import numpy as np


def svd(X: np.ndarray, k: int, n_iter: int = 1000, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The k largest singular triplets (U, s, Vt), one after the other, by power iteration with deflation.

    v <- X'X v / ||X'X v|| converges to the leading right singular vector of X. On X - s u v' it converges to the next
    one. The largest entry of each u is positive. If X has a rank below k, s ends with zeros.
    """
    rng = np.random.default_rng(seed)
    X = X.copy()
    U, s, Vt = np.zeros((X.shape[0], k)), np.zeros(k), np.zeros((k, X.shape[1]))
    for t in range(k):
        v = rng.standard_normal(X.shape[1])
        for _ in range(n_iter):
            v = X.T @ (X @ v)
            v /= np.linalg.norm(v) or 1
        u = X @ v
        s[t] = np.linalg.norm(u)
        u /= s[t] or 1
        sign = np.sign(u[np.argmax(np.abs(u))])
        U[:, t], Vt[t] = sign * u, sign * v
        X -= s[t] * np.outer(U[:, t], Vt[t])
    return U, s, Vt
