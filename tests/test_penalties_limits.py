"""Penalties where something is extreme: strengths, scales, empty parts, and what else is said of a factor."""

import numpy as np
import pytest
from conftest import problem

import nmfcore
from nmfcore import penalties, reference

TARGET = np.random.default_rng(2).random((12, 4))


@pytest.mark.parametrize("solver", ["hals", "bpp", "pgd", "mu"])
@pytest.mark.parametrize("weights", [None, np.ones((12, 12))])
def test_strong_penalties_leave_nothing(solver, weights):
    X, *_ = problem(12, 12, 3)
    strong = penalties.L1(1e5)
    if solver == "bpp" and weights is not None:
        return
    found = nmfcore.nmf(X, 3, solver=solver, penalty_W=strong, penalty_H=strong, weights=weights, random_state=0)
    assert found.objective == pytest.approx(0.5 * np.sum(X**2), rel=1e-6)


def test_an_empty_part_has_no_share_under_a_slope():
    X, _, H = problem(12, 12, 3)
    H[1] = 0
    for solver in ("hals", "bpp", "mu"):
        W = nmfcore.transform(X, H, solver=solver, penalty_W=penalties.L1(1.0))
        assert np.all(W[:, 1] < 1e-9)


@pytest.mark.parametrize(
    "more", [{"penalty_H": penalties.Box(upper=1e6)}, {"fixed_H": np.vstack([np.ones(20), np.full((3, 20), np.nan)])}]
)
def test_what_else_is_said_of_a_factor_does_not_undo_its_penalty(more):
    X, *_ = problem(40, 20, 4)
    penalty = penalties.L1(20.0)
    if "penalty_H" in more:
        penalty = penalty + more["penalty_H"]
    found = nmfcore.hals(X, 4, random_state=0, max_iter=500, **{**more, "penalty_H": penalty})
    plain = nmfcore.hals(X, 4, random_state=0, max_iter=500, **{k: v for k, v in more.items() if k == "fixed_H"})
    assert found.W.max() < 100 * plain.W.max() and np.mean(found.H == 0) > np.mean(plain.H == 0) + 0.1
    value = reference.objective(X, found.W, found.H) + 20 * np.sum(
        found.H.sum(axis=1) * np.linalg.norm(found.W, axis=0)
    )
    np.testing.assert_allclose(found.objective, value, rtol=1e-9)


@pytest.mark.parametrize("p", [-332, 250, 332])
def test_scale_law_beyond_the_range_of_the_objective(p):
    X, W, H = problem(12, 12, 3)
    known = {"penalty_W": penalties.L1(1.0), "penalty_H": penalties.L2(0.1)}
    one = nmfcore.hals(X, 3, init=(W, H), max_iter=10, tol=0, **known)
    scaled = {
        "penalty_W": penalties.L1(np.ldexp(1.0, 3 * p)) if abs(p) < 340 else None,
        "penalty_H": known["penalty_H"],
    }
    scaled["penalty_H"] = penalties.L2(np.ldexp(0.1, 2 * p))
    other = nmfcore.hals(np.ldexp(X, 2 * p), 3, init=(np.ldexp(W, p), np.ldexp(H, p)), max_iter=10, tol=0, **scaled)
    np.testing.assert_allclose(np.ldexp(other.W, -p), one.W, rtol=1e-9, atol=1e-12)


def test_parts_that_do_not_overlap_cost_nothing():
    X = np.kron(np.eye(3), np.ones((4, 4)))
    start = np.kron(np.eye(3), np.ones((4, 1))), np.kron(np.eye(3), np.ones((1, 4)))
    for k, init in ((3, start), (1, (np.ones((12, 1)), np.ones((1, 12))))):
        found = nmfcore.hals(X, k, init=init, penalty_W=penalties.Orthogonality(1e6), max_iter=3)
        assert found.objective >= 0


def test_a_sum_begins_with_nothing():
    assert sum([penalties.L1(1), penalties.L2(2)]) == penalties.L1(1) + penalties.L2(2)


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"penalty_W": penalties.Box(upper=1.0) + penalties.Box(2.0, 3.0)}, r"have nothing in common at \(0, 0\)"),
        ({"penalty_W": penalties.Smooth(1, "ring")}, "graph is not a matrix of numbers"),
        ({"penalty_W": penalties.Prior(np.full((12, 4), "1.5"), 1)}, "target is not an array of real numbers"),
        ({"penalty_W": penalties.Prior(np.ma.masked_less(TARGET, 0.5), 1)}, "target has masked entries"),
        ({"penalty_W": penalties.SumToOne(1.0)}, "axis is 1.0; wanted 1 for a set of each row"),
        (
            {"penalty_W": penalties.Box(upper=np.ones((7, 5))), "fixed_W": np.ones((12, 4))},
            "bounds are not numbers that",
        ),
        (
            {"penalty_W": penalties.SumToOne(1), "fixed_W": np.ones((12, 4))},
            "the fixed values of row 0 sum to 4; wanted at most 1, or 1 if nothing is free",
        ),
    ],
)
def test_what_else_is_refused(known, message):
    with pytest.raises(ValueError, match=message):
        nmfcore.nmf(np.ones((12, 12)), 4, **known)


def test_a_whole_factor_given_in_its_set_is_taken():
    W = np.random.default_rng(0).dirichlet(np.ones(4), 12)
    found = nmfcore.hals(np.ones((12, 12)), 4, fixed_W=W, penalty_W=penalties.SumToOne(1))
    np.testing.assert_array_equal(found.W, W)


def test_values_beyond_the_dtype():
    X = np.ones((12, 12), np.float32)
    for known in ({"fixed_H": np.full((4, 12), 1e60)}, {"penalty_H": penalties.Box(1e60, np.inf)}):
        with pytest.raises(ValueError, match="has values that the float32 of X cannot hold"):
            nmfcore.hals(X, 4, **known)


def test_an_objective_below_zero_is_not_an_exact_fit():
    """MinVolume may be negative, and the fit goes on all the same."""
    X = 0.01 * (np.random.default_rng(0).random((30, 4)) @ np.random.default_rng(1).random((4, 20)) + 0.01)
    said = {"penalty_H": penalties.MinVolume(1.0), "penalty_W": penalties.SumToOne(axis=1)}
    found = nmfcore.nmf(X, 3, init="random", random_state=0, max_iter=50, **said)
    assert found.objective < 0
    assert found.n_iter > 1
