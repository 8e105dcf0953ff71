# Multiplicative updates from the two parts of the gradient, for one factor and for a stack (see stack.pxi).


cdef void multiply_rows(real *F, const real *num, const real *den, Py_ssize_t den_step, const double *floor,
                        const real *lower, const real *upper, Py_ssize_t bound_step, Py_ssize_t rows, Py_ssize_t k,
                        double gamma, double *moved) noexcept nogil:
    """Update rows of F, several at a time where k is small and there are no bounds."""
    cdef double floors[MOST_ALONG]
    cdef real dens[MOST_ALONG]
    cdef Py_ssize_t together = 1, i, count
    moved[0] = 0
    while lower == NULL and 2 * together * k <= MOST_ALONG:
        together *= 2
    if together > 1:
        for i in range(together):
            memcpy(floors + i * k, floor, k * sizeof(double))
            memcpy(dens + i * k, den, k * sizeof(real))
        floor = floors
        if den_step == 0:
            den = dens
    i = 0
    while i < rows:
        count = min(together, rows - i) * k
        moved[0] += multiply_row(F + i * k, num + i * k, den + i * den_step, floor,
                                 lower + i * bound_step if lower != NULL else NULL,
                                 upper + i * bound_step if lower != NULL else NULL, count, gamma)
        i += together


def multiply(
    real[:, ::1] F,            # in and out: rows x k
    const real[:, ::1] num,    # in: rows x k
    const real[:, ::1] den,    # in: rows x k, or 1 x k for all rows
    const double[::1] floor,   # in: k
    const real[:, ::1] lower,  # in: rows x k, 1 x k for all rows, or None
    const real[:, ::1] upper,  # in: rows x k, 1 x k for all rows, or None
    double gamma,
    int n_threads
):
    """F <- max(floor, F (num / den)^gamma) in place, where den is not 0, within lower and upper.

    Returns the sum of den (change)^2 / F.
    """
    cdef Py_ssize_t rows = F.shape[0], k = F.shape[1], step = stretch_rows(k), tasks = ceil_div(rows, step), task
    cdef Py_ssize_t den_step = k if den.shape[0] > 1 else 0, bound_step = 0
    cdef double[::1] sums = np.empty(tasks)
    if lower is not None and lower.shape[0] > 1:
        bound_step = k
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        multiply_rows(&F[task * step, 0], &num[task * step, 0], &den[0, 0] + task * step * den_step, den_step,
                      &floor[0], bound_row(lower, task * step), bound_row(upper, task * step), bound_step,
                      min(step, rows - task * step), k, gamma, &sums[task])
    return ordered_sum(sums)


cdef double multiply_fit(real *F, const real *num, const real *den, Py_ssize_t den_rows, Py_ssize_t rows,
                         const int64_t *columns, const double *floor, double gamma) noexcept nogil:
    """Update the fit whose columns are columns[0] ... columns[1] - 1, stretch after stretch."""
    cdef Py_ssize_t k = columns[1] - columns[0], step = stretch_rows(k), den_step = k if den_rows > 1 else 0, i = 0
    cdef double part, total = 0
    F += rows * columns[0]
    num += rows * columns[0]
    den += den_rows * columns[0]
    floor += columns[0]
    while i < rows:
        multiply_rows(F + i * k, num + i * k, den + i * den_step, den_step, floor, <const real *> NULL,
                      <const real *> NULL, 0, min(step, rows - i), k, gamma, &part)
        total += part
        i += step
    return total


def multiply_many(
    real[::1] F,              # in and out: stack of rows
    const real[::1] num,      # in: stack of rows
    const real[::1] den,      # in: stack of den_rows
    Py_ssize_t den_rows,
    Py_ssize_t rows,
    stack,                    # in: (columns, fits), see stack.pxi
    const double[::1] floor,  # in: stack of one row
    double gamma,
    double[::1] moved,        # out: a value for each listed fit
    int n_threads
):
    """`multiply` without bounds for each listed fit f, to its bits; moved[f] is what it returns.

    den_rows: as many as rows, or 1.
    """
    cdef const int64_t[::1] columns = stack[0], fits = stack[1]
    cdef Py_ssize_t i
    for i in prange(fits.shape[0], nogil=True, num_threads=n_threads, schedule="static"):
        moved[fits[i]] = multiply_fit(&F[0], &num[0], &den[0], den_rows, rows, &columns[fits[i]], &floor[0], gamma)
