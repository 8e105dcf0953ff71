"""Objectives as plain sums in extended precision, written from the formulas in the documents and not from the code."""

import numpy as np

WIDE = np.longdouble  # more digits than the kernels have and, on most machines, a wider range


def divergence(x, y, beta):
    """The sum of the beta-divergences of x from y, with 0 log 0 = 0."""
    if beta == 2:
        return np.sum((x - y) ** 2) / 2
    if beta == 1:
        positive = x > 0
        return np.sum(x[positive] * np.log(x[positive] / y[positive])) + np.sum(y - x)
    if beta == 0:
        return np.sum(x / y - np.log(x / y) - 1)
    return np.sum((x**beta + (beta - 1) * y**beta - beta * x * y ** (beta - 1)) / (beta * (beta - 1)))


def loss_value(name, X, V, weights):
    """The loss of the model V, without penalties. name: "l1", ("huber", delta), ("l21", epsilon) or a beta."""
    R, w = X - V, np.ones_like(X) if weights is None else weights.astype(WIDE)
    if name == "l1":  # with a parabola below a thousandth of the mean of X
        r, least = abs(R), WIDE(1e-3) * np.sum(w * X) / np.sum(w)
        return np.sum(w * np.where(r >= least, r, (r * r / (least or 1) + least) / 2))
    if isinstance(name, tuple) and name[0] == "huber":
        r, delta = abs(R), WIDE(name[1])
        return np.sum(w * np.where(r <= delta, r * r / 2, delta * (r - delta / 2)))
    if isinstance(name, tuple):
        norms = np.sqrt(np.sum(R * R, axis=1))
        least = WIDE(name[1]) * np.sqrt(np.sum(X * X) / len(X))
        least = least or WIDE(name[1])
        return np.sum(np.where(norms > least, norms, (norms**2 / least + least) / 2))
    seen = w > 0
    return sum(divergence(X[w == weight], V[w == weight], name) * weight for weight in np.unique(w[seen]))


def penalty_value(penalty, F, lengths):
    """The value of a penalty on the components in the columns of F, each times the length in the other factor."""
    name, strength = penalty
    F = F * lengths
    if name == "L1":
        return strength * np.sum(F)
    if name == "L2":
        return strength / 2 * np.sum(F * F)
    if name == "Group":
        return strength * np.sum(np.sqrt(np.sum(F * F, axis=0)))
    if name == "Orthogonality":
        return strength * np.sum(np.triu(F.T @ F, 1))
    if name == "Smooth":
        return strength / 2 * np.sum(np.diff(F, axis=0) ** 2)
    return WIDE(0)  # a set


def objective(X, W, H, loss, weights=None, penalty_W=None, penalty_H=None, coupled=True):
    """The objective of `nmf`. coupled: a penalty on one factor sees components of length 1 in the other one."""
    with np.errstate(all="ignore"):
        W, Ht = W.astype(WIDE), H.T.astype(WIDE)
        value = loss_value(loss, X.astype(WIDE), W @ Ht.T, weights)
        one = WIDE(1)
        of_W = np.sqrt(np.sum(Ht * Ht, axis=0)) if penalty_W and coupled else one
        of_H = np.sqrt(np.sum(W * W, axis=0)) if penalty_H and coupled else one
        for penalty, F, lengths in ((penalty_W, W, of_W), (penalty_H, Ht, of_H)):
            if penalty:
                value += penalty_value(penalty, F, lengths)
        return value


def scale(X, loss, weights=None):
    """The size of the numbers whose difference the loss is: its round-off is a multiple of it."""
    with np.errstate(all="ignore"):
        x = X.astype(WIDE)
        w = np.ones_like(x) if weights is None else weights.astype(WIDE)
        if loss == "l1":
            return np.sum(w * x)
        if isinstance(loss, tuple):
            return np.sum(w * x * (loss[1] if loss[0] == "huber" else 1))
        if loss == 1:
            return np.sum(w * x)
        if loss <= 0:
            return np.sum(w) + np.sum(w[x > 0] * x[x > 0] ** WIDE(loss))
        return np.sum(w * x ** WIDE(loss))


def relative_error(X, W, H, weights=None):
    """||X - W H|| / ||X|| over the entries of positive weight, each times the root of its weight.

    0 or infinite if X = 0.
    """
    x, w = X.astype(WIDE), WIDE(1) if weights is None else weights.astype(WIDE)
    R = x - W.astype(WIDE) @ H.astype(WIDE)
    norm, residual = np.sqrt(np.sum(w * x * x)), np.sqrt(np.sum(w * R * R))
    return residual / norm if norm else WIDE(np.inf if residual else 0)
