"""Hierarchical clustering by NMF of rank 2: the tree, the criterion of its splits, and its clusters."""

import re

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import same_clusters
from test_orthogonal import rays

import nmfcore
from nmfcore._relatives.hierarchical import hierarchical
from nmfcore.reference import relatives


def halves(X, refine):
    """The split of a leaf by the same fit and the same exchange of rows."""
    if len(X) == 1:
        return np.array([True])
    W, H = nmfcore.nmf(X, 2, max_iter=100, tol=1e-3)
    shares = W * np.linalg.norm(H, axis=1)
    labels = shares.argmax(axis=1)
    return (relatives.orthogonal(X, labels, 2, refine)[1] if refine else labels) == 0


@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize(("n_leaves", "refine"), [(1, 0), (2, 10), (5, 0), (8, 0), (8, 10)])
def test_it_does_what_the_reference_does(n_leaves, refine, form):
    X, _ = rays(spread=0.8)
    tree = hierarchical(form(X), n_leaves, refine=refine)
    leaves = relatives.hierarchical(X, n_leaves, lambda part: halves(part, refine))
    wanted = np.empty(len(X), int)
    for label, rows in enumerate(leaves):
        wanted[rows] = label
    assert same_clusters(tree.labels, wanted)
    left = np.sum(X**2) - sum(np.linalg.norm(X[rows], 2) ** 2 for rows in leaves)
    np.testing.assert_allclose(tree.objective, 0.5 * left, rtol=1e-9)
    np.testing.assert_allclose(tree.relative_error**2, left / np.sum(X**2), rtol=1e-9)


def test_planted_clusters_and_the_levels_above_them(dtype):
    """Two groups of two: the first split finds the groups."""
    rng = np.random.default_rng(0)
    B = np.kron(np.eye(2), np.full((2, 6), 0.3)) + np.kron(np.eye(4), np.ones((1, 3)))
    labels = rng.integers(0, 4, 200)
    X = (B[labels] * rng.lognormal(0, 0.1, (200, 12))).astype(dtype)
    for form in (np.asarray, sp.csr_array):
        tree = hierarchical(form(X), 4, random_state=0)
        assert same_clusters(tree.labels, labels) and same_clusters(tree.cut(2), labels // 2)
        assert tree.components.dtype == dtype and not tree.cut(1).any()
        np.testing.assert_array_equal(tree.cut(4), tree.labels)


def test_the_tree_fits_together():
    X, _ = rays(spread=1.0)
    tree = hierarchical(X, 6, random_state=0)
    inner = np.setdiff1d(np.arange(11), tree.leaves)
    assert len(tree.leaves) == 6 and tree.parents[0] == -1 and tree.rows(0).tolist() == list(range(len(X)))
    for node in inner:
        children = tree.children[node]
        assert (tree.parents[children] == node).all()
        both = np.sort(np.concatenate([tree.rows(child) for child in children]))
        np.testing.assert_array_equal(both, tree.rows(node))
        squares = [np.linalg.norm(X[tree.rows(i)], 2) ** 2 for i in (*children, node)]
        np.testing.assert_allclose(tree.gains[node], 0.5 * (squares[0] + squares[1] - squares[2]), rtol=1e-9)
    np.testing.assert_array_equal(tree.sizes, [len(tree.rows(i)) for i in range(11)])
    np.testing.assert_allclose(
        0.5 * (np.sum(X**2) - np.linalg.norm(X, 2) ** 2) - tree.gains[inner].sum(), tree.objective, rtol=1e-9
    )
    for label, direction in enumerate(tree.components):
        leading = np.linalg.svd(X[tree.labels == label])[2][0]
        np.testing.assert_allclose(direction, np.abs(leading), atol=1e-9)
    for n_leaves in range(1, 6):  # nested: the last splits are undone
        np.testing.assert_array_equal(tree.cut(n_leaves), hierarchical(X, n_leaves, random_state=0).labels)
    lines = str(tree).splitlines()
    assert len(lines) == 11 and lines[0].startswith(f"0: {len(X)} rows, gain")


def test_an_exchange_of_rows_lowers_the_objective():
    X, _ = rays(spread=1.5)
    plain, refined = (hierarchical(X, 2, refine=refine, random_state=0) for refine in (0, 10))
    assert refined.objective < plain.objective


def test_nothing_to_split():
    X = np.outer([1.0, 2.0, 0.0, 3.0], [1.0, 2.0])
    tree = hierarchical(X, 3, random_state=0)
    assert len(tree.leaves) == 1 and not tree.labels.any() and tree.gains[0] == 0 and tree.relative_error < 1e-14
    zero = hierarchical(np.zeros((3, 2)), 2)
    assert zero.objective == 0 and len(zero.leaves) == 1
    singles = hierarchical(np.eye(5), 5, random_state=0)
    assert sorted(singles.labels) == [0, 1, 2, 3, 4] and singles.relative_error < 1e-14
    assert len(hierarchical(np.eye(5), 5, max_time=0).leaves) == 1


def test_callbacks_and_limits(capsys):
    X, _ = rays(spread=1.0)
    seen = []
    tree = hierarchical(X, 6, random_state=0, verbose=True, callback=lambda tree: seen.append(tree) or len(seen) == 3)
    assert [len(one.leaves) for one in seen] == [2, 3, 4] and len(tree.leaves) == 4
    np.testing.assert_array_equal(tree.labels, seen[-1].labels)
    assert capsys.readouterr().out.count("relative error") == 3
    whole = hierarchical(X, 3, random_state=0, callback=seen.append)
    np.testing.assert_array_equal(seen[-1].labels, whole.labels)  # the callback is called after the last split, too
    with pytest.raises(TypeError, match=r"callback is 1 \(int\)"):
        hierarchical(X, 3, callback=1)


def test_scale_and_threads():
    X, _ = rays(300, 60, spread=1.0)
    tree = hierarchical(X, 5, random_state=1)
    for same in (hierarchical(X, 5, random_state=1, n_threads=1), hierarchical(X * 2.0**40, 5, random_state=1)):
        np.testing.assert_array_equal(same.labels, tree.labels)
        np.testing.assert_array_equal(same.components, tree.components)
    np.testing.assert_array_equal(hierarchical(X * 1e-160, 5, random_state=1).labels, tree.labels)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_leaves": 4}, ValueError, "n_leaves is 4, but X has 3 rows; wanted n_leaves <= 3"),
        ({"n_leaves": 0}, ValueError, "n_leaves is 0; wanted an integer >= 1"),
        ({"max_iter": 0}, ValueError, "max_iter is 0; wanted an integer >= 1"),
        ({"X": -np.eye(3)}, ValueError, "X has 3 negative entries"),
    ],
)
def test_bad_input(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        hierarchical(**({"X": np.eye(3), "n_leaves": 2} | options))


def test_bad_questions():
    tree = hierarchical(np.eye(3), 2, random_state=0)
    with pytest.raises(ValueError, match=r"n_leaves is 3, but the tree has 2 leaves; wanted n_leaves <= 2"):
        tree.cut(3)
    with pytest.raises(ValueError, match=r"node is 3, but the tree has 3 nodes; wanted node < 3"):
        tree.rows(3)
