"""Symmetric, projective, orthogonal, hierarchical and semi-NMF in plain NumPy."""

from collections.abc import Callable

import numpy as np

from .algorithms import hals_sweep


def step_along(R: np.ndarray, P: np.ndarray, Q: np.ndarray, most: float) -> float:
    """The t in [0, most] that minimises ||R - t P - t^2 Q||_F^2."""
    c = [np.sum(R * R), -2 * np.sum(R * P), np.sum(P * P) - 2 * np.sum(R * Q), 2 * np.sum(P * Q), np.sum(Q * Q)]
    curve = np.polynomial.Polynomial(c)
    candidates = [0.0, most, *(t.real for t in curve.deriv().roots() if 0 < t.real < most)]
    return min(candidates, key=curve)


def longest(F: np.ndarray, D: np.ndarray, most: float = 4.0) -> float:
    """The largest t <= most with F + t D >= 0, for a D with F + D >= 0."""
    return max(1.0, min([most, *(F[D < 0] / -D[D < 0])]))


Model = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Curve = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


def quartic_descent(F: np.ndarray, model: Model, curve: Curve, n_iter: int) -> np.ndarray:
    """F >= 0 after n_iter iterations on an error that is a polynomial of degree four along each line.

    model(F) returns G and C: the least squares 1/2 tr(U G U') - tr(U C') have the gradient of the error at U = F.
    Sweeps of HALS over U, one in each of the first three iterations and three later, give a direction D = U - F.
    curve(F, D) returns R, P and Q: ||R - t P - t^2 Q||^2 is the error at F + t D. A step goes to the minimum on this
    line. From iteration ten on a step of the last length is tried first, followed by extrapolation; it is accepted if
    the error decreases.
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
    """W, for S ~ W W', after n_iter iterations, as by `nmfcore.symmetric`.

    At U = W the gradient of 1/2 ||S - U W'||^2 is that of 1/4 ||S - W W'||^2.
    """
    W = W * np.sqrt(np.sum(W * (S @ W)) / np.sum((W.T @ W) ** 2))
    return quartic_descent(
        W, lambda W: (W.T @ W, S @ W), lambda W, D: (S - W @ W.T, W @ D.T + D @ W.T, D @ D.T), n_iter
    )


def projective(X: np.ndarray, W: np.ndarray, n_iter: int) -> np.ndarray:
    """W, for X ~ W W'X, after n_iter iterations, as by `nmfcore.projective`.

    With H = W'X and W'W = I, the gradient of 1/2 ||X - U H||^2 at U = W is that of 1/2 ||X - W W'X||^2; for other W,
    the matrix C has a correction.
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

    Yang & Oja 2010 (doi:10.1109/TNN.2010.2041361). With A = X X' and the previous W = V, the terms of
    degree four are at most sum den W^4 / (4 V^3), and -tr(W'A W) is at most its tangent at V; hence the third root.
    """
    for _ in range(n_iter):
        AW = X @ (X.T @ W)
        den = W @ (W.T @ AW) + AW @ (W.T @ W)
        W = W * np.cbrt(2 * AW / np.where(den > 0, den, 1))
    return W


def orthogonal(X: np.ndarray, labels: np.ndarray, k: int, n_iter: int) -> tuple[np.ndarray, np.ndarray]:
    """Directions (k x n) and labels after n_iter iterations from given labels; no cluster may become empty.

    Pompili, Gillis, Absil & Glineur 2014 (doi:10.1016/j.neucom.2014.02.018), with a step of the power method instead of
    a singular vector, as in `nmfcore.orthogonal`.
    """
    along = np.linalg.norm(X, axis=1)
    for _ in range(n_iter + 1):
        B = np.array([along[labels == t] @ X[labels == t] for t in range(k)])
        B /= np.linalg.norm(B, axis=1, keepdims=True)
        labels, along = (X @ B.T).argmax(axis=1), (X @ B.T).max(axis=1)
    return B, labels


def spherical_kmeans(X: np.ndarray, labels: np.ndarray, k: int, n_iter: int) -> np.ndarray:
    """Labels of the rows of X by their directions only (Dhillon & Modha 2001, doi:10.1023/A:1007612920971)."""
    X = X / np.linalg.norm(X, axis=1, keepdims=True)
    for _ in range(n_iter):
        B = np.array([X[labels == t].sum(axis=0) for t in range(k)])
        labels = (X @ (B / np.linalg.norm(B, axis=1, keepdims=True)).T).argmax(axis=1)
    return labels


def hierarchical(X: np.ndarray, n_leaves: int, halves: Callable[[np.ndarray], np.ndarray]) -> list[np.ndarray]:
    """The rows of each leaf of a tree of splits.

    The next leaf to split is the one with the largest gain: the sum of the squared leading singular values of its parts
    minus that of the leaf. Gillis, Kuang & Park 2015 (doi:10.1109/TGRS.2014.2352857). halves(X) is a mask of the rows
    of X that go to the first part; all or none if X cannot be split.
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
    """W >= 0 and the least squares H of any sign after n_iter iterations, as by `nmfcore.semi`.

    An iteration is one sweep of HALS over W (`nmfcore.semi` takes more) and extrapolation with the weights of Nesterov,
    if this does not increase the error.
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
