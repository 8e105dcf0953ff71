"""The step of a mini-batch in plain NumPy."""

import numpy as np


def parts(X: np.ndarray, F: np.ndarray, B: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """The minus and the plus part of the gradient of the beta-divergence for F at X ~ F B."""
    V = F @ B
    return (X * V ** (beta - 2)) @ B.T, V ** (beta - 1) @ B.T


def exponent(beta: float) -> float:
    """Exponent of the multiplicative updates that do not raise the objective (Fevotte & Idier 2011)."""
    return 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1.0


def online_step(
    X: np.ndarray,
    W: np.ndarray,
    H: np.ndarray,
    A: np.ndarray,
    B: np.ndarray,
    beta: float,
    rho: float,
    nets: tuple[tuple[float, float], tuple[float, float]] = ((0, 0), (0, 0)),
) -> None:
    """Update W, the sums A and B, and H = (A / B)^gamma for one batch X ~ W H, in place.

    Lefevre, Bach & Fevotte 2011, doi:10.1109/ASPAA.2011.6082314. rho is the factor by which old sums decay. nets has
    the elastic net penalties (l1, l2) of W and of H, which are added to den.
    """
    gamma = exponent(beta)
    num, den = parts(X, W, H, beta)
    W *= (num / (den + nets[0][0] + nets[0][1] * W)) ** gamma
    num, den = (part.T for part in parts(X.T, H.T, W.T, beta))
    A[:] = rho * A + H ** (1 / gamma) * num
    B[:] = rho * B + den + nets[1][0] + nets[1][1] * H
    H[:] = (A / B) ** gamma
