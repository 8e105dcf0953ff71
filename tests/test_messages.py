"""Messages that no other test reads, for dense and sparse arguments."""

import sqlite3

import numpy as np
import pytest
import scipy.sparse as sp

import nmfcore
from nmfcore import penalties, sklearn

X = np.random.default_rng(0).random((8, 6)) + 0.1
HIDDEN = np.ma.masked_array(X, mask=X < 0.3)
RAGGED = [[1.0, 2.0], [3.0]]


def refused(match, call, error=nmfcore.InputError):
    with pytest.raises(error, match=match) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_arrays_with_masked_entries():
    wanted = "is a masked array with .* masked entries; wanted an array without any"
    refused(f"H {wanted}", lambda: nmfcore.transform(X, np.ma.masked_array(X[:2], mask=X[:2] < 0.3)))
    refused(f"B {wanted}", lambda: nmfcore.nnls(HIDDEN[:, :2], X))
    refused(f"X {wanted}", lambda: nmfcore.separable(HIDDEN, 2))


@pytest.mark.parametrize("call", [lambda: nmfcore.hals(RAGGED, 1), lambda: nmfcore.transform(X, RAGGED)])
def test_ragged_lists(call):
    refused("^[XH] cannot be read as a matrix; wanted rows of the same length", call)


@pytest.mark.parametrize("value", [b"kl", ["kl"], ("frobenius",), object()])
def test_losses_of_another_type(value):
    refused(r"^loss is .*; wanted one of 'frobenius', ", lambda: nmfcore.nmf(X, 2, loss=value), nmfcore.InputTypeError)


def test_an_epsilon_that_is_round_off():
    refused("epsilon is 1e-300; wanted at least", lambda: nmfcore.L21(1e-300))
    refused("epsilon is -1.0", lambda: nmfcore.L21(-1.0))


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.csc_array])
def test_weights_beyond_the_range(form):
    weights = np.ones(X.shape)
    single = X.astype(np.float32)
    weights[1, 2] = 1e60
    refused("the largest weight is 1e.60; wanted", lambda: nmfcore.hals(form(single), 2, weights=form(weights)))
    weights[1, 2] = 1e-60
    refused("weights have entries beyond the range of float32", lambda: nmfcore.hals(form(single), 2, weights=weights))
    refused("weights have entries beyond the range of float32", lambda: nmfcore.hals(single, 2, weights=form(weights)))


def test_two_sets_for_one_factor():
    both = penalties.SumToOne(1) + penalties.Hoyer(0.5, axis=1)
    refused(
        "^penalty_W=SumToOne.*penalty_W=Hoyer.* are two sets.*; wanted one of them",
        lambda: nmfcore.nmf(X, 2, penalty_W=both, solver="pgd"),
    )


def test_a_checkpoint_starts_one_fit():
    kept = []
    nmfcore.hals(X, 2, max_iter=2, tol=0, callback=lambda state: kept.append(state.checkpoint()))
    wanted = "init is a Checkpoint, which is of one fit; wanted the name of a start, and a ledger"
    refused(wanted, lambda: nmfcore.fit_many(X, [2], 1, init=kept[0]), nmfcore.InputTypeError)


def test_a_ledger_with_failures_of_another_type(tmp_path):
    path = tmp_path / "fits"
    nmfcore.fit_many(X, [2], 1, random_state=0, ledger=path)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO failures VALUES ('two', 3, NULL)")
    connection.close()
    refused("is truncated or damaged", lambda: nmfcore.Ensemble.load(path))


def test_a_best_objective_that_is_no_number():
    plot = pytest.importorskip("nmfcore.plot")
    result = nmfcore.hals(X, 2)
    for best in (np.nan, np.inf):
        refused(f"best is {best}; wanted a finite number", lambda best=best: plot.convergence(result, best=best))


def test_mini_batches_without_masks():
    model = sklearn.MiniBatchNMF(2)
    refused("X is a masked array with hidden entries, which MiniBatchNMF does not leave out", lambda: model.fit(HIDDEN))
    refused("X is a masked array with hidden entries", lambda: model.partial_fit(HIDDEN))


def test_an_annotated_file_without_a_matrix(tmp_path, capsys):
    anndata = pytest.importorskip("anndata")
    from nmfcore.__main__ import main

    anndata.AnnData(obs={"a": [1, 2]}, layers=None).write_h5ad(tmp_path / "x.h5ad")
    assert main(["fit", str(tmp_path / "x.h5ad"), "-k", "1"]) == 2
    assert "x.h5ad has no X; wanted a file with a matrix" in capsys.readouterr().err
