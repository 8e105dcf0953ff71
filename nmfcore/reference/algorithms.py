"""The factorizations in plain NumPy.

Notation: X (m x n) ~ W (m x k) H (k x n). A half-step updates one factor F (m x k) given the other factor B (n x k),
with X ~ F B', from G = B'B and C = X B. For W this means B = H'. For H it means X' instead of X, and B = W.
"""

import math
from collections.abc import Callable

import numpy as np

GROUP_ROWS = 64  # rows that share one decision to stop inner sweeps


def objective(X: np.ndarray, W: np.ndarray, H: np.ndarray) -> float:
    """1/2 ||X - W H||_F^2."""
    return 0.5 * float(np.sum((X - W @ H) ** 2))


def kkt_residual(X: np.ndarray, W: np.ndarray, H: np.ndarray) -> float:
    """Distance from the Karush-Kuhn-Tucker conditions, independent of every scale.

    The root of the sum of G_tt ||min(F_t, gradient_t / G_tt)||^2 over the components of both factors, divided by
    ||X||_F. It is 0 if and only if each entry is either 0 with a gradient >= 0, or positive with a gradient of 0.
    """
    square = 0.0
    for F, B, Y in ((W, H.T, X), (H.T, W, X.T)):
        G = B.T @ B
        for t in np.flatnonzero(np.diagonal(G)):
            gradient = F @ G[:, t] - Y @ B[:, t]
            square += G[t, t] * np.sum(np.minimum(F[:, t], gradient / G[t, t]) ** 2)
    return math.sqrt(square) / float(np.linalg.norm(X))


def hals_sweep(
    G: np.ndarray, C: np.ndarray, F: np.ndarray, lower: np.ndarray | float = 0.0, upper: np.ndarray | float = np.inf
) -> float:
    """One sweep of hierarchical alternating least squares over F, in place.

    Cichocki & Phan 2009 (doi:10.1587/transfun.E92.A.708), algorithm 2, without the normalisation and with bounds lower
    <= F <= upper. Returns sum_t G_tt ||change of F_t||^2.
    """
    lower, upper = np.broadcast_to(lower, F.shape), np.broadcast_to(upper, F.shape)
    moved = 0.0
    for t in range(F.shape[1]):
        if G[t, t] > 0:
            new = np.clip(F[:, t] + (C[:, t] - F @ G[:, t]) / G[t, t], lower[:, t], upper[:, t])
            moved += G[t, t] * np.sum((new - F[:, t]) ** 2)
            F[:, t] = new
    return moved


def accelerated_sweeps(G: np.ndarray, C: np.ndarray, F: np.ndarray, max_sweeps: int, precision: float) -> float:
    """Repeated sweeps over F, in place (Gillis & Glineur 2012, doi:10.1162/NECO_a_00256, section 3).

    At most max_sweeps sweeps. A group of GROUP_ROWS rows stops when a sweep changes it by at most `precision` times
    what its first sweep did, in the norm of `hals_sweep`. Returns the squared change of the first sweep.
    """
    moved = 0.0
    for i in range(0, len(F), GROUP_ROWS):
        rows = slice(i, i + GROUP_ROWS)
        first = hals_sweep(G, C[rows], F[rows])
        change, sweeps = first, 1
        while change > precision**2 * first and sweeps < max_sweeps:
            change = hals_sweep(G, C[rows], F[rows])
            sweeps += 1
        moved += first
    return moved


def most_sweeps(rows: int, columns: int, k: int, effort: float = 0.5, most: int = 100) -> int:
    """The flop rule of Gillis & Glineur 2012: 1 + ceil(effort x cost of G and C / cost of a sweep)."""
    return min(most, 1 + math.ceil(effort * (2 * rows * columns * k + 2 * columns * k**2) / (2 * rows * k**2)))


def hals(X: np.ndarray, W: np.ndarray, H: np.ndarray, n_iter: int) -> tuple[np.ndarray, np.ndarray]:
    """Plain HALS, as in textbooks: an iteration is one sweep over W, then one over H."""
    W, Ht = W.copy(), H.T.copy()
    for _ in range(n_iter):
        hals_sweep(Ht.T @ Ht, X @ Ht, W)
        hals_sweep(W.T @ W, X.T @ W, Ht)
    return W, Ht.T


def extrapolated_hals(
    X: np.ndarray, W: np.ndarray, H: np.ndarray, n_iter: int, warm_up: int = 3, precision: float = 0.03
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """HALS with inner sweeps and safeguarded extrapolation, the default of `nmfcore.hals`.

    Ang & Gillis 2019 (doi:10.1162/neco_a_01157), algorithm 3: after each half-step the factor is extrapolated along its
    last change. The objective at the extrapolated W and the new H, which costs nothing, decides whether the iteration
    is accepted. The weights are those of Nesterov, unlike in the paper. After a rejected iteration, a plain one starts
    from the factors that it found; if that one is rejected, too, the next one starts from the best factors.

    Returns the best factors and, for each iteration, the lowest objective so far.
    """
    m, n, k = *X.shape, W.shape[1]
    best = W_old, Ht_old = W.copy(), H.T.copy()
    W, Ht = W.copy(), H.T.copy()
    values = [objective(X, W, Ht.T)]
    t, failures = 1.0, 0
    for iteration in range(1, n_iter + 1):
        t, before = (1 + math.sqrt(1 + 4 * t**2)) / 2, t
        weight = (before - 1) / t
        sweeps = [1, 1] if iteration <= warm_up else [most_sweeps(m, n, k), most_sweeps(n, m, k)]
        W_new, Ht_new = W.copy(), Ht.copy()
        accelerated_sweeps(Ht.T @ Ht, X @ Ht, W_new, sweeps[0], precision)
        W = np.maximum(0, W_new + weight * (W_new - W_old))
        accelerated_sweeps(W.T @ W, X.T @ W, Ht_new, sweeps[1], precision)
        value = objective(X, W, Ht_new.T)
        if value <= values[-1] * (1 + 1e-13):  # to round-off
            best, failures = (W.copy(), Ht_new.copy()), 0
            Ht = np.maximum(0, Ht_new + weight * (Ht_new - Ht_old))
            W_old, Ht_old = W_new, Ht_new
        else:
            t, failures = 1.0, failures + 1
            W_old, Ht_old = (W_new, Ht_new) if failures == 1 else best
            W, Ht = W_old.copy(), Ht_old.copy()
        values.append(min(value, values[-1]))
    return best[0], best[1].T, values


def block_principal_pivoting(G: np.ndarray, C: np.ndarray, patience: int = 3) -> np.ndarray:
    """The F >= 0 that minimises 1/2 tr(F G F') - tr(F C'), row by row, for positive definite G.

    Kim & Park 2011 (doi:10.1137/110821172), algorithm 2. f is positive on a passive set, where the gradient y is 0, and
    0 elsewhere. Infeasible coordinates, f < 0 or y < 0, change sets: all of them, unless that has failed `patience`
    times to lower their number; then only the last one, until the number is lower. A gradient of the size of round-off
    counts as 0.
    """
    F = np.empty_like(C)
    k = len(G)
    for row, c in enumerate(C):
        passive, fewest, left = np.ones(k, bool), k + 1, patience
        while True:
            f = np.zeros(k)
            f[passive] = np.linalg.solve(G[np.ix_(passive, passive)], c[passive])
            y = G @ f - c
            zero = 4 * k * np.finfo(float).eps * np.sqrt(np.diagonal(G)) * np.sum(np.sqrt(np.diagonal(G)) * np.abs(f))
            infeasible = np.flatnonzero(np.where(passive, f < 0, y < -zero))
            if len(infeasible) == 0:
                break
            if len(infeasible) < fewest:
                fewest, left = len(infeasible), patience
            else:
                left -= 1
            passive[infeasible if left >= 0 else infeasible[-1:]] ^= True
        F[row] = f
    return F


def beta_divergence(X: np.ndarray, V: np.ndarray, beta: float) -> float:
    """Sum of d_beta(x | v) over the entries (Fevotte & Idier 2011, doi:10.1162/NECO_a_00168, equation 4)."""
    if beta == 1:
        ratio = np.divide(X, V, out=np.ones_like(V), where=X > 0)
        return float(np.sum(X * np.log(ratio) - X + V))
    if beta == 0:
        return float(np.sum(X / V - np.log(X / V) - 1))
    return float(np.sum(X**beta + (beta - 1) * V**beta - beta * X * V ** (beta - 1))) / (beta * (beta - 1))


def beta_gradient(X: np.ndarray, F: np.ndarray, B: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """The parts (num, den) of the gradient den - num of the beta-divergence of X from F B' in F."""
    V = F @ B.T
    return (X * V ** (beta - 2)) @ B, V ** (beta - 1) @ B


def robust_loss(X: np.ndarray, V: np.ndarray, limit: float, absolute: bool) -> float:
    """Sum of r^2 / 2 for residuals |r| < limit, of limit (|r| - limit / 2) for larger ones (Huber 1964).

    With `absolute` each term is divided by limit and raised by limit / 2, so that it is |r| for |r| >= limit.
    """
    r = np.abs(X - V)
    huber = np.where(r < limit, r**2 / 2, limit * (r - limit / 2))
    return float(np.sum(huber / limit + limit / 2 if absolute else huber))


def robust_update(X: np.ndarray, F: np.ndarray, B: np.ndarray, limit: float) -> None:
    """One multiplicative update of F, in place, that does not raise `robust_loss` of X from F B'.

    The update of least squares with the weights limit / max(limit, |r|), an upper bound that touches the loss.
    """
    V = F @ B.T
    weights = limit / np.maximum(limit, np.abs(X - V))
    F *= (weights * X) @ B / ((weights * V) @ B)


def l21_loss(X: np.ndarray, W: np.ndarray, H: np.ndarray, limit: float) -> float:
    """Sum over the samples of r = ||x_i - w_i H||; for r < limit of the parabola that touches r at limit."""
    r = np.linalg.norm(X - W @ H, axis=1)
    return float(np.sum(np.where(r < limit, r**2 / (2 * limit) + limit / 2, r)))


def l21_iteration(X: np.ndarray, W: np.ndarray, Ht: np.ndarray, limit: float) -> None:
    """One sweep of HALS over W, then one over H', in place, that do not raise `l21_loss`.

    Kong, Ding & Huang 2011 (doi:10.1145/2063576.2063676): least squares in which a sample has the weight 1 / norm of
    its residual. The weight cancels in the update of W.
    """
    hals_sweep(Ht.T @ Ht, X @ Ht, W)
    D = 1 / np.maximum(limit, np.linalg.norm(X - W @ Ht.T, axis=1))
    hals_sweep((W.T * D) @ W, X.T @ (W * D[:, None]), Ht)


def multiplicative_update(X: np.ndarray, F: np.ndarray, B: np.ndarray, beta: float, floor: float = 0.0) -> None:
    """One multiplicative update of F, in place, that does not raise the beta-divergence of X from F B'.

    Fevotte & Idier 2011, section 4.1; for beta = 2 and 1 the updates of Lee & Seung 2001. Coordinates are kept at least
    `floor` times the mean of their column.
    """
    exponent = 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1
    num, den = beta_gradient(X, F, B, beta)
    F[:] = np.maximum(floor * F.mean(axis=0), F * (num / den) ** exponent)


def kullback_leibler_sweep(X: np.ndarray, F: np.ndarray, B: np.ndarray) -> None:
    """One sweep of coordinate descent over F, in place, that does not raise the Kullback-Leibler divergence.

    Hsieh & Dhillon 2011 (doi:10.1145/2020408.2020577), algorithm 3, with safe steps. The derivative is concave and
    increasing, so Newton's step is safe if it is negative; otherwise the step is multiplicative.
    """
    V = F @ B.T
    for t in range(F.shape[1]):
        share = X / V
        slope, curvature = share @ B[:, t], (share / V) @ B[:, t] ** 2
        total = B[:, t].sum()
        newton = (slope - total) / np.where(curvature > 0, curvature, np.inf)
        change = np.where(slope < total, F[:, t] * (slope / total - 1), newton)
        F[:, t] += change
        V += np.outer(change, B[:, t])


def newton_rows(X: np.ndarray, F: np.ndarray, B: np.ndarray, beta: float, n_steps: int = 60) -> np.ndarray:
    """The F >= 0 that minimises the beta-divergence of X from F B', row by row, for 1 <= beta <= 2, from F > 0.

    Proximal Newton steps (Lee, Sun & Saunders 2014, doi:10.1137/130921428): the quadratic model of the loss at f is
    minimised over f >= 0 by coordinate descent, and a line search along the change halves it until the derivative at
    its end is <= 0. The loss is convex, so it has fallen then.
    """
    F = F.copy()
    for x, f in zip(X, F, strict=True):
        for _ in range(n_steps):
            V = np.maximum(f[None] @ B.T, 1e-100)
            num, den = beta_gradient(x[None], f[None], B, beta)
            curvature = (beta - 1) * V ** (beta - 2) + (2 - beta) * x * V ** (beta - 3)
            G = (B * curvature.T).T @ B
            target, slope = f.copy(), (den - num)[0]
            for _ in range(500):
                before = target.copy()
                for t in range(len(f)):
                    change = (max(0, target[t] - slope[t] / G[t, t]) if G[t, t] > 0 else 0) - target[t]
                    target[t] += change
                    slope += change * G[t]
                if np.abs(target - before).max() <= 1e-15 * target.max():
                    break
            step, share = target - f, 1.0
            if np.abs(step).max() <= 1e-14 * f.max():
                break
            while share > 1e-9 and _derivative_along(x, f + share * step, step, B, beta) > 0:
                share /= 2
            f += (share if share < 1 else 1) * step
    return F


def _derivative_along(x: np.ndarray, f: np.ndarray, step: np.ndarray, B: np.ndarray, beta: float) -> float:
    v = np.maximum(B @ f, 1e-200)
    return float(step @ B.T @ (v ** (beta - 1) - x * v ** (beta - 2)))


def mu(X: np.ndarray, W: np.ndarray, H: np.ndarray, n_iter: int, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """Plain multiplicative updates, as in textbooks: an iteration updates W, then H."""
    W, Ht = W.copy(), H.T.copy()
    for _ in range(n_iter):
        multiplicative_update(X, W, Ht, beta)
        multiplicative_update(X.T, Ht, W, beta)
    return W, Ht.T


def extrapolated_mu(
    X: np.ndarray, W: np.ndarray, H: np.ndarray, n_iter: int, beta: float
) -> tuple[np.ndarray, np.ndarray, list[float]]:
    """Multiplicative updates with safeguarded extrapolation, the default of `nmfcore.mu` for 1 <= beta < 2.

    Hien, Leplat & Gillis 2024 (arXiv:2401.06646), algorithm 1: both factors are extrapolated where they grew. Unlike in
    the paper, an iteration is accepted by the objective at the point where the next one starts, as in
    `extrapolated_hals`.
    """
    floor = float(np.finfo(np.float64).eps)
    best = W_old, Ht_old = W.copy(), H.T.copy()
    W, Ht = W.copy(), H.T.copy()
    values = [beta_divergence(X, W @ Ht.T, beta)]
    t, failures = 1.0, 0
    for _ in range(n_iter):
        t, before = (1 + math.sqrt(1 + 4 * t**2)) / 2, t
        weight = (before - 1) / t
        W_new, Ht_new = W.copy(), Ht.copy()
        multiplicative_update(X, W_new, Ht, beta, floor)
        W = W_new + weight * np.maximum(0, W_new - W_old)
        multiplicative_update(X.T, Ht_new, W, beta, floor)
        Ht = Ht_new + weight * np.maximum(0, Ht_new - Ht_old)
        value = beta_divergence(X, W @ Ht.T, beta)
        if value <= values[-1] * (1 + 1e-13):  # to round-off
            best, failures = (W.copy(), Ht.copy()), 0
            W_old, Ht_old = W_new, Ht_new
        else:
            t, failures = 1.0, failures + 1
            W_old, Ht_old = (W_new, Ht_new) if failures == 1 else best
            W, Ht = W_old.copy(), Ht_old.copy()
        values.append(min(value, values[-1]))
    return best[0], best[1].T, values


def nndsvd(X: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative double SVD (Boutsidis & Gallopoulos 2008, doi:10.1016/j.patcog.2007.09.010).

    The absolute values of the first singular pair; of each other pair the positive or the negative parts, whichever
    have the larger product of norms.
    """
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    W, H = np.zeros((X.shape[0], k)), np.zeros((k, X.shape[1]))
    W[:, 0], H[0] = math.sqrt(s[0]) * np.abs(U[:, 0]), math.sqrt(s[0]) * np.abs(Vt[0])
    for t in range(1, k):
        size = 0.0
        for sign in (1, -1):
            u, v = np.maximum(sign * U[:, t], 0), np.maximum(sign * Vt[t], 0)
            norm_u, norm_v = np.linalg.norm(u), np.linalg.norm(v)
            if norm_u * norm_v > size:
                size = norm_u * norm_v
                W[:, t], H[t] = math.sqrt(s[t] * size) * u / norm_u, math.sqrt(s[t] * size) * v / norm_v
    return W, H


def successive_projections(X: np.ndarray, k: int, normalize: bool = True) -> list[int]:
    """The successive projection algorithm on the rows of X (Araujo et al. 2001, doi:10.1016/S0169-7439(01)00119-8).

    With `normalize` each row is first divided by its sum. Take the row of largest norm, project all rows to its
    orthogonal complement, and repeat. If norms agree to half the digits of X, the first row is taken.
    """
    almost = 1 - math.sqrt(np.finfo(X.dtype).eps)
    R, rows = X.astype(np.float64), []
    if normalize:
        sums = R.sum(axis=1, keepdims=True)
        R = R / np.where(sums > 0, sums, 1)
    for _ in range(k):
        squares = np.sum(R**2, axis=1)
        rows.append(int(np.argmax(squares >= almost * squares.max())))
        u = R[rows[-1]] / math.sqrt(squares[rows[-1]])
        R = R - np.outer(R @ u, u)
    return rows


def filled(F: np.ndarray, value: float) -> np.ndarray:
    """Set the zeros of a factor to a value; mean(X) / sqrt(max(X)) turns nndsvd into nndsvda."""
    return np.where(F == 0, value, F)


def project_simplex(x: np.ndarray, total: float) -> np.ndarray:
    """The nearest f >= 0 with sum total (Held, Wolfe & Crowder 1974, doi:10.1007/BF01580223, by sorting)."""
    down = np.sort(x)[::-1]
    thresholds = (np.cumsum(down) - total) / np.arange(1, len(x) + 1)
    return np.maximum(0, x - thresholds[down > thresholds][-1])


def simplex_multiplicative_update(
    f: np.ndarray, num: np.ndarray, den: np.ndarray, powers: tuple[float, float], total: float
) -> np.ndarray:
    """One row of `nmfcore.solvers.simplex`: the multiplier by bisection."""
    a, b = powers

    def updated(mu: float) -> np.ndarray:
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            if a == 0:
                return np.where(num > 0, f * (num / (den + mu)) ** (-1 / b), 0)
            if b == 0:
                return f * (np.maximum(num - mu, 0) / den) ** (1 / a)
            root = np.sqrt(mu**2 + 4 * den * num)
            q = 2 * num / (mu + root) if mu > 0 else (root - mu) / (2 * den)
            return f * q ** (1 / max(a, -b))

    linear = (num == 0) & (f > 0) if a == 0 else np.zeros(len(f), bool)
    if linear.any():
        cheapest = np.argmin(np.where(linear, den, np.inf))
        supported = -den[(num > 0) & (f > 0)].min(initial=np.inf)
        if -den[cheapest] > supported and updated(-den[cheapest]).sum() < total:
            new = updated(-den[cheapest])
            new[cheapest] = total - new.sum()
            return new
    above = -den[(num > 0) & (f > 0)].min() if a == 0 else -1.0
    step = 1.0
    while a != 0 and updated(above).sum() < total:
        above, step = above - step, 2 * step
    below, step = max(above, 0.0) + 1.0, 1.0
    while updated(below).sum() > total:
        below, step = below + step, 2 * step
    for _ in range(300):
        middle = (above + below) / 2
        above, below = (middle, below) if updated(middle).sum() > total else (above, middle)
    new = updated(below)
    return new * (total / new.sum())


def project_hoyer(x: np.ndarray, level: float) -> np.ndarray:
    """The nearest f >= 0 of sparseness (sqrt(n) - ||f||_1 / ||f||_2) / (sqrt(n) - 1) = level, or 0.

    Hoyer 2004 (JMLR 5:1457-1469); exact by Theis, Stadlthanner & Tanaka 2005. u is the unit vector of that sparseness
    with the largest <x, u>, and <x, u> is the best norm. If equal entries of x cannot be equal in u, the first one is
    larger.
    """
    n = len(x)
    norm = math.sqrt(n) * (1 - level) + level  # ||u||_1
    square = norm**2 if level > 0 else n
    z, active = x - x.max(), np.ones(n, dtype=bool)
    while True:
        mean, count = z[active].mean(), active.sum()
        variance = np.mean((z[active] - mean) ** 2)
        if variance == 0 or count <= square:
            break
        threshold = mean - math.sqrt(square * variance / (count - square))
        if not np.any(z[active] <= threshold):
            break
        active &= z > threshold
    u = np.zeros(n)
    if variance > 0 and count > square:
        u[active] = z[active] - threshold
    else:
        u[active] = 1 - math.sqrt(max(0, count - square) / max(1, count - 1) / square)
        u[np.argmax(active)] += count - u.sum()
    u /= np.linalg.norm(u)
    return max(0.0, x @ u) * u


def component_sweep(G: np.ndarray, C: np.ndarray, F: np.ndarray, project: Callable[[np.ndarray], np.ndarray]) -> float:
    """One sweep over the components of F, in place: each becomes the projection of its minimiser.

    Potluru et al. 2013 (arXiv:1301.3527), algorithm 2, for a set that is given by its projection. Returns sum_t G_tt
    ||change of F_t||^2.
    """
    moved = 0.0
    for t in range(F.shape[1]):
        new = project((C[:, t] - F @ G[:, t] + F[:, t] * G[t, t]) / G[t, t])
        moved += G[t, t] * np.sum((new - F[:, t]) ** 2)
        F[:, t] = new
    return moved


def projected_steps(
    G: np.ndarray, C: np.ndarray, F: np.ndarray, bound: float, project: Callable[[np.ndarray], np.ndarray], steps: int
) -> float:
    """Accelerated projected gradient steps of each row of F, in place.

    The weights are those of Nesterov, restarted if the quadratic increases (O'Donoghue & Candes 2015,
    doi:10.1007/s10208-013-9150-3). bound is an upper bound of the eigenvalues of G. Returns bound times the squared
    first step.
    """
    moved = 0.0
    for f, c in zip(F, C, strict=True):

        def value(f: np.ndarray, c: np.ndarray = c) -> float:
            return float(0.5 * f @ G @ f - c @ f)

        y, accepted = f.copy(), 0
        for step in range(steps):
            new = project(y - (G @ y - c) / bound)
            if step == 0:
                moved += bound * np.sum((new - f) ** 2)
            if accepted <= 1 or value(new) <= value(f):
                y = new + accepted / (accepted + 3) * (new - f)
                accepted += 1
                f[:] = new
            else:
                y, accepted = f.copy(), 0
    return moved


def fingerprint(X: np.ndarray) -> int:
    """The sum modulo 2^64 of a number for each entry of X that is not 0, which depends on its place and all its bits.

    The mixing is the finalizer of SplitMix64 (Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195).
    """

    def mix(z: np.ndarray) -> np.ndarray:
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))

    places = np.arange(1, X.size + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    entries = np.ascontiguousarray(X, np.float64).ravel()
    numbers = mix(mix(places) + entries.view(np.uint64))
    return int(np.sum(numbers[entries != 0], dtype=np.uint64))
