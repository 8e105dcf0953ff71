"""W for many new samples under a fitted model, beside scikit-learn's `transform`, in turn, medians.

python bench/transform.py [FILE.npz]   # a SciPy matrix, whose rows are repeated; else generated counts
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

import nmfcore

K, SAMPLES, REPEATS = 20, 100_000, 3
SETTLE_SECONDS = 0.3  # for which the idle threads of a BLAS go on spinning on the processors that nmfcore wants


def counts() -> sp.csr_array:
    """Generated word counts, about 50 entries a row."""
    rng = np.random.default_rng(0)
    topics, shares = rng.dirichlet(np.full(10_000, 0.05), K), rng.dirichlet(np.full(K, 0.2), 5000)
    return sp.csr_array(np.stack([rng.multinomial(60, row) for row in shares @ topics]).astype(float))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path)
    file = parser.parse_args().file
    X = sp.csr_array(sp.load_npz(file)).astype(float) if file else counts()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of parts that need not be the best ones
        model = NMF(K, init="nndsvda", random_state=0, max_iter=50).fit(X)
    many = sp.vstack([X] * -(-SAMPLES // X.shape[0])).tocsr()[:SAMPLES]
    H, seconds, values = model.components_, {"scikit-learn": [], "nmfcore": []}, {}
    for _ in range(REPEATS):
        for name, run in (("scikit-learn", model.transform), ("nmfcore", lambda X: nmfcore.transform(X, H))):
            time.sleep(SETTLE_SECONDS)
            clock = time.perf_counter()
            W = run(many)
            seconds[name].append(time.perf_counter() - clock)
            values[name] = 0.5 * np.sum((W.T @ W) * (H @ H.T)) - np.sum((many @ H.T) * W)
    peer, own = (float(np.median(seconds[name])) for name in seconds)
    print(f"{many.shape[0]} rows, {many.nnz} entries, k = {K}: {peer:.2f} s, {own:.2f} s, {peer / own:.1f} x")
    print(f"objective less 1/2 ||X||^2: {values['scikit-learn']:.10g}, {values['nmfcore']:.10g}")


if __name__ == "__main__":
    main()
