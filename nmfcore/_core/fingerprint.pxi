# A number of 64 bits that tells one matrix from another. Each entry that is not 0 gives a number that depends on its
# place and on all its bits, and these numbers are added modulo 2^64. So the sum depends neither on the order of the
# entries, nor on the threads, nor on whether zeros are stored. Two matrices that are not made to agree have the same
# number with a probability of 2^-64.
#
# The bits of a place and of an entry are mixed by the finalizer of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, Fast
# splittable pseudorandom number generators, 2014, doi:10.1145/2660193.2660195).

cdef inline uint64_t mix_bits(uint64_t z) noexcept nogil:
    z = (z ^ (z >> 30)) * <uint64_t> 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t> 0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline uint64_t entry_bits(double x, uint64_t place) noexcept nogil:
    cdef uint64_t bits
    memcpy(&bits, &x, sizeof(bits))
    return mix_bits(mix_bits((place + 1) * <uint64_t> 0x9E3779B97F4A7C15) + bits) if x != 0 else 0


def fingerprint(
    const real[:, :] X,  # in: contiguous rows
    int64_t first,
    int64_t row_step,
    int64_t column_step,
    double scale,
    int n_threads
):
    """The fingerprint of scale X, whose entry i, j has the place first + i row_step + j column_step."""
    cdef Py_ssize_t rows = X.shape[0], columns = X.shape[1], step = stretch_rows(columns)
    cdef Py_ssize_t tasks = ceil_div(rows, step), task, i, j
    cdef uint64_t[::1] sums = np.zeros(tasks, np.uint64)
    cdef uint64_t place, total = 0
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="static"):
        for i in range(task * step, min(rows, (task + 1) * step)):
            place = <uint64_t> first + <uint64_t> i * <uint64_t> row_step
            for j in range(columns):
                sums[task] += entry_bits(scale * X[i, j], place + <uint64_t> j * <uint64_t> column_step)
    for task in range(tasks):
        total += sums[task]
    return total


def sparse_fingerprint(
    const index[::1] indptr,    # in: rows + 1
    const index[::1] indices,   # in: stored entries
    const real[::1] data,       # in: stored entries
    const int64_t[::1] bounds,  # in: the first row of each task, then the number of rows
    int64_t row_step,
    int64_t column_step,
    double scale,
    int n_threads
):
    """`fingerprint` of a matrix in compressed rows, to the same number."""
    cdef Py_ssize_t tasks = bounds.shape[0] - 1, task, i, p
    cdef uint64_t[::1] sums = np.zeros(tasks, np.uint64)
    cdef uint64_t place, total = 0
    for task in prange(tasks, nogil=True, num_threads=n_threads, schedule="dynamic"):
        for i in range(bounds[task], bounds[task + 1]):
            place = <uint64_t> i * <uint64_t> row_step
            for p in range(indptr[i], indptr[i + 1]):
                sums[task] += entry_bits(scale * data[p], place + <uint64_t> indices[p] * <uint64_t> column_step)
    for task in range(tasks):
        total += sums[task]
    return total
