"""`NMF(n_components=40).fit_transform(X)`, all else by default, beside scikit-learn's own, in turn, medians.

python bench/scikit_learn.py FILE.npz|FILE.npy [-k 40] [--repeats 3] [--solver mu --loss kullback-leibler]

FILE holds a SciPy matrix or an array; of an .npz with several arrays the first matrix is taken.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import sklearn
import sklearn.decomposition
from sklearn.exceptions import ConvergenceWarning

import nmfcore.sklearn

SETTLE_SECONDS = 0.3  # for which the idle threads of a BLAS go on spinning on the processors that nmfcore wants


def load(file: Path) -> np.ndarray | sp.csr_array:
    """The matrix in a file, as float64."""
    found = np.load(file)
    if isinstance(found, np.ndarray):
        return found.astype(float)
    if "format" in found:
        return sp.csr_array(sp.load_npz(file)).astype(float)
    return next(found[name] for name in found if found[name].ndim == 2).astype(float)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("-k", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--solver", default="cd")
    parser.add_argument("--loss", default="frobenius")
    options = parser.parse_args()
    X = load(options.file)
    peers = {"scikit-learn": sklearn.decomposition.NMF, "nmfcore": nmfcore.sklearn.NMF}
    seconds, models = {name: [] for name in peers}, {}
    for repeat in range(options.repeats):
        for name, kind in peers.items():
            models[name] = kind(options.k, solver=options.solver, beta_loss=options.loss, random_state=repeat)
            time.sleep(SETTLE_SECONDS)
            clock = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                models[name].fit_transform(X)
            seconds[name].append(time.perf_counter() - clock)
    print(f"{options.file.stem}: {X.shape[0]} x {X.shape[1]}, k = {options.k}, scikit-learn {sklearn.__version__}")
    for name, model in models.items():
        print(
            f"{name:13s} {np.median(seconds[name]):8.3f} s  {model.n_iter_:4d} iterations  "
            f"objective {model.reconstruction_err_**2 / 2:.8g}"
        )
    times, errors = (
        [f(name) for name in peers] for f in (lambda n: np.median(seconds[n]), lambda n: models[n].reconstruction_err_)
    )
    print(f"{times[0] / times[1]:.1f} x faster, objective {100 * ((errors[1] / errors[0]) ** 2 - 1):+.2f} %")


if __name__ == "__main__":
    main()
