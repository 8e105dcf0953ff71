"""A table of whole fits, from the JSON of `pytest bench/test_fits.py`.

python bench/table.py fits.json               # print it
python bench/table.py fits.json --write FILE  # put it between the two markers in a file
"""

import argparse
import json
from pathlib import Path

BEGIN, END = "<!-- table of fits: begin -->", "<!-- table of fits: end -->"
LIBRARIES = ("scikit-learn", "nmfcore", "nmf-rs", "products by NumPy")
HEADER = """\
| problem | k | loss | scikit-learn, ms (iterations) | nmfcore, ms | sooner | nmf-rs, ms | its products by NumPy, ms |
|---|--:|---|--:|--:|--:|--:|--:|
"""


def cell(run: dict | None) -> str:
    """Milliseconds and iterations of a library; the objective where it did not get as low as scikit-learn."""
    if run is None:
        return "-"
    info = run["extra_info"]
    text = f"{1e3 * run['stats']['median']:.3g} ({info['iterations']})"
    far = info.get("objective", 1.0) > 1 + 1e-5
    return f"{text}, objective {info['objective']:.4g} x" if far else text


def table(report: dict) -> str:
    """The table in Markdown, and what it was measured with."""
    groups: dict[str, dict[str, dict]] = {}
    for run in report["benchmarks"]:
        groups.setdefault(run["group"], {})[run["extra_info"]["library"]] = run
    lines = []
    for name, runs in groups.items():
        own = runs["nmfcore"]["extra_info"]
        sooner = f"{own['ratio']:.1f} x" if own["objective"] <= 1 + 1e-5 else "-"
        times = [cell(runs.get(library)) for library in LIBRARIES]
        lines.append(
            f"| {name} | {own['k']} | {own['loss']} | {times[0]} | {times[1]} | {sooner} | {' | '.join(times[2:])} |"
        )
    info, cpu = next(iter(groups.values()))["nmfcore"]["extra_info"], report["machine_info"]["cpu"]
    return (
        HEADER
        + "\n".join(lines)
        + (
            f"\n\nMedians of three fits from one random start to the objective at which scikit-learn stops by itself "
            f"(tol=1e-4, at most 200 iterations), float64, {info['n_threads']} threads, "
            f"{cpu.get('brand_raw', 'processor unknown')}, Python {report['machine_info']['python_version']}."
        )
    )


def main() -> None:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="the JSON file of pytest-benchmark")
    parser.add_argument("--write", type=Path, metavar="FILE", help="a file with the two markers")
    options = parser.parse_args()
    text = table(json.loads(options.file.read_text()))
    if options.write is None:
        print(text)
        return
    before, begin, rest = options.write.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        parser.error(f"{options.write} has no markers {BEGIN} and {END}")
    options.write.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    main()
