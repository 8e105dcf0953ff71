# Least squares over the simplex, to the end: 1/2 f G f' - f c is least over f >= 0, sum f = 1. Archetypal analysis
# solves one such problem for each row of W, with one G for all, and one for each row of B, among few candidates.
#
# Primal active set. A coordinate whose gradient is below that of the passive ones becomes passive; so it is affinely
# independent of them. A constant rho is added to all entries of G, which changes nothing on the simplex, and which
# makes the matrix of the passive coordinates positive definite for any number of points. Its Cholesky factor grows by a
# row, and so do L^-1 1 and L^-1 c, whose combination is the solution. That combination cancels where c is far larger
# than G + rho, as for archetypes that are 0 to round-off; so rho is at least MIN_RHO times the largest |c| of the row.
#
# A row that starts from its passive set of the iteration before mostly takes one system: 10 000 rows of k = 8 take 3 ms
# on two threads, without such a start 19 ms.

cdef enum:
    SIMPLEX_ROWS = 128  # of a task
    SIMPLEX_STEPS = 10  # times k; without round-off the method ends before

cdef double MIN_RHO = 2.0 ** -26  # of the largest |c|: the square root of the machine epsilon

cdef enum:  # the state of a coordinate
    AT_ZERO = 0
    PASSIVE = 1
    REFUSED = 2  # dependent on the passive ones to round-off, for the rest of the row

cdef struct Simplex:
    Py_ssize_t k
    const double *G
    double rho
    double largest  # of |G|
    Py_ssize_t size  # passive coordinates
    double nu  # the gradient of the passive coordinates
    double *L  # row by row, the reciprocals of its diagonal on the diagonal
    double *ones  # L^-1 1
    double *right  # L^-1 c
    double *x
    double *gradient
    double *c
    double *f
    int32_t *order
    int32_t *state


cdef inline Py_ssize_t simplex_size(Py_ssize_t k) noexcept nogil:
    """Entries of the memory of one thread, up to a cache line."""
    return ceil_div(k * (k + 6), 8) * 8


cdef inline Py_ssize_t simplex_marks(Py_ssize_t k) noexcept nogil:
    """Integers of the memory of one thread, up to a cache line."""
    return ceil_div(2 * k, 16) * 16


cdef Simplex lay_out_simplex(const double *G, Py_ssize_t k, double *memory, int32_t *marks) noexcept nogil:
    """The arrays of one thread."""
    cdef Simplex s
    cdef Py_ssize_t i
    s.k, s.G, s.rho, s.size, s.nu, s.largest = k, G, 0, 0, 0, 0
    s.L = memory
    s.ones = s.L + k * k
    s.right = s.ones + k
    s.x = s.right + k
    s.gradient = s.x + k
    s.c = s.gradient + k
    s.f = s.c + k
    s.order = marks
    s.state = marks + k
    for i in range(k * k):
        s.largest = max(s.largest, G[i], -G[i])
    return s


cdef bint append(Simplex *s, Py_ssize_t t) noexcept nogil:
    """Make coordinate t passive; False where it depends on the passive ones."""
    cdef Py_ssize_t p = s.size, k = s.k, i, j
    cdef const double *G = s.G + t * k
    cdef double *row = s.L + p * k
    cdef double pivot = G[t] + s.rho, one = 1, right = s.c[t], value
    for i in range(p):
        value = G[s.order[i]] + s.rho
        for j in range(i):
            value -= row[j] * s.L[i * k + j]
        value *= s.L[i * (k + 1)]
        row[i] = value
        pivot -= value * value
        one -= value * s.ones[i]
        right -= value * s.right[i]
    if not pivot > 8 * k * DBL_EPSILON * (G[t] + s.rho):
        return False
    value = 1 / sqrt(pivot)
    row[p] = value
    s.ones[p] = one * value
    s.right[p] = right * value
    s.order[p] = <int32_t> t
    s.state[t] = PASSIVE
    s.size += 1
    return True


cdef void remove_passive(Simplex *s, Py_ssize_t i) noexcept nogil:
    """Take the i-th passive coordinate out; the rows of L after it are computed again."""
    cdef Py_ssize_t last = s.size, j, t
    s.state[s.order[i]] = AT_ZERO
    s.size = i
    for j in range(i + 1, last):
        t = s.order[j]
        if not append(s, t):  # by round-off: it was independent of more coordinates
            s.state[t] = REFUSED
            s.f[t] = 0


cdef void solve_simplex(Simplex *s) noexcept nogil:
    """Compute x, the solution on the passive coordinates without bounds, and nu."""
    cdef Py_ssize_t p = s.size, k = s.k, i, j
    cdef double crossed = 0, square = 0, value
    for i in range(p):
        crossed += s.ones[i] * s.right[i]
        square += s.ones[i] * s.ones[i]
    s.nu = (1 - crossed) / square
    for i in range(p):
        s.x[i] = s.right[i] + s.nu * s.ones[i]
    for i in range(p - 1, -1, -1):
        value = s.x[i] * s.L[i * (k + 1)]
        s.x[i] = value
        for j in range(i):
            s.x[j] -= s.L[i * k + j] * value
    s.nu -= s.rho


cdef Py_ssize_t step_to_solution(Simplex *s) noexcept nogil:
    """Move f to x, or to where the first coordinate meets 0: returns its place among the passive ones, or -1."""
    cdef Py_ssize_t i, blocking = -1
    cdef double share = 1, ratio, f
    for i in range(s.size):
        if s.x[i] < 0:
            f = s.f[s.order[i]]
            ratio = f / (f - s.x[i])
            if ratio < share:
                share, blocking = ratio, i
    for i in range(s.size):
        f = s.f[s.order[i]]
        s.f[s.order[i]] = max(0.0, s.x[i] if blocking < 0 else f + share * (s.x[i] - f))
    if blocking >= 0:
        s.f[s.order[blocking]] = 0
    return blocking


cdef Py_ssize_t steepest(Simplex *s, double bound) noexcept nogil:
    """The coordinate at 0 whose gradient is lowest, if that is below nu by more than round-off, or -1."""
    cdef Py_ssize_t k = s.k, i, t, found = -1
    cdef const double *G
    cdef double x, lowest = -bound
    for t in range(k):
        s.gradient[t] = -s.c[t] - s.nu
    for i in range(s.size):
        G, x = s.G + s.order[i] * k, s.x[i]
        for t in range(k):
            s.gradient[t] += x * G[t]
    for t in range(k):
        if s.gradient[t] < lowest and s.state[t] == AT_ZERO:
            lowest, found = s.gradient[t], t
    return found


cdef void start_simplex(Simplex *s) noexcept nogil:
    """The positive coordinates of f are passive; where they depend on each other, the best coordinate alone."""
    cdef Py_ssize_t k = s.k, t, best = 0
    cdef bint independent = True
    s.size = 0
    for t in range(k):
        s.state[t] = AT_ZERO
    for t in range(k):
        if s.f[t] > 0 and independent:
            independent = append(s, t)
    if s.size and independent:
        return
    for t in range(k):
        s.state[t] = AT_ZERO
        s.f[t] = 0
        if 0.5 * s.G[t * (k + 1)] - s.c[t] < 0.5 * s.G[best * (k + 1)] - s.c[best]:
            best = t
    s.size = 0
    s.f[best] = 1
    append(s, best)


cdef double minimise(Simplex *s, double rho) noexcept nogil:
    """f, from f and c, in place; returns f G f' - 2 f c. rho is added to G, or more where |c| is far larger."""
    cdef Py_ssize_t k = s.k, t, step, blocking, entering = -1
    cdef double largest = 0, bound, total = 0, value = 0
    for t in range(k):
        largest = max(largest, s.c[t], -s.c[t])
    s.rho = max(rho, MIN_RHO * largest)
    bound = 4 * k * DBL_EPSILON * max(s.largest, largest)
    start_simplex(s)
    for step in range(SIMPLEX_STEPS * k):
        solve_simplex(s)
        blocking = step_to_solution(s)
        if blocking >= 0:
            t = s.order[blocking]
            remove_passive(s, blocking)
            if t == entering:  # by round-off: its gradient excludes that
                s.state[t] = REFUSED
            continue
        entering = steepest(s, bound)
        while entering >= 0 and not append(s, entering):
            s.state[entering] = REFUSED
            entering = steepest(s, bound)
        if entering < 0:
            break
    for t in range(k):
        total += s.f[t]
    for t in range(k):
        s.f[t] /= total
        value -= s.f[t] * s.c[t]
    return s.nu + value


def simplex_scratch(Py_ssize_t k, int n_threads):
    """Entries of scratch, and of marks, that `simplex_rows` needs, and for one thread `simplex_blocks`."""
    return n_threads * simplex_size(k), n_threads * simplex_marks(k)


def simplex_rows(
    const double[:, ::1] G,  # in: k x k
    const real[:, ::1] C,    # in: rows x k
    real[:, ::1] F,          # in and out: rows x k
    double rho,
    double[::1] values,      # out: rows
    double[::1] scratch,     # memory
    int32_t[::1] marks,      # memory
    int n_threads
):
    """f <- the minimiser of 1/2 f G f' - f c over the simplex, for each row f of F.

    The passive sets start as the positive coordinates of F. rho > 0: about the diagonal of G. values: f G f' - 2 f c of
    each row. A system of p passive coordinates takes p^3 / 3 flop, one more coordinate p^2, a step 2 p k.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], task, i, t
    cdef Simplex s
    for task in prange(ceil_div(rows, SIMPLEX_ROWS), nogil=True, num_threads=n_threads, schedule="dynamic"):
        s = lay_out_simplex(&G[0, 0], k, &scratch[0] + threadid() * simplex_size(k),
                            &marks[0] + threadid() * simplex_marks(k))
        for i in range(task * SIMPLEX_ROWS, min(rows, (task + 1) * SIMPLEX_ROWS)):
            for t in range(k):
                s.c[t], s.f[t] = C[i, t], F[i, t]
            values[i] = minimise(&s, rho)
            for t in range(k):
                F[i, t] = <real> s.f[t]


def simplex_blocks(
    const double[:, ::1] Q,  # in: k x k
    const double[:, ::1] G,  # in: p x p
    const double[:, ::1] E,  # in: k x p
    double[:, ::1] B,        # in and out: k x p
    double[:, ::1] P,        # in and out: k x p
    double rho,
    Py_ssize_t sweeps,
    double[::1] scratch,     # memory
    int32_t[::1] marks       # memory
):
    """Sweeps over the rows of B (k x p) that minimise 1/2 tr(Q B G B') - tr(E B'), each over the simplex, in place.

    P = B G, and stays so. A row with Q_tt = 0 stays as it is.
    """
    cdef Py_ssize_t k = B.shape[0], size = B.shape[1], sweep, t, r, i
    cdef double weight
    cdef Simplex s
    with nogil:
        s = lay_out_simplex(&G[0, 0], size, &scratch[0], &marks[0])
        for sweep in range(sweeps):
            for t in range(k):
                if not Q[t, t] > 0:
                    continue
                for i in range(size):
                    s.c[i], s.f[i] = E[t, i], B[t, i]
                for r in range(k):
                    weight = Q[t, r] if r != t else 0
                    if weight != 0:
                        for i in range(size):
                            s.c[i] -= weight * P[r, i]
                for i in range(size):
                    s.c[i] /= Q[t, t]
                minimise(&s, rho)
                for i in range(size):
                    B[t, i], P[t, i] = s.f[i], 0
                for r in range(size):
                    if s.f[r] > 0:
                        for i in range(size):
                            P[t, i] += s.f[r] * G[r, i]


def column_minima(
    const real[:, ::1] M,  # in: rows x k
    double inner,
    double outer,
    double[::1] values,    # out: k
    int64_t[::1] rows,     # out: k
    int n_threads
):
    """The least of inner v, for entries v >= 0, and outer v, for others, in each column of M, and its first row."""
    cdef Py_ssize_t m = M.shape[0], k = M.shape[1], step = stretch_rows(k), tasks = ceil_div(m, step), task, i, t
    cdef double[:, ::1] least = np.full((tasks, k), INFINITY)
    cdef int64_t[:, ::1] where = np.zeros((tasks, k), dtype=np.int64)
    cdef double v
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(m, (task + 1) * step)):
            for t in range(k):
                v = M[i, t]
                v = v * (inner if v >= 0 else outer)
                if v < least[task, t]:
                    least[task, t], where[task, t] = v, i
    for t in range(k):
        values[t], rows[t] = least[0, t], where[0, t]
        for task in range(1, tasks):
            if least[task, t] < values[t]:
                values[t], rows[t] = least[task, t], where[task, t]
