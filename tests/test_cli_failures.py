"""Mistakes and failures on the command line: one line on stderr, the exit code, and no partial files."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import planted

import nmfcore
from nmfcore import Result
from nmfcore.__main__ import main
from nmfcore._checks import InputError
from nmfcore._cli import _fit, _results, _writing
from nmfcore._fit import result_to_arrays

X = planted(30, 12, 3)[0]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X)
    return tmp_path


@pytest.fixture
def fails(capsys):
    """Runs a command that fails; returns its exit code and its one line on stderr."""

    def command(*arguments):
        capsys.readouterr()
        try:
            code = main([*map(str, arguments)])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        assert out == "" and err.count("\n") == 1 and err.startswith("nmfcore")
        return code, err.partition(": error: ")[2].strip()

    return command


def start(*arguments, **options):
    """Start the command line in a process of its own."""
    command = [sys.executable, "-P", "-m", "nmfcore", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("fit x.npy", "the following arguments are required: -k (see nmfcore fit --help)"),
        ("fit x.npy -k 0", "argument -k: '0' given; wanted an integer >= 1"),
        ("fit x.npy -k 2.5", "argument -k: '2.5' given; wanted an integer >= 1"),
        ("fit x.npy -k 2 --tol -1", "argument --tol: '-1' given; wanted a finite number >= 0"),
        ("fit x.npy -k 2 --tol nan", "argument --tol: 'nan' given; wanted a finite number >= 0"),
        ("fit x.npy -k 2 --threads 0", "argument --threads: '0' given; wanted a number >= 1, or -1 for all"),
        ("fit x.npy -k 2 --loss huber:0", "argument --loss: 'huber:0' given; wanted huber:DELTA with DELTA > 0"),
        ("fit x.npy -k 2 --loss huber", "argument --loss: '' given; wanted a finite number >= 0"),
        ("fit x.npy -k 2 --loss poisson", "loss is 'poisson'; wanted one of 'frobenius'"),
        ("fit x.npy -k 2 --loss nan", "loss is beta=nan"),
        ("fit x.npy -k 2 --solver magic", "solver is 'magic'; wanted one of 'auto'"),
        ("fit x.npy -k 2 --solver cd", "solver='cd' does not serve loss='frobenius'"),
        ("fit x.npy -k 2 --floor 0.1", "floor is not an option of solver='hals'"),
        ("fit x.npy -k 2 --missing some", "missing is 'some'; wanted one of 'nan', 'unstored'"),
        ("fit x.npy -k 2 --init magic", "--init is 'magic', and there is no such file; wanted one of auto, random"),
        ("fit x.npy -k 2 --delimiter ab", "argument --delimiter: 'ab' given; wanted one character, or tab"),
        ("fit x.npy -k 2 --every 5", "--every needs a checkpoint; wanted --checkpoint FILE, too"),
        ("fit x.npy -k 2 --resume", "--resume needs a checkpoint; wanted --checkpoint FILE, too"),
        ("fit x.npy -k 2 --mas m.npy", "unrecognized arguments: --mas m.npy"),
        ("fit none.npy -k 2", "none.npy does not exist"),
        ("fit folder.npy -k 2", "folder.npy is a directory; wanted a file"),
        ("fit x.npy -k 2 -o none/out.npz", "none/out.npz cannot be written: there is no folder none"),
        ("fit x.npy -k 2 -o folder.npz", "folder.npz is a directory; wanted a file to write to"),
        (
            "fit x.npy -k 2 -o out.csv",
            "out.csv cannot be written in that format; wanted a name that ends in .npz or .h5",
        ),
        ("fit x.npy -k 2 -o out", "out cannot be written in that format"),
        ("fit x.npz -k 2 -o x.npz", "x.npz is an input of this command; wanted another output"),
        ("fit x.npy -k 2 --mask x.npz -o link.npz", "link.npz is an input of this command; wanted another output"),
        ("fit x.npy -k 2 --mask small.npy", "mask has shape (2, 2); wanted that of X, (30, 12)"),
        ("fit x.npy -k 2 --weights small.npy", "weights have shape (2, 2); wanted that of X, (30, 12)"),
        ("fit x.npy -k 2 --fixed-W small.npy", "fixed_W: array has shape (2, 2); wanted (30, 2)"),
        ("fit bad.npy -k 2", "X has 1 negative entry, the first (-1.0) at (0, 0); wanted numbers >= 0"),
        ("fit line.npy -k 2", "X has 1 dimension, shape (5,); wanted a matrix (2)"),
        ("fit empty.npy -k 2", "X is empty, shape (0, 4); wanted at least one row and one column"),
        ("fit complex.npy -k 2", "X is complex (complex128); wanted real numbers"),
        ("fit text.npy -k 2", "X has dtype <U1; wanted real numbers"),
        ("fit zero.npy -k 2 --loss itakura-saito", "X has 1 zero among 4 entries"),
        ("fit x.npy -k 2 --init x.npz", "x.npz is no result of nmfcore"),
        ("transform x.npy --model x.npy", "x.npy is no result of nmfcore"),
        ("transform x.npy --model none.npz", "none.npz does not exist"),
        ("transform small.npy --model model.npz", "H has shape"),
        ("info x.npy", "x.npy is no result of nmfcore"),
        ("info folder.npy", "folder.npy cannot be read: Is a directory"),
        ("info damaged.npz", "damaged.npz is truncated or damaged"),
        ("export W model.npz -o model.npz", "model.npz is an input of this command"),
        ("export V model.npz -o v.csv", "argument factor: invalid choice: 'V'"),
        ("plot pie model.npz -o p.png", "argument KIND: invalid choice: 'pie'"),
        ("demo --plot p.xyz", "p.xyz cannot be written in that format; wanted a name that ends in"),
        (
            "plot parts model.npz -o p.png --shape 5",
            "argument --shape: '5' given; wanted the rows and columns of an image, such as 32x32",
        ),
    ],
)
def test_mistakes(fails, folder, arguments, message):
    for name in ("folder.npy", "folder.npz"):
        (folder / name).mkdir()
    np.save("bad.npy", np.array([[-1.0, 1], [1, 1]]))
    np.save("line.npy", np.ones(5))
    np.save("empty.npy", np.ones((0, 4)))
    np.save("complex.npy", np.ones((2, 2)) * 1j)
    np.save("text.npy", np.array([["a"]]))
    np.save("zero.npy", np.array([[0.0, 1], [1, 1]]))
    np.save("small.npy", np.array([[0, 1], [1, 1]]))
    np.savez("x.npz", X)
    os.symlink("x.npz", "link.npz")
    main(["fit", "x.npy", "-k", "2", "-q", "-o", "model.npz"])
    (folder / "damaged.npz").write_bytes((folder / "model.npz").read_bytes()[:-500])
    before = sorted(os.listdir())
    code, said = fails(*arguments.split())
    assert code == 2 and said.startswith(message) and sorted(os.listdir()) == before


def test_no_command():
    process = start()
    out, err = process.communicate()
    assert process.returncode == 2 and out == "" and err.count("\n") == 1 and "COMMAND" in err


def test_what_cannot_be_written_is_refused_before_x_is_read(fails, monkeypatch):
    monkeypatch.setattr(_fit._model, "read_matrix", lambda options: pytest.fail("X is read"))
    assert fails("fit", "x.npy", "-k", 2, "-o", "/proc/out.npz")[0] == 2
    assert fails("fit", "x.npy", "-k", 2, "--checkpoint", "/proc/state")[0] == 2
    assert fails("fit", "x.npy", "-k", 2, "--solver", "magic")[0] == 2


@pytest.mark.parametrize(
    ("module", "extra", "arguments"),
    [
        ("h5py", "cli", "fit x.npy -k 2 -o out.h5"),
        ("h5py", "cli", "info x.h5"),
        ("anndata", "anndata", "fit x.h5ad -k 2"),
        ("pyarrow", "cli", "fit x.parquet -k 2"),
        ("pandas", "cli", "fit x.parquet -k 2"),
        ("matplotlib", "plot", "plot factors x.npz -o p.png"),
        ("matplotlib", "plot", "demo --plot p.png"),
    ],
)
def test_libraries_that_are_missing(fails, monkeypatch, module, extra, arguments):
    monkeypatch.setitem(sys.modules, module, None)
    for name in ("x.h5", "x.h5ad", "x.parquet", "x.npz"):
        Path(name).touch()
    code, said = fails(*arguments.split())
    assert code == 2 and said.endswith(f'needs {module}: pip install "nmfcore[{extra}]"')


def test_names_that_are_strange(fails, capsys):
    names = [
        "\u00fcn\u00efc\u00f6d\u00e9 \u6570.npy",
        "-x.npy",
        "two\nlines.npy",
        "percent%s{0}.npy",
        "x.y.z.npy",
        ".npy.npy",
    ]
    for name in names:
        np.save(f"./{name}", X)
        assert main(["fit", f"./{name}", "-k", "2", "-q"]) == 0
        assert Path(name.removesuffix(".npy") + "-k2.npz").exists()
        assert fails("info", f"./no {name}") == (2, f"no {' '.join(name.split())} does not exist")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are text")
def test_a_name_that_is_no_text():
    Path(os.fsdecode(b"x.npy")).rename(os.fsdecode(b"\xff.npy"))
    process = start("fit", os.fsdecode(b"\xff.npy"), "-k", 2, "-o", os.fsdecode(b"\xfe.npz"))
    assert process.communicate()[1] == "" and process.returncode == 0
    assert os.path.exists(os.fsdecode(b"\xfe.npz"))


def test_h5_files_of_others(fails):
    h5py = pytest.importorskip("h5py")
    main(["fit", "x.npy", "-k", "2", "-q", "-o", "out.h5"])
    for change in ("W", "H", "history/objective", "unobserved"):
        with h5py.File("out.h5") as source, h5py.File("other.h5", "w") as target:
            for name in source:
                source.copy(name, target)
            target.attrs.update(source.attrs)
            del target[change]
            target[change] = np.ones((3, 3))
        code, said = fails("info", "other.h5")
        assert code == 2 and said.startswith("other.h5 is no result of nmfcore, or damaged")
    Path("text.h5").write_text("a,b")
    assert fails("info", "text.h5")[1].startswith("text.h5 cannot be read")


def test_damaged_h5_files(fails):
    """A file with one other byte is refused, or it says what the undamaged one says."""
    h5py = pytest.importorskip("h5py")
    main(["fit", "x.npy", "-k", "2", "-q", "-o", "out.h5"])
    whole, undamaged = Path("out.h5").read_bytes(), result_to_arrays(_results.read(Path("out.h5")))
    rng, of_hash = np.random.default_rng(0), len(whole) - _results.HASH_BYTES
    for at in [*rng.integers(len(whole), size=300), *range(of_hash, len(whole))]:
        content = bytearray(whole)
        content[at] ^= rng.integers(1, 256)
        Path("damaged.h5").write_bytes(content)
        if at < of_hash + len(_results.HASH) and at >= of_hash:  # as a file without a hash
            read = result_to_arrays(_results.read(Path("damaged.h5")))
            assert all(np.array_equal(read[name], undamaged[name]) for name in undamaged)
        else:
            with pytest.raises(InputError, match=r"damaged.h5 is no result of nmfcore, or damaged; wanted a file that"):
                _results.read(Path("damaged.h5"))
    for size in (0, 100, 4000, of_hash - 1, len(whole) - 1):
        Path("damaged.h5").write_bytes(whole[:size])
        if size < of_hash:
            fails("info", "damaged.h5")
        else:
            _results.read(Path("damaged.h5"))
    with h5py.File("out.h5", "r+") as file:  # other programs may change it, and read it
        file["W"][0, 0] += 1
        file["note"] = 3
    assert _results.read(Path("out.h5")).W[0, 0] == undamaged["W"][0, 0] + 1


def test_h5_files_that_declare_more_than_they_have(fails):
    h5py = pytest.importorskip("h5py")
    main(["fit", "x.npy", "-k", "2", "-q", "-o", "out.h5"])
    with h5py.File("out.h5", "r+") as file:
        del file["W"]
        file.create_dataset("W", (10**6, 10**6), "f8")
    assert fails("info", "out.h5")[1].startswith("out.h5 is no result of nmfcore, or damaged")
    main(["fit", "x.npy", "-k", "2", "-q", "-o", "out.h5"])
    with h5py.File("out.h5", "r+") as file:
        values = file["W"][:]
        del file["W"]
        values.tofile("elsewhere")
        file.create_dataset("W", values.shape, "f8", external=[("elsewhere", 0, values.nbytes)])
    assert fails("info", "out.h5")[1].startswith("out.h5 is no result of nmfcore, or damaged")


def test_memory(fails, monkeypatch):
    code, said = fails("fit", "x.npy", "-k", 10**12, "--init", "random")
    assert code == 1 and said.startswith(("not enough memory", "out.npz", "x-k1000000000000.npz: No space left"))
    monkeypatch.setattr(_fit, "nmf", lambda *a, **k: np.empty(10**17) if k.get("max_iter") else None)
    code, said = fails("fit", "x.npy", "-k", 2)
    assert code == 1 and said.startswith("not enough memory. Unable to allocate")


def test_a_disk_that_is_full(fails, monkeypatch):
    class Usage:
        free = 5000

    with monkeypatch.context() as patched:
        patched.setattr(_writing.shutil, "disk_usage", lambda path: Usage)
        code, said = fails("fit", "x.npy", "-k", 2)
        assert code == 1 and said.startswith("x-k2.npz: No space left on device")

    def save(self, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    monkeypatch.setattr(Result, "save", save)
    assert fails("fit", "x.npy", "-k", 2) == (1, "x-k2.npz: No space left on device")


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of files")
def test_a_write_that_fails_leaves_what_was_there():
    import resource

    assert main(["fit", "x.npy", "-k", "2", "-q", "-o", "out.npz"]) == 0
    before = Path("out.npz").read_bytes()
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))  # noqa: E731
    process = start("fit", "x.npy", "-k", 3, "-o", "out.npz", preexec_fn=limit)
    out, err = process.communicate()
    assert (process.returncode, out, err.count("\n")) == (1, "", 1) and "File too large" in err
    assert Path("out.npz").read_bytes() == before and sorted(os.listdir()) == ["out.npz", "x.npy"]


def test_warnings_take_a_line(capsys):
    mask = np.zeros(X.shape, dtype=bool)
    mask[3] = True
    np.save("mask.npy", mask)
    assert main(["fit", "x.npy", "-k", "2", "--mask", "mask.npy", "-q"]) == 0
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("nmfcore: warning: 1 row of X has no observed entry") and err.count("\n") == 1


@pytest.mark.parametrize("fault", [IndexError("a bug"), KeyError("a bug"), RuntimeError("a bug")])
def test_faults_of_ours_are_tracebacks(monkeypatch, fault):
    def nmf(*arguments, **options):
        raise fault

    monkeypatch.setattr(_fit, "nmf", nmf)
    with pytest.raises(type(fault)):
        main(["fit", "x.npy", "-k", "2"])


def test_errors_of_other_classes_are_faults_of_ours(monkeypatch):
    for nmf in (lambda *a, **k: np.ones(2) + np.ones(3), lambda *a, **k: 1 + None, lambda *a, **k: a.no):
        monkeypatch.setattr(_fit, "nmf", nmf)
        with pytest.raises((ValueError, TypeError, AttributeError)):
            main(["fit", "x.npy", "-k", "2"])


def long_fit(*more, **options):
    """Start a fit that would take minutes, and wait until it runs."""
    rng = np.random.default_rng(0)
    np.save("large.npy", rng.random((600, 500)))
    arguments = ["large.npy", "-k", 20, "--tol", 0, "--max-iter", 10**6, "-o", "out.npz", "--threads", 1, *more]
    process = start("fit", *arguments, **options)
    deadline = time.monotonic() + 30
    while not handles_termination(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1)
    return process


def handles_termination(pid):
    """Whether a process has installed its handler of SIGTERM; imports come first, and take long on a busy machine."""
    status = Path(f"/proc/{pid}/status")
    if not status.exists():  # elsewhere than on Linux
        time.sleep(2)
        return True
    caught = next(line for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted(number, code):
    process = long_fit()
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "") and err == "nmfcore fit: interrupted\n"
    assert sorted(os.listdir()) == ["large.npy", "x.npy"]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_bar_on_a_terminal_alone():
    pytest.importorskip("tqdm")
    import fcntl
    import pty
    import struct
    import termios

    def on_terminal(*more):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
        command = [sys.executable, "-P", "-m", "nmfcore", "fit", "x.npy", "-k", "2", "--tol", "0", "--max-iter", "300"]
        process = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, stderr=theirs, text=True)
        out, _ = process.communicate()
        os.set_blocking(ours, False)
        try:
            shown = os.read(ours, 10**6).decode()
        except BlockingIOError:  # nothing was written
            shown = ""
        os.close(theirs)
        os.close(ours)
        assert process.returncode == 0
        return out, shown

    out, shown = on_terminal()
    assert "/300 iterations" in shown and "relative error 0." in shown and "300 iterations (max_iter)" in out
    assert on_terminal("--quiet") == ("", "")
    process = start("fit", "x.npy", "-k", 2)
    assert process.communicate()[1] == ""


def test_a_reader_that_has_seen_enough():
    assert main(["fit", "x.npy", "-k", "2", "-q", "-o", "out.npz"]) == 0
    ours, theirs = os.pipe()
    os.close(ours)
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "nmfcore", "info", "out.npz"],
        stdout=theirs,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
    )
    os.close(theirs)
    assert process.communicate()[1] == "" and process.returncode == 1


def test_version_and_help():
    for arguments, said in (
        (["--version"], f"nmfcore {nmfcore.__version__}\n"),
        (["fit", "--help"], "usage: nmfcore fit"),
    ):
        process = start(*arguments)
        out, err = process.communicate()
        assert process.returncode == 0 and out.startswith(said) and err == ""


def test_little_is_imported():
    main(["fit", "x.npy", "-k", "2", "-q", "-o", "out.npz"])
    heavy = ("pandas", "pyarrow", "anndata", "h5py", "tqdm", "matplotlib", "sklearn", "scipy.io")
    code = f"""
import sys
from nmfcore.__main__ import main
main(sys.argv[1:])
print([name for name in {heavy} if name in sys.modules])
"""
    for arguments in (["info", "out.npz"], ["fit", "x.npy", "-k", "2", "-q"]):
        found = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        assert found.stdout.splitlines()[-1] == "[]"


def test_archives_that_are_no_matrix(fails):
    np.savez("s.npz", format="csr", data=np.ones(2), shape=(2, 2))
    code, message = fails("fit", "s.npz", "-k", 1)
    assert code == 2 and message.startswith("s.npz holds no sparse matrix that SciPy can read: ")
    Path("t.npy").write_bytes(b"\x93NUMPY\x01\x00v\x00{(" + b" " * 200)
    code, message = fails("fit", "t.npy", "-k", 1)
    assert code == 2 and message.startswith("t.npy holds no array of numbers that NumPy can read: ")


def test_who_may_read_a_file_stays(folder):
    assert main(["fit", "x.npy", "-k", "2", "-o", "out.npz", "-q"]) == 0
    Path("out.npz").chmod(0o600)
    assert main(["fit", "x.npy", "-k", "3", "-o", "out.npz", "-q"]) == 0
    assert Path("out.npz").stat().st_mode & 0o777 == 0o600


def test_transform_says_that_it_leaves_a_penalty_out(folder, capsys):
    assert main(["fit", "x.npy", "-k", "2", "--l1-W", "0.5", "-o", "out.npz", "-q"]) == 0
    assert main(["transform", "x.npy", "--model", "out.npz", "-o", "w.npy", "-q"]) == 0
    assert "the model was fitted with penalty_W=L1(0.5), which transform does not apply" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="what a process catches is not known elsewhere")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_during_imports(number, code):
    """From the first step of the package on; before it, Python decides."""
    program = "import sys, time, signal, numpy as np; sys.argv = ['/bin/nmfcore', 'fit']\nclass Slow:\n"
    program += (
        "    def find_spec(self, name, *_):\n        if name.endswith('_fit'): print(flush=True); time.sleep(60)\n"
    )
    program += "sys.meta_path.insert(0, Slow())\nimport nmfcore"
    process = subprocess.Popen([sys.executable, "-P", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, b"nmfcore fit: interrupted\n")


def test_no_signal_is_handled_by_an_import():
    code = "import signal, nmfcore; print([signal.getsignal(n) for n in (2, 15)])"
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert "default_int_handler" in found.stdout and "SIG_DFL" in found.stdout


def test_interrupted_before_the_command_is_known(capsys, monkeypatch):
    def parser():
        raise KeyboardInterrupt

    monkeypatch.setattr("nmfcore._cli.parser", parser)
    assert main(["info", "x"]) == 130 and capsys.readouterr().err == "nmfcore info: interrupted\n"
