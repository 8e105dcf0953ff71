"""Calls that users write, for the type checker: `pyright` must find nothing wrong here. Nothing runs this file."""

import numpy as np
import pandas as pd
import scipy.sparse as sp

import nmfcore
from nmfcore import losses, penalties

X = np.ones((6, 5))
frame = pd.DataFrame(X)
sparse = sp.csr_array(X)

# Any array, any loss object, any start.
result: nmfcore.Result = nmfcore.hals(X, 2)
W, H = nmfcore.hals([[1.0, 2.0], [3.0, 4.0]], 1)
for data in (X, frame, sparse, X.astype(np.float32), np.ma.masked_array(X, X > 2)):
    nmfcore.nmf(data, 2, loss="kullback-leibler")
for loss in (losses.Huber(1.0), losses.L1(), losses.L21(), losses.BetaDivergence(1.5), nmfcore.Huber(0.5)):
    nmfcore.nmf(X, 2, loss=loss)
nmfcore.nmf(X, 2, loss=0.5)
nmfcore.mu(X, 2, loss=1, floor=0)
nmfcore.hals(X, 2, init=result)
nmfcore.hals(X, 2, init=(result.W, result.H))
nmfcore.hals(X, 2, init=nmfcore.Checkpoint.load("fit.npz"))
nmfcore.hals(X, 2, random_state=np.random.default_rng(0), max_time=1.5, n_threads=-1)

# Penalties, sets and known values.
nmfcore.hals(X, 2, penalty_W=penalties.L1(0.1) + penalties.L2(0.2), penalty_H=penalties.Smooth(0.5))
nmfcore.hals(X, 2, penalty_H=penalties.SumToOne(axis=1), penalty_W=penalties.Box(0.0, 1.0))
nmfcore.hals(X, 2, penalty_W=sum([penalties.L1(0.1), penalties.L2(0.1)], start=penalties.L1(0.2)))
nmfcore.nmf(X, 2, fixed_W=np.full((6, 2), np.nan), weights=sparse, mask=X > 2, missing=None)


def stop_early(state: nmfcore.State) -> bool:
    """A callback that ends a fit."""
    state.checkpoint().save("fit.npz")
    return state.relative_error < 0.1 or state.W.shape[0] > 10


nmfcore.nmf(X, 2, callback=stop_early, verbose=True)
nmfcore.nmf(X, 2, callback=lambda state: print(state.iteration, state.history.objective[-1]))

# Results.
error: float = result.relative_error
model: np.ndarray = result.reconstruct([0, 1])
more: np.ndarray = result.transform(frame)
again: np.ndarray = nmfcore.transform(X, result, penalty_W=penalties.L1(0.1))
loaded: nmfcore.Result = nmfcore.Result.load("fit.npz").order().normalize("l1", by="H")
frames = result.to_frame("polars")
ratio: float = result.optimality(X).ratio
steps: np.ndarray = result.history.seconds

# Many fits, the rank, and what stands above.
ensemble: nmfcore.Ensemble = nmfcore.fit_many(X, range(2, 4), n_starts=3, random_state=0, ledger="fits.db")
best: nmfcore.Result = ensemble.best(2)
permutations = ensemble.match(2).permutations
stability: float = ensemble.stability(2).instability
consensus = ensemble.consensus_factors(X, 2).H
choice: nmfcore.RankChoice = nmfcore.select_rank(X, [1, 2, 3], method="elbow")
k: int = choice.k
U, s, Vt = nmfcore.svd(X, 2)
Y = nmfcore.nnls(X, X)
archetypes: np.ndarray = nmfcore.archetypes(X, 2).archetypes
rows: np.ndarray = nmfcore.separable(X, 2).rows
labels: np.ndarray = nmfcore.symmetric(X @ X.T, 2).labels
filled: nmfcore.Completion = nmfcore.complete(sparse, 2)

try:
    nmfcore.hals(X, 0)
except nmfcore.InputError as mistake:
    print(mistake)
