"""The drop-in for NMF: scikit-learn's checks, its objective and its results, and the further parameters."""

import contextlib
import inspect
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.decomposition as peer
from conftest import planted
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import nmfcore
from nmfcore import penalties
from nmfcore.sklearn import NMF, non_negative_factorization
from nmfcore.sklearn._stopping import TOL_FACTOR

quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
LOSSES = [("cd", "frobenius"), ("mu", "frobenius"), ("mu", "kullback-leibler"), ("mu", "itakura-saito"), ("mu", 1.5)]


def problem(seed=0, m=40, n=25, k=4):
    return planted(m, n, k, seed=seed)[0] + 0.01


def objective(X, W, H, loss, alpha_W=0.0, alpha_H=0.0, l1_ratio=0.0):
    """The objective of scikit-learn, written out."""
    V, beta = W @ H, {"frobenius": 2, "kullback-leibler": 1, "itakura-saito": 0}.get(loss, loss)
    if beta == 2:
        value = 0.5 * np.sum((X - V) ** 2)
    elif beta == 1:
        value = np.sum(X * np.log(X / V) - X + V)
    elif beta == 0:
        value = np.sum(X / V - np.log(X / V) - 1)
    else:
        value = np.sum(X**beta + (beta - 1) * V**beta - beta * X * V ** (beta - 1)) / (beta * (beta - 1))
    for F, strength in ((W, alpha_W * X.shape[1]), (H, alpha_H * X.shape[0])):
        value += strength * (l1_ratio * F.sum() + 0.5 * (1 - l1_ratio) * np.sum(F**2))
    return value


def expected_to_fail(estimator):
    """Multiplicative updates have not converged after 200 iterations. The same checks fail for scikit-learn's class."""
    checks = ("check_transformer_general", "check_transformer_data_not_an_array") if estimator.solver == "mu" else ()
    return dict.fromkeys(checks, "W is not that of a transform before the fit has converged")


@quiet
@parametrize_with_checks(
    [NMF(), NMF(solver="mu", beta_loss=1), NMF(3, init="random", alpha_W=0.01, shuffle=True)],
    expected_failed_checks=expected_to_fail,
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.timeout(600)
def test_scikit_learn_s_own_tests():
    script = Path(__file__).with_name("scikit_learn_own.py")
    run = subprocess.run([sys.executable, str(script), "-q"], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-5000:] + run.stderr[-2000:]
    assert "replaced NMF" in run.stdout


def test_parameters_are_scikit_learn_s():
    def parameters(f):
        return {name: p.default for name, p in inspect.signature(f).parameters.items()}

    for own, other, more in (
        (NMF, peer.NMF, ["n_threads", "penalty_W", "penalty_H", "callback"]),
        (
            non_negative_factorization,
            peer.non_negative_factorization,
            ["n_threads", "penalty_W", "penalty_H", "callback", "mask"],
        ),
    ):
        assert parameters(own) == parameters(other) | dict.fromkeys(more)
        assert list(parameters(own)) == list(parameters(other)) + more
    assert "alpha_W" in NMF.__init__.__code__.co_varnames


@quiet
@pytest.mark.parametrize(("solver", "loss"), LOSSES)
@pytest.mark.parametrize("init", [None, "random", "nndsvdar"])
@pytest.mark.parametrize(
    "known", [{}, {"alpha_W": 0.01, "l1_ratio": 0.5}, {"alpha_W": 0.02, "alpha_H": 0.005}], ids=str
)
def test_the_objective_is_no_worse(solver, loss, init, known):
    """In the median over problems, because the starts differ and so do the local minima."""
    strengths = {"alpha_W": 0.0, "l1_ratio": 0.0} | known
    strengths.setdefault("alpha_H", strengths["alpha_W"])
    ratios = []
    for seed in range(7):
        X, values = problem(seed), []
        for kind in (NMF, peer.NMF):
            model = kind(4, init=init, solver=solver, beta_loss=loss, random_state=seed, **known)
            W = model.fit_transform(X)
            values.append(objective(X, W, model.components_, loss, **strengths))
            error = np.sqrt(2 * objective(X, W, model.components_, loss))
            assert model.reconstruction_err_ == pytest.approx(error, rel=1e-6)
        ratios.append(values[0] / values[1])
    assert np.median(ratios) <= (1.001 if solver == "cd" else 1.02)


@quiet
@pytest.mark.parametrize("form", [np.asarray, np.asfortranarray, sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize(("solver", "loss"), [("cd", 2), ("mu", 2), ("mu", 1), ("mu", 0.5), ("mu", 3)])
@pytest.mark.parametrize("known", [{}, {"alpha_W": 0.01, "alpha_H": 0.02, "l1_ratio": 0.3}], ids=str)
def test_iterates_with_tol_0(form, solver, loss, known):
    X, W, H = planted(30, 20, 4)
    X, W[W < 0.2] = X + 0.01, 0
    options = dict(init="custom", solver=solver, beta_loss=loss, max_iter=30, tol=0, **known)
    expected = peer.NMF(4, **options).fit(X, W=W.copy(), H=H.copy()).components_
    found = NMF(4, **options).fit(form(X), W=W, H=H).components_
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-12)


@quiet
@pytest.mark.parametrize(("solver", "loss"), LOSSES[:4])
@pytest.mark.parametrize("known", [{}, {"alpha_W": 0.01, "l1_ratio": 0.5}], ids=str)
def test_transform_gives_what_the_fit_gave(solver, loss, known):
    X = problem()
    model = NMF(4, solver=solver, beta_loss=loss, tol=1e-6, max_iter=5000, random_state=0, **known)
    W = model.fit_transform(X)
    np.testing.assert_allclose(model.transform(X), W, atol=1e-2 * W.max())
    np.testing.assert_array_equal(clone(model).fit(X).transform(X), model.transform(X))
    np.testing.assert_allclose(model.inverse_transform(W), W @ model.components_)


def test_a_row_is_transformed_alone():
    X = problem()
    model = NMF(4, init="nndsvda", random_state=0).fit(X)
    np.testing.assert_array_equal(model.transform(X[3:4]), model.transform(X)[3:4])


@pytest.mark.parametrize("dtype_of_fit", [np.float32, np.float64])
def test_dtypes(dtype, dtype_of_fit):
    X = problem().astype(dtype_of_fit)
    model = NMF(4, random_state=0).fit(X)
    assert model.components_.dtype == dtype_of_fit
    assert model.transform(X.astype(dtype)).dtype == dtype
    W, H = np.full((40, 4), 0.5), np.ones((4, 25), dtype=int)
    W.flags.writeable = H.flags.writeable = False
    found = non_negative_factorization(X, W, H + np.arange(4)[:, None], init="custom", max_iter=500)
    assert found[0].dtype == found[1].dtype == dtype_of_fit


@quiet
def test_reproducible_with_every_kind_of_seed():
    X = problem()
    for make in (lambda: np.int64(3), lambda: np.random.RandomState(3), lambda: np.random.default_rng(3)):
        one, other = (
            NMF(np.int32(4), init="random", random_state=make(), max_iter=np.int64(20)).fit_transform(X) for _ in "ab"
        )
        np.testing.assert_array_equal(one, other)
    one, other = ((np.random.seed(1), NMF(4, init="random", max_iter=9).fit_transform(X))[1] for _ in "ab")
    np.testing.assert_array_equal(one, other)
    assert np.any(one != NMF(4, init="random", max_iter=9).fit_transform(X))


@quiet
def test_shuffle():
    X, W, H = planted(40, 25, 6)
    plain, shuffled, again = (
        NMF(6, init="custom", shuffle=shuffle, random_state=0, max_iter=5).fit_transform(X, W=W, H=H)
        for shuffle in (False, True, True)
    )
    assert np.any(plain != shuffled)
    np.testing.assert_array_equal(shuffled, again)
    order = np.random.RandomState(0).permutation(6)
    by_hand = NMF(6, init="custom", max_iter=5).fit_transform(X, W=W[:, order], H=H[order])
    np.testing.assert_array_equal(shuffled[:, order], by_hand)
    errors = [NMF(6, shuffle=s, max_iter=2000, random_state=0).fit(X).reconstruction_err_ for s in (False, True)]
    assert errors[1] == pytest.approx(errors[0], rel=0.05)


def test_in_scikit_learn_s_company():
    X = problem()
    y = X[:, 0] > np.median(X[:, 0])
    model = NMF(3, random_state=0, penalty_H=penalties.L1(0.1))
    assert clone(model).get_params()["penalty_H"] == penalties.L1(0.1)
    model.fit(X)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.transform(X), model.transform(X))
    search = GridSearchCV(
        make_pipeline(NMF(random_state=0, max_iter=2000), KNeighborsClassifier()), {"nmf__n_components": [1, 3]}, cv=2
    )
    assert search.fit(X, y).best_score_ > 0.6
    assert list(model.get_feature_names_out()) == ["nmf0", "nmf1", "nmf2"]


def test_data_frames():
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(problem(), columns=[f"gene{i}" for i in range(25)])
    model = NMF(3, random_state=0).set_output(transform="pandas")
    W = model.fit_transform(X)
    assert list(W.columns) == ["nmf0", "nmf1", "nmf2"] and list(model.feature_names_in_) == list(X.columns)
    np.testing.assert_array_equal(W, NMF(3, random_state=0).fit_transform(X.to_numpy()))
    mask = X > X.quantile(0.99).max()
    NMF(3, random_state=0).fit(X, mask=mask)


@quiet
@pytest.mark.parametrize("solver", ["cd", "mu"])
def test_hidden_entries(solver):
    X = problem()
    mask = np.random.default_rng(1).random(X.shape) < 0.1
    holes = np.where(mask, np.nan, X)
    model = NMF(4, solver=solver, random_state=0, tol=1e-5, max_iter=5000)
    W = model.fit_transform(holes, mask=mask)
    assert model.reconstruction_err_ == pytest.approx(np.linalg.norm((X - W @ model.components_)[~mask]), rel=1e-6)
    np.testing.assert_allclose(model.transform(holes, mask=mask), W, atol=0.02 * W.max())
    wild = np.where(mask, -1e3, X)
    np.testing.assert_array_equal(clone(model).fit_transform(wild, mask=sp.csr_array(mask)), W)
    np.testing.assert_array_equal(clone(model).fit_transform(np.ma.masked_array(wild, mask)), W)
    np.testing.assert_array_equal(
        non_negative_factorization(
            holes, n_components=4, solver=solver, random_state=0, tol=1e-5, max_iter=5000, mask=mask
        )[0],
        W,
    )
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.fit(holes)
    with pytest.raises(ValueError, match=r"X has \d+ NaN entr"):
        model.fit(holes, mask=np.zeros_like(mask))
    with pytest.raises(ValueError, match="mask has shape"):
        model.fit(X, mask=mask[1:])
    assert np.all(np.isfinite(np.hstack([X, X])[mask.repeat(2, axis=1)]))


@quiet
def test_penalties_beside_those_of_scikit_learn():
    X = problem()
    options = {"random_state": 0, "tol": 1e-7, "max_iter": 5000}
    by_alpha = NMF(4, alpha_W=0.01, alpha_H=0.02, l1_ratio=0.5, **options).fit(X)
    on = dict(zip(("penalty_W", "penalty_H"), penalties.scikit_learn(X.shape, 0.01, 0.02, 0.5), strict=True))
    by_object = NMF(4, **on, **options).fit(X)
    np.testing.assert_array_equal(by_alpha.components_, by_object.components_)
    both = NMF(4, alpha_W=0.01, penalty_H=penalties.L1(3.0), **options).fit(X)
    assert np.mean(both.components_ == 0) > np.mean(NMF(4, alpha_W=0.01, **options).fit(X).components_ == 0)
    shares = NMF(4, penalty_W=penalties.SumToOne(axis=1), **options).fit(X)
    np.testing.assert_allclose(shares.transform(X).sum(axis=1), 1)


@quiet
@pytest.mark.parametrize("penalty", [penalties.L1(2.0), penalties.L2(2.0)])
def test_a_penalty_on_one_factor_alone(penalty):
    """The penalty refers to components whose other half has norm 1, in `transform`, too."""
    X = problem()
    options = {"random_state": 0, "tol": 1e-8, "max_iter": 20000}
    model = NMF(4, penalty_W=penalty, **options)
    W = model.fit_transform(X)
    options_of_nmf = options | {"tol": TOL_FACTOR * options["tol"], "random_state": np.random.RandomState(0)}
    np.testing.assert_array_equal(W, nmfcore.nmf(X, 4, penalty_W=penalty, **options_of_nmf).W)
    np.testing.assert_allclose(model.transform(X), W, atol=1e-3 * W.max())
    bounded = NMF(4, penalty_W=penalty + penalties.Box(upper=1.0), **options)
    W = bounded.fit_transform(X)
    assert W.max() <= 1
    np.testing.assert_allclose(bounded.transform(X), W, atol=1e-3)


@quiet
def test_callback_threads_and_verbose(capsys):
    X, states = problem(), []
    model = NMF(4, random_state=0, callback=lambda state: states.append(state) or state.iteration == 3, verbose=2)
    model.fit(X)
    assert model.n_iter_ == 3 and len(states) == 3
    assert NMF(4, callback=lambda state: np.bool_(state.iteration == 2)).fit(X).n_iter_ == 2
    assert "iteration     1" in capsys.readouterr().out
    model.transform(X)
    assert len(states) == 3
    results = [NMF(4, random_state=0, n_threads=n).fit(X).components_ for n in (1, 2)]
    np.testing.assert_array_equal(*results)


def test_convergence_warning():
    X = problem()
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 3 reached"):
        NMF(4, max_iter=3).fit(X)
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 1 reached"):
        NMF(1, max_iter=1, init="custom").fit_transform(np.ones((2, 2)), W=np.ones((2, 1)), H=np.ones((1, 2)))
    NMF(4, max_iter=3, tol=0).fit(X)
    NMF(4, max_iter=5000, random_state=0).fit(X)


@pytest.mark.filterwarnings("ignore:The multiplicative update")
@quiet
@pytest.mark.parametrize("solver", ["cd", "mu"])
@pytest.mark.parametrize("init", ["random", "nndsvd", "nndsvda", "nndsvdar", None])
def test_awkward_data(solver, init):
    X = problem(m=8, n=6, k=3)
    X[2], X[:, 1] = 0, 0
    for matrix in (X, 0 * X, X[:1, :1], 1e-200 * X, 1e200 * X, sp.csr_array(X)):
        k = 1 if min(matrix.shape) == 1 else 3
        model = NMF(k, solver=solver, init=init, random_state=0)
        W = model.fit_transform(matrix)
        assert np.all(np.isfinite(W)) and np.all(np.isfinite(model.components_)) and np.all(W[2:3] == 0)
        assert np.all(np.isfinite(model.transform(matrix)))
    if init in (None, "random"):
        assert NMF(9, solver=solver, init=init, random_state=0).fit(X).components_.shape == (9, 6)
    assert NMF(None, solver=solver, random_state=0).fit(X).n_components_ == 6


def test_internal_interface_of_scikit_learn():
    """turftopic and others call it without a fit before; it sets no attributes."""
    X = problem()
    W, H, n_iter = NMF(3, random_state=0)._fit_transform(X)
    assert W.shape == (40, 3) and H.shape == (3, 25) and n_iter > 1
    again, same, n_iter = NMF(3, tol=1e-6)._fit_transform(X, H=H, update_H=False)
    assert same is H and n_iter >= 1
    np.testing.assert_allclose(again, W, atol=0.01 * W.max())
    np.testing.assert_array_equal(non_negative_factorization(X, None, H, 3, update_H=False)[0], again)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"beta_loss": 1.0}, ValueError, "solver 'cd' does not handle beta_loss = 1.0"),
        ({"n_components": 0}, ValueError, "The 'n_components' parameter"),
        ({"penalty_W": 1.0}, ValueError, "The 'penalty_W' parameter"),
        ({"n_components": 30, "init": "nndsvd"}, ValueError, "init = 'nndsvd' can only be used when n_components <="),
        ({"solver": "mu", "beta_loss": 0, "clip": True}, ValueError, "When beta_loss <= 0 and X contains zeros"),
        (
            {"shuffle": True, "penalty_H": penalties.L1(1.0)},
            ValueError,
            "shuffle is True, which .* with penalty_H",
        ),
        ({"init": "custom"}, ValueError, "H is None; wanted an array of shape"),
        ({"n_threads": 0}, ValueError, "n_threads is 0"),
    ],
    ids=str,
)
def test_errors(options, error, message):
    X = problem()
    if options.pop("clip", False) or "clip" in options:
        X[0, 0] = 0
    with pytest.raises(error, match=message):
        NMF(**{"n_components": 4} | options).fit(X)


def test_errors_of_given_factors():
    X, W, H = planted(10, 8, 3)
    model = NMF(3, init="custom")
    for bad, message in (
        ({"W": W[1:], "H": H}, "wrong first dimension passed to NMF \\(input W\\). Expected 10, but got 9"),
        ({"W": W, "H": H[:, 1:]}, "wrong second dimension passed to NMF \\(input H\\)"),
        ({"W": -W, "H": H}, "Negative values in data passed to NMF \\(input W\\)"),
        ({"W": W, "H": 0 * H}, "Array passed to NMF \\(input H\\) is full of zeros"),
        ({"W": W * np.nan, "H": H}, "Input contains NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            model.fit(X, **bad)
    with pytest.raises(TypeError, match="W should have the same dtype as X"):
        model.fit(X, W=W.astype(np.float32), H=H)
    with pytest.raises(TypeError, match="update_H is 1"):
        non_negative_factorization(X, H=H, update_H=1)
    with pytest.raises(NotFittedError):
        model.transform(X)
    with pytest.warns(RuntimeWarning, match="When init!='custom', provided W or H are ignored"):
        NMF(3, random_state=0, max_iter=5000).fit(X, W=W, H=H)
    fitted = NMF(3, random_state=0, max_iter=5000).fit(X)
    with pytest.raises(ValueError, match="X has 7 features, but NMF is expecting 8"):
        fitted.transform(X[:, 1:])
    with pytest.raises(ValueError, match="Negative values in data passed to"):
        fitted.transform(-X)


def test_without_scikit_learn():
    code = "import sys; sys.modules['sklearn'] = None; import nmfcore.sklearn"
    run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert 'nmfcore.sklearn needs sklearn: pip install "nmfcore[sklearn]"' in run.stderr


@quiet
@pytest.mark.parametrize("init", ["random", "nndsvd", "nndsvda", "nndsvdar"])
@pytest.mark.parametrize("beta", [2, 1, 0.5])
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_multiplicative_updates_end_where_those_of_scikit_learn_do(init, beta, make):
    """The same factors after the same number of iterations: random numbers and stopping rule are scikit-learn's."""
    X = make(problem())
    options = {"init": init, "solver": "mu", "beta_loss": beta, "random_state": 3}
    theirs, ours = peer.NMF(4, **options), NMF(4, **options)
    with pytest.warns(UserWarning, match="cannot update zeros") if init == "nndsvd" else contextlib.nullcontext():
        W = ours.fit_transform(X)
    with warnings.catch_warnings(action="ignore"):
        expected = theirs.fit_transform(X)
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(W, expected, atol=1e-9 * expected.max())
    assert ours.reconstruction_err_ == pytest.approx(theirs.reconstruction_err_, rel=1e-9)


@quiet
def test_coordinate_descent_draws_the_random_start_of_scikit_learn():
    options = {"init": "random", "random_state": np.random.RandomState(5), "tol": 0, "max_iter": 7}
    theirs = peer.NMF(4, **options).fit_transform(problem())
    options["random_state"] = np.random.RandomState(5)
    np.testing.assert_allclose(NMF(4, **options).fit_transform(problem()), theirs, atol=1e-9 * theirs.max())
