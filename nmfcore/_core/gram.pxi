# Gram matrices in float64 whatever the factor, since their error is that of the objective: the register tiles of the
# products, on the panels that lie on or above the diagonal.

cdef enum:
    GRAM_DEPTH = 128  # rows of a panel that stay in cache while a panel is multiplied with it


cdef Py_ssize_t gram_splits(Py_ssize_t rows, Py_ssize_t k) noexcept nogil:
    """Stretches of rows: as many tasks as that makes of few panels, while the partial sums stay small beside F."""
    return max(1, min(<Py_ssize_t> 8, rows // max(<Py_ssize_t> GRAM_DEPTH, 8 * k)))


cdef void widen_rows(const real *F, Py_ssize_t k, Py_ssize_t first, Py_ssize_t last, Py_ssize_t rows,
                     double *packed) noexcept nogil:
    """The rows first ... last - 1 of F into their places in every panel."""
    cdef Py_ssize_t vectors = ceil_div(k, LANES_F64), q, p, c0 = 0, width
    for q in range(ceil_div(vectors, PANEL_VECTORS)):
        width = panel_width(vectors, q) * LANES_F64
        for p in range(first, last):
            widen_row(F + p * k + c0, min(width, k - c0), width, packed + rows * c0 + p * width)
        c0 += width


cdef void gram_panel(const double *packed, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t panel, Py_ssize_t first,
                     Py_ssize_t last, double *sums, double *out) noexcept nogil:
    """The rows of out that belong to a panel, from their diagonal block on, over the rows first ... last - 1 of F.

    The tiles of the panel may reach beyond its columns, into whatever lies there: those rows of a tile are not used.
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


def gram_scratch(Py_ssize_t rows, Py_ssize_t k, int n_threads):
    """Entries of scratch, in float64, that `gram` wants."""
    cdef Py_ssize_t padded = k + LANES_F64
    return (rows * padded + TILE_ROWS + n_threads * (PANEL_VECTORS * LANES_F64 + TILE_ROWS) * padded
            + gram_splits(rows, k) * k * k)


def gram(const real[:, ::1] F, double[::1] scratch, double[:, ::1] out, int n_threads):
    """out = F'F for F (rows x k). scratch: see `gram_scratch`. rows k^2 flop."""
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], vectors = ceil_div(k, LANES_F64)
    cdef Py_ssize_t panels = ceil_div(vectors, PANEL_VECTORS), splits = gram_splits(rows, k), i, j, s
    cdef Py_ssize_t thread_size = (PANEL_VECTORS * LANES_F64 + TILE_ROWS) * vectors * LANES_F64
    cdef double *packed = &scratch[0]
    cdef double *threads = packed + rows * vectors * LANES_F64 + TILE_ROWS
    cdef double *partial = threads + n_threads * thread_size
    for i in prange(ceil_div(rows, PACK_ROWS), nogil=True, num_threads=n_threads, schedule="static"):
        widen_rows(&F[0, 0], k, i * PACK_ROWS, min(rows, (i + 1) * PACK_ROWS), rows, packed)
    for i in prange(panels * splits, nogil=True, num_threads=n_threads, schedule="dynamic"):
        s = i // panels
        gram_panel(packed, rows, k, i % panels, rows * s // splits, rows * (s + 1) // splits,
                   threads + threadid() * thread_size, partial + s * k * k)
    for i in range(k):
        for j in range(i, k):
            out[i, j] = partial[i * k + j]
            for s in range(1, splits):
                out[i, j] += partial[(s * k + i) * k + j]
            out[j, i] = out[i, j]
