# Half-steps for a stack (see stack.pxi). Where there are enough fits a thread takes whole fits; otherwise they come one
# after another, and the threads share the rows of each.

cdef enum:
    FITS_A_THREAD = 2  # fits a thread that are enough


cdef double split_fit(const Split *sizes, const real *X, const real *F, const real *B, const int64_t *columns,
                      real *scratch, real *num, real *den, double[::1] values, int n_threads) noexcept nogil:
    """A half-step for the fit of a stack whose columns are columns[0] ... columns[1] - 1."""
    cdef Split s = of_rank(sizes, columns[1] - columns[0])
    cdef Py_ssize_t of_F = s.rows * columns[0], of_B = s.terms * columns[0]
    cdef real *own_den = den + of_F if s.has_den else den
    if n_threads == 1:
        return split_alone(&s, X, F + of_F, B + of_B, scratch, num + of_F, own_den)
    return split_shared(&s, X, F + of_F, B + of_B, <const real *> NULL, scratch, num + of_F, own_den, values, n_threads)


def split_many_scratch(Py_ssize_t rows, Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch that `split_many` needs for an X of rows x terms and fits of at most k components."""
    return n_threads * (16 * ceil_div(split_scratch(rows, terms, k, 1), 16))


def split_many(
    const real[:, :] X,  # in: rows x terms, unit stride along one axis
    const real[::1] F,   # in: stack of rows
    const real[::1] B,   # in: stack of terms
    stack,               # in: (columns, fits), see stack.pxi
    real[::1] scratch,   # memory
    real[::1] num,       # out: stack of rows
    real[::1] den,       # out: stack of rows
    int family,
    double parameter,
    double scale,
    double[::1] values,  # out: a value for each listed fit, or None
    int n_threads
):
    """`split_step` without weights for each listed fit f, to its bits; values[f] is what it returns.

    Without values no loss is evaluated. scratch: see `split_many_scratch`.
    """
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Py_ssize_t count = fits.shape[0], own = scratch.shape[0] // n_threads // 16 * 16, i
    cdef bint evaluate = values is not None
    cdef Split sizes = split_of(&scratch[0], X.shape[0], X.shape[1], X.strides[0], X.strides[1],
                                kind_of(family, parameter), parameter, scale, evaluate, False)
    cdef double[::1] parts = np.empty(sizes.groups)
    cdef int inside = 1  # threads of one fit
    cdef double value
    if count < FITS_A_THREAD * n_threads:
        inside, n_threads, own = n_threads, 1, 0
    for i in prange(count, nogil=True, num_threads=n_threads, schedule="dynamic"):
        value = split_fit(&sizes, &X[0, 0], &F[0], &B[0], &columns[fits[i]], &scratch[0] + threadid() * own, &num[0],
                          &den[0] if sizes.has_den else NULL, parts, inside)
        if evaluate:
            values[fits[i]] = value


cdef struct SparseShare:
    Py_ssize_t rows, terms  # of X
    Py_ssize_t stored  # entries of X
    Py_ssize_t tasks
    const int64_t *bounds  # of the tasks
    double scale
    bint evaluate


cdef double sparse_share_fit(const SparseShare *s, const index *indptr, const index *indices, const real *data,
                             const real *F, const real *B, const int64_t *columns, real *scratch,
                             real *num) noexcept nogil:
    """`sparse_share` for the fit whose columns are columns[0] ... columns[1] - 1, in one thread."""
    cdef Py_ssize_t k = columns[1] - columns[0], lanes = lanes_of(scratch), vectors = ceil_div(k, lanes)
    cdef Py_ssize_t padded = vectors * lanes, i, j, task
    cdef real *own = scratch + s.terms * padded
    cdef double part, value = 0
    F += s.rows * columns[0]
    B += s.terms * columns[0]
    num += s.rows * columns[0]
    for j in range(s.terms):
        pack_row(B + j * k, k, padded, <double> 1, scratch + j * padded)
    for task in range(s.tasks):
        part = 0
        for i in range(s.bounds[task], s.bounds[task + 1]):
            pack_row(F + i * k, k, padded, <double> 1, own)
            part += share_row(s.evaluate, data + indptr[i], indices + indptr[i], indptr[i + 1] - indptr[i],
                              s.stored - indptr[i], scratch, vectors, own, s.scale, own + padded)
            memcpy(num + i * k, own + padded, k * sizeof(real))
        value += part
    return value


def sparse_share_many(
    const index[::1] indptr,    # in: rows + 1
    const index[::1] indices,   # in: entries, from 0 to terms - 1
    const real[::1] data,       # in: entries
    const int64_t[::1] bounds,  # in: the first row of each task, then the number of rows
    const real[::1] F,          # in: stack of rows
    const real[::1] B,          # in: stack of terms
    stack,                      # in: (columns, fits), see stack.pxi
    real[::1] scratch,          # memory
    real[::1] num,              # out: stack of rows
    double scale,
    double[::1] values,         # out: a value for each listed fit, or None
    int n_threads
):
    """`sparse_share` for each listed fit f, to its bits; values[f] is what it returns.

    Without values no loss is evaluated. scratch: for each thread that of `sparse_product` for two threads and the
    largest rank.
    """
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Py_ssize_t rows = indptr.shape[0] - 1, terms = B.shape[0] // columns[columns.shape[0] - 1]
    cdef Py_ssize_t own = scratch.shape[0] // n_threads // 16 * 16, i
    cdef bint evaluate = values is not None
    cdef SparseShare s = SparseShare(rows, terms, data.shape[0], bounds.shape[0] - 1, &bounds[0], scale, evaluate)
    cdef double value
    for i in prange(fits.shape[0], nogil=True, num_threads=n_threads, schedule="dynamic"):
        value = sparse_share_fit(&s, &indptr[0], &indices[0], &data[0], &F[0], &B[0], &columns[fits[i]],
                                 &scratch[0] + threadid() * own, &num[0])
        if evaluate:
            values[fits[i]] = value
