# Nearest points of the simplex and of Hoyer's cone. Both are scale max(0, x - threshold), with one threshold for a
# problem. It is found by rounds, without sorting: the threshold of the coordinates that are still active is never too
# high, so the coordinates below it are dropped, until there are none. Sixteen problems go side by side in vectors; a
# column of a factor takes passes over the whole factor.
#
# The moments of the active coordinates are counted from their mean, and where entries are FAR times the sum of the
# simplex from the largest entry. So a sum of 1 beside entries of 1e6, or a small spread, loses no digits.
#
# 100 000 rows of 20 take 14 ms on one thread (float32: 6 ms), for Hoyer's cone 22 ms (14 ms).

cdef enum:
    STATES = 16  # at most, numbers of the state of a problem


cdef double epsilon_of(const real *_) noexcept nogil:
    return DBL_EPSILON if real is double else FLT_EPSILON


cdef Py_ssize_t first_active(const real *x, Py_ssize_t stride, double shift, double cut) noexcept nogil:
    """The first of the active coordinates, which is preferred to its equals."""
    cdef Py_ssize_t i = 0
    while not x[i * stride] - shift > cut:
        i += 1
    return i


# If entries exceed FAR times the target sum, they are measured from the largest one: their mean would leave no digits
# for the sum. What lies a whole sum below the largest entry becomes 0.
cdef double FAR = 1e6


cdef inline Py_ssize_t most_rounds(Py_ssize_t n) noexcept nogil:
    """A round drops a coordinate or moves the shift; by round-off the shift could move without end."""
    return n + 64


cdef void project_tile(double *x, Py_ssize_t n, bint hoyer, double target, double eps, double *state) noexcept nogil:
    """Project the columns of x (n x PROBLEMS), in place. eps: of their type; state: memory, 9 PROBLEMS entries."""
    cdef double *moments = state
    cdef double *shift = state + 3 * PROBLEMS
    cdef double *cut = shift + PROBLEMS
    cdef double *before = cut + PROBLEMS
    cdef double *base = before + PROBLEMS
    cdef double *slope = base + PROBLEMS
    cdef double *extra = slope + PROBLEMS
    cdef Py_ssize_t first[PROBLEMS]
    cdef Py_ssize_t i, p, rounds = 0, undone = PROBLEMS
    for p in range(PROBLEMS):
        shift[p], cut[p], before[p] = 0, -INFINITY, INFINITY
    if not hoyer:
        for p in range(PROBLEMS):
            base[p] = slope[p] = x[p]
        for i in range(1, n):
            for p in range(PROBLEMS):
                base[p], slope[p] = min(base[p], x[i * PROBLEMS + p]), max(slope[p], x[i * PROBLEMS + p])
        for p in range(PROBLEMS):
            if max(-base[p], slope[p]) > FAR * target:
                shift[p], cut[p] = slope[p], -target
    while undone > 0 and rounds < most_rounds(n):
        nmf_tile_moments(x, n, shift, cut, moments)
        undone = nmf_raise(hoyer, target, eps, PROBLEMS, moments, shift, cut, before)
        rounds += 1
    nmf_values(hoyer, target, PROBLEMS, moments, shift, base, slope, extra)
    for p in range(PROBLEMS):
        first[p] = first_active(x + p, PROBLEMS, shift[p], cut[p]) if extra[p] > 0 else -1
    clip_active(x, n, PROBLEMS, shift, cut, base, slope)
    for p in range(PROBLEMS):
        if first[p] >= 0:
            x[first[p] * PROBLEMS + p] += extra[p]


def project_scratch(Py_ssize_t k, int n_threads):
    """Entries of scratch, and of wide, that `project_rows` needs."""
    return n_threads * PROBLEMS * k, n_threads * PROBLEMS * (k + STATES)


def project_rows(
    real[:, ::1] F,     # in and out: rows x k
    bint hoyer,
    double target,
    real[::1] scratch,  # memory
    double[::1] wide,   # memory
    int n_threads
):
    """f <- the nearest point of a set, for each row f of F.

    The set is the simplex {f >= 0, sum f = target}, or with `hoyer` the cone {f >= 0, sum f = sqrt(target) ||f||}.
    scratch, wide: see `project_scratch`. About 8 flop an entry in each of a few rounds.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], size = PROBLEMS * k, task, count, i
    cdef double *x
    cdef real *tile
    for task in prange(ceil_div(rows, PROBLEMS), nogil=True, num_threads=n_threads, schedule="static"):
        count = min(<Py_ssize_t> PROBLEMS, rows - task * PROBLEMS)
        tile = &scratch[0] + threadid() * size
        x = &wide[0] + threadid() * (size + STATES * PROBLEMS)
        load_tile(&F[task * PROBLEMS, 0], count, k, PROBLEMS, tile)
        for i in range(size):
            x[i] = tile[i]
        project_tile(x, k, hoyer, target, epsilon_of(tile), x + size)
        for i in range(size):
            tile[i] = <real> x[i]
        transpose(tile, PROBLEMS, k, count, &F[task * PROBLEMS, 0], k)


cdef void column_moments(real[:, ::1] F, Py_ssize_t group, double[:, ::1] state, double[:, ::1] parts,
                         double[:, ::1] moments, int n_threads) noexcept nogil:
    """The moments of the active coordinates of each column; `group` rows side by side fill a vector."""
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], lanes = group * k, step = group * stretch_rows(lanes)
    cdef Py_ssize_t task, whole, rest, i, j
    for task in prange(parts.shape[0], num_threads=n_threads, schedule="static"):
        memset(&parts[task, 0], 0, 3 * lanes * sizeof(double))
        whole = min(step, rows - task * step) // group
        rest = min(step, rows - task * step) % group
        active_moments(&F[task * step, 0], whole, lanes, &state[0, 0], &state[1, 0], &parts[task, 0], lanes)
        if rest > 0:
            active_moments(&F[task * step + whole * group, 0], 1, rest * k, &state[0, 0], &state[1, 0],
                           &parts[task, 0], lanes)
    memset(&moments[0, 0], 0, 3 * k * sizeof(double))
    for task in range(parts.shape[0]):
        for i in range(3):
            for j in range(lanes):
                moments[i, j % k] += parts[task, i * lanes + j]


cdef void clip_columns(real[:, ::1] F, Py_ssize_t group, double[:, ::1] state, int n_threads) noexcept nogil:
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], lanes = group * k, step = stretch_rows(lanes), whole, task
    for task in prange(ceil_div(rows // group, step), num_threads=n_threads, schedule="static"):
        clip_active(&F[task * step * group, 0], min(step, rows // group - task * step), lanes, &state[0, 0],
                    &state[1, 0], &state[2, 0], &state[3, 0])
    whole = rows // group * group
    if whole < rows:
        clip_active(&F[whole, 0], 1, (rows - whole) * k, &state[0, 0], &state[1, 0], &state[2, 0], &state[3, 0])


def project_columns(
    real[:, ::1] F,  # in and out: rows x k
    bint hoyer,
    double target,
    int n_threads
):
    """f <- the nearest point of a set, for each column f of F; see `project_rows`. A round reads F once."""
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], group = max(<Py_ssize_t> 1, PROBLEMS // k), lanes = group * k
    cdef Py_ssize_t undone = k, rounds = 0, i, j
    cdef double[:, ::1] state = np.zeros((4, lanes)), parts
    cdef double[:, ::1] moments = np.empty((3, k))
    cdef double[::1] before = np.full(k, np.inf), extra = np.empty(k)
    cdef Py_ssize_t[::1] first = np.full(k, -1, dtype=np.intp)
    parts = np.empty((ceil_div(rows, group * stretch_rows(lanes)), 3 * lanes))
    state[1, :] = -INFINITY
    if not hoyer:
        for j, (least, largest) in enumerate(zip(np.min(F, axis=0), np.max(F, axis=0))):
            for i in range(j, lanes, k):
                if max(-least, largest) > FAR * target:
                    state[0, i], state[1, i] = largest, -target
    with nogil:
        while undone > 0 and rounds < most_rounds(rows):
            rounds += 1
            column_moments(F, group, state, parts, moments, n_threads)
            undone = nmf_raise(hoyer, target, epsilon_of(&F[0, 0]), k, &moments[0, 0], &state[0, 0], &state[1, 0],
                               &before[0])
            for j in range(k, lanes):
                state[0, j], state[1, j] = state[0, j - k], state[1, j - k]
        nmf_values(hoyer, target, k, &moments[0, 0], &state[0, 0], &state[2, 0], &state[3, 0], &extra[0])
        for j in range(k, lanes):
            state[2, j], state[3, j] = state[2, j - k], state[3, j - k]
        for j in range(k):
            if extra[j] > 0:
                first[j] = first_active(&F[0, j], k, state[0, j], state[1, j])
        clip_columns(F, group, state, n_threads)
        for j in range(k):
            if first[j] >= 0:
                F[first[j], j] += <real> extra[j]


cdef double step_rows(const real *A, const real *C, double scale, real *F, Py_ssize_t rows, Py_ssize_t k, bint hoyer,
                      double target, Py_ssize_t max_steps, double stop, real *tiles, double *x) noexcept nogil:
    """The steps of one group of rows; returns the change of the first one. x: PROBLEMS (k + STATES) entries."""
    cdef Py_ssize_t size = k * PROBLEMS, step, i
    cdef real *c = tiles
    cdef real *f = c + size
    cdef real *fa = f + size
    cdef real *ya = fa + size
    cdef real *z = ya + size
    cdef real *za = z + size
    cdef double *state = x + size
    cdef double *steps = state + 9 * PROBLEMS
    cdef double *value = steps + PROBLEMS
    cdef double first = 0, change
    load_tile(C, rows, k, PROBLEMS, c)
    load_tile(F, rows, k, PROBLEMS, f)
    memset(steps, 0, PROBLEMS * sizeof(double))
    for i in range(size):
        c[i] *= <real> scale
    times_tile(A, k, f, fa)
    memcpy(ya, fa, size * sizeof(real))
    for step in range(max_steps):
        for i in range(size):
            x[i] = ya[i] + c[i]
        project_tile(x, k, hoyer, target, epsilon_of(z), state)
        for i in range(size):
            z[i] = <real> x[i]
        times_tile(A, k, z, za)
        change = momentum_tile(c, z, za, k, rows, f, fa, ya, value, steps)
        if step == 0:
            first = change
        if change <= stop * first:
            break
    transpose(f, PROBLEMS, k, rows, F, k)
    return first


def step_scratch(Py_ssize_t rows, Py_ssize_t k, int n_threads):
    """Entries of scratch, of wide and of moved that `project_steps` needs."""
    return n_threads * 6 * PROBLEMS * k, n_threads * PROBLEMS * (k + STATES), ceil_div(rows, PROBLEMS)


def project_steps(
    const real[:, ::1] A,  # in: k x k
    const real[:, ::1] C,  # in: rows x k
    double scale,
    real[:, ::1] F,        # in and out: rows x k
    bint hoyer,
    double target,
    Py_ssize_t max_steps,
    double stop,
    real[::1] scratch,     # memory
    double[::1] wide,      # memory
    double[::1] moved,     # memory
    int n_threads
):
    """Accelerated projected gradient steps F <- P(F A + scale C), A = I - scale G, for 1/2 tr(F G F') - tr(F C').

    scale is at most 1 over the largest eigenvalue of G, P the projection of `project_rows`. Each row is extrapolated
    with the weights of Nesterov 1983, restarted where its objective rose (O'Donoghue & Candes 2015): no row ends higher
    than it began. A group of PROBLEMS rows stops after max_steps, or when the squared change in a step is at most stop
    times that of the first. Returns that of the first step, over all rows. 2 rows k (k + 10) flop a step, and the
    projections.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], task
    for task in prange(ceil_div(rows, PROBLEMS), nogil=True, num_threads=n_threads, schedule="dynamic"):
        moved[task] = step_rows(&A[0, 0], &C[task * PROBLEMS, 0], scale, &F[task * PROBLEMS, 0],
                                min(<Py_ssize_t> PROBLEMS, rows - task * PROBLEMS), k, hoyer, target, max_steps, stop,
                                &scratch[0] + threadid() * 6 * PROBLEMS * k,
                                &wide[0] + threadid() * PROBLEMS * (k + STATES))
    return ordered_sum(moved)
