"""The relatives of NMF beside scikit-learn's k-means and spectral clustering: seconds, and how good the clusters are.

Rows (of norm 1) are clustered by `orthogonal`, `projective`, `hierarchical` and k-means; a graph of their nearest
neighbours by `symmetric` and spectral clustering. Quality is the mutual information with the labels, where there are
any, and for rows the relative error that one direction for each cluster leaves. On generated documents and a generated
graph, or on files: .npz with an array (and labels `y`), or a SciPy sparse matrix.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.metrics import normalized_mutual_info_score
from sklearn.neighbors import kneighbors_graph
from sklearn.preprocessing import normalize

import nmfcore
from nmfcore._runtime import threads

NEIGHBOURS = 10


class Problem(NamedTuple):
    """What is clustered: rows, or a graph, and the labels if they are known."""

    rows: Any
    graph: Any
    y: np.ndarray | None
    k: int


def documents(m: int, n: int, k: int) -> Problem:
    """Counts of words, each document of one topic and a tenth of others."""
    rng = np.random.default_rng(0)
    topics = rng.dirichlet(np.full(n, 0.05), k)
    y = rng.integers(0, k, m)
    shares = 0.9 * np.eye(k)[y] + 0.1 * rng.dirichlet(np.full(k, 0.2), m)
    X = rng.poisson(100 * rng.lognormal(0, 0.5, (m, 1)) * (shares @ topics))
    return of_rows(sp.csr_array(X.astype(float)), y, k)


def planted_graph(size: int, k: int, degree: int, outside: float) -> Problem:
    """A graph with k blocks of a size, each node having so many neighbours, and this share of them anywhere."""
    rng, n = np.random.default_rng(0), size * k
    y = np.repeat(np.arange(k), size)
    ends = size * y[:, None] + rng.integers(0, size, (n, degree))
    ends = np.where(rng.random(ends.shape) < outside, rng.integers(0, n, ends.shape), ends)
    A = sp.csr_array((np.ones(n * degree), (np.repeat(np.arange(n), degree), ends.ravel())), shape=(n, n))
    return Problem(None, without_degrees(A), y, k)


def without_degrees(A: Any) -> Any:
    """A graph of either direction of A, degrees divided out."""
    A = ((A + A.T) > 0).astype(float)
    scale = sp.diags_array(1 / np.sqrt(np.maximum(np.asarray(A.sum(axis=0)).ravel(), 1)))
    A = sp.csr_array(scale @ A @ scale)
    A.indices, A.indptr = A.indices.astype(np.int32), A.indptr.astype(np.int32)  # all that scikit-learn takes
    return A


def of_rows(X: Any, y: np.ndarray | None, k: int) -> Problem:
    """Rows of norm 1, without those of zeros, and the graph of their neighbours."""
    kept = np.flatnonzero(np.asarray(X.sum(axis=1)).ravel() > 0)
    rows = normalize(X[kept])
    return Problem(rows, without_degrees(kneighbors_graph(rows, NEIGHBOURS)), None if y is None else y[kept], k)


def read(path: Path, k: int) -> Problem:
    """A file of either kind."""
    with np.load(path) as arrays:
        if "format" in arrays.files:
            return of_rows(sp.csr_array(sp.load_npz(path).astype(float)), None, k)
        return of_rows(arrays[arrays.files[0]].astype(float), arrays["y"] if "y" in arrays.files else None, k)


def error(X: Any, labels: np.ndarray) -> float:
    """What one direction for each cluster leaves of the rows, relative to them."""
    parts = (X[labels == t] for t in np.unique(labels))
    explained = sum(nmfcore.svd(part, 1, random_state=0)[1][0] ** 2 for part in parts)
    return max(0.0, 1 - explained / float((X.multiply(X) if sp.issparse(X) else X * X).sum())) ** 0.5


def report(name: str, problem: Problem, threads: int) -> None:
    """Print the rows of a problem."""
    X, S, y, k = problem
    options: dict[str, Any] = {"random_state": 0, "n_threads": threads}
    calls: dict[str, Callable[[], np.ndarray]] = {}
    if X is not None:
        calls = {
            "orthogonal": lambda: nmfcore.orthogonal(X, k, **options).labels,
            "projective": lambda: nmfcore.projective(X, k, **options).labels,
            "hierarchical": lambda: nmfcore.hierarchical(X, k, **options).labels,
            "k-means": lambda: KMeans(k, n_init=5, random_state=0).fit_predict(X),
        }
    calls["symmetric"] = lambda: nmfcore.symmetric(S, k, **options).labels
    calls["spectral"] = lambda: SpectralClustering(k, affinity="precomputed", random_state=0).fit_predict(S)
    for method, call in calls.items():
        start = time.perf_counter()
        labels = call()
        seconds = time.perf_counter() - start
        agreement = "" if y is None else f"{normalized_mutual_info_score(y, labels):.3f}"
        left = "" if X is None else f"{error(X, labels):.4f}"
        print(f"| {name}, k = {k} | {method} | {seconds:.2f} s | {agreement} | {left} |", flush=True)


def main() -> None:
    """Generated data, or files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=threads.available_processors())
    options = parser.parse_args()
    problems = {path.stem: read(path, options.k) for path in options.files} or {
        "documents": documents(3000, 4000, options.k),
        "graph": planted_graph(500, options.k, 15, 0.5),
    }
    print("| data | method | time | information shared with labels | error |\n|---|---|---|---|---|")
    for name, problem in problems.items():
        report(name, problem, options.threads)


if __name__ == "__main__":
    main()
