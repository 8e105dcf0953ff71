"""cNMF (Kotliar et al. 2019): the time of its step `factorize` with scikit-learn's NMF and with nmfcore in its place.

The counts are simulated as those of its tutorial are: 2500 cells, 10 000 genes, six programs of cell types and one
activity in three of them, 5 % doublets, drawn as by Splat (Zappia, Phipson & Oshlack 2017, 10.1186/s13059-017-1305-0),
genes in more than 1 of 200 cells; then 2000 variable genes and everything else by cNMF's defaults. Wants
`pip install ".[integration]"`.
"""

import argparse
import io
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from contextlib import nullcontext, redirect_stdout
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.optimize import linear_sum_assignment

import nmfcore

os.environ.setdefault("MPLBACKEND", "agg")
sys.path[:] = [place for place in sys.path if Path(place).resolve() != Path(__file__).resolve().parent]  # is no cnmf

TYPES, CARRIERS = 6, 3  # types of cells; those of them in which some cells carry the activity
K = TYPES + 1
DOUBLETS, CARRYING = 0.05, 0.35
BACKENDS = {"scikit-learn": nullcontext, "nmfcore": nmfcore.patch_sklearn}


def programs(genes: int, rng: np.random.Generator) -> np.ndarray:
    """(K x genes) mean expression in each type of cells and, last, of the activity; rows sum to 1."""
    base = rng.gamma(0.34, 1 / 7.68, genes)
    outliers = rng.random(genes) < 0.00286
    base[outliers] = np.median(base) * rng.lognormal(6.15, 0.49, outliers.sum())
    folds = np.maximum(rng.lognormal(1.5, 1.0, (K, genes)), 1)
    differs = rng.random((K, genes)) < 0.025
    differs[-1] = np.isin(np.arange(genes), rng.choice(genes, min(400, genes // 2), replace=False))
    means = base * np.where(differs, folds, 1)
    return means / means.sum(axis=1, keepdims=True)


def simulated(cells: int, genes: int, seed: int) -> sp.csr_array:
    """Counts, cells x genes."""
    rng = np.random.default_rng(seed)
    means, kind = programs(genes, rng), rng.integers(TYPES, size=cells)
    usage = np.where((kind < CARRIERS) & (rng.random(cells) < CARRYING), rng.uniform(0.1, 0.7, cells), 0)
    shares = np.zeros((cells, K))
    shares[np.arange(cells), kind], shares[:, -1] = 1 - usage, usage
    doublets = rng.random(cells) < DOUBLETS
    shares[doublets] = (shares[doublets] + shares[rng.integers(cells, size=doublets.sum())]) / 2
    sizes = rng.lognormal(7.64, 0.78, cells)
    blocks = []
    for rows in np.array_split(np.arange(cells), max(1, cells // 250)):
        mean = np.maximum(sizes[rows, None] * (shares[rows] @ means), 1e-12)
        variation = (0.448 + 1 / np.sqrt(mean)) * np.sqrt(22.087 / rng.chisquare(22.087, genes))
        blocks.append(sp.csr_array(rng.poisson(rng.gamma(variation**-2, mean * variation**2))))
    return sp.vstack(blocks, format="csr").astype(np.float64)


def write_counts(path: Path, cells: int, genes: int, seed: int) -> None:
    """Simulate, drop rare genes and empty cells, and write an AnnData file."""
    import anndata

    X = simulated(cells, genes, seed)
    X = X[:, np.flatnonzero(np.bincount(X.indices, minlength=genes) > 0.005 * cells)]
    X = X[np.flatnonzero(X.sum(axis=1))]
    print(f"{X.shape[0]} cells x {X.shape[1]} genes, {X.nnz / np.prod(X.shape):.1%} stored", flush=True)
    anndata.AnnData(sp.csr_matrix(X)).write_h5ad(path)


def analysed(counts: Path, options: argparse.Namespace) -> tuple[dict[str, list[float]], dict[str, np.ndarray]]:
    """Of each backend the seconds of `factorize`, interleaved, and the consensus spectra."""
    from cnmf import cNMF, load_df_from_npz

    seconds = {name: [] for name in BACKENDS}
    spectra = {}
    for _ in range(options.repeats):
        for name, backend in BACKENDS.items():
            folder = tempfile.mkdtemp(dir=counts.parent)
            run = cNMF(output_dir=folder, name=name)
            run.prepare(str(counts), [K], n_iter=options.replicates, seed=14, num_highvar_genes=options.variable)
            with backend():
                start = time.perf_counter()
                run.factorize()
                seconds[name].append(time.perf_counter() - start)
                if name not in spectra:
                    run.combine()
                    run.consensus(K, density_threshold=options.density, show_clustering=False)
                    threshold = str(options.density).replace(".", "_")
                    spectra[name] = load_df_from_npz(run.paths["consensus_spectra"] % (K, threshold)).to_numpy()
    return seconds, spectra


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """The cosines of the rows of two matrices, paired so that they are largest in sum."""
    ours, theirs = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (ours, theirs))
    products = theirs @ ours.T
    return products[linear_sum_assignment(products, maximize=True)]


def main() -> None:
    """Simulate, analyse, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=2500)
    parser.add_argument("--genes", type=int, default=10_000)
    parser.add_argument("--variable", type=int, default=2000, help="variable genes that are factorized")
    parser.add_argument("--replicates", type=int, default=20)
    parser.add_argument("--density", type=float, default=0.5, help="density_threshold of the consensus")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=14)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # those of scanpy and anndata; what a fit warns of is not asked here
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / "counts.h5ad"
        write_counts(counts, options.cells, options.genes, options.seed)
        with redirect_stdout(io.StringIO()):
            seconds, spectra = analysed(counts, options)
    theirs, ours = (statistics.median(seconds[name]) for name in BACKENDS)
    print(f"factorize, {options.replicates} replicates, k = {K}, medians of {options.repeats}: ", end="")
    print(f"scikit-learn {theirs:.2f} s, nmfcore {ours:.2f} s, {theirs / ours:.1f} x faster")
    print("cosines of the consensus spectra:", *(f"{cosine:.5f}" for cosine in sorted(cosines(*spectra.values()))))


if __name__ == "__main__":
    main()
