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

/* out[s, :] = sum over t of A[s, t] x[t, :] for `count` rows s, and tiles x and out of PROBLEMS columns. */
NMF_INLINE void NAME(times_rows)(const int count, const REAL *A, ptrdiff_t k, const REAL *x, REAL *out) {
    enum { LANES = NMF_LANES(REAL), VECTORS = NMF_PROBLEMS / LANES };
    NAME(vec) sum[8][VECTORS];
    for (int s = 0; s < count; s++)
        for (int v = 0; v < VECTORS; v++) sum[s][v] = (NAME(vec)){0};
    for (ptrdiff_t t = 0; t < k; t++)
        for (int v = 0; v < VECTORS; v++) {
            NAME(vec) row = NAME(load)(x + t * NMF_PROBLEMS + v * LANES);
            for (int s = 0; s < count; s++) sum[s][v] += A[s * k + t] * row;
        }
    for (int s = 0; s < count; s++)
        for (int v = 0; v < VECTORS; v++) NAME(store)(out + s * NMF_PROBLEMS + v * LANES, sum[s][v]);
}

/* out = A x for A (k x k). */
static void NAME(times_tile)(const REAL *A, ptrdiff_t k, const REAL *x, REAL *out) {
    enum { VECTORS = NMF_PROBLEMS / NMF_LANES(REAL), ROWS = VECTORS < 8 ? 8 / VECTORS : 1 };
    ptrdiff_t s = 0;
    for (; s + ROWS <= k; s += ROWS) NAME(times_rows)(ROWS, A + s * k, k, x, out + s * NMF_PROBLEMS);
    for (; s < k; s++) NAME(times_rows)(1, A + s * k, k, x, out + s * NMF_PROBLEMS);
}

/* After a step to z, with za = A z: where it was a plain one or lowered the quadratic, f becomes z, and ya = A y for y
 * extrapolated beyond it; elsewhere f stays, and the next step is a plain one. value is the quadratic at f, steps how
 * many were taken since the last plain one. Returns the squared change, summed over the first `rows` problems. */
static double NAME(momentum_tile)(const REAL *restrict c, const REAL *restrict z, const REAL *restrict za, ptrdiff_t k,
                                  ptrdiff_t rows, REAL *restrict f, REAL *restrict fa, REAL *restrict ya,
                                  double *restrict value, double *restrict steps) {
    enum { P = NMF_PROBLEMS };
    double next[P] = {0}, moved[P] = {0}, total = 0;
    REAL weight[P], taken[P];
    for (ptrdiff_t t = 0; t < k; t++)
        for (int p = 0; p < P; p++) {
            double now = z[t * P + p], change = now - f[t * P + p];
            next[p] += now * (0.5 * (now - za[t * P + p]) - c[t * P + p]);
            moved[p] += change * change;
        }
    for (int p = 0; p < P; p++) {
        taken[p] = steps[p] <= 1 || next[p] <= value[p];
        value[p] = taken[p] != 0 ? next[p] : value[p];
        steps[p] = taken[p] != 0 ? steps[p] + 1 : 0;
        weight[p] = (REAL)(taken[p] != 0 ? (steps[p] - 1) / (steps[p] + 2) : 0);
        total += p < rows ? moved[p] : 0;
    }
    for (ptrdiff_t t = 0; t < k; t++)
        for (int p = 0; p < P; p++) {
            ptrdiff_t i = t * P + p;
            REAL now = taken[p] != 0 ? z[i] : f[i], now_a = taken[p] != 0 ? za[i] : fa[i];
            ya[i] = now_a + weight[p] * (now_a - fa[i]);
            f[i] = now;
            fa[i] = now_a;
        }
    return total;
}
