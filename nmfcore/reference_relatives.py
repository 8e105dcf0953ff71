"""Symmetric, projective, orthogonal and hierarchical NMF in plain NumPy, the oracle of the tests."""

from collections.abc import Callable

import numpy as np

from .reference import hals_sweep


def step_along(R: np.ndarray, P: np.ndarray, Q: np.ndarray, most: float) -> float:
    """The t from 0 to most at which ||R - t P - t^2 Q||_F^2 is least."""
    c = [np.sum(R * R), -2 * np.sum(R * P), np.sum(P * P) - 2 * np.sum(R * Q), 2 * np.sum(P * Q), np.sum(Q * Q)]
    curve = np.polynomial.Polynomial(c)
    tried = [0.0, most, *(t.real for t in curve.deriv().roots() if 0 < t.real < most)]
    return min(tried, key=curve)


def longest(F: np.ndarray, D: np.ndarray, most: float = 4.0) -> float:
    """How far F + t D >= 0 for a D under which F + D >= 0, at most so far."""
    return max(1.0, min([most, *(F[D < 0] / -D[D < 0])]))


def symmetric(S: np.ndarray, W: np.ndarray, n_iter: int) -> np.ndarray:
    """W, for S ~ W W', after n_iter iterations: what `nmfcore.symmetric` does.

    Sweeps of HALS over U in 1/2 ||S - U W'||^2, one of them in the first three iterations and then three, give the
    direction U - W, along which 1/2 ||S - W W'||^2 is a polynomial of degree four.
    """
    W = W * np.sqrt(np.sum(W * (S @ W)) / np.sum((W.T @ W) ** 2))
    for iteration in range(n_iter):
        D = W.copy()
        for _ in range(1 if iteration < 3 else 3):
            hals_sweep(W.T @ W, S @ W, D)
        D -= W
        t = step_along(S - W @ W.T, W @ D.T + D @ W.T, D @ D.T, longest(W, D))
        W = np.maximum(W + t * D, 0)
    return W


def projective(X: np.ndarray, W: np.ndarray, n_iter: int) -> np.ndarray:
    """W, for X ~ W W'X, after n_iter iterations: what `nmfcore.projective` does.

    As `symmetric`, with the least squares 1/2 ||X - U H||^2 for H = W'X; its gradient is that of
    1/2 ||X - W W'X||^2 only where W'W = I, and is corrected for the rest.
    """
    W = W * np.sqrt(np.sum((W.T @ X) ** 2) / np.sum((W @ (W.T @ X)) ** 2))
    for iteration in range(n_iter):
        H, D = W.T @ X, W.copy()
        for _ in range(1 if iteration < 3 else 3):
            hals_sweep(H @ H.T, 2 * X @ H.T - X @ H.T @ (W.T @ W), D)
        D -= W
        t = step_along(X - W @ H, W @ (D.T @ X) + D @ H, D @ (D.T @ X), longest(W, D))
        W = np.maximum(W + t * D, 0)
    return W


def projective_mu(X: np.ndarray, W: np.ndarray, n_iter: int) -> np.ndarray:
    """W, for X ~ W W'X, by multiplicative updates that never raise the error.

    Yang & Oja 2010 (doi:10.1109/TNN.2010.2041361). With A = X X' the terms of degree four lie below
    sum den W^4 / (4 V^3), and -tr(W'A W) below its tangent, at the W = V before; hence the third root.
    """
    for _ in range(n_iter):
        AW = X @ (X.T @ W)
        den = W @ (W.T @ AW) + AW @ (W.T @ W)
        W = W * np.cbrt(2 * AW / np.where(den > 0, den, 1))
    return W


def orthogonal(X: np.ndarray, labels: np.ndarray, k: int, n_iter: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions (k x n) and clusters after n_iter iterations from clusters that keep a row each.

    Pompili, Gillis, Absil & Glineur 2014 (doi:10.1016/j.neucom.2014.02.018), with a step of the power method in the
    place of a singular vector: what `nmfcore.orthogonal` does as long as no cluster is empty.
    """
    along = np.linalg.norm(X, axis=1)
    for _ in range(n_iter + 1):
        B = np.array([along[labels == t] @ X[labels == t] for t in range(k)])
        B /= np.linalg.norm(B, axis=1, keepdims=True)
        labels, along = (X @ B.T).argmax(axis=1), (X @ B.T).max(axis=1)
    return B, labels


def spherical_kmeans(X: np.ndarray, labels: np.ndarray, k: int, n_iter: int) -> np.ndarray:
    """The clusters of the rows of X by their directions alone (Dhillon & Modha 2001, doi:10.1023/A:1007612920971)."""
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    for _ in range(n_iter):
        B = np.array([X[labels == t].sum(axis=0) for t in range(k)])
        labels = (X @ (B / np.linalg.norm(B, axis=1, keepdims=True)).T).argmax(axis=1)
    return labels


def hierarchical(X: np.ndarray, n_leaves: int, halves: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """The rows of each leaf: the leaf is split whose parts have the larger leading singular values beside its own.

    Gillis, Kuang & Park 2015 (doi:10.1109/TGRS.2014.2352857). halves: which of the rows of a matrix go to the first
    part; all or none where it cannot be split.
    """
    leaves = [np.arange(len(X))]
    while len(leaves) < n_leaves:
        splits = [(rows[first], rows[~first]) for rows in leaves for first in [halves(X[rows])]]
        gains = [
            sum(np.linalg.norm(X[part], 2) ** 2 for part in parts if len(part)) - np.linalg.norm(X[rows], 2) ** 2
            for rows, parts in zip(leaves, splits, strict=True)
        ]
        best = int(np.argmax(gains))
        leaves[best : best + 1] = splits[best]
    return leaves


def semi(X: np.ndarray, W: np.ndarray, n_iter: int) -> tuple[np.ndarray, np.ndarray]:
    """W >= 0 and the least squares H of any sign after n_iter iterations: what `nmfcore.semi` does, but for sweeps.

    One sweep of HALS over W, which then is extrapolated with Nesterov's weights as long as that lowers the error.
    """

    def left(W: np.ndarray) -> float:
        return float(np.sum((X - W @ np.linalg.lstsq(W, X)[0]) ** 2))

    before, momentum = W, 1.0
    for _ in range(n_iter):
        H, new = np.linalg.lstsq(W, X)[0], W.copy()
        hals_sweep(H @ H.T, X @ H.T, new)
        last, momentum = momentum, (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        trial = np.maximum(new + (last - 1) / momentum * (new - before), 0)
        if left(trial) > left(W):
            momentum, trial = 1.0, new
        W, before = trial, new
    return W, np.linalg.lstsq(W, X)[0]
