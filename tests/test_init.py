"""The starts."""

import numpy as np
import pytest
from conftest import planted

import nmfcore
from nmfcore import reference


def start(X, k, init, random_state=0):
    return nmfcore.hals(X, k, init=init, random_state=random_state, max_iter=0)


def spread(m=60, n=45, seed=0):
    """A matrix whose singular values are far apart, so that every algorithm finds the same vectors."""
    rng = np.random.default_rng(seed)
    U, V = (np.linalg.qr(rng.standard_normal((size, 8)))[0] for size in (m, n))
    X = (U * 2.0 ** -np.arange(8)) @ V.T
    return X - X.min() + 0.01


@pytest.mark.parametrize("transposed", [False, True])
def test_nndsvd_is_the_reference_s(transposed, dtype):
    X = spread().T if transposed else spread()
    W, H = start(X.astype(dtype), 5, "nndsvd")
    expected = reference.nndsvd(X, 5)
    tolerance = 1e-6 if dtype == np.float64 else 1e-3
    for found, F in zip((W, H), expected, strict=True):
        np.testing.assert_allclose(found, F, rtol=0, atol=tolerance * F.max())
    assert (W == 0).any() and (H == 0).any()


def test_nndsvd_of_the_transpose_is_the_transpose():
    W, H = start(spread(), 5, "nndsvd")
    Ht, Wt = start(spread().T, 5, "nndsvd")
    np.testing.assert_allclose(Ht, H.T, atol=1e-6)
    np.testing.assert_allclose(Wt, W.T, atol=1e-6)


def test_nndsvd_does_not_depend_on_the_seed():
    one, other = (start(spread(), 5, "nndsvd", seed) for seed in (0, 1))
    np.testing.assert_allclose(one.W, other.W, atol=1e-6)


def test_filled_zeros():
    X = spread()
    plain, mean, random = (start(X, 5, init) for init in ("nndsvd", "nndsvda", "nndsvdar"))
    for zero, a, ar in zip(plain, mean, random, strict=True):
        np.testing.assert_allclose(a, reference.filled(zero, X.mean() / np.sqrt(X.max())), rtol=1e-10)
        fill = ar[zero == 0]
        assert fill.min() >= 0 and 0 < fill.mean() < 0.02 * X.mean() / np.sqrt(X.max()) and len(np.unique(fill)) > 1
        np.testing.assert_allclose(ar[zero > 0], zero[zero > 0], rtol=1e-10)


@pytest.mark.parametrize("init", ["random", "nndsvd", "nndsvda", "nndsvdar", "spa"])
def test_starts_repeat_and_scale(init):
    X, *_ = planted(50, 40, 5)
    one, again, large = start(X, 5, init), start(X, 5, init), start(1000 * X, 5, init)
    np.testing.assert_array_equal(one.W, again.W)
    np.testing.assert_allclose(large.W @ large.H, 1000 * (one.W @ one.H), rtol=1e-9)
    assert 0 <= one.W.min() and 0 <= one.H.min() and one.relative_error < 1 + 1e-12
    assert one.W.any(axis=0).all() and one.H.any(axis=1).all()


def test_random_start_is_the_best_multiple_of_itself():
    X, *_ = planted(50, 40, 5)
    W, H = start(X, 5, "random")
    np.testing.assert_allclose(np.sum(X * (W @ H)), np.sum((W @ H) ** 2), rtol=1e-10)


def test_one_component_starts_at_the_leading_pair():
    X, *_ = planted(50, 40, 5)
    for init in ("auto", "nndsvd"):
        np.testing.assert_allclose(
            start(X, 1, init).objective, 0.5 * np.sum(np.linalg.svd(X, compute_uv=False)[1:] ** 2)
        )


def test_auto_is_random_where_there_are_too_few_singular_vectors():
    X, *_ = planted(9, 6, 3)
    np.testing.assert_array_equal(start(X, 8, "auto").W, start(X, 8, "random").W)
    np.testing.assert_array_equal(start(X, 6, "auto").W, start(X, 6, "nndsvda").W)


def test_rank_deficient():
    X = np.outer(np.arange(1.0, 9), np.arange(1.0, 7))
    for init in ("nndsvd", "nndsvda"):
        W, H = start(X, 4, init)
        assert np.isfinite(W).all() and np.isfinite(H).all()


def test_ties_are_decided_alike_for_every_seed():
    rng = np.random.default_rng(0)
    A, B = rng.random((2, 20, 3)) @ rng.random((2, 3, 15))
    mirrored = np.block([[A, B], [B, A]])  # half of its singular vectors are equal in both signs
    starts = [start(mirrored, 5, "nndsvd", seed).W for seed in range(6)]
    for other in starts[1:]:
        np.testing.assert_allclose(other, starts[0], atol=1e-5)
