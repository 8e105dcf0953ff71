# The half-steps of losses that are sums over entries: the model V = F B' exists block by block only, in cache, in the
# order in which X lies. num = P B and den = Q B are products of those blocks, where P and Q are the two parts of minus
# the derivative by V, for beta-divergences P = X o V^(beta - 2) and Q = V^(beta - 1) (see `ratio_row`).
#
# X has unit stride along one axis. A block is a few lines of X, along which it is contiguous, times a few panels: where
# the rows of X are contiguous its lines belong to F, a task is a group of lines, and their sums run along the line;
# where the columns are (X' of a C array) the lines belong to B, a task is a few panels, and sums run across lines.

cdef enum:
    BLOCK_LINES = 64   # lines of X in a block
    LINE_PANELS = 4    # panels of a line in a block


FAMILIES = {"beta": 0, "huber": 1, "absolute": 2}  # of losses, by the numbers that `split_step` takes


cdef inline int kind_of(int family, double beta) noexcept nogil:
    if family > 0:
        return HUBER if family == 1 else ABSOLUTE
    return (KULLBACK_LEIBLER if beta == 1 else ITAKURA_SAITO if beta == 0 else HALF if beta == 0.5
            else THREE_HALVES if beta == 1.5 else LEAST_SQUARES if beta == 2 else ANY_BETA)


cdef void transposed_panel(const real *A, Py_ssize_t rows, Py_ssize_t k, real *packed) noexcept nogil:
    """A' (k x rows) as a full panel, filled up with zeros."""
    cdef Py_ssize_t width = PANEL_VECTORS * lanes_of(A), count = min(width, rows)
    if count < width:
        memset(packed, 0, k * width * sizeof(real))
    transpose(A, k, count, k, packed, width)


cdef double model_block(int kind, const real *x, Py_ssize_t line_stride, Py_ssize_t lines, Py_ssize_t along,
                        const real *line_rows, const real *across, Py_ssize_t k, double scale, double parameter,
                        bint evaluate, const real *weights, Py_ssize_t weights_stride, real *tile, real *P,
                        real *Q) noexcept nogil:
    """P and Q of a block, times the weights unless those are NULL; returns its share of the objective if asked to."""
    cdef Py_ssize_t width = PANEL_VECTORS * lanes_of(x), stride = LINE_PANELS * width, i, q, r, count
    cdef Py_ssize_t line, at
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
                ratio_row(kind, x + line * line_stride + q * width, tile + r * width, count, scale, parameter, P + at,
                          Q + at)
                if weights != NULL:
                    w = weights + line * weights_stride + q * width
                    weigh_ratio(kind, w, count, P + at, Q + at)
                if evaluate:
                    total += divergence_row(kind, x + line * line_stride + q * width, tile + r * width, count, scale,
                                            parameter, w)
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


cdef inline Py_ssize_t block_size(const real *x) noexcept nogil:
    """Entries of a block of ratios, and of the tile of the model that it is made from."""
    return BLOCK_LINES * LINE_PANELS * PANEL_VECTORS * lanes_of(x)


cdef inline Py_ssize_t task_rows(const real *x, bint across) noexcept nogil:
    """Rows of the factor that a task updates."""
    return LINE_PANELS * PANEL_VECTORS * lanes_of(x) if across else BLOCK_LINES


def split_scratch(Py_ssize_t rows, Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch that `split_step` wants for an X of rows x terms."""
    cdef Py_ssize_t padded = k + 3 * 16, long_line = LINE_PANELS * PANEL_VECTORS * 16, most = max(rows, terms)
    return (terms * padded + (most + long_line) * k + (most + BLOCK_LINES) * k
            + n_threads * (TILE_ROWS * PANEL_VECTORS * 16 + 2 * BLOCK_LINES * long_line
                           + 2 * (long_line + BLOCK_LINES) * padded))


def split_step(const real[:, :] X, const real[:, ::1] F, const real[:, ::1] B, real[::1] scratch, real[:, ::1] num,
               real[:, ::1] den, int family, double parameter, double scale, bint evaluate, int n_threads,
               const real[:, :] weights=None):
    """num = P B and den = Q B for scale X and V = F B'; for Kullback-Leibler without weights den is left alone.

    X is rows x terms with unit stride along one axis, F rows x k, B terms x k. scratch: see `split_scratch`.
    family: one of FAMILIES, of which parameter is the beta, or the residual where the loss becomes linear.
    weights: of the entries, lying as X does; P, Q and the loss are multiplied by them, where they are 0 whatever X is.
    Returns, if asked to evaluate, the loss of (scale X, V), in float64. 6 rows terms k flop, 4 for Kullback-Leibler;
    one reading of X.
    """
    cdef Py_ssize_t rows = X.shape[0], terms = X.shape[1], k = B.shape[1], lanes = lanes_of(&scratch[0])
    cdef Py_ssize_t row_stride = X.strides[0] // <Py_ssize_t> sizeof(real) if rows > 1 else terms
    cdef Py_ssize_t term_stride = X.strides[1] // <Py_ssize_t> sizeof(real) if terms > 1 else rows
    cdef bint across = terms > 1 and term_stride != 1  # a single row or column says nothing of its own stride
    cdef Py_ssize_t vectors = ceil_div(k, lanes), padded = vectors * lanes
    cdef Py_ssize_t width = PANEL_VECTORS * lanes, span = LINE_PANELS * width
    cdef Py_ssize_t group = task_rows(&scratch[0], across), groups = ceil_div(rows, group)
    cdef Py_ssize_t size = block_size(&scratch[0]), sums_size = (group + TILE_ROWS) * padded
    cdef Py_ssize_t thread_size = TILE_ROWS * width + 2 * size + 2 * sums_size
    cdef Py_ssize_t along = rows if across else terms, lines = terms if across else rows
    cdef Py_ssize_t panels = ceil_div(along, width), line_stride = term_stride if across else row_stride
    cdef real *packed = &scratch[0]            # B, the panels that sums are made with
    cdef real *panelled = packed + terms * padded          # the factor along the lines, transposed
    cdef real *line_rows = panelled + panels * width * k   # the factor across them, filled up to whole tiles
    cdef real *threads = line_rows + (lines + TILE_ROWS) * k
    cdef const real *of_lines = &B[0, 0] if across else &F[0, 0]
    cdef const real *of_along = &F[0, 0] if across else &B[0, 0]
    cdef Py_ssize_t weights_stride = 0
    cdef const real *w = NULL
    cdef int kind = kind_of(family, parameter)
    cdef bint has_den = kind != KULLBACK_LEIBLER or weights is not None
    cdef double[::1] values = np.zeros(groups)
    cdef real *own
    cdef real *P
    cdef real *Q
    cdef real *sums
    cdef const real *x
    cdef const real *wanted
    cdef Py_ssize_t task, i, q, n_rows, first, depth, step = span if not across else BLOCK_LINES
    if weights is not None:
        w = &weights[0, 0]
        weights_stride = (weights.strides[1] if across else weights.strides[0]) // <Py_ssize_t> sizeof(real)
    memset(line_rows + lines * k, 0, TILE_ROWS * k * sizeof(real))
    for i in prange(ceil_div(terms, PACK_ROWS), nogil=True, num_threads=n_threads, schedule="static"):
        pack_rows(&B[0, 0], k, i * PACK_ROWS, min(terms, (i + 1) * PACK_ROWS), terms, <real> 1, packed)
    for i in prange(ceil_div(lines, PACK_ROWS), nogil=True, num_threads=n_threads, schedule="static"):
        memcpy(line_rows + i * PACK_ROWS * k, of_lines + i * PACK_ROWS * k,
               min(<Py_ssize_t> PACK_ROWS, lines - i * PACK_ROWS) * k * sizeof(real))
    for q in prange(panels, nogil=True, num_threads=n_threads, schedule="static"):
        transposed_panel(of_along + q * width * k, along - q * width, k, panelled + q * width * k)
    for task in prange(groups, nogil=True, num_threads=n_threads, schedule="dynamic"):
        own = threads + threadid() * thread_size
        P = own + TILE_ROWS * width
        Q = P + size
        sums = Q + size
        n_rows = min(group, rows - task * group)
        first = 0
        while first < terms:
            depth = min(step, terms - first)
            if across:
                x = &X[0, 0] + task * group + first * line_stride
                wanted = NULL
                if w != NULL:
                    wanted = w + task * group + first * weights_stride
                values[task] += model_block(kind, x, line_stride, depth, n_rows, line_rows + first * k,
                                            panelled + task * group * k, k, scale, parameter, evaluate, wanted,
                                            weights_stride, own, P, Q)
                add_block(P, 1, span, n_rows, depth, packed, terms, first, vectors, first == 0, sums)
                if has_den:
                    add_block(Q, 1, span, n_rows, depth, packed, terms, first, vectors, first == 0, sums + sums_size)
            else:
                x = &X[0, 0] + task * group * line_stride + first
                wanted = NULL
                if w != NULL:
                    wanted = w + task * group * weights_stride + first
                values[task] += model_block(kind, x, line_stride, n_rows, depth, line_rows + task * group * k,
                                            panelled + first * k, k, scale, parameter, evaluate, wanted,
                                            weights_stride, own, P, Q)
                add_block(P, span, 1, n_rows, depth, packed, terms, first, vectors, first == 0, sums)
                if has_den:
                    add_block(Q, span, 1, n_rows, depth, packed, terms, first, vectors, first == 0, sums + sums_size)
            first = first + depth
        write_sums(sums, n_rows, k, vectors, 0, ceil_div(vectors, PANEL_VECTORS), &num[task * group, 0])
        if has_den:
            write_sums(sums + sums_size, n_rows, k, vectors, 0, ceil_div(vectors, PANEL_VECTORS), &den[task * group, 0])
    return ordered_sum(values)


def multiply(real[:, ::1] F, const real[:, ::1] num, const real[:, ::1] den, const double[::1] floor,
             const real[:, ::1] lower, const real[:, ::1] upper, double gamma, int n_threads):
    """F <- max(floor, F (num / den)^gamma) in place, where den is not 0; den may be one row for all.

    F stays within lower and upper, m x k or one row for all, or None. Returns the sum of den (change)^2 / F.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], step = stretch_rows(k), tasks = ceil_div(rows, step), task, i
    cdef Py_ssize_t den_step = 1 if den.shape[0] > 1 else 0
    cdef double[::1] sums = np.zeros(tasks)
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            sums[task] += multiply_row(&F[i, 0], &num[i, 0], &den[i * den_step, 0], &floor[0], bound_row(lower, i),
                                       bound_row(upper, i), k, gamma)
    return ordered_sum(sums)


def split_kkt(const real[:, ::1] F, const real[:, ::1] num, const real[:, ::1] den, const real[:, ::1] lower,
              const real[:, ::1] upper, const double[::1] mean, int n_threads):
    """(sum of den |min(F, mean (1 - num / den))|, sum of F num); den may be one row for all, the bounds None."""
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], step = stretch_rows(k), tasks = ceil_div(rows, step), task, i
    cdef Py_ssize_t den_step = 1 if den.shape[0] > 1 else 0
    cdef double[:, ::1] sums = np.zeros((2, tasks))
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            sums[0, task] += split_kkt_row(&F[i, 0], &num[i, 0], &den[i * den_step, 0], bound_row(lower, i),
                                           bound_row(upper, i), &mean[0], k, &sums[1, task])
    return ordered_sum(sums[0]), ordered_sum(sums[1])


def column_sums(const real[:, ::1] F, int n_threads):
    """The sum of each column, in float64."""
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], step = stretch_rows(k), tasks = ceil_div(rows, step), task, i
    cdef double[:, ::1] sums = np.zeros((tasks, k))
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            add_row(&F[i, 0], k, &sums[task, 0])
    for task in range(1, tasks):
        add_row(&sums[task, 0], k, &sums[0, 0])
    return np.asarray(sums[0])
