"""What `nmfcore fit` costs beside the call of the library that it makes: time and peak memory of whole processes.

Both load the same .npy file, left where it lies (memory-mapped), and do the same iterations; they take turns. Pages of
the file count as memory of a process as soon as it has read them, for both alike.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

LIBRARY = """
import sys, numpy as np, nmfcore
nmfcore.hals(np.load(sys.argv[1], mmap_mode="r"), int(sys.argv[2]), max_iter=int(sys.argv[3]), tol=0, random_state=0)
"""


def matrix(path: Path, gigabytes: float) -> None:
    """A file of that size: 10 000 columns, of rank 30 and noise, written by blocks."""
    rng = np.random.default_rng(0)
    H, rows = rng.gamma(0.5, size=(30, 10_000)), round(gigabytes * 1e9 / 80_000)
    with open(path, "wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (rows, 10_000)})
        for i in range(0, rows, 500):
            shape = min(500, rows - i), 10_000
            file.write((rng.gamma(0.5, size=(shape[0], 30)) @ H + rng.random(shape)).tobytes())


def measured(command: list[str]) -> tuple[float, float]:
    """Seconds and peak memory, in MB, of a process (Linux counts what this one has at that moment, if that is more)."""
    clock = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}")
    return time.perf_counter() - clock, used.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=float, default=1.0, help="of X, in GB")
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--max-iter", type=int, default=50)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x.npy")
        matrix(path, options.size)
        given = [str(path), str(options.k), str(options.max_iter)]
        fit = ["fit", given[0], "-k", given[1], "--max-iter", given[2], "--tol", "0", "--solver", "hals"]
        commands = {
            "nmfcore.hals": [sys.executable, "-c", LIBRARY, *given],
            "nmfcore fit": [sys.executable, "-m", "nmfcore", *fit, "-o", str(Path(folder, "out.npz"))],
        }
        found = {name: [] for name in commands}
        for _ in range(options.repeats):
            for name, command in commands.items():
                found[name].append(measured(command))
    medians = {name: [statistics.median(each) for each in zip(*runs, strict=True)] for name, runs in found.items()}
    for name, (seconds, megabytes) in medians.items():
        print(f"{name:13} {seconds:7.2f} s {megabytes:8.1f} MB at most")
    (library, before), (command, after) = medians.values()
    print(f"{'beyond it':13} {100 * (command / library - 1):7.1f} % {after - before:8.1f} MB")
    starts = [statistics.median(measured([sys.executable, *a])[0] for _ in range(9)) for a in STARTS]
    print(", ".join(f"{' '.join(a[-2:])}: {1000 * s:.0f} ms" for a, s in zip(STARTS, starts, strict=True)))


STARTS = (["-c", "pass"], ["-c", "import nmfcore"], ["-m", "nmfcore", "--help"])

if __name__ == "__main__":
    main()
