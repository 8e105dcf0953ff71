# Sums over whole matrices, entry by entry, and the extrapolation. A sum is computed in float64 over fixed stretches,
# which are added in their order.

cdef enum:
    STRETCH = 32768  # entries that one task takes


cdef inline Py_ssize_t stretch_rows(Py_ssize_t columns) noexcept nogil:
    return max(<Py_ssize_t> 1, STRETCH // columns)


cdef double ordered_sum(double[::1] parts) noexcept nogil:
    cdef double total = 0
    cdef Py_ssize_t i
    for i in range(parts.shape[0]):
        total += parts[i]
    return total


def scan(
    const real[:, :] X,  # in: contiguous rows
    double scale,
    double total,
    double squares,
    int n_threads
):
    """(sum, sum of squares, smallest, largest) of the entries of X; the sums are those of scale X.

    total and squares: the sums over the rows before, to which those of X are added. The sums are NaN or infinite where
    X has such entries, or where they overflow.
    """
    cdef Py_ssize_t rows = X.shape[0], step = stretch_rows(X.shape[1]), tasks = ceil_div(rows, step), task, i
    cdef double[:, ::1] found = np.zeros((tasks, 4))
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        found[task, 2] = found[task, 3] = X[task * step, 0]
        for i in range(task * step, min(rows, (task + 1) * step)):
            scan_row(&X[i, 0], X.shape[1], scale, &found[task, 0], &found[task, 1], &found[task, 2], &found[task, 3])
    for task in range(tasks):
        total += found[task, 0]
        squares += found[task, 1]
        found[0, 2] = min(found[0, 2], found[task, 2])
        found[0, 3] = max(found[0, 3], found[task, 3])
    return total, squares, found[0, 2], found[0, 3]


def scan_rows(Py_ssize_t columns):
    """Rows that `scan` adds up before it adds them to the sums; a cut between two such groups changes no bit."""
    return stretch_rows(columns)


def inner(
    const real[:, ::1] A,  # in: rows x k
    const real[:, ::1] B,  # in: rows x k
    int n_threads
):
    """Sum of A_ij B_ij in float64."""
    cdef Py_ssize_t rows = A.shape[0], step = stretch_rows(A.shape[1]), tasks = ceil_div(rows, step), task
    cdef double[::1] sums = np.empty(tasks)
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        sums[task] = inner_row(&A[task * step, 0], &B[task * step, 0], min(step, rows - task * step) * A.shape[1])
    return ordered_sum(sums)


def squared_distance(
    const real[:, :] A,    # in: rows x terms, contiguous rows
    const real[:, ::1] B,  # in: rows x terms
    double scale,
    int n_threads
):
    """Sum of (scale A_ij - B_ij)^2 in float64."""
    cdef Py_ssize_t rows = A.shape[0], step = stretch_rows(A.shape[1]), tasks = ceil_div(rows, step), task, i
    cdef double[::1] sums = np.zeros(tasks)
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            sums[task] += distance_row(&A[i, 0], &B[i, 0], A.shape[1], scale)
    return ordered_sum(sums)


cdef inline const real *bound_row(const real[:, ::1] bound, Py_ssize_t i) noexcept nogil:
    """Bounds of row i: its own, or the row that all share; NULL where there are none."""
    if bound is None:
        return NULL
    return &bound[i if bound.shape[0] > 1 else 0, 0]


def squared_kkt_residual(
    const double[:, ::1] G,    # in: k x k
    const real[:, ::1] C,      # in: rows x k
    const real[:, ::1] F,      # in: rows x k
    const real[:, ::1] lower,  # in: rows x k, 1 x k for all rows, or None
    const real[:, ::1] upper,  # in: rows x k, 1 x k for all rows, or None
    int n_threads
):
    """Sum of G_tt min(F_it, gradient_it / G_tt)^2 in float64 for the gradient F G - C. 2 rows k^2 flop.

    With bounds the step gradient_it / G_tt is cut where it leaves them.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], step = stretch_rows(k), tasks = ceil_div(rows, step), task, i
    cdef double[::1] sums = np.zeros(tasks)
    cdef double[:, ::1] gradient = np.empty((n_threads, k))
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            sums[task] += kkt_row(&C[i, 0], &F[i, 0], bound_row(lower, i), bound_row(upper, i), &G[0, 0], k,
                                  &gradient[threadid(), 0])
    return ordered_sum(sums)


def extrapolate(
    const real[:, ::1] new,  # in: rows x k
    real[:, ::1] old,        # in and out: rows x k
    double weight,
    bint rising,
    int n_threads
):
    """old <- max(0, new + weight (new - old)); with `rising` old <- new where new < old."""
    cdef Py_ssize_t rows = new.shape[0], k = new.shape[1], step = stretch_rows(k), i
    for i in prange(ceil_div(rows, step), nogil=True, num_threads=n_threads, schedule="static"):
        extrapolate_row(&new[i * step, 0], &old[i * step, 0], min(step, rows - i * step) * k, <real> weight, rising)


# Stacks (see stack.pxi): each fit has the stretches that it has alone. A fit that has fewer stretches than the widest
# fit leaves the rest of its tasks empty.

cdef struct Part:
    Py_ssize_t fit, k, first, rows, place, size  # of a stretch: its first row, rows, place in the stack, entries


cdef inline Py_ssize_t most_stretches(const Stack *stack, Py_ssize_t rows) noexcept nogil:
    return ceil_div(rows, stretch_rows(max(<Py_ssize_t> 1, widest(stack))))


cdef inline Part stretch_of(const Stack *stack, Py_ssize_t rows, Py_ssize_t most, Py_ssize_t task) noexcept nogil:
    """The stretch of a task; its size is 0 where the fit has no such stretch."""
    cdef Part part
    part.fit = stack.fits[task // most]
    part.k = rank_of(stack, part.fit)
    part.first = task % most * stretch_rows(part.k)
    part.rows = max(<Py_ssize_t> 0, min(stretch_rows(part.k), rows - part.first))
    part.place = rows * stack.columns[part.fit] + part.first * part.k
    part.size = part.rows * part.k
    return part


def inner_many(
    const real[::1] A,  # in: stack of so many rows
    const real[::1] B,  # in: stack of so many rows
    Py_ssize_t rows,
    stack,              # in: (columns, fits), see stack.pxi
    double[::1] out,    # out: a value for each listed fit
    int n_threads
):
    """out[f] = `inner` of the matrices of each listed fit f, to the same bits."""
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    cdef Py_ssize_t n = listed.n, most = most_stretches(&listed, rows), task, i
    cdef double[::1] sums = np.zeros(n * most)
    cdef Part part
    for task in prange(n * most, nogil=True, num_threads=n_threads, schedule="static"):
        part = stretch_of(&listed, rows, most, task)
        if part.size > 0:
            sums[task] = inner_row(&A[part.place], &B[part.place], part.size)
    for i in range(n):
        out[fits[i]] = ordered_sum(sums[i * most:(i + 1) * most])


def column_sums_many(
    const real[::1] F,  # in: stack of so many rows
    Py_ssize_t rows,
    stack,              # in: (columns, fits), see stack.pxi
    double[::1] sums,   # out: stack of one row
    int n_threads
):
    """`column_sums` of the factor of each listed fit f, to the same bits, from sums[columns[f]] on."""
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    cdef Py_ssize_t n = listed.n, most = most_stretches(&listed, rows), task, i, k
    cdef double[:, ::1] parts = np.zeros((n * most, widest(&listed)))
    cdef Part part
    for task in prange(n * most, nogil=True, num_threads=n_threads, schedule="static"):
        part = stretch_of(&listed, rows, most, task)
        for i in range(part.rows):
            add_row(&F[part.place + i * part.k], part.k, &parts[task, 0])
    for i in range(n):
        k = rank_of(&listed, fits[i])
        for task in range(i * most + 1, (i + 1) * most):
            add_row(&parts[task, 0], k, &parts[i * most, 0])
        memcpy(&sums[columns[fits[i]]], &parts[i * most, 0], k * sizeof(double))


def extrapolate_many(
    const real[::1] new,        # in: stack of so many rows
    real[::1] old,              # in and out: stack of so many rows
    Py_ssize_t rows,
    stack,                      # in: (columns, fits), see stack.pxi
    const double[::1] weights,  # in: one for each fit
    bint rising,
    int n_threads
):
    """`extrapolate` for each listed fit f, by weights[f]."""
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    cdef Py_ssize_t n = listed.n, most = most_stretches(&listed, rows), task
    cdef Part part
    for task in prange(n * most, nogil=True, num_threads=n_threads, schedule="static"):
        part = stretch_of(&listed, rows, most, task)
        if part.size > 0:
            extrapolate_row(&new[part.place], &old[part.place], part.size, <real> weights[part.fit], rising)


def copy_many(
    const real[::1] source,  # in: stack of so many rows
    real[::1] target,        # out: stack of so many rows
    Py_ssize_t rows,
    stack,                   # in: (columns, fits), see stack.pxi
    int n_threads
):
    """Copy the factor of each listed fit from one stack to another."""
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    cdef Py_ssize_t n = listed.n, most = most_stretches(&listed, rows), task
    cdef Part part
    for task in prange(n * most, nogil=True, num_threads=n_threads, schedule="static"):
        part = stretch_of(&listed, rows, most, task)
        if part.size > 0:
            memcpy(&target[part.place], &source[part.place], part.size * sizeof(real))
