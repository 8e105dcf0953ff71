# Newton's method for the rows of a factor, where the loss is convex in the model: beta-divergences with 1 <= beta <= 2.
# The rows are independent problems of k coordinates between bounds; each is solved to the end, in float64.
#
# A step minimises the quadratic model of the loss over the coordinates that no bound holds. Some sweeps of
# coordinate descent find the bounds that the minimiser touches; linear systems in the other coordinates follow, and a
# coordinate that leaves its bounds on the way to their solution is held there. No part raises the model, so the change
# is a descent direction, and a line search along it makes the loss fall. Near the minimiser full steps are taken, which
# converge quadratically (Lee, Sun & Saunders 2014, doi:10.1137/130921428, for steps of this kind).
#
# The line search looks at derivatives alone, which cost one operation for each term and lose no digits: the loss is
# convex along the line, and has fallen as far as its derivative is negative.
#
# 21 x 96 counts under 86 signatures take 6 to 10 steps and 1.5 systems a step; without the sweeps 8 systems a step.

cdef enum:
    NEWTON_STEPS = 100   # at most, of a call; a row that needs more goes on in the next call
    NEWTON_SWEEPS = 10   # over the quadratic model, before the first system
    NEWTON_DEPTH = 64    # terms whose weighted rows stay in cache
    NEWTON_VECTORS = 9   # of k entries in the memory of a thread
    MOST_HALVINGS = 100

cdef double NEWTON_LEAST = 1e-120   # a model below it is 0: no free coordinate reaches that term
cdef double NEWTON_CLOSE = 1e-8     # a relative change of the model after which the next one is round-off
cdef double NEWTON_EXACT = 1e-24    # a decrease of the loss, relative to the size of its terms, that is round-off
cdef double NEWTON_FLAT = 1e-18     # one that is round-off if the next one is not much smaller

cdef struct NewtonRow:
    Py_ssize_t k, count  # coordinates, and terms that count
    int kind
    double beta
    bint weighted
    const double *G  # the quadratic that is added, k x k, or NULL
    const double *c
    # Entries for each term: X, the weights, the model, the two parts of the derivative, and changes of the model.
    double *x
    double *w
    double *v
    double *p
    double *q
    double *step
    double *trial
    # The quadratic model.
    double *rows
    double *tiles
    double *gram
    double *factor
    # Entries for each coordinate; those of `target` to `solution` belong to the coordinates of `set`.
    double *f
    double *lower
    double *upper
    double *gradient
    double *target
    double *slope
    double *least
    double *most
    double *solution
    int32_t *terms
    int32_t *set
    int32_t *inside


cdef inline Py_ssize_t newton_size(Py_ssize_t terms, Py_ssize_t k) noexcept nogil:
    """Entries of the memory of one thread, up to a cache line."""
    return ceil_div(7 * terms + NEWTON_DEPTH * k + TILE_ROWS + (k + TILE_ROWS) * (k + LANES_F64) + 2 * k * k
                    + NEWTON_VECTORS * k, 8) * 8


cdef inline Py_ssize_t newton_marks(Py_ssize_t terms, Py_ssize_t k) noexcept nogil:
    """Integers of the memory of one thread, up to a cache line."""
    return ceil_div(terms + 2 * k, 16) * 16


cdef NewtonRow lay_out_newton(double *memory, int32_t *marks, Py_ssize_t terms, Py_ssize_t k) noexcept nogil:
    """The arrays of one thread."""
    cdef NewtonRow s
    s.k = k
    s.x = memory
    s.w = s.x + terms
    s.v = s.w + terms
    s.p = s.v + terms
    s.q = s.p + terms
    s.step = s.q + terms
    s.trial = s.step + terms
    s.rows = s.trial + terms
    s.tiles = s.rows + NEWTON_DEPTH * k + TILE_ROWS
    s.gram = s.tiles + (k + TILE_ROWS) * (k + LANES_F64)
    s.factor = s.gram + k * k
    s.f = s.factor + k * k
    s.lower = s.f + k
    s.upper = s.lower + k
    s.gradient = s.upper + k
    s.target = s.gradient + k
    s.slope = s.target + k
    s.least = s.slope + k
    s.most = s.least + k
    s.solution = s.most + k
    s.terms, s.set, s.inside = marks, marks + terms, marks + terms + k
    return s


cdef void take_terms(NewtonRow *s, const real *x, Py_ssize_t stride, const real *w, Py_ssize_t w_stride,
                     Py_ssize_t terms, double scale) noexcept nogil:
    """The terms of a row that count: those with a weight, and for Kullback-Leibler without weights those with X > 0."""
    cdef Py_ssize_t j
    s.count = 0
    for j in range(terms):
        s.x[s.count] = scale * x[j * stride]
        s.w[s.count] = w[j * w_stride] if w != NULL else 1
        s.terms[s.count] = <int32_t> j
        s.count += s.w[s.count] > 0 and (w != NULL or s.kind != KULLBACK_LEIBLER or s.x[s.count] > 0)


cdef void differentiate(NewtonRow *s, const double *model) noexcept nogil:
    """The parts p and q of the derivative q - p of each term; both are 0 where the model is."""
    cdef Py_ssize_t i
    ratio_row(s.kind, s.x, model, s.count, 1.0, s.beta, s.p, s.q)
    if s.weighted:
        weigh_ratio(s.kind, s.w, s.count, s.p, s.q)
    elif s.kind == KULLBACK_LEIBLER:
        memset(s.q, 0, s.count * sizeof(double))  # the sum of B, which c contains
    if s.kind != LEAST_SQUARES:
        for i in range(s.count):
            if not model[i] > NEWTON_LEAST:
                s.p[i] = s.q[i] = 0


cdef double quadratic_slope(const NewtonRow *s, const double *f, Py_ssize_t t) noexcept nogil:
    """The derivative of what is added to the loss in coordinate t."""
    cdef double total = -s.c[t]
    cdef Py_ssize_t i
    if s.G != NULL:
        for i in range(s.k):
            total += s.G[t * s.k + i] * f[i]
    return total


cdef double differentiate_row(NewtonRow *s, const real *B) noexcept nogil:
    """The model, the gradient and, in `step`, the curvature of each term; returns the size of the terms."""
    cdef Py_ssize_t i, t
    cdef double whole = 0
    model_terms(B, s.k, s.terms, s.count, s.f, s.v)
    differentiate(s, s.v)
    for i in range(s.count):
        whole += (s.p[i] + s.q[i]) * s.v[i]
        s.trial[i] = s.q[i] - s.p[i]
        if s.kind == LEAST_SQUARES:
            s.step[i] = s.w[i]
        elif s.v[i] > NEWTON_LEAST:
            s.step[i] = ((s.beta - 1) * s.q[i] + (2 - s.beta) * s.p[i]) / s.v[i]
        else:
            s.step[i] = 0
    for t in range(s.k):
        s.gradient[t] = quadratic_slope(s, s.f, t)
    add_terms(B, s.k, s.terms, s.count, s.trial, s.gradient)
    return whole


cdef Py_ssize_t list_free(NewtonRow *s) noexcept nogil:
    """List the coordinates that no bound holds, with their bounds and gradients; returns how many there are."""
    cdef Py_ssize_t t, n = 0
    for t in range(s.k):
        if s.lower[t] < s.upper[t] and (s.f[t] > s.lower[t] or s.gradient[t] < 0) and (
            s.f[t] < s.upper[t] or s.gradient[t] > 0
        ):
            s.set[n] = <int32_t> t
            s.target[n], s.least[n], s.most[n], s.slope[n] = s.f[t], s.lower[t], s.upper[t], s.gradient[t]
            n += 1
    return n


cdef void curve(NewtonRow *s, const real *B, Py_ssize_t n) noexcept nogil:
    """`gram`: the second derivatives in the n coordinates of the set, from the curvature of each term in `step`."""
    cdef Py_ssize_t vectors = ceil_div(n, LANES_F64), tiles = ceil_div(n, TILE_ROWS)
    cdef Py_ssize_t block, first, depth, t, v, q, r, c, width
    cdef double *tile
    cdef double largest = 0, unit
    cdef int exponent
    memset(s.gram, 0, n * n * sizeof(double))
    for t in range(s.count):
        largest = max(largest, s.step[t])
    frexp(largest, &exponent)
    unit = ldexp(1, -exponent)  # so that the roots of the curvatures have the same digits for X times a power of two
    for t in range(s.count):
        s.step[t] *= unit
    unit = ldexp(1, exponent)
    for block in range(ceil_div(s.count, NEWTON_DEPTH)):
        first = block * NEWTON_DEPTH
        depth = min(<Py_ssize_t> NEWTON_DEPTH, s.count - first)
        weigh_terms(B, s.k, s.terms + first, depth, s.step + first, s.set, n, s.rows)
        memset(s.rows + depth * n, 0, TILE_ROWS * sizeof(double))  # tiles reach beyond the last column
        tile = s.tiles
        for t in range(tiles):
            v = t * TILE_ROWS // LANES_F64
            for q in range(ceil_div(vectors - v, PANEL_VECTORS)):
                width = panel_width(vectors - t * TILE_ROWS // LANES_F64, q)
                gram_tile(width, s.rows + t * TILE_ROWS, s.rows + v * LANES_F64, n, depth, first == 0, tile)
                tile += TILE_ROWS * width * LANES_F64
                v += width
    if s.count > 0:
        tile = s.tiles
        for t in range(tiles):
            v = t * TILE_ROWS // LANES_F64
            for q in range(ceil_div(vectors - v, PANEL_VECTORS)):
                width = panel_width(vectors - t * TILE_ROWS // LANES_F64, q) * LANES_F64
                for r in range(min(<Py_ssize_t> TILE_ROWS, n - t * TILE_ROWS)):
                    for c in range(min(width, n - v * LANES_F64)):
                        s.gram[(t * TILE_ROWS + r) * n + v * LANES_F64 + c] = tile[r * width + c]
                tile += TILE_ROWS * width
                v += width // LANES_F64
    for r in range(n):
        for c in range(r, n):
            s.gram[r * n + c] *= unit
            if s.G != NULL:
                s.gram[r * n + c] += s.G[s.set[r] * s.k + s.set[c]]
            s.gram[c * n + r] = s.gram[r * n + c]


cdef void move_target(NewtonRow *s, Py_ssize_t n, Py_ssize_t t, double change) noexcept nogil:
    """Change the target of a coordinate, and the slopes of the quadratic model with it."""
    cdef Py_ssize_t i
    cdef const double *row = s.gram + t * n
    cdef double *slope = s.slope
    if change != 0:
        for i in range(n):
            slope[i] += change * row[i]


cdef void sweep_model(NewtonRow *s, Py_ssize_t n) noexcept nogil:
    """Sweeps of coordinate descent over the quadratic model; a coordinate without curvature goes to its bound."""
    cdef Py_ssize_t sweep, t
    cdef double new, change
    for sweep in range(NEWTON_SWEEPS):
        for t in range(n):
            if s.gram[t * n + t] > 0:
                new = s.target[t] - s.slope[t] / s.gram[t * n + t]
                new = min(max(new, s.least[t]), s.most[t])
            else:
                new = s.least[t]
            change = new - s.target[t]
            s.target[t] = new
            move_target(s, n, t, change)


cdef void solve_system(NewtonRow *s, Py_ssize_t n, Py_ssize_t m, double shift) noexcept nogil:
    """`solution`: the step to the minimiser of the quadratic model over the m coordinates inside their bounds.

    The diagonal is raised by the share `shift`, which keeps a singular matrix definite.
    """
    cdef Py_ssize_t i, j, t
    cdef double *U = s.factor
    cdef double *row
    cdef double *own
    cdef double *x = s.solution
    cdef double share, least
    for i in range(m):
        x[i] = -s.slope[s.inside[i]]
        for j in range(i, m):
            U[i * m + j] = s.gram[s.inside[i] * n + s.inside[j]]
        U[i * m + i] *= 1 + shift
    for i in range(m):  # A = U' D^-1 U, where D is the diagonal of U
        own = U + i * m
        least = DBL_EPSILON * s.gram[s.inside[i] * (n + 1)]
        own[i] = max(own[i], least)
        for j in range(i + 1, m):
            share = own[j] / own[i]
            row = U + j * m
            for t in range(j, m):
                row[t] -= share * own[t]
            x[j] -= share * x[i]
    for i in range(m - 1, -1, -1):
        own = U + i * m
        for t in range(i + 1, m):
            x[i] -= own[t] * x[t]
        x[i] /= own[i]


cdef void minimise_model(NewtonRow *s, Py_ssize_t n, double shift) noexcept nogil:
    """`target`: a point within the bounds at which the quadratic model is near its minimum."""
    cdef Py_ssize_t i, t, m, left
    cdef double reach, share, at
    cdef bint stops
    sweep_model(s, n)
    m = 0
    for t in range(n):
        if s.gram[t * n + t] > 0 and (s.target[t] > s.least[t] or s.slope[t] < 0) and (
            s.target[t] < s.most[t] or s.slope[t] > 0
        ):
            s.inside[m] = <int32_t> t
            m += 1
    while m > 0:
        solve_system(s, n, m, shift)
        reach = 1
        for i in range(m):
            reach = min(reach, share_to_bound(s, s.inside[i], s.solution[i]))
        left = 0
        for i in range(m):
            t = s.inside[i]
            share = share_to_bound(s, t, s.solution[i])
            at = s.target[t]
            if reach < 1 and share <= reach:
                s.target[t] = s.least[t] if s.solution[i] < 0 else s.most[t]
            else:
                s.target[t] = min(max(at + reach * s.solution[i], s.least[t]), s.most[t])
                s.inside[left] = <int32_t> t
                left += 1
            move_target(s, n, t, s.target[t] - at)
        if left == m:
            return
        m = left


cdef inline double share_to_bound(const NewtonRow *s, Py_ssize_t t, double change) noexcept nogil:
    """The share of a change of coordinate t that its bounds allow; 1 at most."""
    if change < 0:
        return min(1.0, (s.least[t] - s.target[t]) / change)
    return min(1.0, (s.most[t] - s.target[t]) / change) if change > 0 else 1.0


cdef double slope_along(NewtonRow *s, double share, double linear, double square) noexcept nogil:
    """The derivative of the objective along the line at a share of the step."""
    cdef double total = linear + share * square
    cdef Py_ssize_t i
    for i in range(s.count):
        s.trial[i] = s.v[i] + share * s.step[i]
    ratio_row(s.kind, s.x, s.trial, s.count, 1.0, s.beta, s.p, s.q)
    if s.weighted:
        weigh_ratio(s.kind, s.w, s.count, s.p, s.q)
    elif s.kind == KULLBACK_LEIBLER:
        memset(s.q, 0, s.count * sizeof(double))
    for i in range(s.count):
        if s.step[i] != 0:
            total += (s.q[i] - s.p[i]) * s.step[i]
    return total


cdef double search_line(NewtonRow *s, double fall, double linear, double square) noexcept nogil:
    """A share of the step, 1 if possible, along which the loss falls; fall: minus the derivative at its beginning.

    The loss is convex: it falls up to a point with a derivative <= 0, and at least half as far as it can if the
    double share has a positive one. A small positive derivative at the end is no rise if that in the middle is as far
    below 0.
    """
    cdef double share = 1, slope = slope_along(s, 1, linear, square)
    cdef int halving
    if slope <= 0 or (slope <= 0.25 * fall and slope_along(s, 0.5, linear, square) <= -0.25 * fall):
        return 1
    for halving in range(MOST_HALVINGS):
        share *= 0.5
        if slope_along(s, share, linear, square) <= 0:
            return share
    return 0


cdef bint take_step(NewtonRow *s, const real *B, Py_ssize_t n, double fall, double whole) noexcept nogil:
    """Go to the target, or part of the way; whether that was the last step."""
    cdef double linear = 0, square = 0, share
    cdef double *full = s.gradient  # the change of each coordinate
    cdef Py_ssize_t i, t
    cdef bint close = True
    memset(full, 0, s.k * sizeof(double))
    for i in range(n):
        full[s.set[i]] = s.target[i] - s.f[s.set[i]]
    for i in range(n):
        t = s.set[i]
        linear += full[t] * quadratic_slope(s, s.f, t)
        square += full[t] * (quadratic_slope(s, full, t) + s.c[t])
    model_terms(B, s.k, s.terms, s.count, full, s.step)
    for i in range(s.count):
        if s.step[i] > NEWTON_CLOSE * s.v[i] or s.step[i] < -NEWTON_CLOSE * s.v[i]:
            close = False
    share = search_line(s, fall, linear, square)
    for i in range(n):
        t = s.set[i]
        s.f[t] = s.target[i] if share == 1 else s.f[t] + share * full[t]
    return share == 0 or fall <= NEWTON_EXACT * whole or (close and s.G == NULL)


cdef double newton_row(NewtonRow *s, const real *B, real *f, const real *lower, const real *upper) noexcept nogil:
    """Minimise over f within its bounds; returns the squared first step, in the metric of the curvature there."""
    cdef double shift = 4 * s.k * DBL_EPSILON, moved = 0, before = INFINITY, fall, whole
    cdef Py_ssize_t step, n, i, t
    for t in range(s.k):
        s.lower[t] = lower[t] if lower != NULL else 0
        s.upper[t] = upper[t] if upper != NULL else INFINITY
        s.f[t] = min(max(<double> f[t], s.lower[t]), s.upper[t])
    for step in range(NEWTON_STEPS):
        whole = differentiate_row(s, B)
        n = list_free(s)
        if n == 0:
            break
        curve(s, B, n)
        minimise_model(s, n, shift)
        fall = 0
        for i in range(n):
            fall -= s.gradient[s.set[i]] * (s.target[i] - s.f[s.set[i]])
        if step == 0:
            moved = max(fall, 0.0)
        if not fall > 0 or (fall <= NEWTON_FLAT * whole and fall > 0.25 * before):
            break
        if take_step(s, B, n, fall, whole):
            break
        before = fall
    for t in range(s.k):
        f[t] = <real> s.f[t]
    return moved


def newton_scratch(Py_ssize_t terms, Py_ssize_t k, int n_threads):
    """Entries of scratch in float64, and of marks, that `newton` needs."""
    return n_threads * newton_size(terms, k), n_threads * newton_marks(terms, k)


def newton(
    const real[:, :] X,        # in: rows x terms, of any strides
    const real[:, :] weights,  # in: rows x terms, of any strides, or None
    real[:, ::1] F,            # in and out: rows x k
    const real[:, ::1] B,      # in: terms x k
    added,                     # in: G, k x k, or None, and C in float64, then lower and upper bounds, or None
    memory,                    # memory: scratch in float64, and marks in int32
    double beta,
    double scale,
    int n_threads
):
    """F <- the minimiser between bounds of the beta-divergence of scale X from F B' plus 1/2 tr(F G F') - tr(F C').

    C and the bounds have a row for each row of F, or one for all; without bounds F >= 0. beta: from 1 to 2. Without
    weights, Kullback-Leibler leaves out the sum of the model: C contains minus the sums of the columns of B. Terms
    whose model is 0 do not count. Returns the sum of the squared first steps. A step of a row costs
    terms p^2 + p^3 / 3 flop for p coordinates that are free, and a few times terms k.
    """
    cdef Py_ssize_t rows = F.shape[0], terms = B.shape[0], k = F.shape[1], i
    cdef Py_ssize_t stride = X.strides[1] // <Py_ssize_t> sizeof(real), w_stride = 0
    cdef Py_ssize_t size = newton_size(terms, k), marks_size = newton_marks(terms, k)
    cdef const double[:, ::1] G = added[0], C = added[1]
    cdef const real[:, ::1] lower = added[2], upper = added[3]
    cdef double[::1] scratch = memory[0], moved = np.zeros(rows)
    cdef int32_t[::1] marks = memory[1]
    cdef int kind = kind_of(0, beta)
    cdef const real *w
    cdef NewtonRow s
    if weights is not None:
        w_stride = weights.strides[1] // <Py_ssize_t> sizeof(real)
    for i in prange(rows, nogil=True, num_threads=n_threads, schedule="dynamic"):
        s = lay_out_newton(&scratch[0] + threadid() * size, &marks[0] + threadid() * marks_size, terms, k)
        w = &weights[i, 0] if weights is not None else <const real *> NULL
        s.kind, s.beta, s.weighted = kind, beta, w != NULL
        s.G = &G[0, 0] if G is not None else <const double *> NULL
        s.c = &C[i if C.shape[0] > 1 else 0, 0]
        take_terms(&s, &X[i, 0], stride, w, w_stride, terms, scale)
        moved[i] = newton_row(&s, &B[0, 0], &F[i, 0], bound_row(lower, i), bound_row(upper, i))
    return ordered_sum(moved)


def sparse_newton(
    const index[::1] indptr,    # in: rows + 1
    const index[::1] indices,   # in: entries, from 0 to terms - 1
    const real[::1] data,       # in: entries
    const real[::1] weights,    # in: entries, or None
    const int64_t[::1] bounds,  # in: the first row of each task, then the number of rows
    real[:, ::1] F,             # in and out: rows x k
    const real[:, ::1] B,       # in: terms x k
    added,                      # in: as for `newton`
    memory,                     # memory: scratch in float64, and marks in int32
    double beta,
    double scale,
    int n_threads
):
    """`newton` where only the entries of compressed rows count: those with weights, or all of Kullback-Leibler.

    memory: see `newton_scratch`, with as many terms as a row has entries at most.
    """
    cdef Py_ssize_t k = F.shape[1], most = 0, i, p, task
    cdef const double[:, ::1] G = added[0], C = added[1]
    cdef const real[:, ::1] lower = added[2], upper = added[3]
    cdef double[::1] scratch = memory[0], moved = np.zeros(bounds.shape[0])
    cdef int32_t[::1] marks = memory[1]
    cdef int kind = kind_of(0, beta)
    cdef NewtonRow s
    for i in range(bounds[0], bounds[bounds.shape[0] - 1]):
        most = max(most, <Py_ssize_t> (indptr[i + 1] - indptr[i]))
    cdef Py_ssize_t size = newton_size(most, k), marks_size = newton_marks(most, k)
    for task in prange(bounds.shape[0] - 1, nogil=True, num_threads=n_threads, schedule="dynamic"):
        s = lay_out_newton(&scratch[0] + threadid() * size, &marks[0] + threadid() * marks_size, most, k)
        s.kind, s.beta, s.weighted = kind, beta, weights is not None
        s.G = &G[0, 0] if G is not None else <const double *> NULL
        for i in range(bounds[task], bounds[task + 1]):
            s.c = &C[i if C.shape[0] > 1 else 0, 0]
            s.count = 0
            for p in range(indptr[i], indptr[i + 1]):
                s.x[s.count] = scale * data[p]
                s.w[s.count] = weights[p] if weights is not None else 1
                s.terms[s.count] = <int32_t> indices[p]
                s.count = s.count + (s.w[s.count] > 0 and (s.weighted or s.x[s.count] > 0))
            moved[task] += newton_row(&s, &B[0, 0], &F[i, 0], bound_row(lower, i), bound_row(upper, i))
    return ordered_sum(moved)
