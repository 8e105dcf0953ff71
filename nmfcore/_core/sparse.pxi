# Products of a sparse matrix in compressed rows with a thin one. X' is another such matrix: X is stored twice, so that
# both half-steps run along stored entries and no product scatters.
#
# B is copied into panels of PANEL_BYTES a row. The part of a panel that is used again and again stays in the second
# cache level, which whole rows of a wide B would leave: 20 Newsgroups, k = 100, 48 instead of 94 ms for both products.
# For each panel the entries of X are read again. A task is a run of rows with about as many entries as any other. Each
# row is summed in the order of its entries, whatever the panel and the thread.
#
# For Kullback-Leibler a half-step is one pass over X: dot, divide and axpy for each entry, without an array of nnz.

cdef enum:
    PANEL_BYTES = 128  # two cache lines; with fewer sums each addition would wait for the one before
    BLOCK_ROWS = 128   # rows that are copied at a time from the factors of several fits
    WRITE_ROWS = 8     # rows that are copied to them at a time: few, so that arithmetic hides the wait for memory


cdef inline Py_ssize_t panel_columns(const real *_) noexcept nogil:
    """Columns of B in a panel."""
    return PANEL_BYTES // <Py_ssize_t> sizeof(real)


def sparse_product_scratch(Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch that `sparse_product` needs for a B of terms x k."""
    return (terms + n_threads) * (k + 16)


def sparse_product(
    const index[::1] indptr,    # in: rows + 1
    const index[::1] indices,   # in: entries, from 0 to terms - 1
    const real[::1] data,       # in: entries
    const int64_t[::1] bounds,  # in: the first row of each task, then the number of rows
    const real[:, ::1] B,       # in: terms x k
    real[::1] scratch,          # memory
    real[:, ::1] out,           # out: rows x k
    double scale,
    int n_threads
):
    """out = scale X B for X (rows x terms) in compressed rows, B (terms x k).

    Every index lies in 0 ... terms - 1, which the caller has checked. scratch: see `sparse_product_scratch`. 2 nnz k
    flop.
    """
    cdef Py_ssize_t terms = B.shape[0], k = B.shape[1], lanes = lanes_of(&scratch[0]), q, c, i, j, task, count, vectors
    cdef Py_ssize_t width = panel_columns(&scratch[0]), padded
    cdef real *panel = &scratch[0]
    cdef real *own
    for q in range(ceil_div(k, width)):
        c = q * width
        count = min(width, k - c)
        vectors = ceil_div(count, lanes)
        padded = vectors * lanes
        for j in prange(terms, nogil=True, num_threads=n_threads, schedule="static"):
            pack_row(&B[j, c], count, padded, scale, panel + j * padded)
        for task in prange(bounds.shape[0] - 1, nogil=True, num_threads=n_threads, schedule="dynamic"):
            own = panel + (terms + threadid()) * padded
            for i in range(bounds[task], bounds[task + 1]):
                gather_row(&data[0] + indptr[i], &indices[0] + indptr[i], indptr[i + 1] - indptr[i], panel, vectors,
                           own)
                memcpy(&out[i, c], own, count * sizeof(real))


cdef pieces_of(columns, fits, Py_ssize_t width):
    """The pieces of the listed fits that the panels hold, side by side, and the first piece of each panel.

    A row for each piece: the first column of its fit in the stack, the rank, the first column of the piece in the fit
    and in the panel, the columns of the piece.
    """
    columns, fits = np.asarray(columns), np.asarray(fits)
    ends = np.cumsum(columns[fits + 1] - columns[fits])
    starts = np.arange(0, ends.max(), width)
    borders = np.union1d(starts, np.append(0, ends))
    first = borders[: len(borders) - 1]
    place = np.searchsorted(ends, first, side="right")
    which = fits[place]
    ranks = columns[which + 1] - columns[which]
    pieces = np.stack([columns[which], ranks, first - ends[place] + ranks, first % width, np.diff(borders)], axis=1)
    return pieces, np.append(np.searchsorted(first, starts), len(first))


cdef void pack_pieces(const int64_t[:, ::1] pieces, Py_ssize_t first, Py_ssize_t last, const real *B, Py_ssize_t terms,
                      Py_ssize_t padded, double scale, real *panel) noexcept nogil:
    """A panel of the pieces first ... last - 1, times scale, filled up with zeros."""
    cdef Py_ssize_t b, j, p, rows, k
    if pieces[last - 1, 3] + pieces[last - 1, 4] < padded:
        memset(panel, 0, terms * padded * sizeof(real))
    for b in range(ceil_div(terms, BLOCK_ROWS)):
        j = b * BLOCK_ROWS
        rows = min(<Py_ssize_t> BLOCK_ROWS, terms - j)
        for p in range(first, last):
            k = pieces[p, 1]
            copy_columns(B + terms * pieces[p, 0] + j * k + pieces[p, 2], k, pieces[p, 4], rows, scale,
                         panel + j * padded + pieces[p, 3], padded)


cdef void write_pieces(const int64_t[:, ::1] pieces, Py_ssize_t first, Py_ssize_t last, const real *sums,
                       Py_ssize_t padded, Py_ssize_t i, Py_ssize_t count, Py_ssize_t rows, real *out) noexcept nogil:
    """Write the sums of the rows i ... i + count - 1 to their places in the factors of the fits."""
    cdef Py_ssize_t p, k
    for p in range(first, last):
        k = pieces[p, 1]
        copy_columns(sums + pieces[p, 3], padded, pieces[p, 4], count, <double> 1,
                     out + rows * pieces[p, 0] + i * k + pieces[p, 2], k)


def sparse_product_many_scratch(Py_ssize_t terms, int n_threads):
    """Entries of scratch that `sparse_product_many` needs for any number of fits: 32 for each term and thread."""
    return n_threads * (terms + WRITE_ROWS) * (PANEL_BYTES // 4)


def sparse_product_many(
    const index[::1] indptr,    # in: rows + 1
    const index[::1] indices,   # in: entries, from 0 to terms - 1
    const real[::1] data,       # in: entries
    const int64_t[::1] bounds,  # in: the first row of each task, then the number of rows
    const real[::1] B,          # in: stack of terms
    stack,                      # in: (columns, fits), see stack.pxi
    real[::1] scratch,          # memory
    real[::1] out,              # out: stack of rows
    double scale,
    int n_threads
):
    """out_f = scale X B_f for each listed fit f, to the bits of `sparse_product`.

    The factors stand side by side in the panels, across the borders of fits. A thread packs the panels of its tasks for
    itself. scratch: see `sparse_product_many_scratch`. 2 nnz flop for each column.
    """
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Py_ssize_t lanes = lanes_of(&scratch[0]), width = panel_columns(&scratch[0]), rows = indptr.shape[0] - 1
    cdef Py_ssize_t runs = bounds.shape[0] - 1, panels, splits, thread_size, terms
    cdef Py_ssize_t task, q, first, last, vectors, padded, i, j, count, end
    cdef int64_t[:, ::1] pieces
    cdef int64_t[::1] borders, packed = np.full(n_threads, -1)  # the panel that each thread has packed
    cdef real *panel
    cdef real *sums
    if fits.shape[0] == 0:
        return
    terms = B.shape[0] // columns[columns.shape[0] - 1]
    pieces, borders = pieces_of(columns, fits, width)
    panels = borders.shape[0] - 1
    splits = min(runs, ceil_div(8 * n_threads, panels)) if n_threads > 1 else 1
    thread_size = (terms + WRITE_ROWS) * width
    for task in prange(panels * splits, nogil=True, num_threads=n_threads, schedule="guided"):
        q = task // splits
        first = borders[q]
        last = borders[q + 1]
        vectors = ceil_div(pieces[last - 1, 3] + pieces[last - 1, 4], lanes)
        padded = vectors * lanes
        panel = &scratch[0] + threadid() * thread_size
        sums = panel + terms * padded
        if packed[threadid()] != q:
            pack_pieces(pieces, first, last, &B[0], terms, padded, scale, panel)
            packed[threadid()] = q
        i = bounds[runs * (task % splits) // splits]
        end = bounds[runs * (task % splits + 1) // splits]
        while i < end:
            count = min(<Py_ssize_t> WRITE_ROWS, end - i)
            for j in range(i, i + count):
                gather_row(&data[0] + indptr[j], &indices[0] + indptr[j], indptr[j + 1] - indptr[j], panel, vectors,
                           sums + (j - i) * padded)
            write_pieces(pieces, first, last, sums, padded, i, count, rows, &out[0])
            i = i + count


def sparse_share(
    const index[::1] indptr,    # in: rows + 1
    const index[::1] indices,   # in: entries, from 0 to terms - 1
    const real[::1] data,       # in: entries
    const int64_t[::1] bounds,  # in: the first row of each task, then the number of rows
    const real[:, ::1] F,       # in: rows x k
    const real[:, ::1] B,       # in: terms x k
    real[::1] scratch,          # memory
    real[:, ::1] num,           # out: rows x k
    double scale,
    bint evaluate,
    int n_threads
):
    """num = (scale X / (F B')) B over the stored entries of X, the numerator of the Kullback-Leibler half-step.

    Returns the sum of x log(x / v) - x over those entries, in float64, or 0 without `evaluate`. scratch: see
    `sparse_product_scratch`, for twice as many threads. 4 nnz k flop, no array of nnz.
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
