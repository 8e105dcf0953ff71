# Gram matrices F'F, in float64 whatever the dtype of F, since their error is that of the objective. They use the
# register tiles of the products, on the blocks on or above the diagonal.
#
# Up to GRAM_NARROW columns the factor is multiplied where it lies: packing took three times as long as the arithmetic
# for k = 10. More columns are packed in panels.

cdef enum:
    GRAM_DEPTH = 128  # rows that stay in cache while they are multiplied
    GRAM_SPLITS = 8   # at most, stretches of rows
    GRAM_NARROW = 128  # at most, columns that are multiplied where they lie


cdef Py_ssize_t gram_splits(Py_ssize_t rows, Py_ssize_t k) noexcept nogil:
    """Stretches of rows: enough tasks where there are few panels, while the partial sums stay small beside F."""
    return max(1, min(<Py_ssize_t> GRAM_SPLITS, rows // max(<Py_ssize_t> GRAM_DEPTH, 8 * k)))


cdef inline Py_ssize_t narrow_splits(Py_ssize_t rows, Py_ssize_t k) noexcept nogil:
    """The same for a factor of few columns, where the stretches are the only tasks."""
    return max(1, min(<Py_ssize_t> GRAM_SPLITS, rows // max(<Py_ssize_t> GRAM_DEPTH, 2 * k)))


cdef void widen_rows(const real *F, Py_ssize_t k, Py_ssize_t first, Py_ssize_t last, Py_ssize_t rows,
                     double *packed) noexcept nogil:
    """Copy the rows first ... last - 1 of F to their places in every panel."""
    cdef Py_ssize_t vectors = ceil_div(k, LANES_F64), q, p, c0 = 0, width
    for q in range(ceil_div(vectors, PANEL_VECTORS)):
        width = panel_width(vectors, q) * LANES_F64
        for p in range(first, last):
            widen_row(F + p * k + c0, min(width, k - c0), width, packed + rows * c0 + p * width)
        c0 += width


cdef void gram_panel(const double *packed, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t panel, Py_ssize_t first,
                     Py_ssize_t last, double *sums, double *out) noexcept nogil:
    """The rows of out that belong to a panel, from their diagonal block on, over the rows first ... last - 1 of F.

    The tiles of a panel may reach beyond its columns. Those rows of a tile are not used.
    """
    cdef Py_ssize_t vectors = ceil_div(k, LANES_F64), panels = ceil_div(vectors, PANEL_VECTORS), p = first, q, t, r, c
    cdef Py_ssize_t start = 0, column, width, own = panel_width(vectors, panel) * LANES_F64
    cdef Py_ssize_t tiles = ceil_div(own, TILE_ROWS), depth
    cdef const double *x
    cdef double *tile
    for q in range(panel):
        start += panel_width(vectors, q) * LANES_F64
    while p < last:
        depth = min(<Py_ssize_t> GRAM_DEPTH, last - p)
        x = packed + rows * start + p * own
        column, tile = start, sums
        for q in range(panel, panels):
            width = panel_width(vectors, q)
            for t in range(tiles):
                product_tile(width, x + t * TILE_ROWS, 1, own, packed + rows * column + p * width * LANES_F64, depth, x,
                             0, 0, p == first, tile)
                tile += TILE_ROWS * width * LANES_F64
            column += width * LANES_F64
        p += depth
    column, tile = start, sums
    for q in range(panel, panels):
        width = panel_width(vectors, q) * LANES_F64
        for r in range(min(own, k - start)):
            for c in range(min(width, k - column)):
                out[(start + r) * k + column + c] = tile[r * width + c]
        tile += tiles * TILE_ROWS * width
        column += width


cdef void gram_wide(const real *F, Py_ssize_t rows, Py_ssize_t k, double *scratch, double *out,
                    int n_threads) noexcept nogil:
    """out = F'F, by panels."""
    cdef Py_ssize_t vectors = ceil_div(k, LANES_F64), panels = ceil_div(vectors, PANEL_VECTORS), i, s
    cdef Py_ssize_t splits = gram_splits(rows, k)
    cdef Py_ssize_t thread_size = (PANEL_VECTORS * LANES_F64 + TILE_ROWS) * vectors * LANES_F64
    cdef double *packed = scratch
    cdef double *threads = packed + rows * vectors * LANES_F64 + TILE_ROWS
    cdef double *partial = threads + n_threads * thread_size
    for i in prange(ceil_div(rows, PACK_ROWS), num_threads=n_threads, schedule="static"):
        widen_rows(F, k, i * PACK_ROWS, min(rows, (i + 1) * PACK_ROWS), rows, packed)
    for i in prange(panels * splits, num_threads=n_threads, schedule="dynamic"):
        s = i // panels
        gram_panel(packed, rows, k, i % panels, rows * s // splits, rows * (s + 1) // splits,
                   threads + threadid() * thread_size, partial + s * k * k)
    add_stretches(partial, splits, k, out)


cdef void add_stretches(const double *partial, Py_ssize_t splits, Py_ssize_t k, double *out) noexcept nogil:
    """out from the upper triangles of the stretches, in their order."""
    cdef Py_ssize_t i, j, s
    for i in range(k):
        for j in range(i, k):
            out[i * k + j] = partial[i * k + j]
            for s in range(1, splits):
                out[i * k + j] += partial[(s * k + i) * k + j]
            out[j * k + i] = out[i * k + j]


cdef inline Py_ssize_t narrow_size(Py_ssize_t k) noexcept nogil:
    """Entries of scratch of one thread: a chunk of the factor, and the tiles."""
    return GRAM_DEPTH * k + TILE_ROWS + (k + TILE_ROWS) * (k + LANES_F64)


cdef void gram_stretch(const real *F, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t split, double *own,
                       double *partial) noexcept nogil:
    """Write the upper triangle of F'F over a stretch of the rows, if it exists, to its place in partial.

    Tiles reach beyond the last column, into the next row; those sums are not used. Only the last rows, and rows that
    are not in float64, are copied.
    """
    cdef Py_ssize_t splits = narrow_splits(rows, k), p = rows * split // splits, last = rows * (split + 1) // splits
    cdef Py_ssize_t vectors = ceil_div(k, LANES_F64), tiles = ceil_div(k, TILE_ROWS), first = p, depth
    cdef Py_ssize_t t, q, v, r, c, width
    cdef double *out = partial + split * k * k
    cdef double *tile
    cdef const double *x
    if split >= splits:
        return
    while p < last:
        depth = min(<Py_ssize_t> GRAM_DEPTH, last - p)
        x = own
        if real is double and (rows - p - depth) * k >= TILE_ROWS:
            x = F + p * k
        else:
            widen_row(F + p * k, depth * k, depth * k + TILE_ROWS, own)
        tile = own + GRAM_DEPTH * k + TILE_ROWS
        for t in range(tiles):
            v = t * TILE_ROWS // LANES_F64
            for q in range(ceil_div(vectors - v, PANEL_VECTORS)):
                width = panel_width(vectors - t * TILE_ROWS // LANES_F64, q)
                gram_tile(width, x + t * TILE_ROWS, x + v * LANES_F64, k, depth, p == first, tile)
                tile += TILE_ROWS * width * LANES_F64
                v += width
        p += depth
    tile = own + GRAM_DEPTH * k + TILE_ROWS
    for t in range(tiles):
        v = t * TILE_ROWS // LANES_F64
        for q in range(ceil_div(vectors - v, PANEL_VECTORS)):
            width = panel_width(vectors - t * TILE_ROWS // LANES_F64, q) * LANES_F64
            for r in range(min(<Py_ssize_t> TILE_ROWS, k - t * TILE_ROWS)):
                for c in range(min(width, k - v * LANES_F64)):
                    out[(t * TILE_ROWS + r) * k + v * LANES_F64 + c] = tile[r * width + c]
            tile += TILE_ROWS * width
            v += width // LANES_F64


cdef inline bint gram_joined(Py_ssize_t n, int n_threads) noexcept nogil:
    """Whether a task takes all stretches of a fit."""
    return n_threads == 1 or n >= 4 * n_threads


cdef inline void narrow_gram(const real *F, Py_ssize_t rows, Py_ssize_t k, bint joined, double *own, double *partial,
                             double *out) noexcept nogil:
    """out = F'F from its stretches, which are made here if they are joined."""
    cdef Py_ssize_t s
    if joined:
        for s in range(GRAM_SPLITS):
            gram_stretch(F, rows, k, s, own, partial)
    add_stretches(partial, narrow_splits(rows, k), k, out)


cdef void gram_of_fits(const Stack *stack, const int64_t *squares, const real *F, Py_ssize_t rows, double *scratch,
                       double *out, int n_threads) noexcept nogil:
    """out = F'F for each listed fit: the wide ones one after the other, the narrow ones together."""
    cdef Py_ssize_t narrow = min(<Py_ssize_t> GRAM_NARROW, widest(stack)), size = narrow_size(narrow), n = stack.n
    cdef const int64_t *columns = stack.columns
    cdef Py_ssize_t room = GRAM_SPLITS * narrow * narrow, i, f, k
    cdef bint joined = gram_joined(n, n_threads)
    cdef double *stored = scratch + n_threads * size
    for i in range(n):
        f = stack.fits[i]
        k = rank_of(stack, f)
        if k > GRAM_NARROW:
            gram_wide(F + rows * columns[f], rows, k, scratch, out + squares[f], n_threads)
    if not joined:
        for i in prange(n * GRAM_SPLITS, num_threads=n_threads, schedule="dynamic"):
            f = stack.fits[i // GRAM_SPLITS]
            k = rank_of(stack, f)
            if k <= GRAM_NARROW:
                gram_stretch(F + rows * columns[f], rows, k, i % GRAM_SPLITS, scratch + threadid() * size,
                             stored + i // GRAM_SPLITS * room)
    if n_threads == 1:
        for i in range(n):
            f = stack.fits[i]
            k = rank_of(stack, f)
            if k <= GRAM_NARROW:
                narrow_gram(F + rows * columns[f], rows, k, joined, scratch, stored, out + squares[f])
        return
    for i in prange(n, num_threads=n_threads, schedule="dynamic"):
        f = stack.fits[i]
        k = rank_of(stack, f)
        if k <= GRAM_NARROW:
            narrow_gram(F + rows * columns[f], rows, k, joined, scratch + threadid() * size,
                        stored + (threadid() if joined else i) * room, out + squares[f])


cdef Py_ssize_t gram_size_of(Py_ssize_t rows, Py_ssize_t most, Py_ssize_t n, int n_threads) noexcept nogil:
    """Entries of scratch for n fits of at most so many columns."""
    cdef Py_ssize_t padded = most + LANES_F64, narrow = min(<Py_ssize_t> GRAM_NARROW, most), wide = 0
    if most > GRAM_NARROW:
        wide = (rows * padded + TILE_ROWS + n_threads * (PANEL_VECTORS * LANES_F64 + TILE_ROWS) * padded
                + min(GRAM_SPLITS * most * most, rows * most // 8 + most * most))  # grows with the columns
    return max(wide, n_threads * narrow_size(narrow)
               + (n_threads if gram_joined(n, n_threads) else n) * GRAM_SPLITS * narrow * narrow)


def gram_scratch(Py_ssize_t rows, Py_ssize_t k, int n_threads):
    """Entries of scratch, in float64, that `gram` needs."""
    return gram_size_of(rows, k, 1, n_threads)


def gram(
    const real[:, ::1] F,  # in: rows x k
    double[::1] scratch,   # memory
    double[:, ::1] out,    # out: k x k
    int n_threads
):
    """out = F'F. scratch: see `gram_scratch`. rows k^2 flop."""
    cdef int64_t *columns = [0, F.shape[1]]
    cdef int64_t first = 0
    cdef Stack stack = Stack(columns, &first, 1)
    with nogil:
        gram_of_fits(&stack, &first, &F[0, 0], F.shape[0], &scratch[0], &out[0, 0], n_threads)


def gram_many_scratch(Py_ssize_t rows, stack, int n_threads):
    """Entries of scratch, in float64, that `gram_many` needs."""
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    return gram_size_of(rows, widest(&listed), listed.n, n_threads)


def gram_many(
    const real[::1] F,           # in: stack of so many rows
    Py_ssize_t rows,
    stack,                       # in: (columns, fits), see stack.pxi
    const int64_t[::1] squares,  # in: where each G begins
    double[::1] scratch,         # memory
    double[::1] G,               # out: at squares
    int n_threads
):
    """G_f = F_f' F_f for each listed fit f, to the bits of `gram`; G_f begins at squares[f].

    scratch: see `gram_many_scratch`.
    """
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    if listed.n == 0:
        return
    with nogil:
        gram_of_fits(&listed, &squares[0], &F[0], rows, &scratch[0], &G[0], n_threads)
