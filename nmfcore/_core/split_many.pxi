# Half-steps of the fits of a stack. Where there are enough of them a thread takes whole fits, otherwise they come one
# after another, and threads share the rows of each.

cdef enum:
    FITS_A_THREAD = 2  # are enough


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
    """Entries of scratch that `split_many` wants for an X of rows x terms and fits of k components at the most."""
    return n_threads * (16 * ceil_div(split_scratch(rows, terms, k, 1), 16))


def split_many(const real[:, :] X, const real[::1] F, const real[::1] B, const int64_t[::1] columns,
               const int64_t[::1] fits, real[::1] scratch, real[::1] num, real[::1] den, int family, double parameter,
               double scale, bint evaluate, double[::1] values, int n_threads):
    """`split_step` without weights for the fits of a stack: num, den and values[f] of each fit f that is listed.

    F, num and den hold the factor of fit f from rows columns[f] on, B from terms columns[f] on; columns are the
    cumulative ranks. scratch: see `split_many_scratch`. Each fit gets the bits that it gets alone.
    """
    cdef Py_ssize_t rows = X.shape[0], terms = X.shape[1], count = fits.shape[0], i
    cdef Py_ssize_t own = scratch.shape[0] // n_threads // 16 * 16
    cdef Split sizes = split_of(&scratch[0], rows, terms, X.strides[0], X.strides[1], kind_of(family, parameter),
                                parameter, scale, evaluate, False)
    cdef double[::1] parts = np.empty(sizes.groups)
    cdef int inside = 1  # threads of one fit
    if count < FITS_A_THREAD * n_threads:
        inside, n_threads, own = n_threads, 1, 0
    for i in prange(count, nogil=True, num_threads=n_threads, schedule="dynamic"):
        values[fits[i]] = split_fit(&sizes, &X[0, 0], &F[0], &B[0], &columns[fits[i]], &scratch[0] + threadid() * own,
                                    &num[0], &den[0] if sizes.has_den else NULL, parts, inside)


cdef double sparse_share_fit(const index *indptr, const index *indices, const real *data, const int64_t *bounds,
                             Py_ssize_t tasks, Py_ssize_t stored, Py_ssize_t rows, Py_ssize_t terms, const real *F,
                             const real *B, const int64_t *columns, real *scratch, real *num, double scale,
                             bint evaluate) noexcept nogil:
    """`sparse_share` for the fit of a stack whose columns are columns[0] ... columns[1] - 1, in one thread."""
    cdef Py_ssize_t k = columns[1] - columns[0], lanes = lanes_of(scratch), vectors = ceil_div(k, lanes)
    cdef Py_ssize_t padded = vectors * lanes, i, j, task
    cdef real *own = scratch + terms * padded
    cdef double part, value = 0
    F += rows * columns[0]
    B += terms * columns[0]
    num += rows * columns[0]
    for j in range(terms):
        pack_row(B + j * k, k, padded, <double> 1, scratch + j * padded)
    for task in range(tasks):
        part = 0
        for i in range(bounds[task], bounds[task + 1]):
            pack_row(F + i * k, k, padded, <double> 1, own)
            part += share_row(evaluate, data + indptr[i], indices + indptr[i], indptr[i + 1] - indptr[i],
                              stored - indptr[i], scratch, vectors, own, scale, own + padded)
            memcpy(num + i * k, own + padded, k * sizeof(real))
        value += part
    return value


def sparse_share_many(const index[::1] indptr, const index[::1] indices, const real[::1] data,
                      const int64_t[::1] bounds, const real[::1] F, const real[::1] B, const int64_t[::1] columns,
                      const int64_t[::1] fits, real[::1] scratch, real[::1] num, double scale, bint evaluate,
                      double[::1] values, int n_threads):
    """`sparse_share` for the fits of a stack: num and values[f] of each fit f that is listed.

    X and bounds as there, the stack as in `split_many`; scratch: as many times that of `sparse_product` for two threads
    and the largest rank as there are threads. Each fit gets the bits that it gets alone.
    """
    cdef Py_ssize_t rows = indptr.shape[0] - 1, terms = B.shape[0] // columns[columns.shape[0] - 1]
    cdef Py_ssize_t own = scratch.shape[0] // n_threads // 16 * 16, i
    for i in prange(fits.shape[0], nogil=True, num_threads=n_threads, schedule="dynamic"):
        values[fits[i]] = sparse_share_fit(&indptr[0], &indices[0], &data[0], &bounds[0], bounds.shape[0] - 1,
                                           data.shape[0], rows, terms, &F[0], &B[0], &columns[fits[i]],
                                           &scratch[0] + threadid() * own, &num[0], scale, evaluate)
