# Non-negative least squares to the end, given G = B'B and C = X B: block principal pivoting on the rows of a factor.
#
# The rows are independent problems. Passive sets differ from row to row, and a row alone has no long vectors. So as
# many rows are solved at a time as a vector has lanes, and each lane eliminates the matrix of its own row: 40 GFLOP/s a
# core for k = 40. A lane whose row is done takes the next one, so that the vectors stay full. No lane knows of the
# others: the bits of a row depend on that row alone. A matrix that all lanes had in the step before is not factored
# again, as in the first step where the rows start from one passive set.
#
# The diagonal is raised by 4 k eps, which keeps a singular matrix definite, and one step of refinement takes that out
# again. Raising or dropping small pivots instead diverged, or lost what a penalty on dependent components decides.
#
# From all coordinates passive, where one matrix serves all rows, a uniform 300 x 40 B takes 1.3, 3.0 and 4.2 systems a
# row where none, half and nine tenths of a solution is 0. A start from the signs after some sweeps took longer there;
# it was faster only for a well-conditioned (normal) B with many zeros.

cdef enum:
    MOST_STEPS = 10  # times k, of the active set method; without round-off it ends before
    PATIENCE = 3  # full exchanges that do not lower the number of infeasible coordinates, before single exchanges
    PIVOT_ROWS = 512  # at most, of a task
    MOST_LANES = 8

cdef struct Lane:
    Py_ssize_t row  # -1: none
    Py_ssize_t size  # coordinates of its passive set
    Py_ssize_t fewest  # infeasible coordinates so far
    Py_ssize_t patience
    Py_ssize_t rounds

cdef struct Lanes:
    # G and its diagonal, with one coordinate more, whose diagonal entry is 1 and whose row is 0; the scale of each.
    Py_ssize_t k
    const double *G
    const double *diagonal
    const double *scale
    # Coordinate by lane: right-hand side, solution, gradient, passive set (1 or 0) and the next passive set.
    double *c
    double *x
    double *y
    double *passive
    double *following
    double *found  # row by row: the solution, or the next passive set
    # Passive coordinates by lane.
    double *tiles
    double *part
    double *inverse
    double *lower
    int32_t *order
    int32_t *factored  # the order that belongs to tiles
    Py_ssize_t blocks
    int32_t *waiting  # rows of the task that are not solved
    double bound[MOST_LANES]
    double count[MOST_LANES]
    double last[MOST_LANES]
    Lane lane[MOST_LANES]


cdef inline Py_ssize_t padded(Py_ssize_t k) noexcept nogil:
    return ceil_div(k, SOLVE_BLOCK) * SOLVE_BLOCK


cdef inline Py_ssize_t system_size(Py_ssize_t k) noexcept nogil:
    """Entries of the memory that the threads share, up to a cache line."""
    return ceil_div((k + 1) * (k + 3), 8) * 8


cdef inline Py_ssize_t lanes_size(Py_ssize_t k) noexcept nogil:
    """Entries of the memory of one thread."""
    cdef Py_ssize_t blocks = ceil_div(k, SOLVE_BLOCK)
    return (blocks * (blocks + 1) // 2 + blocks) * SOLVE_TILE + (2 * padded(k) + 6 * k) * LANES_F64


cdef inline Py_ssize_t marks_size(Py_ssize_t k) noexcept nogil:
    """Integers of the memory of one thread, up to a cache line."""
    return ceil_div(2 * padded(k) * LANES_F64 + PIVOT_ROWS, 16) * 16


cdef void prepare_system(const double *G, Py_ssize_t k, double shift, double *system) noexcept nogil:
    """Scale G by powers of two to a diagonal in [1/2, 2), which changes no digit; where G_tt is 0 the scale is 0.

    The diagonal in the array of its own, for the factors, is larger by the factor 1 + shift.
    """
    cdef double *diagonal = system + (k + 1) * (k + 1)
    cdef double *scale = diagonal + k + 1
    cdef Py_ssize_t i, j
    cdef int exponent
    memset(system, 0, system_size(k) * sizeof(double))
    for i in range(k):
        frexp(G[i * k + i], &exponent)
        scale[i] = ldexp(1, -(exponent >> 1)) if G[i * k + i] > 0 else 0
    for i in range(k):
        for j in range(k):
            system[i * (k + 1) + j] = G[i * k + j] * scale[i] * scale[j]
        diagonal[i] = system[i * (k + 2)] * (1 + shift)
    diagonal[k] = 1


cdef Lanes lay_out(const double *system, double *memory, int32_t *marks, Py_ssize_t k) noexcept nogil:
    """The arrays of one thread."""
    cdef Lanes s
    s.k, s.G, s.blocks = k, system, -1
    s.diagonal = system + (k + 1) * (k + 1)
    s.scale = s.diagonal + k + 1
    s.tiles = memory
    s.lower = s.tiles + ceil_div(k, SOLVE_BLOCK) * (ceil_div(k, SOLVE_BLOCK) + 1) // 2 * SOLVE_TILE
    s.part = s.lower + ceil_div(k, SOLVE_BLOCK) * SOLVE_TILE
    s.inverse = s.part + padded(k) * LANES_F64
    s.c = s.inverse + padded(k) * LANES_F64
    s.x = s.c + k * LANES_F64
    s.y = s.x + k * LANES_F64
    s.passive = s.y + k * LANES_F64
    s.following = s.passive + k * LANES_F64
    s.found = s.following + k * LANES_F64
    s.order = marks
    s.factored = s.order + padded(k) * LANES_F64
    s.waiting = s.factored + padded(k) * LANES_F64
    memset(s.c, 0, k * LANES_F64 * sizeof(double))
    return s


cdef void take_row(Lanes *s, Py_ssize_t j, Py_ssize_t row, const real *c, const real *f) noexcept nogil:
    """Begin a row in lane j, passive where f is positive."""
    cdef Py_ssize_t t
    s.lane[j] = Lane(row, 0, s.k + 1, PATIENCE, 0)
    for t in range(s.k):
        s.c[t * LANES_F64 + j] = s.scale[t] * c[t]
        s.passive[t * LANES_F64 + j] = f[t] > 0 and s.scale[t] > 0


cdef void drop_row(Lanes *s, Py_ssize_t j) noexcept nogil:
    """Leave lane j empty."""
    cdef Py_ssize_t t
    s.lane[j].row = -1
    for t in range(s.k):
        s.passive[t * LANES_F64 + j] = 0


cdef Py_ssize_t order_passive(Lanes *s) noexcept nogil:
    """List the passive coordinates of each lane and their part of c, in whole blocks; returns how many blocks."""
    cdef Py_ssize_t t, j, i, at, longest = 0
    for j in range(LANES_F64):
        i = 0
        for t in range(s.k):  # without a branch: entries of other coordinates are overwritten
            at = t * LANES_F64 + j
            s.order[i * LANES_F64 + j] = <int32_t> t
            s.part[i * LANES_F64 + j] = s.c[at]
            i += <Py_ssize_t> s.passive[at]
        s.lane[j].size = i
        longest = max(longest, i)
    for j in range(LANES_F64):
        for i in range(s.lane[j].size, padded(longest)):
            s.order[i * LANES_F64 + j] = <int32_t> s.k
            s.part[i * LANES_F64 + j] = 0
    return ceil_div(longest, SOLVE_BLOCK)


cdef void solve_passive(Lanes *s) noexcept nogil:
    """In each lane x, the minimiser over the passive coordinates, where the others are 0, and the gradient y at x.

    The factors are those of G with a larger diagonal, which is definite even where G is singular. The second pass takes
    the effect of the larger diagonal out of x.
    """
    cdef Py_ssize_t j, i, at, again, blocks
    blocks = order_passive(s)
    if blocks != s.blocks or memcmp(s.order, s.factored, blocks * SOLVE_BLOCK * LANES_F64 * sizeof(int32_t)):
        gather_lanes(s.G, s.k + 1, s.diagonal, s.order, blocks, s.tiles)
        factor_lanes(s.tiles, blocks, DBL_EPSILON, s.inverse, s.lower)
        s.order, s.factored, s.blocks = s.factored, s.order, blocks
    memset(s.x, 0, s.k * LANES_F64 * sizeof(double))
    for again in range(2):
        substitute_lanes(s.tiles, s.inverse, blocks, s.part)
        for j in range(LANES_F64):
            for i in range(s.lane[j].size):
                at = s.factored[i * LANES_F64 + j] * LANES_F64 + j
                s.x[at] += s.part[i * LANES_F64 + j]
        gradient_lanes(s.G, s.k + 1, s.k, s.x, s.c, s.y)
        for j in range(LANES_F64):
            for i in range(s.lane[j].size):
                s.part[i * LANES_F64 + j] = -s.y[s.factored[i * LANES_F64 + j] * LANES_F64 + j]
    look_lanes(s.x, s.y, s.passive, s.k, s.bound, s.following, s.count, s.last)


cdef bint exchange(Lanes *s, Py_ssize_t j) noexcept nogil:
    """Exchange the infeasible coordinates of lane j, or the last of them; whether there are none.

    All are exchanged at once, until their number has not fallen PATIENCE times; then only the last one, until it falls.
    That ends, since no passive set comes again (Kim & Park 2011).
    """
    cdef Py_ssize_t t, at, count = <Py_ssize_t> s.count[j]
    cdef Lane *lane = &s.lane[j]
    if count < lane.fewest:
        lane.fewest, lane.patience = count, PATIENCE
    else:
        lane.patience -= 1
    for t in range(s.k):
        at = t * LANES_F64 + j
        if lane.patience >= 0:
            s.passive[at] = s.following[at]
        elif t == s.last[j]:
            s.passive[at] = 1 - s.passive[at]
        s.found[j * s.k + t] = s.passive[at] if count > 0 else s.x[at]
    return count == 0


cdef bint active_set_step(Lanes *s, Py_ssize_t j) noexcept nogil:
    """A step of the active set method of Lawson & Hanson (1974) from 0 for lane j; whether it was the last.

    It takes one coordinate at a time, but no step raises the objective. `found` is the feasible point.
    """
    cdef double *found = s.found + j * s.k
    cdef double step = 1, worst, x
    cdef Py_ssize_t t, at, enters = -1
    cdef bint stops
    if s.lane[j].rounds == 0:  # the lane does not start from 0
        s.bound[j] = 0
        for t in range(s.k):
            at = t * LANES_F64 + j
            found[t] = s.x[at] = s.passive[at] = 0
            s.y[at] = -s.c[at]
    worst = -s.bound[j]
    for t in range(s.k):
        x = s.x[t * LANES_F64 + j]
        if x < 0:
            step = min(step, found[t] / (found[t] - x))
    for t in range(s.k):
        at = t * LANES_F64 + j
        x = s.x[at]
        if s.passive[at] > 0:
            stops = x < 0 and found[t] / (found[t] - x) <= step
            found[t] += step * (x - found[t])
            if stops or found[t] <= 0:
                found[t] = s.passive[at] = 0
        elif s.y[at] < worst:
            worst, enters = s.y[at], at
    if step == 1 and enters >= 0:
        s.passive[enters] = 1
    elif step == 1 or step == 0:  # nothing enters, or a coordinate leaves at once, by round-off
        return True
    return s.lane[j].rounds == MOST_STEPS * s.k


cdef Py_ssize_t run(Lanes *s, Py_ssize_t waiting, bint pivots, Py_ssize_t most_rounds, const real *C, real *F,
                    Py_ssize_t *systems) noexcept nogil:
    """At most most_rounds steps on each waiting row; returns how many rows still wait, with their passive sets in F."""
    cdef Py_ssize_t k = s.k, j, t, row, following = 0, active = 0, left = 0
    cdef bint solved
    while most_rounds > 0:
        for j in range(LANES_F64):
            row = s.lane[j].row
            if row >= 0:
                solved = exchange(s, j) if pivots else active_set_step(s, j)
                s.lane[j].rounds += 1
                if not solved and s.lane[j].rounds < most_rounds:
                    continue
                for t in range(k):
                    if s.scale[t] > 0:
                        F[row * k + t] = <real> (s.found[j * k + t] * (s.scale[t] if solved else 1))
                if not solved:
                    s.waiting[left] = <int32_t> row
                    left += 1
                active -= 1
            if following < waiting:
                row = s.waiting[following]
                take_row(s, j, row, C + row * k, F + row * k)
                following += 1
                active += 1
            else:
                drop_row(s, j)
        if active == 0:
            return left
        solve_passive(s)
        systems[0] += active
    return waiting


cdef Py_ssize_t pivot_rows(Lanes *s, const real *C, real *F, Py_ssize_t rows, Py_ssize_t most_rounds) noexcept nogil:
    """Solve a task of rows; returns how many systems that took.

    The first step of all rows comes before the further ones, since in it rows may share a matrix.
    """
    cdef Py_ssize_t i, j, waiting, systems = 0
    for i in range(rows):
        s.waiting[i] = <int32_t> i
    for j in range(LANES_F64):
        drop_row(s, j)
    waiting = run(s, rows, True, min(<Py_ssize_t> 1, most_rounds), C, F, &systems)
    waiting = run(s, waiting, True, most_rounds, C, F, &systems)
    run(s, waiting, False, MOST_STEPS * s.k + 2, C, F, &systems)
    return systems


def pivot_scratch(Py_ssize_t k, int n_threads):
    """Entries of scratch, and of marks, that `pivot` needs."""
    return system_size(k) + n_threads * lanes_size(k), n_threads * marks_size(k)


def pivot(
    const double[:, ::1] G,  # in: k x k
    const real[:, ::1] C,    # in: rows x k
    real[:, ::1] F,          # in and out: rows x k
    Py_ssize_t most_rounds,
    double[::1] scratch,     # memory
    int32_t[::1] marks,      # memory
    int n_threads
):
    """F <- the minimiser over F >= 0 of 1/2 tr(F G F') - tr(F C'), by block principal pivoting.

    The passive sets start as the positive coordinates of F. A row that is not solved after most_rounds exchanges is
    solved by an active set method. A coordinate whose G_tt is 0 stays as it is. Returns how many systems were solved,
    of about p^3 / 3 + 6 k^2 flop each for p passive coordinates.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], systems = 0, task
    cdef Py_ssize_t step = max(<Py_ssize_t> LANES_F64, min(<Py_ssize_t> PIVOT_ROWS, ceil_div(rows, 4 * n_threads)))
    cdef double shift = max(4 * k * DBL_EPSILON, DBL_EPSILON if real is double else FLT_EPSILON)  # round-off of G, C
    cdef double *system = &scratch[0]
    cdef Lanes lanes
    prepare_system(&G[0, 0], k, shift, system)
    for task in prange(ceil_div(rows, step), nogil=True, num_threads=n_threads, schedule="dynamic"):
        lanes = lay_out(system, system + system_size(k) + threadid() * lanes_size(k),
                        &marks[0] + threadid() * marks_size(k), k)
        systems += pivot_rows(&lanes, &C[task * step, 0], &F[task * step, 0], min(step, rows - task * step),
                              most_rounds)
    return systems
