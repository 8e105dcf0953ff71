"""Many fits of one X: each is the fit that it is alone, whatever advances beside it."""

import warnings

import numpy as np
import pytest
import scipy.sparse

import nmfcore
from nmfcore._many import batch, schedule

RANKS, STARTS = (1, 3, 8), 3


@pytest.fixture(scope="module")
def X():
    rng = np.random.default_rng(0)
    return rng.gamma(0.3, size=(90, 6)) @ rng.gamma(0.3, size=(6, 70)) + 0.1 * rng.random((90, 70))


@pytest.fixture(scope="module")
def sparse():
    return scipy.sparse.csr_array(scipy.sparse.random(120, 80, density=0.1, random_state=0))


def assert_same(one, other):
    """Two results are one to the bit."""
    assert np.array_equal(one.W, other.W)
    assert np.array_equal(one.H, other.H)
    assert np.array_equal(one.history.objective, other.history.objective)
    for name in ("objective", "relative_error", "n_iter", "converged", "reason", "kkt_residual", "options"):
        assert getattr(one, name) == getattr(other, name)


def assert_alone(X, ensemble, **options):
    for fit in ensemble.fits:
        seed = fit.options["random_state"]
        assert_same(fit, nmfcore.nmf(X, fit.W.shape[1], init="random", random_state=seed, **options))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"extrapolate": False},
        {"inner_iter": 1, "n_threads": 3},
        {"tol": 0, "max_iter": 20},
        {"max_iter": 0},
        {"solver": "mu", "max_iter": 40},
        {"solver": "bpp", "max_iter": 5},
        {"loss": "kullback-leibler", "max_iter": 60},
        {"loss": "kullback-leibler", "extrapolate": False, "max_iter": 30},
        {"loss": 1.5, "max_iter": 40},
        {"loss": 3.0, "max_iter": 20},
        {"loss": "l1", "max_iter": 20},
        {"loss": "l21", "max_iter": 20},
        {"loss": nmfcore.Huber(0.5), "max_iter": 20},
        {"penalty_W": nmfcore.penalties.L1(0.1), "max_iter": 20},
    ],
    ids=str,
)
@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
def test_a_fit_among_many_is_the_fit_alone(X, sparse, storage, options):
    held = np.asarray(X, order=storage) if storage in "CF" else sparse.asformat(storage)
    ensemble = nmfcore.fit_many(held, RANKS, STARTS, random_state=5, **options)
    assert len(ensemble) == len(RANKS) * STARTS
    assert_alone(held, ensemble, **options)


def test_float32_and_itakura_saito(X):
    assert_alone(X.astype(np.float32), nmfcore.fit_many(X.astype(np.float32), RANKS, STARTS, random_state=5))
    options = {"loss": "itakura-saito", "max_iter": 20}
    assert_alone(X, nmfcore.fit_many(X, RANKS, STARTS, random_state=5, **options), **options)


def test_an_exact_fit_and_a_zero_matrix_among_others():
    rng = np.random.default_rng(1)
    X = rng.random((30, 2)) @ rng.random((2, 20))
    assert_alone(X, nmfcore.fit_many(X, [1, 2, 3], 3, random_state=1))
    assert_alone(np.zeros((5, 4)), nmfcore.fit_many(np.zeros((5, 4)), [1, 2], 2, random_state=1))


def test_fits_that_join_late_and_find_little_room(X, monkeypatch):
    """As many fits as the memory allows are under way; others join them, and all stay what they are alone."""
    joined, join = [], batch.FitBatch.join

    def counted(self, fits):
        joined.append(len(fits))
        join(self, fits)

    monkeypatch.setattr(batch.FitBatch, "join", counted)
    memory = schedule.ARRAYS_PER_FIT * sum(X.shape) * 8 * 12
    ensemble = nmfcore.fit_many(X, [2, 5, 4], 4, memory=memory, random_state=2)
    assert len(joined) > 2
    assert_alone(X, ensemble)


def test_a_seed_depends_on_its_rank_and_its_start_alone(X):
    few = nmfcore.fit_many(X, [4], 2, max_iter=5, random_state=7)
    many = nmfcore.fit_many(X, range(1, 6), 4, max_iter=5, random_state=7)
    for one, other in zip(few.of(4), many.of(4)[:2], strict=True):
        assert_same(one, other)
    seeds = [fit.options["random_state"] for fit in many.fits]
    assert len(set(seeds)) == len(seeds)
    state = np.random.default_rng(3), np.random.default_rng(3)
    first, second = (nmfcore.fit_many(X, 3, 2, max_iter=5, random_state=generator) for generator in state)
    assert_same(first.fits[1], second.fits[1])


def test_the_shares_of_workers_are_the_whole(X):
    whole = nmfcore.fit_many(X, RANKS, STARTS, max_iter=10, random_state=4)
    shares = [nmfcore.fit_many(X, RANKS, STARTS, max_iter=10, random_state=4, worker=(i, 4)) for i in range(4)]
    assert [len(share) for share in shares] == [3, 2, 2, 2]
    for one, other in zip(whole.fits, nmfcore.Ensemble.combine(shares).fits, strict=True):
        assert_same(one, other)
    assert len(nmfcore.fit_many(X, 2, 1, random_state=4, worker=(3, 4))) == 0


def test_a_ledger_goes_on_where_a_call_was_interrupted(X, tmp_path):
    path = tmp_path / "fits.ledger"

    class Stopped(Exception):
        pass

    def stop(progress):
        if progress.done == 4:
            raise Stopped

    with pytest.raises(Stopped):
        nmfcore.fit_many(X, RANKS, STARTS, random_state=4, ledger=path, callback=stop)
    assert len(nmfcore.Ensemble.load(path)) == 4
    told = []
    resumed = nmfcore.fit_many(X, RANKS, STARTS, random_state=4, ledger=path, callback=told.append)
    assert [progress.done for progress in told] == [5, 6, 7, 8, 9]
    assert all(progress.total == 9 for progress in told)
    for one, other in zip(resumed.fits, nmfcore.fit_many(X, RANKS, STARTS, random_state=4).fits, strict=True):
        assert_same(one, other)
    more = nmfcore.fit_many(X, [3, 4], 2, random_state=4, ledger=path)
    assert more.ranks == (3, 4) and len(more) == 4
    assert len(nmfcore.Ensemble.load(path)) == 11
    for options, named in (({"tol": 1e-3}, "tol"), ({"random_state": 5}, "random_state")):
        with pytest.raises(ValueError, match=named):
            nmfcore.fit_many(X, 3, 2, ledger=path, **({"random_state": 4} | options))
    with pytest.raises(ValueError, match="X"):
        nmfcore.fit_many(2 * X, 3, 2, random_state=4, ledger=path)


def test_the_callback_ends_the_call(X):
    ensemble = nmfcore.fit_many(X, RANKS, STARTS, random_state=4, callback=lambda progress: progress.done == 2)
    assert len(ensemble) == 2


def test_progress_tells_of_each_fit(X):
    told = []
    ensemble = nmfcore.fit_many(X, RANKS, STARTS, random_state=4, callback=told.append)
    found = {(progress.k, progress.start): progress.result for progress in told}
    assert {(fit.W.shape[1], start): fit for fit, start in zip(ensemble.fits, ensemble.starts, strict=True)} == found
    assert sorted(progress.seconds for progress in told) == [progress.seconds for progress in told]


def test_verbose_prints_the_last_fit(X, capsys):
    nmfcore.fit_many(X, 2, 3, random_state=4, verbose=True)
    assert "fit     3 of 3" in capsys.readouterr().out


@pytest.mark.parametrize("solver", ["hals", "bpp"])
def test_max_time_is_for_all_of_them(solver):
    X = np.random.default_rng(0).random((400, 300))
    with pytest.warns(RuntimeWarning, match="max_time ended"):
        ensemble = nmfcore.fit_many(
            X, [5, 10], 200, solver=solver, max_time=0.05, tol=0, max_iter=10**6, random_state=0, memory=2e6
        )
    assert 0 < len(ensemble) < 400
    assert {fit.reason for fit in ensemble.fits} == {"max_time"}
    assert min(fit.n_iter for fit in ensemble.fits) >= 1


def test_what_max_time_cuts_short_is_not_in_the_ledger(X, tmp_path):
    with pytest.warns(RuntimeWarning, match="max_time"):
        nmfcore.fit_many(X, 5, 3, max_time=0.0, random_state=0, ledger=tmp_path / "fits")
    assert len(nmfcore.Ensemble.load(tmp_path / "fits")) == 0


def test_one_fit_that_fails_is_reported_and_the_others_finish(X):
    """Rank 8 has no start by successive projections where X has 6 rows that count."""
    rng = np.random.default_rng(0)
    low = rng.random((40, 3)) @ rng.random((3, 30))
    with pytest.warns(RuntimeWarning, match=r"1 of 2 fits failed, the first one \(k=8, start 0\)"):
        ensemble = nmfcore.fit_many(low, [3, 8], 1, init="spa")
    assert ensemble.ranks == (3,)
    assert [failure[:2] for failure in ensemble.failures] == [(8, 0)]
    assert "independent rows" in ensemble.failures[0].message


def test_fits_whose_batch_breaks_are_done_alone(X, monkeypatch):
    calls = []

    def breaks(self):
        calls.append(1)
        if len(calls) == 4:
            raise MemoryError("no room")
        return iterate(self)

    iterate = batch.FitBatch._iterate
    monkeypatch.setattr(batch.FitBatch, "_iterate", breaks)
    with pytest.warns(RuntimeWarning, match="6 fits are done again, one by one: MemoryError: no room"):
        ensemble = nmfcore.fit_many(X, [3, 5], 3, tol=0, max_iter=20, random_state=1)
    monkeypatch.undo()
    assert len(ensemble) == 6
    assert_alone(X, ensemble, tol=0, max_iter=20)


def test_no_fit_at_all(X, monkeypatch):
    monkeypatch.setattr(batch.FitBatch, "_iterate", lambda self: 1 / 0)
    monkeypatch.setattr("nmfcore._fit.driver.Fit.run", lambda self: 1 / 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="4 of 4 fits failed"):
            nmfcore.fit_many(X, 2, 4, random_state=0)


def test_weights_and_data_frames(X):
    pandas = pytest.importorskip("pandas")
    mask = np.random.default_rng(0).random(X.shape) < 0.1
    assert_alone(X, nmfcore.fit_many(X, 3, 2, mask=mask, max_iter=10, random_state=0), mask=mask, max_iter=10)
    frame = pandas.DataFrame(X, columns=[f"gene {j}" for j in range(X.shape[1])])
    assert nmfcore.fit_many(frame, 2, 2, random_state=0).best().names[1][0] == "gene 0"


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"ranks": []}, ValueError, "ranks is empty; wanted different integers >= 1"),
        ({"ranks": [2, 3, 2]}, ValueError, "ranks has 2 more than once"),
        ({"ranks": [2, 0]}, ValueError, r"ranks\[1\] is 0"),
        ({"ranks": [2.5]}, TypeError, r"ranks\[0\] is 2.5"),
        ({"ranks": "234"}, TypeError, "ranks is '234'"),
        ({"ranks": None}, TypeError, "ranks is None"),
        ({"ranks": {2: 5}}, TypeError, "ranks is {2: 5}"),
        ({"ranks": np.ones((90, 70))}, TypeError, r"ranks is ndarray of shape \(90, 70\)"),
        ({"n_starts": 0}, ValueError, "n_starts is 0"),
        ({"worker": (2, 2)}, ValueError, "worker is"),
        ({"worker": 2}, TypeError, "worker is 2"),
        ({"worker": (0, 2), "random_state": None}, ValueError, "random_state is None; wanted an integer"),
        ({"memory": 1e4}, ValueError, "memory is 10,000 bytes, but one fit of k=3 for X 90 x 70 takes 46,080"),
        ({"memory": "2 GB"}, TypeError, "memory is '2 GB'"),
        ({"memory": float("nan")}, ValueError, "memory is nan"),
        ({"init": "nndsvda"}, ValueError, "init is 'nndsvda', which gives all 2 starts"),
        ({"init": "best"}, ValueError, "init is 'best'; wanted one of"),
        ({"init": None}, TypeError, "init is of type NoneType"),
        ({"init": (np.ones((90, 2)), np.ones((2, 70)))}, ValueError, "init holds the factors of one start"),
        ({"max_time": -1}, ValueError, "max_time is -1"),
        ({"callback": 3}, TypeError, "callback is 3"),
        ({"verbose": 1}, TypeError, "verbose is 1"),
        ({"solver": "sgd"}, ValueError, "solver is 'sgd'"),
        ({"tol": -1}, ValueError, "tol"),
        ({"ledger": 3}, TypeError, "ledger is 3"),
        ({"ledger": ""}, TypeError, "ledger is ''"),
        ({"ledger": "/no/such/folder/fits"}, FileNotFoundError, "folder"),
    ],
    ids=str,
)
def test_mistakes_are_named(X, wrong, error, message):
    options = {"ranks": [2, 3], "n_starts": 2, "random_state": 0} | wrong
    with pytest.raises(error, match=message):
        nmfcore.fit_many(X, **options)


def test_a_start_that_is_given_is_taken_once(X):
    rng = np.random.default_rng(0)
    init = rng.random((90, 2)), rng.random((2, 70))
    (fit,) = nmfcore.fit_many(X, 2, 1, init=init).fits
    assert np.array_equal(fit.H, nmfcore.nmf(X, 2, init=init).H)


@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
def test_fits_of_more_than_a_call_of_a_kernel(X, sparse, loss, monkeypatch):
    """Where a fit alone takes several calls, between which a Ctrl-C is heard, it has the same bits among others."""
    monkeypatch.setattr("nmfcore._runtime.calls.CALL_FLOP", 2e4)
    monkeypatch.setattr("nmfcore._runtime.calls.MANY_FLOP", 1e5)
    for held in (np.vstack([X] * 5), sparse):
        options = {"loss": loss, "max_iter": 10}
        assert_alone(held, nmfcore.fit_many(held, RANKS, STARTS, random_state=5, **options), **options)


def given(seed):
    """Arrays that an option may hold."""
    rng = np.random.default_rng(seed)
    return (
        rng.random((3, 70)),
        rng.random((90, 3)),
        scipy.sparse.csr_array(scipy.sparse.random(70, 70, density=0.1, random_state=seed)),
    )


@pytest.mark.parametrize(
    "options",
    [
        lambda H, W, graph: {"fixed_H": H},
        lambda H, W, graph: {"fixed_W": np.where(W < 0.5, W, np.nan)},
        lambda H, W, graph: {"init": (W, H), "n_starts": 1},
        lambda H, W, graph: {"penalty_H": nmfcore.penalties.Prior(H, 5.0), "penalty_W": nmfcore.penalties.L2(1.0)},
        lambda H, W, graph: {"penalty_H": nmfcore.penalties.Box(upper=1 + H)},
        lambda H, W, graph: {"penalty_H": nmfcore.penalties.Smooth(1.0, graph + graph.T)},
    ],
    ids=range(6),
)
def test_a_ledger_knows_given_arrays_from_others(X, tmp_path, options):
    def call(seed):
        asked = {"n_starts": 2, "max_iter": 3, "random_state": 0} | options(*given(seed))
        return nmfcore.fit_many(X, 3, ledger=tmp_path / "fits", **asked)

    first = call(1)
    assert len(call(1)) == len(first)
    with pytest.raises(ValueError, match="arrays"):
        call(2)


def test_what_has_ended_is_written_though_no_other_fit_ends(X, tmp_path, monkeypatch):
    """Of fits that end together all are in the ledger a moment later, whatever becomes of the others."""
    monkeypatch.setattr("nmfcore._many.ledger_writer.WRITE_SECONDS", 0.0)
    iterate, iterations = batch.FitBatch._iterate, []

    def killed(self):
        iterations.append(1)
        if len(iterations) == 12:
            raise KeyboardInterrupt
        iterate(self)

    monkeypatch.setattr(batch.FitBatch, "_iterate", killed)
    monkeypatch.setattr(
        "nmfcore._many.ledger_writer.LedgerWriter.close", lambda self, error=None: None
    )  # as if nothing ran any more
    with pytest.raises(KeyboardInterrupt):
        memory = schedule.ARRAYS_PER_FIT * sum(X.shape) * 8 * 20
        nmfcore.fit_many(X, 5, 8, tol=0, max_iter=10, memory=memory, random_state=0, ledger=tmp_path / "fits")
    assert len(nmfcore.Ensemble.load(tmp_path / "fits")) == 4


def test_fits_under_way_keep_to_the_memory(X, monkeypatch):
    widest = []
    advance = batch.FitBatch.advance
    monkeypatch.setattr(
        batch.FitBatch, "advance", lambda self, deadline: widest.append(self.columns) or advance(self, deadline)
    )
    memory = schedule.ARRAYS_PER_FIT * sum(X.shape) * 8 * 12
    nmfcore.fit_many(X, [5, 6, 8, 9, 10, 11, 12], 1, memory=memory, random_state=0)
    assert max(widest) <= 12


def test_workers_without_a_share(X, tmp_path):
    """Their ledgers can be loaded with the others, and their mistakes are named, too."""
    paths = [tmp_path / f"{i}" for i in range(3)]
    for i, path in enumerate(paths):
        nmfcore.fit_many(X, 2, 1, random_state=0, worker=(i, 3), ledger=path)
    assert len(nmfcore.Ensemble.load(paths)) == 1
    with pytest.raises(ValueError, match="solver"):
        nmfcore.fit_many(X, 2, 1, random_state=0, worker=(2, 3), solver="sgd")


def test_a_ledger_gives_its_random_state_back(X, tmp_path):
    first = nmfcore.fit_many(X, 2, 3, ledger=tmp_path / "fits")
    again = nmfcore.fit_many(X, 2, 4, ledger=tmp_path / "fits")
    assert len(again) == 4
    assert_same(first.fits[2], again.fits[2])
    with pytest.raises(ValueError, match="random_state is a Generator, which draws other starts each time"):
        nmfcore.fit_many(X, 2, 3, ledger=tmp_path / "fits", random_state=np.random.default_rng(0))


def test_a_ledger_that_fails_at_the_end_takes_no_fits_away(X, tmp_path, monkeypatch):
    def full(self, fits):
        raise OSError("disk full")

    monkeypatch.setattr("nmfcore._ensemble.ledger.Ledger.add_all", full)
    with pytest.warns(RuntimeWarning, match="3 finished fits are not in the ledger: disk full"):
        assert len(nmfcore.fit_many(X, 2, 3, random_state=0, ledger=tmp_path / "fits")) == 3


def test_one_result_that_fails_is_one_failure(X, monkeypatch):
    result, calls = nmfcore._fit.driver.Fit.result, []

    def fails(self, reason):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError("no room")
        return result(self, reason)

    monkeypatch.setattr("nmfcore._fit.driver.Fit.result", fails)
    with pytest.warns(RuntimeWarning, match="1 of 6 fits failed"):
        assert len(nmfcore.fit_many(X, 2, 6, random_state=0)) == 5


def test_a_mistake_that_all_fits_share_is_an_error():
    low = np.outer(np.arange(1.0, 9), np.arange(1.0, 7))
    with pytest.raises(ValueError, match="independent rows"):
        nmfcore.fit_many(low, [3, 4], 1, init="spa")
