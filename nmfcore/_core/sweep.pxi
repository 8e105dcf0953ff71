# Cyclic coordinate descent on the rows of a factor, given G = B'B and C = X B.
#
# The rows are independent, so a group of them is taken through all its sweeps while it is in cache. The iterates are
# those of the textbook's loop over coordinates, but the factor is read and written once. A group is a few tiles, stored
# coordinate by row. It has the same rows at every instruction-set level, so that every level does as many sweeps.
#
# A sweep is bound by the cache, not by arithmetic. The first one takes two to three times as long as a further one,
# since C and F come from the third level. For k = 10 two thirds of a single sweep are transposes. gcc leaves a maximum
# over lanes scalar when it is written as a loop, which made a sweep three times slower; as a mask on a vector it is two
# instructions (`positive_part` in tiles_real.h).

cdef enum:
    GROUP_ROWS = 64  # a multiple of the rows of a tile at every level


cdef struct Sweeps:
    Py_ssize_t rows  # of every factor
    Py_ssize_t bound_stride  # entries from the bounds of a row to those of the next one; 0: all rows share one
    const int64_t *most  # sweeps of each fit
    const double *stop  # the share of the first change of a group at which its sweeps end, of each fit


cdef void load_tile(const real *A, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t size, real *tile) noexcept nogil:
    """tile[t, r] = A[r, t], filled up with zeros."""
    if rows < size:
        memset(tile, 0, k * size * sizeof(real))
    transpose(A, k, rows, k, tile, size)


cdef void load_bound(const real *bound, Py_ssize_t stride, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t size,
                     real *tile) noexcept nogil:
    """A tile of bounds: a row for each row, or one that all rows share."""
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
    """The sweeps of one group of rows; returns the change of the first one. lower may be NULL, for F >= 0."""
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
    cdef double least = DBL_MIN if real is double else FLT_MIN  # the inverse of which is finite
    cdef Py_ssize_t i
    for i in range(k * k):
        copy[i] = <real> G[i]
    for i in range(k):
        copy[k * k + i] = <real> (1 / G[i * k + i]) if G[i * k + i] >= least else 0


cdef inline Py_ssize_t gram_place(const Stack *stack, const int64_t *squares, Py_ssize_t f) noexcept nogil:
    """Where the prepared Gram matrix of fit f begins: apart from the others, and at a cache line."""
    return ceil_div(squares[f] + stack.columns[f], 16) * 16 + 16 * f


cdef inline Py_ssize_t grams_size(const Stack *stack, const int64_t *squares) noexcept nogil:
    """Entries that the prepared Gram matrices take."""
    return gram_place(stack, squares, stack.fits[stack.n - 1] + 1)


cdef void prepare_grams(const Stack *stack, const int64_t *squares, const double *G, real *grams,
                        int n_threads) noexcept nogil:
    """The prepared Gram matrix of every listed fit."""
    cdef Py_ssize_t i, f
    if n_threads == 1 or stack.n == 1:
        for i in range(stack.n):
            f = stack.fits[i]
            prepare_gram(G + squares[f], rank_of(stack, f), grams + gram_place(stack, squares, f))
        return
    for i in prange(stack.n, num_threads=n_threads, schedule="static"):
        f = stack.fits[i]
        prepare_gram(G + squares[f], rank_of(stack, f), grams + gram_place(stack, squares, f))


cdef inline double sweep_task(const Stack *stack, const int64_t *squares, const Sweeps *sweeps, const real *grams,
                              const real *C, const real *lower, const real *upper, real *F, Py_ssize_t groups,
                              Py_ssize_t task, real *own) noexcept nogil:
    """The sweeps of one group of one listed fit; returns the change of the first one."""
    cdef Py_ssize_t f = stack.fits[task // groups], first = task % groups * GROUP_ROWS, k = rank_of(stack, f)
    cdef Py_ssize_t place = sweeps.rows * stack.columns[f] + first * k
    cdef const real *gram = grams + gram_place(stack, squares, f)
    return sweep_group(gram, gram + k * k, C + place, F + place, lower + first * sweeps.bound_stride,
                       upper + first * sweeps.bound_stride, sweeps.bound_stride,
                       min(<Py_ssize_t> GROUP_ROWS, sweeps.rows - first), k, sweeps.most[f], sweeps.stop[f], own)


cdef void sweep_of_fits(const Stack *stack, const int64_t *squares, const Sweeps *sweeps, const real *grams,
                        const real *C, const real *lower, const real *upper, real *F, real *threads,
                        double *group_moved, int n_threads) noexcept nogil:
    """The sweeps of every group of every listed fit. lower and upper: of a single fit, or NULL."""
    cdef Py_ssize_t groups = ceil_div(sweeps.rows, GROUP_ROWS), own = (4 * widest(stack) + 1) * GROUP_ROWS, i
    if n_threads == 1:
        for i in range(stack.n * groups):
            group_moved[i] = sweep_task(stack, squares, sweeps, grams, C, lower, upper, F, groups, i, threads)
        return
    for i in prange(stack.n * groups, num_threads=n_threads, schedule="dynamic"):
        group_moved[i] = sweep_task(stack, squares, sweeps, grams, C, lower, upper, F, groups, i,
                                    threads + threadid() * own)


def sweep_scratch(Py_ssize_t rows, Py_ssize_t k, int n_threads):
    """Entries of scratch, and of group_moved, that `sweep` needs."""
    return gram_size(k) + 16 + n_threads * (4 * k + 1) * GROUP_ROWS, ceil_div(rows, GROUP_ROWS)


def sweep(
    const double[:, ::1] G,    # in: k x k
    const real[:, ::1] C,      # in: rows x k
    real[:, ::1] F,            # in and out: rows x k
    const real[:, ::1] lower,  # in: rows x k, 1 x k for all rows, or None
    const real[:, ::1] upper,  # in: rows x k, 1 x k for all rows, or None
    Py_ssize_t max_sweeps,
    double stop,
    real[::1] scratch,         # memory
    double[::1] group_moved,   # memory
    int n_threads
):
    """Cyclic coordinate sweeps over F >= 0 for 1/2 tr(F G F') - tr(F C'), in place.

    lower and upper are both None for 0 and infinity. A coordinate whose G_tt is 0 stays as it is. A group of GROUP_ROWS
    rows stops after max_sweeps, or when the sum of G_tt (change)^2 in a sweep is at most stop times that of its first
    (Gillis & Glineur 2012). Returns that sum for the first sweep, over all rows. 2 rows k^2 flop a sweep.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], groups = ceil_div(rows, GROUP_ROWS)
    cdef Py_ssize_t bound_stride = k if lower is not None and lower.shape[0] > 1 else 0
    cdef const real *low = &lower[0, 0] if lower is not None else NULL
    cdef const real *high = &upper[0, 0] if lower is not None else NULL
    cdef int64_t *columns = [0, k]
    cdef int64_t *squares = [0, k * k]
    cdef int64_t fit = 0, most = max_sweeps
    cdef Stack stack = Stack(columns, &fit, 1)
    cdef Sweeps sweeps = Sweeps(rows, bound_stride, &most, &stop)
    cdef real *threads = &scratch[0] + grams_size(&stack, squares)
    with nogil:
        prepare_grams(&stack, squares, &G[0, 0], &scratch[0], n_threads)
        sweep_of_fits(&stack, squares, &sweeps, &scratch[0], &C[0, 0], low, high, &F[0, 0], threads, &group_moved[0],
                      n_threads)
    return ordered_sum(group_moved[:groups])


def sweep_many_scratch(stack, const int64_t[::1] squares, int n_threads):
    """Entries of scratch that `sweep_many` needs."""
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    if listed.n == 0:
        return 0
    return grams_size(&listed, &squares[0]) + n_threads * (4 * widest(&listed) + 1) * GROUP_ROWS


def sweep_many(
    const double[::1] G,         # in: at squares
    const int64_t[::1] squares,  # in: where each G begins
    const real[::1] C,           # in: stack of so many rows
    real[::1] F,                 # in and out: stack of so many rows
    Py_ssize_t rows,
    stack,                       # in: (columns, fits), see stack.pxi
    const int64_t[::1] most,     # in: sweeps of each fit
    const double[::1] stop,      # in: one for each fit
    real[::1] scratch,           # memory
    double[::1] moved,           # out: a value for each listed fit
    int n_threads
):
    """`sweep` without bounds for each listed fit f, to its bits; moved[f] is what it returns.

    G_f begins at squares[f]; most[f] is its max_sweeps. scratch: see `sweep_many_scratch`.
    """
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    cdef Py_ssize_t groups = ceil_div(rows, GROUP_ROWS), i
    cdef double[::1] group_moved = np.empty(listed.n * groups)
    cdef Sweeps sweeps
    cdef real *threads
    if listed.n == 0:
        return
    sweeps = Sweeps(rows, 0, &most[0], &stop[0])
    threads = &scratch[0] + grams_size(&listed, &squares[0])
    with nogil:
        prepare_grams(&listed, &squares[0], &G[0], &scratch[0], n_threads)
        sweep_of_fits(&listed, &squares[0], &sweeps, &scratch[0], &C[0], <const real *> NULL, <const real *> NULL,
                      &F[0], threads, &group_moved[0], n_threads)
    for i in range(listed.n):
        moved[fits[i]] = ordered_sum(group_moved[i * groups:(i + 1) * groups])
