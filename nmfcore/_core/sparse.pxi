# Products of a sparse matrix in compressed rows with a thin one. X' is another such matrix: a product never scatters.
#
# B is copied into rows of whole vectors, so that a row of it begins with a line of the cache. A task is a run of rows
# with about as many entries as any other; each row is summed in the order of its entries, whatever the thread.


def sparse_product_scratch(Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch that `sparse_product` wants for a B of terms x k."""
    return (terms + n_threads) * (k + 16)


def sparse_product(const index[::1] indptr, const index[::1] indices, const real[::1] data,
                   const int64_t[::1] bounds, const real[:, ::1] B, real[::1] scratch, real[:, ::1] out, double scale,
                   int n_threads):
    """out = scale X B for X (rows x terms) in compressed rows, B (terms x k).

    bounds: the first row of each task, then the number of rows. Every index lies in 0 ... terms - 1, which the
    caller has checked. scratch: see `sparse_product_scratch`. 2 nnz k flop.
    """
    cdef Py_ssize_t terms = B.shape[0], k = B.shape[1], lanes = lanes_of(&scratch[0]), vectors = ceil_div(k, lanes)
    cdef Py_ssize_t padded = vectors * lanes, stored = data.shape[0], i, j, task
    cdef real *packed = &scratch[0]
    cdef real *own
    for j in prange(terms, nogil=True, num_threads=n_threads, schedule="static"):
        pack_row(&B[j, 0], k, padded, scale, packed + j * padded)
    for task in prange(bounds.shape[0] - 1, nogil=True, num_threads=n_threads, schedule="dynamic"):
        own = packed + (terms + threadid()) * padded
        for i in range(bounds[task], bounds[task + 1]):
            gather_row(&data[0] + indptr[i], &indices[0] + indptr[i], indptr[i + 1] - indptr[i], stored - indptr[i],
                       packed, vectors, own)
            memcpy(&out[i, 0], own, k * sizeof(real))


def sparse_share(const index[::1] indptr, const index[::1] indices, const real[::1] data, const int64_t[::1] bounds,
                 const real[:, ::1] F, const real[:, ::1] B, real[::1] scratch, real[:, ::1] num, double scale,
                 bint evaluate, int n_threads):
    """num = (scale X / (F B')) B over the stored entries of X, the numerator of the Kullback-Leibler half-step.

    Returns, if asked to evaluate, the sum of x log(x / v) - x over those entries, in float64. Arguments as those of
    `sparse_product`, scratch as for twice as many threads. 4 nnz k flop, no array of nnz.
    """
    cdef Py_ssize_t terms = B.shape[0], k = B.shape[1], lanes = lanes_of(&scratch[0]), vectors = ceil_div(k, lanes)
    cdef Py_ssize_t padded = vectors * lanes, stored = data.shape[0], i, j, task
    cdef double[::1] sums = np.zeros(bounds.shape[0])
    cdef real *packed = &scratch[0]
    cdef real *own
    for j in prange(terms, nogil=True, num_threads=n_threads, schedule="static"):
        pack_row(&B[j, 0], k, padded, <double> 1, packed + j * padded)
    for task in prange(bounds.shape[0] - 1, nogil=True, num_threads=n_threads, schedule="dynamic"):
        own = packed + (terms + 2 * threadid()) * padded
        for i in range(bounds[task], bounds[task + 1]):
            pack_row(&F[i, 0], k, padded, <double> 1, own)
            sums[task] += share_row(evaluate, &data[0] + indptr[i], &indices[0] + indptr[i],
                                    indptr[i + 1] - indptr[i], stored - indptr[i], packed, vectors, own, scale,
                                    own + padded)
            memcpy(&num[i, 0], own + padded, k * sizeof(real))
    return ordered_sum(sums)
