"""Random arguments: matrices of every storage, dtype and scale, and the options of the fits."""

import numpy as np
import scipy.sparse as sp

import nmfcore
from nmfcore import losses, penalties

EXPONENTS = {  # of the scale of X: to the ends of the dtype
    np.float64: (0, 0, 0, 30, -30, 300, -300, 900, -900, -1040),
    np.float32: (0, 0, 0, 20, -20, 90, -100, -130),
}
DENSE = ("C", "F", "strided", "read-only", "list", "masked")
SPARSE = ("csr", "csc", "coo", "unsorted", "duplicates")
LOSSES = {
    "frobenius": 2,
    "kullback-leibler": 1,
    "itakura-saito": 0,
    "l1": "l1",
    1.5: 1.5,
    0.5: 0.5,
    3: 3,
    -1: -1,
}


class Draw:
    """The random numbers of one call, which its seed and its number decide."""

    def __init__(self, seed, number):
        self.rng = np.random.default_rng([seed, number])
        self.said = {}  # what was drawn, for the report of a finding

    def chance(self, p):
        return bool(self.rng.random() < p)

    def choose(self, *values):
        return values[self.rng.integers(len(values))]

    def note(self, **values):
        self.said |= values

    def shape(self, most=40):
        """Small, often with one row or one column; now and then large enough for several tasks."""
        if self.chance(0.03):
            return int(self.rng.integers(500, 900)), int(self.rng.integers(2, 30))
        sizes = [1 if self.chance(0.08) else int(self.rng.integers(2, most)) for _ in range(2)]
        return sizes[0], sizes[1]

    def exponent(self, dtype):
        return self.choose(*EXPONENTS[dtype])

    def values(self, shape, dtype, zeros=None, signed=False, exponent=0):
        """A matrix near one of low rank, with zeros, and perhaps with empty rows and columns."""
        m, n = shape
        k = int(self.rng.integers(1, 5))
        X = self.rng.gamma(0.7, size=(m, k)) @ self.rng.gamma(0.7, size=(k, n)) * self.rng.gamma(5.0, 0.2, shape) + 1e-3
        if self.chance(0.2):
            X = self.rng.poisson(3 * X).astype(float)
        if signed:
            X -= X.mean()
        if zeros:
            X[self.rng.random(shape) < zeros] = 0
            if self.chance(0.3):
                X[self.rng.integers(m)] = 0
            if self.chance(0.3):
                X[:, self.rng.integers(n)] = 0
            if self.chance(0.03):
                X[:] = 0
        with np.errstate(all="ignore"):
            return np.ldexp(X, exponent).astype(dtype)

    def store(self, X, sparse=True, masked=False):
        """The same matrix in some storage, and the arrays that the call must not change."""
        kinds = DENSE[:5] + (DENSE[5:] if masked else ()) + (SPARSE if sparse else ())
        kind = self.choose(*kinds)
        self.note(storage=kind)
        match kind:
            case "F":
                A = np.asfortranarray(X)
            case "strided":
                A = np.zeros((2 * X.shape[0], 3 * X.shape[1]), X.dtype)[::2, ::3]
                A[:] = X
            case "read-only":
                A = X.copy()
                A.flags.writeable = False
            case "list":
                return (X.tolist(), []) if X.dtype == np.float64 else (X, [X])
            case "masked":
                A = np.ma.masked_array(X, mask=self.rng.random(X.shape) < 0.1)
            case "C":
                A = X.copy()
            case _:
                return self._sparse(X, kind)
        return A, [A]

    def _sparse(self, X, kind):
        if kind in ("coo", "duplicates"):
            rows, columns = np.nonzero(X)
            values = X[rows, columns]
            if kind == "duplicates":
                rows, columns = np.tile(rows, 2), np.tile(columns, 2)
                exact = len(values) and abs(values).min() > 4 * np.finfo(X.dtype).tiny  # halves of subnormals are not
                values = np.tile(values / 2, 2) if exact else np.append(values, 0 * values)
            A = sp.coo_array((values, (rows, columns)), shape=X.shape)
            return A, [A.data, *A.coords]
        A = sp.csc_array(X) if kind == "csc" else sp.csr_array(X)
        if kind == "unsorted":
            for i in range(X.shape[0]):
                part = slice(A.indptr[i], A.indptr[i + 1])
                A.indices[part], A.data[part] = A.indices[part][::-1].copy(), A.data[part][::-1].copy()
            A = sp.csr_array((A.data, A.indices, A.indptr), shape=X.shape)
        return A, [A.data, A.indices, A.indptr]

    def loss(self):
        """A loss as an argument, and as the oracle knows it."""
        if self.chance(0.4):
            return "frobenius", 2
        kind = self.choose(*LOSSES, "huber", "l21", "object")
        if kind == "huber":
            delta = self.choose(0.05, 0.5, 5.0)
            return losses.Huber(delta), ("huber", delta)
        if kind == "l21":
            return self.choose(("l21", ("l21", 1e-3)), (losses.L21(0.1), ("l21", 0.1)))
        if kind == "object":
            beta = float(self.choose(0.7, 1.3, 2.5))
            return losses.BetaDivergence(beta), beta
        return kind, LOSSES[kind]

    def penalty(self, shape, side):
        """A penalty as an argument, and as the oracle knows it."""
        kind = self.choose("L1", "L2", "Group", "Orthogonality", "Smooth", "Box", "SumToOne", "Hoyer")
        strength = self.choose(0.0, 1e-3, 0.1, 3.0)
        match kind:
            case "Box":
                return penalties.Box(0, self.choose(0.5, 2.0, np.inf)), (kind, 0)
            case "SumToOne":
                return penalties.SumToOne(axis=self.choose(0, 1)), (kind, 0)
            case "Hoyer":
                return penalties.Hoyer(self.choose(0.2, 0.7), axis=0 if side == "W" else 1), (kind, 0)
        return getattr(penalties, kind)(strength), (kind, strength)

    def options(self):
        """Options that every loss has."""
        drawn = {
            "max_iter": self.choose(0, 1, 2, 5, 30),
            "tol": self.choose(0, 1e-4, 1e-2),
            "n_threads": self.choose(1, 2, None),
            "random_state": int(self.rng.integers(1000)),
        }
        return drawn

    def fixed(self, shape):
        """Values of a factor, of which some or all are known."""
        F = self.rng.gamma(1.0, size=shape) + 0.05
        if self.chance(0.3):
            return F
        F[self.rng.random(shape) < self.choose(0.5, 0.9)] = np.nan
        return F

    def init(self, m, n, k):
        kind = self.choose("random", "auto", "nndsvda", "nndsvd", "nndsvdar", "spa", "given", "given")
        self.note(init=kind)
        if kind == "given":
            return self.rng.random((m, k)) + 0.05, self.rng.random((k, n)) + 0.05
        return kind

    def mistake(self, m, n):
        """Arguments of which one is wrong."""
        X = self.rng.random((m, n))
        wrong = self.choose(
            "nan", "inf", "negative", "k", "text", "3-D", "empty", "max_iter", "init", "complex", "n_threads"
        )
        arguments = {"X": X, "k": 1}
        match wrong:
            case "nan" | "inf" | "negative":
                X[self.rng.integers(m), self.rng.integers(n)] = {"nan": np.nan, "inf": np.inf, "negative": -1.0}[wrong]
            case "k":
                arguments["k"] = self.choose(0, -1, 2.5, "3", None, 2**40, True)
            case "text":
                arguments["X"] = [["a", "b"]]
            case "3-D":
                arguments["X"] = X[None]
            case "empty":
                arguments["X"] = X[:0]
            case "complex":
                arguments["X"] = X + 1j
            case "max_iter":
                arguments["max_iter"] = self.choose(-1, 2.5, "1", None)
            case "n_threads":
                arguments["n_threads"] = self.choose(0, 2**40, -(2**40), "two")
            case "init":
                arguments["init"] = self.choose("svd", (X, X, X), (X[:0], X), 3.5)
        self.note(mistake=wrong)
        return arguments


OWN_ERRORS = (nmfcore.InputError, nmfcore.InputTypeError)
