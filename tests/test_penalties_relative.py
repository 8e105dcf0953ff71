"""Strengths without units, strengths that are too large, and objectives that are sums of what was minimised."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

import nmfcore
import nmfcore.sklearn
from nmfcore import penalties

RNG = np.random.default_rng(0)
X = RNG.gamma(0.5, size=(24, 3)) @ RNG.gamma(0.5, size=(3, 18)) + 0.05 * RNG.random((24, 18))
TARGET = RNG.random((3, 18))
SHARES, PARTS = penalties.SumToOne(axis=1), penalties.SumToOne(axis=1)
K, (M, N) = 3, X.shape


def relative(kind, strength, *more):
    return kind(strength, *more, relative=True)


#: The penalties of W and of H.
RELATIVE = {
    "L1": {"penalty_H": relative(penalties.L1, 0.05)},
    "L1 and L2": {"penalty_W": relative(penalties.L1, 0.01), "penalty_H": relative(penalties.L2, 0.05)},
    "elastic net": {"penalty_W": relative(penalties.ElasticNet, 0.05, 0.5)},
    "groups": {"penalty_W": relative(penalties.Group, 0.02), "penalty_H": relative(penalties.Group, 0.02)},
    "one group": {"penalty_H": relative(penalties.Group, 0.02)},
    "orthogonality": {"penalty_W": relative(penalties.Orthogonality, 0.1)},
    "smooth": {"penalty_H": relative(penalties.Smooth, 0.1), "penalty_W": relative(penalties.L2, 0.01)},
    "volume and shares": {"penalty_H": relative(penalties.MinVolume, 0.01), "penalty_W": SHARES},
    "volume of parts": {"penalty_H": relative(penalties.MinVolume, 0.01) + PARTS},
    "L2 and shares": {"penalty_H": relative(penalties.L2, 0.05), "penalty_W": SHARES},
}
LOSSES = ["frobenius", "kullback-leibler", "itakura-saito", 1.5]


def fit(X, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", nmfcore.ConvergenceWarning)
        return nmfcore.nmf(X, K, random_state=0, **{"max_iter": 20, "tol": 0} | options)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("name", RELATIVE)
def test_x_times_c_has_the_same_factors_up_to_scale(name, loss):
    one = fit(X, loss=loss, **RELATIVE[name])
    for c in (2.0, 1e-5, 3.7e6, 2.0**41):
        other = fit(c * X, loss=loss, **RELATIVE[name])
        np.testing.assert_allclose(other.W / other.W.sum(), one.W / one.W.sum(), rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(other.H / other.H.sum(), one.H / one.H.sum(), rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(other.W @ other.H, c * (one.W @ one.H), rtol=1e-4, atol=1e-7 * c)


@pytest.mark.parametrize("mask", [None, RNG.random(X.shape) < 0.1])
def test_what_is_fixed_or_a_target_keeps_its_scale(mask):
    prior = {"penalty_H": relative(lambda s, relative: penalties.Prior(TARGET, s, relative=relative), 0.1)}
    for known in (prior, {"fixed_H": TARGET, "penalty_W": relative(penalties.L1, 0.02)}):
        one, other = (fit(c * X, mask=mask, max_iter=3000, tol=1e-7, **known) for c in (1, 1e4))
        np.testing.assert_allclose(other.W @ other.H, 1e4 * (one.W @ one.H), rtol=1e-2, atol=30)
        np.testing.assert_allclose(other.objective, 1e8 * one.objective, rtol=1e-4)


def test_a_bound_keeps_its_scale():
    known = {"penalty_H": penalties.Box(upper=0.7), "penalty_W": relative(penalties.L2, 0.05)}
    one, other = (fit(c * X, init=(c * X[:, :K], TARGET), **known) for c in (1, 1e4))
    np.testing.assert_allclose(other.W, 1e4 * one.W, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(other.H, one.H, rtol=1e-6, atol=1e-7)


def volume(F, delta):
    return np.linalg.slogdet(F.T @ F + delta * np.eye(F.shape[1]))[1]


def test_a_relative_penalty_is_the_documented_one():
    """By scale of the loss, unit of the factor and number of entries, each computed from the definition."""
    S, mean = np.sum(X**2), X.mean()
    coupled = mean / K * np.sqrt(N)  # the unit of W diag(|H_t|)
    of_H = mean / K / (1 / K)  # beside shares, whose mean is 1 / K
    cases = [
        ({"penalty_W": relative(penalties.L1, 0.05)}, lambda W, H: 0.05 * S * np.mean(W) / coupled),
        ({"penalty_W": relative(penalties.L2, 0.05)}, lambda W, H: 0.025 * S * np.mean(W**2) / coupled**2),
        (
            {"penalty_W": relative(penalties.Group, 0.05)},
            lambda W, H: 0.05 * S * np.mean(np.sqrt(np.mean(W**2, axis=0))) / coupled,
        ),
        (
            {"penalty_W": relative(penalties.Orthogonality, 0.05)},
            lambda W, H: 0.05 * S * np.sum(np.triu(W.T @ W, 1)) / (M * K) / coupled**2,
        ),
        (
            {"penalty_W": relative(penalties.Smooth, 0.05)},
            lambda W, H: 0.025 * S * np.sum(np.diff(W, axis=0) ** 2) / (M * K) / coupled**2,
        ),
        (
            {"penalty_H": relative(penalties.MinVolume, 0.01, 0.2), "penalty_W": SHARES},
            lambda W, H: 0.005 * S * volume(H.T / (np.sqrt(N) * of_H), 0.2),
        ),
        (
            {"penalty_H": relative(penalties.MinVolume, 0.01) + PARTS},
            lambda W, H: 0.005 * S * volume(H.T / (np.sqrt(N) / N), 0.1),
        ),
        (
            {"penalty_H": penalties.Prior(TARGET, 0.1, relative=True)},
            lambda W, H: 0.05 * S * np.mean((H - TARGET) ** 2) / TARGET.mean() ** 2,
        ),
    ]
    for known, written_out in cases:
        result = fit(X, **known)
        norms = np.linalg.norm(result.H, axis=1) if known.keys() == {"penalty_W"} else 1
        value = 0.5 * np.sum((X - result.W @ result.H) ** 2) + written_out(result.W * norms, result.H)
        np.testing.assert_allclose(result.objective, value, rtol=1e-9)


def test_the_scale_of_each_loss():
    scales = {
        "kullback-leibler": X.sum(),
        "itakura-saito": X.size,
        "l1": X.sum(),
        1.5: X.size * X.mean() ** 1.5,
        nmfcore.Huber(0.1): X.size * X.mean() * 0.1,
    }
    for loss, S in scales.items():
        by_share = fit(X, loss=loss, penalty_W=relative(penalties.L1, 0.05))
        strength = 0.05 * S / (M * K) / (X.mean() / K * np.sqrt(N))
        by_unit = fit(X, loss=loss, penalty_W=penalties.L1(strength))
        np.testing.assert_allclose(by_share.W, by_unit.W, rtol=1e-6, atol=1e-9)
    by_share = fit(X, loss="l21", fixed_H=TARGET, penalty_W=relative(penalties.L1, 0.05))
    strength = 0.05 * np.sqrt(M * np.sum(X**2)) / (M * K) / (X.mean() / K / TARGET.mean())
    by_unit = fit(X, loss="l21", fixed_H=TARGET, penalty_W=penalties.L1(strength))
    np.testing.assert_allclose(by_share.W, by_unit.W, rtol=1e-6, atol=1e-9)


def test_relative_is_a_part_of_equality_text_and_files(tmp_path):
    one = penalties.L1(0.1, relative=True)
    assert one == penalties.L1(0.1, relative=True) != penalties.L1(0.1)
    assert one.relative and "relative=True" in repr(one)
    result = fit(X, penalty_W=one + penalties.L2(0.2), penalty_H=penalties.MinVolume(0.1, 0.2, relative=True))
    result.save(tmp_path / "fit.npz")
    options = nmfcore.Result.load(tmp_path / "fit.npz").options
    assert options["penalty_W"] == "L1(0.1, relative=True) + L2(0.2)"
    assert options["penalty_H"] == "MinVolume(0.1, 0.2, relative=True)"
    with pytest.raises(TypeError, match="relative of L2 is 'yes'"):
        penalties.L2(0.1, relative="yes")


def test_a_checkpoint_goes_on_with_a_relative_penalty():
    known, states = RELATIVE["volume of parts"], []
    whole = fit(X, **known)
    fit(X, max_iter=8, callback=lambda state: states.append(state.checkpoint()), **known)
    np.testing.assert_array_equal(fit(X, init=states[-1], **known).W, whole.W)
    with pytest.raises(ValueError, match="penalty_H"):
        fit(X, init=states[-1], penalty_H=penalties.MinVolume(0.01) + PARTS)


def test_estimators_take_relative_penalties():
    model = nmfcore.sklearn.NMF(K, init="random", random_state=0, max_iter=50, **RELATIVE["L1 and L2"])
    one, other = (clone(model).fit(c * X) for c in (1, 16))
    np.testing.assert_allclose(other.components_ / other.components_.sum(), one.components_ / one.components_.sum())


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("side", "WH")
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_volume_and_sums_to_one_on_one_factor(side, axis, loss):
    """The model of Leplat, Ang & Gillis 2019, doi:10.1109/ICASSP.2019.8682280, has both on one factor."""
    known = {f"penalty_{side}": penalties.MinVolume(0.05) + penalties.SumToOne(axis=axis)}
    result = fit(X, loss=loss, **known)
    np.testing.assert_allclose(getattr(result, side).sum(axis=axis), 1, rtol=1e-9)
    if loss == "frobenius":
        F = result.W if side == "W" else result.H.T
        value = 0.5 * np.sum((X - result.W @ result.H) ** 2) + 0.025 * volume(F, 0.1)
        np.testing.assert_allclose(result.objective, value, rtol=1e-9)
        assert np.all(np.diff(np.minimum.accumulate(result.history.objective)) <= 0)
        assert result.history.objective[-1] < result.history.objective[0]


def test_volume_and_sums_to_one_find_the_mixed_parts():
    """Of the exact factorizations of samples that are mixtures, none pure, the smallest is that of the parts."""
    rng = np.random.default_rng(1)
    parts = rng.dirichlet(np.full(20, 2.0), 3)
    shares = rng.dirichlet(np.ones(3), 150)
    shares = shares[shares.max(axis=1) < 0.85]
    amounts = rng.gamma(5, size=(len(shares), 1))
    close = penalties.MinVolume(0.002, 1e-4) + penalties.SumToOne(axis=1)
    found, plain = (
        fit(amounts * shares @ parts, max_iter=200, penalty_H=penalty)
        for penalty in (close, penalties.SumToOne(axis=1))
    )

    def distance(H):
        return max(np.linalg.norm(H - part, axis=1).min() / np.linalg.norm(part) for part in parts)

    assert distance(found.H) < 0.1 < 0.3 < distance(plain.H)


@pytest.mark.parametrize(
    "known",
    [
        {"penalty_H": penalties.MinVolume(1)},
        {"penalty_H": penalties.MinVolume(1) + penalties.L2(1)},
        {"penalty_H": penalties.MinVolume(1), "penalty_W": penalties.Hoyer(0.5, axis=0)},
        {"penalty_H": penalties.MinVolume(1), "penalty_W": penalties.Box(lower=0.1)},
        {"penalty_H": penalties.MinVolume(1) + penalties.Box(upper=1.0)},
    ],
)
def test_a_volume_that_scaling_removes_is_refused(known):
    with pytest.raises(
        ValueError, match=r"penalty_H=MinVolume\(...\) alone can be removed by scaling; wanted penalty_W"
    ):
        nmfcore.nmf(X, K, **known)


def divergences(X, V, loss):
    if loss == "frobenius":
        return 0.5 * (X - V) ** 2
    if loss == "kullback-leibler":
        return X * np.log(X / V) - X + V
    return X / V - np.log(X / V) - 1


#: The value of each penalty of strength 1 on a factor, which is multiplied by the norms of the other one if it is the
#: only one that is penalised.
WRITTEN_OUT = {
    "L1": np.sum,
    "L2": lambda F: 0.5 * np.sum(F**2),
    "Group": lambda F: np.sum(np.linalg.norm(F, axis=0)),
    "Orthogonality": lambda F: np.sum(np.triu(F.T @ F, 1)),
    "Smooth": lambda F: 0.5 * np.sum(np.diff(F, axis=0) ** 2),
}
#: The same for penalties on the factor as it is.
WRITTEN_OUT_AS_IT_IS = {
    "MinVolume": lambda F: 0.5 * volume(F, 0.1),
    "Prior": lambda F: 0.5 * np.sum((F - 1) ** 2),
}


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from([*WRITTEN_OUT, *WRITTEN_OUT_AS_IT_IS]),
    loss=st.sampled_from(["frobenius", "kullback-leibler", "itakura-saito"]),
    dtype=st.sampled_from([np.float32, np.float64]),
    exponent=st.integers(-10, 10),
    strength=st.floats(-14, 14).map(lambda power: 10.0**power),
    sides=st.sampled_from(["W", "H", "WH"]),
    weighted=st.booleans(),
)
def test_the_reported_objective_is_the_sum_that_was_minimised(name, loss, dtype, exponent, strength, sides, weighted):
    """Or the strength is refused."""
    Y = ((X + 0.01) * 10.0**exponent).astype(dtype)
    omega = np.random.default_rng(1).random(Y.shape).astype(dtype) + dtype(0.1) if weighted else np.ones_like(Y)
    targets = {"W": np.ones((M, K)), "H": np.ones((K, N))}
    if name == "MinVolume":
        sides = "WH"
    known = {
        f"penalty_{side}": penalties.Prior(targets[side], strength)
        if name == "Prior"
        else getattr(penalties, name)(strength)
        for side in sides
    }
    try:
        result = fit(Y, loss=loss, max_iter=8, weights=omega if weighted else None, **known)
    except nmfcore.InputError as error:
        assert "the strength is" in str(error) and "wanted at most" in str(error)
        return
    Y, omega, W, H = (part.astype(np.float64) for part in (Y, omega, result.W, result.H))
    values, coupled = [], len(sides) == 1 and name in WRITTEN_OUT
    for side, F, other in (("W", W, H), ("H", H.T, W.T)):
        if side in sides:
            norms = np.linalg.norm(other, axis=1) if coupled else 1
            values.append(strength * (WRITTEN_OUT | WRITTEN_OUT_AS_IT_IS)[name](F * norms))
    with np.errstate(all="ignore"):
        total = np.sum(omega * divergences(Y, W @ H, loss)) + sum(values)
    size = {"frobenius": 0.5 * Y**2, "kullback-leibler": Y, "itakura-saito": 1}[loss]
    round_off = (1e-5 if dtype == np.float32 else 1e-9) * (np.sum(omega * size) + np.sum(np.abs(values)))
    assert abs(total - result.objective) <= round_off or not np.isfinite(total)


def test_a_strength_that_is_refused_says_which_is_taken():
    Y = (X * 1e8).astype(np.float32)
    with pytest.raises(ValueError, match=r"penalty_W=L2\(1.0\): the strength is .* wanted at most .*float64") as caught:
        fit(Y + 1, loss="itakura-saito", penalty_W=penalties.L2(1.0))
    most = float(str(caught.value).split("at most ")[1].split(",")[0])
    assert fit(Y + 1, loss="itakura-saito", penalty_W=penalties.L2(0.9 * most)).objective > 0
    assert fit(Y + 1, loss="itakura-saito", penalty_W=penalties.L2(0.1, relative=True)).objective > 0


@pytest.mark.parametrize("p", [-500, -30, 0, 30, 500])
def test_the_volume_is_in_units_of_the_user_at_any_scale(p):
    """log det(c^2 S + delta I) = 2 k log c + log det(S + delta / c^2 I)."""
    F = penalties.MinVolume(1.0, 0.1).in_units(penalties.Units(p, 0.0), (M, K), False)
    S, unit = TARGET @ TARGET.T, 2 * p * np.log(2)
    values, shift = np.linalg.eigvalsh(S), np.log(0.1) - unit
    expected = 0.5 * np.sum(unit + np.logaddexp(np.log(values), shift))
    np.testing.assert_allclose(F.value(TARGET.T, np.ones(K)), expected, rtol=1e-12)


def test_ratings_too_small_for_their_penalty_have_no_factors():
    import scipy.sparse as sp

    ratings = sp.coo_array(X * 1e-200)
    result = nmfcore.complete(ratings, 2, strength=(0.1, 0.1), random_state=0, max_iter=3)
    assert not result.W.any() and not result.H.any()
    with pytest.raises(ValueError, match=r"strength is 1e\+200; wanted at most 1e\+100"):
        nmfcore.complete(ratings, 2, strength=1e200)
