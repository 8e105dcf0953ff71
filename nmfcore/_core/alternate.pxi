# Many iterations of the alternation in one call, for a dense X so small that Python would take the time: HALS for least
# squares, and multiplicative updates for losses that are sums over entries. No penalty, weight or known value.
#
# The kernels, their order and their numbers are those of `_fit/driver.py`, which says why they are as they are. So the
# bits are the same, whoever takes the steps. An iteration of 20 x 10 took 180 us in Python and takes 3 us here.

cdef enum:
    FACTOR, OLD, BEST, FIRST, SECOND, PLACES  # of a factor's arrays: FIRST is C or num, SECOND is den


cdef struct Rules:
    # What does not change from iteration to iteration.
    Py_ssize_t rows[2]     # of W and of H'
    Py_ssize_t k
    Precision precision
    double tol, scale, small  # small: flop of a region that one thread takes
    int n_threads
    bint extrapolate
    int64_t warm_up        # iterations of one sweep each
    int64_t sweeps[2]      # of the others, at most
    double stop            # the share of the first sweep at which the sweeps of a group end
    double whole, cancellation  # ||X||^2; an objective below is summed entry by entry
    bint by_rows           # whether the rows of X are contiguous
    double gamma, floor    # of the multiplicative updates
    bint shares_den


cdef inline int region(const Rules *rules, double flop) noexcept nogil:
    """The threads of a region of so many flop."""
    return rules.n_threads if flop > rules.small else 1


cdef void exchange_side(real **arrays, int side) noexcept nogil:
    cdef real *factor = arrays[PLACES * side + FACTOR]
    arrays[PLACES * side + FACTOR] = arrays[PLACES * side + OLD]
    arrays[PLACES * side + OLD] = factor


cdef void keep_best(const Rules *rules, real **arrays) noexcept nogil:
    cdef int side
    for side in range(2):
        memcpy(arrays[PLACES * side + BEST], arrays[PLACES * side + FACTOR],
               rules.rows[side] * rules.k * sizeof(real))


cdef void restart_from(const Rules *rules, const Course *course, real **arrays) noexcept nogil:
    """Go on without momentum: from the last half-steps, or from the best factors if that has not helped."""
    cdef int side, place = OLD if course.since_progress == 1 else BEST
    cdef Py_ssize_t size
    cdef real *point
    for side in range(2):
        size = rules.rows[side] * rules.k * sizeof(real)
        point = arrays[PLACES * side + place]
        memcpy(arrays[PLACES * side + FACTOR], point, size)
        if place != OLD:
            memcpy(arrays[PLACES * side + OLD], point, size)


cdef void extrapolate_stretches(const real *new, real *old, Py_ssize_t rows, Py_ssize_t k, double weight, bint rising,
                                int n_threads) noexcept nogil:
    cdef Py_ssize_t step = stretch_rows(k), i
    if n_threads == 1:
        for i in range(ceil_div(rows, step)):
            extrapolate_row(new + i * step * k, old + i * step * k, min(step, rows - i * step) * k, <real> weight,
                            rising)
        return
    for i in prange(ceil_div(rows, step), num_threads=n_threads, schedule="static"):
        extrapolate_row(new + i * step * k, old + i * step * k, min(step, rows - i * step) * k, <real> weight, rising)


cdef void extrapolate_side(const Rules *rules, real **arrays, int side, double weight, bint rising) noexcept nogil:
    """Go on along the last change of a factor."""
    if rules.extrapolate:
        extrapolate_stretches(arrays[PLACES * side + FACTOR], arrays[PLACES * side + OLD], rules.rows[side], rules.k,
                              weight, rising, region(rules, 4.0 * rules.rows[side] * rules.k))
        exchange_side(arrays, side)


cdef double inner_stretches(const real *A, const real *B, Py_ssize_t rows, Py_ssize_t k, double *sums,
                            int n_threads) noexcept nogil:
    """`inner`, in the same stretches."""
    cdef Py_ssize_t step = stretch_rows(k), tasks = ceil_div(rows, step), task
    cdef double total = 0
    if n_threads == 1:
        for task in range(tasks):
            total += inner_row(A + task * step * k, B + task * step * k, min(step, rows - task * step) * k)
        return total
    for task in prange(tasks, num_threads=n_threads, schedule="static"):
        sums[task] = inner_row(A + task * step * k, B + task * step * k, min(step, rows - task * step) * k)
    for task in range(tasks):
        total += sums[task]
    return total


# Least squares.

cdef struct Grams:
    # The Gram matrices of W and H', whether they are those of the factors as they are, and scratch.
    double *of[2]
    bint current[2]
    double *scratch
    double *sums  # of stretches


cdef void make_gram(const Rules *rules, real **arrays, Grams *grams, int side) noexcept nogil:
    cdef Py_ssize_t rows = rules.rows[side], k = rules.k
    cdef int64_t *columns = [0, k]
    cdef int64_t fit = 0
    cdef Stack stack = Stack(columns, &fit, 1)
    if not grams.current[side]:
        gram_of_fits(&stack, &fit, arrays[PLACES * side + FACTOR], rows, grams.scratch, grams.of[side],
                     region(rules, <double> rows * k * k))
        grams.current[side] = True


cdef double sweep_side(const Rules *rules, const real *X, const Shape *shapes, real **arrays, Grams *grams, int side,
                       int64_t iteration, real *scratch) noexcept nogil:
    """A half-step: G and C for a factor, and its sweeps; returns the squared first step."""
    cdef Py_ssize_t rows = rules.rows[side], k = rules.k, groups = ceil_div(rows, GROUP_ROWS), i
    cdef real *factor = arrays[PLACES * side + FACTOR]
    cdef real *C = arrays[PLACES * side + FIRST]
    cdef int64_t *columns = [0, k]
    cdef int64_t *squares = [0, k * k]
    cdef int64_t fit = 0, most = 1 if iteration <= rules.warm_up else rules.sweeps[side]
    cdef double stop = rules.stop, moved = 0
    cdef Stack stack = Stack(columns, &fit, 1)
    cdef Sweeps sweeps = Sweeps(rows, 0, &most, &stop)
    cdef int n_threads = region(rules, 2.0 * rows * k * k * most)
    make_gram(rules, arrays, grams, 1 - side)
    product_of_fits(&shapes[side], &stack, X, arrays[PLACES * (1 - side) + FACTOR], <real> rules.scale, scratch, C,
                    region(rules, 2.0 * rows * rules.rows[1 - side] * k))
    prepare_grams(&stack, squares, grams.of[1 - side], scratch, n_threads)
    sweep_of_fits(&stack, squares, &sweeps, scratch, C, <const real *> NULL, <const real *> NULL, factor,
                  scratch + grams_size(&stack, squares), grams.sums, n_threads)
    for i in range(groups):
        moved += grams.sums[i]
    grams.current[side] = False
    return moved


cdef double residual(const Rules *rules, const real *X, Py_ssize_t line, real **arrays, double *sums,
                     real *scratch) noexcept nogil:
    """||X - W H||^2, entry by entry. line: entries from one contiguous row of X, or of X', to the next one."""
    cdef int of_rows = 0 if rules.by_rows else 1
    cdef Py_ssize_t rows = rules.rows[of_rows], columns = rules.rows[1 - of_rows], k = rules.k, i, t
    cdef const real *B = arrays[PLACES * (1 - of_rows) + FACTOR]
    cdef real *model = scratch
    cdef real *B_rows = model + rows * columns
    cdef int64_t *wide = [0, columns]
    cdef int64_t fit = 0
    cdef Stack stack = Stack(wide, &fit, 1)
    cdef int n_threads = region(rules, 2.0 * rows * columns * k)
    cdef Py_ssize_t step = stretch_rows(columns), tasks = ceil_div(rows, step), task
    cdef Shape shape = shape_of(rows, k, columns, k, 1, lanes_of(model), 1, n_threads)
    cdef double total = 0
    for i in range(columns):
        for t in range(k):
            B_rows[t * columns + i] = B[i * k + t]
    product_of_fits(&shape, &stack, arrays[PLACES * of_rows + FACTOR], B_rows, <real> 1, B_rows + k * columns, model,
                    n_threads)
    n_threads = region(rules, 3.0 * rows * columns)
    for task in prange(tasks, num_threads=n_threads, schedule="static"):
        sums[task] = 0
        for i in range(task * step, min(rows, (task + 1) * step)):
            sums[task] += distance_row(X + i * line, model + i * columns, columns, rules.scale)
    for task in range(tasks):
        total += sums[task]
    return total


cdef double squares_at(const Rules *rules, const real *X, Py_ssize_t line, real **arrays, Grams *grams,
                       real *scratch) noexcept nogil:
    """The objective at the new H, from its G and C; near an exact fit entry by entry."""
    cdef double value
    make_gram(rules, arrays, grams, 1)
    value = (0.5 * rules.whole
             - inner_stretches(arrays[PLACES + FIRST], arrays[PLACES + FACTOR], rules.rows[1], rules.k, grams.sums,
                               region(rules, 2.0 * rules.rows[1] * rules.k))
             + 0.5 * inner_stretches(grams.of[0], grams.of[1], rules.k, rules.k, grams.sums,
                                     region(rules, 2.0 * rules.k * rules.k)))
    if not value > rules.cancellation:
        value = 0.5 * residual(rules, X, line, arrays, grams.sums, scratch)
    return value


cdef void alternate_sweeps(const Rules *rules, const real *X, Py_ssize_t line, const Shape *shapes, real **arrays,
                           Grams *grams, Course *course, int64_t first, int64_t n_iter, double *values,
                           real *scratch) noexcept nogil:
    """Iterations until the fit ends, but no more than n_iter, from the one with the number `first`.

    The objective of each goes to values, and their number to values[n_iter].
    """
    cdef int64_t i
    cdef double weight, value
    cdef bint no_higher
    for i in range(n_iter):
        weight = advance_course(course) if rules.extrapolate else 0
        course.moved = sweep_side(rules, X, shapes, arrays, grams, 0, first + i, scratch)
        extrapolate_side(rules, arrays, 0, weight, False)
        course.moved += sweep_side(rules, X, shapes, arrays, grams, 1, first + i, scratch)
        value = squares_at(rules, X, line, arrays, grams, scratch)
        no_higher = enter_value(course, &rules.precision, value)
        values[i] = course.value
        if no_higher:
            course.best_loss = value
            keep_best(rules, arrays)
        extrapolate_side(rules, arrays, 1, weight, False)
        grams.current[1] = grams.current[1] and not rules.extrapolate
        if rules.extrapolate and not no_higher:
            course.t = 1
            restart_from(rules, course, arrays)
            grams.current[0] = grams.current[1] = False
        values[n_iter] = i + 1
        if rules.tol > 0 and end_of(course, &rules.precision, rules.tol) != RUNS:
            break


# Losses that are sums over entries.

cdef struct Parts:
    # Memory of the multiplicative updates, and whether num and den of W are those of the factors as they are.
    double *columns  # sums of columns, in stretches
    double *moved    # of stretches
    bint ready


cdef inline void sum_rows(const real *F, Py_ssize_t rows, Py_ssize_t k, double *sums) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows):
        add_row(F + i * k, k, sums)


cdef void sum_columns(const real *F, Py_ssize_t rows, Py_ssize_t k, double *sums, int n_threads) noexcept nogil:
    """`column_sums`, in the same stretches, into the first k of sums."""
    cdef Py_ssize_t step = stretch_rows(k), tasks = ceil_div(rows, step), task
    memset(sums, 0, tasks * k * sizeof(double))
    if n_threads == 1:
        for task in range(tasks):
            sum_rows(F + task * step * k, min(step, rows - task * step), k, sums + task * k)
    else:
        for task in prange(tasks, num_threads=n_threads, schedule="static"):
            sum_rows(F + task * step * k, min(step, rows - task * step), k, sums + task * k)
    for task in range(1, tasks):
        add_row(sums + task * k, k, sums)


cdef double split_side(const Rules *rules, const real *X, const Split *splits, real **arrays, Parts *parts, int side,
                       bint evaluate, real *scratch, double[::1] tasks) noexcept nogil:
    """num and den of a factor; returns the objective where it is wanted."""
    cdef Split split = splits[side]
    cdef Py_ssize_t rows = rules.rows[side], terms = rules.rows[1 - side], k = rules.k, t
    cdef const real *B = arrays[PLACES * (1 - side) + FACTOR]
    cdef real *den = arrays[PLACES * side + SECOND]
    split.evaluate = evaluate
    if rules.shares_den:
        sum_columns(B, terms, k, parts.columns, region(rules, <double> terms * k))
        for t in range(k):
            den[t] = <real> parts.columns[t]
    return split_shared(&split, X, arrays[PLACES * side + FACTOR], B, <const real *> NULL, scratch,
                        arrays[PLACES * side + FIRST], <real *> NULL if rules.shares_den else den, tasks[:split.groups],
                        region(rules, 6.0 * rows * terms * k))


cdef inline void multiply_stretch(const Rules *rules, real *F, const real *num, const real *den, Parts *parts,
                                  Py_ssize_t rows, Py_ssize_t task) noexcept nogil:
    """The update of a stretch of rows; its squared step goes to the place of the task."""
    cdef Py_ssize_t k = rules.k, step = stretch_rows(k), first = task * step, den_step = 0 if rules.shares_den else k
    multiply_rows(F + first * k, num + first * k, den + first * den_step, den_step, parts.columns,
                  <const real *> NULL, <const real *> NULL, 0, min(step, rows - first), k, rules.gamma,
                  parts.moved + task)


cdef double multiply_side(const Rules *rules, real **arrays, Parts *parts, int side) noexcept nogil:
    """The update of a factor from num and den; returns the squared step."""
    cdef Py_ssize_t rows = rules.rows[side], k = rules.k, tasks = ceil_div(rows, stretch_rows(k)), task, t
    cdef real *F = arrays[PLACES * side + FACTOR]
    cdef const real *num = arrays[PLACES * side + FIRST]
    cdef const real *den = arrays[PLACES * side + SECOND]
    cdef double moved = 0
    cdef int n_threads = region(rules, 8.0 * rows * k)
    sum_columns(F, rows, k, parts.columns, region(rules, <double> rows * k))
    for t in range(k):
        parts.columns[t] = rules.floor * parts.columns[t] / rows
    if n_threads == 1:
        for task in range(tasks):
            multiply_stretch(rules, F, num, den, parts, rows, task)
    else:
        for task in prange(tasks, num_threads=n_threads, schedule="static"):
            multiply_stretch(rules, F, num, den, parts, rows, task)
    for task in range(tasks):
        moved += parts.moved[task]
    return moved


cdef void alternate_updates(const Rules *rules, const real *X, const Split *splits, real **arrays, Parts *parts,
                            Course *course, int64_t n_iter, double *values, real *scratch,
                            double[::1] tasks) noexcept nogil:
    """Iterations until the fit ends, but no more than n_iter; see `alternate_sweeps`."""
    cdef int64_t i
    cdef double weight, value
    cdef bint no_higher
    for i in range(n_iter):
        weight = advance_course(course) if rules.extrapolate else 0
        if not parts.ready:
            split_side(rules, X, splits, arrays, parts, 0, False, scratch, tasks)
        course.moved = multiply_side(rules, arrays, parts, 0)
        extrapolate_side(rules, arrays, 0, weight, True)
        split_side(rules, X, splits, arrays, parts, 1, False, scratch, tasks)
        course.moved += multiply_side(rules, arrays, parts, 1)
        extrapolate_side(rules, arrays, 1, weight, True)
        value = split_side(rules, X, splits, arrays, parts, 0, True, scratch, tasks)
        parts.ready = True
        value = INFINITY if value != value else max(0.0, value)  # NaN if powers overflow
        no_higher = enter_value(course, &rules.precision, value)
        values[i] = course.value
        if no_higher:
            course.best_loss = value
            keep_best(rules, arrays)
        elif rules.extrapolate:
            course.t = 1
            restart_from(rules, course, arrays)
            parts.ready = False
        values[n_iter] = i + 1
        if rules.tol > 0 and end_of(course, &rules.precision, rules.tol) != RUNS:
            break


def alternate_scratch(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, bint least_squares, int n_threads):
    """Entries of scratch that `alternate` needs in the dtype of X, and in float64."""
    cdef Py_ssize_t most = max(m, n), wide
    if not least_squares:
        wide = max(split_scratch(m, n, k, n_threads), split_scratch(n, m, k, n_threads))
        return wide, ceil_div(most, stretch_rows(k)) * (k + 1) + most + k
    wide = max(product_scratch(m, n, k, n_threads), product_scratch(n, m, k, n_threads),
               gram_size(k) + 16 + n_threads * (4 * k + 1) * GROUP_ROWS,
               m * n + k * most + max(product_scratch(m, k, n, n_threads), product_scratch(n, k, m, n_threads)))
    return wide, 2 * k * k + most + k + gram_size_of(most, k, 1, n_threads)


def alternate(
    const real[:, :] X,           # in: m x n, unit stride along one axis
    factors,                      # in and out: (factor, old, best, first, second) of W, then of H', all rows x k
    const double[::1] precision,  # in: a `Precision`
    double[::1] course,           # in and out: a `Course`
    numbers,                      # in: tol, scale, stop, warm_up, sweeps of W, of H', whole, cancellation, gamma, floor
    kinds,                        # in: (least_squares, extrapolate, shares_den, ready, family, parameter)
    double[::1] values,           # out: the objective after each iteration, and in the last entry their number
    int64_t first,
    double small,
    real[::1] scratch,            # memory
    double[::1] memory,           # memory
    int n_threads
):
    """Iterations from the number `first` on, at most len(values) - 1; whether num and den are those of the outcome.

    They end when `end_of` says so. Afterwards the factor and the old one of each side have changed places if
    `extrapolate` is set and the number of iterations is odd. memory and scratch: see `alternate_scratch`.
    """
    cdef Rules rules
    cdef real *arrays[10]
    cdef real[:, ::1] view
    cdef Py_ssize_t m = X.shape[0], n = X.shape[1], row, term
    cdef Shape shapes[2]
    cdef Split splits[2]
    cdef Grams grams
    cdef Parts parts
    cdef bint least_squares = kinds[0]
    cdef double parameter = kinds[5]
    cdef int side, kind = kind_of(kinds[4], parameter)
    cdef double[::1] tasks = memory
    for side in range(10):
        view = factors[side]
        arrays[side] = &view[0, 0]
        rules.k = view.shape[1] if side == 0 else rules.k
    rules.rows[0], rules.rows[1] = m, n
    rules.precision = (<const Precision *> &precision[0])[0]
    rules.tol, rules.scale, rules.stop, rules.warm_up = numbers[0], numbers[1], numbers[2], numbers[3]
    rules.sweeps[0], rules.sweeps[1], rules.whole, rules.cancellation = numbers[4], numbers[5], numbers[6], numbers[7]
    rules.gamma, rules.floor, rules.small, rules.n_threads = numbers[8], numbers[9], small, n_threads
    rules.extrapolate, rules.shares_den = kinds[1], kinds[2]
    row, term = X.strides[0] // <Py_ssize_t> sizeof(real), X.strides[1] // <Py_ssize_t> sizeof(real)
    rules.by_rows = not (n == 1 or (m > 1 and row == 1))
    if least_squares:
        shapes[0] = shape_of(m, n, rules.k, row, term, lanes_of(&scratch[0]), 1, region(&rules, 2.0 * m * n * rules.k))
        shapes[1] = shape_of(n, m, rules.k, term, row, lanes_of(&scratch[0]), 1, region(&rules, 2.0 * m * n * rules.k))
        grams.of[0], grams.of[1] = &memory[0], &memory[rules.k * rules.k]
        grams.sums = grams.of[1] + rules.k * rules.k
        grams.scratch = grams.sums + max(m, n) + rules.k
        grams.current[0] = grams.current[1] = False
        with nogil:
            alternate_sweeps(&rules, &X[0, 0], row if rules.by_rows else term, shapes, arrays, &grams,
                             <Course *> &course[0], first, values.shape[0] - 1, &values[0], &scratch[0])
        return False
    splits[0] = split_of(&scratch[0], m, n, X.strides[0], X.strides[1], kind, parameter, rules.scale, True, False)
    splits[1] = split_of(&scratch[0], n, m, X.strides[1], X.strides[0], kind, parameter, rules.scale, False, False)
    splits[0], splits[1] = of_rank(&splits[0], rules.k), of_rank(&splits[1], rules.k)
    tasks = memory[:max(m, n)]
    parts.columns, parts.ready = &memory[max(m, n)], kinds[3]
    parts.moved = parts.columns + ceil_div(max(m, n), stretch_rows(rules.k)) * rules.k
    with nogil:
        alternate_updates(&rules, &X[0, 0], splits, arrays, &parts, <Course *> &course[0], values.shape[0] - 1,
                          &values[0], &scratch[0], tasks)
    return bool(parts.ready)
