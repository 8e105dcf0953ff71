"""The choice of a rank in plain NumPy and Python."""

import itertools
import math

import numpy as np

from .algorithms import beta_divergence


def holdout_error(X: np.ndarray, hidden: np.ndarray, model: np.ndarray, beta: float) -> float:
    """The error of a model at hidden entries, relative to the error of the mean of the other entries."""
    seen = X[~hidden]
    model = np.clip(model, 1e-3 * seen.mean(), seen.max())
    constant = np.full_like(X, seen.mean())
    return beta_divergence(X[hidden], model[hidden], beta) / beta_divergence(X[hidden], constant[hidden], beta)


def description_length(X: np.ndarray, W: np.ndarray, H: np.ndarray) -> float:
    """Bits for each entry of X / rms(X), with W and H at the precision that makes the total shortest."""
    m, n = X.shape
    rms = math.sqrt(np.mean(X**2))
    X, W = X / rms, W / rms
    s2 = float(np.mean((X - W @ H) ** 2))
    bits = 0.5 * m * n * math.log2(2 * math.pi * math.e * s2)
    for t in range(W.shape[1]):
        for v, other in ((W[:, t], H[t]), (H[t], W[:, t])):
            step = math.sqrt(12 * s2 / float(other @ other))
            zero = v < step / 2
            share = float(np.mean(zero))
            bits -= len(v) * sum(p * math.log2(p) for p in (share, 1 - share) if p > 0)
            x = v[~zero]
            s = math.log(x.mean()) - float(np.mean(np.log(x)))
            a = (3 - s + math.sqrt((s - 3) ** 2 + 24 * s)) / (12 * s)
            theta = float(x.mean()) / a
            density = x ** (a - 1) * np.exp(-x / theta) / (math.gamma(a) * theta**a)
            bits += float(np.sum(np.maximum(0, -np.log2(density) - math.log2(step))))
    return (bits + W.shape[1] * (m + n) / (2 * math.log(2))) / (m * n)


def relevance(
    X: np.ndarray, W: np.ndarray, H: np.ndarray, phi: float, iterations: int, least_squares: bool, a: float = 5.0
) -> np.ndarray:
    """The share by which the scale of each component exceeds that of an empty one, by L1-ARD.

    Multiplicative updates with automatic relevance determination; phi is the weight of the prior and a its shape.
    """
    m, n = X.shape
    k = W.shape[1]
    c, b = m + n + a + 1, math.sqrt((a - 1) * (a - 2) * X.mean() / k)
    W, H = W.copy(), H.copy()
    scale = (W.sum(axis=0) + H.sum(axis=1) + b) / c
    for _ in range(iterations):
        V = W @ H
        P, Q = (X, V) if least_squares else (X / V, np.ones_like(X))
        W *= P @ H.T / (Q @ H.T + phi / scale)
        V = W @ H
        P, Q = (X, V) if least_squares else (X / V, np.ones_like(X))
        H *= W.T @ P / (W.T @ Q + (phi / scale)[:, None])
        scale = (W.sum(axis=0) + H.sum(axis=1) + b) / c
    return np.sort(scale * c / b - 1)[::-1]


def elbow(ranks: list[int], error: list[float]) -> int:
    """The index of the rank with the largest ratio of the decrease of the error before it to the decrease after it."""
    best = [min(error[: i + 1]) for i in range(len(error))]
    falls = [(best[i] - best[i + 1]) / (ranks[i + 1] - ranks[i]) for i in range(len(ranks) - 1)]
    least = 0.1 * sum(falls) / len(falls)
    ratios = [max(a, least) / max(b, least) for a, b in itertools.pairwise(falls)]
    return 1 + ratios.index(max(ratios))
