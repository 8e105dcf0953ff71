# Products of X with a thin matrix: every entry of X is read once where it lies, in register tiles of rows of X
# times vectors of B. X in C and in Fortran order, and X and its transpose, differ only in the two strides.
#
# B is packed once a call into panels of at most PANEL_VECTORS vectors, filled up with zeros, each panel
# contiguous along the sum. A task is a group of rows of the result, a block of panels and a stretch of the sum.
# Within a stretch the terms are added in their order whatever the group, the depth of a tile or the thread, and
# the stretches depend on the shape alone, so the bits depend neither on the threads nor on the memory order.

cdef enum:
    DEPTH = 512          # terms a tile adds before its sums go to memory, where a row of X is contiguous
    STREAM_DEPTH = 32    # the same where a column is: so many streams the processor still follows
    STREAM_AHEAD = 512   # bytes that are fetched ahead in each of those streams
    PACK_ROWS = 256      # rows of B that are packed by one thread at a time
    BLOCK_PANELS = 8     # panels of B that share one reading of a tile of X
    GROUP_SUMS = 131072  # sums that a task holds at the most (1 MB in float64, the second cache level)


cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


cdef inline Py_ssize_t panel_width(Py_ssize_t vectors, Py_ssize_t q) noexcept nogil:
    """Vectors in panel q: as even as possible, since a narrow panel waits for the loads of X."""
    cdef Py_ssize_t panels = ceil_div(vectors, PANEL_VECTORS)
    return vectors // panels + (q < vectors % panels)


cdef Py_ssize_t sum_splits(Py_ssize_t rows, Py_ssize_t terms, Py_ssize_t k) noexcept nogil:
    """Stretches of the sum: more than one where the rows alone are too few tasks and the partial sums stay
    small beside X."""
    return max(1, min(ceil_div(8, ceil_div(rows, 1024)), terms // (8 * k)))


cdef Py_ssize_t group_rows(Py_ssize_t rows, Py_ssize_t k, Py_ssize_t splits, bint streamed,
                           int n_threads) noexcept nogil:
    """Rows of the result in one task: four tasks a thread, in streamed X runs of at least 128 entries."""
    cdef Py_ssize_t least = 128 if streamed else TILE_ROWS, most = 1024 if streamed else 256
    cdef Py_ssize_t wanted = rows * splits // (4 * n_threads)
    cdef Py_ssize_t padded = min(k + 64, BLOCK_PANELS * PANEL_VECTORS * 16)
    most = max(<Py_ssize_t> TILE_ROWS, min(most, GROUP_SUMS // padded))
    wanted = min(most, max(least, wanted))
    wanted = ceil_div(rows, ceil_div(rows, wanted))
    return TILE_ROWS * ceil_div(wanted, TILE_ROWS)


cdef void pack_rows(const real *B, Py_ssize_t k, Py_ssize_t first, Py_ssize_t last, Py_ssize_t terms, real scale,
                    real *packed) noexcept nogil:
    """The rows first ... last - 1 of B, times scale, into their places in every panel."""
    cdef Py_ssize_t lanes = lanes_of(packed), vectors = ceil_div(k, lanes), q, p, c0 = 0, width, filled
    cdef real *row
    for q in range(ceil_div(vectors, PANEL_VECTORS)):
        width = panel_width(vectors, q) * lanes
        filled = min(width, k - c0)
        row = packed + terms * c0 + first * width
        for p in range(first, last):
            pack_row(B + p * k + c0, filled, width, scale, row)
            row += width
        c0 += width


cdef void pack_edge(const real *x, Py_ssize_t row_stride, Py_ssize_t term_stride, Py_ssize_t rows,
                    Py_ssize_t tile_rows, Py_ssize_t depth, real *edge) noexcept nogil:
    """The last rows of X, fewer than a tile, filled up with zeros."""
    cdef Py_ssize_t p, r
    for p in range(depth):
        for r in range(rows):
            edge[p * tile_rows + r] = x[r * row_stride + p * term_stride]
        for r in range(rows, tile_rows):
            edge[p * tile_rows + r] = 0


cdef void add_stretch(const real *x, Py_ssize_t row_stride, Py_ssize_t term_stride, Py_ssize_t rows,
                      Py_ssize_t first, Py_ssize_t last, const real *packed, Py_ssize_t terms,
                      Py_ssize_t vectors, Py_ssize_t q0, Py_ssize_t q1, real *edge, real *sums) noexcept nogil:
    """sums = X[:rows, first:last] B[first:last] for the panels q0 ... q1 - 1, tile after tile, panel after panel."""
    cdef Py_ssize_t lanes = lanes_of(sums), p = first, t, q, depth, tile_row, tile_term, column, width
    cdef Py_ssize_t most_depth = DEPTH if row_stride != 1 else STREAM_DEPTH
    cdef Py_ssize_t skip = STREAM_AHEAD // <Py_ssize_t> sizeof(real)
    cdef const real *x_tile
    cdef const real *ahead
    cdef real *tile
    while p < last:
        depth = min(most_depth, last - p)
        tile = sums
        for t in range(ceil_div(rows, TILE_ROWS)):
            x_tile = x + t * TILE_ROWS * row_stride + p * term_stride
            if row_stride != 1:  # the rows of the next tile
                ahead = x_tile + TILE_ROWS * row_stride
            elif (t * TILE_ROWS + skip) < rows:  # the same streams further on
                ahead = x_tile + skip
            else:  # the next streams, from their beginning
                ahead = x_tile + skip - rows + depth * term_stride
            tile_row, tile_term = row_stride, term_stride
            if rows < (t + 1) * TILE_ROWS:
                pack_edge(x_tile, row_stride, term_stride, rows - t * TILE_ROWS, TILE_ROWS, depth, edge)
                x_tile, tile_row, tile_term = edge, 1, TILE_ROWS
            column = 0
            for q in range(q1):
                width = panel_width(vectors, q)
                if q >= q0:
                    product_tile(width, x_tile, tile_row, tile_term, packed + terms * column + p * width * lanes,
                                 depth, ahead, row_stride if row_stride != 1 else term_stride, 8 * term_stride,
                                 p == first, tile)
                    tile += TILE_ROWS * width * lanes
                column += width * lanes
        p += depth


cdef void add_narrow_stretch(const real *x, Py_ssize_t term_stride, Py_ssize_t rows, Py_ssize_t first,
                             Py_ssize_t last, const real *packed, Py_ssize_t stride, Py_ssize_t k, real *edge,
                             real *sums) noexcept nogil:
    """The same for X whose columns are contiguous and few columns of B, in one panel of `stride` entries a row."""
    cdef Py_ssize_t tile_rows = NARROW_VECTORS * lanes_of(sums), p = first, t, depth
    cdef const real *x_tile
    while p < last:
        depth = min(<Py_ssize_t> STREAM_DEPTH, last - p)
        for t in range(ceil_div(rows, tile_rows)):
            x_tile = x + t * tile_rows + p * term_stride
            if rows < (t + 1) * tile_rows:
                pack_edge(x_tile, 1, term_stride, rows - t * tile_rows, tile_rows, depth, edge)
                narrow_tile(k, edge, tile_rows, packed + p * stride, stride, depth, p == first,
                            sums + t * tile_rows * k)
            else:
                narrow_tile(k, x_tile, term_stride, packed + p * stride, stride, depth, p == first,
                            sums + t * tile_rows * k)
        p += depth


cdef void write_narrow_sums(const real *sums, Py_ssize_t rows, Py_ssize_t k, real *out) noexcept nogil:
    cdef Py_ssize_t tile_rows = NARROW_VECTORS * lanes_of(out), i, c
    for i in range(rows):
        for c in range(k):
            out[i * k + c] = sums[(i // tile_rows * k + c) * tile_rows + i % tile_rows]


cdef void write_sums(const real *sums, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t vectors, Py_ssize_t q0,
                     Py_ssize_t q1, real *out) noexcept nogil:
    """The sums of a task into the rows of the result, without what the panels were filled up with."""
    cdef Py_ssize_t lanes = lanes_of(out), i, q, r, c, c0, width
    for i in range(ceil_div(rows, TILE_ROWS)):
        c0 = 0
        for q in range(q1):
            width = panel_width(vectors, q) * lanes
            if q >= q0:
                for r in range(min(<Py_ssize_t> TILE_ROWS, rows - i * TILE_ROWS)):
                    for c in range(min(width, k - c0)):
                        out[(i * TILE_ROWS + r) * k + c0 + c] = sums[r * width + c]
                sums += TILE_ROWS * width
            c0 += width


cdef void add_partials(const real *partial, Py_ssize_t stride, Py_ssize_t splits, Py_ssize_t k,
                       real *out) noexcept nogil:
    """A row of the result from its stretches, in their order."""
    cdef Py_ssize_t s, c
    for c in range(k):
        out[c] = partial[c]
    for s in range(1, splits):
        for c in range(k):
            out[c] += partial[s * stride + c]


def product_scratch(Py_ssize_t rows, Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch that `product` wants for an X of rows x terms, whichever its memory order."""
    cdef Py_ssize_t padded = k + 3 * 16, splits = sum_splits(rows, terms, k)
    cdef Py_ssize_t group = max(group_rows(rows, k, splits, False, n_threads),
                                group_rows(rows, k, splits, True, n_threads))
    cdef Py_ssize_t block = min(padded, BLOCK_PANELS * PANEL_VECTORS * 16)
    return 16 + terms * padded + n_threads * (TILE_ROWS * DEPTH + (group + 128) * block) + splits * rows * k


def product(const real[:, :] X, const real[:, ::1] B, real[::1] scratch, real[:, ::1] out, double scale, int n_threads):
    """out = scale X B.

    X (rows x terms) has unit stride along one of its axes; B is terms x k, out rows x k. scratch: see
    `product_scratch`. 2 rows terms k flop, one reading of X.
    """
    cdef Py_ssize_t rows = X.shape[0], terms = X.shape[1], k = B.shape[1]
    # The stride along an axis of one entry says nothing, and must not be taken for a unit stride.
    cdef Py_ssize_t row_stride = X.strides[0] // <Py_ssize_t> sizeof(real) if rows > 1 else terms
    cdef Py_ssize_t term_stride = X.strides[1] // <Py_ssize_t> sizeof(real) if terms > 1 else rows
    cdef Py_ssize_t lanes = lanes_of(&scratch[0]), vectors = ceil_div(k, lanes)
    cdef Py_ssize_t panels = ceil_div(vectors, PANEL_VECTORS), blocks = ceil_div(panels, BLOCK_PANELS)
    cdef Py_ssize_t splits = sum_splits(rows, terms, k)
    cdef Py_ssize_t group = group_rows(rows, k, splits, row_stride == 1, n_threads), groups = ceil_div(rows, group)
    cdef Py_ssize_t block = min(vectors, BLOCK_PANELS * PANEL_VECTORS) * lanes
    cdef Py_ssize_t thread_size = TILE_ROWS * DEPTH + (group + 128) * block  # 128: the last narrow tile may be as long
    cdef bint narrow = row_stride == 1 and k <= NARROW and panels == 1
    cdef real *packed = &scratch[0]
    cdef real *threads = packed + terms * vectors * lanes
    cdef real *partial = threads + n_threads * thread_size
    cdef real *own
    cdef real *sums
    cdef real *target
    cdef Py_ssize_t task, s, b, i, n_rows, q1
    for i in prange(ceil_div(terms, PACK_ROWS), nogil=True, num_threads=n_threads, schedule="static"):
        pack_rows(&B[0, 0], k, i * PACK_ROWS, min(terms, (i + 1) * PACK_ROWS), terms, <real> scale, packed)
    for task in prange(groups * splits * blocks, nogil=True, num_threads=n_threads, schedule="dynamic"):
        b = task % blocks
        i = task // blocks % groups * group
        s = task // blocks // groups
        n_rows = min(group, rows - i)
        q1 = min(panels, (b + 1) * BLOCK_PANELS)
        own = threads + threadid() * thread_size
        sums = own + TILE_ROWS * DEPTH
        target = partial + (s * rows + i) * k if splits > 1 else &out[i, 0]
        if narrow:
            add_narrow_stretch(&X[0, 0] + i, term_stride, n_rows, terms * s // splits, terms * (s + 1) // splits,
                               packed, vectors * lanes, k, own, sums)
            write_narrow_sums(sums, n_rows, k, target)
        else:
            add_stretch(&X[0, 0] + i * row_stride, row_stride, term_stride, n_rows, terms * s // splits,
                        terms * (s + 1) // splits, packed, terms, vectors, b * BLOCK_PANELS, q1, own, sums)
            write_sums(sums, n_rows, k, vectors, b * BLOCK_PANELS, q1, target)
    if splits > 1:
        for i in prange(rows, nogil=True, num_threads=n_threads, schedule="static"):
            add_partials(partial + i * k, rows * k, splits, k, &out[i, 0])
