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


cdef inline Py_ssize_t gram_place(const int64_t *columns, const int64_t *squares, Py_ssize_t f) noexcept nogil:
    """Where the prepared Gram matrix of fit f begins: apart from the others, and at a cache line."""
    return ceil_div(squares[f] + columns[f], 16) * 16 + 16 * f


cdef void sweep_of_fits(const double *G, const int64_t *squares, const real *C, real *F, const real *lower,
                        const real *upper, Py_ssize_t bound_stride, Py_ssize_t rows, const int64_t *columns,
                        const int64_t *fits, Py_ssize_t n, const int64_t *most, const double *stop, Py_ssize_t wide,
                        real *grams, double *group_moved, int n_threads) noexcept nogil:
    """The sweeps of every group of every listed fit; wide: the largest rank. Bounds are for one fit alone."""
    cdef Py_ssize_t groups = ceil_div(rows, GROUP_ROWS), i, f, k, first, place, last = fits[n - 1]
    cdef real *threads = grams + gram_place(columns, squares, last + 1)
    cdef real *gram
    for i in prange(n, num_threads=n_threads, schedule="static"):
        f = fits[i]
        prepare_gram(G + squares[f], columns[f + 1] - columns[f], grams + gram_place(columns, squares, f))
    for i in prange(n * groups, num_threads=n_threads, schedule="dynamic"):
        f, first = fits[i // groups], i % groups * GROUP_ROWS
        k = columns[f + 1] - columns[f]
        gram = grams + gram_place(columns, squares, f)
        place = rows * columns[f] + first * k
        group_moved[i] = sweep_group(gram, gram + k * k, C + place, F + place, lower + first * bound_stride,
                                     upper + first * bound_stride, bound_stride,
                                     min(<Py_ssize_t> GROUP_ROWS, rows - first), k, most[f], stop[f],
                                     threads + threadid() * (4 * wide + 1) * GROUP_ROWS)


def sweep_scratch(Py_ssize_t rows, Py_ssize_t k, int n_threads):
    """Entries of scratch, and of group_moved, that `sweep` wants."""
    return gram_size(k) + 16 + n_threads * (4 * k + 1) * GROUP_ROWS, ceil_div(rows, GROUP_ROWS)


def sweep(const double[:, ::1] G, const real[:, ::1] C, real[:, ::1] F, const real[:, ::1] lower,
          const real[:, ::1] upper, Py_ssize_t max_sweeps, double stop, real[::1] scratch, double[::1] group_moved,
          int n_threads):
    """Cyclic coordinate sweeps over F >= 0 for 1/2 tr(F G F') - tr(F C'), in place.

    lower and upper bound F, with a row each or one for all; both may be None, for 0 and infinity. A coordinate whose
    G_tt is 0 is left as it is. A group of GROUP_ROWS rows stops after max_sweeps, or when the sum of G_tt (change)^2 in
    a sweep is at most stop times that of its first (Gillis & Glineur 2012). Returns that sum for the first sweep, over
    all rows. 2 rows k^2 flop a sweep.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], groups = ceil_div(rows, GROUP_ROWS)
    cdef Py_ssize_t bound_stride = k if lower is not None and lower.shape[0] > 1 else 0
    cdef const real *low = &lower[0, 0] if lower is not None else NULL
    cdef const real *high = &upper[0, 0] if lower is not None else NULL
    cdef int64_t *columns = [0, k]
    cdef int64_t *squares = [0, k * k]
    cdef int64_t fit = 0, most = max_sweeps
    with nogil:
        sweep_of_fits(&G[0, 0], squares, &C[0, 0], &F[0, 0], low, high, bound_stride, rows, columns, &fit, 1, &most,
                      &stop, k, &scratch[0], &group_moved[0], n_threads)
    return ordered_sum(group_moved[:groups])


def sweep_many_scratch(const int64_t[::1] columns, const int64_t[::1] squares, const int64_t[::1] fits, int n_threads):
    """Entries of scratch that `sweep_many` wants."""
    cdef Py_ssize_t n = fits.shape[0]
    if n == 0:
        return 0
    return (gram_place(&columns[0], &squares[0], fits[n - 1] + 1)
            + n_threads * (4 * widest(&columns[0], &fits[0], n) + 1) * GROUP_ROWS)


def sweep_many(const double[::1] G, const int64_t[::1] squares, const real[::1] C, real[::1] F, Py_ssize_t rows,
               const int64_t[::1] columns, const int64_t[::1] fits, const int64_t[::1] most, const double[::1] stop,
               real[::1] scratch, double[::1] moved, int n_threads):
    """The sweeps of `sweep`, without bounds, for each listed fit f, to its bits.

    C and F are stacks (see `product_many`); G_f begins at squares[f], most[f] and stop[f] are for fit f, moved[f] is
    its value. scratch: see `sweep_many_scratch`.
    """
    cdef Py_ssize_t n = fits.shape[0], groups = ceil_div(rows, GROUP_ROWS), i
    cdef double[::1] group_moved = np.empty(n * groups)
    if n == 0:
        return
    with nogil:
        sweep_of_fits(&G[0], &squares[0], &C[0], &F[0], <const real *> NULL, <const real *> NULL, 0, rows, &columns[0],
                      &fits[0], n, &most[0], &stop[0], widest(&columns[0], &fits[0], n), &scratch[0], &group_moved[0],
                      n_threads)
    for i in range(n):
        moved[fits[i]] = ordered_sum(group_moved[i * groups:(i + 1) * groups])
