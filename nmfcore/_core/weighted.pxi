# Weighted least squares: every row of a factor has a quadratic of its own. For row i of F, given B,
#
#     minimise over lower <= f <= upper   1/2 f (G + E + ridge_i diag(q) + sum_P w b b') f' - f (C_i + sum_P y b)
#
# over its places P, the entries whose weight is not `base`: w is the weight less base, y the weight times the entry,
# b a row of B. G is base B'B and C the product of base X, with 0 at the places, and B: the places take out, change or
# add terms. E, C, ridge and q also hold penalties. Rows are independent; a sum has one order, whatever the thread.

cdef enum:
    GATHERED = 64       # places whose rows of B are gathered before they are multiplied
    WEIGHTED_GROUP = 8  # rows of a task where all weights are given: a line of the cache where columns are contiguous
    WEIGHTED_MOST = 4   # at least WEIGHTED_ROWS at every level
    PAIR_SUMS = 5       # that `weighted_pair` makes for a row

cdef double KEPT = 1.0 / 1024  # the share of a diagonal entry of G that must be left, or the row is summed anew


cdef inline Py_ssize_t padded_to(Py_ssize_t n, Py_ssize_t unit) noexcept nogil:
    return ceil_div(n, unit) * unit


cdef void start_gram(const double *G, const double *E, Py_ssize_t k, Py_ssize_t padded, double *own) noexcept nogil:
    """own = G + E, in rows of `padded` entries, filled up with zeros; without G where it is NULL."""
    cdef Py_ssize_t r, c
    memset(own, 0, padded * padded * sizeof(double))
    for r in range(k):
        for c in range(k):
            own[r * padded + c] = E[r * k + c] + (G[r * k + c] if G != NULL else 0)


cdef void add_places(const index *indices, const real *w, const real *y, Py_ssize_t count, const real *B,
                     Py_ssize_t terms, Py_ssize_t k, Py_ssize_t padded, double base, bint everything, double *gathered,
                     double *G, double *c) noexcept nogil:
    """G += sum of w b b', c += sum of y b over the places; with `everything` over all entries, w being the weight."""
    cdef Py_ssize_t i, j, p = 0, filled = 0
    cdef double *scaled = gathered + GATHERED * padded
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
        gather_place(B + j * k, k, padded, weight, share, gathered + filled * padded, scaled + filled * padded, c)
        filled += 1
        if filled == GATHERED:
            nmf_add_squares(scaled, gathered, padded, filled, G)
            filled = 0
    if filled:
        nmf_add_squares(scaled, gathered, padded, filled, G)
    nmf_mirror(G, padded)


cdef bint has_cancelled(const double *own, const double *G, Py_ssize_t k, Py_ssize_t padded) noexcept nogil:
    """Whether so little of a diagonal entry of G is left that it has lost digits."""
    cdef Py_ssize_t t
    for t in range(k):
        if own[t * padded + t] < KEPT * G[t * k + t]:
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


def weighted_sweep_scratch(Py_ssize_t k, int n_threads):
    """Entries of scratch, in float64, that `weighted_sweep` wants."""
    cdef Py_ssize_t padded = padded_to(k, 8)
    return padded * padded + n_threads * (padded + 2 * GATHERED + 3) * padded


def weighted_sweep(const double[:, ::1] G, const double[:, ::1] E, double base, const index[::1] indptr,
                   const index[::1] indices, const real[::1] w, const real[::1] y, const int64_t[::1] bounds,
                   const real[:, ::1] C, real[:, ::1] F, const real[:, ::1] B, const double[::1] ridge,
                   const double[::1] q, const real[:, ::1] lower, const real[:, ::1] upper, double[::1] scratch,
                   Py_ssize_t max_sweeps, double stop, int n_threads):
    """Cyclic coordinate sweeps over the rows of F for the problem above, in place, from the Gram matrix of each row.

    The places are in compressed rows, their indices rising; bounds: the first row of each task, then the number of
    rows. G, E: k x k; C, lower and upper: rows x k, or 1 x k for all rows; ridge: one number, or one for each row. A
    row stops after max_sweeps, 0 allowed, or when the sum of curvature (change)^2 in a sweep is at most stop times that
    of its first. A coordinate without curvature stays. Where the places leave less than KEPT of a diagonal entry of G,
    or are most of the row, its Gram matrix is summed over all entries instead: what is left of a difference has no
    digits. Returns the sum of curvature (change)^2 of the first sweep, and that of the quadratics at the end, in
    float64. k^2 flop a place, 2 k^2 a row and sweep.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], terms = B.shape[0], padded = padded_to(k, 8), task, i, t, count
    cdef Py_ssize_t c_step = C.shape[0] > 1, lower_step = lower.shape[0] > 1, upper_step = upper.shape[0] > 1
    cdef Py_ssize_t ridge_step = ridge.shape[0] > 1, size = (padded + 2 * GATHERED + 3) * padded
    cdef double[:, ::1] sums = np.zeros((2, bounds.shape[0]))
    cdef double *shared = &scratch[0]
    cdef double *own
    cdef double *c
    cdef const double *gram
    cdef bint everything, again
    start_gram(&G[0, 0], &E[0, 0], k, padded, shared)
    for task in prange(bounds.shape[0] - 1, nogil=True, num_threads=n_threads, schedule="dynamic"):
        own = shared + padded * padded + threadid() * size
        c = own + padded * padded
        for i in range(bounds[task], bounds[task + 1]):
            count = indptr[i + 1] - indptr[i]
            gram = shared
            everything = base != 0 and 2 * count > terms
            again = True
            while again:
                for t in range(padded):
                    c[t] = C[i * c_step, t] if t < k else 0
                if count > 0 or ridge[i * ridge_step] != 0:
                    gram = own
                    if everything:
                        start_gram(<const double *> NULL, &E[0, 0], k, padded, own)
                    else:
                        memcpy(own, shared, padded * padded * sizeof(double))
                if count > 0:
                    add_places(&indices[0] + indptr[i], &w[0] + indptr[i], &y[0] + indptr[i], count, &B[0, 0], terms, k,
                               padded, base, everything, c + 3 * padded, own, c)
                again = count > 0 and base != 0 and not everything and has_cancelled(own, &G[0, 0], k, padded)
                everything = everything or again
            if ridge[i * ridge_step] != 0:
                for t in range(k):
                    own[t * padded + t] += ridge[i * ridge_step] * q[t]
            sums[0, task] += sweep_row(gram, c, k, padded, &F[i, 0], &lower[i * lower_step, 0],
                                       &upper[i * upper_step, 0], max_sweeps, stop, c + padded, &sums[1, task])
    return ordered_sum(sums[0]), ordered_sum(sums[1])
