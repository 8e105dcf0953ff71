# Weighted least squares: every row of a factor has a quadratic of its own. For row i of F, given B,
#
#     minimise over lower <= f <= upper   1/2 f (G + E + ridge_i diag(q) + sum_P w b b') f' - f (C_i + sum_P y b)
#
# over its places P, the entries whose weight is not `base`. w is the weight less base, y the weight times the entry, b
# a row of B. G is base B'B, and C is the product of base X, with 0 at the places, and B. E, C, ridge and q also hold
# penalties. With base 1 the places take hidden entries out, with base 0 they put observed entries in. Rows are
# independent; a sum has one order, whatever the thread.
#
# A row is solved by its Gram matrix, k^2 flop for each place and cheap sweeps, or along its places
# (weighted_descent.pxi), 2 k flop a place and 8 k for each sweep. The flop decide, at about k = 20 for one sweep.
#
# A difference must keep its digits: if less than KEPT_F64 of a diagonal entry of G remains, the Gram matrix of the row
# is summed over all entries. So a component that only hidden entries see has a curvature of exactly 0.

cdef enum:
    GATHERED = 64  # places that are multiplied at a time

# The part of a diagonal entry of G that must be left, or the row is summed over all entries.
cdef double KEPT_F64 = 1.0 / 65536
cdef double KEPT_F32 = 1.0 / 1024


cdef inline double kept(const real *_) noexcept nogil:
    return KEPT_F64 if real is double else KEPT_F32


cdef inline Py_ssize_t padded_to(Py_ssize_t n, Py_ssize_t unit) noexcept nogil:
    return ceil_div(n, unit) * unit


cdef void start_gram(const double *G, const double *E, Py_ssize_t k, Py_ssize_t padded, double *own) noexcept nogil:
    """own = G + E, in rows of `padded` entries, filled up with zeros; without G where it is NULL."""
    cdef Py_ssize_t r, c
    memset(own, 0, padded * padded * sizeof(double))
    for r in range(k):
        for c in range(k):
            own[r * padded + c] = E[r * k + c] + (G[r * k + c] if G != NULL else 0)


cdef void add_places(const RowProblems *s, const index *indices, const real *w, const real *y, Py_ssize_t count,
                     bint everything, const double *start, double *scaled, double *G, double *c) noexcept nogil:
    """G = start + sum of w b b', c += sum of y b over the places; with `everything` over all entries."""
    cdef Py_ssize_t i, j, p = 0, filled = 0, padded = s.added.stride
    cdef Py_ssize_t[GATHERED] at
    cdef double weight, share
    cdef bint here
    for i in range(s.terms if everything else count):
        if everything:
            here = p < count and indices[p] == i
            j, weight, share = i, s.base + (w[p] if here else 0), y[p] if here else 0
            p = p + here
            if weight == 0 and share == 0:
                continue
        else:
            j, weight, share = indices[i], w[i], y[i]
        at[filled] = j
        nmf_scale_row(s.B + j * padded, padded, weight, share, scaled + filled * padded, c)
        filled += 1
        if filled == GATHERED:
            nmf_add_squares(scaled, s.B, &at[0], padded, filled, start, G)
            start = G
            filled = 0
    if filled or start != G:
        nmf_add_squares(scaled, s.B, &at[0], padded, filled, start, G)
    nmf_mirror(G, padded)


cdef bint has_cancelled(const double *own, const double *G, Py_ssize_t k, Py_ssize_t padded,
                        double least) noexcept nogil:
    """Whether less than `least` of a diagonal entry of G is left: it has lost digits."""
    cdef Py_ssize_t t
    for t in range(k):
        if own[t * padded + t] < least * G[t * k + t]:
            return True
    return False


cdef double sweep_row(const RowProblems *s, const double *G, const double *c, const real *lower, const real *upper,
                      real *f, double *g, double *inverse) noexcept nogil:
    """The sweeps of a row; returns the change of the first one. g ends as c - f G; inverse: memory, padded."""
    cdef Py_ssize_t k = s.added.k, padded = s.added.stride, i, t, sweeps
    cdef double change, first = 0
    memcpy(g, c, padded * sizeof(double))
    for t in range(k):
        inverse[t] = 1 / G[t * padded + t] if G[t * padded + t] >= DBL_MIN else 0
        if f[t] != 0:
            for i in range(padded):
                g[i] -= f[t] * G[t * padded + i]
    for sweeps in range(s.max_sweeps):
        change = bounded_sweep(G, inverse, k, padded, g, f, lower, upper)
        if sweeps == 0:
            first = change
        if change <= s.stop * first:
            break
    return first


cdef void add_quadratic(Py_ssize_t k, const real *f, const double *c, const double *g, double *sum) noexcept nogil:
    """Adds 1/2 f G f' - f c, from g = c - f G."""
    cdef Py_ssize_t t
    for t in range(k):
        sum[0] -= 0.5 * f[t] * (c[t] + g[t])


cdef double gram_row(const RowProblems *s, const index *indices, const real *w, const real *y, Py_ssize_t count,
                     bint everything, const real *C, const real *lower, const real *upper, double ridge, real *f,
                     double *own) noexcept nogil:
    """A row by its Gram matrix; returns as `sweep_row`.

    own: memory, (padded + GATHERED + 3) padded; behind padded^2 entries it ends with c, then g.
    """
    cdef Py_ssize_t k = s.added.k, padded = s.added.stride, t
    cdef const double *shared = s.added.E
    cdef double *c = own + padded * padded
    cdef double *scaled = c + 3 * padded
    cdef const double *start
    cdef bint again = True
    everything = everything or (s.base != 0 and 2 * count > s.terms)
    while again:
        for t in range(padded):
            c[t] = C[t] if t < k else 0
        start = shared
        if everything:
            start_gram(<const double *> NULL, s.E, k, padded, own)
            start = own
        if count > 0:
            add_places(s, indices, w, y, count, everything, start, scaled, own, c)
        elif ridge != 0:
            memcpy(own, shared, padded * padded * sizeof(double))
        again = count > 0 and s.base != 0 and not everything and has_cancelled(own, s.G, k, padded, kept(w))
        everything = everything or again
    if ridge != 0:
        for t in range(k):
            own[t * padded + t] += ridge * s.added.q[t]
    start = shared
    if count > 0 or ridge != 0:
        start = own
    return sweep_row(s, start, c, lower, upper, f, c + padded, c + 2 * padded)


cdef double along_row(const RowProblems *s, Py_ssize_t count, const real *y, const real *C, const real *lower,
                      const real *upper, const double *ridge, real *F, real *own, double *quadratic) noexcept nogil:
    """A row along its places, which `gather_places` has laid out in `own`; returns as `descend_rows`.

    Unless that is -1, F is replaced and its quadratic added.
    """
    cdef Py_ssize_t k = s.added.k, size = whole_vectors(own, count)
    cdef real *f = own + s.added.stride + k
    cdef real *b = f + k
    cdef real *weight = b + 2 * ceil_div(k, 2) * size
    cdef real *v = weight + size
    cdef double moved
    memcpy(f, F, k * sizeof(real))
    weighted_residual(1, f, k, b, size, weight, v)
    moved = descend_rows(s, 1, size, weight, b, C, lower, upper, ridge, v, f, own)
    if not moved < 0:
        memcpy(F, f, k * sizeof(real))
        quadratic[0] += added_quadratic(f, C, own, k, ridge[0], s.added.q)
        quadratic[0] += weighted_quadratic(weight, y, v, count)
    return moved


cdef void gather_places(const RowProblems *s, const index *indices, const real *w, const real *y, Py_ssize_t count,
                        const real *B, real *own) noexcept nogil:
    """The columns of B at the places of a row, their weights and y, behind the gradient and two rows of k entries."""
    cdef Py_ssize_t k = s.added.k, size = whole_vectors(own, count)
    cdef real *zeros = own + s.added.stride
    cdef real *b = zeros + 2 * k
    cdef real *weight = b + 2 * ceil_div(k, 2) * size
    gather_columns(indices, count, B, k, size, zeros, b)
    pack_row(w, count, size, <double> 1, weight)
    pack_row(y, count, size, <double> 1, weight + size)


cdef void sweep_tasks(const RowProblems *s, const index[::1] indptr, const index[::1] indices, const real[::1] w,
                      const real[::1] y, const real[:, ::1] C, const real[:, ::1] lower, const real[:, ::1] upper,
                      const real[:, ::1] B, real[:, ::1] F, real *columns, double[:, ::1] sums) noexcept nogil:
    """The rows of every task: along their places or by their Gram matrices. columns: memory for the places of rows."""
    cdef Py_ssize_t k = s.added.k, padded = s.added.stride, most = 0, columns_size, task, i, p, count
    cdef const double *ridge
    cdef double *own
    cdef double moved
    cdef real *g
    cdef bint along, cancelled
    for i in range(s.bounds[0], s.bounds[s.tasks] if s.along else s.bounds[0]):
        most = max(most, <Py_ssize_t> (indptr[i + 1] - indptr[i]))
    columns_size = (2 * ceil_div(k, 2) + 2) * whole_vectors(&F[0, 0], most) + 3 * padded
    for task in prange(s.tasks, num_threads=s.n_threads, schedule="dynamic"):
        own = s.memory + threadid() * s.memory_size
        g = columns + threadid() * columns_size
        for i in range(s.bounds[task], s.bounds[task + 1]):
            p, count = indptr[i], indptr[i + 1] - indptr[i]
            ridge = s.ridge + i * s.ridge_step
            along = s.along and count > 0
            cancelled = False
            if along:
                gather_places(s, &indices[0] + p, &w[0] + p, &y[0] + p, count, &B[0, 0], g)
                moved = along_row(s, count, &y[0] + p, &C[0, 0] + i * s.C_step, &lower[0, 0] + i * s.lower_step,
                                  &upper[0, 0] + i * s.upper_step, ridge, &F[i, 0], g, &sums[1, task])
                cancelled = moved < 0
            if not along or cancelled:
                moved = gram_row(s, &indices[0] + p, &w[0] + p, &y[0] + p, count, cancelled,
                                 &C[0, 0] + i * s.C_step, &lower[0, 0] + i * s.lower_step,
                                 &upper[0, 0] + i * s.upper_step, ridge[0], &F[i, 0], own)
                add_quadratic(k, &F[i, 0], own + padded * padded, own + (padded + 1) * padded, &sums[1, task])
            sums[0, task] += moved


def weighted_sweep_scratch(Py_ssize_t terms, Py_ssize_t k, Py_ssize_t most, int n_threads):
    """Entries of `scratch` and of `columns` that `weighted_sweep` needs for rows of at most `most` places."""
    cdef Py_ssize_t padded = padded_to(k, 8)
    return ((padded + terms + 1) * padded + n_threads * (padded + GATHERED + 3) * padded,
            n_threads * ((k + 3) * (most + 16) + 3 * padded))


def weighted_sweep(
    const double[:, ::1] G,  # in: k x k
    double base,
    places,                  # in: (indptr, indices, w, y, bounds), see below
    added,                   # in: (E, C, ridge, q), see below
    box,                     # in: (lower, upper), see below
    real[:, ::1] F,          # in and out: rows x k
    const real[:, ::1] B,    # in: terms x k
    double[::1] scratch,     # memory
    real[::1] columns,       # memory, or None
    Py_ssize_t max_sweeps,
    double stop,
    int n_threads
):
    """Cyclic coordinate sweeps over the rows of F for the problem above, in place.

    places: (indptr, indices, w, y, bounds), the places in compressed rows, their indices rising, in int32 or int64;
    bounds: the first row of each task, then the number of rows. added: (E, C, ridge, q) with E (k x k) in float64, C
    rows x k, or 1 x k for all rows, ridge one number or one for each row, and q (k). box: (lower, upper), rows x k, or
    1 x k for all rows. G: k x k.

    A row stops after max_sweeps, 0 allowed, or when the sum of curvature (change)^2 in a sweep is at most stop times
    that of its first. A coordinate without curvature stays. If less than `kept` of a diagonal entry of G remains
    after the places, the Gram matrix of the row is summed over all entries, since the difference has lost its digits.

    With `columns` rows are solved by residuals along their places, 2 k flop a place and 8 k for each sweep; where it is
    None by Gram matrices, k^2 flop a place; in addition, 2 k^2 for each row and sweep. Returns the sum of curvature
    (change)^2 of the first sweep, and that of the quadratics at the end, in float64.
    """
    indptr, indices, values, moments, tasks = places
    cdef const real[::1] w = values, y = moments
    cdef const int64_t[::1] bounds = tasks
    cdef const double[:, ::1] E = added[0]
    cdef const real[:, ::1] C = added[1], lower = box[0], upper = box[1]
    cdef const double[::1] ridge = added[2], q = added[3]
    cdef Py_ssize_t k = F.shape[1], terms = B.shape[0], padded = padded_to(k, 8), i
    cdef double[:, ::1] sums = np.zeros((2, bounds.shape[0]))
    cdef double *shared = &scratch[0]
    cdef double *packed = shared + padded * padded
    cdef double *least = packed + terms * padded
    cdef real *memory = NULL
    cdef RowProblems s
    start_gram(&G[0, 0], &E[0, 0], k, padded, shared)
    for i in range(k):
        least[i] = (kept(&F[0, 0]) - 1) * G[i, i]
    for i in prange(terms, nogil=True, num_threads=n_threads, schedule="static"):
        widen_row(&B[i, 0], k, padded, packed + i * padded)
    s.added = nmf_added(shared, &q[0], least, k, padded, all_zero(shared, padded * padded))
    s.G, s.E, s.B, s.terms, s.base = &G[0, 0], &E[0, 0], packed, terms, base
    s.ridge, s.max_sweeps, s.stop, s.n_threads = &ridge[0], max_sweeps, stop, n_threads
    s.C_step, s.ridge_step = k if C.shape[0] > 1 else 0, 1 if ridge.shape[0] > 1 else 0
    s.lower_step, s.upper_step = k if lower.shape[0] > 1 else 0, k if upper.shape[0] > 1 else 0
    s.bounds, s.tasks = &bounds[0], bounds.shape[0] - 1
    s.memory, s.memory_size = least + padded, (padded + GATHERED + 3) * padded
    s.along = columns is not None
    if columns is not None:
        memory = &columns[0]
    if indptr.itemsize == sizeof(int32_t):
        sweep_tasks[int32_t, real](&s, indptr, indices, w, y, C, lower, upper, B, F, memory, sums)
    else:
        sweep_tasks[int64_t, real](&s, indptr, indices, w, y, C, lower, upper, B, F, memory, sums)
    return ordered_sum(sums[0]), ordered_sum(sums[1])
