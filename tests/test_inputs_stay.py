"""No call writes to what the caller passes, in whatever form it is stored, and also if the call refuses it."""

import contextlib
import hashlib

import numpy as np
import pytest
import scipy.sparse as sp

import nmfcore
from nmfcore import penalties

REFUSALS = nmfcore._checks.InputError, nmfcore._checks.InputTypeError
RNG = np.random.default_rng(0)
DENSE = RNG.gamma(0.5, size=(40, 30)) + 0.01
HOLES = RNG.random(DENSE.shape) < 0.2
THIN = np.where(DENSE > 0.3, DENSE, 0)


def unsorted(A):
    """In compressed rows, each of which is stored from its end."""
    rows = [np.flatnonzero(row)[::-1] for row in A]
    indptr, indices = np.cumsum([0, *map(len, rows)]), np.concatenate(rows)
    return sp.csr_array((A[np.repeat(np.arange(len(A)), np.diff(indptr)), indices], indices, indptr), shape=A.shape)


def doubled(A):
    """In coordinates, where one entry is stored twice as a half."""
    S = sp.coo_array(A)
    first = [part[:1] for part in (S.data, S.row, S.col)]
    values, rows, columns = (np.concatenate(pair) for pair in zip((S.data, S.row, S.col), first, strict=True))
    if values.dtype != bool:
        values[0], values[-1] = values[0] / 2, values[0] / 2
    return sp.coo_array((values, (rows, columns)), shape=A.shape)


def read_only(A):
    A = A.copy()
    A.flags.writeable = False
    return A


def in_columns(A):
    return unsorted(A.T).T


def memory(value):
    """A digest of every byte that the value has."""
    names = [name for name in ("indptr", "indices", "data", "row", "col") if hasattr(value, name)]
    arrays = [np.asarray(getattr(value, name)) for name in names] if sp.issparse(value) else [value]
    return [(array.shape, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()) for array in arrays]


FORMS = [read_only, lambda A: read_only(np.asfortranarray(A)), unsorted, doubled, in_columns]
IDS = ["dense", "Fortran", "unsorted", "doubled", "columns"]
DOORS = {
    "hals": lambda X: nmfcore.hals(X, 3, max_iter=3),
    "mu": lambda X: nmfcore.mu(X, 3, max_iter=3),
    "beta": lambda X: nmfcore.nmf(X, 3, loss=1.5, max_iter=3),
    "itakura-saito": lambda X: nmfcore.nmf(X, 3, loss="itakura-saito", max_iter=3),
    "beta -1": lambda X: nmfcore.nmf(X, 3, loss=-1.0, max_iter=3),
    "huber": lambda X: nmfcore.nmf(X, 3, loss=nmfcore.Huber(0.1), max_iter=3),
    "transform": lambda X: nmfcore.transform(X, DENSE[:3], max_iter=3),
    "fit_many": lambda X: nmfcore.fit_many(X, [2], n_starts=2, max_iter=3, random_state=0),
    "select_rank": lambda X: nmfcore.select_rank(X, [1, 2], n_starts=1, max_iter=3, random_state=0),
    "separable": lambda X: nmfcore.separable(X, 3),
    "svd": lambda X: nmfcore.svd(X, 3),
    "nnls": lambda X: nmfcore.nnls(DENSE[:, :3], X),
    "archetypes": lambda X: nmfcore.archetypes(X, 3, random_state=0),
    "complete": lambda X: nmfcore.complete(X, 3, random_state=0),
    "orthogonal": lambda X: nmfcore.orthogonal(X, 3, random_state=0),
    "hierarchical": lambda X: nmfcore.hierarchical(X, 3, random_state=0),
    "weights": lambda X: nmfcore.hals(DENSE, 3, weights=X, max_iter=3),
    "mask": lambda X: nmfcore.hals(X, 3, mask=HOLES, max_iter=3),
    "unstored": lambda X: nmfcore.hals(X, 3, missing="unstored", max_iter=3),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS, ids=IDS)
@pytest.mark.parametrize("name", DOORS)
def test_x_and_weights_stay(name, form):
    X = form(THIN)
    before = memory(X)
    with contextlib.suppress(*REFUSALS):  # of the storage or of a zero
        DOORS[name](X)
    assert memory(X) == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("form", FORMS, ids=IDS)
@pytest.mark.parametrize("X", [DENSE, sp.csr_array(THIN)], ids=["dense", "sparse"])
def test_masks_stay(X, form):
    mask = form(HOLES)
    before = memory(mask)
    nmfcore.hals(X, 3, mask=mask, max_iter=3)
    assert memory(mask) == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("solver", ["hals", "bpp", "mu", "pgd"])
def test_starts_fixed_values_and_targets_stay(solver):
    W, H, target = read_only(DENSE[:, :3]), read_only(DENSE[:3]), read_only(DENSE[:, 3:6])
    known = read_only(np.where(np.arange(3)[:, None] < 1, DENSE[:3], np.nan))
    before = [memory(A) for A in (W, H, target, known)]
    nmfcore.nmf(DENSE, 3, solver=solver, init=(W, H), max_iter=3)
    nmfcore.nmf(DENSE, 3, solver=solver, fixed_H=H, max_iter=3)
    if solver in ("hals", "mu"):
        nmfcore.nmf(DENSE, 3, solver=solver, fixed_H=known, penalty_W=penalties.Prior(target, 0.1), max_iter=3)
    assert [memory(A) for A in (W, H, target, known)] == before


@pytest.mark.parametrize("loss", ["itakura-saito", 0.0, -1.0])
@pytest.mark.parametrize("form", [np.asarray, *FORMS])
def test_zeros_where_the_loss_is_infinite_are_counted(loss, form):
    zeros = int(np.count_nonzero(THIN == 0))
    with pytest.raises(nmfcore._checks.InputError, match=f"X has {zeros} zeros among 1200 entries"):
        nmfcore.nmf(form(THIN), 3, loss=loss)
    one = DENSE.copy()
    one[3, 4] = 0
    with pytest.raises(nmfcore._checks.InputError, match="X has 1 zero among 1200 entries"):
        nmfcore.nmf(form(one), 3, loss=loss)
