"""Files that the command line reads, and its messages for files that it cannot read."""

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nmfcore import InputError
from nmfcore._cli import _reading, _text
from nmfcore._cli._reading import ReadOptions, read

NAN = np.nan


@pytest.fixture
def csv(tmp_path):
    """Reads a text as a .csv file; returns the table, or the message without the folder."""

    def read_text(text, name="x.csv", **options):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        try:
            return read(path, ReadOptions(**options))
        except InputError as error:
            return str(error).replace(f"{tmp_path}/", "")

    return read_text


@pytest.mark.parametrize(
    ("text", "X", "rows", "columns"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]], None, None),
        ("1,2\n3,4", [[1, 2], [3, 4]], None, None),
        ("a,b\n1,2\n", [[1, 2]], None, ["a", "b"]),
        ("gene,a,b\nr1,1,2\nr2,3,4\n", [[1, 2], [3, 4]], ["r1", "r2"], ["a", "b"]),
        (",0,1\n0,5,6\n1,7,8\n", [[5, 6], [7, 8]], ["0", "1"], ["0", "1"]),  # what pandas writes of a bare array
        ('"a","b"\n"r1",1,2\n"r2",3,4\n', [[1, 2], [3, 4]], ["r1", "r2"], ["a", "b"]),  # what R writes
        ('"a","b"\n"1",1,2\n"2",3,4\n', [[1, 2], [3, 4]], ["1", "2"], ["a", "b"]),
        ("ID,a,b\n101,1,2\n", [[1, 2]], ["101"], ["a", "b"]),
        ("r1,1,2\nr2,3,4\n", [[1, 2], [3, 4]], ["r1", "r2"], None),
        ("\ufeffa,b\r\n1,2\r\n3,4\r\n", [[1, 2], [3, 4]], None, ["a", "b"]),  # what Excel writes
        ("1,2\r3,4\r", [[1, 2], [3, 4]], None, None),
        ('"x, y","z"\n"1","2"\n', [[1, 2]], None, ["x, y", "z"]),
        ('"x\ny",z\n1,2\n', [[1, 2]], None, ["x\ny", "z"]),
        ("g\u00e8ne,\u03b2\n1,2\n", [[1, 2]], None, ["g\u00e8ne", "\u03b2"]),
        ("a\n1\n2\n", [[1], [2]], None, ["a"]),
        ("7\n", [[7]], None, None),
        ("\n\n1,2\n\n3,4\n\n", [[1, 2], [3, 4]], None, None),
        (" 1 , 2e3\n", [[1, 2000]], None, None),
        ("123456789012345678901234567890,1\n", [[123456789012345678901234567890.0, 1]], None, None),
        ("nan,inf\n1,2\n", [[NAN, np.inf], [1, 2]], None, None),  # which a fit refuses
    ],
)
def test_what_is_found_in_text(csv, text, X, rows, columns):
    table = csv(text)
    np.testing.assert_array_equal(table.X, X)
    assert (table.rows, table.columns) == (rows and tuple(rows), columns and tuple(columns))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.csv is empty; wanted rows of numbers"),
        ("\n\n", "x.csv is empty; wanted rows of numbers"),
        ("a,b\n", "x.csv has names of columns and no row of numbers; wanted at least one"),
        ("1,2\n3,x\n", "x.csv: line 2, column 2 is 'x'; wanted a number"),
        ("1,x,3\n4,5,6\n", "x.csv: line 1, column 2 is 'x'; wanted a number"),
        ("a,b\r\n1,2\r\n\r\n3,oops\r\n", "x.csv: line 4, column 2 ('b') is 'oops'; wanted a number"),
        ('"a\nb",c\n1,2\n3,q\n', "x.csv: line 4, column 2 ('c') is 'q'; wanted a number"),
        ("g,a,b\nr1,1,2\nr2,3,?\n", "x.csv: line 3, column 3 ('b') is '?'; wanted a number"),
        ("a,b\n<1,2\n3,4\n5,6\n", "x.csv: line 2, column 1 ('a') is '<1'; wanted a number"),
        ('"a,b\n' + "1,2\n" * 40000, "x.csv: line 1: field larger than field limit (131072) (is a quotation mark not"),
        ('a,b\n"1,2\n' + "1,2\n" * 40000, "x.csv: line 2: field larger than field limit (131072) (is a quotation mark"),
        (
            "1,2\n3,\n",
            "x.csv: line 2, column 2 is empty; wanted a number (--missing nan accepts it as a missing entry)",
        ),
        (
            "1,NA\n3,4\n",
            "x.csv: line 1, column 2 is 'NA'; wanted a number (--missing nan accepts it as a missing entry)",
        ),
        (
            "1,2,\n3,4,\n",
            "x.csv: line 1, column 3 is empty; wanted a number (--missing nan accepts it as a missing entry)",
        ),
        ("1\n\n2\n", "x.csv: line 2 is empty; wanted a number"),
        ("1,2\n3\n", "x.csv: line 2 has 1 field; wanted 2, as in the rows above it"),
        ("1,2\n3,4\n5,6,7\n", "x.csv: line 3 has 3 fields; wanted 2, as in the rows above it"),
        ("1,2\n", "x.csv: line 2 has 1 field (is a quotation mark not closed?); wanted 2, as in the rows above it"),
        ("a;b\n1;2\n", "x.csv has ';' between its fields, not ','; pass --delimiter ';'"),
        ("a\tb\n1\t2\n", "x.csv has '\\t' between its fields, not ','; pass --delimiter '\\t'"),
        ('1,"2,5"\n', "x.csv: line 1, column 2 is '2,5'; wanted a number with a decimal point"),
        ("1_0,2\n3,4\n", "x.csv: line 1, column 1 is '1_0'; wanted a number"),
        ("a,b,c,d\n1,2\n", "x.csv has 4 names of columns, but the row below them has 2 fields"),
        (b"a,b\xe9\n1,2\n", "x.csv is not UTF-8 text (byte 0xe9); wanted UTF-8"),
        (b"\xff\xfea\x00,\x00", "x.csv is not UTF-8 text (byte 0xff); wanted UTF-8"),
        ("1,2\n3," + "z" * 99, "x.csv: line 2, column 2 is '" + "z" * 37 + "...'; wanted a number"),
    ],
)
def test_what_is_said_of_text(csv, text, message):
    text = text + '"3,4\n5,6\n' if text == "1,2\n" else text
    assert str(csv(text)).startswith(message)


def test_what_a_user_says_of_text(csv):
    named = csv("2001,2002\n1,2\n", header=True)
    assert named.X.tolist() == [[1, 2]] and named.columns == ("2001", "2002")
    numbered = csv("1,2,3\n4,5,6\n", row_names=True)
    assert numbered.X.tolist() == [[2, 3], [5, 6]] and numbered.rows == ("1", "4")
    assert csv("id,a\n1,2\n", row_names=False).X.tolist() == [[1, 2]]
    assert "column 1 ('k') is 'r'" in csv("k,a\nr,2\n", row_names=False)
    assert csv("1;2\n3;4\n", delimiter=";").X.tolist() == [[1, 2], [3, 4]]
    assert "column 2 is '2,5'; wanted a number with a decimal point" in csv("1;2,5\n", delimiter=";")
    assert csv("1\t2\n", "x.TSV").X.tolist() == [[1, 2]]


def test_missing_entries_in_text(csv):
    missing = csv("r,1,\ns,NA,3\n", convert=_text.number_or_missing)
    np.testing.assert_array_equal(missing.X, [[1, NAN], [NAN, 3]])
    assert missing.rows == ("r", "s")
    assert "line 2, column 2 is 'foo'" in csv("1,\n,foo\n", convert=_text.number_or_missing, header=False)


def test_masks_in_text(csv, tmp_path):
    found = csv(",a,b\nr,True,False\ns,0,1\n", convert=_text.truth)
    np.testing.assert_array_equal(_reading.as_mask(found, tmp_path), [[True, False], [False, True]])
    assert csv("TRUE,false\n0,1\n", convert=_text.truth).X.tolist() == [[1, 0], [0, 1]]
    assert "is 'no'; wanted true or false, 1 or 0" in csv("true,no\n", convert=_text.truth, header=False)
    with pytest.raises(InputError, match="other entries than 0 and 1"):
        _reading.as_mask(csv("0,2\n"), tmp_path)


def test_text_is_exact(csv):
    X = np.random.default_rng(0).random((50, 7)) * 10.0 ** np.random.default_rng(1).integers(-300, 300, (50, 7))
    text = "\n".join(",".join(map(repr, row)) for row in X.tolist())
    assert np.array_equal(csv(text).X, X)
    assert np.array_equal(csv(gzip.compress(text.encode()), "x.csv.gz").X, X)


def test_npy_stays_in_its_file(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(3))
    assert isinstance(read(tmp_path / "x.npy").X, np.memmap)


def test_npz(tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, only=np.eye(2))
    assert read(path).X.tolist() == [[1, 0], [0, 1]]
    np.savez_compressed(path, A=np.eye(2), B=np.ones((1, 2)))
    assert read(path, ReadOptions(key="B")).X.tolist() == [[1, 1]]
    with pytest.raises(InputError, match=r"x.npz has 2 arrays; wanted one array, or for X --key with one of A, B"):
        read(path)
    with pytest.raises(InputError, match=r"x.npz has no array 'C'; wanted one array, or for X --key with one of A, B"):
        read(path, ReadOptions(key="C"))
    for kind in (sp.csr_array, sp.csc_array, sp.coo_array):
        sp.save_npz(path, kind(np.eye(3)))
        assert sp.issparse(read(path).X) and read(path).X.toarray().tolist() == np.eye(3).tolist()
    np.savez(path, A=np.array([None, 1], dtype=object))
    with pytest.raises(InputError, match=r"the array 'A' holds Python objects; wanted numbers"):
        read(path)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.mtx", "x.h5ad", "x.parquet"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"\x93NUMPY\x01\x00", b"1,2\n3,4\n", b"\x00" * 99])
def test_damaged_files(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name):
        read(tmp_path / name)


def test_truncated_archive(tmp_path):
    np.savez_compressed(tmp_path / "x.npz", A=np.random.default_rng(0).random((50, 50)))
    whole = (tmp_path / "x.npz").read_bytes()
    damaged = bytearray(whole)
    damaged[500:600] = bytes(100)
    for content in (whole[:-200], damaged):
        (tmp_path / "x.npz").write_bytes(content)
        with pytest.raises(
            InputError, match=r"x.npz (holds no array of numbers that NumPy can read|is damaged or has another format)"
        ):
            read(tmp_path / "x.npz")


@pytest.mark.parametrize("library", [bz2, gzip, lzma])
def test_damaged_compressed_text(tmp_path, library):
    path = tmp_path / {bz2: "x.csv.bz2", gzip: "x.csv.gz", lzma: "x.csv.xz"}[library]
    whole = bytearray(library.compress(b"1,2\n3,4\n" * 999))
    damaged = whole.copy()
    damaged[len(whole) // 2] ^= 255
    for content in (whole[:-20], damaged):
        path.write_bytes(content)
        with pytest.raises(InputError, match=path.name):
            read(path)


@pytest.mark.parametrize("fault", [RuntimeError("a heap"), AssertionError("a shape"), AttributeError("a type")])
def test_damaged_annotated_data(tmp_path, monkeypatch, fault):
    """HDF5 and anndata raise errors of many classes."""
    anndata = pytest.importorskip("anndata")

    def read_h5ad(path):
        raise fault

    monkeypatch.setattr(anndata, "read_h5ad", read_h5ad)
    with pytest.raises(InputError, match=f"x.h5ad is not an AnnData file: {fault}"):
        read(tmp_path / "x.h5ad")


def test_matrix_market(tmp_path):
    X = sp.coo_array(sp.random(6, 4, density=0.5, random_state=0))
    scipy.io.mmwrite(tmp_path / "x.mtx", X)
    assert np.array_equal(read(tmp_path / "x.mtx").X.toarray(), X.toarray())
    (tmp_path / "x.mtx.gz").write_bytes(gzip.compress((tmp_path / "x.mtx").read_bytes()))
    assert np.array_equal(read(tmp_path / "x.mtx.gz").X.toarray(), X.toarray())


def test_annotated_data(tmp_path):
    anndata = pytest.importorskip("anndata")
    pandas = pytest.importorskip("pandas")
    names = pandas.DataFrame(index=["a", "b"]), pandas.DataFrame(index=["u", "v", "\u03b2"])
    data = anndata.AnnData(np.arange(6.0).reshape(2, 3), *names, layers={"raw": sp.csr_matrix(np.ones((2, 3)))})
    data.write_h5ad(tmp_path / "x.h5ad")
    table = read(tmp_path / "x.h5ad")
    assert table.X.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert (table.rows, table.columns) == (("a", "b"), ("u", "v", "\u03b2"))
    assert read(tmp_path / "x.h5ad", ReadOptions(key="raw")).X.sum() == 6
    with pytest.raises(InputError, match="no layer 'no'; wanted --key with one of raw"):
        read(tmp_path / "x.h5ad", ReadOptions(key="no"))


def test_parquet(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "x.parquet"
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3, 4]}, index=["u", "v"])
    frame.to_parquet(path)
    assert read(path).X.tolist() == [[1, 3], [2, 4]] and read(path)[1:] == (("u", "v"), ("a", "b"))
    frame.reset_index(names="sample").to_parquet(path)
    assert read(path).X.tolist() == [[1, 3], [2, 4]] and read(path)[1:] == (("u", "v"), ("a", "b"))
    frame.reset_index(drop=True).astype({"a": "float32", "b": "float32"}).to_parquet(path)
    assert read(path).X.dtype == np.float32 and read(path).rows is None
    frame.astype("Int64").mask(frame > 3).to_parquet(path)
    np.testing.assert_array_equal(read(path).X, [[1, 3], [2, NAN]])
    frame.assign(c="text").to_parquet(path)
    with pytest.raises(TypeError, match=r"x.parquet has the column 'c' of text, such as 'text'; wanted numbers"):
        read(path)


def test_parquet_of_polars(tmp_path):
    polars = pytest.importorskip("polars")
    pytest.importorskip("pyarrow")
    polars.DataFrame({"name": ["u", "v"], "a": [1, 2], "b": [0.5, None]}).write_parquet(tmp_path / "x.parquet")
    table = read(tmp_path / "x.parquet")
    np.testing.assert_array_equal(table.X, [[1, 0.5], [2, NAN]])
    assert (table.rows, table.columns) == (("u", "v"), ("a", "b"))


def test_files_that_are_none(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name, message in {
        "folder.csv": "folder.csv is a directory; wanted a file",
        "none.npy": "none.npy does not exist",
        "none/x.csv": "x.csv does not exist",
        "x.xlsx": "x.xlsx has no known format; wanted a name that ends in .npy, .npz, .csv",
        "x": "x has no known format",
        "x.npz.gz": "x.npz.gz has no known format",
    }.items():
        with pytest.raises(InputError, match=message):
            read(tmp_path / name)
    for options, option in (
        (ReadOptions(key="a"), "--key"),
        (ReadOptions(header=False), "--header"),
        (ReadOptions(row_names=True), "--row"),
    ):
        with pytest.raises(InputError, match=f"{option}.* does not apply to x.mtx; wanted it for "):
            _reading.check_read_options(Path("x.mtx"), options)


@pytest.mark.parametrize("name", ["a.b.csv", "a.b.CSV", "a.b.tsv.gz", "a.b.npy", "a.b.mtx.gz"])
def test_stem(tmp_path, name):
    assert _reading.stem(tmp_path / name) == "a.b"


def npy(shape, count, dtype="<f8", version=1):
    """The bytes of an .npy file whose header declares a shape, and which holds so many numbers."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + bytes([version, 0, len(header), 0]) + header + bytes(8 * count)


SHAPES = [
    "(2, 2)",
    "(10**9, 10**9)",
    "(1000000000, 1000000000)",
    "(True, 40)",
    "(-1, 40)",
    "(4.0, 10)",
    "40",
    "(4, 11)",
]


@pytest.mark.parametrize("shape", SHAPES)
def test_arrays_that_are_not_what_they_declare(tmp_path, shape):
    (tmp_path / "x.npy").write_bytes(npy(shape, 40))
    with pytest.raises(InputError, match=r"x.npy holds no array of numbers that NumPy can read: "):
        read(tmp_path / "x.npy")
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "x.npz", "w", method) as archive:
            archive.writestr("A.npy", npy(shape, 40))
        with pytest.raises(InputError, match=r"x.npz is damaged or has another format than its name says: "):
            read(tmp_path / "x.npz")
    (tmp_path / "x.npy").write_bytes(npy("(4, 10)", 40))
    assert read(tmp_path / "x.npy").X.shape == (4, 10)


def test_a_byte_in_an_archive(tmp_path):
    path = tmp_path / "x.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, A=np.random.default_rng(0).random((50, 50)))
        whole = bytearray(path.read_bytes())
        whole[len(whole) // 2] ^= 1
        path.write_bytes(whole)
        with pytest.raises(InputError, match=r"x.npz is damaged or has another format"):
            read(path)


@pytest.mark.parametrize("kind", ["csr", "csc", "bsr", "coo", "dia"])
def test_sparse_archives(tmp_path, kind):
    S = sp.random(6, 4, density=0.5, random_state=0).asformat(kind)
    for matrix in (S, getattr(sp, f"{kind}_array")(S)):
        sp.save_npz(tmp_path / "x.npz", matrix)
        assert np.array_equal(read(tmp_path / "x.npz").X.toarray(), S.toarray())


def test_sparse_matrices_that_are_almost_empty(tmp_path):
    """Their files are small, and the arrays of a fit would not be."""
    sp.save_npz(tmp_path / "x.npz", sp.coo_array(([1.0], ([0], [0])), shape=(3 * 10**9, 2)))
    (tmp_path / "x.mtx").write_text("%%MatrixMarket matrix coordinate real general\n2 3000000000 1\n1 1 1.0\n")
    for name, axis in (("x.npz", "rows"), ("x.mtx", "columns")):
        with pytest.raises(InputError, match=f"{name} declares 3000000000 {axis} and has 1 entries; wanted at most"):
            read(tmp_path / name)


HEAD = "%%MatrixMarket matrix coordinate real general\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first line is not"),
        ("%%MatrixMarket matrix coordinate complex general\n1 1 1\n1 1 1 0\n", "says coordinate complex general"),
        (HEAD, "the sizes are ''"),
        (HEAD + "2 2\n", "the sizes are '2 2'"),
        (HEAD + "2 -2 1\n1 1 1\n", "the sizes are '2 -2 1'"),
        (HEAD + "2 2 999999999999\n1 1 1\n", "it declares 999999999999 entries and has 1"),
        (HEAD + "2 2 1\n1 1 1\n2 2 1\n", "it declares 1 entries and has 2"),
        (HEAD + "2 2 2\n1 1 1\n3 1 1\n", "indices of rows run from 1 to 3; wanted 1 to 2"),
        (HEAD + "2 2 1\n1 0 1\n", "indices of columns run from 0 to 0"),
        (HEAD + "2 2 1\n1 1.5 1\n", "1.5"),
        (HEAD + "2 2 1\n1 1\n", ""),
        (HEAD.replace("general", "symmetric") + "2 3 1\n1 1 1\n", "a symmetric matrix has 2 rows and 3 columns"),
        (HEAD.replace("general", "symmetric") + "2 2 2\n2 1 1\n1 2 1\n", "on both sides of the diagonal"),
        ("%%MatrixMarket matrix array real general\n40000 40000\n1\n", "it declares 1600000000 entries and has 1"),
    ],
)
def test_damaged_matrix_market(tmp_path, text, message):
    (tmp_path / "x.mtx").write_text(text)
    with pytest.raises(InputError, match=f"x.mtx is not a matrix in Matrix Market format: .*{message}"):
        read(tmp_path / "x.mtx")


@pytest.mark.parametrize("symmetry", ["general", "symmetric", "skew-symmetric"])
@pytest.mark.parametrize("field", ["real", "integer", "pattern"])
@pytest.mark.parametrize("kind", [np.asarray, sp.coo_array])
def test_matrix_market_as_scipy_writes_it(tmp_path, symmetry, field, kind):
    if (kind is np.asarray and field == "pattern") or (symmetry, field) == ("skew-symmetric", "pattern"):
        pytest.skip("not in the format")
    X = np.tril(np.random.default_rng(0).integers(0, 5, (5, 5)), -1)
    X = {"general": X[:, :4], "symmetric": X + X.T + np.eye(5, dtype=int), "skew-symmetric": X - X.T}[symmetry]
    X = (X != 0).astype(int) if field == "pattern" else X
    scipy.io.mmwrite(tmp_path / "x.mtx", kind(X), field=field, symmetry=symmetry, comment="of a test")
    found = read(tmp_path / "x.mtx").X
    assert np.array_equal(found.toarray() if sp.issparse(found) else found, X)


def test_annotated_data_that_was_never_written(tmp_path):
    anndata = pytest.importorskip("anndata")
    h5py = pytest.importorskip("h5py")
    for where, chunks in (("X", None), ("X", (100, 100)), ("obsm/large", None)):
        anndata.AnnData(np.ones((2, 3))).write_h5ad(tmp_path / "x.h5ad")
        with h5py.File(tmp_path / "x.h5ad", "r+") as file:
            if where in file:
                del file[where]
            data = file.create_dataset(where, (40000, 40000), "f8", chunks=chunks)
            data.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        with pytest.raises(
            InputError, match=f"x.h5ad is not an AnnData file: the dataset {where} declares 12800000000"
        ):
            read(tmp_path / "x.h5ad")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_damage_is_one_sentence(tmp_path, data):
    """What is read has the shape that was written, or its values are those of another table of text."""
    X = np.random.default_rng(0).random((9, 4)).round(3)
    name = data.draw(st.sampled_from(["x.npy", "x.npz", "s.npz", "x.mtx", "x.csv.gz", "x.csv.xz", "x.tsv.bz2"]))
    path = tmp_path / name
    if name == "s.npz":
        sp.save_npz(path, sp.csr_array(X))
    elif name == "x.mtx":
        scipy.io.mmwrite(path, sp.coo_array(X))
    elif path.suffix in (".gz", ".xz", ".bz2"):
        text = "\n".join(("," if "csv" in name else "\t").join(map(repr, row)) for row in X.tolist())
        path.write_bytes({".gz": gzip, ".xz": lzma, ".bz2": bz2}[path.suffix].compress(text.encode()))
    else:
        (np.save if name == "x.npy" else np.savez_compressed)(path, X)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
            content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        found = read(path)
    except (InputError, TypeError):
        return
    assert found.X.shape == X.shape or (name == "x.mtx" and found.X.nnz == X.size)
