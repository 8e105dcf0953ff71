# Coordinate descent for Kullback-Leibler. The rows of a factor are independent problems, and each is solved in cache.

cdef enum:
    DESCENT_ROWS = 8  # rows of a task where X is dense: a cache line where the columns of X are contiguous


cdef inline Py_ssize_t whole_vectors(const real *x, Py_ssize_t n) noexcept nogil:
    return ceil_div(n, lanes_of(x)) * lanes_of(x)


def descent_scratch(Py_ssize_t most, Py_ssize_t k, int n_threads):
    """Entries of scratch for `descent` (most: the terms) and `sparse_descent` (most: the entries of a row at most)."""
    return (k + 1 + n_threads * (k + 2 + DESCENT_ROWS)) * (most + 16)


def descent(
    const real[:, :] X,      # in: rows x terms, unit stride along one axis
    real[:, ::1] F,          # in and out: rows x k
    const real[:, ::1] B,    # in: terms x k
    const double[::1] sums,  # in: k
    real[::1] scratch,       # memory
    Py_ssize_t sweeps,
    double scale,
    int n_threads
):
    """Cyclic coordinate sweeps over F >= 0 for the Kullback-Leibler divergence of scale X from F B', in place.

    sums: the sum of each column of B. Returns the sum of curvature
    times (change)^2 in the first sweep. 2 rows terms k flop, and 7, with a division, for each sweep.
    """
    cdef Py_ssize_t rows = X.shape[0], terms = X.shape[1], k = B.shape[1], size = whole_vectors(&scratch[0], terms)
    cdef Py_ssize_t tasks = ceil_div(rows, DESCENT_ROWS), task, i, j, t, first, last
    cdef double[::1] moved = np.zeros(tasks)
    cdef real *columns = &scratch[0]
    cdef real *own
    memset(columns, 0, k * size * sizeof(real))
    for t in prange(k, nogil=True, num_threads=n_threads, schedule="static"):
        for j in range(terms):
            columns[t * size + j] = B[j, t]
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="dynamic"):
        own = columns + (k + threadid() * (DESCENT_ROWS + 1)) * size
        first, last = task * DESCENT_ROWS, min(rows, (task + 1) * DESCENT_ROWS)
        memset(own, 0, DESCENT_ROWS * size * sizeof(real))
        for j in range(terms):
            for i in range(first, last):
                own[(i - first) * size + j] = <real> scale * X[i, j]
        for i in range(first, last):
            moved[task] += descend_row(own + (i - first) * size, columns, size, size, &sums[0], &F[i, 0], k, sweeps,
                                       own + DESCENT_ROWS * size)
    return ordered_sum(moved)


def sparse_descent(
    const index[::1] indptr,    # in: rows + 1
    const index[::1] indices,   # in: entries, from 0 to terms - 1
    const real[::1] data,       # in: entries
    const int64_t[::1] bounds,  # in: the first row of each task, then the number of rows
    real[:, ::1] F,             # in and out: rows x k
    const real[:, ::1] B,       # in: terms x k
    const double[::1] sums,     # in: k
    real[::1] scratch,          # memory
    Py_ssize_t most,
    Py_ssize_t sweeps,
    double scale,
    int n_threads
):
    """`descent` for X in compressed rows of at most `most` entries."""
    cdef Py_ssize_t k = B.shape[1], size = whole_vectors(&scratch[0], most), i, p, t, task, count, padded
    cdef double[::1] moved = np.zeros(bounds.shape[0])
    cdef real *own
    cdef real *x
    cdef const real *row
    for task in prange(bounds.shape[0] - 1, nogil=True, num_threads=n_threads, schedule="dynamic"):
        own = &scratch[0] + threadid() * (k + 2) * size
        x = own + k * size
        for i in range(bounds[task], bounds[task + 1]):
            count = indptr[i + 1] - indptr[i]
            padded = whole_vectors(x, count)
            for p in range(padded):
                x[p] = <real> scale * data[indptr[i] + p] if p < count else 0
            for p in range(count):
                row = &B[indices[indptr[i] + p], 0]
                for t in range(k):
                    own[t * padded + p] = row[t]
            for t in range(k):
                for p in range(count, padded):
                    own[t * padded + p] = 0
            moved[task] += descend_row(x, own, padded, padded, &sums[0], &F[i, 0], k, sweeps, x + size)
    return ordered_sum(moved)
