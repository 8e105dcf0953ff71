"""The drop-in for MiniBatchNMF and scikit-learn's class, from the same start: iterates, stops, messages, errors."""

import inspect
import pickle
import re
import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.decomposition
from conftest import problem
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import nmfcore
from nmfcore.sklearn import MiniBatchNMF

BETAS = [2, 1, 0, 0.5, 1.5, 3, -0.5]
STORES = [np.asarray, np.asfortranarray, scipy.sparse.csr_matrix, scipy.sparse.csc_array]
KINDS = (sklearn.decomposition.MiniBatchNMF, MiniBatchNMF)
NO_END = {"tol": 0, "max_no_improvement": None}


def both(X, W0, H0, **options):
    """The two classes, fitted from the same start, each with its W."""
    found = []
    for kind in KINDS:
        model = kind(len(H0), init="custom", **options)
        found.append((model, model.fit_transform(X, W=W0.copy(), H=H0.copy())))
    return found


def same(theirs, ours, rtol=1e-9):
    np.testing.assert_allclose(ours[1], theirs[1], rtol=rtol, atol=1e-14)
    np.testing.assert_allclose(ours[0].components_, theirs[0].components_, rtol=rtol, atol=1e-14)
    np.testing.assert_allclose(ours[0].reconstruction_err_, theirs[0].reconstruction_err_, rtol=rtol)
    for name in ("n_iter_", "n_steps_", "n_components_", "n_features_in_"):
        assert getattr(ours[0], name) == getattr(theirs[0], name)


@parametrize_with_checks([MiniBatchNMF(batch_size=10, max_iter=20, fresh_restarts=True)])
def test_scikit_learn_takes_it_for_an_estimator(estimator, check):
    """With the parameters of scikit-learn's own check; others make `fit_transform` differ from fit and transform."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(estimator)


def test_the_parameters_are_those_of_scikit_learn_and_more_by_name():
    theirs = inspect.signature(sklearn.decomposition.MiniBatchNMF).parameters
    ours = inspect.signature(MiniBatchNMF).parameters
    assert list(ours)[: len(theirs)] == list(theirs)
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default and ours[name].kind == parameter.kind
    assert all(ours[name].kind == inspect.Parameter.KEYWORD_ONLY for name in set(ours) - set(theirs))
    for name in ("fit", "fit_transform", "partial_fit", "transform"):
        mine, his = (
            inspect.signature(getattr(kind, name)) for kind in (MiniBatchNMF, sklearn.decomposition.MiniBatchNMF)
        )
        assert name == "fit" or list(mine.parameters) == list(his.parameters)


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 0.02])
@pytest.mark.parametrize("beta", BETAS)
def test_the_iterates_are_those_of_scikit_learn(beta, alpha, fresh):
    X, W0, H0 = problem(m=53, n=21)
    penalties = {"alpha_W": alpha, "alpha_H": alpha / 3, "l1_ratio": 0.4}
    options = {"beta_loss": beta, "batch_size": 16, "max_iter": 4, "fresh_restarts": fresh}
    theirs, ours = both(X, W0, H0, **options, **penalties, **NO_END)
    same(theirs, ours)
    np.testing.assert_allclose(ours[0].transform(X), theirs[0].transform(X), rtol=1e-9)


def test_a_batch_of_zeros_says_what_it_says_to_scikit_learn():
    X, W0, H0 = problem(m=50)
    X[20:30] = 0
    for options in ({"max_iter": 3, **NO_END}, {"tol": 1e-2}):
        same(*both(X, W0, H0, beta_loss=1, batch_size=10, **options))


@pytest.mark.parametrize("options", [{"tol": 1e-2}, {"tol": 0, "max_no_improvement": 3}, {"max_iter": 3}], ids=str)
@pytest.mark.parametrize("beta", [2, 1])
def test_it_ends_where_scikit_learn_does_and_says_the_same(beta, options, capsys):
    X, W0, H0 = problem(m=53, n=21)
    said, warned = [], []
    for kind in KINDS:
        model = kind(len(H0), init="custom", beta_loss=beta, batch_size=20, verbose=1, **options)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, W=W0.copy(), H=H0.copy())
        warned.append([(w.category, str(w.message)) for w in caught])
        said.append(capsys.readouterr().out)
    assert warned[0] == warned[1]
    number = re.compile(r"\d+\.\d+(?:e-\d+)?")
    assert number.sub("#", said[0]) == number.sub("#", said[1])
    costs = [[float(x) for x in number.findall(lines)] for lines in said]
    np.testing.assert_allclose(costs[1], costs[0], rtol=1e-9)


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("beta", [2, 1, 0.5])
def test_storage_does_not_matter(store, beta):
    X, W0, H0 = problem(m=53, n=21, zeros=0.4)
    X[7], X[:, 3] = 0, 0
    options = {"beta_loss": beta, "batch_size": 13, "max_iter": 5, **NO_END}
    (theirs, W), ours = both(X, W0, H0, **options)
    X = store(X)
    model = MiniBatchNMF(len(H0), init="custom", **options)
    same(ours, (model, model.fit_transform(X, W=W0, H=H0)), 1e-10)
    np.testing.assert_allclose(model.reconstruction_err_, theirs.reconstruction_err_, rtol=1e-6)
    np.testing.assert_allclose(W @ theirs.components_, ours[1] @ model.components_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(model.transform(X[:5]), model.transform(X)[:5], rtol=0.05, atol=1e-3)


@pytest.mark.parametrize("beta", [2, 1])
def test_partial_fit_is_that_of_scikit_learn(beta):
    X, W0, H0 = problem(m=90, n=21)
    models = []
    for kind in KINDS:
        model = kind(4, init="custom", beta_loss=beta, batch_size=20, alpha_W=0.01)
        for i in range(0, 90, 30):  # as turftopic calls it
            model.partial_fit(X[i : i + 30], W=W0[i : i + 30], H=H0.copy())
        models.append((model, model.transform(X)))
    (theirs, W), (ours, own_W) = models
    np.testing.assert_allclose(ours.components_, theirs.components_, rtol=1e-9)
    np.testing.assert_allclose(own_W, W, rtol=1e-9)
    assert ours.n_steps_ == theirs.n_steps_ == 3
    assert not hasattr(ours, "n_iter_") and not hasattr(ours, "reconstruction_err_")


@pytest.mark.parametrize("beta", [2, 1, 0])
def test_partial_fit_of_the_batches_is_a_fit_with_fresh_restarts(beta):
    """A batch of a stream applies forget_factor once, each of four batches of a pass its fourth root."""
    X, W0, H0 = problem(m=80, n=21)
    options = {"init": "custom", "beta_loss": beta, "batch_size": 20, "fresh_restarts": True, **NO_END}
    fitted = MiniBatchNMF(4, forget_factor=0.7, max_iter=2, **options).fit(X, W=W0, H=H0)
    stream = MiniBatchNMF(4, forget_factor=0.7**0.25, **options)
    for _ in range(2):
        for i in range(0, 80, 20):
            stream.partial_fit(X[i : i + 20], W=W0[:20], H=H0)
    np.testing.assert_allclose(stream.components_, fitted.components_, rtol=1e-12)
    assert stream.n_steps_ == fitted.n_steps_ == 8


def test_a_stream_goes_on_after_a_fit_a_pickle_and_what_it_was_set_to():
    X, W0, H0 = problem(m=60, n=21)
    theirs, ours = (model for model, _ in both(X, W0, H0, batch_size=30, max_iter=2, tol=0))
    ours = pickle.loads(pickle.dumps(ours))
    for model in (theirs, ours):
        model.set_params(alpha_H=0.5, l1_ratio=0.5)
        model.partial_fit(X[:20])
        model.components_ = model.components_ + 0.1
        model.components_.flags.writeable = model is theirs
        model.partial_fit(X[20:50])
    np.testing.assert_allclose(ours.components_, theirs.components_, rtol=1e-9)
    assert not hasattr(clone(ours), "components_")


def test_a_penalty_set_later_serves_kullback_leibler():
    """B is one row for all features until a quadratic penalty needs more."""
    X, W0, H0 = problem(m=60, n=21)
    models = []
    for kind in KINDS:
        model = kind(4, init="custom", beta_loss=1).partial_fit(X[:30], W=W0[:30], H=H0.copy())
        models.append(model.set_params(alpha_H=0.1).partial_fit(X[30:]))
    np.testing.assert_allclose(models[1].components_, models[0].components_, rtol=1e-10)


def test_batches_of_another_dtype_or_size_of_entries(dtype):
    X, W0, H0 = problem(m=60, n=21)
    models = []
    for kind in KINDS:
        model = kind(4, init="custom").partial_fit(X[:30].astype(dtype), W=W0[:30].astype(dtype), H=H0.astype(dtype))
        models.append(model.partial_fit(1e4 * X[30:]))
    np.testing.assert_allclose(models[1].components_, models[0].components_, rtol=1e-9 if dtype == np.float64 else 1e-4)
    assert models[1].components_.dtype == dtype
    assert models[1].transform(X).dtype == np.float64


@pytest.mark.parametrize("beta", [2, 1, 0.5])
def test_float32(beta):
    X, W0, H0 = (F.astype(np.float32) for F in problem(m=60, n=21))
    theirs, ours = both(X, W0, H0, beta_loss=beta, batch_size=16, max_iter=4, **NO_END)
    same(theirs, ours, 1e-4)
    assert ours[1].dtype == ours[0].components_.dtype == np.float32


@pytest.mark.parametrize("store", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("beta", [2, 1])
def test_threads_change_no_bit(beta, store):
    X, _, _ = problem(m=600, n=500, k=7, zeros=0.5)
    found = []
    for n_threads in (1, 2, 3):
        model = MiniBatchNMF(7, beta_loss=beta, batch_size=256, max_iter=2, random_state=0, tol=0, n_threads=n_threads)
        found.append((model.fit_transform(store(X)), model.components_))
    for W, H in found[1:]:
        np.testing.assert_array_equal(W, found[0][0])
        np.testing.assert_array_equal(H, found[0][1])


@pytest.mark.parametrize("scale", [1e-12, 1e-200, 1e200])
def test_without_a_weight_of_the_start_a_fit_scales_with_X(scale):
    X, W0, H0 = problem(m=60, n=21)
    options = {"init": "custom", "batch_size": 16, "max_iter": 3, "start_weight": 0.0, **NO_END}
    one, other = MiniBatchNMF(4, **options), MiniBatchNMF(4, **options)
    W, V = one.fit_transform(X, W=W0, H=H0), other.fit_transform(scale * X, W=scale * W0, H=H0)
    np.testing.assert_allclose(V / scale, W, rtol=1e-9)
    np.testing.assert_allclose(other.components_, one.components_, rtol=1e-9)
    np.testing.assert_allclose(other.reconstruction_err_ / scale, one.reconstruction_err_, rtol=1e-9)


@pytest.mark.parametrize("store", STORES)
def test_nothing_that_is_passed_is_changed(store):
    X, W0, H0 = problem()
    X = store(X)
    before = [np.copy(F.toarray() if scipy.sparse.issparse(F) else F) for F in (X, W0, H0)]
    for F in (X.data if scipy.sparse.issparse(X) else X, W0, H0):
        F.flags.writeable = False
    model = MiniBatchNMF(4, init="custom", batch_size=7, max_iter=2, tol=0).fit(X, W=W0, H=H0)
    model.partial_fit(X).transform(X)
    MiniBatchNMF(4, init="custom").partial_fit(X, W=W0, H=H0).partial_fit(X)
    for F, old in zip((X, W0, H0), before, strict=True):
        np.testing.assert_array_equal(F.toarray() if scipy.sparse.issparse(F) else F, old)


@pytest.mark.parametrize("init", [None, "random", "nndsvd", "nndsvda", "nndsvdar"])
def test_every_start_serves(init):
    X, _, _ = problem(zeros=0.2)
    model = MiniBatchNMF(4, init=init, batch_size=10, max_iter=30, tol=0, random_state=0)
    W = model.fit_transform(X)
    again = clone(model).fit(X)
    np.testing.assert_array_equal(again.components_, model.components_)
    np.testing.assert_allclose(model.reconstruction_err_, np.linalg.norm(X - W @ model.components_), rtol=1e-9)
    assert model.reconstruction_err_ < 0.5 * np.linalg.norm(X)


def test_the_number_of_components():
    X, W0, H0 = problem(n=6)
    assert MiniBatchNMF(max_iter=1, tol=0).fit(X).n_components_ == 6
    assert MiniBatchNMF(None, max_iter=1, tol=0).fit(X).n_components_ == 6
    assert MiniBatchNMF(init="custom", max_iter=1, tol=0).fit(X, W=W0, H=H0).n_components_ == 4
    model = MiniBatchNMF(3).partial_fit(X)
    assert list(model.get_feature_names_out()) == [f"minibatchnmf{t}" for t in range(3)]
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), model.transform(X) @ model.components_)


def test_messages():
    X, W0, H0 = problem()
    with pytest.raises(ValueError, match="batch_size"):
        MiniBatchNMF(batch_size=0).fit(X)
    with pytest.raises(ValueError, match="forget_factor"):
        MiniBatchNMF(forget_factor=1.5).partial_fit(X)
    with pytest.raises(NotFittedError):
        MiniBatchNMF().transform(X)
    for beta in (0, -0.5):
        model = MiniBatchNMF(2, beta_loss=beta)
        for fit in (model.fit, model.partial_fit):
            with pytest.raises(ValueError, match="When beta_loss <= 0 and X contains zeros"):
                fit(np.eye(3))
    with pytest.raises(ValueError, match="Negative values in data passed to"):
        MiniBatchNMF(2).partial_fit(-X)
    with pytest.raises(ValueError, match="wrong second dimension"):
        MiniBatchNMF(4, init="custom").partial_fit(X, W=W0[:, :3], H=H0)
    with pytest.raises(ValueError, match="is expecting 30 features"):
        MiniBatchNMF(4).partial_fit(X).partial_fit(X[:, :5])
    with pytest.warns(RuntimeWarning, match="provided W or H are ignored"):
        MiniBatchNMF(4).partial_fit(X, W=W0, H=H0)
    with pytest.warns(ConvergenceWarning, match="Maximum number of iterations 1 reached"):
        MiniBatchNMF(4, max_iter=1).fit(X)


def test_one_batch_without_memory_is_nmf():
    X, W0, H0 = problem()
    model = MiniBatchNMF(4, init="custom", beta_loss=1, forget_factor=0, max_iter=20, **NO_END)
    W = model.fit_transform(X, W=W0, H=H0)
    plain = nmfcore.mu(X, 4, loss=1, init=(W0, H0), max_iter=20, tol=0, floor=0, extrapolate=False)
    np.testing.assert_allclose(W @ model.components_, plain.W @ plain.H, rtol=1e-9)
