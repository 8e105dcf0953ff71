"""The results of a few hundred small fits, recorded and compared to the bit.

    python tests/same_bits.py record FILE.json
    python tests/same_bits.py compare FILE.json [--messages] [--only WORD]

What is to change no result, such as moving code, is recorded before and compared after. Each case calls what is public
of `nmfcore` on generated data, most of it a fit of a matrix of 10 to 200 rows; all of what comes back is kept: a digest
(SHA-256), dtype, shape and memory order of each array, and numbers as they are written, which is to the bit, too. Of
each array there are also a norm and a sum that knows the place of each entry, by which a difference has a size.

Parameters
----------
action : {"record", "compare"}
    Write the file, or compute all of it anew and list the cases that differ: which fields, and how far they are apart
    as a share of what they were.
FILE.json : path
    The record.
--messages
    Compare texts, too: messages of errors, `Result.options`, the sentence of `RankChoice.why`.
--only WORD
    Take the cases whose names contain it.

Notes
-----
The exit status is 1 where a case differs, or where one that is to be recorded fails. Bits are those of one machine and
of one NumPy, SciPy and BLAS: the record says which, and a comparison says where they are others. Numbers of threads and
what else the machine does change none. Needs ``pip install "nmfcore[sklearn,frames]"``; takes less than a minute.
"""

import argparse
import contextlib
import dataclasses
import hashlib
import importlib.metadata
import io
import json
import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

import nmfcore
import nmfcore.sklearn
from nmfcore import penalties

Case = tuple[str, Callable[[], Any]]  # a name, and what computes the result
Leaf = dict[str, Any]  # what is kept of an array, a number or a text
Record = dict[str, Leaf]  # of a case, by the names of the fields

KL, IS = "kullback-leibler", "itakura-saito"
TEXTS = ("options", "why", "message")  # fields that are worded
UNTIMED = "seconds"  # a field that is another one each time
LEARNT = ("components_", "n_components_", "reconstruction_err_", "n_iter_", "n_steps_", "n_features_in_")

# --- The data ---------------------------------------------------------------------------------------------------------


def planted(m: int, n: int, k: int, seed: int) -> np.ndarray:
    """W H for factors with many small entries; not by BLAS."""
    rng = np.random.default_rng(seed)
    return np.einsum("it,tj->ij", rng.gamma(0.5, size=(m, k)), rng.gamma(0.5, size=(k, n)))


def blocks(m: int, n: int, groups: int, seed: int) -> np.ndarray:
    """Rows of several groups, each with columns of its own, and noise."""
    rng = np.random.default_rng(seed)
    same = (np.arange(m) % groups)[:, None] == np.arange(n) % groups
    return same * rng.gamma(4.0, 0.25, size=(m, n)) + 0.1 * rng.random((m, n))


def matrices() -> SimpleNamespace:
    """All data, each matrix from a seed of its own."""
    D = SimpleNamespace()
    D.X = planted(60, 40, 5, 1) * np.random.default_rng(2).gamma(20, 1 / 20, size=(60, 40)) + 1e-3
    D.single = D.X.astype(np.float32)
    D.large = planted(200, 150, 8, 3) + 0.05 * np.random.default_rng(4).random((200, 150))
    D.counts = np.random.default_rng(5).poisson(4 * planted(80, 50, 5, 6))
    thin = np.random.default_rng(7).random((120, 70)) < 0.4
    D.sparse = sp.csr_array(np.random.default_rng(8).poisson(2 * planted(120, 70, 4, 9)) * thin, dtype=np.float64)
    D.signed = np.random.default_rng(10).standard_normal((90, 8))
    D.groups = blocks(70, 30, 3, 11)
    shares = np.random.default_rng(12).dirichlet(np.full(4, 0.5), 80)
    D.mixtures = np.vstack([D.X[[3, 17, 29, 41]], np.einsum("it,tj->ij", shares, D.X[[3, 17, 29, 41]])])
    D.weights = np.random.default_rng(13).uniform(0.5, 2.0, D.X.shape)
    D.levels = np.where(np.random.default_rng(14).random(D.X.shape) < 0.05, 0.25, 1.0)
    D.hidden = np.random.default_rng(15).random(D.X.shape) < 0.1
    D.holes = np.where(D.hidden, np.nan, D.X)
    D.W0, D.H0 = (np.random.default_rng(16 + i).random(shape) for i, shape in enumerate([(60, 5), (5, 40)]))
    D.part_W, D.part_H = (np.where(np.arange(F.size).reshape(F.shape) % 7, np.nan, F) for F in (D.W0, D.H0))
    rng = np.random.default_rng(18)
    pairs = np.unravel_index(rng.permutation(60 * 40)[:700], (60, 40))
    D.ratings = sp.coo_array((rng.integers(1, 6, 700).astype(np.float64), pairs), shape=(60, 40)).tocsr()
    edges = np.triu(np.random.default_rng(19).random((60, 60)) < blocks(60, 60, 3, 20) / 3, 1).astype(np.float64)
    D.graph = edges + edges.T
    D.ring = sp.diags_array([1.0] * 4, offsets=[-39, -1, 1, 39], shape=(40, 40)).tocsr()
    return D


# --- Small functions around a call ------------------------------------------------------------------------------------


def each(name: str, call: Callable, table: Mapping[str, dict[str, Any]], **common: Any) -> list[Case]:
    """A case for each line of a table of options."""
    return [(f"{name}: {line}", partial(call, **(common | options))) for line, options in table.items()]


def of_kinds(name: str, call: Callable, kinds: Mapping[str, Any], *args: Any, **options: Any) -> list[Case]:
    """A case for each kind of X."""
    return [(f"{name}: {kind}", partial(call, X, *args, **options)) for kind, X in kinds.items()]


def frame(X: np.ndarray) -> pd.DataFrame:
    """X with names."""
    rows, columns = ([f"{what}{i}" for i in range(size)] for what, size in zip("rc", X.shape, strict=True))
    return pd.DataFrame(X, index=rows, columns=columns)


def globally_seeded(*args: Any) -> Any:
    """A fit that draws from NumPy's global state."""
    np.random.seed(5)
    return nmfcore.hals(*args, init="random", max_iter=20)


def quietly(call: Callable, *args: Any, **options: Any) -> Any:
    """A call that prints."""
    with contextlib.redirect_stdout(io.StringIO()):
        return call(*args, verbose=True, **options)


def watched(X: Any, k: int, **options: Any) -> dict[str, Any]:
    """What a callback is told every third iteration, until it ends the fit."""
    told = []

    def callback(state: nmfcore.State) -> bool:
        if state.iteration % 3 == 0:
            told.append({name: getattr(state, name) for name in ("objective", "relative_error", "W", "H", "history")})
        return state.iteration == 9

    return {"result": nmfcore.nmf(X, k, tol=0, callback=callback, **options), "told": told}


def resumed(X: Any, k: int, **options: Any) -> nmfcore.Result:
    """A fit that is stopped in the middle, and goes on from a file."""
    options = {"random_state": 0, "tol": 0, "max_iter": 12} | options
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint"

        def callback(state: nmfcore.State) -> bool:
            if state.iteration == 5:
                state.checkpoint().save(path)
            return state.iteration == 5

        nmfcore.nmf(X, k, callback=callback, **options)
        return nmfcore.nmf(X, k, init=nmfcore.Checkpoint.load(path), **options)


def loaded(result: Any) -> Any:
    """What has been written to a file and read again."""
    with tempfile.TemporaryDirectory() as folder:
        result.save(Path(folder) / "result")
        return type(result).load(Path(folder) / "result")


def arranged(result: nmfcore.Result) -> dict[str, Any]:
    """Other orders and scales of a result."""
    return {
        "share": result.order(),
        "norm": result.order("norm"),
        "l1": result.normalize("l1"),
        "l2": result.normalize("l2", by="W"),
        "max": result.normalize("max"),
    }


def from_ledgers(X: Any, **options: Any) -> dict[str, nmfcore.Ensemble]:
    """The fits of two workers together, and a call that goes on with the ledger of a stopped one."""
    with tempfile.TemporaryDirectory() as folder:
        ledgers = [Path(folder) / f"share-{i}" for i in range(2)]
        for i, ledger in enumerate(ledgers):
            nmfcore.fit_many(X, [2, 3], 3, random_state=0, worker=(i, 2), ledger=ledger, **options)
        stopped = Path(folder) / "stopped"
        nmfcore.fit_many(X, [2, 3], 3, random_state=0, ledger=stopped, callback=lambda told: told.done == 2, **options)
        return {
            "workers": nmfcore.Ensemble.load(ledgers),
            "gone on": nmfcore.fit_many(X, [2, 3], 3, random_state=0, ledger=stopped, **options),
        }


def agreement(ensemble: nmfcore.Ensemble, k: int) -> dict[str, Any]:
    """How far the starts agree."""
    samples, features = ensemble.consensus(k), ensemble.consensus(k, "features", at_most=20)
    return {
        "table": ensemble.table(),
        "samples": samples,
        "order": samples.order,
        "features": features,
        "cophenetic": ensemble.cophenetic(k),
        "dispersion": ensemble.dispersion(k, "features"),
        "silhouette": ensemble.silhouette(k),
        "stability of H": ensemble.stability(k),
        "stability of W": ensemble.stability(k, of="W", at_most=3),
        "match of H": ensemble.match(k),
        "match of W": ensemble.match(k, of="W"),
        "best": ensemble.best(k),
    }


def extremes(X: Any, k: int, **options: Any) -> dict[str, Any]:
    """Archetypes, and new points as mixtures of them."""
    result = nmfcore.archetypes(X, k, **({"random_state": 0} | options))
    return {"result": result, "transform": result.transform(X[:9])}


def completed(X: Any, k: int, **options: Any) -> dict[str, Any]:
    """A model of ratings, and what it foretells."""
    model = nmfcore.complete(X, k, random_state=0, **options)
    return {
        "model": model,
        "predict": model.predict([0, 3, 7], [5, 1, 39], limits=(1, 5)),
        "recommend": model.recommend(4, n=6, exclude=[2]),
        "rmse": model.rmse(X),
    }


def tree(X: Any, n_leaves: int, **options: Any) -> dict[str, Any]:
    """A tree of clusters, and a cut of it."""
    found = nmfcore.hierarchical(X, n_leaves, random_state=0, **options)
    return {"tree": found, "cut": found.cut(2), "rows": found.rows(1)}


def estimated(model: Any, X: Any, **given: Any) -> dict[str, Any]:
    """What an estimator learns, and what it then says of samples."""
    W = model.fit_transform(X, **given)
    found = {"W": W, "transform": model.transform(X[:9]), "inverse_transform": model.inverse_transform(W[:9])}
    return found | {name: getattr(model, name) for name in LEARNT if hasattr(model, name)}


def streamed(X: Any, **options: Any) -> dict[str, Any]:
    """Mini-batches one after the other."""
    model = nmfcore.sklearn.MiniBatchNMF(4, random_state=0, max_iter=20, **options)
    for i in range(0, X.shape[0], 20):
        model.partial_fit(X[i : i + 20])
    return {"H": model.components_, "n_steps": model.n_steps_, "transform": model.transform(X[:9])}


def patched(X: Any) -> dict[str, Any]:
    """scikit-learn's name, with this package behind it."""
    with nmfcore.patch_sklearn():
        from sklearn.decomposition import NMF

        return estimated(NMF(4, random_state=0), X)


def refused(call: Callable, *args: Any, **options: Any) -> dict[str, str]:
    """The built-in kind of the exception, and what it says."""
    try:
        call(*args, **options)
    except Exception as error:
        kind = next(kind for kind in type(error).__mro__ if kind.__module__ == "builtins")
        return {"kind": kind.__name__, "message": str(error)}
    return {"kind": "nothing is raised", "message": ""}


# --- The cases --------------------------------------------------------------------------------------------------------


def cases() -> list[Case]:
    """All of them. The data come first and last, since no call may write to them."""
    D = matrices()
    groups = (
        storage,
        shapes,
        starts,
        stopping,
        losses,
        entries,
        given_values,
        asked_of_factors,
        new_samples,
        threads,
        going_on,
        least_squares_beside,
        many,
        ranks,
        archetypal,
        ratings,
        relatives,
        estimators,
        errors,
    )
    found = [("data: before", lambda: vars(D))]
    for group in groups:
        found += group(D)
    return [*found, ("data: after", lambda: vars(D))]


def storage(D: SimpleNamespace) -> list[Case]:
    """dtypes, memory orders and kinds of X."""
    dense = {
        "C order": D.X,
        "F order": np.asfortranarray(D.X),
        "strided": np.repeat(np.repeat(D.X, 2, axis=0), 3, axis=1)[::2, ::3],
        "reversed": D.X[::-1],
        "float32": D.single,
        "float32, F order": np.asfortranarray(D.single),
        "float16": D.X.astype(np.float16),
        "big-endian": D.X.astype(">f8"),
        "int": D.counts,
        "int, F order": np.asfortranarray(D.counts),
        "bool": D.counts > 2,
        "list": D.counts[:20, :9].tolist(),
        "data frame": frame(D.X),
    }
    sparse = {
        "CSR": D.sparse,
        "CSC": D.sparse.tocsc(),
        "COO": D.sparse.tocoo(),
        "LIL": D.sparse.tolil(),
        "csr_matrix": sp.csr_matrix(D.sparse),
        "CSR, float32": D.sparse.astype(np.float32),
        "CSC, float32": D.sparse.tocsc().astype(np.float32),
        "CSR, int": D.sparse.astype(np.int64),
        "CSR, 64-bit indices": sp.csr_array(
            (D.sparse.data, D.sparse.indices.astype(np.int64), D.sparse.indptr.astype(np.int64)), D.sparse.shape
        ),
        "sparse data frame": pd.DataFrame.sparse.from_spmatrix(sp.csr_matrix(D.sparse)),
    }
    few = {name: X for name, X in (dense | sparse).items() if name.split(",")[0] in ("F order", "float32", "int")}
    few |= {name: sparse[name] for name in ("CSR", "CSC", "COO", "CSR, float32", "CSC, float32", "CSR, int")}
    return [
        *of_kinds("storage, hals", nmfcore.hals, dense | sparse, 4, random_state=0),
        *of_kinds("storage, mu, kl", nmfcore.mu, few, 4, loss=KL, random_state=0),
    ]


def shapes(D: SimpleNamespace) -> list[Case]:
    """Shapes, ranks and scales beyond the usual."""
    kinds = {
        "tall": planted(200, 10, 3, 21),
        "wide": planted(10, 200, 3, 22),
        "one row": D.X[:1],
        "one column": D.X[:, :1],
        "exact": planted(50, 30, 3, 23),
        "zeros": np.zeros((12, 10)),
        "empty rows and columns": np.pad(D.X, 2),
        "tiny": np.ldexp(D.X, -900),
        "huge": np.ldexp(D.X, 400),
    }
    few = {name: kinds[name] for name in ("tall", "one row", "exact", "empty rows and columns")}
    return [
        *of_kinds("shape, hals", nmfcore.hals, kinds, 3, random_state=0),
        *of_kinds("shape, mu, kl", nmfcore.mu, few, 3, loss=KL, random_state=0),
        ("shape, hals: k = 1", partial(nmfcore.hals, D.X, 1, random_state=0)),
        ("shape, hals: k = 12", partial(nmfcore.hals, D.X, 12, random_state=0)),
        ("shape, hals: k > min(m, n)", partial(nmfcore.hals, D.counts[:20, :15], 18, random_state=0)),
        ("shape, mu, kl: k > min(m, n)", partial(nmfcore.mu, D.counts[:20, :15], 18, loss=KL, random_state=0)),
    ]


def starts(D: SimpleNamespace) -> list[Case]:
    """Starts by name, given ones, and where random numbers come from."""
    names = ("auto", "random", "nndsvd", "nndsvda", "nndsvdar", "spa")
    table = {name: {"init": name, "random_state": 1} for name in names}
    given = {
        "pair": {"init": (D.W0, D.H0)},
        "pair, float32, F order": {"init": (np.asfortranarray(D.W0.astype(np.float32)), D.H0.astype(np.float32))},
    }
    return [
        *each("start, hals", partial(nmfcore.hals, D.X, 5), table | given, max_iter=20),
        *each("start alone", partial(nmfcore.hals, D.single, 5), table, max_iter=0),
        *each("start, hals, sparse", partial(nmfcore.hals, D.sparse, 5), table, max_iter=20),
        *each("start, mu, kl", partial(nmfcore.mu, D.X, 5, loss=KL), table | given, max_iter=20),
        (
            "start: a Result",
            lambda: nmfcore.mu(D.X, 5, loss=KL, init=nmfcore.hals(D.X, 5, random_state=0, max_iter=5), max_iter=20),
        ),
        ("start: Generator", lambda: nmfcore.hals(D.X, 5, init="random", random_state=np.random.default_rng(3))),
        ("start: RandomState", lambda: nmfcore.hals(D.X, 5, init="random", random_state=np.random.RandomState(3))),
        ("start: global state", partial(globally_seeded, D.X, 5)),
    ]


def stopping(D: SimpleNamespace) -> list[Case]:
    """When fits end, and the algorithms of the textbooks."""
    shared = {
        "tol = 0": {"tol": 0, "max_iter": 30},
        "tol = 1e-2": {"tol": 1e-2},
        "tol = 1e-8": {"tol": 1e-8, "max_iter": 400},
        "no iteration": {"max_iter": 0},
        "one iteration": {"max_iter": 1},
        "not extrapolated": {"extrapolate": False},
        "callback": {"callback": lambda state: state.iteration == 4},
    }
    sweeps = {
        "inner_iter = 1": {"inner_iter": 1},
        "inner_iter = 5": {"inner_iter": 5},
        "textbook": {"inner_iter": 1, "extrapolate": False, "tol": 0, "max_iter": 50},
    }
    to_round_off = {"to round-off": {"tol": 1e-300, "max_iter": 2000}}
    floors = {
        "floor = 0": {"floor": 0},
        "floor = 1e-3": {"floor": 1e-3},
        "textbook": {"floor": 0, "extrapolate": False, "tol": 0, "max_iter": 50},
    }
    return [
        *each("stop, hals", partial(nmfcore.hals, D.X, 4, random_state=0), shared | sweeps),
        *each("stop, mu, kl", partial(nmfcore.mu, D.counts, 4, loss=KL, random_state=0), shared | floors),
        *each("stop, hals", partial(nmfcore.hals, planted(20, 15, 3, 24), 3, random_state=0), to_round_off),
        ("stop, hals: verbose", partial(quietly, nmfcore.hals, D.X, 4, random_state=0)),
        ("stop, hals: watched", partial(watched, D.X, 4, random_state=0)),
        ("stop, mu, kl: watched", partial(watched, D.sparse, 4, loss=KL, random_state=0)),
    ]


def losses(D: SimpleNamespace) -> list[Case]:
    """Every loss by every solver that serves it, on dense and sparse X."""
    positive = {"beta = 0": IS, "beta = -1": -1}
    pointwise = {
        "beta = 2": "frobenius",
        "beta = 1": KL,
        "beta = 0.5": 0.5,
        "beta = 1.5": nmfcore.BetaDivergence(1.5),
        "beta = 3": 3.0,
        "l1": "l1",
        "L1(0.05)": nmfcore.losses.L1(0.05),
        "Huber(0.05)": nmfcore.Huber(0.05),
        "Huber(1)": nmfcore.Huber(1.0),
    }
    by_mu = {name: {"loss": loss} for name, loss in (pointwise | positive).items()}
    for_zeros = {name: {"loss": loss} for name, loss in pointwise.items()}
    by_pgd = {name: by_mu[name] for name in by_mu if name not in ("beta = -1", "L1(0.05)", "Huber(1)")}
    by_rows = {
        "l21, hals": {"loss": "l21"},
        "l21, bpp": {"loss": "l21", "solver": "bpp"},
        "L21(0.1), hals": {"loss": nmfcore.L21(0.1)},
        "frobenius, bpp": {"solver": "bpp"},
        "kl, cd": {"loss": KL, "solver": "cd"},
    }
    fit = partial(nmfcore.nmf, k=4, random_state=0, max_iter=40)
    return [
        *each("loss, mu", partial(fit, D.X, solver="mu"), by_mu),
        *each("loss, mu, float32", partial(fit, D.single, solver="mu"), by_mu),
        *each("loss, mu, sparse", partial(fit, D.sparse, solver="mu"), for_zeros),
        *each("loss, pgd", partial(fit, D.X, solver="pgd"), by_pgd, max_iter=25),
        *each("loss", partial(fit, D.X), by_rows),
        *each("loss, float32", partial(fit, D.single), by_rows),
        *each("loss, sparse", partial(fit, D.sparse), by_rows),
        ("loss, sparse: kl, pgd", partial(fit, D.sparse, loss=KL, solver="pgd")),
        ("loss: kl, cd, inner_iter = 3", partial(fit, D.counts, loss=KL, solver="cd", inner_iter=3)),
        (
            "loss: kl, cd after hals",
            lambda: fit(D.counts, loss=KL, solver="cd", init=nmfcore.hals(D.counts, 4, random_state=0)),
        ),
        ("loss: bpp, not extrapolated", partial(fit, D.X, solver="bpp", extrapolate=False)),
    ]


def entries(D: SimpleNamespace) -> list[Case]:
    """Weights, masks and missing entries."""
    seen = sp.csr_array(np.where(D.hidden, D.X, 0))
    empty = D.hidden.copy()
    empty[[4, 9]], empty[:, 7] = True, True
    table = {
        "weights": {"weights": D.weights},
        "weights of two levels": {"weights": D.levels},
        "sparse weights": {"weights": sp.csr_array(np.where(D.hidden, 0, D.weights))},
        "few sparse weights": {"weights": sp.coo_array(np.where(D.hidden, D.weights, 0))},
        "mask": {"mask": D.hidden},
        "sparse mask": {"mask": sp.csr_array(D.hidden)},
        "weights and mask": {"weights": D.weights, "mask": D.hidden},
    }
    holes = {"X": D.holes, "missing": "nan"}
    others = {
        "nan": holes,
        "nan and weights": holes | {"weights": D.levels},
        "nan, float32": {"X": D.holes.astype(np.float32), "missing": "nan"},
        "masked array": {"X": np.ma.MaskedArray(D.X, D.hidden)},
        "unobserved rows and columns": {"X": D.X, "mask": empty},
        "unstored": {"X": seen, "missing": "unstored"},
        "unstored, CSC": {"X": seen.tocsc(), "missing": "unstored"},
        "unstored and weights": {"X": seen, "missing": "unstored", "weights": D.weights},
        "sparse X, weights": {"X": seen, "weights": D.weights},
        "sparse X, mask": {"X": seen, "mask": D.hidden & (D.weights < 1)},
    }
    solved = {
        "pgd": {"solver": "pgd", "max_iter": 15},
        "pgd, kl": {"solver": "pgd", "loss": KL, "max_iter": 15},
        "mu, frobenius": {"solver": "mu"},
        "is": {"loss": IS},
        "beta = 1.5": {"loss": 1.5},
        "l1": {"loss": "l1"},
        "huber": {"loss": nmfcore.Huber(0.1)},
    }
    fit = partial(nmfcore.nmf, k=4, random_state=0, max_iter=40)
    return [
        *each("entries, hals", partial(fit, X=D.X), table | others),
        *each("entries, mu, kl", partial(fit, X=D.X, loss=KL), table | others),
        *each("entries, mask", partial(fit, X=D.X, mask=D.hidden), solved),
        *each("entries, weights", partial(fit, X=D.X, weights=D.weights), solved),
        ("entries, hals: nndsvda", partial(fit, **holes, init="nndsvda")),
        ("entries, hals: given start", partial(fit, **holes, init=(D.W0[:, :4], D.H0[:4]))),
    ]


def given_values(D: SimpleNamespace) -> list[Case]:
    """Factors that are given, in part or whole."""
    table = {
        "H": {"fixed_H": D.H0},
        "W": {"fixed_W": D.W0},
        "part of H": {"fixed_H": D.part_H},
        "part of both": {"fixed_W": D.part_W, "fixed_H": D.part_H},
        "W and part of H": {"fixed_W": D.W0, "fixed_H": D.part_H},
    }
    solved = {"hals": {}, "mu, kl": {"solver": "mu", "loss": KL}, "pgd, beta = 1.5": {"solver": "pgd", "loss": 1.5}}
    whole = {"bpp": {"solver": "bpp"}, "l21": {"loss": "l21"}, "huber": {"loss": nmfcore.Huber(0.1)}}
    shares = {"pgd, shares": {"solver": "pgd", "fixed_H": D.part_H / 40, "penalty_H": penalties.SumToOne(1)}}
    fit = partial(nmfcore.nmf, D.X, 5, random_state=0, max_iter=30)
    found = []
    for name, options in solved.items():
        found += each(f"given, {name}", partial(fit, **options), table)
    return [
        *found,
        *each("given H", partial(fit, fixed_H=D.H0), whole),
        *each("given, part of H", fit, shares),
    ]


def asked_of_factors(D: SimpleNamespace) -> list[Case]:
    """Each penalty by the solvers that serve it, and some sums."""
    p = penalties
    small, shares = p.L2(0.1), p.SumToOne(1)
    lines = [
        ("L1 on H", "hals bpp mu pgd", {"penalty_H": p.L1(0.5)}),
        ("L1 on both", "hals bpp mu cd pgd", {"penalty_W": p.L1(0.2), "penalty_H": p.L1(0.3)}),
        ("L2 on W", "hals mu", {"penalty_W": p.L2(0.5)}),
        ("ElasticNet", "hals bpp mu pgd", {"penalty_W": p.ElasticNet(0.3, 0.5), "penalty_H": p.ElasticNet(0.2, 0.9)}),
        ("Group", "hals bpp mu pgd", {"penalty_W": p.Group(1.0), "penalty_H": p.Group(1.0)}),
        ("Orthogonality", "hals mu pgd", {"penalty_W": p.Orthogonality(2.0)}),
        ("Smooth", "hals bpp mu pgd", {"penalty_H": p.Smooth(0.5), "penalty_W": small}),
        ("Smooth along a graph", "hals mu", {"penalty_H": p.Smooth(0.5, D.ring), "penalty_W": small}),
        ("MinVolume and shares", "hals pgd", {"penalty_H": p.MinVolume(0.05), "penalty_W": shares}),
        ("MinVolume", "hals bpp pgd", {"penalty_H": p.MinVolume(0.05, delta=0.5), "penalty_W": small}),
        ("Box", "hals mu pgd", {"penalty_H": p.Box(upper=1.0, lower=0.01)}),
        ("Box of arrays", "hals mu", {"penalty_W": p.Box(upper=D.W0 + 0.5, lower=D.W0 / 4)}),
        ("Hoyer of components", "hals pgd", {"penalty_H": p.Hoyer(0.6, axis=1)}),
        ("Hoyer of samples", "hals pgd", {"penalty_W": p.Hoyer(0.5, axis=1)}),
        ("SumToOne of components", "hals pgd", {"penalty_H": p.SumToOne(1)}),
        ("SumToOne of samples", "hals pgd", {"penalty_W": shares}),
        ("SumToOne down columns", "hals pgd", {"penalty_W": p.SumToOne(0), "penalty_H": small}),
        ("Prior", "hals bpp mu pgd", {"penalty_H": p.Prior(D.H0, 2.0)}),
        (
            "scikit_learn",
            "hals mu",
            dict(zip(("penalty_W", "penalty_H"), p.scikit_learn(D.X.shape, 0.01, "same", 0.5), strict=True)),
        ),
        (
            "a sum",
            "hals mu pgd",
            {"penalty_H": p.L1(0.1) + p.Smooth(0.2) + p.Box(upper=2.0), "penalty_W": small + p.Orthogonality(0.5)},
        ),
        ("sum of three", "bpp", {"penalty_H": sum([p.L1(0.1), p.Group(0.2), p.Prior(D.H0, 0.1)])}),
    ]
    solved = {
        "hals": {"max_iter": 40},
        "bpp": {"max_iter": 25},
        "mu": {"loss": KL, "max_iter": 40},
        "cd": {"loss": KL, "max_iter": 25},
        "pgd": {"loss": 1.5, "max_iter": 15},
    }
    few = {"penalty_W": p.L1(0.2) + p.L2(0.1), "penalty_H": p.L1(0.3)}
    fit = partial(nmfcore.nmf, random_state=0, max_iter=30, **few)
    return [
        (f"penalty, {solver}: {name}", partial(nmfcore.nmf, D.X, 5, solver=solver, random_state=0, **how, **options))
        for name, solvers, options in lines
        for solver, how in solved.items()
        if solver in solvers.split()
    ] + [
        ("penalty, frobenius by mu", partial(fit, D.X, 5, solver="mu")),
        ("penalty, frobenius by pgd", partial(fit, D.X, 5, solver="pgd")),
        ("penalty, is", partial(fit, D.X, 5, loss=IS)),
        ("penalty, beta = 3", partial(fit, D.X, 5, loss=3)),
        ("penalty, huber", partial(fit, D.X, 5, loss=nmfcore.Huber(0.1))),
        ("penalty, sparse, hals", partial(fit, D.sparse, 5)),
        ("penalty, sparse, kl", partial(fit, D.sparse, 5, loss=KL)),
        ("penalty, float32, hals", partial(fit, D.single, 5)),
        ("penalty, mask", partial(fit, D.X, 5, mask=D.hidden)),
        ("penalty, l21", partial(fit, D.X, 5, loss="l21", penalty_W=p.L1(0.2), penalty_H=p.Box(upper=1.0))),
        ("penalty, given part of H", partial(nmfcore.hals, D.X, 5, fixed_H=D.part_H, penalty_H=p.L1(0.3))),
    ]


def new_samples(D: SimpleNamespace) -> list[Case]:
    """`transform`."""
    table = {
        "frobenius": {},
        "kl": {"loss": KL},
        "is": {"loss": IS},
        "beta = 0.5": {"loss": 0.5},
        "beta = 1.5": {"loss": 1.5},
        "beta = 3": {"loss": 3},
        "l1": {"loss": "l1"},
        "huber": {"loss": nmfcore.Huber(0.1)},
        "l21": {"loss": "l21"},
        "hals": {"solver": "hals"},
        "mu": {"solver": "mu", "max_iter": 50},
        "pgd": {"solver": "pgd", "max_iter": 20},
        "kl, cd": {"loss": KL, "solver": "cd", "max_iter": 20},
        "penalty": {"penalty_W": penalties.L1(0.2)},
        "shares": {"penalty_W": penalties.SumToOne(1)},
        "part of W": {"fixed_W": D.part_W},
        "weights": {"weights": D.weights},
        "mask": {"mask": D.hidden, "loss": KL},
        "nan": {"X": D.holes, "missing": "nan"},
        "float32": {"X": D.single},
        "F order": {"X": np.asfortranarray(D.X)},
    }
    H = np.random.default_rng(25).random((4, 70))
    return [
        *each("transform", partial(nmfcore.transform, X=D.X, H=D.H0), table),
        ("transform: a Result", lambda: nmfcore.transform(D.X[:7], nmfcore.hals(D.X, 4, random_state=0))),
        ("transform, sparse: frobenius", partial(nmfcore.transform, D.sparse, H)),
        ("transform, sparse: kl", partial(nmfcore.transform, D.sparse.tocsc(), H, loss=KL)),
        ("transform: given W instead", lambda: nmfcore.transform(D.X.T, D.W0.T)),
    ]


def threads(D: SimpleNamespace) -> list[Case]:
    """Numbers of threads, on matrices that are large enough to share."""
    big = sp.csr_array(np.where(D.large > 1, D.large, 0))
    doors = {
        "hals": partial(nmfcore.hals, D.large, 8, random_state=0, max_iter=20),
        "hals, sparse": partial(nmfcore.hals, big, 8, random_state=0, max_iter=20),
        "mu, kl": partial(nmfcore.mu, D.large, 8, loss=KL, random_state=0, max_iter=20),
        "mu, kl, sparse": partial(nmfcore.mu, big, 8, loss=KL, random_state=0, max_iter=20),
        "mu, is, float32": partial(nmfcore.mu, D.large.astype(np.float32), 8, loss=IS, random_state=0, max_iter=20),
        "bpp": partial(nmfcore.nmf, D.large, 8, solver="bpp", random_state=0, max_iter=10),
        "cd": partial(nmfcore.nmf, D.large, 8, loss=KL, solver="cd", random_state=0, max_iter=12),
        "weights": partial(nmfcore.hals, D.large, 8, weights=1 / (0.1 + D.large), random_state=0, max_iter=10),
        "fit_many": partial(nmfcore.fit_many, D.large, [3, 5], 3, random_state=0, max_iter=15),
        "svd": partial(nmfcore.svd, D.large, 6, random_state=0),
        "archetypes": partial(nmfcore.archetypes, D.signed, 4, random_state=0),
        "complete": partial(nmfcore.complete, D.ratings, 4, random_state=0, max_iter=20),
        "symmetric": partial(nmfcore.symmetric, D.graph, 3, random_state=0),
        "orthogonal": partial(nmfcore.orthogonal, D.groups, 3, random_state=0),
    }
    return [(f"threads, {name}: {n}", partial(door, n_threads=n)) for name, door in doors.items() for n in (1, 2)]


def going_on(D: SimpleNamespace) -> list[Case]:
    """Checkpoints, and what can be done with a result."""
    table = {
        "hals": {},
        "mu, kl": {"loss": KL},
        "mu, beta = 0.5": {"loss": 0.5},
        "bpp": {"solver": "bpp"},
        "pgd": {"solver": "pgd"},
        "cd": {"loss": KL, "solver": "cd"},
        "l21": {"loss": "l21"},
        "mask": {"mask": D.hidden},
        "penalties": {"penalty_H": penalties.L1(0.2), "penalty_W": penalties.L2(0.1)},
        "float32": {"X": D.single},
        "sparse": {"X": D.sparse, "k": 3},
    }
    return [
        *each("checkpoint", partial(resumed, X=D.X, k=4), table),
        ("result: from a file", lambda: loaded(nmfcore.hals(frame(D.X), 4, random_state=0))),
        ("result: arranged", lambda: arranged(nmfcore.hals(D.X, 4, random_state=0))),
        ("result: arranged, float32", lambda: arranged(nmfcore.mu(D.single, 4, loss=KL, random_state=0))),
        ("result: optimality", lambda: nmfcore.hals(D.X, 4, random_state=0).optimality(D.X, random_state=0)),
        (
            "result: optimality, sparse",
            lambda: nmfcore.hals(D.sparse, 4, random_state=0).optimality(D.sparse, random_state=0),
        ),
        ("result: frames", lambda: [F.to_numpy() for F in nmfcore.hals(frame(D.X), 4, random_state=0).to_frame()]),
    ]


def least_squares_beside(D: SimpleNamespace) -> list[Case]:
    """`nnls`, `svd` and `separable`."""
    B, single = D.mixtures[:40, :8], D.single[:, :6]
    Y = np.random.default_rng(26).standard_normal((40, 200))
    G, C = np.einsum("it,is->ts", B, B), np.einsum("it,ij->tj", B, Y)
    of_nnls = {
        "dense": {"B": B, "X": Y},
        "F order": {"B": np.asfortranarray(B), "X": np.asfortranarray(Y)},
        "vector": {"B": B, "X": Y[:, 0]},
        "sparse": {"B": np.random.default_rng(27).standard_normal((120, 9)), "X": D.sparse},
        "float32": {"B": single, "X": D.single},
        "normal equations": {"G": G, "C": C},
        "dependent columns": {"B": np.hstack([B, B[:, :3]]), "X": Y},
        "hals": {"B": B, "X": Y, "method": "hals"},
        "hals, few sweeps": {"B": B, "X": Y, "method": "hals", "max_iter": 5, "tol": 0.0},
    }
    of_svd = {
        "dense": {"X": D.large},
        "signed": {"X": D.signed, "k": 3},
        "float32": {"X": D.large.astype(np.float32)},
        "sparse": {"X": D.sparse},
        "three iterations": {"X": D.large, "power_iter": 3, "oversampling": 4},
        "wide": {"X": np.asfortranarray(D.large[:20])},
    }
    kinds = {"dense": D.mixtures, "sparse": D.sparse, "features": D.mixtures.T, "float32": D.single}
    return [
        *each("nnls", nmfcore.nnls, of_nnls),
        *each("svd", nmfcore.svd, of_svd, k=6, random_state=0),
        *of_kinds("separable", nmfcore.separable, kinds, 4),
        ("separable: not normalized", partial(nmfcore.separable, D.mixtures, 4, normalize=False)),
    ]


def many(D: SimpleNamespace) -> list[Case]:
    """`fit_many`, and what an ensemble says."""
    table = {
        "frobenius": {},
        "kl": {"loss": KL},
        "is": {"loss": IS},
        "beta = 0.5": {"loss": 0.5},
        "beta = 1.5": {"loss": 1.5},
        "l1": {"loss": "l1"},
        "huber": {"loss": nmfcore.Huber(0.1)},
        "l21": {"loss": "l21"},
        "sparse": {"X": D.sparse},
        "sparse, kl": {"X": D.sparse, "loss": KL},
        "sparse, beta = 1.5": {"X": D.sparse, "loss": 1.5},
        "float32": {"X": D.single},
        "float32, kl": {"X": D.single, "loss": KL},
        "F order": {"X": np.asfortranarray(D.X)},
        "nndsvdar": {"init": "nndsvdar"},
        "textbook": {"inner_iter": 1, "extrapolate": False, "tol": 0},
        "kl, textbook": {"loss": KL, "floor": 0, "extrapolate": False, "tol": 0},
        "bpp": {"solver": "bpp"},
        "penalties": {"penalty_H": penalties.L1(0.2), "penalty_W": penalties.L2(0.1)},
        "mask": {"mask": D.hidden},
        "little memory": {"memory": 6e4},
        "stopped": {"callback": lambda told: told.done == 3},
    }
    fit = partial(nmfcore.fit_many, random_state=0, max_iter=60)
    agreed = partial(fit, D.groups, [2, 3], 6)
    return [
        *each("many", partial(fit, X=D.X, ranks=[2, 4], n_starts=2), table, max_iter=30),
        ("many: one rank, global state", lambda: (np.random.seed(3), nmfcore.fit_many(D.X, 3, 2, max_iter=10))[1]),
        ("many: ledgers", partial(from_ledgers, D.X, max_iter=20)),
        ("many: from a file", lambda: loaded(fit(D.X, [2, 3], 2))),
        ("many: combined", lambda: nmfcore.Ensemble.combine([fit(D.X, [2], 2), fit(D.X, [3], 2)])),
        ("many: agreement", lambda: agreement(agreed(), 3)),
        ("many: agreement, kl, sparse", lambda: agreement(fit(D.sparse, [3], 5, loss=KL), 3)),
        ("many: agreed factors", lambda: agreed().consensus_factors(D.groups, 3)),
        ("many: agreed factors, H fitted", lambda: agreed().consensus_factors(D.groups, 3, refit_H=True)),
        (
            "many: agreed factors, kl, sparse",
            lambda: fit(D.sparse, [3], 5, loss=KL).consensus_factors(D.sparse, 3, threshold=2.0, neighbours=0.5),
        ),
    ]


def ranks(D: SimpleNamespace) -> list[Case]:
    """`select_rank` by every method."""
    table = {
        "speckled": {},
        "speckled, kl": {"X": D.counts, "loss": KL},
        "speckled, beta = 1.5": {"loss": 1.5, "n_repeats": 2},
        "speckled, sparse": {"X": D.sparse},
        "speckled, fraction": {"fraction": 0.2, "n_repeats": 2},
        "bi-cross-validation": {"method": "bi-cross-validation"},
        "bi-cross-validation, kl": {"X": D.counts, "method": "bi-cross-validation", "loss": KL},
        "bi-cross-validation, sparse": {"X": D.sparse, "method": "bi-cross-validation"},
        "mdl": {"method": "mdl"},
        "ard": {"method": "ard"},
        "ard, kl": {"X": D.counts, "method": "ard", "loss": KL, "n_starts": 1, "max_iter": 300},
        "stability": {"method": "stability", "n_starts": 4},
        "cophenetic": {"method": "cophenetic", "n_starts": 4},
        "elbow": {"method": "elbow"},
        "elbow, kl": {"X": D.counts, "method": "elbow", "loss": KL},
    }
    return each("rank", partial(nmfcore.select_rank, X=D.X, ranks=range(2, 7)), table, random_state=0)


def archetypal(D: SimpleNamespace) -> list[Case]:
    """`archetypes`."""
    table = {
        "aa++": {},
        "furthest_sum": {"init": "furthest_sum"},
        "random": {"init": "random"},
        "given points": {"init": [3, 14, 15, 9]},
        "several starts": {"n_starts": 3, "max_iter": 40},
        "weights": {"weights": np.arange(90) % 4},
        "huber": {"huber": 1.0},
        "huber and weights": {"huber": 1.0, "weights": np.arange(90) % 4 + 0.5},
        "delta": {"delta": 0.2},
        "tol = 0": {"tol": 0, "max_iter": 20},
        "no iteration": {"max_iter": 0},
        "float32": {"X": D.signed.astype(np.float32)},
        "sparse": {"X": D.sparse},
        "sparse, huber": {"X": D.sparse, "huber": 3.0},
        "sparse, delta": {"X": D.sparse, "delta": 0.1},
    }
    return each("archetypes", partial(extremes, X=D.signed, k=4), table)


def ratings(D: SimpleNamespace) -> list[Case]:
    """`complete`."""
    table = {
        "default": {},
        "no biases": {"biases": False},
        "biases alone": {"k": 0},
        "any sign": {"nonnegative": False, "strength": 0.12},
        "W >= 0": {"nonnegative": ("W",)},
        "two strengths": {"strength": (0.1, 0.02)},
        "constant penalty": {"per_rating": False, "strength": 5},
        "tol = 0": {"tol": 0, "max_iter": 15},
        "tol = 1e-6": {"tol": 1e-6},
        "float32": {"X": D.ratings.astype(np.float32)},
        "CSC": {"X": D.ratings.tocsc()},
        "COO": {"X": D.ratings.tocoo()},
        "callback": {"callback": lambda state: state.completion.rmse(D.ratings) < 1},
    }
    return each("complete", partial(completed, X=D.ratings, k=4), table)


def relatives(D: SimpleNamespace) -> list[Case]:
    """`symmetric`, `orthogonal`, `projective`, `semi` and `hierarchical`."""
    single, sparse = D.groups.astype(np.float32), sp.csr_array(np.where(D.groups > 0.1, D.groups, 0))
    common = {"dense": {}, "one start": {"n_starts": 1, "tol": 1e-9}, "tol = 0": {"tol": 0, "max_iter": 15}}
    kinds = common | {"float32": {"X": single}, "sparse": {"X": sparse}, "sparse, CSC": {"X": sparse.tocsc()}}
    W0, signed = np.random.default_rng(28).random((70, 3)), D.groups - D.groups.mean(axis=0)
    of_graph = common | {
        "float32": {"S": D.graph.astype(np.float32)},
        "sparse": {"S": sp.csr_array(D.graph)},
        "given start": {"init": W0[:60]},
    }
    of_trees = {
        "dense": {},
        "sparse": {"X": sparse},
        "float32": {"X": single},
        "not refined": {"refine": 0},
        "counts": {"X": D.counts},
        "callback": {"callback": lambda found: len(found.leaves) == 3},
    }
    return [
        *each("symmetric", partial(nmfcore.symmetric, S=D.graph, k=3), of_graph, random_state=0),
        *each("orthogonal", partial(nmfcore.orthogonal, X=D.groups, k=3), kinds, random_state=0),
        ("orthogonal: given start", partial(nmfcore.orthogonal, D.groups, 3, init=np.arange(70) // 7 % 3)),
        *each("projective", partial(nmfcore.projective, X=D.groups, k=3), kinds, random_state=0),
        ("projective: given start", partial(nmfcore.projective, D.groups, 3, init=W0)),
        ("projective: features", partial(nmfcore.projective, D.groups.T, 3, random_state=0)),
        *each("semi", partial(nmfcore.semi, X=signed, k=3), kinds, random_state=0, max_iter=100),
        ("semi: given start", partial(nmfcore.semi, signed, 3, init=W0, max_iter=100)),
        *each("hierarchical", partial(tree, X=D.groups, n_leaves=5), of_trees),
    ]


def estimators(D: SimpleNamespace) -> list[Case]:
    """`nmfcore.sklearn`."""
    NMF, MiniBatchNMF = nmfcore.sklearn.NMF, nmfcore.sklearn.MiniBatchNMF
    factorize = nmfcore.sklearn.non_negative_factorization
    start = {"W": D.W0[:, :4], "H": D.H0[:4]}
    of_nmf = {
        "cd": {},
        "cd, random": {"init": "random"},
        "cd, nndsvdar": {"init": "nndsvdar"},
        "cd, shuffled": {"shuffle": True},
        "cd, tol = 0": {"tol": 0, "max_iter": 30, "init": "random"},
        "cd, alpha": {"alpha_W": 0.01, "alpha_H": 0.02, "l1_ratio": 0.5},
        "cd, all components": {"n_components": None, "max_iter": 20},
        "cd, penalty": {"penalty_H": penalties.L1(0.3)},
        "mu": {"solver": "mu"},
        "mu, nndsvda": {"solver": "mu", "init": "nndsvda"},
        "mu, kl": {"solver": "mu", "beta_loss": KL},
        "mu, is": {"solver": "mu", "beta_loss": IS},
        "mu, beta = 1.5": {"solver": "mu", "beta_loss": 1.5},
        "mu, kl, alpha": {"solver": "mu", "beta_loss": KL, "alpha_W": 0.01, "l1_ratio": 1.0},
    }
    of_batches = {
        "default": {},
        "kl": {"beta_loss": KL},
        "is": {"beta_loss": IS},
        "beta = 1.5": {"beta_loss": 1.5},
        "random": {"init": "random"},
        "fresh restarts": {"fresh_restarts": True},
        "alpha": {"alpha_W": 0.01, "alpha_H": 0.02, "l1_ratio": 0.5},
        "forgetting": {"forget_factor": 0.3, "max_no_improvement": None},
        "start_weight = 0": {"start_weight": 0.0},
    }
    nmf = [
        (f"NMF: {name}", partial(estimated, NMF(**({"n_components": 4, "random_state": 0} | options)), D.X))
        for name, options in of_nmf.items()
    ]
    batches = [
        (
            f"MiniBatchNMF: {name}",
            partial(estimated, MiniBatchNMF(4, batch_size=17, max_iter=20, random_state=0, **options), D.X),
        )
        for name, options in of_batches.items()
    ]
    return [
        *nmf,
        ("NMF: float32", lambda: estimated(NMF(4, random_state=0), D.single)),
        ("NMF: sparse", lambda: estimated(NMF(4, random_state=0), D.sparse)),
        ("NMF: sparse, kl", lambda: estimated(NMF(4, solver="mu", beta_loss=KL, random_state=0), D.sparse)),
        ("NMF: given start", lambda: estimated(NMF(4, init="custom"), D.X, **start)),
        ("NMF: mask", lambda: estimated(NMF(4, random_state=0), D.X, mask=D.hidden)),
        ("NMF: data frame", lambda: estimated(NMF(4, random_state=0), frame(D.X))),
        ("NMF: patched", partial(patched, D.X)),
        *batches,
        ("MiniBatchNMF: float32", lambda: estimated(MiniBatchNMF(4, batch_size=17, random_state=0), D.single)),
        ("MiniBatchNMF: sparse", lambda: estimated(MiniBatchNMF(4, batch_size=32, random_state=0), D.sparse)),
        ("MiniBatchNMF: given start", lambda: estimated(MiniBatchNMF(4, init="custom", batch_size=17), D.X, **start)),
        ("MiniBatchNMF: stream", partial(streamed, D.X)),
        ("MiniBatchNMF: stream, kl, sparse", partial(streamed, D.sparse, beta_loss=KL)),
        ("factorization: cd", partial(factorize, D.X, n_components=4, random_state=0)),
        (
            "factorization: mu, kl",
            partial(factorize, D.counts, n_components=4, solver="mu", beta_loss=KL, init="random"),
        ),
        ("factorization: given H", partial(factorize, D.X, H=D.H0[:4], n_components=4, update_H=False)),
    ]


def errors(D: SimpleNamespace) -> list[Case]:
    """What is refused."""
    bad = np.where(D.hidden, -1.0, D.X)
    lines = {
        "negative X": (nmfcore.hals, (bad, 3), {}),
        "NaN in X": (nmfcore.hals, (D.holes, 3), {}),
        "complex X": (nmfcore.hals, (D.X * 1j, 3), {}),
        "a vector": (nmfcore.mu, (D.X[0], 3), {}),
        "k = 0": (nmfcore.hals, (D.X, 0), {}),
        "k = 2.5": (nmfcore.hals, (D.X, 2.5), {}),
        "unknown loss": (nmfcore.nmf, (D.X, 3), {"loss": "absolute"}),
        "unknown solver": (nmfcore.nmf, (D.X, 3), {"solver": "newton"}),
        "solver of another loss": (nmfcore.nmf, (D.X, 3), {"loss": KL, "solver": "hals"}),
        "unknown start": (nmfcore.hals, (D.X, 3), {"init": "zeros"}),
        "start of another shape": (nmfcore.hals, (D.X, 3), {"init": (D.W0, D.H0)}),
        "zeros for is": (nmfcore.mu, (D.counts, 3), {"loss": IS}),
        "penalty of another kind": (nmfcore.hals, (D.X, 3), {"penalty_W": 0.1}),
        "penalty not served": (nmfcore.mu, (D.X, 3), {"loss": KL, "penalty_H": penalties.Hoyer(0.5, 1)}),
        "negative strength": (penalties.L1, (-1.0,), {}),
        "bounds of a box": (nmfcore.hals, (D.X, 3), {"penalty_W": penalties.Box(upper=1.0, lower=2.0)}),
        "weights of another shape": (nmfcore.hals, (D.X, 3), {"weights": D.weights.T}),
        "mask of numbers": (nmfcore.hals, (D.X, 3), {"mask": D.weights}),
        "given factors": (nmfcore.hals, (D.X, 5), {"fixed_W": D.W0, "fixed_H": D.H0}),
        "threads": (nmfcore.hals, (D.X, 3), {"n_threads": 0}),
        "delta of Huber": (nmfcore.Huber, (0.0,), {}),
        "transform": (nmfcore.transform, (D.X, D.H0[:, 1:]), {}),
        "nnls": (nmfcore.nnls, (D.X,), {}),
        "svd": (nmfcore.svd, (D.X, 41), {}),
        "separable": (nmfcore.separable, (planted(20, 15, 2, 29), 5), {}),
        "fit_many": (nmfcore.fit_many, (D.X, [2, 2]), {}),
        "select_rank": (nmfcore.select_rank, (D.X, [2, 3], "guess"), {}),
        "archetypes": (nmfcore.archetypes, (D.signed, 3), {"delta": 2.0}),
        "complete": (nmfcore.complete, (D.X, 3), {}),
        "symmetric": (nmfcore.symmetric, (D.X[:40], 3), {}),
        "hierarchical": (nmfcore.hierarchical, (D.groups, 71), {}),
        "NMF": (nmfcore.sklearn.NMF(0).fit, (D.X,), {}),
        "NMF, negative X": (nmfcore.sklearn.NMF(4).fit, (bad,), {}),
    }
    return [(f"error: {name}", partial(refused, call, *args, **more)) for name, (call, args, more) in lines.items()]


# --- What is kept of a result -----------------------------------------------------------------------------------------


def fields(value: Any, path: str = "") -> Iterator[tuple[str, Leaf]]:
    """All arrays, numbers and texts of a result, by their names."""
    inner = named(value)
    if inner is None or path.split(".")[-1] in TEXTS:
        yield path or "value", leaf(value, path)
        return
    for name, part in inner.items():
        if not name.startswith("_") and name != UNTIMED:
            yield from fields(part, f"{path}.{name}" if path else name)


def named(value: Any) -> dict[str, Any] | None:
    """What a value is made of; None where it is one thing."""
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):
        return value._asdict()
    if isinstance(value, Mapping) and value:
        return {str(name): part for name, part in value.items()}
    if sp.issparse(value):
        return {name: getattr(value, name) for name in ("data", "indices", "indptr")}
    if isinstance(value, tuple | list) and value and not all(isinstance(part, str) for part in value):
        return {str(i): part for i, part in enumerate(value)}
    return None


def leaf(value: Any, path: str) -> Leaf:
    """What is kept of one thing."""
    if path.split(".")[-1] in TEXTS:
        if isinstance(value, Mapping):
            value = json.dumps({name: part for name, part in value.items() if name != "version"}, sort_keys=True)
        return {"text": value}
    if isinstance(value, np.ndarray):
        return of_array(value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str | tuple | list | Mapping):
        return {"value": repr(value)}
    raise TypeError(f"{path} is of type {type(value).__name__}, of which nothing is known here")


def of_array(A: np.ndarray) -> Leaf:
    """The digest of an array, and its sizes."""
    order = "C" if A.flags.c_contiguous else "F" if A.flags.f_contiguous else "neither"
    digest = hashlib.sha256(np.ascontiguousarray(A).tobytes()).hexdigest()
    norm, places = sizes(A.astype(np.float64).ravel())
    kept = {"sha256": digest, "dtype": A.dtype.str, "shape": list(A.shape), "order": order}
    return kept | {"norm": repr(norm), "places": repr(places)}


def sizes(a: np.ndarray) -> tuple[float, float]:
    """The Euclidean norm of the finite entries, and their inner product with entries from -1 to 1."""
    a = np.where(np.isfinite(a), a, 0.0)
    largest = float(np.max(np.abs(a), initial=0.0)) or 1.0
    a = a / largest
    return largest * float(np.sqrt(np.sum(a * a))), largest * float(np.sum(a * np.cos(np.arange(len(a)))))


# --- Recording and comparing ------------------------------------------------------------------------------------------


def computed(only: str) -> dict[str, Record]:
    """The records of all cases with that word in their names; one that fails is recorded with its error."""
    table = [case for case in cases() if only in case[0]]
    if len({name for name, _ in table}) < len(table):
        raise ValueError("two cases have one name")
    found: dict[str, Record] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, call in table:
            try:
                found[name] = dict(fields(call()))
            except Exception as error:
                found[name] = {"failed": {"value": f"{type(error).__name__}: {error}"}}
    return found


def environment() -> dict[str, str]:
    """What bits depend on beside the code."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        nmfcore.show_config()
    level = next((line for line in printed.getvalue().splitlines() if line.startswith("level")), "")
    packages = {name: importlib.metadata.version(name) for name in ("numpy", "scipy", "scikit-learn", "pandas")}
    return packages | {"Python": platform.python_version(), "level": " ".join(level.split()[1:])}


def distance(old: Leaf, new: Leaf) -> float | None:
    """How far two arrays or numbers are apart, as a share of the larger one; None where that means nothing."""
    if "sha256" in old and "sha256" in new and old["shape"] == new["shape"]:
        (norm, places), (new_norm, new_places) = ([float(of[name]) for name in ("norm", "places")] for of in (old, new))
        return max(abs(new_norm - norm), abs(new_places - places)) / (max(norm, new_norm) or 1.0)
    try:
        a, b = (float(of["value"]) for of in (old, new))
    except (KeyError, ValueError):
        return None
    apart = abs(a - b) / (max(abs(a), abs(b)) or 1.0)
    return apart if np.isfinite(apart) else None


def shown(apart: float) -> str:
    """A difference; that of other bits may be too small for norms and sums."""
    return f"{apart:.1e}" if apart else "below 1e-16"


def said(field: str, old: Leaf | None, new: Leaf | None) -> str:
    """One difference in words."""
    if old is None or new is None:
        return f"{field} is gone" if new is None else f"{field} is new: {new.get('value', 'an array or a text')}"
    changed = [name for name in ("dtype", "shape", "order", "value", "text") if old.get(name) != new.get(name)]
    words = [f"{name} {new.get(name)!r}, was {old.get(name)!r}" for name in changed]
    apart = distance(old, new)
    if apart is not None and (old.get("sha256") != new.get("sha256") or "value" in changed):
        words.append(f"relative difference {shown(apart)}")
    return f"{field}: {'; '.join(words)}"


def differences(old: Record, new: Record, texts: bool) -> list[tuple[str, Leaf | None, Leaf | None]]:
    """The fields of a case that are not the same; of one that fails now, the error."""
    names = ["failed"] if "failed" in new else list({**old, **new})
    pairs = [(name, old.get(name), new.get(name)) for name in names]
    return [pair for pair in pairs if pair[1] != pair[2] and (texts or "text" not in (pair[1] or pair[2]))]


def record(path: Path, only: str) -> int:
    """Write what all cases give."""
    found = computed(only)
    failed = {name: kept["failed"]["value"] for name, kept in found.items() if "failed" in kept}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(kept)}" for name, kept in found.items())
    path.write_text(f'{{"environment": {json.dumps(environment())},\n"cases": {{\n{lines}\n}}}}\n')
    for name, error in failed.items():
        print(f"{name}: {error}")
    print(f"{len(found)} cases, {len(failed)} failed")
    return int(bool(failed))


def compare(path: Path, only: str, texts: bool) -> int:
    """List what is not as it was."""
    kept = json.loads(path.read_text())
    for name, version in environment().items():
        if kept["environment"].get(name) != version:
            print(f"note: {name} is {version}, was {kept['environment'].get(name)}: bits may differ for that alone")
    old, new = {name: of for name, of in kept["cases"].items() if only in name}, computed(only)
    differing = 0
    for name in {**old, **new}:
        if name not in old or name not in new:
            differing += 1
            print(f"{name}: {'not recorded' if name not in old else 'no longer a case'}")
            continue
        found = differences(old[name], new[name], texts)
        differing += bool(found)
        if found:
            apart = [distance(*pair[1:]) for pair in found if None not in pair]
            largest = max((size for size in apart if size is not None), default=None)
            print(f"{name}: " + ("" if largest is None else f"largest relative difference {shown(largest)}"))
            print("\n".join(f"    {said(*pair)}" for pair in found))
    print(f"{len({**old, **new})} cases, {differing} differ")
    return int(differing > 0)


def main(arguments: list[str]) -> int:
    """Read the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=("record", "compare"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--messages", action="store_true", help="compare texts, too")
    parser.add_argument("--only", default="", metavar="WORD", help="cases whose names contain it")
    asked = parser.parse_args(arguments)
    print(f"nmfcore in {Path(nmfcore.__file__).parent}")
    clock = time.perf_counter()
    if asked.action == "record":
        status = record(asked.file, asked.only)
    else:
        status = compare(asked.file, asked.only, asked.messages)
    print(f"{time.perf_counter() - clock:.0f} s", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
