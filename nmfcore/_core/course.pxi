# The numbers by which a fit extrapolates, restarts and stops. They are in one place for a fit whose steps Python takes,
# for fits side by side, and for many iterations in one call (alternate.pxi), so that all of them decide alike.

cdef struct Course:
    # What a fit carries from one iteration to the next one: a row of float64 in Python; see `StoppingState`.
    double best_loss, since_lower, since_progress, moved, t, value


cdef struct Precision:
    # Differences of objectives up to share value, plus whole where value > above, are round-off; so are objectives up
    # to exact.
    double whole, above, share, exact


cdef enum:
    STALLED = 20  # iterations without a lower objective, after which round-off is all that is left
    RUNS = 0
    CONVERGED = 1
    STALLS = 2


cdef inline double advance_course(Course *course) noexcept nogil:
    """The weight of the next extrapolation (Nesterov 1983); 0 in the first iteration and after a restart."""
    cdef double before = course.t
    course.t = (1 + sqrt(1 + 4 * before * before)) / 2
    return (before - 1) / course.t


cdef inline bint enter_value(Course *course, const Precision *precision, double value) noexcept nogil:
    """Enter the objective of an iteration; whether it is the lowest so far, to round-off. NaN never is."""
    cdef double round_off = precision.share * course.value + (precision.whole if course.value > precision.above else 0)
    cdef bint no_higher = value <= course.value + round_off
    course.since_lower = 0 if value < course.value else course.since_lower + 1
    course.since_progress = 0 if no_higher else course.since_progress + 1
    if value < course.value:
        course.value = value
    return no_higher


cdef inline int end_of(const Course *course, const Precision *precision, double tol) noexcept nogil:
    """Whether the last steps were small beside the residual or X is fitted to round-off, or nothing lower is found."""
    cdef double size = course.value if course.value > 0 else -course.value  # penalties may make it negative
    if size <= precision.exact or (course.value < INFINITY and course.moved <= 2 * tol * tol * course.value):
        return CONVERGED
    return STALLS if course.since_lower >= STALLED and course.value < INFINITY else RUNS


def advance_courses(
    double[:, ::1] courses,  # in and out: a `Course` in each row
    double[::1] weights      # out: one for each
):
    """Advance the weights of the extrapolation by an iteration."""
    cdef Py_ssize_t i
    for i in range(courses.shape[0]):
        weights[i] = advance_course(<Course *> &courses[i, 0])


def enter_values(
    double[:, ::1] courses,        # in and out: a `Course` in each row
    const double[::1] precision,   # in: a `Precision`
    const double[::1] values,      # in: one for each
    int64_t[::1] no_higher         # out: one for each
):
    """Enter the objectives of an iteration; no_higher says which are the lowest so far, to round-off."""
    cdef Py_ssize_t i
    for i in range(courses.shape[0]):
        no_higher[i] = enter_value(<Course *> &courses[i, 0], <const Precision *> &precision[0], values[i])


def ends_of(
    const double[:, ::1] courses,  # in: a `Course` in each row
    const double[::1] precision,   # in: a `Precision`
    double tol,
    int64_t[::1] ends              # out: one for each
):
    """Why each fit ends after an iteration: 0 if it does not, 1 converged, 2 stalled."""
    cdef Py_ssize_t i
    for i in range(courses.shape[0]):
        ends[i] = end_of(<const Course *> &courses[i, 0], <const Precision *> &precision[0], tol)
