"""Many fits of one X: what is in an ensemble, what can be asked of it, and how it lasts."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import ensemble_of, fit_from_random, sparse_product

import nmfcore
from nmfcore import Ensemble, Failure
from nmfcore._ensemble import Ledger

PLAIN = ("objective", "relative_error", "n_iter", "converged", "reason", "kkt_residual", "options", "names")


X = sparse_product()


def same(a, b):
    return (
        all(np.array_equal(f, g) for f, g in zip(a, b, strict=True))
        and all(getattr(a, name) == getattr(b, name) for name in PLAIN)
        and np.array_equal(a.history.seconds, b.history.seconds)
    )


def test_fits_by_rank_then_start(fits):
    shuffled = list(fits)
    np.random.default_rng(0).shuffle(shuffled)
    e = ensemble_of(fits, [tuple(map(int, place)) for place in shuffled], [Failure(5, 1, "b"), Failure(5, 0, "a")])
    assert e.ranks == (2, 3, 4) and len(e) == 18 and e.starts == tuple(range(6)) * 3
    assert all(one is fits[place] for one, place in zip(e.fits, sorted(fits), strict=True))
    assert e.of(3) == tuple(fits[3, start] for start in range(6))
    assert e.failures == (Failure(5, 0, "a"), Failure(5, 1, "b"))
    for name, values in (("objective", e.objectives(3)), ("relative_error", e.relative_errors(3))):
        np.testing.assert_array_equal(values, [getattr(one, name) for one in e.of(3)])
        assert values.dtype == np.float64
    assert e.best(4).objective == e.objectives(4).min()
    assert e.best(np.int64(4)) is e.best(4)
    one = ensemble_of(fits, [(3, 4), (3, 2)])
    assert one.best() is one.best(3) and one.starts == (2, 4) and len(one.objectives()) == 2


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_the_best_where_objectives_leave_float64(scale):
    ones = [fit_from_random(scale * X, 3, seed, max_iter=40) for seed in range(6)]
    e = Ensemble(sorted(ones, key=lambda one: -one.relative_error), range(6))
    assert set(e.objectives()) <= {0, np.inf} and e.best() is e.fits[-1]


def test_bad_ensembles(fits):
    one, other = fits[2, 0], fits[2, 1]
    with pytest.raises(ValueError, match="starts has 1 entries, but there are 2 fits"):
        Ensemble([one, other], [0])
    with pytest.raises(TypeError, match=r"fits\[1\] is of type tuple; wanted Result"):
        Ensemble([one, tuple(other)], [0, 1])
    with pytest.raises(ValueError, match="starts has 0 twice for rank 2"):
        Ensemble([one, other], [0, 0])
    with pytest.raises(ValueError, match=r"starts\[1\] is -1"):
        Ensemble([one, other], [0, -1])
    with pytest.raises(TypeError, match=r"failures\[0\] is of type str; wanted Failure"):
        Ensemble([one], [0], ["failed"])
    with pytest.raises(ValueError, match=r"fits\[1\] is of an X with shape \(59, 40\), fits\[0\] of \(60, 40\)"):
        Ensemble([one, fit_from_random(X[:-1], 2, 0)], [0, 1])
    with pytest.raises(ValueError, match=r"fits\[1\] has loss='kullback-leibler', fits\[0\] 'frobenius'"):
        Ensemble([one, nmfcore.mu(X, 2, loss="kullback-leibler", max_iter=1)], [0, 1])


@pytest.mark.parametrize(
    ("use", "message"),
    [
        (lambda fits: Ensemble.load(3), "paths is of type int; wanted a sequence"),
        (lambda fits: Ensemble.load(None), "paths is of type NoneType"),
        (lambda fits: Ensemble.load([b"a", 3]), r"paths\[1\] is of type int; wanted a path"),
        (lambda fits: Ensemble(None, None), "fits is of type NoneType"),
        (lambda fits: Ensemble([], 3), "starts is of type int"),
        (lambda fits: Ensemble.combine(fits[2, 0]), "ensembles is of type Result"),
    ],
)
def test_what_is_no_sequence(use, message, fits):
    with pytest.raises(TypeError, match=message):
        use(fits)


def test_a_path_in_bytes(tmp_path, fits):
    ensemble_of(fits).save(tmp_path / "ensemble")
    assert len(Ensemble.load(bytes(tmp_path / "ensemble"))) == len(fits)


def test_unknown_ranks(fits):
    e = ensemble_of(fits)
    for k, message in ((5, "k is 5, but the ensemble has fits of rank 2, 3, 4"), (None, "k is None, but")):
        with pytest.raises(ValueError, match=message):
            e.best(k)
    with pytest.raises(TypeError, match=r"k is 2\.0"):
        e.of(2.0)
    empty = Ensemble([], [])
    assert empty.ranks == () and len(empty) == 0
    with pytest.raises(ValueError, match="the ensemble has no fit"):
        empty.best()


def test_workers_combine(fits):
    places = list(fits)
    one = ensemble_of(fits, places[::2], [Failure(*places[1], "here"), Failure(7, 0, "everywhere")])
    two = ensemble_of(fits, places[1::2] + places[:1])
    whole = Ensemble.combine(iter([one, two]))
    assert whole.fits == ensemble_of(fits).fits and whole.starts == ensemble_of(fits).starts
    assert whole.failures == (Failure(7, 0, "everywhere"),)
    assert Ensemble.combine([one]).fits == one.fits


def test_what_does_not_combine(fits):
    other = Ensemble([fit_from_random(1.001 * X, 2, 0)], [0])
    with pytest.raises(ValueError, match="the fit of rank 2, start 0, is there twice, with objectives"):
        Ensemble.combine([ensemble_of(fits), other])
    for bad, error in (([], ValueError), ([fits[2, 0]], TypeError), ([ensemble_of(fits), None], TypeError)):
        with pytest.raises(error, match="ensembles"):
            Ensemble.combine(bad)


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_other_fits_do_not_combine_though_their_objectives_are_equal(scale, tmp_path):
    one, two = (Ensemble([fit_from_random(scale * X, 2, seed, max_iter=3)], [0]) for seed in (0, 1))
    assert one.best().objective == two.best().objective in (0, np.inf)
    with pytest.raises(ValueError, match="is there twice"):
        Ensemble.combine([one, two])
    ledger = Ledger.open(tmp_path / "ledger", {})
    for _ in range(2):
        ledger.add(2, 0, one.best())
    with pytest.raises(ValueError, match="is there twice"):
        ledger.add(2, 0, two.best())
    assert len(Ensemble.combine([one, one])) == 1


def test_exact_fits_agree_whatever_their_round_off():
    rng = np.random.default_rng(0)
    Y = rng.random((30, 1)) @ rng.random((1, 20))
    ones = [Ensemble([fit_from_random(Y, 1, seed)], [0]) for seed in (0, 1)]
    assert len({one.best().objective for one in ones}) == 2
    assert len(Ensemble.combine(ones)) == 1


def test_saved_and_loaded_to_the_bit(tmp_path, fits):
    before = ensemble_of(fits, failures=[Failure(9, 0, "k is 9")])
    for _ in range(2):  # in the place of what is there
        before.save(tmp_path / "ensemble")
    after = Ensemble.load(str(tmp_path / "ensemble"))
    assert len(list(tmp_path.iterdir())) == 1
    assert all(same(a, b) for a, b in zip(before.fits, after.fits, strict=True))
    assert (after.starts, after.failures) == (before.starts, before.failures)
    Ensemble([], []).save(tmp_path / "empty")
    assert len(Ensemble.load(tmp_path / "empty")) == 0


def test_loaded_from_several_files(tmp_path, fits):
    places = list(fits)
    paths = [tmp_path / name for name in "abc"]
    ensemble_of(fits, places[:7]).save(paths[0])
    ensemble_of(fits, places[6:12]).save(paths[1])
    ledger = Ledger.open(paths[2], {"options": {"loss": "frobenius", "tol": 1e-4}, "fingerprint": {"total": 1.0}})
    for place in places[12:]:
        ledger.add(*place, fits[place])
    whole = Ensemble.load(paths)
    assert all(same(a, b) for a, b in zip(whole.fits, ensemble_of(fits).fits, strict=True))
    Ensemble([fit_from_random(X, 2, 0, tol=1e-5)], [0]).save(paths[1])
    with pytest.raises(ValueError, match=r"/a and .*/b have .* options: .*tol is 0\.0001 in the first and 1e-05 in"):
        Ensemble.load(paths)


def test_what_was_saved_is_no_ledger_to_go_on_with(tmp_path, fits):
    for name, e in (("fits", ensemble_of(fits)), ("empty", Ensemble([], []))):
        e.save(tmp_path / name)
        with pytest.raises(ValueError, match=rf"{name} does not say of which X its fits are, since Ensemble\.save"):
            nmfcore.fit_many(X, [2], 2, random_state=0, ledger=tmp_path / name)


def test_files_that_are_no_ensemble(tmp_path, fits):
    path = tmp_path / "ensemble"
    fits[2, 0].save(path)
    with pytest.raises(ValueError, match="ensemble is no ledger of nmfcore"):
        Ensemble.load(path)
    with pytest.raises(FileNotFoundError):
        Ensemble.load(tmp_path / "none")
    with pytest.raises(ValueError, match="paths is empty"):
        Ensemble.load([])
    with pytest.raises(OSError, match="none"):
        ensemble_of(fits).save(tmp_path / "none" / "ensemble")
    assert [found.name for found in tmp_path.iterdir()] == ["ensemble"]


def test_a_file_stays_when_saving_fails(tmp_path, fits):
    path = tmp_path / "ensemble"
    ensemble_of(fits).save(path)
    broken = replace(fits[2, 0], options={"loss": "frobenius", "init": object()})
    with pytest.raises(TypeError):
        Ensemble([broken], [0]).save(path)
    assert len(Ensemble.load(path)) == len(fits) and len(list(tmp_path.iterdir())) == 1


def test_table(fits):
    e = ensemble_of(fits, [(2, 0), (2, 1), (2, 2), (3, 0), *((4, start) for start in range(5))])
    table = e.table()
    assert table["k"].tolist() == [2, 3, 4] and table["fits"].tolist() == [3, 1, 5]
    for i, k in enumerate(e.ranks):
        assert table["best"][i] == e.best(k).objective and table["relative_error"][i] == e.best(k).relative_error
        assert table["median"][i] == np.median(e.objectives(k))
        expected = [np.nan] * 4
        if k != 3:
            expected = [e.stability(k).instability, e.cophenetic(k), e.dispersion(k), e.silhouette(k)]
        found = [table[name][i] for name in ("instability", "cophenetic", "dispersion", "silhouette")]
        np.testing.assert_array_equal(found, expected)
    assert all(len(column) == 0 for column in Ensemble([], []).table().values())


def test_table_of_fits_that_are_0():
    table = nmfcore.fit_many(np.zeros((6, 5)), [1, 2], 3, random_state=0).table()
    np.testing.assert_array_equal(table["silhouette"], [np.nan, np.nan])
    np.testing.assert_array_equal(table["dispersion"], [1, 1])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_table_as_a_frame(library, fits):
    pytest.importorskip(library)
    frame, table = ensemble_of(fits).to_frame(library), ensemble_of(fits).table()
    assert list(frame.columns) == list(table)
    for name, column in table.items():
        np.testing.assert_array_equal(frame[name].to_numpy(), column)
    with pytest.raises(ValueError, match="library is 'arrow'"):
        ensemble_of(fits).to_frame("arrow")


def test_text(fits):
    lines = str(ensemble_of(fits, failures=[Failure(9, 0, "k is 9")])).splitlines()
    assert (
        lines[0]
        == "Ensemble(18 fits of rank 2, 3, 4, 1 failed)"
        == repr(ensemble_of(fits, failures=[Failure(9, 0, "")]))
    )
    assert lines[1].split() == ["rank", "fits", "best", "median", "rel.", "error"]
    assert [line.split()[:2] for line in lines[2:5]] == [["2", "6"], ["3", "6"], ["4", "6"]]
    assert float(lines[4].split()[2]) == pytest.approx(ensemble_of(fits).best(4).objective, rel=1e-5)
    assert lines[5] == "failed: rank 9, start 0: k is 9"
    assert str(Ensemble([], [])) == "Ensemble(no fits)"
