"""Whole fits by several libraries, from the same start to the same objective: where scikit-learn stops by its own rule.

    pytest bench/test_fits.py --benchmark-group-by=group --benchmark-json=fits.json
    python bench/table.py fits.json

A group is a problem. `extra_info` holds the objective as a share of that one, the iterations, and the ratio of
scikit-learn's median time to the one of this library. nmf-rs takes part where it is installed (pip install nmf-rs).
NumPy computes nothing but the products with X of the iterations that nmfcore takes.
"""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import non_negative_factorization
from threadpoolctl import threadpool_limits

import nmfcore
from nmfcore._runtime import threads

NEAR = 1 + 1e-6  # objectives this close are the same
MAX_ITER = 200  # of scikit-learn, its default
STEPS = (25, 50, 100, 200, 400, 800)  # iterations tried of a library without a history
SETTLE_SECONDS = 0.3  # for which the idle threads of a BLAS go on spinning
ROUNDS = 3
PATIENCE_SECONDS = 2.0  # a longer fit is not tried with more iterations

KL = "kullback-leibler"


def planted(m: int, n: int, k: int, noise: float = 0.1) -> np.ndarray:
    """A product of two factors with gamma entries, and uniform noise."""
    rng = np.random.default_rng(0)
    X = rng.gamma(0.5, size=(m, k)) @ rng.gamma(0.5, size=(k, n))
    return X + noise * X.mean() * rng.random((m, n))


def counts(m: int, n: int, k: int, level: float) -> np.ndarray:
    """Poisson counts of k profiles; level: their mean."""
    rng = np.random.default_rng(0)
    mean = rng.gamma(0.5, size=(m, k)) @ rng.dirichlet(np.full(n, 0.3), k)
    return rng.poisson(level * mean / mean.mean()).astype(float)


PROBLEMS: dict[str, tuple[Callable[[], Any], int, str]] = {
    "small: 20 x 10": (lambda: planted(20, 10, 2), 2, "frobenius"),
    "small: iris": (lambda: load_iris().data, 2, "frobenius"),
    "small: 200 x 50": (lambda: planted(200, 50, 5), 5, "frobenius"),
    "medium: digits": (lambda: load_digits().data, 10, "frobenius"),
    "medium: 2000 x 1000": (lambda: planted(2000, 1000, 20), 20, "frobenius"),
    "large: 3000 x 3000": (lambda: planted(3000, 3000, 20), 20, "frobenius"),
    "sparse: 5000 x 3000, 2 %": (lambda: sp.csr_array(counts(5000, 3000, 20, 0.02)), 20, "frobenius"),
    "counts: 96 x 200": (lambda: counts(96, 200, 5, 20.0), 5, KL),
    "counts: 2000 x 500": (lambda: counts(2000, 500, 10, 3.0), 10, KL),
}


@dataclass
class Race:
    """A problem, its start, and what scikit-learn reaches from there."""

    X: Any
    k: int
    loss: str
    start: tuple[np.ndarray, np.ndarray]
    n_threads: int
    target: float = np.inf
    iterations: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def objective(self, W: np.ndarray, H: np.ndarray) -> float:
        """The objective of factors, evaluated by the same code for all libraries."""
        return nmfcore.nmf(self.X, self.k, loss=self.loss, init=(W, H), max_iter=0).objective


def of_scikit_learn(race: Race, max_iter: int = MAX_ITER, tol: float = 1e-4) -> tuple[np.ndarray, np.ndarray, int]:
    """scikit-learn's factors and iterations."""
    W, H = (F.copy() for F in race.start)  # it updates them in place
    solver = "cd" if race.loss == "frobenius" else "mu"
    with warnings.catch_warnings(), threadpool_limits(race.n_threads):
        warnings.simplefilter("ignore")
        return non_negative_factorization(
            race.X,
            W,
            H,
            n_components=race.k,
            init="custom",
            solver=solver,
            beta_loss=race.loss,
            max_iter=max_iter,
            tol=tol,
        )


def of_nmfcore(race: Race) -> tuple[np.ndarray, np.ndarray, int]:
    """The factors and iterations of as many iterations as the objective takes."""

    def fit(max_iter: int) -> nmfcore.Result:
        options = {"init": race.start, "tol": 0, "max_iter": max_iter, "n_threads": race.n_threads}
        return nmfcore.nmf(race.X, race.k, loss=race.loss, **options)

    if "nmfcore" not in race.iterations:
        reached = np.flatnonzero(fit(2 * MAX_ITER).history.objective <= race.target * NEAR)
        race.iterations["nmfcore"] = int(reached[0]) if len(reached) else 2 * MAX_ITER
    result = fit(max(1, race.iterations["nmfcore"]))
    return result.W, result.H, result.n_iter


def of_nmf_rs(race: Race) -> tuple[np.ndarray, np.ndarray, int]:
    """The factors and iterations of the fewest `STEPS` that reach the objective."""
    nmf_rs = pytest.importorskip("nmf_rs")
    if sp.issparse(race.X):
        pytest.skip("nmf-rs has no sparse X")
    method = "ehals" if race.loss == "frobenius" else "brunet"

    def fit(max_iter: int) -> tuple[np.ndarray, np.ndarray, int]:
        W0, H0 = (F.copy() for F in race.start)
        found = nmf_rs.nmf(race.X, race.k, method, W0=W0, H0=H0, max_iter=max_iter, num_threads=race.n_threads)
        return np.asarray(found.W), np.asarray(found.H), max_iter

    for n in STEPS if "nmf-rs" not in race.iterations else ():
        race.iterations["nmf-rs"], begin = n, time.perf_counter()
        if race.objective(*fit(n)[:2]) <= race.target * NEAR or time.perf_counter() - begin > PATIENCE_SECONDS:
            break
    return fit(race.iterations["nmf-rs"])


def of_numpy(race: Race) -> tuple[np.ndarray, np.ndarray, int]:
    """The products with X of the iterations of nmfcore, and nothing else."""
    if sp.issparse(race.X) or race.loss != "frobenius":
        pytest.skip("these products are not those of NumPy")
    W, H = race.start
    with threadpool_limits(race.n_threads):
        for _ in range(race.iterations["nmfcore"]):
            race.X @ H.T, race.X.T @ W
    return W, H, race.iterations["nmfcore"]


LIBRARIES = {"scikit-learn": of_scikit_learn, "nmfcore": of_nmfcore, "nmf-rs": of_nmf_rs, "products by NumPy": of_numpy}


@pytest.fixture(scope="module", params=PROBLEMS)
def race(request):
    make, k, loss = PROBLEMS[request.param]
    X, n_threads = make(), threads.thread_count(None)
    start = tuple(nmfcore.nmf(X, k, loss=loss, init="random", random_state=0, max_iter=0))
    found = Race(X, k, loss, start, n_threads)
    found.target = found.objective(*of_scikit_learn(found)[:2])
    return request.param, found


@pytest.mark.parametrize("library", LIBRARIES)
def test_fit(benchmark, race, library):
    name, race = race
    benchmark.group = name
    fit = LIBRARIES[library]
    if library == "products by NumPy":
        of_nmfcore(race)
    W, H, n_iter = fit(race)
    time.sleep(SETTLE_SECONDS)
    benchmark.pedantic(fit, (race,), rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info |= {"library": library, "shape": list(race.X.shape), "k": race.k, "loss": race.loss}
    benchmark.extra_info |= {"iterations": int(n_iter), "n_threads": race.n_threads}
    if library != "products by NumPy":
        benchmark.extra_info["objective"] = race.objective(W, H) / race.target
    if benchmark.stats is not None:  # None with --benchmark-disable
        race.seconds[library] = benchmark.stats.stats.median
        if "scikit-learn" in race.seconds:
            benchmark.extra_info["ratio"] = race.seconds["scikit-learn"] / race.seconds[library]
