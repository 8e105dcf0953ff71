# Cyclic coordinate descent on the rows of a factor, given G = B'B and C = X B.
#
# The rows are independent, so a group of them is taken through all its sweeps while it is in cache: the iterates
# are those of the textbook's loop over coordinates, the factor is read and written once. A group is a few tiles,
# stored coordinate by row; it has the same rows at every instruction-set level, so that every level does as many
# sweeps.

cdef enum:
    GROUP_ROWS = 64  # a multiple of the rows of a tile at every level


cdef void load_tile(const real *A, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t size, real *tile) noexcept nogil:
    """tile[t, r] = A[r, t], filled up with zeros."""
    if rows < size:
        memset(tile, 0, k * size * sizeof(real))
    transpose(A, k, rows, k, tile, size)


cdef void load_bound(const real *bound, Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t size,
                     real *tile) noexcept nogil:
    """A tile of bounds: of a row each, or of the one that all rows share."""
    cdef Py_ssize_t t, r
    if stride > 0:
        load_tile(bound, rows, k, size, tile)
        return
    for t in range(k):
        for r in range(size):
            tile[t * size + r] = bound[t]


cdef double sweep_group(const real *G, const real *inverse_diagonal, const real *C, real *F, const real *lower,
                        const real *upper, Py_ssize_t bound_stride, Py_ssize_t rows, Py_ssize_t k,
                        Py_ssize_t max_sweeps, double stop, real *scratch) noexcept nogil:
    """The sweeps of one group of rows; returns the change of the first one. lower may be null, for F >= 0."""
    cdef Py_ssize_t size = SWEEP_VECTORS * lanes_of(F), tiles = ceil_div(rows, size), i, r, sweeps = 0
    cdef real *c = scratch
    cdef real *f = c + GROUP_ROWS * k
    cdef real *low = f + GROUP_ROWS * k
    cdef real *high = low + (GROUP_ROWS * k if lower != NULL else 0)
    cdef real *moved = high + (GROUP_ROWS * k if lower != NULL else 0)
    cdef double change = 0, first = 0
    for i in range(tiles):
        load_tile(C + i * size * k, min(size, rows - i * size), k, size, c + i * size * k)
        load_tile(F + i * size * k, min(size, rows - i * size), k, size, f + i * size * k)
        if lower != NULL:
            load_bound(lower + i * size * bound_stride, bound_stride, min(size, rows - i * size), k, size,
                       low + i * size * k)
            load_bound(upper + i * size * bound_stride, bound_stride, min(size, rows - i * size), k, size,
                       high + i * size * k)
    while sweeps < max_sweeps:
        memset(moved, 0, GROUP_ROWS * sizeof(real))
        for i in range(tiles):
            sweep_tile(G, k, inverse_diagonal, c + i * size * k, f + i * size * k,
                       low + i * size * k if lower != NULL else NULL, high + i * size * k, moved + i * size)
        change = 0
        for r in range(rows):
            change += moved[r]
        if sweeps == 0:
            first = change
        sweeps += 1
        if change <= stop * first:
            break
    for i in range(tiles):
        transpose(f + i * size * k, size, k, min(size, rows - i * size), F + i * size * k, k)
    return first


cdef inline Py_ssize_t gram_size(Py_ssize_t k) noexcept nogil:
    """Entries that G and the inverse of its diagonal take, up to a cache line."""
    return ceil_div(k * (k + 1), 16) * 16


cdef void prepare_gram(const double *G, Py_ssize_t k, real *copy) noexcept nogil:
    """G in the type of the factor, then 1 / G_tt, or 0 for an empty component."""
    cdef double least = DBL_MIN if real is double else FLT_MIN  # whose inverse is finite
    cdef Py_ssize_t i
    for i in range(k * k):
        copy[i] = <real> G[i]
    for i in range(k):
        copy[k * k + i] = <real> (1 / G[i * k + i]) if G[i * k + i] >= least else 0


def sweep_scratch(Py_ssize_t rows, Py_ssize_t k, int n_threads):
    """Entries of scratch, and of group_moved, that `sweep` wants."""
    return gram_size(k) + n_threads * (4 * k + 1) * GROUP_ROWS, ceil_div(rows, GROUP_ROWS)


def sweep(const double[:, ::1] G, const real[:, ::1] C, real[:, ::1] F, const real[:, ::1] lower,
          const real[:, ::1] upper, Py_ssize_t max_sweeps, double stop, real[::1] scratch, double[::1] group_moved,
          int n_threads):
    """Cyclic coordinate sweeps over F >= 0 for 1/2 tr(F G F') - tr(F C'), in place.

    lower and upper bound F, with a row each or one for all; both may be None, for 0 and infinity. A coordinate whose
    G_tt is 0 is left as it is. A group of GROUP_ROWS rows stops after max_sweeps, or when the sum of G_tt (change)^2 in
    a sweep is at most stop times that of its first (Gillis & Glineur 2012). Returns that sum for the first sweep, over
    all rows. 2 rows k^2 flop a sweep.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], groups = ceil_div(rows, GROUP_ROWS), i
    cdef Py_ssize_t bound_stride = k if lower is not None and lower.shape[0] > 1 else 0
    cdef const real *low = &lower[0, 0] if lower is not None else NULL
    cdef const real *high = &upper[0, 0] if lower is not None else NULL
    cdef real *gram = &scratch[0]
    cdef real *threads = gram + gram_size(k)
    prepare_gram(&G[0, 0], k, gram)
    for i in prange(groups, nogil=True, num_threads=n_threads, schedule="dynamic"):
        group_moved[i] = sweep_group(gram, gram + k * k, &C[i * GROUP_ROWS, 0], &F[i * GROUP_ROWS, 0],
                                     low + i * GROUP_ROWS * bound_stride, high + i * GROUP_ROWS * bound_stride,
                                     bound_stride, min(<Py_ssize_t> GROUP_ROWS, rows - i * GROUP_ROWS), k, max_sweeps,
                                     stop, threads + threadid() * (4 * k + 1) * GROUP_ROWS)
    return ordered_sum(group_moved[:groups])
