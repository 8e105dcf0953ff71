# Entry by entry: sums over whole matrices, in float64 over fixed stretches that are added in their order, and the
# extrapolation.

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


def scan(const real[:, :] X, double scale, int n_threads):
    """(sum, sum of squares, smallest, largest): the sums are those of scale X, the rows of X are contiguous.

    The sums are NaN or infinite where X has such entries, or where they overflow.
    """
    cdef Py_ssize_t rows = X.shape[0], step = stretch_rows(X.shape[1]), tasks = ceil_div(rows, step), task, i
    cdef double[:, ::1] found = np.zeros((tasks, 4))
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        found[task, 2] = found[task, 3] = X[task * step, 0]
        for i in range(task * step, min(rows, (task + 1) * step)):
            scan_row(&X[i, 0], X.shape[1], scale, &found[task, 0], &found[task, 1], &found[task, 2], &found[task, 3])
    for task in range(1, tasks):
        found[0, 0] += found[task, 0]
        found[0, 1] += found[task, 1]
        found[0, 2] = min(found[0, 2], found[task, 2])
        found[0, 3] = max(found[0, 3], found[task, 3])
    return found[0, 0], found[0, 1], found[0, 2], found[0, 3]


def inner(const real[:, ::1] A, const real[:, ::1] B, int n_threads):
    """Sum of A_ij B_ij in float64."""
    cdef Py_ssize_t rows = A.shape[0], step = stretch_rows(A.shape[1]), tasks = ceil_div(rows, step), task
    cdef double[::1] sums = np.empty(tasks)
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        sums[task] = inner_row(&A[task * step, 0], &B[task * step, 0], min(step, rows - task * step) * A.shape[1])
    return ordered_sum(sums)


def squared_distance(const real[:, :] A, const real[:, ::1] B, double scale, int n_threads):
    """Sum of (scale A_ij - B_ij)^2 in float64; the rows of A are contiguous."""
    cdef Py_ssize_t rows = A.shape[0], step = stretch_rows(A.shape[1]), tasks = ceil_div(rows, step), task, i
    cdef double[::1] sums = np.zeros(tasks)
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            sums[task] += distance_row(&A[i, 0], &B[i, 0], A.shape[1], scale)
    return ordered_sum(sums)


cdef inline const real *bound_row(const real[:, ::1] bound, Py_ssize_t i) noexcept nogil:
    """Bounds of row i: its own, or the one row that all share; null where there are none."""
    if bound is None:
        return NULL
    return &bound[i if bound.shape[0] > 1 else 0, 0]


def squared_kkt_residual(const double[:, ::1] G, const real[:, ::1] C, const real[:, ::1] F, const real[:, ::1] lower,
                         const real[:, ::1] upper, int n_threads):
    """Sum of G_tt min(F_it, gradient_it / G_tt)^2 in float64 for the gradient F G - C. 2 rows k^2 flop.

    With bounds, which may be None, the step gradient_it / G_tt is cut where it leaves them.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], step = stretch_rows(k), tasks = ceil_div(rows, step), task, i
    cdef double[::1] sums = np.zeros(tasks)
    cdef double[:, ::1] gradient = np.empty((n_threads, k))
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            sums[task] += kkt_row(&C[i, 0], &F[i, 0], bound_row(lower, i), bound_row(upper, i), &G[0, 0], k,
                                  &gradient[threadid(), 0])
    return ordered_sum(sums)


def extrapolate(const real[:, ::1] new, real[:, ::1] old, double weight, bint rising, int n_threads):
    """old <- max(0, new + weight (new - old)); with `rising` new where it fell."""
    cdef Py_ssize_t rows = new.shape[0], k = new.shape[1], step = stretch_rows(k), i
    for i in prange(ceil_div(rows, step), nogil=True, num_threads=n_threads, schedule="static"):
        extrapolate_row(&new[i * step, 0], &old[i * step, 0], min(step, rows - i * step) * k, <real> weight, rising)
