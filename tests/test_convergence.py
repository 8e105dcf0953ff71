"""The warning of a fit that ends at max_iter far from a stationary point, and what a result does with new samples."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import planted

import nmfcore

WANTED = "far from a stationary point"


@pytest.fixture(autouse=True)
def no_warning_is_ignored():
    with warnings.catch_warnings():
        warnings.simplefilter("error", nmfcore.ConvergenceWarning)
        yield


@pytest.mark.parametrize("fit", [nmfcore.hals, nmfcore.mu, nmfcore.nmf])
def test_a_fit_that_is_far_from_its_end_warns(fit):
    X, *_ = planted(60, 40, 5)
    with pytest.warns(nmfcore.ConvergenceWarning, match=WANTED) as record:
        fit(X, 5, init="random", random_state=0, max_iter=3)
    assert record[0].filename == __file__  # it points at the caller, not into the package


def test_where_there_is_nothing_to_warn_of():
    X, *_ = planted(60, 40, 5)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        nmfcore.hals(X, 5, random_state=0)
        nmfcore.mu(X, 5, loss="kullback-leibler", random_state=0)
        nmfcore.hals(X, 5, max_iter=3, tol=0)
        nmfcore.hals(X, 5, max_iter=0)
        nmfcore.hals(X, 5, callback=lambda state: state.iteration == 2)
        nmfcore.hals(np.zeros((4, 3)), 2, max_iter=2)
        nmfcore.fit_many(X, [2, 3], 2, max_iter=3, random_state=0)
        nmfcore.select_rank(X, [2, 3], max_iter=3, random_state=0)
    assert not [warning for warning in caught if warning.category is nmfcore.ConvergenceWarning]


def test_transform_warns_where_it_has_not_converged():
    X, _, H = planted(30, 40, 8)
    for loss, limit in (("kullback-leibler", {"max_iter": 20}), ("itakura-saito", {"max_time": 0.0})):
        options = {"loss": loss, "solver": "mu"} | limit
        with pytest.warns(nmfcore.ConvergenceWarning, match=f"W has not converged: .* {next(iter(limit))}") as record:
            nmfcore.transform(X + 0.1, H, **options)
        assert record[0].filename == __file__
        result = nmfcore.transform(X + 0.1, H, **options, tol=0, full_output=True)
        assert not result.converged
    nmfcore.transform(X, H, loss="kullback-leibler")
    nmfcore.transform(X, H, loss="kullback-leibler", max_iter=0)


@pytest.mark.parametrize(
    "loss",
    [
        "kullback-leibler",
        "itakura-saito",
        1.5,
        np.float64(1.5),
        "l1",
        nmfcore.losses.L1(np.float64(0.01)),
        nmfcore.Huber(0.5),
        nmfcore.Huber(np.float32(0.7)),
        nmfcore.BetaDivergence(0.5),
    ],
)
def test_new_samples_get_the_loss_of_the_fit(loss):
    X = planted(30, 20, 3)[0] + 0.1
    result = nmfcore.nmf(X, 3, loss=loss, random_state=0, max_iter=1000)
    expected = nmfcore.transform(X[:5], result.H, loss=loss)
    np.testing.assert_array_equal(result.transform(X[:5]), expected)
    np.testing.assert_array_equal(nmfcore.transform(X[:5], result), expected)
    other = nmfcore.transform(X[:5], result, loss="frobenius")
    np.testing.assert_array_equal(other, nmfcore.transform(X[:5], result.H))
    assert not np.array_equal(other, expected)


def test_l21_is_written_as_it_is_made():
    X = planted(30, 20, 3)[0]
    result = nmfcore.nmf(X, 3, loss=nmfcore.L21(0.01), random_state=0)
    assert result.options["loss"] == "L21(epsilon=0.01)"
    np.testing.assert_array_equal(result.transform(X), nmfcore.transform(X, result.H, loss=nmfcore.L21(0.01)))


def test_a_result_that_was_loaded_knows_its_loss(tmp_path):
    X = planted(30, 20, 3)[0]
    result = nmfcore.nmf(X, 3, loss=nmfcore.Huber(0.5), random_state=0)
    result.save(tmp_path / "fit.npz")
    np.testing.assert_array_equal(nmfcore.Result.load(tmp_path / "fit.npz").transform(X), result.transform(X))


def test_reconstruct():
    X = planted(30, 20, 3)[0]
    result = nmfcore.hals(sp.csr_array(X.astype(np.float32)), 3, random_state=0)
    whole = result.W @ result.H
    assert result.reconstruct().dtype == np.float32
    np.testing.assert_array_equal(result.reconstruct(), whole)
    np.testing.assert_allclose(result.reconstruct([3, 1]), whole[[3, 1]], rtol=1e-6)
    np.testing.assert_allclose(result.reconstruct(slice(2, 5)), whole[2:5], rtol=1e-6)
    np.testing.assert_allclose(result.reconstruct(-1), whole[-1], rtol=1e-6)
    np.testing.assert_allclose(result.reconstruct(np.arange(30) < 2), whole[:2], rtol=1e-6)
    for rows in (30, [0.5], [True], "first"):
        with pytest.raises(nmfcore.InputError, match="rows is no index of the 30 rows of W"):
            result.reconstruct(rows)
