# Weighted least squares: every row of a factor has a quadratic of its own. For row i of F, given B,
#
#     minimise over lower <= f <= upper   1/2 f (G + E + ridge_i diag(q) + sum_P w b b') f' - f (C_i + sum_P y b)
#
# over its places P, the entries whose weight is not `base`: w is the weight less base, y the weight times the entry,
# b a row of B. G is base B'B and C the product of base X, with 0 at the places, and B: the places take out, change or
# add terms. E, C, ridge and q also hold penalties. Rows are independent; a sum has one order, whatever the thread.
#
# A row is solved by its Gram matrix, or along its places (see weighted_descent.pxi), which costs less for large k.

cdef enum:
    GATHERED = 64  # places whose rows of B are multiplied at a time

# The share of a diagonal entry of G that must be left, or the row is summed anew: the digits that are lost by then.
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


cdef void add_places(const index *indices, const real *w, const real *y, Py_ssize_t count, const double *B,
                     Py_ssize_t terms, Py_ssize_t padded, double base, bint everything, const double *start,
                     double *scaled, double *G, double *c) noexcept nogil:
    """G = start + sum of w b b', c += sum of y b over places; with `everything` over all, w being the weight."""
    cdef Py_ssize_t i, j, p = 0, filled = 0
    cdef Py_ssize_t[GATHERED] at
    cdef double weight, share
    cdef bint here
    for i in range(terms if everything else count):
        if everything:
            here = p < count and indices[p] == i
            j, weight, share = i, base + (w[p] if here else 0), y[p] if here else 0
            p = p + here
            if weight == 0 and share == 0:
                continue
        else:
            j, weight, share = indices[i], w[i], y[i]
        at[filled] = j
        nmf_scale_row(B + j * padded, padded, weight, share, scaled + filled * padded, c)
        filled += 1
        if filled == GATHERED:
            nmf_add_squares(scaled, B, &at[0], padded, filled, start, G)
            start = G
            filled = 0
    if filled or start != G:
        nmf_add_squares(scaled, B, &at[0], padded, filled, start, G)
    nmf_mirror(G, padded)


cdef bint has_cancelled(const double *own, const double *G, Py_ssize_t k, Py_ssize_t padded,
                        double least) noexcept nogil:
    """Whether less than a share of a diagonal entry of G is left: it has lost digits."""
    cdef Py_ssize_t t
    for t in range(k):
        if own[t * padded + t] < least * G[t * k + t]:
            return True
    return False


cdef double sweep_row(const double *G, const double *c, Py_ssize_t k, Py_ssize_t padded, real *f, const real *lower,
                      const real *upper, Py_ssize_t max_sweeps, double stop, double *own,
                      double *quadratic) noexcept nogil:
    """The sweeps of a row, whose quadratic is added at its end; returns the change of the first one. own: 2 padded."""
    cdef double *g = own
    cdef double *inverse = own + padded
    cdef Py_ssize_t s, t, sweeps
    cdef double change, first = 0
    memcpy(g, c, padded * sizeof(double))
    for t in range(k):
        inverse[t] = 1 / G[t * padded + t] if G[t * padded + t] >= DBL_MIN else 0
        if f[t] != 0:
            for s in range(padded):
                g[s] -= f[t] * G[t * padded + s]
    for sweeps in range(max_sweeps):
        change = bounded_sweep(G, inverse, k, padded, g, f, lower, upper)
        if sweeps == 0:
            first = change
        if change <= stop * first:
            break
    for t in range(k):
        quadratic[0] -= 0.5 * f[t] * (c[t] + g[t])
    return first


cdef double gram_row(const double *G, const double *E, const double *shared, double base, const index *indices,
                     const real *w, const real *y, Py_ssize_t count, const real *C, real *f, const double *B,
                     Py_ssize_t terms, Py_ssize_t k, double ridge, const double *q, const real *lower,
                     const real *upper, Py_ssize_t max_sweeps, double stop, bint everything, double *own,
                     double *quadratic) noexcept nogil:
    """A row by its Gram matrix; shared: G + E. own: (padded + GATHERED + 3) padded. Returns as `sweep_row`."""
    cdef Py_ssize_t padded = padded_to(k, 8), t
    cdef double *c = own + padded * padded
    cdef double *scaled = c + 3 * padded
    cdef const double *start
    cdef bint again = True
    everything = everything or (base != 0 and 2 * count > terms)
    while again:
        for t in range(padded):
            c[t] = C[t] if t < k else 0
        start = shared
        if everything:
            start_gram(<const double *> NULL, E, k, padded, own)
            start = own
        if count > 0:
            add_places(indices, w, y, count, B, terms, padded, base, everything, start, scaled, own, c)
        elif ridge != 0:
            memcpy(own, shared, padded * padded * sizeof(double))
        again = count > 0 and base != 0 and not everything and has_cancelled(own, G, k, padded, kept(w))
        everything = everything or again
    if ridge != 0:
        for t in range(k):
            own[t * padded + t] += ridge * q[t]
    start = shared
    if count > 0 or ridge != 0:
        start = own
    return sweep_row(start, c, k, padded, f, lower, upper, max_sweeps, stop, c + padded, quadratic)


def weighted_sweep_scratch(Py_ssize_t terms, Py_ssize_t k, Py_ssize_t most, int n_threads):
    """Entries of `scratch` and of `columns` that `weighted_sweep` wants for rows of at most `most` places."""
    cdef Py_ssize_t padded = padded_to(k, 8)
    return ((padded + terms + 1) * padded + n_threads * (padded + GATHERED + 3) * padded,
            n_threads * ((k + 3) * (most + 16) + 3 * padded))


def weighted_sweep(const double[:, ::1] G, const double[:, ::1] E, double base, const index[::1] indptr,
                   const index[::1] indices, const real[::1] w, const real[::1] y, const int64_t[::1] bounds,
                   const real[:, ::1] C, real[:, ::1] F, const real[:, ::1] B, const double[::1] ridge,
                   const double[::1] q, const real[:, ::1] lower, const real[:, ::1] upper, double[::1] scratch,
                   real[::1] columns, bint along, Py_ssize_t max_sweeps, double stop, int n_threads):
    """Cyclic coordinate sweeps over the rows of F for the problem above, in place.

    The places are in compressed rows, their indices rising; bounds: the first row of each task, then the number of
    rows. G, E: k x k; C, lower and upper: rows x k, or 1 x k for all rows; ridge: one number, or one for each row. A
    row stops after max_sweeps, 0 allowed, or when the sum of curvature (change)^2 in a sweep is at most stop times that
    of its first. A coordinate without curvature stays. Where the places leave next to nothing of a diagonal entry of G,
    the Gram matrix of the row is summed over all entries: what is left of a difference has no digits.
    along: by residuals along the places, 2 k flop a place and 8 k for each sweep, else by Gram matrices, k^2 flop a
    place; beside 2 k^2 a row and sweep. Returns the sum of curvature (change)^2 of the first sweep, and that of the
    quadratics at the end, in float64.
    """
    cdef Py_ssize_t k = F.shape[1], terms = B.shape[0], padded = padded_to(k, 8), task, i, count, size, most = 0
    cdef Py_ssize_t c_step = C.shape[0] > 1, lower_step = lower.shape[0] > 1, upper_step = upper.shape[0] > 1
    cdef Py_ssize_t ridge_step = ridge.shape[0] > 1, own_size = (padded + GATHERED + 3) * padded
    cdef Py_ssize_t pairs = ceil_div(k, 2)
    cdef double[:, ::1] sums = np.zeros((2, bounds.shape[0]))
    cdef double *shared = &scratch[0]
    cdef double *packed = shared + padded * padded
    cdef double *least = packed + terms * padded
    cdef double *own
    cdef double moved
    cdef real *b
    cdef real *weight
    cdef real *v
    cdef real *g
    cdef real *f
    cdef bint zero, apart, cancelled
    for i in range(bounds[0], bounds[bounds.shape[0] - 1] if along else bounds[0]):
        most = max(most, <Py_ssize_t> (indptr[i + 1] - indptr[i]))
    most = whole_vectors(&F[0, 0], most)
    start_gram(&G[0, 0], &E[0, 0], k, padded, shared)
    zero = all_zero(shared, padded * padded)
    for i in range(k):
        least[i] = (kept(&F[0, 0]) - 1) * G[i, i]
    for i in prange(terms, nogil=True, num_threads=n_threads, schedule="static"):
        widen_row(&B[i, 0], k, padded, packed + i * padded)
    for task in prange(bounds.shape[0] - 1, nogil=True, num_threads=n_threads, schedule="dynamic"):
        own = least + padded + threadid() * own_size
        g = &columns[0] + threadid() * ((2 * pairs + 2) * most + 3 * padded)
        f, b = g + padded + k, g + padded + 2 * k
        for i in range(bounds[task], bounds[task + 1]):
            count = indptr[i + 1] - indptr[i]
            cancelled = False
            apart = along and count > 0
            if apart:
                size = whole_vectors(b, count)
                weight, v = b + 2 * pairs * size, b + (2 * pairs + 1) * size
                memcpy(f, &F[i, 0], k * sizeof(real))
                gather_columns(&indices[0] + indptr[i], count, &B[0, 0], k, size, g + padded, b)
                pack_row(&w[0] + indptr[i], count, size, <double> 1, weight)
                pack_row(&y[0] + indptr[i], count, size, <double> 1, v)
                weighted_residual(1, f, k, b, size, weight, v)
                moved = descend_rows(1, weight, v, b, size, shared, padded, zero, &C[i * c_step, 0], 0, f, k,
                                     &lower[i * lower_step, 0], 0, &upper[i * upper_step, 0], 0,
                                     &ridge[i * ridge_step], 0, &q[0], least, max_sweeps, stop, g)
                cancelled = moved < 0
            if apart and not cancelled:
                memcpy(&F[i, 0], f, k * sizeof(real))
                sums[0, task] += moved
                sums[1, task] += added_quadratic(f, &C[i * c_step, 0], g, k, ridge[i * ridge_step], &q[0])
                sums[1, task] += weighted_quadratic(weight, &y[0] + indptr[i], v, count)
            else:
                sums[0, task] += gram_row(&G[0, 0], &E[0, 0], shared, base, &indices[0] + indptr[i],
                                          &w[0] + indptr[i], &y[0] + indptr[i], count, &C[i * c_step, 0], &F[i, 0],
                                          packed, terms, k, ridge[i * ridge_step], &q[0], &lower[i * lower_step, 0],
                                          &upper[i * upper_step, 0], max_sweeps, stop, cancelled, own, &sums[1, task])
    return ordered_sum(sums[0]), ordered_sum(sums[1])
