# The half-steps of losses that are sums over entries. The model V = F B' exists block by block only, in cache, in the
# order in which X lies. num = P B and den = Q B are products of those blocks, where P and Q are the two parts of minus
# the derivative by V; for beta-divergences P = X o V^(beta - 2) and Q = V^(beta - 1) (see `ratio_row`).
#
# X has unit stride along one axis. A block is a few lines of X, along which it is contiguous, times a few panels. Where
# the rows of X are contiguous, its lines belong to F, a task is a group of lines, and sums run along the line. Where
# the columns are contiguous (X' of a C array), the lines belong to B, a task is a few panels, and sums run across
# lines.
#
# Blocks of BLOCK_LINES lines times 12 vectors are modelled, turned into ratios and multiplied while they are in cache.
# For Kullback-Leibler den is the sum of B, so Q is not made; for k <= SHARE_MOST its half-step is one loop in
# registers. The objective comes with the pass that the next half-step needs anyway: as a pass of its own it took a
# fifth to a third of an iteration. With weights P, Q and the loss of an entry are multiplied by its weight.

cdef enum:
    BLOCK_LINES = 64   # lines of X in a block
    LINE_PANELS = 4    # panels along a line in a block
    LEAST_TASKS = 8    # of a half-step, where the rows suffice


FAMILIES = {"beta": 0, "huber": 1, "absolute": 2}  # of losses, and the numbers that `split_step` takes


cdef inline int kind_of(int family, double beta) noexcept nogil:
    if family > 0:
        return HUBER if family == 1 else ABSOLUTE
    return (KULLBACK_LEIBLER if beta == 1 else ITAKURA_SAITO if beta == 0 else HALF if beta == 0.5
            else THREE_HALVES if beta == 1.5 else LEAST_SQUARES if beta == 2 else ANY_BETA)


cdef struct Split:
    # A half-step: its sizes, the orientation of X, and the places of the parts of the factors in scratch.
    Py_ssize_t rows, terms, k, lanes, vectors, line_stride, weights_stride
    Py_ssize_t lines, along, width, panels     # of X, and the panels of the factor along them
    Py_ssize_t group, groups, block, sums_size
    Py_ssize_t packed, panelled, line_rows, threads, thread_size
    double scale, parameter
    int kind
    bint across, has_den, shares, evaluate


cdef void transposed_panel(const real *A, Py_ssize_t rows, Py_ssize_t k, real *packed,
                           Py_ssize_t stride) noexcept nogil:
    """A' (k x rows) as a full panel, filled up with zeros."""
    cdef Py_ssize_t width = PANEL_VECTORS * lanes_of(A), count = min(width, rows), c
    if count < width:
        for c in range(k):
            memset(packed + c * stride, 0, width * sizeof(real))
    transpose(A, k, count, k, packed, stride)


cdef double model_block(const Split *s, const real *x, Py_ssize_t lines, Py_ssize_t along, const real *line_rows,
                        const real *across, const real *weights, real *tile, real *P, real *Q) noexcept nogil:
    """P and Q of a block, times the weights unless those are NULL; returns its part of the objective.

    line_rows and across: the rows of the two factors that belong to the lines and, in panels, to their entries.
    """
    cdef Py_ssize_t width = PANEL_VECTORS * lanes_of(x), stride = LINE_PANELS * width, k = s.k, i, q, r, count
    # Copies, since for all the compiler knows P and Q may overlap the struct.
    cdef int kind = s.kind
    cdef bint evaluate = s.evaluate
    cdef double scale = s.scale, parameter = s.parameter
    cdef Py_ssize_t line_stride = s.line_stride, line, at
    cdef const real *w = weights
    cdef double total = 0
    for i in range(0, ceil_div(lines, TILE_ROWS)):
        for q in range(ceil_div(along, width)):
            count = min(width, along - q * width)
            product_tile(PANEL_VECTORS, line_rows + i * TILE_ROWS * k, k, 1, across + q * k * width, k, line_rows, 0, 0,
                         1, tile)
            for r in range(min(<Py_ssize_t> TILE_ROWS, lines - i * TILE_ROWS)):
                line = i * TILE_ROWS + r
                at = line * stride + q * width
                ratio_row(kind, x + line * line_stride + q * width, tile + r * width, count, scale, parameter,
                          P + at, Q + at)
                if weights != NULL:
                    w = weights + line * s.weights_stride + q * width
                if evaluate:
                    total += divergence_row(kind, x + line * line_stride + q * width, tile + r * width, P + at,
                                            Q + at, count, scale, parameter, w)
                if weights != NULL:
                    weigh_ratio(kind, w, count, P + at, Q + at)
    return total


cdef void add_block(const real *P, Py_ssize_t row_stride, Py_ssize_t term_stride, Py_ssize_t rows, Py_ssize_t depth,
                    const real *packed, Py_ssize_t terms, Py_ssize_t first, Py_ssize_t vectors, bint begin,
                    real *sums) noexcept nogil:
    """sums += P B[first:first + depth] for the rows of a task, tile after tile, panel after panel."""
    cdef Py_ssize_t lanes = lanes_of(P), t, q, column, width
    for t in range(ceil_div(rows, TILE_ROWS)):
        column = 0
        for q in range(ceil_div(vectors, PANEL_VECTORS)):
            width = panel_width(vectors, q)
            product_tile(width, P + t * TILE_ROWS * row_stride, row_stride, term_stride,
                         packed + terms * column + first * width * lanes, depth, P, 0, 0, begin, sums)
            sums += TILE_ROWS * width * lanes
            column += width * lanes


cdef inline Py_ssize_t task_rows(const real *x, Py_ssize_t rows, bint across) noexcept nogil:
    """Rows of the factor that a task updates: whole tiles, and so few that several threads have work."""
    cdef Py_ssize_t unit = PANEL_VECTORS * lanes_of(x) if across else TILE_ROWS
    return min(ceil_div(ceil_div(rows, LEAST_TASKS), unit) * unit, LINE_PANELS * unit if across else BLOCK_LINES)


cdef Split split_of(const real *x, Py_ssize_t rows, Py_ssize_t terms, Py_ssize_t row_bytes, Py_ssize_t term_bytes,
                    int kind, double parameter, double scale, bint evaluate, bint weighted) noexcept nogil:
    """A half-step for an X of rows x terms that begins at x, for any rank; see `of_rank`."""
    cdef Split s
    cdef Py_ssize_t row_stride = row_bytes // <Py_ssize_t> sizeof(real) if rows > 1 else terms
    cdef Py_ssize_t term_stride = term_bytes // <Py_ssize_t> sizeof(real) if terms > 1 else rows
    s.rows, s.terms, s.kind, s.parameter, s.scale, s.evaluate = rows, terms, kind, parameter, scale, evaluate
    s.across = terms > 1 and term_stride != 1  # the stride along an axis of one entry has no meaning
    s.line_stride, s.weights_stride = term_stride if s.across else row_stride, 0
    s.lines, s.along = terms if s.across else rows, rows if s.across else terms
    s.has_den = kind != KULLBACK_LEIBLER or weighted
    s.lanes = lanes_of(x)
    s.width = PANEL_VECTORS * s.lanes
    s.panels = ceil_div(s.along, s.width)
    s.group = task_rows(x, rows, s.across)
    s.groups = ceil_div(rows, s.group)
    s.block = BLOCK_LINES * LINE_PANELS * s.width
    return s


cdef Split of_rank(const Split *sizes, Py_ssize_t k) noexcept nogil:
    """The same for factors of k columns."""
    cdef Split s = sizes[0]
    cdef Py_ssize_t padded
    s.k = k
    s.shares = not s.has_den and k <= SHARE_MOST
    s.vectors = ceil_div(k, s.lanes)
    padded = s.vectors * s.lanes
    s.sums_size = (s.group + TILE_ROWS) * padded
    s.packed = 0                                          # B, in the panels of the products
    s.panelled = s.terms * padded                         # the factor along the lines, transposed
    s.line_rows = s.panelled + s.panels * s.width * k     # the factor across them, filled up to whole tiles
    s.threads = s.line_rows + (s.lines + TILE_ROWS) * k
    s.thread_size = TILE_ROWS * s.width + 2 * s.block + 2 * s.sums_size
    return s


cdef inline Py_ssize_t split_parts(const Split *s) noexcept nogil:
    """Parts of the factors that are copied to scratch one by one."""
    return s.panels if s.shares else s.panels + ceil_div(s.terms, PACK_ROWS) + ceil_div(s.lines, PACK_ROWS)


cdef void split_part(const Split *s, const real *F, const real *B, Py_ssize_t part, real *scratch) noexcept nogil:
    """Copy one of them: a panel of the factor along the lines, a run of rows of B, or of the factor across them."""
    cdef const real *of_lines = B if s.across else F
    cdef const real *of_along = F if s.across else B
    cdef Py_ssize_t at = part * s.width, runs = ceil_div(s.terms, PACK_ROWS)
    if part < s.panels:
        if s.shares:  # the panels side by side
            transposed_panel(of_along + at * s.k, s.along - at, s.k, scratch + s.panelled + at, s.panels * s.width)
        else:
            transposed_panel(of_along + at * s.k, s.along - at, s.k, scratch + s.panelled + at * s.k, s.width)
    elif part < s.panels + runs:
        at = (part - s.panels) * PACK_ROWS
        pack_rows(B, s.k, at, min(s.terms, at + PACK_ROWS), s.terms, <real> 1, scratch + s.packed)
    else:
        at = (part - s.panels - runs) * PACK_ROWS
        memcpy(scratch + s.line_rows + at * s.k, of_lines + at * s.k,
               min(<Py_ssize_t> PACK_ROWS, s.lines - at) * s.k * sizeof(real))
        if at + PACK_ROWS >= s.lines:
            memset(scratch + s.line_rows + s.lines * s.k, 0, TILE_ROWS * s.k * sizeof(real))


cdef double block_task(const Split *s, Py_ssize_t task, const real *X, const real *weights, real *scratch, real *own,
                       real *num, real *den) noexcept nogil:
    """num and den of the rows of a task, block after block; returns their part of the objective."""
    cdef Py_ssize_t span = LINE_PANELS * s.width, row = task * s.group, n_rows = min(s.group, s.rows - row)
    cdef Py_ssize_t step = BLOCK_LINES if s.across else span, row_stride = 1 if s.across else span
    cdef Py_ssize_t term_stride = span if s.across else 1, panels = ceil_div(s.vectors, PANEL_VECTORS)
    cdef Py_ssize_t first = 0, depth, line, along, lines, count
    cdef real *P = own + TILE_ROWS * s.width
    cdef real *Q = P + s.block
    cdef real *sums = Q + s.block
    cdef const real *w = NULL
    cdef double value = 0
    while first < s.terms:
        depth = min(step, s.terms - first)
        if s.across:
            line, lines, along, count = first, depth, row, n_rows
        else:
            line, lines, along, count = row, n_rows, first, depth
        if weights != NULL:
            w = weights + line * s.weights_stride + along
        value += model_block(s, X + line * s.line_stride + along, lines, count, scratch + s.line_rows + line * s.k,
                             scratch + s.panelled + along * s.k, w, own, P, Q)
        add_block(P, row_stride, term_stride, n_rows, depth, scratch + s.packed, s.terms, first, s.vectors, first == 0,
                  sums)
        if s.has_den:
            add_block(Q, row_stride, term_stride, n_rows, depth, scratch + s.packed, s.terms, first, s.vectors,
                      first == 0, sums + s.sums_size)
        first += depth
    write_sums(sums, n_rows, s.k, s.vectors, 0, panels, num + row * s.k)
    if s.has_den:
        write_sums(sums + s.sums_size, n_rows, s.k, s.vectors, 0, panels, den + row * s.k)
    return value


cdef double share_along(const Split *s, Py_ssize_t task, const real *X, const real *F, const real *panel, real *own,
                        real *num) noexcept nogil:
    """The same for Kullback-Leibler and few components: along the lines of X, a few lines at a time."""
    cdef Py_ssize_t size = s.block // 4, most = size // SHARE_LINES, lanes = lanes_of(X)
    cdef Py_ssize_t row = task * s.group, last = min(s.rows, row + s.group), first, depth, whole, lines, stride, r
    cdef real *edge = own
    cdef real *models = edge + size
    cdef real *ratios = models + size
    cdef real *sums = ratios + size
    cdef const real *x
    cdef double value = 0
    while row < last:
        lines = SHARE_LINES if row + SHARE_LINES <= last else 1
        first = 0
        memset(sums, 0, lines * s.k * lanes * sizeof(real))
        while first < s.terms:
            depth = min(most, s.terms - first)
            whole = ceil_div(depth, lanes) * lanes
            x, stride = X + row * s.line_stride + first, s.line_stride
            if whole > depth:
                for r in range(lines):
                    pack_row(x + r * stride, depth, whole, <double> 1, edge + r * whole)
                x, stride = edge, whole
            share_lines(s.k, lines, x, stride, s.scale, F + row * s.k, panel + first, s.panels * s.width, whole, sums,
                        models if s.evaluate else NULL, ratios if s.evaluate else NULL)
            if s.evaluate:
                for r in range(lines):
                    value += divergence_row(s.kind, x + r * stride, models + r * whole, ratios + r * whole,
                                            ratios + r * whole, depth, s.scale, s.parameter, NULL)
            first += depth
        add_lanes(sums, lines * s.k, num + row * s.k)
        row += lines
    return value


cdef double share_across_lines(const Split *s, Py_ssize_t task, const real *X, const real *B, const real *panel,
                               real *own, real *num) noexcept nogil:
    """The same where the rows of the factor lie along the lines of X: line after line, a vector of rows at a time."""
    cdef Py_ssize_t width = lanes_of(X), size = s.block // 4, most = size // width
    cdef Py_ssize_t row = task * s.group, last = min(s.rows, row + s.group), first, depth, count, stride, i
    cdef real *edge = own
    cdef real *models = edge + size
    cdef real *ratios = models + size
    cdef real *sums = ratios + size
    cdef const real *x
    cdef double value = 0
    while row < last:
        count = min(width, last - row)
        first = 0
        memset(sums, 0, s.k * width * sizeof(real))
        while first < s.terms:
            depth = min(most, s.terms - first)
            x, stride = X + first * s.line_stride + row, s.line_stride
            if count < width:
                for i in range(depth):
                    pack_row(x + i * stride, count, width, <double> 1, edge + i * width)
                x, stride = edge, width
            share_across(s.k, x, stride, s.scale, panel + row, s.panels * s.width, B + first * s.k, depth, sums, edge,
                         models if s.evaluate else NULL, ratios if s.evaluate else NULL)
            if s.evaluate:
                value += divergence_row(s.kind, edge, models, ratios, ratios, depth * width, <double> 1, s.parameter,
                                        NULL)
            first += depth
        transpose(sums, width, s.k, count, num + row * s.k, s.k)
        row += count
    return value


cdef double split_task(const Split *s, Py_ssize_t task, const real *X, const real *F, const real *B,
                       const real *weights, real *scratch, real *own, real *num, real *den) noexcept nogil:
    """num and den of the rows of a task; returns their part of the objective, or 0 without `evaluate`."""
    if not s.shares:
        return block_task(s, task, X, weights, scratch, own, num, den)
    if s.across:
        return share_across_lines(s, task, X, B, scratch + s.panelled, own, num)
    return share_along(s, task, X, F, scratch + s.panelled, own, num)


cdef double split_alone(const Split *s, const real *X, const real *F, const real *B, real *scratch, real *num,
                        real *den) noexcept nogil:
    """A half-step in one thread."""
    cdef Py_ssize_t i
    cdef double value = 0
    for i in range(split_parts(s)):
        split_part(s, F, B, i, scratch)
    for i in range(s.groups):
        value += split_task(s, i, X, F, B, <const real *> NULL, scratch, scratch + s.threads, num, den)
    return value


cdef double split_shared(const Split *s, const real *X, const real *F, const real *B, const real *weights,
                         real *scratch, real *num, real *den, double[::1] values, int n_threads) noexcept nogil:
    """The same in several threads. values: memory, one for each task."""
    cdef Py_ssize_t i
    if n_threads == 1:
        for i in range(split_parts(s)):
            split_part(s, F, B, i, scratch)
        for i in range(s.groups):
            values[i] = split_task(s, i, X, F, B, weights, scratch, scratch + s.threads, num, den)
        return ordered_sum(values)
    for i in prange(split_parts(s), num_threads=n_threads, schedule="static"):
        split_part(s, F, B, i, scratch)
    for i in prange(s.groups, num_threads=n_threads, schedule="dynamic"):
        values[i] = split_task(s, i, X, F, B, weights, scratch, scratch + s.threads + threadid() * s.thread_size, num,
                               den)
    return ordered_sum(values)


def split_scratch(Py_ssize_t rows, Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch that `split_step` needs for an X of rows x terms."""
    cdef Py_ssize_t padded = k + 3 * 16, long_line = LINE_PANELS * PANEL_VECTORS * 16, most = max(rows, terms)
    return (terms * padded + (most + long_line) * k + (most + BLOCK_LINES) * k
            + n_threads * (TILE_ROWS * PANEL_VECTORS * 16 + 2 * BLOCK_LINES * long_line
                           + 2 * (long_line + BLOCK_LINES) * padded))


def split_step(
    const real[:, :] X,             # in: rows x terms, unit stride along one axis
    const real[:, ::1] F,           # in: rows x k
    const real[:, ::1] B,           # in: terms x k
    real[::1] scratch,              # memory
    real[:, ::1] num,               # out: rows x k
    real[:, ::1] den,               # out: rows x k
    int family,
    double parameter,
    double scale,
    bint evaluate,
    int n_threads,
    const real[:, :] weights=None   # in: rows x terms, strides as those of X, or None
):
    """num = P B and den = Q B for scale X and V = F B'; for Kullback-Leibler without weights den is not written.

    family: one of FAMILIES. parameter: beta, or the residual at which the loss becomes linear. weights: P, Q and the
    loss of an entry are multiplied by its weight, and are 0 where it is 0, whatever X is. Returns the loss of
    (scale X, V), in float64, or 0 without `evaluate`. scratch: see `split_scratch`. 6 rows terms k flop, 4 for
    Kullback-Leibler; one reading of X.
    """
    cdef Split s = split_of(&scratch[0], X.shape[0], X.shape[1], X.strides[0], X.strides[1],
                            kind_of(family, parameter), parameter, scale, evaluate, weights is not None)
    cdef const real *w = NULL
    cdef double[::1] values = np.empty(s.groups)
    s = of_rank(&s, B.shape[1])
    if weights is not None:
        w = &weights[0, 0]
        s.weights_stride = (weights.strides[1] if s.across else weights.strides[0]) // <Py_ssize_t> sizeof(real)
    return split_shared(&s, &X[0, 0], &F[0, 0], &B[0, 0], w, &scratch[0], &num[0, 0],
                        &den[0, 0] if s.has_den else NULL, values, n_threads)


def split_kkt(
    const real[:, ::1] F,      # in: rows x k
    const real[:, ::1] num,    # in: rows x k
    const real[:, ::1] den,    # in: rows x k, or 1 x k for all rows
    const real[:, ::1] lower,  # in: rows x k, 1 x k for all rows, or None
    const real[:, ::1] upper,  # in: rows x k, 1 x k for all rows, or None
    const double[::1] mean,    # in: k
    int n_threads
):
    """(sum of den |min(F, mean (1 - num / den))|, sum of F num); with bounds the step is cut where it leaves them."""
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], step = stretch_rows(k), tasks = ceil_div(rows, step), task, i
    cdef Py_ssize_t den_step = 1 if den.shape[0] > 1 else 0
    cdef double[:, ::1] sums = np.zeros((2, tasks))
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            sums[0, task] += split_kkt_row(&F[i, 0], &num[i, 0], &den[i * den_step, 0], bound_row(lower, i),
                                           bound_row(upper, i), &mean[0], k, &sums[1, task])
    return ordered_sum(sums[0]), ordered_sum(sums[1])


def column_sums(
    const real[:, ::1] F,  # in: rows x k
    int n_threads
):
    """The sum of each column, in float64."""
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], step = stretch_rows(k), tasks = ceil_div(rows, step), task, i
    cdef double[:, ::1] sums = np.zeros((tasks, k))
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            add_row(&F[i, 0], k, &sums[task, 0])
    for task in range(1, tasks):
        add_row(&sums[task, 0], k, &sums[0, 0])
    return np.asarray(sums[0])
