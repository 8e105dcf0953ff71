# Products of X with a thin matrix. Every entry of X is read once, where it lies, in register tiles of rows of X times
# vectors of B. C order and Fortran order of X, and X and its transpose, differ only in the two strides.
#
# B is packed once a call into panels of at most PANEL_VECTORS vectors, filled up with zeros. Each panel is contiguous
# along the sum. The B of several fits stand side by side in the panels, across the borders of fits, so that vectors are
# full. A task is a group of rows of the result, a block of panels and a stretch of the sum, or all stretches.
#
# Within a stretch the terms are added in their order, whatever the group, the depth of a tile or the thread. The
# stretches depend on the shape of X alone. So the bits of a column depend neither on the threads, nor on the memory
# order of X, nor on the other columns.
#
# A product that takes long is done in several calls, so that Ctrl-C is heard between two of them. Each call adds a part
# of every stretch to sums that stay in scratch; the last call adds the stretches. The terms keep their order, so the
# cut changes no bit.
#
# Measured:
# - Where a row of X is contiguous, tiles of 8 rows run along it, DEPTH terms at a time: 85 to 95 % of the peak of a
#   square matrix product at k = 100.
# - Where a column is contiguous (X' of a C array), the sum runs in stretches of STREAM_DEPTH terms, because the
#   hardware prefetcher follows that many streams. With 96 terms the rate falls to two thirds. Copying X into a
#   contiguous buffer first is as slow, since the copy does not overlap with arithmetic (tried twice). Without software
#   prefetch the rate falls to a quarter. Shorter stretches spend their time on loading and storing sums.
# - For k <= NARROW a few columns of B do not fill a vector, but the rows of X do: the narrow tile.
# - For k below about 16 a product is bound by memory. Reading X once for both half-steps would help; it is not built.

cdef enum:
    DEPTH = 512          # terms that a tile adds before its sums go to memory, where a row of X is contiguous
    STREAM_DEPTH = 48    # the same where a column is contiguous
    SHARED_DEPTH = 64    # the same where several panels share the streams
    STREAM_AHEAD = 512   # bytes that are fetched ahead in each of those streams
    STRETCH_TERMS = 512  # at least, of a stretch of the sum: its partial sums are small beside X
    PACK_ROWS = 256      # rows of B that are packed by one thread at a time
    BLOCK_PANELS = 8     # at most, of B, that share one reading of a tile of X
    GROUP_SUMS = 131072  # at most, of a task (1 MB in float64, the second cache level)


cdef struct Shape:
    Py_ssize_t rows, terms, k  # of the product; k: columns of all fits together
    Py_ssize_t row_stride, term_stride  # of X, in entries
    Py_ssize_t lanes, vectors, panels, blocks, block  # of B; block: columns of the widest block
    Py_ssize_t splits  # stretches of the sum
    Py_ssize_t group, groups  # rows of a task, tasks that the rows make
    Py_ssize_t edge, sums_size  # entries that the last rows of X and the sums of a task take
    bint narrow  # few columns of B, and the columns of X are contiguous
    bint joined  # a task takes all stretches of its rows, whose sums are added in cache
    Py_ssize_t part, parts  # of every stretch that this call adds, of so many
    Py_ssize_t first_row, out_rows  # of the result: the first row of this call, and all rows


cdef inline Py_ssize_t ceil_div(Py_ssize_t a, Py_ssize_t b) noexcept nogil:
    return (a + b - 1) // b


cdef inline Py_ssize_t panel_width(Py_ssize_t vectors, Py_ssize_t q) noexcept nogil:
    """Vectors in panel q. The panels are as even as possible, since a narrow panel waits for the loads of X."""
    cdef Py_ssize_t panels = ceil_div(vectors, PANEL_VECTORS)
    return vectors // panels + (q < vectors % panels)


cdef inline Py_ssize_t panel_start(Py_ssize_t vectors, Py_ssize_t q) noexcept nogil:
    """Vectors before panel q."""
    cdef Py_ssize_t panels = ceil_div(vectors, PANEL_VECTORS)
    return q * (vectors // panels) + min(q, vectors % panels)


cdef inline Py_ssize_t panel_of(Py_ssize_t vectors, Py_ssize_t v) noexcept nogil:
    """The panel that vector v is in."""
    cdef Py_ssize_t panels = ceil_div(vectors, PANEL_VECTORS), least = vectors // panels, wider = vectors % panels
    return v // (least + 1) if v < wider * (least + 1) else wider + (v - wider * (least + 1)) // least


cdef Py_ssize_t sum_splits(Py_ssize_t rows, Py_ssize_t terms) noexcept nogil:
    """Stretches of the sum: more than one where the rows alone give too few tasks."""
    return max(1, min(ceil_div(8, ceil_div(rows, 1024)), terms // STRETCH_TERMS))


cdef Py_ssize_t group_rows(Py_ssize_t rows, Py_ssize_t block, Py_ssize_t splits, bint streamed,
                           int n_threads) noexcept nogil:
    """Rows of the result in one task: four tasks a thread; where X is streamed, at least 128 rows.

    block: columns of B that one task takes.
    """
    cdef Py_ssize_t least = 128 if streamed else TILE_ROWS, most = 1024 if streamed else 256
    cdef Py_ssize_t wanted = rows * splits // (4 * n_threads)
    most = min(most, GROUP_SUMS // block)
    wanted = min(most, max(least, wanted))
    wanted = ceil_div(rows, ceil_div(rows, wanted))
    return TILE_ROWS * ceil_div(wanted, TILE_ROWS)


cdef Shape shape_of(Py_ssize_t rows, Py_ssize_t terms, Py_ssize_t k, Py_ssize_t row_stride, Py_ssize_t term_stride,
                    Py_ssize_t lanes, Py_ssize_t parts, int n_threads) noexcept nogil:
    """The cut of a product into tasks. The strides are those of X, in entries. parts: of every stretch, one a call."""
    cdef Shape s
    s.rows, s.terms, s.k, s.lanes = rows, terms, k, lanes
    # The stride along an axis of one entry has no meaning, and must not be taken for a unit stride.
    s.row_stride = row_stride if rows > 1 else terms
    s.term_stride = term_stride if terms > 1 else rows
    s.vectors = ceil_div(k, lanes)
    s.panels = ceil_div(s.vectors, PANEL_VECTORS)
    s.blocks = ceil_div(s.panels, BLOCK_PANELS)
    s.block = min(s.vectors, ceil_div(s.panels, s.blocks) * PANEL_VECTORS) * lanes
    s.splits = sum_splits(rows, terms)
    s.group = group_rows(rows, s.block, s.splits, s.row_stride == 1, n_threads)
    s.groups = ceil_div(rows, s.group)
    s.narrow = s.row_stride == 1 and k <= NARROW and s.panels == 1
    s.sums_size = (s.group + (NARROW_VECTORS * lanes if s.narrow else 0)) * s.block
    s.edge = max(TILE_ROWS * DEPTH, NARROW_VECTORS * lanes * STREAM_DEPTH)
    s.joined = parts == 1 and (n_threads == 1 or s.groups * s.blocks >= 4 * n_threads)
    s.part, s.parts, s.first_row, s.out_rows = 0, parts, 0, rows
    return s


cdef void pack_columns(const real *B, Py_ssize_t k, Py_ssize_t first, Py_ssize_t last, Py_ssize_t terms, real scale,
                       Py_ssize_t column, Py_ssize_t columns, real *packed) noexcept nogil:
    """The rows first ... last - 1 of B, times scale, into the panels of `columns` columns, from `column` on.

    The last columns fill up their panel with zeros.
    """
    cdef Py_ssize_t lanes = lanes_of(packed), vectors = ceil_div(columns, lanes), q, p, start, width, low, high, filled
    cdef real *row
    for q in range(panel_of(vectors, column // lanes), panel_of(vectors, (column + k - 1) // lanes) + 1):
        start, width = panel_start(vectors, q) * lanes, panel_width(vectors, q) * lanes
        low, high = max(column, start), min(column + k, start + width)
        filled = start + width if high == columns else high
        row = packed + terms * start + first * width + low - start
        for p in range(first, last):
            pack_row(B + p * k + low - column, high - low, filled - low, scale, row)
            row += width


cdef void pack_rows(const real *B, Py_ssize_t k, Py_ssize_t first, Py_ssize_t last, Py_ssize_t terms, real scale,
                    real *packed) noexcept nogil:
    """The rows first ... last - 1 of B, times scale, into their places in every panel."""
    pack_columns(B, k, first, last, terms, scale, 0, k, packed)


cdef void pack_edge(const real *x, Py_ssize_t row_stride, Py_ssize_t term_stride, Py_ssize_t rows,
                    Py_ssize_t tile_rows, Py_ssize_t depth, real *edge) noexcept nogil:
    """The last rows of X, fewer than a tile, filled up with zeros."""
    cdef Py_ssize_t p, r
    for p in range(depth):
        for r in range(rows):
            edge[p * tile_rows + r] = x[r * row_stride + p * term_stride]
        for r in range(rows, tile_rows):
            edge[p * tile_rows + r] = 0


cdef void add_stretch(const Shape *shape, const real *x, Py_ssize_t rows, Py_ssize_t first, Py_ssize_t last,
                      const real *packed, Py_ssize_t q0, Py_ssize_t q1, bint begin, real *edge,
                      real *sums) noexcept nogil:
    """Add X[:rows, first:last] B[first:last] to sums for the panels q0 ... q1 - 1, tile after tile, panel after panel.

    begin: the sums start from 0.
    """
    cdef Py_ssize_t lanes = shape.lanes, vectors = shape.vectors, p = first, t, q, depth, tile_row, tile_term, width
    cdef Py_ssize_t row_stride = shape.row_stride, term_stride = shape.term_stride, terms = shape.terms
    cdef Py_ssize_t most_depth = DEPTH if row_stride != 1 else SHARED_DEPTH if q1 - q0 > 1 else STREAM_DEPTH
    cdef Py_ssize_t skip = STREAM_AHEAD // <Py_ssize_t> sizeof(real)
    cdef const real *x_tile
    cdef const real *ahead
    cdef const real *panel
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
            for q in range(q0, q1):
                width = panel_width(vectors, q)
                panel = packed + (terms * panel_start(vectors, q) + p * width) * lanes
                product_tile(width, x_tile, tile_row, tile_term, panel, depth, ahead,
                             row_stride if row_stride != 1 else term_stride, 8 * term_stride, begin and p == first,
                             tile)
                tile += TILE_ROWS * width * lanes
        p += depth


cdef void add_narrow_stretch(const real *x, Py_ssize_t term_stride, Py_ssize_t rows, Py_ssize_t first,
                             Py_ssize_t last, const real *packed, Py_ssize_t stride, Py_ssize_t k, bint begin,
                             real *edge, real *sums) noexcept nogil:
    """The same for few columns of B, in one panel of `stride` entries a row, where the columns of X are contiguous."""
    cdef Py_ssize_t tile_rows = NARROW_VECTORS * lanes_of(sums), p = first, t, depth
    cdef const real *x_tile
    while p < last:
        depth = min(<Py_ssize_t> STREAM_DEPTH, last - p)
        for t in range(ceil_div(rows, tile_rows)):
            x_tile = x + t * tile_rows + p * term_stride
            if rows < (t + 1) * tile_rows:
                pack_edge(x_tile, 1, term_stride, rows - t * tile_rows, tile_rows, depth, edge)
                narrow_tile(k, edge, tile_rows, packed + p * stride, stride, depth, begin and p == first,
                            sums + t * tile_rows * k)
            else:
                narrow_tile(k, x_tile, term_stride, packed + p * stride, stride, depth, begin and p == first,
                            sums + t * tile_rows * k)
        p += depth


cdef void write_narrow_columns(const real *sums, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t column, Py_ssize_t columns,
                               real *out) noexcept nogil:
    cdef Py_ssize_t tile_rows = NARROW_VECTORS * lanes_of(out), i, c
    for i in range(rows):
        for c in range(k):
            out[i * k + c] = sums[(i // tile_rows * columns + column + c) * tile_rows + i % tile_rows]


cdef void write_columns(const real *sums, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t column, Py_ssize_t vectors,
                        Py_ssize_t q0, Py_ssize_t q1, real *out) noexcept nogil:
    """Write the columns column ... column + k - 1 that are in the panels q0 ... q1 - 1 to the rows of out."""
    cdef Py_ssize_t lanes = lanes_of(out), before = panel_start(vectors, q0) * lanes, i, q, c, start, width, low, high
    cdef Py_ssize_t wide = panel_start(vectors, q1) * lanes - before
    cdef const real *row
    cdef real *target
    q0, q1 = max(q0, panel_of(vectors, column // lanes)), min(q1, panel_of(vectors, (column + k - 1) // lanes) + 1)
    for q in range(q0, q1):
        start, width = panel_start(vectors, q) * lanes, panel_width(vectors, q) * lanes
        low, high = max(column, start), min(column + k, start + width)
        for i in range(rows):
            row = sums + TILE_ROWS * (i // TILE_ROWS * wide + start - before) + i % TILE_ROWS * width + low - start
            target = out + i * k + low - column
            for c in range(high - low):
                target[c] = row[c]


cdef void write_sums(const real *sums, Py_ssize_t rows, Py_ssize_t k, Py_ssize_t vectors, Py_ssize_t q0,
                     Py_ssize_t q1, real *out) noexcept nogil:
    """Write the sums of a task to the rows of the result, without the zeros that fill up the panels."""
    write_columns(sums, rows, k, 0, vectors, q0, q1, out)


cdef void pack_fits(const Shape *shape, const Stack *stack, const real *B, Py_ssize_t first, Py_ssize_t last,
                    real scale, real *packed) noexcept nogil:
    """The rows first ... last - 1 of the B of every listed fit, side by side."""
    cdef Py_ssize_t column = 0, i, k
    for i in range(stack.n):
        k = rank_of(stack, stack.fits[i])
        pack_columns(B + shape.terms * stack.columns[stack.fits[i]], k, first, last, shape.terms, scale, column,
                     shape.k, packed)
        column += k


cdef void write_fits(const Shape *shape, const Stack *stack, const real *sums, Py_ssize_t task,
                     real *out) noexcept nogil:
    """The sums of a group and a block into the rows of every listed fit."""
    cdef Py_ssize_t b = task % shape.blocks, row = task // shape.blocks * shape.group, column = 0, i, k
    cdef Py_ssize_t rows = min(shape.group, shape.rows - row)
    cdef real *target
    for i in range(stack.n):
        k = rank_of(stack, stack.fits[i])
        target = out + shape.out_rows * stack.columns[stack.fits[i]] + (shape.first_row + row) * k
        if shape.narrow:
            write_narrow_columns(sums, rows, k, column, shape.k, target)
        else:
            write_columns(sums, rows, k, column, shape.vectors, shape.panels * b // shape.blocks,
                          shape.panels * (b + 1) // shape.blocks, target)
        column += k


cdef inline Py_ssize_t part_start(const Shape *shape, Py_ssize_t split, Py_ssize_t part) noexcept nogil:
    """The first term of a part of a stretch."""
    cdef Py_ssize_t first = shape.terms * split // shape.splits, last = shape.terms * (split + 1) // shape.splits
    return first + ceil_div(last - first, shape.parts) * part if part < shape.parts else last


cdef inline Py_ssize_t part_end(const Shape *shape, Py_ssize_t split) noexcept nogil:
    """The term after the part of a stretch that this call adds."""
    return min(part_start(shape, split, shape.part + 1), part_start(shape, split, shape.parts))


cdef void sum_stretch(const Shape *shape, const real *X, const real *packed, Py_ssize_t task, Py_ssize_t split,
                      real *edge, real *sums) noexcept nogil:
    """Add the part of this call to the sums of a group, a block and a stretch."""
    cdef Py_ssize_t b = task % shape.blocks, row = task // shape.blocks * shape.group
    cdef Py_ssize_t rows = min(shape.group, shape.rows - row), first = part_start(shape, split, shape.part)
    cdef Py_ssize_t last = part_end(shape, split)
    cdef bint begin = shape.part == 0
    if shape.narrow:
        add_narrow_stretch(X + row, shape.term_stride, rows, first, last, packed, shape.vectors * shape.lanes, shape.k,
                           begin, edge, sums)
    else:
        add_stretch(shape, X + row * shape.row_stride, rows, first, last, packed, shape.panels * b // shape.blocks,
                    shape.panels * (b + 1) // shape.blocks, begin, edge, sums)


cdef void add_sums(const real *more, Py_ssize_t n, real *sums) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        sums[i] += more[i]


cdef inline void pack_chunk(const Shape *shape, const Stack *stack, const real *B, Py_ssize_t chunks, Py_ssize_t i,
                            real scale, real *packed) noexcept nogil:
    """Pack a run of rows of B, of which a stretch has so many chunks."""
    cdef Py_ssize_t first = part_start(shape, i // chunks, shape.part) + i % chunks * PACK_ROWS
    cdef Py_ssize_t last = min(part_end(shape, i // chunks), first + PACK_ROWS)
    if first < last:
        pack_fits(shape, stack, B, first, last, scale, packed)


cdef inline void finish_task(const Shape *shape, const Stack *stack, const real *X, const real *packed,
                             Py_ssize_t tasks, Py_ssize_t task, real *own, real *stored, real *out) noexcept nogil:
    """The sums of a task over all stretches, in their order, to their place in out."""
    cdef Py_ssize_t size = shape.sums_size, s
    cdef real *sums = own + shape.edge if shape.joined else stored + task * size
    if shape.joined:
        sum_stretch(shape, X, packed, task, 0, own, sums)
    for s in range(1, shape.splits):
        if shape.joined:
            sum_stretch(shape, X, packed, task, s, own, sums + size)
            add_sums(sums + size, size, sums)
        else:
            add_sums(stored + (s * tasks + task) * size, size, sums)
    write_fits(shape, stack, sums, task, out)


cdef void product_of_fits(const Shape *shape, const Stack *stack, const real *X, const real *B, real scale,
                          real *scratch, real *out, int n_threads) noexcept nogil:
    """out = scale X B for each listed fit; the stretches are added in their order, in the last of several calls."""
    cdef Py_ssize_t tasks = shape.groups * shape.blocks, size = shape.sums_size, task, i
    cdef Py_ssize_t chunks = ceil_div(part_start(shape, 0, 1) + shape.splits, PACK_ROWS)
    cdef Py_ssize_t thread_size = shape.edge + 2 * size
    cdef real *packed = scratch
    cdef real *threads = packed + shape.terms * shape.vectors * shape.lanes
    cdef real *stored = threads + n_threads * thread_size
    if n_threads == 1 and shape.joined:
        for i in range(shape.splits * chunks):
            pack_chunk(shape, stack, B, chunks, i, scale, packed)
        for task in range(tasks):
            finish_task(shape, stack, X, packed, tasks, task, threads, stored, out)
        return
    for i in prange(shape.splits * chunks, num_threads=n_threads, schedule="static"):
        pack_chunk(shape, stack, B, chunks, i, scale, packed)
    if not shape.joined:
        for task in prange(tasks * shape.splits, num_threads=n_threads, schedule="dynamic"):
            sum_stretch(shape, X, packed, task % tasks, task // tasks, threads + threadid() * thread_size,
                        stored + task * size)
    if shape.part < shape.parts - 1:
        return
    for task in prange(tasks, num_threads=n_threads, schedule="dynamic"):
        finish_task(shape, stack, X, packed, tasks, task, threads + threadid() * thread_size, stored, out)


cdef Py_ssize_t shape_scratch(const Shape *shape, int n_threads) noexcept nogil:
    """Entries of scratch: packed B, then for each thread an edge and two sums, then the sums that tasks leave."""
    cdef Py_ssize_t stored = 0 if shape.joined else shape.splits * shape.groups * shape.blocks
    return (shape.terms * shape.vectors * shape.lanes + n_threads * (shape.edge + 2 * shape.sums_size)
            + stored * shape.sums_size)


def product_scratch(Py_ssize_t rows, Py_ssize_t terms, Py_ssize_t k, int n_threads, Py_ssize_t parts=1):
    """Entries of scratch that `product` needs for an X of rows x terms, for any memory order and dtype.

    k: columns of B; for `product_many` the sum of the ranks of the listed fits. parts: calls of the product.
    """
    cdef Py_ssize_t most = 0, lanes, streamed
    cdef Shape shape
    for lanes in (LANES_F32, LANES_F64):
        for streamed in range(2):
            shape = shape_of(rows, terms, k, 1 if streamed else terms + 1, 1, lanes, parts, n_threads)
            most = max(most, shape_scratch(&shape, n_threads))
    return most


def product(
    const real[:, :] X,    # in: rows x terms, unit stride along one axis
    const real[:, ::1] B,  # in: terms x k
    real[::1] scratch,     # memory
    real[:, ::1] out,      # out: rows x k
    double scale,
    int n_threads,
    Py_ssize_t part=0,
    Py_ssize_t parts=1
):
    """out = scale X B.

    scratch: see `product_scratch`. 2 rows terms k flop, one reading of X. With several parts the calls for part 0, 1,
    ..., parts - 1 follow each other with the same arguments and an untouched scratch; the last one writes out.
    """
    cdef Shape shape = shape_of(X.shape[0], X.shape[1], B.shape[1], X.strides[0] // <Py_ssize_t> sizeof(real),
                                X.strides[1] // <Py_ssize_t> sizeof(real), lanes_of(&scratch[0]), parts, n_threads)
    cdef int64_t *columns = [0, shape.k]
    cdef int64_t fit = 0
    cdef Stack stack = Stack(columns, &fit, 1)
    shape.part = part
    with nogil:
        product_of_fits(&shape, &stack, &X[0, 0], &B[0, 0], <real> scale, &scratch[0], &out[0, 0], n_threads)


def product_many(
    const real[:, :] X,  # in: rows x terms, unit stride along one axis
    const real[::1] B,   # in: stack of terms
    stack,               # in: (columns, fits), see stack.pxi
    real[::1] scratch,   # memory
    real[::1] out,       # out: stack of out_rows, from the row `first_row` on
    double scale,
    int n_threads,
    Py_ssize_t part,
    Py_ssize_t parts,
    Py_ssize_t first_row,
    Py_ssize_t out_rows
):
    """out_f = scale X B_f for each listed fit f, to the bits of `product`, in one reading of X.

    scratch, part and parts: see `product`.
    """
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Stack listed = stack_of(columns, fits)
    cdef Shape shape
    if listed.n == 0:
        return
    shape = shape_of(X.shape[0], X.shape[1], listed_columns(&listed), X.strides[0] // <Py_ssize_t> sizeof(real),
                     X.strides[1] // <Py_ssize_t> sizeof(real), lanes_of(&scratch[0]), parts, n_threads)
    shape.part, shape.first_row, shape.out_rows = part, first_row, out_rows
    with nogil:
        product_of_fits(&shape, &listed, &X[0, 0], &B[0], <real> scale, &scratch[0], &out[0], n_threads)
