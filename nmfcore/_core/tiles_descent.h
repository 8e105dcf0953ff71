/* Cyclic coordinate descent for Kullback-Leibler on one row, included by tiles.h once for each REAL. */

/* Sweeps over the k coordinates of f for sum_j (y_j - x_j log y_j), y = sum over t of f_t b[t, :], given the sums of
 * the b[t, :] over all entries, those with x = 0 included, which need not be among the n. n is a multiple of the lanes,
 * the entries beyond the last filled up with zeros; y is scratch.
 *
 * The derivative is concave and rises with f_t: where it is negative Newton's step cannot overshoot; where it is
 * positive the multiplicative step is taken. Returns the sum of the curvature times (change)^2 in the first sweep. */
static double NAME(descend_row)(const REAL *x, const REAL *b, ptrdiff_t stride, ptrdiff_t n, const double *sums, REAL *f,
                                ptrdiff_t k, ptrdiff_t sweeps, REAL *y) {
    enum { LANES = NMF_LANES(REAL) };
    const REAL least = NMF_LEAST_MODEL(REAL);
    double moved = 0;
    for (ptrdiff_t j = 0; j < n; j += LANES) {
        NAME(vec) model = (NAME(vec)){0} + least;
        for (ptrdiff_t t = 0; t < k; t++) model += f[t] * NAME(load)(b + t * stride + j);
        NAME(store)(y + j, model);
    }
    for (ptrdiff_t sweep = 0; sweep < sweeps; sweep++)
        for (ptrdiff_t t = 0; t < k; t++) {
            NAME(vec) slope = {0}, curvature = {0};
            const REAL *bt = b + t * stride;
            if (!(sums[t] > 0)) continue;
            for (ptrdiff_t j = 0; j < n; j += LANES) {
                NAME(vec) inverse = 1 / NAME(load)(y + j), row = NAME(load)(bt + j);
                NAME(vec) share = row * (NAME(load)(x + j) * inverse);
                slope += share;
                curvature += share * (row * inverse);
            }
            REAL lanes[2][LANES];
            double share_sum = 0, curvature_sum = 0;
            NAME(store)(lanes[0], slope);
            NAME(store)(lanes[1], curvature);
            for (int l = 0; l < LANES; l++) share_sum += lanes[0][l], curvature_sum += lanes[1][l];
            double gradient = sums[t] - share_sum, change;
            if (gradient > 0)
                change = f[t] * (share_sum / sums[t] - 1);
            else
                change = curvature_sum > 0 ? -gradient / curvature_sum : 0;
            if (sweep == 0) moved += curvature_sum * change * change;
            f[t] += (REAL)change;
            for (ptrdiff_t j = 0; j < n; j += LANES)
                NAME(store)(y + j, NAME(positive_part)(NAME(load)(y + j) - least + (REAL)change * NAME(load)(bt + j)) + least);
        }
    return moved;
}
