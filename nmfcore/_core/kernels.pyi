"""The signatures of the compiled kernels; what they compute stands in the .pxi file of each.

Kernels are called by position, in this order. Every array is C-contiguous unless its comment says otherwise, and its
owner is the caller, who has checked it. `Real` is float32 or float64, one and the same for all arguments of a call.

A comment says what the kernel does with an array: `in` is read, `out` is written and its content before does not
matter, `in and out` is updated in place, `memory` is scratch, whose size the function with the suffix `_scratch`
gives. A kernel returns its sums in float64. Arguments are not checked: a wrong shape reads or writes beyond an array.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Real: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
Float64: TypeAlias = NDArray[np.float64]
Int32: TypeAlias = NDArray[np.int32]
Int64: TypeAlias = NDArray[np.int64]
Index: TypeAlias = Int32 | Int64
Stack: TypeAlias = tuple[Int64, Int64]
"""The cumulative ranks of several fits, and the fits that a kernel works on; their factors lie one behind the other."""

FAMILIES: dict[str, int]
"""The numbers of the families of losses that `split_step` takes."""

def cpu_level() -> int:
    """The highest x86-64 level this processor can run: 4, 3, or 1 for the baseline."""

def has_openmp() -> bool:
    """Whether this module was compiled with OpenMP."""

def vector_bytes() -> int:
    """Width of a vector of this module in bytes."""

def product_scratch(rows: int, terms: int, k: int, n_threads: int, parts: int = 1) -> int:
    """Entries of scratch that `product` needs for an X of rows x terms, for any memory order and dtype."""

def product(
    X: Real,  # in: rows x terms, unit stride along one axis
    B: Real,  # in: terms x k
    scratch: Real,  # memory
    out: Real,  # out: rows x k
    scale: float,
    n_threads: int,
    part: int = 0,
    parts: int = 1,
) -> None:
    """out = scale X B; in several parts, the last one of which writes out."""

def product_many(
    X: Real,  # in: rows x terms, unit stride along one axis
    B: Real,  # in: stack of terms
    stack: Stack,  # in: (columns, fits), see stack.pxi
    scratch: Real,  # memory
    out: Real,  # out: stack of out_rows, from the row `first_row` on
    scale: float,
    n_threads: int,
    part: int,
    parts: int,
    first_row: int,
    out_rows: int,
) -> None:
    """out_f = scale X B_f for each listed fit f, to the bits of `product`, in one reading of X."""

def gram_scratch(rows: int, k: int, n_threads: int) -> int:
    """Entries of scratch, in float64, that `gram` needs."""

def gram(
    F: Real,  # in: rows x k
    scratch: Float64,  # memory
    out: Float64,  # out: k x k
    n_threads: int,
) -> None:
    """out = F'F. scratch: see `gram_scratch`. rows k^2 flop."""

def gram_many_scratch(rows: int, stack: Stack, n_threads: int) -> int:
    """Entries of scratch, in float64, that `gram_many` needs."""

def gram_many(
    F: Real,  # in: stack of so many rows
    rows: int,
    stack: Stack,  # in: (columns, fits), see stack.pxi
    squares: Int64,  # in: where each G begins
    scratch: Float64,  # memory
    G: Float64,  # out: at squares
    n_threads: int,
) -> None:
    """G_f = F_f' F_f for each listed fit f, to the bits of `gram`; G_f begins at squares[f]."""

def scan(
    X: Real,  # in: contiguous rows
    scale: float,
    total: float,
    squares: float,
    n_threads: int,
) -> tuple[float, float, float, float]:
    """(sum, sum of squares, smallest, largest) of the entries of X; the sums are those of scale X, added to others."""

def scan_rows(columns: int) -> int:
    """Rows that `scan` adds up before it adds them to the sums."""

def fingerprint(
    X: Real,  # in: contiguous rows
    first: int,
    row_step: int,
    column_step: int,
    scale: float,
    n_threads: int,
) -> int:
    """The fingerprint of scale X, whose entry i, j has the place first + i row_step + j column_step."""

def sparse_fingerprint(
    indptr: Index,  # in: rows + 1
    indices: Index,  # in: stored entries
    data: Real,  # in: stored entries
    bounds: Int64,  # in: the first row of each task, then the number of rows
    row_step: int,
    column_step: int,
    scale: float,
    n_threads: int,
) -> int:
    """`fingerprint` of a matrix in compressed rows, to the same number."""

def inner(
    A: Real,  # in: rows x k
    B: Real,  # in: rows x k
    n_threads: int,
) -> float:
    """Sum of A_ij B_ij in float64."""

def squared_distance(
    A: Real,  # in: rows x terms, contiguous rows
    B: Real,  # in: rows x terms
    scale: float,
    n_threads: int,
) -> float:
    """Sum of (scale A_ij - B_ij)^2 in float64."""

def squared_kkt_residual(
    G: Float64,  # in: k x k
    C: Real,  # in: rows x k
    F: Real,  # in: rows x k
    lower: Real | None,  # in: rows x k, 1 x k for all rows, or None
    upper: Real | None,  # in: rows x k, 1 x k for all rows, or None
    n_threads: int,
) -> float:
    """Sum of G_tt min(F_it, gradient_it / G_tt)^2 in float64 for the gradient F G - C. 2 rows k^2 flop."""

def extrapolate(
    new: Real,  # in: rows x k
    old: Real,  # in and out: rows x k
    weight: float,
    rising: bool,
    n_threads: int,
) -> None:
    """old <- max(0, new + weight (new - old)); with `rising` old <- new where new < old."""

def inner_many(
    A: Real,  # in: stack of so many rows
    B: Real,  # in: stack of so many rows
    rows: int,
    stack: Stack,  # in: (columns, fits), see stack.pxi
    out: Float64,  # out: a value for each listed fit
    n_threads: int,
) -> None:
    """out[f] = `inner` of the matrices of each listed fit f, to the same bits."""

def column_sums_many(
    F: Real,  # in: stack of so many rows
    rows: int,
    stack: Stack,  # in: (columns, fits), see stack.pxi
    sums: Float64,  # out: stack of one row
    n_threads: int,
) -> None:
    """`column_sums` of the factor of each listed fit f, to the same bits, from sums[columns[f]] on."""

def extrapolate_many(
    new: Real,  # in: stack of so many rows
    old: Real,  # in and out: stack of so many rows
    rows: int,
    stack: Stack,  # in: (columns, fits), see stack.pxi
    weights: Float64,  # in: one for each fit
    rising: bool,
    n_threads: int,
) -> None:
    """`extrapolate` for each listed fit f, by weights[f]."""

def copy_many(
    source: Real,  # in: stack of so many rows
    target: Real,  # out: stack of so many rows
    rows: int,
    stack: Stack,  # in: (columns, fits), see stack.pxi
    n_threads: int,
) -> None:
    """Copy the factor of each listed fit from one stack to another."""

def sweep_scratch(rows: int, k: int, n_threads: int) -> tuple[int, int]:
    """Entries of scratch, and of group_moved, that `sweep` needs."""

def sweep(
    G: Float64,  # in: k x k
    C: Real,  # in: rows x k
    F: Real,  # in and out: rows x k
    lower: Real | None,  # in: rows x k, 1 x k for all rows, or None
    upper: Real | None,  # in: rows x k, 1 x k for all rows, or None
    max_sweeps: int,
    stop: float,
    scratch: Real,  # memory
    group_moved: Float64,  # memory
    n_threads: int,
) -> float:
    """Cyclic coordinate sweeps over F >= 0 for 1/2 tr(F G F') - tr(F C'), in place."""

def sweep_many_scratch(stack: Stack, squares: Int64, n_threads: int) -> int:
    """Entries of scratch that `sweep_many` needs."""

def sweep_many(
    G: Float64,  # in: at squares
    squares: Int64,  # in: where each G begins
    C: Real,  # in: stack of so many rows
    F: Real,  # in and out: stack of so many rows
    rows: int,
    stack: Stack,  # in: (columns, fits), see stack.pxi
    most: Int64,  # in: sweeps of each fit
    stop: Float64,  # in: one for each fit
    scratch: Real,  # memory
    moved: Float64,  # out: a value for each listed fit
    n_threads: int,
) -> None:
    """`sweep` without bounds for each listed fit f, to its bits; moved[f] is what it returns."""

def sparse_product_scratch(terms: int, k: int, n_threads: int) -> int:
    """Entries of scratch that `sparse_product` needs for a B of terms x k."""

def sparse_product(
    indptr: Index,  # in: rows + 1
    indices: Index,  # in: entries, from 0 to terms - 1
    data: Real,  # in: entries
    bounds: Int64,  # in: the first row of each task, then the number of rows
    B: Real,  # in: terms x k
    scratch: Real,  # memory
    out: Real,  # out: rows x k
    scale: float,
    n_threads: int,
) -> None:
    """out = scale X B for X (rows x terms) in compressed rows, B (terms x k)."""

def sparse_product_many_scratch(terms: int, n_threads: int) -> int:
    """Entries of scratch that `sparse_product_many` needs for any number of fits: 32 for each term and thread."""

def sparse_product_many(
    indptr: Index,  # in: rows + 1
    indices: Index,  # in: entries, from 0 to terms - 1
    data: Real,  # in: entries
    bounds: Int64,  # in: the first row of each task, then the number of rows
    B: Real,  # in: stack of terms
    stack: Stack,  # in: (columns, fits), see stack.pxi
    scratch: Real,  # memory
    out: Real,  # out: stack of rows
    scale: float,
    n_threads: int,
) -> None:
    """out_f = scale X B_f for each listed fit f, to the bits of `sparse_product`."""

def sparse_share(
    indptr: Index,  # in: rows + 1
    indices: Index,  # in: entries, from 0 to terms - 1
    data: Real,  # in: entries
    bounds: Int64,  # in: the first row of each task, then the number of rows
    F: Real,  # in: rows x k
    B: Real,  # in: terms x k
    scratch: Real,  # memory
    num: Real,  # out: rows x k
    scale: float,
    evaluate: bool,
    n_threads: int,
) -> float:
    """num = (scale X / (F B')) B over the stored entries of X, the numerator of the Kullback-Leibler half-step."""

def split_scratch(rows: int, terms: int, k: int, n_threads: int) -> int:
    """Entries of scratch that `split_step` needs for an X of rows x terms."""

def split_step(
    X: Real,  # in: rows x terms, unit stride along one axis
    F: Real,  # in: rows x k
    B: Real,  # in: terms x k
    scratch: Real,  # memory
    num: Real,  # out: rows x k
    den: Real,  # out: rows x k
    family: int,
    parameter: float,
    scale: float,
    evaluate: bool,
    n_threads: int,
    weights: Real | None = None,  # in: rows x terms, strides as those of X, or None
) -> float:
    """num = P B and den = Q B for scale X and V = F B'; for Kullback-Leibler without weights den is not written."""

def split_kkt(
    F: Real,  # in: rows x k
    num: Real,  # in: rows x k
    den: Real,  # in: rows x k, or 1 x k for all rows
    lower: Real | None,  # in: rows x k, 1 x k for all rows, or None
    upper: Real | None,  # in: rows x k, 1 x k for all rows, or None
    mean: Float64,  # in: k
    n_threads: int,
) -> tuple[float, float]:
    """(sum of den |min(F, mean (1 - num / den))|, sum of F num); with bounds the step is cut where it leaves them."""

def column_sums(
    F: Real,  # in: rows x k
    n_threads: int,
) -> Float64:
    """The sum of each column, in float64."""

def split_many_scratch(rows: int, terms: int, k: int, n_threads: int) -> int:
    """Entries of scratch that `split_many` needs for an X of rows x terms and fits of at most k components."""

def split_many(
    X: Real,  # in: rows x terms, unit stride along one axis
    F: Real,  # in: stack of rows
    B: Real,  # in: stack of terms
    stack: Stack,  # in: (columns, fits), see stack.pxi
    scratch: Real,  # memory
    num: Real,  # out: stack of rows
    den: Real,  # out: stack of rows
    family: int,
    parameter: float,
    scale: float,
    values: Float64 | None,  # out: a value for each listed fit, or None
    n_threads: int,
) -> None:
    """`split_step` without weights for each listed fit f, to its bits; values[f] is what it returns."""

def sparse_share_many(
    indptr: Index,  # in: rows + 1
    indices: Index,  # in: entries, from 0 to terms - 1
    data: Real,  # in: entries
    bounds: Int64,  # in: the first row of each task, then the number of rows
    F: Real,  # in: stack of rows
    B: Real,  # in: stack of terms
    stack: Stack,  # in: (columns, fits), see stack.pxi
    scratch: Real,  # memory
    num: Real,  # out: stack of rows
    scale: float,
    values: Float64 | None,  # out: a value for each listed fit, or None
    n_threads: int,
) -> None:
    """`sparse_share` for each listed fit f, to its bits; values[f] is what it returns."""

def multiply(
    F: Real,  # in and out: rows x k
    num: Real,  # in: rows x k
    den: Real,  # in: rows x k, or 1 x k for all rows
    floor: Float64,  # in: k
    lower: Real | None,  # in: rows x k, 1 x k for all rows, or None
    upper: Real | None,  # in: rows x k, 1 x k for all rows, or None
    gamma: float,
    n_threads: int,
) -> float:
    """F <- max(floor, F (num / den)^gamma) in place, where den is not 0, within lower and upper."""

def multiply_many(
    F: Real,  # in and out: stack of rows
    num: Real,  # in: stack of rows
    den: Real,  # in: stack of den_rows
    den_rows: int,
    rows: int,
    stack: Stack,  # in: (columns, fits), see stack.pxi
    floor: Float64,  # in: stack of one row
    gamma: float,
    moved: Float64,  # out: a value for each listed fit
    n_threads: int,
) -> None:
    """`multiply` without bounds for each listed fit f, to its bits; moved[f] is what it returns."""

def accumulate(
    F: Real,  # in and out: rows x k
    num: Real,  # in: rows x k
    den: Real,  # in: rows x k, or 1 x k for all rows
    A: Real,  # in and out: rows x k
    B: Real,  # in and out: as den
    least: Float64,  # in: k
    rho: float,
    gamma: float,
    n_threads: int,
) -> tuple[float, float]:
    """A <- rho A + F^(1/gamma) num, B <- rho B + den, F <- (A / B)^gamma in place; where B is 0, F stays."""

def descent_scratch(most: int, k: int, n_threads: int) -> int:
    """Entries of scratch for `descent` (most: the terms) and `sparse_descent` (most: the entries of a row at most)."""

def descent(
    X: Real,  # in: rows x terms, unit stride along one axis
    F: Real,  # in and out: rows x k
    B: Real,  # in: terms x k
    sums: Float64,  # in: k
    scratch: Real,  # memory
    sweeps: int,
    scale: float,
    n_threads: int,
) -> float:
    """Cyclic coordinate sweeps over F >= 0 for the Kullback-Leibler divergence of scale X from F B', in place."""

def sparse_descent(
    indptr: Index,  # in: rows + 1
    indices: Index,  # in: entries, from 0 to terms - 1
    data: Real,  # in: entries
    bounds: Int64,  # in: the first row of each task, then the number of rows
    F: Real,  # in and out: rows x k
    B: Real,  # in: terms x k
    sums: Float64,  # in: k
    scratch: Real,  # memory
    most: int,
    sweeps: int,
    scale: float,
    n_threads: int,
) -> float:
    """`descent` for X in compressed rows of at most `most` entries."""

def pivot_scratch(k: int, n_threads: int) -> tuple[int, int]:
    """Entries of scratch, and of marks, that `pivot` needs."""

def pivot(
    G: Float64,  # in: k x k
    C: Real,  # in: rows x k
    F: Real,  # in and out: rows x k
    most_rounds: int,
    scratch: Float64,  # memory
    marks: Int32,  # memory
    n_threads: int,
) -> int:
    """F <- the minimiser over F >= 0 of 1/2 tr(F G F') - tr(F C'), by block principal pivoting."""

def newton_scratch(terms: int, k: int, n_threads: int) -> tuple[int, int]:
    """Entries of scratch in float64, and of marks, that `newton` needs."""

def newton(
    X: Real,  # in: rows x terms, of any strides
    weights: Real | None,  # in: rows x terms, of any strides, or None
    F: Real,  # in and out: rows x k
    B: Real,  # in: terms x k
    added: tuple[Float64 | None, Float64, Real | None, Real | None],  # in: G and C, then lower and upper bounds
    memory: tuple[Float64, Int32],  # memory: scratch and marks
    beta: float,
    scale: float,
    n_threads: int,
) -> float:
    """F <- the minimiser between bounds of the beta-divergence of scale X from F B' plus 1/2 tr(F G F') - tr(F C')."""

def sparse_newton(
    indptr: Index,  # in: rows + 1
    indices: Index,  # in: entries, from 0 to terms - 1
    data: Real,  # in: entries
    weights: Real | None,  # in: entries, or None
    bounds: Int64,  # in: the first row of each task, then the number of rows
    F: Real,  # in and out: rows x k
    B: Real,  # in: terms x k
    added: tuple[Float64 | None, Float64, Real | None, Real | None],  # in: as for `newton`
    memory: tuple[Float64, Int32],  # memory: scratch and marks
    beta: float,
    scale: float,
    n_threads: int,
) -> float:
    """`newton` where only the entries of compressed rows count."""

def weighted_descent_scratch(terms: int, k: int, n_threads: int) -> int:
    """Entries of scratch that `weighted_descent` needs."""

def weighted_descent(
    X: Real,  # in: rows x terms
    weights: Real,  # in: rows x terms
    scale: float,
    added: tuple[Float64, Real, Float64, Float64],  # in: (E, C, ridge, q), see below
    box: tuple[Real, Real],  # in: (lower, upper), see below
    F: Real,  # in and out: rows x k
    B: Real,  # in: terms x k
    scratch: Real,  # memory
    max_sweeps: int,
    stop: float,
    n_threads: int,
) -> tuple[float, float]:
    """The sweeps of `weighted_sweep` for scale X whose every entry has its own weight, in place."""

def weighted_sweep_scratch(terms: int, k: int, most: int, n_threads: int) -> tuple[int, int]:
    """Entries of `scratch` and of `columns` that `weighted_sweep` needs for rows of at most `most` places."""

def weighted_sweep(
    G: Float64,  # in: k x k
    base: float,
    places: tuple[Index, Index, Real, Real, Int64],  # in: (indptr, indices, w, y, bounds), see below
    added: tuple[Float64, Real, Float64, Float64],  # in: (E, C, ridge, q), see below
    box: tuple[Real, Real],  # in: (lower, upper), see below
    F: Real,  # in and out: rows x k
    B: Real,  # in: terms x k
    scratch: Float64,  # memory
    columns: Real | None,  # memory, or None
    max_sweeps: int,
    stop: float,
    n_threads: int,
) -> tuple[float, float]:
    """Cyclic coordinate sweeps over the rows of F for the problem above, in place."""

def project_scratch(k: int, n_threads: int) -> tuple[int, int]:
    """Entries of scratch, and of wide, that `project_rows` needs."""

def project_rows(
    F: Real,  # in and out: rows x k
    hoyer: bool,
    target: float,
    scratch: Real,  # memory
    wide: Float64,  # memory
    n_threads: int,
) -> None:
    """f <- the nearest point of a set, for each row f of F."""

def project_columns(
    F: Real,  # in and out: rows x k
    hoyer: bool,
    target: float,
    n_threads: int,
) -> None:
    """f <- the nearest point of a set, for each column f of F; see `project_rows`. A round reads F once."""

def step_scratch(rows: int, k: int, n_threads: int) -> tuple[int, int, int]:
    """Entries of scratch, of wide and of moved that `project_steps` needs."""

def project_steps(
    A: Real,  # in: k x k
    C: Real,  # in: rows x k
    scale: float,
    F: Real,  # in and out: rows x k
    hoyer: bool,
    target: float,
    max_steps: int,
    stop: float,
    scratch: Real,  # memory
    wide: Float64,  # memory
    moved: Float64,  # memory
    n_threads: int,
) -> float:
    """Accelerated projected gradient steps F <- P(F A + scale C), A = I - scale G, for 1/2 tr(F G F') - tr(F C')."""

def simplex_scratch(k: int, n_threads: int) -> tuple[int, int]:
    """Entries of scratch, and of marks, that `simplex_rows` needs, and for one thread `simplex_blocks`."""

def simplex_rows(
    G: Float64,  # in: k x k
    C: Real,  # in: rows x k
    F: Real,  # in and out: rows x k
    rho: float,
    values: Float64,  # out: rows
    scratch: Float64,  # memory
    marks: Int32,  # memory
    n_threads: int,
) -> None:
    """f <- the minimiser of 1/2 f G f' - f c over the simplex, for each row f of F."""

def simplex_blocks(
    Q: Float64,  # in: k x k
    G: Float64,  # in: p x p
    E: Float64,  # in: k x p
    B: Float64,  # in and out: k x p
    P: Float64,  # in and out: k x p
    rho: float,
    sweeps: int,
    scratch: Float64,  # memory
    marks: Int32,  # memory
) -> None:
    """Sweeps over the rows of B (k x p) that minimise 1/2 tr(Q B G B') - tr(E B'), each over the simplex, in place."""

def column_minima(
    M: Real,  # in: rows x k
    inner: float,
    outer: float,
    values: Float64,  # out: k
    rows: Int64,  # out: k
    n_threads: int,
) -> None:
    """The least of inner v, for entries v >= 0, and outer v, for others, in each column of M, and its first row."""

def advance_courses(
    courses: Float64,  # in and out: a `Course` in each row
    weights: Float64,  # out: one for each
) -> None:
    """Advance the weights of the extrapolation by an iteration."""

def enter_values(
    courses: Float64,  # in and out: a `Course` in each row
    precision: Float64,  # in: a `Precision`
    values: Float64,  # in: one for each
    no_higher: Int64,  # out: one for each
) -> None:
    """Enter the objectives of an iteration; no_higher says which are the lowest so far, to round-off."""

def ends_of(
    courses: Float64,  # in: a `Course` in each row
    precision: Float64,  # in: a `Precision`
    tol: float,
    ends: Int64,  # out: one for each
) -> None:
    """Why each fit ends after an iteration: 0 if it does not, 1 converged, 2 stalled."""

def alternate_scratch(m: int, n: int, k: int, least_squares: bool, n_threads: int) -> tuple[int, int]:
    """Entries of scratch that `alternate` needs in the dtype of X, and in float64."""

def alternate(
    X: Real,  # in: m x n, unit stride along one axis
    factors: list[Real],  # in and out: (factor, old, best, first, second) of W, then of H', all rows x k
    precision: Float64,  # in: a `Precision`
    course: Float64,  # in and out: a `Course`
    numbers: tuple[
        float, ...
    ],  # in: (tol, scale, stop, warm_up, sweeps of W, of H', whole, cancellation, gamma, floor)
    kinds: tuple[Any, ...],  # in: (least_squares, extrapolate, shares_den, ready, family, parameter)
    values: Float64,  # out: the objective after each iteration, and in the last entry their number
    first: int,
    small: float,
    scratch: Real,  # memory
    memory: Float64,  # memory
    n_threads: int,
) -> bool:
    """Iterations from the number `first` on, at most len(values) - 1; whether num and den are those of the outcome."""
