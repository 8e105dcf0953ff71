/* Nearest points of the simplex and of Hoyer's cone, included by tiles.h once for each REAL; see projection.pxi.
 *
 * `lanes` problems side by side: x is n x lanes, a coordinate a row. Plain loops over lanes, which compilers vectorise;
 * everything in float64. */

/* Adds to moments (3 x width) the number, sum and sum of squares of z = x - shift where z > cut. */
static void NAME(active_moments)(const REAL *restrict x, ptrdiff_t n, ptrdiff_t lanes, const double *restrict shift,
                                 const double *restrict cut, double *moments, ptrdiff_t width) {
    double *restrict active = moments, *restrict sum = moments + width, *restrict squares = sum + width;
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t p = 0; p < lanes; p++) {
            double z = (double)x[i * lanes + p] - shift[p], counts = z > cut[p] ? 1.0 : 0.0;
            active[p] += counts;
            sum[p] += counts * z;
            squares[p] += counts * z * z;
        }
}

/* x = max(0, base + slope z) where z = x - shift > cut, 0 elsewhere. */
static void NAME(clip_active)(REAL *restrict x, ptrdiff_t n, ptrdiff_t lanes, const double *restrict shift,
                              const double *restrict cut, const double *restrict base, const double *restrict slope) {
    for (ptrdiff_t i = 0; i < n; i++)
        for (ptrdiff_t p = 0; p < lanes; p++) {
            double z = (double)x[i * lanes + p] - shift[p], f = base[p] + slope[p] * z;
            x[i * lanes + p] = (REAL)(z > cut[p] && f > 0 ? f : 0);
        }
}
