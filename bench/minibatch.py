"""`nmfcore.sklearn.MiniBatchNMF` beside scikit-learn's class, from the same start with the same parameters, in turn.

python bench/minibatch.py [--loss LOSS] [-k K] [--cpu] [FILE.npz ...]   # without a file generated word counts

--cpu counts the processor time of one thread, which other processes change less than the time that passes.
"""

import argparse
import os
import time
from pathlib import Path

PASSES, REPEATS = 3, 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--loss", default="kullback-leibler")
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--cpu", action="store_true")
    options = parser.parse_args()
    if options.cpu:  # before NumPy is loaded
        os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    for file in options.files or [None]:
        compare(file, options.loss, options.k, time.process_time if options.cpu else time.perf_counter)


def compare(file: Path | None, loss: str, k: int, clock: object) -> None:
    """Fits of a few passes, and what they end at."""
    import numpy as np
    from losses import read
    from sklearn.decomposition import MiniBatchNMF as Peer
    from transform import SETTLE_SECONDS, counts

    from nmfcore.sklearn import MiniBatchNMF

    X = counts() if file is None else read(file)
    rng, scale = np.random.default_rng(0), np.sqrt(X.mean() / k)
    W, H = (scale * np.abs(rng.standard_normal(shape)) for shape in ((X.shape[0], k), (k, X.shape[1])))
    seconds, errors = {Peer: [], MiniBatchNMF: []}, {}
    for _ in range(REPEATS):
        for kind in seconds:
            model = kind(k, init="custom", beta_loss=loss, max_iter=PASSES, tol=0, max_no_improvement=None)
            W0, H0 = W.copy(), H.copy()
            time.sleep(SETTLE_SECONDS)
            start = clock()
            model.fit(X, W=W0, H=H0)
            seconds[kind].append((clock() - start) / model.n_steps_)
            errors[kind] = model.reconstruction_err_
    peer, own = (1e3 * float(np.median(times)) for times in seconds.values())
    name = "generated counts" if file is None else file.stem
    print(f"{name}, {X.shape[0]} x {X.shape[1]}, {loss}, k = {k}: {peer:.1f} ms a batch, {own:.1f} ms, ", end="")
    print(f"{peer / own:.1f} x; errors {errors[Peer]:.10g}, {errors[MiniBatchNMF]:.10g}", flush=True)


if __name__ == "__main__":
    main()
