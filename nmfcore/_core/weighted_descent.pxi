# Weighted least squares, the problems of weighted.pxi, by residual coordinates: along the entries of a row
# v = y - w (f b) is kept, which costs 5 operations an entry and coordinate, and no Gram matrix. Coordinates are taken
# in pairs.

cdef enum:
    WEIGHTED_GROUP = 8  # rows of a task where all weights are given: a line of the cache where columns are contiguous
    WEIGHTED_MOST = 4   # at least WEIGHTED_ROWS at every level
    PAIR_SUMS = 5       # that `weighted_pair` makes for a row
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
    """A few rows of the weights, and their products with scale X, filled up with zeros; along the way that X lies."""
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


cdef double descend_rows(Py_ssize_t rows, const real *w, real *v, const real *columns, Py_ssize_t size, const double *E,
                         Py_ssize_t stride, bint zero, const real *C, Py_ssize_t c_step, real *F, Py_ssize_t k,
                         const real *lower, Py_ssize_t lower_step, const real *upper, Py_ssize_t upper_step,
                         const double *ridge, Py_ssize_t ridge_step, const double *q, const double *least,
                         Py_ssize_t max_sweeps, double stop, real *g) noexcept nogil:
    """The sweeps of 1 or WEIGHTED_ROWS rows of v; returns the change of the first. g (rows x stride) ends as c - f E.

    For one row -1 comes back at a coordinate where the sum of w b b is below `least`, which may be NULL.

    E, in rows of `stride` entries, is what is added to the quadratics of the rows; zero: whether there is nothing.
    """
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
        shared_gradient(C + r * c_step, E, stride, zero, F + r * k, k, g + r * stride)
    for sweep in range(max_sweeps):
        memset(latest, 0, sizeof(latest))
        for pair in range(pairs):
            weighted_pair(rows, w, v, size, before, &change[0], columns + 2 * pair * size, &sums[0])
            before = columns + 2 * pair * size
            for r in range(rows):
                if ended[r]:
                    change[2 * r] = change[2 * r + 1] = 0
                    continue
                step = pair_step(&sums[PAIR_SUMS * r], E + 2 * pair * stride, stride, zero, g + r * stride, k, 2 * pair,
                                 F + r * k, lower + r * lower_step, upper + r * upper_step, ridge[r * ridge_step], q,
                                 least, &change[2 * r])
                if step < 0:
                    return -1
                latest[r] += step
        for r in range(rows):
            if sweep == 0:
                first[r] = latest[r]
                moved += latest[r]
            if not ended[r] and latest[r] <= stop * first[r]:
                ended[r] = True
                running -= 1
        if running == 0:
            break
    weighted_pair(rows, w, v, size, before, &change[0], before, &sums[0])
    return moved


def weighted_descent_scratch(Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch that `weighted_descent` wants."""
    return (k + 1 + 2 * n_threads * WEIGHTED_GROUP) * (terms + 16) + n_threads * WEIGHTED_MOST * k


def weighted_descent(const real[:, :] X, const real[:, :] weights, double scale, const double[:, ::1] E,
                     const real[:, ::1] C, real[:, ::1] F, const real[:, ::1] B, const double[::1] ridge,
                     const double[::1] q, const real[:, ::1] lower, const real[:, ::1] upper, real[::1] scratch,
                     Py_ssize_t max_sweeps, double stop, int n_threads):
    """The sweeps of `weighted_sweep` for scale X whose every entry has its own weight, in place.

    X and weights (rows x terms) have any strides, best the same; what stands in X where the weight is 0 is not looked
    at. E, C, ridge and q are those of penalties alone. Returns the sum of curvature (change)^2 of the first sweep, and
    half the weighted squares of the residual at the end, in float64. rows terms k flop, times 2 + 8 for each sweep.
    """
    cdef Py_ssize_t rows = X.shape[0], terms = X.shape[1], k = B.shape[1], size = whole_vectors(&scratch[0], terms)
    cdef Py_ssize_t x_row = X.strides[0] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t x_term = X.strides[1] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t w_row = weights.strides[0] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t w_term = weights.strides[1] // <Py_ssize_t> sizeof(real)
    cdef Py_ssize_t tasks = ceil_div(rows, WEIGHTED_GROUP), columns = 2 * ceil_div(k, 2), task, i, r, t, last, step
    cdef Py_ssize_t c_step = C.shape[0] > 1, ridge_step = ridge.shape[0] > 1
    cdef Py_ssize_t lower_step = lower.shape[0] > 1, upper_step = upper.shape[0] > 1
    cdef double[:, ::1] sums = np.zeros((2, tasks))
    cdef bint zero = all_zero(&E[0, 0], k * k)
    cdef real *packed = &scratch[0]
    cdef real *gradients = packed + (columns + 2 * n_threads * WEIGHTED_GROUP) * size
    cdef real *w
    cdef real *v
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
            sums[0, task] += descend_rows(step, w, v, packed, size, &E[0, 0], k, zero, &C[i * c_step, 0], c_step * k,
                                          &F[i, 0], k, &lower[i * lower_step, 0], lower_step * k,
                                          &upper[i * upper_step, 0], upper_step * k, &ridge[i * ridge_step], ridge_step,
                                          &q[0], NULL, max_sweeps, stop, gradients + threadid() * WEIGHTED_MOST * k)
            for r in range(step):
                sums[1, task] += weighted_square(w + r * size, v + r * size, terms)
            i, w, v = i + step, w + step * size, v + step * size
    return ordered_sum(sums[0]), ordered_sum(sums[1])
