"""Weights and missing entries where nothing is observed, nothing is stored, or the scale is extreme."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp

import nmfcore


@pytest.mark.parametrize(
    "known",
    [
        {"penalty_W": nmfcore.penalties.L1(0.1), "penalty_H": nmfcore.penalties.L2(0.1)},
        {"penalty_W": nmfcore.penalties.Box(upper=0.9)},
        {"fixed_W": np.where(np.arange(9)[:, None] == 5, 0.3, np.full((9, 3), np.nan))},
    ],
)
@pytest.mark.parametrize("solver", ["hals", "mu", "pgd"])
def test_a_row_without_entries_is_not_left_where_it_started(known, solver):
    rng = np.random.default_rng(0)
    X, mask = rng.random((9, 8)) + 0.05, np.zeros((9, 8), dtype=bool)
    mask[2] = True
    with pytest.warns(UserWarning, match="1 row of X has no observed entry") as caught:
        found = nmfcore.nmf(X, 3, solver=solver, mask=mask, random_state=0, max_iter=50, **known)
    assert np.all(found.W[2] < 1e-9)
    assert caught[0].filename == __file__


def test_nothing_is_warned_of_a_factor_that_is_given():
    rng = np.random.default_rng(0)
    X, H, mask = rng.random((3, 8)), rng.random((2, 8)), np.zeros((3, 8), dtype=bool)
    mask[:, 4] = True
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        W = nmfcore.transform(X, H, mask=mask)
    assert not caught and W.shape == (3, 2)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler", 1.5])
def test_it_makes_no_difference_whether_a_hidden_place_is_stored(loss):
    rng = np.random.default_rng(0)
    X, mask = rng.random((30, 20)), rng.random((30, 20)) < 0.2
    results = [
        nmfcore.nmf(sp.csr_array(np.where(mask, fill, X)), 3, loss=loss, mask=mask, random_state=0, max_iter=9, tol=0)
        for fill in (0.0, 1.0, np.nan)
    ]
    for other in results[1:]:
        np.testing.assert_array_equal(other.W, results[0].W)
        assert (other.objective, other.relative_error) == (results[0].objective, results[0].relative_error)


def test_weights_out_of_scale():
    X = np.random.default_rng(0).random((6, 5)).astype(np.float32)
    with pytest.raises(ValueError, match=r"the largest weight is 1e\+12; wanted a largest weight from 1e-09 to 1e\+09"):
        nmfcore.hals(X, 2, weights=np.full((6, 5), 1e12))
