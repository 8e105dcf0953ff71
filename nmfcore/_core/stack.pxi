# The factors of several fits, one behind the other in one flat array (a stack): all have the same rows, each its own
# columns. The columns of fit f are columns[f] ... columns[f + 1] - 1, and its matrix begins at the rows times
# columns[f].
#
# The factor of a fit is contiguous, so every kernel but the product works on it as it does on the factor of one fit, to
# the same bits. Only the product puts columns of all fits side by side, in its packed panels. Fits may join and leave
# at any iteration, so a kernel works on the fits that are listed and leaves the others as they are.
#
# Batching recovers the speed that a product with few columns loses. 5000 x 2000, k = 10, two threads: the products of
# an iteration take 5.2 ms alone and 3.0 ms together, the rest (0.7 ms) stays. For k = 2 the gain is larger, for k = 50
# there is none. Beyond 256 columns together a product is no faster, and the other kernels wait for factors that have
# left the cache. A sparse product gathers two cache lines an entry from the second cache level, for one fit or for
# many: it gains nothing for k = 10 (20 Newsgroups).

cdef struct Stack:
    const int64_t *columns  # cumulative ranks of all fits
    const int64_t *fits  # the fits that are listed, ascending
    Py_ssize_t n  # how many these are


cdef inline Stack stack_of(const int64_t[::1] columns, const int64_t[::1] fits) noexcept nogil:
    cdef Stack stack
    stack.columns, stack.fits, stack.n = &columns[0], &fits[0], fits.shape[0]
    return stack


cdef inline Py_ssize_t rank_of(const Stack *stack, Py_ssize_t fit) noexcept nogil:
    return stack.columns[fit + 1] - stack.columns[fit]


cdef Py_ssize_t widest(const Stack *stack) noexcept nogil:
    """The largest rank of the listed fits."""
    cdef Py_ssize_t most = 0, i
    for i in range(stack.n):
        most = max(most, rank_of(stack, stack.fits[i]))
    return most


cdef Py_ssize_t listed_columns(const Stack *stack) noexcept nogil:
    """Columns of the listed fits together."""
    cdef Py_ssize_t total = 0, i
    for i in range(stack.n):
        total += rank_of(stack, stack.fits[i])
    return total
