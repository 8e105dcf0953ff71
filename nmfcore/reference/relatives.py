"""Symmetric, projective, orthogonal and hierarchical NMF in plain NumPy, the oracle of the tests."""

from collections.abc import Callable

import numpy as np

from .algorithms import hals_sweep


def step_along(R: np.ndarray, P: np.ndarray, Q: np.ndarray, most: float) -> float:
    """The t from 0 to most at which ||R - t P - t^2 Q||_F^2 is least."""
    c = [np.sum(R * R), -2 * np.sum(R * P), np.sum(P * P) - 2 * np.sum(R * Q), 2 * np.sum(P * Q), np.sum(Q * Q)]
    curve = np.polynomial.Polynomial(c)
    tried = [0.0, most, *(t.real for t in curve.deriv().roots() if 0 < t.real < most)]
    return min(tried, key=curve)


def longest(F: np.ndarray, D: np.ndarray, most: float = 4.0) -> float:
    """How far F + t D >= 0 for a D under which F + D >= 0, at most so far."""
    return max(1.0, min([most, *(F[D < 0] / -D[D < 0])]))


Model = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Curve = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def quartic_descent(F: np.ndarray, model: Model, curve: Curve, n_iter: int) -> np.ndarray:
    """F >= 0 after n_iter iterations on an error that is of degree four along each line.

    model: G and C of the least squares 1/2 tr(U G U') - tr(U C') with the gradient of the error at F. Sweeps over it,
    one in the first three iterations and then three, lead from F along a D.
    curve: the R, P and Q of which ||R - t P - t^2 Q||^2 is the error at F + t D. Its least value is taken; after ten
    iterations what lies on the line as far as that was the last time is extrapolated instead, if the error falls.
    """

    def error(F: np.ndarray) -> float:
        return float(np.sum(curve(F, F)[0] ** 2))

    before, momentum, length = F, 1.0, 1.0
    for iteration in range(n_iter):
        D = F.copy()
        for _ in range(1 if iteration < 3 else 3):
            hals_sweep(*model(F), D)
        D -= F
        if iteration >= 10:
            last, momentum = momentum, (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            new = np.maximum(F + length * D, 0)
            trial = np.maximum(new + (last - 1) / momentum * (new - before), 0)
            if error(trial) < error(F):
                F, before = trial, new
                continue
            momentum = 1.0
        t = step_along(*curve(F, D), longest(F, D))
        F = np.maximum(F + t * D, 0)
        before, length = F, min(t, 1.0)
    return F


def symmetric(S: np.ndarray, W: np.ndarray, n_iter: int) -> np.ndarray:
    """W, for S ~ W W', after n_iter iterations: what `nmfcore.symmetric` does.

    1/2 ||S - U W'||^2 has at U = W the gradient of 1/4 ||S - W W'||^2.
    """
    W = W * np.sqrt(np.sum(W * (S @ W)) / np.sum((W.T @ W) ** 2))
    return quartic_descent(
        W, lambda W: (W.T @ W, S @ W), lambda W, D: (S - W @ W.T, W @ D.T + D @ W.T, D @ D.T), n_iter
    )


def projective(X: np.ndarray, W: np.ndarray, n_iter: int) -> np.ndarray:
    """W, for X ~ W W'X, after n_iter iterations: what `nmfcore.projective` does.

    1/2 ||X - U H||^2 for H = W'X has the gradient of 1/2 ||X - W W'X||^2 where W'W = I; it is corrected for the rest.
    """
    W = W * np.sqrt(np.sum((W.T @ X) ** 2) / np.sum((W @ (W.T @ X)) ** 2))

    def model(W: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        H = W.T @ X
        return H @ H.T, 2 * X @ H.T - X @ H.T @ (W.T @ W)

    return quartic_descent(
        W, model, lambda W, D: (X - W @ (W.T @ X), W @ (D.T @ X) + D @ (W.T @ X), D @ (D.T @ X)), n_iter
    )


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
        return float(np.sum((X - W @ np.linalg.lstsq(W, X, rcond=None)[0]) ** 2))

    before, momentum = W, 1.0
    for _ in range(n_iter):
        H, new = np.linalg.lstsq(W, X, rcond=None)[0], W.copy()
        hals_sweep(H @ H.T, X @ H.T, new)
        last, momentum = momentum, (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        trial = np.maximum(new + (last - 1) / momentum * (new - before), 0)
        if left(trial) > left(W):
            momentum, trial = 1.0, new
        W, before = trial, new
    return W, np.linalg.lstsq(W, X, rcond=None)[0]
