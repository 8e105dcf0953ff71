"""Data frames and AnnData: the numbers go in, the names are kept, and the factors come out as data frames."""

import subprocess
import sys
from datetime import datetime

import numpy as np
import pytest
import scipy.sparse as sp
from conftest import planted
from hypothesis import given, settings
from hypothesis import strategies as st

import nmfcore
from nmfcore.data import frames

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

NAMES = [f"feature {j}" for j in range(20)]
ROWS = [f"sample {i}" for i in range(30)]


def frame(dtype=np.float64, **said):
    X, _, _ = planted(30, 20, 3, dtype=dtype)
    return X, pd.DataFrame(X, **{"columns": NAMES, "index": ROWS} | said)


def fit(X, **options):
    return nmfcore.hals(X, 3, **{"random_state": 0, "max_iter": 5} | options)


def assert_same(a, b):
    """To the round-off that the memory order of X makes in the scale of a start."""
    assert a.W.dtype == b.W.dtype and a.W.shape == b.W.shape and a.H.shape == b.H.shape
    rtol = 1e-9 if a.W.dtype == np.float64 else 1e-3
    for x, y in ((a.W, b.W), (a.H, b.H)):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol * y.max())


# --- In


def test_pandas(dtype):
    X, given_frame = frame(dtype)
    before = given_frame.copy()
    result = fit(given_frame)
    assert_same(result, fit(X))
    assert result.names == (tuple(ROWS), tuple(NAMES))
    pd.testing.assert_frame_equal(given_frame, before)
    values, _ = frames.unwrap(given_frame)
    assert np.shares_memory(values, given_frame.to_numpy())


def test_polars(dtype):
    X, _ = frame(dtype)
    result = fit(pl.DataFrame(X, schema=NAMES))
    assert_same(result, fit(X))
    assert result.names == (None, tuple(NAMES))


def test_arrow(dtype):
    pa = pytest.importorskip("pyarrow")
    X, _ = frame(dtype)
    result = fit(pa.table({name: X[:, j] for j, name in enumerate(NAMES)}))
    assert_same(result, fit(X))
    assert result.names == (None, tuple(NAMES))


def test_a_single_block_of_polars_is_not_copied():
    X = np.asfortranarray(frame()[0])
    given_frame = pl.DataFrame(X, schema=NAMES)
    values, _ = frames.unwrap(given_frame)
    if np.shares_memory(given_frame.to_numpy(), given_frame.to_numpy()):  # which is up to the version of polars
        assert np.shares_memory(values, given_frame.to_numpy())


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_array, np.asarray])
def test_anndata(kind, dtype):
    anndata = pytest.importorskip("anndata")
    X, _ = frame(dtype)
    X = np.where(X < np.median(X), 0, X).astype(dtype)
    given_data = anndata.AnnData(
        kind(X if kind is np.asarray else sp.csr_array(X)),
        obs=pd.DataFrame(index=ROWS),
        var=pd.DataFrame(index=NAMES),
    )
    result = fit(given_data)
    assert_same(result, fit(sp.csr_array(X) if kind is not np.asarray else X))
    assert result.names == (tuple(ROWS), tuple(NAMES))
    some = given_data[5:20, ::-1]
    assert nmfcore.hals(some, 2, max_iter=1).names == (tuple(ROWS[5:20]), tuple(NAMES[::-1]))


def test_anndata_in_a_file_and_without_x(tmp_path):
    anndata = pytest.importorskip("anndata")
    X, _ = frame()
    for name, values in {"dense": X, "sparse": sp.csr_matrix(X)}.items():
        anndata.AnnData(values, var=pd.DataFrame(index=NAMES)).write_h5ad(tmp_path / f"{name}.h5ad")
        backed = anndata.read_h5ad(tmp_path / f"{name}.h5ad", backed="r")
        assert_same(fit(backed), fit(values))
        backed.file.close()
    with pytest.raises(
        TypeError, match="X is an AnnData whose X is None; wanted an AnnData with X, or one of its layers"
    ):
        fit(anndata.AnnData(obs=pd.DataFrame(index=ROWS)))


def test_all_sparse_columns_stay_sparse(dtype):
    X, _ = frame(dtype)
    X[X < np.median(X)] = 0
    matrix = sp.csr_array(X)
    given_frame = pd.DataFrame.sparse.from_spmatrix(matrix, columns=NAMES, index=ROWS)
    values, names = frames.unwrap(given_frame)
    assert sp.issparse(values) and values.nnz == matrix.nnz and values.dtype == dtype
    result = fit(given_frame)
    assert_same(result, fit(matrix))
    assert result.names == (tuple(ROWS), tuple(NAMES)) == names
    one_dense = given_frame.assign(**{NAMES[3]: X[:, 3]})
    np.testing.assert_allclose(fit(one_dense).H, fit(X).H)
    around_one = (given_frame + 1).astype(pd.SparseDtype(dtype, 1))
    np.testing.assert_allclose(fit(around_one).H, fit(X + dtype(1)).H, rtol=1e-4)


KINDS = {
    "mixed": lambda: pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": [True, False, True]}),
    "float32": lambda: pd.DataFrame({"a": [1.0, 2], "b": [3.0, 4]}).astype({"a": np.float32, "b": np.float16}),
    "nullable": lambda: pd.DataFrame({"a": pd.array([1, 2, 3]), "b": pd.array([True, False, True])}),
    "Float32": lambda: pd.DataFrame({"a": pd.array([1.5, 2, 3], dtype="Float32")}),
    "arrow": lambda: pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]}).convert_dtypes(dtype_backend="pyarrow"),
    "arrow decimals": lambda: pd.DataFrame({"a": [1, 2]}).astype(
        pd.ArrowDtype(pytest.importorskip("pyarrow").decimal128(30, 2))
    ),
    "polars": lambda: pl.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": [True, False, True]}),
    "polars Float32": lambda: pl.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}, schema={"a": pl.Float32, "b": pl.Float32}),
    "polars decimals": lambda: pl.DataFrame({"a": [1, 2, 3]}).cast(pl.Decimal(10, 2)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_numbers(kind):
    if kind.startswith("arrow"):
        pytest.importorskip("pyarrow")
    given_frame = KINDS[kind]()
    values = np.array([[float(v) for v in row] for row in np.asarray(given_frame, dtype=object)])
    single = "32" in kind
    result = nmfcore.hals(given_frame, 1, max_iter=2)
    assert result.W.dtype == (np.float32 if single else np.float64)
    assert_same(result, nmfcore.hals(values.astype(result.W.dtype), 1, max_iter=2))
    assert result.names == (None, tuple(given_frame.columns))


@pytest.mark.parametrize("library", ["pandas", "polars", "arrow"])
def test_missing_entries_are_nan(library):
    columns = {"a": [1, None, 3], "b": [4.0, 5.0, None], "c": [True, None, True]}
    if library == "polars":
        given_frame = pl.DataFrame(columns)
    else:
        given_frame = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in columns.items()})
        backend = {"pandas": "numpy_nullable", "arrow": "pyarrow"}[library]
        given_frame = given_frame.convert_dtypes(dtype_backend=backend)
    with pytest.raises(ValueError, match="X has 3 NaN entries"):
        nmfcore.hals(given_frame, 1)
    X = np.array([[1, 4, 1], [np.nan, 5, np.nan], [3, np.nan, 1]])
    assert_same(*(nmfcore.hals(A, 1, missing="nan", random_state=0, max_iter=3) for A in (given_frame, X)))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize(
    ("column", "found"),
    [
        (["red", "blue"], "'colour' of text, such as 'red'"),
        ([None, "x" * 99], f"'colour' of text, such as '{'x' * 40}'"),
        ([datetime(2020, 1, 1), datetime(2020, 1, 2)], "'colour' of (?i:datetime)"),
        ([[1], [2, 3]], "'colour' of (object|List)"),
    ],
)
def test_columns_without_numbers(make, column, found):
    given_frame = make({"a": [1.0, 2.0], "colour": column})
    for ask in (lambda X: nmfcore.hals(X, 1), nmfcore.nnls, lambda X: nmfcore.transform(X, np.ones((1, 2)))):
        with pytest.raises(TypeError, match=f"(X|B) has the column {found}.*; wanted numbers$"):
            ask(given_frame) if ask is not nmfcore.nnls else ask(given_frame, np.ones(2))


def test_text_as_pandas_may_hold_it():
    for dtype in ("category", "string", object):
        with pytest.raises(TypeError, match="X has the column 7 of text, such as 'red'; wanted numbers"):
            fit(pd.DataFrame({7: pd.Series(["red", "blue"], dtype=dtype), "b": [1.0, 2.0]}))
    with pytest.raises(TypeError, match="X is complex"):
        fit(pd.DataFrame({"a": [1j, 2]}))
    for empty in (pd.DataFrame(), pd.DataFrame({"a": []}, dtype=float), pl.DataFrame({"a": []}, schema={"a": pl.Int8})):
        with pytest.raises(ValueError, match="X is empty"):
            fit(empty)


def test_names_that_are_no_text_and_such_that_only_count():
    X, _ = frame()
    levels = pd.MultiIndex.from_product([["a", "b"], range(10)])
    given_frame = pd.DataFrame(X, columns=levels, index=pd.date_range("2020-01-01", periods=30))
    rows, columns = fit(given_frame).names
    assert columns[:2] == ("('a', 0)", "('a', 1)") and rows[0] == "2020-01-01 00:00:00"
    assert fit(pd.DataFrame(X)).names == (None, None)
    assert fit(pd.DataFrame(X).iloc[5:, 3:], init="random").names == (
        tuple(map(str, range(5, 30))),
        tuple(map(str, range(3, 20))),
    )
    assert fit(pd.DataFrame(X, columns=["twice"] * 20)).names[1] == ("twice",) * 20


def test_series_are_vectors():
    B = pd.DataFrame(np.random.default_rng(0).random((9, 3)), columns=list("abc"))
    x = pd.Series(np.arange(9.0))
    assert np.array_equal(nmfcore.nnls(B, x), nmfcore.nnls(B.to_numpy(), x.to_numpy()))
    with pytest.raises(ValueError, match="X has 1 dimension"):
        nmfcore.hals(x, 1)


def test_the_other_doors():
    X, given_frame = frame()
    for A in (given_frame, pl.DataFrame(X, schema=NAMES)):
        assert_same(nmfcore.separable(A, 3), nmfcore.separable(X, 3))
        assert_same(nmfcore.mu(A, 3, max_iter=2, random_state=0), nmfcore.mu(X, 3, max_iter=2, random_state=0))
        assert np.array_equal(nmfcore.nnls(X[:, :4], A), nmfcore.nnls(X[:, :4], X))
        assert np.array_equal(nmfcore.nnls(A, X), nmfcore.nnls(X, X))
    ratings = pd.DataFrame.sparse.from_spmatrix(sp.random(9, 7, density=0.5, random_state=0))
    assert_same(*(nmfcore.complete(A, 1, random_state=0) for A in (ratings, sp.csr_array(ratings.sparse.to_coo()))))
    with pytest.raises(TypeError, match="wanted a sparse matrix"):
        nmfcore.complete(given_frame, 1)


# --- New samples


def test_transform_wants_the_columns_of_the_fit():
    X, given_frame = frame()
    result = fit(given_frame)
    wanted = nmfcore.transform(X, result)
    _, parts = result.to_frame()
    for new in (given_frame, pl.DataFrame(X, schema=NAMES), pd.DataFrame(X), given_frame.to_numpy()):
        for H in (result, result.H, parts):
            np.testing.assert_allclose(nmfcore.transform(new, H), wanted, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(nmfcore.transform(given_frame, fit(X)), wanted, atol=1e-9)  # no names to compare with
    swapped = [NAMES[1], NAMES[0], *NAMES[2:]]
    for new, words in [
        (given_frame[swapped], "'feature 1' instead of 'feature 0' \\(column 0\\)"),
        (given_frame[NAMES[3:]], "'feature 0' and 2 more missing"),
        (given_frame.assign(more=1.0), "'more' extra"),
        (given_frame.rename(columns={"feature 4": "other"}), "'feature 4' missing, 'other' extra"),
        (given_frame[[*NAMES, NAMES[0]]], "21 columns instead of 20"),
    ]:
        for H in (result, parts):
            with pytest.raises(
                ValueError, match=f"the columns of X are not those of H: {words}; wanted the columns of the fit"
            ):
                nmfcore.transform(new, H)


# --- Out


def test_to_pandas(dtype):
    X, given_frame = frame(dtype)
    result = fit(given_frame)
    W, H = result.to_frame()
    components = ["component_0", "component_1", "component_2"]
    pd.testing.assert_frame_equal(W, pd.DataFrame(result.W, index=ROWS, columns=components))
    pd.testing.assert_frame_equal(H, pd.DataFrame(result.H, index=components, columns=NAMES))
    before = result.W.copy()
    W.iloc[:] = 7
    assert np.array_equal(result.W, before)
    W, H = fit(X).to_frame()
    assert list(W.index) == list(range(30)) and list(H.columns) == list(range(20))
    assert list(H.index) == components


def test_to_polars(dtype):
    X, given_frame = frame(dtype)
    result = fit(given_frame)
    W, H = result.to_frame("polars")
    assert isinstance(W, pl.DataFrame) and W.columns == ["row", "component_0", "component_1", "component_2"]
    assert W["row"].to_list() == ROWS and H.columns == ["component", *NAMES]
    assert H["component"].to_list() == W.columns[1:]
    for found, F in ((W, result.W), (H, result.H)):
        assert np.array_equal(found[:, 1:].to_numpy(), F) and found[:, 1:].to_numpy().dtype == dtype
    W, H = fit(X).to_frame("polars")
    assert W["row"].to_list() == list(range(30)) and H.columns == ["component", *map(str, range(20))]
    for columns in (["twice"] * 20, ["component", *NAMES[1:]]):
        twice = fit(pd.DataFrame(X, columns=columns))
        with pytest.raises(ValueError, match=f"two columns have the name '{columns[0]}', which polars does not allow"):
            twice.to_frame("polars")


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(), min_size=20, max_size=20))
def test_any_names_survive(tmp_path_factory, names):
    X, _ = frame()
    result = fit(pd.DataFrame(X, columns=names), max_iter=1)
    path = tmp_path_factory.mktemp("names") / "result.npz"
    result.save(path)
    loaded = nmfcore.Result.load(path).order().normalize("l1")
    assert loaded.names == (None, tuple(names))
    assert list(loaded.to_frame()[1].columns) == names


@pytest.mark.parametrize(("library", "missing"), [("pandas", "pandas"), ("polars", "polars"), ("polars", "narwhals")])
def test_a_library_that_is_not_there(monkeypatch, library, missing):
    result = fit(frame()[0])
    extra = "polars" if missing == "polars" else "frames"
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ImportError, match=rf'Result.to_frame needs {missing}: pip install "nmfcore\[{extra}\]"'):
        result.to_frame(library)


def test_no_library_is_imported_for_arrays():
    code = """import sys, numpy as np, nmfcore
nmfcore.nnls(np.eye(3), np.ones(3)); nmfcore.hals(np.eye(3), 1); nmfcore.transform(np.eye(3), np.ones((1, 3)))
print([name for name in ("pandas", "polars", "narwhals", "anndata", "pyarrow") if name in sys.modules])"""
    out = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
