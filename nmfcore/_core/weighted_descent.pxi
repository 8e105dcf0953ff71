# Weighted least squares, the problems of weighted.pxi, by residual coordinates: v = y - w (f b) is updated along the
# entries of a row, which costs 5 operations an entry and coordinate, and no Gram matrix. Coordinates are taken in
# pairs, so that a residual is read once for two of them. Where every entry has a weight, WEIGHTED_ROWS rows go together
# and share the reading of B: 10 rows terms k flop a sweep, a third of the time that gathered places take an entry.

cdef enum:
    WEIGHTED_GROUP = 8  # rows of a task where every entry has a weight: a cache line where columns are contiguous
    WEIGHTED_MOST = 4   # at least WEIGHTED_ROWS at every level
    PAIR_SUMS = 5       # sums of `weighted_pair` for a row
    VECTOR_ROWS = 16    # at least the lanes of a vector at every level


cdef void pack_column(const real *B, Py_ssize_t terms, Py_ssize_t k, Py_ssize_t size, Py_ssize_t t,
                      real *columns) noexcept nogil:
    """Column t of B in its place, filled up with zeros; one beyond the last is zero."""
    cdef Py_ssize_t j
    memset(columns + t * size, 0, size * sizeof(real))
    if t < k:
        for j in range(terms):
            columns[t * size + j] = B[j * k + t]


cdef void gather_columns(const index *indices, Py_ssize_t count, const real *B, Py_ssize_t k, Py_ssize_t size,
                         real *zeros, real *columns) noexcept nogil:
    """The rows of B at the places of a row, as columns of `size` entries, filled up with zeros. zeros: k scratch."""
    cdef Py_ssize_t p = 0, i, lanes = lanes_of(B)
    cdef const real *rows[VECTOR_ROWS]
    memset(zeros, 0, k * sizeof(real))
    if k % 2:
        memset(columns + k * size, 0, size * sizeof(real))
    while p < count:
        for i in range(lanes):
            rows[i] = B + indices[p + i] * k if p + i < count else zeros
        transpose_gathered(&rows[0], k, columns + p, size)
        p += lanes


cdef void weigh_rows(const real *X, Py_ssize_t row_stride, Py_ssize_t term_stride, const real *weights,
                     Py_ssize_t w_row_stride, Py_ssize_t w_term_stride, Py_ssize_t rows, Py_ssize_t terms, double scale,
                     Py_ssize_t size, real *w, real *y) noexcept nogil:
    """A few rows of the weights and their products with scale X, filled up with zeros, in the order of X in memory."""
    cdef Py_ssize_t i, j
    for i in range(rows):
        memset(w + i * size + terms, 0, (size - terms) * sizeof(real))
        memset(y + i * size + terms, 0, (size - terms) * sizeof(real))
    if term_stride == 1:
        for i in range(rows):
            weigh_row(X + i * row_stride, 1, weights + i * w_row_stride, 1, terms, scale, w + i * size, y + i * size, 1)
    else:
        for j in range(terms):
            weigh_row(X + j * term_stride, row_stride, weights + j * w_term_stride, w_row_stride, rows, scale, w + j,
                      y + j, size)


cdef bint all_zero(const double *E, Py_ssize_t size) noexcept nogil:
    """Whether all entries are 0."""
    cdef Py_ssize_t i
    for i in range(size):
        if E[i] != 0:
            return False
    return True


cdef struct RowProblems:
    # What the problems of a call share. A step of 0 means that all rows have one.
    nmf_added added  # E of `weighted_descent`, G + E of `weighted_sweep`
    Py_ssize_t C_step, lower_step, upper_step, ridge_step  # entries from a row to the next one
    Py_ssize_t max_sweeps
    double stop  # the share of its first change at which the sweeps of a row end
    # Of `weighted_sweep` alone
    const double *G
    const double *E
    const double *B  # in float64, rows filled up with zeros
    Py_ssize_t terms  # rows of B
    double base
    Py_ssize_t tasks
    const int64_t *bounds  # of the tasks
    double *memory
    Py_ssize_t memory_size  # of a thread
    const double *ridge
    bint along
    int n_threads


cdef double descend_rows(const RowProblems *s, Py_ssize_t rows, Py_ssize_t size, const real *w, const real *columns,
                         const real *C, const real *lower, const real *upper, const double *ridge, real *v, real *F,
                         real *g) noexcept nogil:
    """The sweeps of 1 or WEIGHTED_ROWS rows of v; returns the change of the first. g ends as C - F E.

    w, v and the columns of B have `size` entries. For one row -1 comes back at a coordinate where the sum of w b b is
    below `added.least`.
    """
    cdef Py_ssize_t k = s.added.k, stride = s.added.stride
    cdef Py_ssize_t pairs = ceil_div(k, 2), pair, r, sweep, running = rows
    cdef double[WEIGHTED_MOST * PAIR_SUMS] sums
    cdef double[WEIGHTED_MOST] first
    cdef double[WEIGHTED_MOST] latest
    cdef bint[WEIGHTED_MOST] ended
    cdef real[2 * WEIGHTED_MOST] change
    cdef const real *before = columns
    cdef double moved = 0, step
    memset(change, 0, sizeof(change))
    memset(ended, 0, sizeof(ended))
    for r in range(rows):
        shared_gradient(&s.added, C + r * s.C_step, F + r * k, g + r * stride)
    for sweep in range(s.max_sweeps):
        memset(latest, 0, sizeof(latest))
        for pair in range(pairs):
            weighted_pair(rows, w, v, size, before, &change[0], columns + 2 * pair * size, &sums[0])
            before = columns + 2 * pair * size
            for r in range(rows):
                if ended[r]:
                    change[2 * r] = change[2 * r + 1] = 0
                    continue
                step = pair_step(&s.added, 2 * pair, ridge[r * s.ridge_step], lower + r * s.lower_step,
                                 upper + r * s.upper_step, &sums[PAIR_SUMS * r], g + r * stride, F + r * k,
                                 &change[2 * r])
                if step < 0:
                    return -1
                latest[r] += step
        for r in range(rows):
            if sweep == 0:
                first[r] = latest[r]
                moved += latest[r]
            if not ended[r] and latest[r] <= s.stop * first[r]:
                ended[r] = True
                running -= 1
        if running == 0:
            break
    weighted_pair(rows, w, v, size, before, &change[0], before, &sums[0])
    return moved


def weighted_descent_scratch(Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch that `weighted_descent` needs."""
    return (k + 1 + 2 * n_threads * WEIGHTED_GROUP) * (terms + 16) + n_threads * WEIGHTED_MOST * k


def weighted_descent(
    const real[:, :] X,        # in: rows x terms
    const real[:, :] weights,  # in: rows x terms
    double scale,
    added,                     # in: (E, C, ridge, q), see below
    box,                       # in: (lower, upper), see below
    real[:, ::1] F,            # in and out: rows x k
    const real[:, ::1] B,      # in: terms x k
    real[::1] scratch,         # memory
    Py_ssize_t max_sweeps,
    double stop,
    int n_threads
):
    """The sweeps of `weighted_sweep` for scale X whose every entry has its own weight, in place.

    X and weights have any strides, best the same. Where a weight is 0 the entry of X is not read. added and box: see
    `weighted_sweep`; added holds penalties alone. Returns the sum of curvature (change)^2 of the
    first sweep, and half the weighted squares of the residual at the end, in float64. rows terms k flop, times 2 + 8
    for each sweep.
    """
    cdef const double[:, ::1] E = added[0]
    cdef const real[:, ::1] C = added[1], lower = box[0], upper = box[1]
    cdef const double[::1] ridge = added[2], q = added[3]
    cdef Py_ssize_t rows = X.shape[0], terms = X.shape[1], k = B.shape[1], size = whole_vectors(&scratch[0], terms)
    cdef Py_ssize_t x_row = X.strides[0] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t x_term = X.strides[1] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t w_row = weights.strides[0] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t w_term = weights.strides[1] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t tasks = ceil_div(rows, WEIGHTED_GROUP), columns = 2 * ceil_div(k, 2), task, i, r, t, last, step
    cdef double[:, ::1] sums = np.zeros((2, tasks))
    cdef real *packed = &scratch[0]
    cdef real *gradients = packed + (columns + 2 * n_threads * WEIGHTED_GROUP) * size
    cdef real *w
    cdef real *v
    cdef RowProblems s
    s.added = nmf_added(&E[0, 0], &q[0], NULL, k, k, all_zero(&E[0, 0], k * k))
    s.max_sweeps, s.stop = max_sweeps, stop
    s.C_step, s.ridge_step = k if C.shape[0] > 1 else 0, 1 if ridge.shape[0] > 1 else 0
    s.lower_step, s.upper_step = k if lower.shape[0] > 1 else 0, k if upper.shape[0] > 1 else 0
    for t in prange(columns, nogil=True, num_threads=n_threads, schedule="static"):
        pack_column(&B[0, 0], terms, k, size, t, packed)
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="dynamic"):
        w = packed + (columns + 2 * threadid() * WEIGHTED_GROUP) * size
        v = w + WEIGHTED_GROUP * size
        i, last = task * WEIGHTED_GROUP, min(rows, (task + 1) * WEIGHTED_GROUP)
        weigh_rows(&X[0, 0] + i * x_row, x_row, x_term, &weights[0, 0] + i * w_row, w_row, w_term, last - i, terms,
                   scale, size, w, v)
        while i < last:
            step = WEIGHTED_ROWS if i + WEIGHTED_ROWS <= last else 1
            weighted_residual(step, &F[i, 0], k, packed, size, w, v)
            sums[0, task] += descend_rows(&s, step, size, w, packed, &C[0, 0] + i * s.C_step,
                                          &lower[0, 0] + i * s.lower_step, &upper[0, 0] + i * s.upper_step,
                                          &ridge[0] + i * s.ridge_step, v, &F[i, 0],
                                          gradients + threadid() * WEIGHTED_MOST * k)
            for r in range(step):
                sums[1, task] += weighted_square(w + r * size, v + r * size, terms)
            i, w, v = i + step, w + step * size, v + step * size
    return ordered_sum(sums[0]), ordered_sum(sums[1])
