"""A fit that goes on from a checkpoint ends with the bits of one that nobody has disturbed."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import planted

import nmfcore
from nmfcore import penalties

X = np.random.default_rng(0).gamma(0.5, size=(60, 8)) @ np.random.default_rng(1).gamma(0.5, size=(8, 40)) + 0.01
HOLES = np.random.default_rng(2).random(X.shape) < 0.2
KNOWN_H = np.where(np.arange(8)[:, None] < 2, np.random.default_rng(3).random((8, 40)), np.nan)

FITS = {
    "hals": {},
    "hals, textbook": {"extrapolate": False, "inner_iter": 1},
    "random start": {"init": "random", "random_state": 3},
    "exact": {"solver": "bpp"},
    "projected gradient": {"solver": "pgd"},
    "mu": {"solver": "mu"},
    "kullback-leibler": {"loss": "kullback-leibler"},
    "kullback-leibler, cd": {"loss": "kullback-leibler", "solver": "cd"},
    "itakura-saito": {"loss": "itakura-saito"},
    "beta 1.5": {"loss": 1.5},
    "huber": {"loss": nmfcore.Huber(0.1)},
    "l1": {"loss": "l1"},
    "l21": {"loss": "l21"},
    "penalty on both": {"penalty_W": penalties.L1(0.1), "penalty_H": penalties.L2(0.1)},
    "penalty on one": {"penalty_H": penalties.L1(0.1)},
    "sums of one": {"penalty_W": penalties.SumToOne(axis=1)},
    "hoyer": {"penalty_H": penalties.Hoyer(0.6, axis=1)},
    "partly known": {"fixed_H": KNOWN_H},
    "known": {"fixed_H": np.nan_to_num(KNOWN_H, nan=0.5), "solver": "hals"},
    "mask": {"mask": HOLES},
    "mask, kullback-leibler": {"mask": HOLES, "loss": "kullback-leibler"},
    "weights": {"weights": 1.0 + HOLES},
}


class CheckpointWriter:
    """A callback that keeps the checkpoint of an iteration."""

    def __init__(self, at):
        self.at, self.checkpoint = at, None

    def __call__(self, state):
        if state.iteration == self.at:
            self.checkpoint = state.checkpoint()


def fit(X=X, k=8, **options):
    return nmfcore.nmf(X, k, **{"random_state": 0, "max_iter": 25, "tol": 0} | options)


def same(a, b):
    """Whether two results are equal to the bit, but for the seconds."""
    plain = ("objective", "relative_error", "n_iter", "converged", "reason", "kkt_residual", "options")
    return (
        all(np.array_equal(f, g) for f, g in zip(a, b, strict=True))
        and all(getattr(a, name) == getattr(b, name) for name in plain)
        and np.array_equal(a.history.objective, b.history.objective)
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", FITS.values(), ids=FITS)
def test_it_goes_on_to_the_same_bits(options, dtype, tmp_path):
    keeper = CheckpointWriter(11)
    undisturbed = fit(X.astype(dtype), callback=keeper, **options)
    keeper.checkpoint.save(tmp_path / "fit.npz")
    del keeper.checkpoint
    resumed = fit(X.astype(dtype), **options | {"init": nmfcore.Checkpoint.load(tmp_path / "fit.npz")})
    assert undisturbed.n_iter > 11 and same(undisturbed, resumed)


@pytest.mark.parametrize("at", range(1, 26))
def test_wherever_it_was_made(at):
    keeper = CheckpointWriter(at)
    undisturbed = fit(sp.csr_array(np.where(HOLES, X, 0)), loss="frobenius", callback=keeper)
    resumed = fit(sp.csr_array(np.where(HOLES, X, 0)), init=keeper.checkpoint, n_threads=1)
    assert same(undisturbed, resumed)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_a_fit_that_had_converged_ends_where_it_did(loss):
    whole = fit(loss=loss, tol=0.3, max_iter=500)
    assert whole.reason == "tol"
    keeper = CheckpointWriter(whole.n_iter)
    fit(loss=loss, tol=0.3, max_iter=500, callback=keeper)
    assert same(whole, fit(loss=loss, tol=0.3, max_iter=500, init=keeper.checkpoint))


def test_iterations_and_seconds_count_from_the_first_start():
    keeper = CheckpointWriter(11)
    fit(callback=keeper)
    assert fit(max_iter=5, init=keeper.checkpoint).n_iter == 11
    assert fit(max_iter=14, init=keeper.checkpoint).n_iter == 14
    late = dataclasses.replace(keeper.checkpoint, arrays=keeper.checkpoint.arrays | {"seconds": np.arange(12.0)})
    assert fit(max_time=11, init=late).reason == "max_time"
    assert 11 <= fit(init=late).history.seconds[12] < 20


def test_a_checkpoint_is_a_copy_and_serves_many_times():
    keeper = CheckpointWriter(3)
    fit(callback=keeper)
    before = {name: array.copy() for name, array in keeper.checkpoint.arrays.items()}
    first, second = fit(init=keeper.checkpoint), fit(init=keeper.checkpoint)
    assert same(first, second)
    assert all(np.array_equal(before[name], array) for name, array in keeper.checkpoint.arrays.items())


def test_another_fit_is_refused():
    keeper = CheckpointWriter(3)
    fit(callback=keeper)
    with pytest.raises(ValueError, match="a fit with loss='frobenius', but loss is 'kullback-leibler' now"):
        fit(loss="kullback-leibler", init=keeper.checkpoint)
    with pytest.raises(ValueError, match=r"a fit with penalty_H=None, but penalty_H is 'L1\(0.1\)' now"):
        fit(penalty_H=penalties.L1(0.1), init=keeper.checkpoint)
    with pytest.raises(ValueError, match="a fit with k=8, but k is 7 now"):
        fit(k=7, init=keeper.checkpoint)
    with pytest.raises(ValueError, match="a fit with dtype='float64', but dtype is 'float32' now"):
        fit(X.astype("float32"), init=keeper.checkpoint)
    with pytest.raises(ValueError, match=r"a fit of X with shape \(60, 40\), but X has shape \(40, 60\)"):
        fit(X.T, init=keeper.checkpoint)
    with pytest.raises(ValueError, match="a fit of another X"):
        fit(X + 0.001, init=keeper.checkpoint)
    for moved in (X[::-1], X[:, ::-1]):
        with pytest.raises(ValueError, match="a fit of another X"):
            fit(moved, init=keeper.checkpoint)
    with pytest.raises(ValueError, match="a fit with mask=False, but mask is True now"):
        fit(mask=HOLES, init=keeper.checkpoint)


def exchanged(A, one, two):
    """A copy with two entries exchanged."""
    A = A.copy()
    A[one], A[two] = A[two], A[one]
    return A


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("hidden", [False, True])
def test_two_exchanged_entries_or_columns_are_another_x(seed, form, hidden):
    """Also where the entries are close to each other, so that no sum over X tells."""
    rng = np.random.default_rng(seed)
    A = 1 + 1e-9 * rng.random((60, 40))
    options = {"init": "random", "max_iter": 2, "mask": HOLES if hidden else None}
    keeper = CheckpointWriter(1)
    fit(form(A), callback=keeper, **options)
    one, two = (tuple(place) for place in rng.permutation(np.argwhere(~HOLES))[:2])
    columns = A.copy()
    columns[:, [3, 4]] = columns[:, [4, 3]]
    for other in (exchanged(A, one, two), columns):
        with pytest.raises(ValueError, match="a fit of another X"):
            fit(form(other), **options | {"init": keeper.checkpoint})
    for same_matrix in (np.asarray, np.asfortranarray):
        if not sp.issparse(form(A)):
            fit(same_matrix(A), **options | {"init": keeper.checkpoint}, n_threads=1)


OTHER_ARRAYS = {
    "weights": (1.0 + np.random.default_rng(2).random(X.shape), "another X, or with other weights"),
    "mask": (HOLES, "another X, or with other weights"),
    "fixed_H": (KNOWN_H, "another array fixed_H"),
    "penalty_W": (np.random.default_rng(5).random((60, 8)), r"another array penalty_W\.0\.target"),
}


@pytest.mark.parametrize("name", OTHER_ARRAYS)
def test_other_arrays_of_a_fit_are_refused(name, tmp_path):
    array, message = OTHER_ARRAYS[name]
    kind = (lambda A: penalties.Prior(A, 0.1)) if name == "penalty_W" else lambda A: A
    keeper = CheckpointWriter(3)
    whole = fit(callback=keeper, **{name: kind(array)})
    keeper.checkpoint.save(tmp_path / "fit.npz")
    checkpoint = nmfcore.Checkpoint.load(tmp_path / "fit.npz")
    assert same(whole, fit(init=checkpoint, **{name: kind(array)}))
    places = np.argwhere(array == array) if name != "mask" else np.argwhere(array)[:1].repeat(2, axis=0)
    if name == "mask":
        places[1] = np.argwhere(~array)[0]
    with pytest.raises(ValueError, match=message):
        fit(init=checkpoint, **{name: kind(exchanged(array, *map(tuple, places[:2])))})


def test_a_checkpoint_of_an_early_version_is_compared_by_sums():
    keeper = CheckpointWriter(3)
    whole = fit(callback=keeper, fixed_H=KNOWN_H)
    sums = {name: value for name, value in keeper.checkpoint.fingerprint.items() if name not in ("entries", "arrays")}
    early = dataclasses.replace(keeper.checkpoint, fingerprint=sums)
    assert same(whole, fit(init=early, fixed_H=KNOWN_H))
    with pytest.raises(ValueError, match="a fit of another X"):
        fit(X[:, ::-1], init=early, fixed_H=KNOWN_H)


def test_files_of_another_kind_are_refused(tmp_path):
    keeper = CheckpointWriter(3)
    result = fit(callback=keeper)
    keeper.checkpoint.save(tmp_path / "checkpoint.npz")
    result.save(tmp_path / "result.npz")
    with pytest.raises(ValueError, match=r"result.npz is no checkpoint of nmfcore; wanted a file that Checkpoint.save"):
        nmfcore.Checkpoint.load(tmp_path / "result.npz")
    with pytest.raises(ValueError, match=r"checkpoint.npz is no result of nmfcore; wanted a file that Result.save"):
        nmfcore.Result.load(tmp_path / "checkpoint.npz")
    whole = (tmp_path / "checkpoint.npz").read_bytes()
    for size in range(0, len(whole), 997):
        (tmp_path / "cut.npz").write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"cut.npz is (truncated or damaged|no checkpoint of nmfcore)"):
            nmfcore.Checkpoint.load(tmp_path / "cut.npz")


def test_only_in_the_callback_and_only_of_fits_that_can_go_on():
    states = []
    fit(max_iter=2, callback=states.append)
    for read in (lambda s: s.checkpoint(), lambda s: s.W, lambda s: s.relative_error, lambda s: s.history):
        for state in states:  # of the last iteration, too
            with pytest.raises(RuntimeError, match="the fit has left iteration"):
                read(state)
    ratings = sp.csr_array(np.where(HOLES, np.ceil(X), 0))
    with pytest.raises(RuntimeError, match="fits of `complete` and others cannot be resumed"):
        nmfcore.complete(ratings, 2, callback=lambda state: state.checkpoint())


@pytest.mark.parametrize("spoil", ["lacking", "shape", "negative", "nan", "dtype", "exponents", "course"])
def test_a_checkpoint_that_was_tampered_with_is_refused(spoil, tmp_path):
    keeper = CheckpointWriter(3)
    fit(callback=keeper)
    arrays, course = dict(keeper.checkpoint.arrays), keeper.checkpoint.stopping
    W = arrays["W_factor"]
    match spoil:
        case "lacking":
            del arrays["W_old"]
        case "course":
            course = {}
        case "exponents":
            arrays["W_exponents"] = arrays["W_exponents"] + 10**9
        case _:
            arrays["W_factor"] = {"shape": W[:1], "negative": W - 1, "nan": W * np.nan, "dtype": W.astype("f4")}[spoil]
    dataclasses.replace(keeper.checkpoint, arrays=arrays, stopping=course).save(tmp_path / "fit.npz")
    with pytest.raises(ValueError, match=r"fit.npz is truncated or damaged; wanted a file that Checkpoint.save has"):
        nmfcore.Checkpoint.load(tmp_path / "fit.npz")


def test_files_from_before_box_changed_its_order(tmp_path):
    """Older files hold "Box(upper, lower)": fits resume, and ledgers are continued."""
    X, old = planted(20, 12, 3)[0], [None]

    def keep(state):
        old[0] = state.checkpoint()
        return state.iteration == 4

    options = {"penalty_H": nmfcore.penalties.L1(0.1) + nmfcore.penalties.Box(0.1, 0.9), "random_state": 0}
    nmfcore.hals(X, 3, callback=keep, **options)
    assert old[0].options["penalty_H"] == "L1(0.1) + Box(lower=0.1, upper=0.9)"
    before = old[0].options | {"penalty_H": "L1(np.float64(0.1)) + Box(np.float64(0.9), 0.1)"}
    dataclasses.replace(old[0], options=before).save(tmp_path / "fit.npz")
    resumed = nmfcore.hals(X, 3, init=nmfcore.Checkpoint.load(tmp_path / "fit.npz"), **options)
    np.testing.assert_array_equal(resumed.W, nmfcore.hals(X, 3, **options).W)
