"""Tables are matched by the names of their rows and columns where both have names, and refused where they differ."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import planted

import nmfcore
from nmfcore import penalties

pd = pytest.importorskip("pandas")
pytest.importorskip("narwhals")

M, N, K = 12, 9, 3
ROWS, COLUMNS, PARTS = ([f"{letter}{i}" for i in range(size)] for letter, size in (("r", M), ("c", N), ("p", K)))
X = pd.DataFrame(planted(M, N, K)[0] + 0.1, index=ROWS, columns=COLUMNS)
rng = np.random.default_rng(0)
WEIGHTS = pd.DataFrame(rng.random((M, N)) + 0.1, index=ROWS, columns=COLUMNS)
MASK = WEIGHTS > 0.9
W = pd.DataFrame(rng.random((M, K)) + 0.1, index=ROWS, columns=PARTS)
H = pd.DataFrame(rng.random((K, N)) + 0.1, index=PARTS, columns=COLUMNS)
CHAIN = np.diag(np.arange(1.0, N), 1)
LABELS = pd.DataFrame({"label": np.arange(M) % K}, index=ROWS)
GRAPH = pd.DataFrame(CHAIN + CHAIN.T, index=COLUMNS, columns=COLUMNS)


def fit(data, **options):
    return nmfcore.nmf(data, K, **{"random_state": 0, "max_iter": 5, "tol": 0} | options)


def sklearn(data, **options):
    model = pytest.importorskip("nmfcore.sklearn").NMF(K, init="custom", max_iter=5, tol=0)
    return model.fit_transform(data, **options), model.components_


def sklearn_prior(data, target):
    model = pytest.importorskip("nmfcore.sklearn").NMF(
        K, init="random", random_state=0, penalty_H=penalties.Prior(target, 1.0), penalty_W=penalties.L2(0.1), tol=0
    )
    return model.fit_transform(data), model.components_


# Each takes X and then tables that go with it, and returns arrays.
DOORS = {
    "weights": (lambda X, A: fit(X, weights=A), [WEIGHTS]),
    "mask": (lambda X, A: fit(X, mask=A, loss="kullback-leibler"), [MASK]),
    "weights and mask": (lambda X, A, B: fit(X, weights=A, mask=B), [WEIGHTS, MASK]),
    "fixed_W": (lambda X, A: fit(X, fixed_W=A), [W]),
    "fixed_H": (lambda X, A: fit(X, fixed_H=A), [H]),
    "both fixed in part": (lambda X, A, B: fit(X, fixed_H=A, fixed_W=B), [H, W.where(W > 0.5)]),
    "init": (lambda X, A, B: fit(X, init=(B, A)), [H, W]),
    "init as a list": (lambda X, A, B: fit(X, init=[B, A]), [H, W]),
    "prior of H": (lambda X, A: fit(X, penalty_H=penalties.L2(0.1) + penalties.Prior(A, 1.0)), [H]),
    "prior of W": (lambda X, A: fit(X, penalty_W=penalties.Prior(A, 1.0)), [W]),
    "upper bounds": (lambda X, A: fit(X, penalty_H=penalties.Box(upper=A)), [H]),
    "lower bounds": (lambda X, A: fit(X, penalty_H=penalties.Box(A)), [H]),
    "graph": (lambda X, A: fit(X, penalty_H=penalties.Smooth(1.0, A)), [GRAPH]),
    "fit_many": (
        lambda X, A: nmfcore.fit_many(X, [K], weights=A, random_state=0, max_iter=5, tol=0).best(K),
        [WEIGHTS],
    ),
    "transform": (lambda X, A: [nmfcore.transform(X, H, weights=A, tol=1e-12)], [WEIGHTS]),
    "transform, fixed_W": (lambda X, A: [nmfcore.transform(X, H, fixed_W=A, tol=1e-12)], [W.where(W > 0.5)]),
    "archetypes": (
        lambda X, A: (result := nmfcore.archetypes(X, K, weights=A.mean(axis=1), random_state=0)).W @ result.archetypes,
        [WEIGHTS],
    ),
    "symmetric, init": (lambda X, A: nmfcore.symmetric(GRAPH, K, init=A, max_iter=5), [H.T]),
    "orthogonal, init": (lambda X, A: nmfcore.orthogonal(X, K, init=A["label"], max_iter=0), [LABELS]),
    "semi, init": (lambda X, A: nmfcore.semi(X, K, init=A, max_iter=5), [W]),
    "projective, init": (lambda X, A: nmfcore.projective(X, K, init=A, max_iter=5), [W]),
    "nnls": (lambda X, A: [nmfcore.nnls(A, X.iloc[:, 0])], [W]),
    "sklearn": (lambda X, A, B: sklearn(X, W=B, H=A), [H, W]),
    "sklearn, mask": (lambda X, A, B, C: sklearn(X, W=B, H=A, mask=C), [H, W, MASK]),
    "sklearn, prior": (sklearn_prior, [H]),
}


def shuffled(table, components):
    """The table with its rows and columns in another order; with its components, too, if asked for."""
    rows, columns = (
        list(rng.permutation(names)) if components or list(names) != PARTS else list(names)
        for names in (table.index, table.columns)
    )
    return table.loc[rows, columns]


def assert_same(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-10)


@pytest.mark.filterwarnings("ignore::nmfcore.ConvergenceWarning")
@pytest.mark.parametrize("door", DOORS)
def test_tables_are_aligned_by_name(door):
    call, tables = DOORS[door]
    wanted = call(X, *tables)
    assert_same(wanted, call(X, *(shuffled(table, False) for table in tables)))
    other_names = [table.rename(index={"r0": "x", "c0": "x"}, columns={"c0": "x"}) for table in tables]
    with pytest.raises(ValueError, match=r"^the (rows|columns|entries) of .* are not the (rows|columns) of .*: '.*' "):
        call(X, *other_names)


@pytest.mark.filterwarnings("ignore::nmfcore.ConvergenceWarning")
@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_without_an_index(library):
    module = pytest.importorskip(library)
    make = module.from_pandas if library == "polars" else lambda A: module.Table.from_pandas(A, preserve_index=False)
    for name, table in (("weights", WEIGHTS), ("mask", MASK)):
        wanted = fit(X, **{name: table})
        turned = table[COLUMNS[::-1]].reset_index(drop=True)
        assert_same(wanted, fit(X, **{name: make(turned)}))
        assert_same(wanted, fit(make(X), **{name: turned}))


def test_anndata():
    anndata = pytest.importorskip("anndata")
    data = anndata.AnnData(X)
    assert_same(fit(X, weights=WEIGHTS), fit(data, weights=WEIGHTS.iloc[::-1, ::-1]))
    assert_same(fit(X, weights=WEIGHTS), fit(X, weights=anndata.AnnData(WEIGHTS)[::-1, ::-1]))


def test_sparse_tables():
    weights = WEIGHTS.where(~MASK, 0)
    stored = pd.DataFrame.sparse.from_spmatrix(sp.csr_array(weights.to_numpy()), index=ROWS, columns=COLUMNS)
    assert_same(fit(X, weights=weights), fit(X, weights=stored.iloc[::-1, ::-1]))


def test_a_result_as_the_start_of_another_order():
    result = fit(X)
    turned = fit(X.iloc[::-1, ::-1], init=result, max_iter=0)
    assert_same(turned, (result.W[::-1], result.H[:, ::-1]))
    with pytest.raises(
        ValueError, match="the columns of init\\[1\\] \\(H0\\) are not the columns of X: 'other' missing"
    ):
        fit(X.rename(columns={"c0": "other"}), init=result)


def test_components_have_the_order_of_the_first_table_with_names():
    got = fit(X, fixed_H=H.loc[PARTS[::-1]], init=(W, H), max_iter=0)
    assert_same((W.to_numpy()[:, ::-1], H.to_numpy()[::-1]), got)
    got = nmfcore.transform(X, H, fixed_W=W.where(W > 0.5)[PARTS[::-1]])
    assert_same([got], [nmfcore.transform(X, H, fixed_W=W.where(W > 0.5))])
    with pytest.raises(ValueError, match="the columns of fixed_W are not the rows of fixed_H: 'p0' missing, 'q' extra"):
        fit(X, fixed_H=H, fixed_W=W.rename(columns={"p0": "q"}))


def test_arrays_and_counting_names_are_taken_by_position():
    wanted = fit(X.to_numpy(), weights=WEIGHTS.to_numpy())
    plain = WEIGHTS.set_axis(range(M)).set_axis(range(N), axis=1)
    for data in (X, X.to_numpy(), plain * 0 + X.to_numpy()):
        for weights in (WEIGHTS.to_numpy(), plain, pd.DataFrame(WEIGHTS.to_numpy())):
            assert_same(wanted, fit(data, weights=weights))
    assert_same(wanted, fit(X.to_numpy(), weights=WEIGHTS))


def test_a_shuffled_default_index_is_followed():
    """As pandas does: 0, 1, ... are names where the other table has the same numbers in another order."""
    data, weights = X.reset_index(drop=True), WEIGHTS.reset_index(drop=True)
    order = rng.permutation(M)
    assert_same(fit(X, weights=WEIGHTS), fit(data, weights=weights.iloc[::-1]))
    turned = fit(data.iloc[order], weights=weights)
    assert_same(turned, fit(X.iloc[order], weights=WEIGHTS))


def test_what_is_ambiguous_is_refused():
    with pytest.raises(ValueError, match="the rows of mask are the rows of weights in another order, and X has no"):
        fit(X.to_numpy(), weights=WEIGHTS, mask=MASK.iloc[::-1])
    assert_same(fit(X, weights=WEIGHTS, mask=MASK), fit(X.to_numpy(), weights=WEIGHTS, mask=MASK))
    twice = ["a", "a", *COLUMNS[2:]]
    data, weights = X.set_axis(twice, axis=1), WEIGHTS.set_axis(twice, axis=1)
    assert_same(fit(X, weights=WEIGHTS), fit(data, weights=weights))  # the same order needs no unique names
    with pytest.raises(ValueError, match="the columns of weights are not the columns of X: 'a' is repeated"):
        fit(data, weights=weights.iloc[:, ::-1])
    with pytest.raises(ValueError, match="the columns of weights are not the columns of X: 'more' extra"):
        fit(X, weights=WEIGHTS.assign(more=1.0))


def test_bounds_that_broadcast():
    upper = pd.DataFrame([np.linspace(0.5, 1, N)], columns=COLUMNS, index=["most"])
    wanted = fit(X, penalty_H=penalties.Box(upper=upper.to_numpy()))
    assert_same(wanted, fit(X, penalty_H=penalties.Box(upper=upper[COLUMNS[::-1]])))
    assert_same(wanted, fit(X, penalty_H=penalties.Box(upper=upper.iloc[0, ::-1])))


def test_symmetric_tables():
    wanted = nmfcore.symmetric(GRAPH, 2, random_state=0)
    turned = nmfcore.symmetric(GRAPH[COLUMNS[::-1]], 2, random_state=0)
    assert_same(wanted, turned)
    assert turned.names == (tuple(COLUMNS), tuple(COLUMNS))
    with pytest.raises(ValueError, match="the columns of S are not the rows of S: 'c0' missing, 'd' extra"):
        nmfcore.symmetric(GRAPH.rename(columns={"c0": "d"}), 2)


def test_normal_equations():
    B, x = W.to_numpy(), X.to_numpy()
    G, C = (pd.DataFrame(A, index=PARTS) for A in (B.T @ B, B.T @ x))
    wanted = nmfcore.nnls(G=G.to_numpy(), C=C.to_numpy())
    assert_same([wanted], [nmfcore.nnls(G=G.set_axis(PARTS, axis=1)[PARTS[::-1]], C=C.iloc[::-1])])
    assert_same([wanted], [nmfcore.nnls(W, X.iloc[::-1])])
    with pytest.raises(ValueError, match="the rows of X are not the rows of B: 'r0' missing"):
        nmfcore.nnls(W, X.rename(index={"r0": "other"}))


def test_ratings():
    stored = sp.random_array((M, N), density=0.5, rng=np.random.default_rng(0)) if hasattr(sp, "random_array") else None
    ratings = pd.DataFrame.sparse.from_spmatrix(sp.coo_array(stored), index=ROWS, columns=COLUMNS)
    model = nmfcore.complete(ratings, 1, random_state=0)
    assert model.names == (tuple(ROWS), tuple(COLUMNS))
    assert model.rmse(ratings.iloc[::-1, ::-1]) == pytest.approx(model.rmse(stored))
    with pytest.raises(ValueError, match="the rows of X_test are not the rows of X: 'r0' missing"):
        model.rmse(ratings.rename(index={"r0": "other"}))


def test_names_of_a_completion_are_saved(tmp_path):
    ratings = pd.DataFrame.sparse.from_spmatrix(sp.eye_array(M, N) if hasattr(sp, "eye_array") else sp.eye(M, N))
    ratings = ratings.set_axis(ROWS).set_axis(COLUMNS, axis=1)
    model = nmfcore.complete(ratings, 1, random_state=0)
    model.save(tmp_path / "model.npz")
    assert type(model).load(tmp_path / "model.npz").names == model.names


def test_methods_of_a_result_refuse_another_order():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result, many = fit(X), nmfcore.fit_many(X, [2], 3, random_state=0)
    for call in (result.optimality, many.consensus_factors):
        with pytest.raises(ValueError, match="the rows of X are not those of W: 'r11' instead of 'r0' \\(row 0\\)"):
            call(X.iloc[::-1])
        with pytest.raises(ValueError, match="the columns of X are not those of H: 'c8' instead of 'c0'"):
            call(X.iloc[:, ::-1])


def test_arguments_are_not_changed():
    tables = WEIGHTS.iloc[::-1, ::-1].copy(), H.iloc[:, ::-1].copy()
    before = [table.copy() for table in tables]
    fit(X, weights=tables[0], penalty_H=penalties.Prior(tables[1], 1.0))
    for table, copy in zip(tables, before, strict=True):
        pd.testing.assert_frame_equal(table, copy)
