"""The command line as a user runs it: input files, output files, messages and exit codes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import scipy.io
import scipy.sparse as sp
from conftest import planted

import nmfcore
from nmfcore import Result
from nmfcore.__main__ import main
from nmfcore._cli import _results

X = planted(30, 12, 3)[0]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    return tmp_path


@pytest.fixture
def run(capsys):
    """Runs a command; its exit code and what it writes on stdout and stderr."""

    def command(*arguments):
        capsys.readouterr()
        try:
            code = main([*map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return command


def write_csv(path, matrix, rows=None, columns=None):
    lines = [",".join(map(repr, row)) for row in np.asarray(matrix).tolist()]
    if rows:
        lines = [f"{name},{line}" for name, line in zip(rows, lines, strict=True)]
    if columns:
        lines.insert(0, ",".join([*["sample"] * bool(rows), *columns]))
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def same(result, other):
    return np.array_equal(result.W, other.W) and np.array_equal(result.H, other.H)


def test_fit_is_the_fit_of_the_library(run):
    code, out, err = run("fit", "x.npy", "-k", 3, "-o", "out.npz")
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == "x.npy: 30 x 12, float64"
    assert second.startswith("out.npz: k = 3, relative error 0.") and "iterations (tol)" in second
    assert same(Result.load("out.npz"), nmfcore.nmf(X, 3, random_state=0))


def test_default_names_and_quiet(run, folder):
    (folder / "data").mkdir()
    write_csv("data/my counts.v2.csv", X)
    assert run("fit", "data/my counts.v2.csv", "-k", 2, "-q") == (0, "", "")
    assert run("transform", "data/my counts.v2.csv", "--model", "my counts.v2-k2.npz", "--quiet") == (0, "", "")
    assert sorted(os.listdir()) == ["data", "my counts.v2-W.npy", "my counts.v2-k2.npz", "x.npy"]


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "sparse.npz", "x.csv", "x.tsv", "x.mtx", "x.h5ad", "x.parquet"])
@pytest.mark.parametrize("output", ["out.npz", "out.h5", "OUT.NPZ"])
def test_every_format(run, name, output):
    needed = {"x.h5ad": "anndata", "x.parquet": "pyarrow", "out.h5": "h5py"}
    for file in (name, output):
        pytest.importorskip(needed.get(file, "numpy"))
    rows, columns = [f"s{i}" for i in range(30)], [f"\u03b2{j}" for j in range(12)]
    np.savez("x.npz", X)
    sp.save_npz("sparse.npz", sp.csr_array(X))
    scipy.io.mmwrite("x.mtx", sp.csr_array(X), precision=17)
    write_csv("x.csv", X, rows, columns)
    Path("x.tsv").write_text(Path("x.csv").read_text(encoding="utf-8").replace(",", "\t"), encoding="utf-8")
    named = name in ("x.csv", "x.tsv", "x.h5ad", "x.parquet")
    if name in ("x.h5ad", "x.parquet"):
        import pandas

        frame = pandas.DataFrame(X, index=rows, columns=columns)
        frame.to_parquet("x.parquet") if name == "x.parquet" else None
        if name == "x.h5ad":
            import anndata

            anndata.AnnData(frame).write_h5ad("x.h5ad")
    code, out, err = run("fit", name, "-k", 3, "-o", output)
    assert (code, err) == (0, "")
    assert (", names of rows and columns" in out) == named
    found = _results.read(Path(output))
    kept = {"sparse.npz": sp.csr_array, "x.mtx": sp.csr_array, "x.parquet": np.asfortranarray}.get(name, np.asarray)
    wanted = nmfcore.nmf(kept(X), 3, random_state=0)
    assert same(found, wanted)
    assert found.names == ((tuple(rows), tuple(columns)) if named else (None, None))
    assert np.array_equal(found.history.objective, wanted.history.objective)
    assert (found.n_iter, found.reason, found.options) == (wanted.n_iter, wanted.reason, wanted.options)
    assert found.H.T.flags.c_contiguous


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--loss", "kullback-leibler"], {"loss": "kullback-leibler"}),
        (["--loss", "1.5", "--floor", "1e-9"], {"loss": 1.5, "floor": 1e-9}),
        (["--loss=-1"], {"loss": -1.0}),
        (["--loss", "huber:0.5"], {"loss": nmfcore.Huber(0.5)}),
        (["--solver", "bpp", "--init", "nndsvd"], {"solver": "bpp", "init": "nndsvd"}),
        (["--init", "random", "--seed", "7"], {"init": "random", "random_state": 7}),
        (["--max-iter", "3", "--tol", "0"], {"max_iter": 3, "tol": 0.0}),
        (["--inner-iter", "1", "--no-extrapolate"], {"inner_iter": 1, "extrapolate": False}),
        (["--no-compress"], {"compress": False}),
        (["--l1-W", "0.3", "--l2-H", "0.2"], {"penalty_W": ("L1", 0.3), "penalty_H": ("L2", 0.2)}),
        (["--l1-H", "0.1", "--l2-H", "0.2"], {"penalty_H": ("L1", 0.1, "L2", 0.2)}),
        (["--threads", "1", "--dtype", "float32"], {"n_threads": 1, "dtype": "float32"}),
    ],
)
def test_options(run, arguments, options):
    code, _, err = run("fit", "x.npy", "-k", 3, "-o", "out.npz", *arguments)
    assert code == 0 and all("far from a stationary point" in line for line in err.splitlines())
    options = dict(options)
    for name in ("penalty_W", "penalty_H"):
        terms = options.get(name, ())
        made = [getattr(nmfcore.penalties, terms[i])(terms[i + 1]) for i in range(0, len(terms), 2)]
        options[name] = made[0] + made[1] if len(made) == 2 else made[0] if made else None
    matrix = X.astype(options.pop("dtype", "float64"))
    assert same(Result.load("out.npz"), nmfcore.nmf(matrix, 3, **{"random_state": 0} | options))


def test_penalties_without_units(run):
    assert run("fit", "x.npy", "-k", 3, "-o", "out.npz", "--l1-H", "0.01", "--l2-H", "0.02", "--relative-H")[0] == 0
    penalty = nmfcore.penalties.L1(0.01, relative=True) + nmfcore.penalties.L2(0.02, relative=True)
    assert same(Result.load("out.npz"), nmfcore.nmf(X, 3, penalty_H=penalty, random_state=0))
    code, _, err = run("fit", "x.npy", "-k", 3, "-o", "out.npz", "--l1-H", "0.01", "--relative-W")
    assert code == 2 and "--relative-W is set without a penalty; wanted --l1-W or --l2-W, too" in err


def test_arrays_beside_x(run):
    rng = np.random.default_rng(0)
    mask, weights = rng.random(X.shape) < 0.1, rng.random(X.shape)
    fixed_H = np.where(np.arange(3)[:, None] == 0, rng.random((3, 12)), np.nan)
    np.save("mask.npy", mask)
    write_csv("mask.csv", mask.astype(int))
    write_csv("truth.csv", mask)
    np.save("weights.npy", weights)
    write_csv("fixed.csv", fixed_H)
    wanted = nmfcore.nmf(X, 3, mask=mask, weights=weights, fixed_H=fixed_H, random_state=0)
    for name in ("mask.npy", "mask.csv", "truth.csv"):
        files = ["--mask", name, "--weights", "weights.npy", "--fixed-H", "fixed.csv"]
        assert run("fit", "x.npy", "-k", 3, "-o", "out.npz", *files)[::2] == (0, "")
        assert same(Result.load("out.npz"), wanted)
    np.save("x2.npy", np.full((2, 2), 2))
    assert run("fit", "x.npy", "-k", 3, "--mask", "x2.npy")[::2] == (
        2,
        "nmfcore fit: error: x2.npy has other entries than 0 and 1; wanted a mask, 1 for each hidden entry\n",
    )


def test_missing_entries(run):
    hidden = np.random.default_rng(0).random(X.shape) < 0.1
    holes = np.where(hidden, np.nan, X)
    write_csv("holes.csv", holes)
    Path("empty.csv").write_text(Path("holes.csv").read_text().replace("nan", ""))
    wanted = nmfcore.nmf(holes, 3, missing="nan", random_state=0)
    for name in ("holes.csv", "empty.csv"):
        assert run("fit", name, "-k", 3, "-o", "out.npz", "--missing", "nan")[::2] == (0, "")
        assert same(Result.load("out.npz"), wanted)
    code, _, err = run("fit", "empty.csv", "-k", 3)
    assert code == 2 and "is empty; wanted a number (--missing nan accepts it as a missing entry)\n" in err
    sp.save_npz("x.npz", sp.csr_array(X * hidden))
    assert run("fit", "x.npz", "-k", 2, "-o", "out.npz", "--missing", "unstored")[0] == 0
    assert "missing is 'unstored', but X is dense" in run("fit", "x.npy", "-k", 2, "--missing", "unstored")[2]


def test_transpose_order_and_scale(run):
    write_csv("x.csv", X.T, [f"f{j}" for j in range(12)], [f"s{i}" for i in range(30)])
    run("fit", "x.csv", "-k", 3, "-o", "out.npz", "--transpose", "--order", "norm", "--normalize", "l1")
    found = Result.load("out.npz")
    wanted = nmfcore.nmf(X.T.copy().T, 3, random_state=0).order("norm").normalize("l1")
    assert same(found, wanted) and found.names[0][:2] == ("s0", "s1") and found.names[1][:2] == ("f0", "f1")


def test_start_from_a_result(run):
    run("fit", "x.npy", "-k", 3, "-o", "first.npz", "--max-iter", 5)
    assert run("fit", "x.npy", "-k", 3, "-o", "second.npz", "--init", "first.npz")[0] == 0
    assert same(Result.load("second.npz"), nmfcore.nmf(X, 3, init=Result.load("first.npz")))


def test_transform(run):
    write_csv("x.csv", X, [f"s{i}" for i in range(30)], [f"f{j}" for j in range(12)])
    run("fit", "x.csv", "-k", 3, "-o", "model.npz", "--loss", "huber:0.5")
    wanted = nmfcore.transform(X, Result.load("model.npz"), loss=nmfcore.Huber(0.5))
    code, out, err = run("transform", "x.csv", "--model", "model.npz", "-o", "w.npy")
    assert (code, out, err) == (0, "w.npy: W, 30 x 3, float64\n", "")
    assert np.array_equal(np.load("w.npy"), wanted)
    for name, read in {
        "w.npz": lambda path: np.load(path)["arr_0"],
        "w.csv": lambda path: np.loadtxt(path, delimiter=",", skiprows=1, usecols=(1, 2, 3)),
        "w.tsv": lambda path: np.loadtxt(path, delimiter="\t", skiprows=1, usecols=(1, 2, 3)),
    }.items():
        assert run("transform", "x.npy" if name == "w.npz" else "x.csv", "--model", "model.npz", "-o", name)[0] == 0
        assert np.array_equal(read(name), wanted)
    assert Path("w.csv").read_text().startswith(",component_0,component_1,component_2\ns0,")
    write_csv("other.csv", X, None, [f"f{j}" for j in range(12)][::-1])
    code, _, err = run("transform", "other.csv", "--model", "model.npz")
    assert code == 2 and "the columns of X are not those of H: 'f11' instead of 'f0'" in err


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_export_and_read_again(run, dtype):
    columns = [f"f{j}, \u03b2" for j in range(12)]
    Path("x.csv").write_text("\n".join([",".join(f'"{c}"' for c in columns), *(",".join(map(str, r)) for r in X)]))
    run("fit", "x.csv", "-k", 3, "-o", "model.npz", "--dtype", dtype)
    result = Result.load("model.npz")
    for name in ("h.csv", "h.tsv", "h.npy", "h.npz"):
        assert run("export", "H", "model.npz", "-o", name) == (0, "", "")
        from nmfcore._cli._reading import read

        table = read(Path(name))
        assert np.array_equal(table.X.astype(dtype), result.H)
        assert table.columns == (tuple(columns) if name[-3] != "n" else None)
    assert run("export", "W", "model.npz", "-o", "w.csv")[0] == 0  # rows without names: numbers alone
    assert np.array_equal(np.loadtxt("w.csv", delimiter=",").astype(dtype), result.W)


def test_info(run):
    run("fit", "x.npy", "-k", 3, "-o", "out.npz", "--l1-W", 0.1, "--mask", "none.npy")
    np.save("mask.npy", X < 0)
    run("fit", "x.npy", "-k", 3, "-o", "out.npz", "--l1-W", 0.1, "--mask", "mask.npy")
    result = Result.load("out.npz")
    code, out, err = run("info", "out.npz")
    assert (code, err) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert lines["rows"] == "30" and lines["k"] == "3" and lines["reason"] == result.reason
    assert lines["objective"] == f"{result.objective:.6g}" and lines["version"] == nmfcore.__version__
    assert "penalty_W=L1(0.1)" in lines["options"] and lines["options"].endswith("mask")
    found = json.loads(run("info", "out.npz", "--json")[1])
    assert found["objective"] == result.objective and found["options"]["max_iter"] == 200
    assert (found["rows"], found["columns"], found["k"]) == (30, 12, 3)


def test_plots(run):
    pytest.importorskip("matplotlib")
    write_csv("x.csv", X, None, [f"f{j}" for j in range(12)])
    run("fit", "x.csv", "-k", 3, "-o", "out.npz")
    for kind, *more in (
        ["parts", "--shape", "3x4"],
        ["factors"],
        ["factors", "--factor", "H"],
        ["words", "--top", "4"],
        ["convergence"],
        ["convergence", "out.npz", "--against", "iterations"],
    ):
        assert run("plot", kind, "out.npz", *more, "-o", "picture.png") == (0, "", "")
        assert Path("picture.png").read_bytes()[:4] == b"\x89PNG"
        Path("picture.png").unlink()
    for arguments, message in {
        ("parts", "out.npz", "-o", "p.png"): "parts are images of 12 pixels; wanted --shape, such as --shape 32x32",
        ("parts", "out.npz", "--shape", "5x5", "-o", "p.png"): "shape is (5, 5); wanted (height, width)",
        ("factors", "out.npz", "out.npz", "-o", "p.png"): "there are 2 files; wanted one",
        ("factors", "out.npz", "-o", "p.xyz"): "p.xyz cannot be written in that format",
    }.items():
        code, _, err = run("plot", *arguments)
        assert code == 2 and message in err
    assert "p.png" not in os.listdir()


def test_a_fit_that_ends_far_from_its_end_warns_in_the_words_of_the_command_line(run):
    code, _, err = run("fit", "x.npy", "-k", 3, "-o", "out.npz", "--init", "random", "--max-iter", "1", "--seed", "0")
    assert (
        code == 0 and "warning: the fit ended at --max-iter=1 far" in err and "raise --max-iter, or set --tol 0" in err
    )


def test_files_are_matched_by_name(run):
    rows, columns = [f"s{i}" for i in range(30)], [f"f{j}" for j in range(12)]
    weights = np.random.default_rng(0).random(X.shape)
    write_csv("x.csv", X, rows, columns)
    write_csv("weights.csv", weights[::-1, ::-1], rows[::-1], columns[::-1])
    write_csv("mask.csv", (weights > 0.9)[::-1].astype(int), rows[::-1], columns)
    write_csv("fixed.csv", np.ones((30, 1)), rows[::-1], ["part"])
    for options, arguments in {
        ("--weights", "weights.csv"): {"weights": weights},
        ("--mask", "mask.csv"): {"mask": weights > 0.9},
        ("--fixed-W", "fixed.csv"): {"fixed_W": np.ones((30, 1))},
        ("--weights", "weights.csv", "--transpose"): {"weights": weights},
    }.items():
        transpose = "--transpose" in options
        assert run("fit", "x.csv", "-k", 1, "-o", "out.npz", *options)[0] == 0
        result = Result.load("out.npz")
        if transpose:
            wanted = nmfcore.nmf(X.T, 1, random_state=0, weights=weights.T)
        else:
            wanted = nmfcore.nmf(X, 1, random_state=0, **arguments)
        np.testing.assert_allclose(result.W, wanted.W, rtol=1e-6)
        assert result.names == ((tuple(columns), tuple(rows)) if transpose else (tuple(rows), tuple(columns)))
    write_csv("weights.csv", weights, rows, ["other", *columns[1:]])
    code, _, err = run("fit", "x.csv", "-k", 1, "--weights", "weights.csv")
    assert code == 2 and "the columns of weights are not the columns of X: 'f0' missing, 'other' extra" in err
    assert run("fit", "x.csv", "-k", 1, "-o", "out.npz")[0] == 0
    write_csv("x.csv", X[::-1, ::-1], rows[::-1], columns[::-1])
    assert run("fit", "x.csv", "-k", 1, "--init", "out.npz", "--max-iter", 0, "-o", "again.npz")[0] == 0
    assert np.array_equal(Result.load("again.npz").H, Result.load("out.npz").H[:, ::-1])
