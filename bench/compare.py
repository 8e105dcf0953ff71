"""Whole fits beside scikit-learn's: the objective against seconds, from the same start and with the same threads."""

import argparse
import math
import platform
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sklearn
from problems import Problem, problems
from sklearn.decomposition import non_negative_factorization
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import nmfcore
from nmfcore import _core
from nmfcore._runtime import threads

PEERS = ("cd", "mu")  # scikit-learn's solvers
OURS = {"hals": {}, "plain hals": {"inner_iter": 1, "extrapolate": False}}
PEER_TOL = 1e-4  # its default
PLOT_FLOOR = 1e-7
SETTLE_SECONDS = 0.3  # for which the idle threads of a BLAS go on spinning on the processors that nmfcore wants


@dataclass(frozen=True)
class Curve:
    """The course of a fit: the objective after so many iterations, and the median of the seconds that took."""

    iterations: np.ndarray
    objective: np.ndarray
    seconds: np.ndarray

    @property
    def seconds_per_iteration(self) -> float:
        """Without what a call costs before its first iteration."""
        return (self.seconds[-1] - self.seconds[0]) / (self.iterations[-1] - self.iterations[0])

    def reaches(self, objective: float) -> int | None:
        """Index of the first point as low as that."""
        low = np.flatnonzero(self.objective <= objective)
        return int(low[0]) if low.size else None


@dataclass(frozen=True)
class Comparison:
    """All that was measured on one problem."""

    problem: Problem
    start: float  # objective
    half_squares: float  # 1/2 ||X||^2, the objective of the empty model
    curves: dict[str, Curve]
    stops: dict[str, Curve]  # one point for each of scikit-learn's solvers: where it stops by itself


def half_squared_distance(X: np.ndarray, W: np.ndarray, H: np.ndarray) -> float:
    """The objective in float64, from the residual itself."""
    return 0.5 * float(np.sum((X - W.astype(np.float64) @ H) ** 2))


def peer_fit(problem: Problem, start: tuple, solver: str, max_iter: int, tol: float) -> tuple[tuple, float]:
    """scikit-learn's (W, H, n_iter), and its seconds."""
    W, H = (F.copy() for F in start)  # it updates them in place
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clock = time.perf_counter()
        found = non_negative_factorization(
            problem.X, W=W, H=H, n_components=problem.k, init="custom", solver=solver, max_iter=max_iter, tol=tol
        )
        return found, time.perf_counter() - clock


def schedule(max_iter: int) -> list[int]:
    """Numbers of iterations, each about 1.5 times the one before."""
    steps = [1]
    while steps[-1] < max_iter:
        steps.append(min(max_iter, math.ceil(1.5 * steps[-1])))
    return steps


def measure(problem: Problem, options: argparse.Namespace) -> Comparison:
    """Fit with everything in turn, as often as the options say."""
    X, k = problem.X, problem.k
    settings = {"n_threads": options.threads, "tol": 0}
    W0, H0 = start = tuple(nmfcore.hals(X, k, init=options.init, random_state=options.seed, max_iter=0, **settings))
    # scikit-learn has no history: each point of its curve is a fit of its own.
    steps = schedule(options.max_iter)
    peer_runs = [(solver, step, 0.0) for solver in PEERS for step in steps]
    peer_runs += [(solver, options.max_iter, PEER_TOL) for solver in PEERS]
    found, seconds = {}, {run: [] for run in peer_runs}
    histories = {name: [] for name in OURS}
    for _ in range(options.repeats):
        time.sleep(SETTLE_SECONDS)
        # A first call of each side wakes its threads and warms the caches, so that no point of a curve pays for it.
        nmfcore.hals(X, k, init=start, max_iter=2, **settings)
        for name, keywords in OURS.items():
            result = nmfcore.hals(X, k, init=start, max_iter=options.max_iter, **settings, **keywords)
            histories[name].append(result.history)
        peer_fit(problem, start, "cd", 2, 0.0)
        for run in peer_runs:
            found[run], took = peer_fit(problem, start, *run)
            seconds[run].append(took)

    def peer_curve(runs: list[tuple]) -> Curve:
        fits = [found[run] for run in runs]
        values = [half_squared_distance(X, W, H) for W, H, _ in fits]
        medians = [np.median(seconds[run]) for run in runs]
        return Curve(np.array([n_iter for *_, n_iter in fits]), np.array(values), np.array(medians))

    curves = {}
    for name, runs in histories.items():
        medians = np.median([history.seconds for history in runs], axis=0)
        curves[name] = Curve(np.arange(len(medians)), runs[0].objective, medians)
    for solver in PEERS:
        curves[solver] = peer_curve([(solver, step, 0.0) for step in steps])
    stops = {solver: peer_curve([(solver, options.max_iter, PEER_TOL)]) for solver in PEERS}
    half_squares = 0.5 * float(np.sum(X.astype(np.float64) ** 2))
    return Comparison(problem, half_squared_distance(X, W0, H0), half_squares, curves, stops)


HEADER = """\
| problem | shape | k | peer | iteration: peer, ms | nmfcore, ms | ratio | error at the peer's stop \
| iterations: peer | nmfcore | seconds: peer | nmfcore | ratio |
|---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"""


def rows(comparison: Comparison) -> Iterator[str]:
    """The lines of the table for one problem, one for each of scikit-learn's solvers."""
    problem, curves = comparison.problem, comparison.curves
    own = curves["plain hals"].seconds_per_iteration
    for solver, stop in comparison.stops.items():
        peer = curves[solver].seconds_per_iteration
        target, peer_seconds = stop.objective[0], stop.seconds[0]
        error = math.sqrt(target / comparison.half_squares)
        reached = curves["hals"].reaches(target)
        if reached is None:
            whole = ["not reached", f"{peer_seconds:.3f}", "-", "-"]
        else:
            seconds = curves["hals"].seconds[reached]
            whole = [str(reached), f"{peer_seconds:.3f}", f"{seconds:.4f}", f"{peer_seconds / seconds:.1f}"]
        cells = [
            *(problem.name, f"{problem.X.shape[0]} x {problem.X.shape[1]}", str(problem.k), solver),
            *(f"{1e3 * peer:.3f}", f"{1e3 * own:.3f}", f"{peer / own:.1f}"),
            *(f"{error:.5f}", str(stop.iterations[0]), *whole),
        ]
        yield f"| {' | '.join(cells)} |"


def legend(options: argparse.Namespace) -> str:
    """What the table holds and what it was measured with."""
    return f"""
Peer: the solver of scikit-learn {sklearn.__version__}, with NumPy {np.__version__}. nmfcore {nmfcore.__version__}, \
kernels {_core.level}. {platform.machine()}, {options.threads} threads, {options.dtype}, start {options.init}, \
seed {options.seed}, medians of {options.repeats}.
Iteration: nmfcore with inner_iter=1, extrapolate=False. Error: ||X - W H|| / ||X|| where the peer stops by its own \
rule (tol={PEER_TOL}, at most {options.max_iter} iterations); then the iterations and the seconds to get as low, of \
the peer and of nmfcore with its defaults. Ratios: peer / nmfcore."""


def draw(comparisons: list[Comparison], path: str) -> None:
    """One panel a problem: how far above the lowest objective found each fit is, over seconds."""
    from matplotlib.figure import Figure

    styles = {
        "hals": {"color": "#0072b2", "label": "nmfcore"},
        "plain hals": {"color": "#56b4e9", "label": "nmfcore, inner_iter=1, extrapolate=False"},
        "cd": {"color": "#d55e00", "marker": ".", "label": 'scikit-learn, solver="cd"'},
        "mu": {"color": "#009e73", "marker": ".", "label": 'scikit-learn, solver="mu"'},
    }
    columns = min(3, len(comparisons))
    lines = -(-len(comparisons) // columns)
    figure = Figure(figsize=(4.4 * columns, 3.3 * lines + 0.8), layout="constrained")
    grid = figure.subplots(lines, columns, squeeze=False)
    for axes, comparison in zip(grid.flat, comparisons, strict=False):
        lowest = min(curve.objective.min() for curve in comparison.curves.values())
        drop = comparison.start - lowest
        for name, curve in comparison.curves.items():
            axes.plot(curve.seconds, (curve.objective - lowest) / drop, **styles[name])
        for solver, stop in comparison.stops.items():
            excess = np.maximum((stop.objective - lowest) / drop, PLOT_FLOOR)
            axes.plot(stop.seconds, excess, "*", color=styles[solver]["color"], markersize=12, clip_on=False)
        m, n = comparison.problem.X.shape
        axes.set_title(f"{comparison.problem.name}, {m} x {n}, k = {comparison.problem.k}", fontsize=10)
        axes.set(xscale="log", yscale="log", ylim=(PLOT_FLOOR, 2))
        axes.xaxis.set_minor_formatter("")  # the labels between two powers of ten overlap in a narrow panel
        axes.grid(color="0.9")
    for axes in grid.flat[len(comparisons) :]:
        axes.set_visible(False)
    figure.supxlabel("seconds", fontsize=10)
    figure.supylabel("objective above the lowest found (start = 1)", fontsize=10)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    stars = grid[0, 0].plot([], [], "*", color="0.4", markersize=12)
    labels.append(f"where scikit-learn stops (tol={PEER_TOL})")
    figure.legend(handles + stars, labels, loc="outside upper center", ncols=min(3, columns), fontsize=9, frameon=False)
    figure.savefig(path, dpi=120)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", metavar="PROBLEM", help="names of problems (default: all)")
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--threads", type=int, metavar="N", help="for both (default: all available)")
    parser.add_argument("--init", choices=["random", "nndsvd", "nndsvda", "nndsvdar", "spa"], default="nndsvda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--max-iter", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--table", metavar="FILE", help="write the table there, too")
    parser.add_argument("--plot", metavar="FILE", help="draw the curves (png, pdf, svg; needs matplotlib)")
    options = parser.parse_args()
    if options.max_iter < 2 or options.repeats < 1:
        parser.error("wanted --max-iter >= 2 and --repeats >= 1")
    options.threads = threads.thread_count(options.threads)
    return options


def main() -> None:
    """Measure, print and draw."""
    options = arguments()
    lines = [HEADER]
    print(HEADER)
    comparisons = []
    with threadpool_limits(limits=options.threads, user_api="blas"):
        for problem in problems(options.dtype, options.only):
            comparison = measure(problem, options)
            comparisons.append(comparison)
            lines += rows(comparison)
            print(*rows(comparison), sep="\n", flush=True)
    lines.append(legend(options))
    print(lines[-1])
    if options.table:
        Path(options.table).write_text("\n".join(lines) + "\n")
    if options.plot and comparisons:
        draw(comparisons, options.plot)


if __name__ == "__main__":
    main()
