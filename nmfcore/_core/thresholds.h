/* The thresholds of projection.pxi, for `lanes` problems side by side: plain loops, which compilers vectorise. */
#ifndef NMFCORE_THRESHOLDS_H
#define NMFCORE_THRESHOLDS_H

/* The distance of the threshold below the mean of the active coordinates: for the simplex of sum `target`, or for unit
 * vectors whose squared sum is `target`. Infinite where there is no threshold. */
NMF_INLINE double nmf_reach(int hoyer, double target, double active, double variance) {
    if (!hoyer) return target / active;
    return variance > 0 && active > target ? sqrt(target * variance / (active - target)) : INFINITY;
}

/* One round: moves the shift to the mean of the active coordinates and the cut, which counts from it, up to their
 * threshold. Where the mean is so large that digits were lost, only the shift moves. Coordinates that are above the
 * threshold by round-off are dropped, too. Problems that are done stay as they are; returns how many are not done.
 * moments (3 x lanes): see `active_moments`. */
NMF_INLINE ptrdiff_t nmf_raise_kind(const int hoyer, double target, double eps, ptrdiff_t lanes,
                                    const double *restrict moments, double *restrict shift, double *restrict cut,
                                    double *restrict before) {
    const double *active = moments, *sum = moments + lanes, *squares = sum + lanes;
    ptrdiff_t open = 0;
    for (ptrdiff_t p = 0; p < lanes; p++) {
        double mean = sum[p] / active[p], variance = squares[p] / active[p] - mean * mean;
        double reach = nmf_reach(hoyer, target, active[p], variance), moved = shift[p] + mean - shift[p];
        double size = hoyer ? variance : reach * reach;
        double centred = moved == 0 || !(mean * mean > 1e4 * size) ? 1.0 : 0.0; /* for a NaN, too */
        double fewer = active[p] < before[p] && reach < INFINITY ? 1.0 : 0.0, done = fewer != 0 ? 0.0 : centred;
        double threshold = mean - (1 - 8 * eps) * reach;
        cut[p] = done != 0 ? cut[p] : (centred != 0 ? threshold : cut[p]) - moved;
        before[p] = centred != 0 ? active[p] : before[p];
        shift[p] = done != 0 ? shift[p] : shift[p] + moved;
        open += done == 0;
    }
    return open;
}

static ptrdiff_t nmf_raise(int hoyer, double target, double eps, ptrdiff_t lanes, const double *moments,
                           double *shift, double *cut, double *before) {
    return hoyer ? nmf_raise_kind(1, target, eps, lanes, moments, shift, cut, before)
                 : nmf_raise_kind(0, target, eps, lanes, moments, shift, cut, before);
}

/* base and slope: the values of the active coordinates are base + slope z, z = x - shift. extra: 0, or how much higher
 * the first of them must be, where they are all equal but too many for a vector of equal entries. */
static void nmf_values(int hoyer, double target, ptrdiff_t lanes, const double *restrict moments,
                       const double *restrict shift, double *restrict base, double *restrict slope,
                       double *restrict extra) {
    const double *active = moments, *sum = moments + lanes, *squares = sum + lanes;
    for (ptrdiff_t p = 0; p < lanes; p++) {
        double n = active[p], mean = sum[p] / n, variance = squares[p] / n - mean * mean;
        double reach = nmf_reach(hoyer, target, n, variance), middle = reach, spread = n - target;
        extra[p] = 0;
        if (hoyer) { /* the projection on the unit vector times target / n, which is the mean of the values */
            middle = target / n * (shift[p] + mean + (reach < INFINITY ? variance / reach : 0));
            middle = middle > 0 ? middle : 0;
            if (!(variance > 0) && spread > 0) {
                double rest = middle * (1 - sqrt(spread / (target * (n - 1))));
                extra[p] = (middle - rest) * n;
                middle = rest;
            }
        }
        slope[p] = middle / reach;
        base[p] = middle - slope[p] * mean;
    }
}

/* v where z > cut, else 0. */
NMF_INLINE vec_f64 nmf_above(vec_f64 z, vec_f64 cut, vec_f64 v) {
#if defined(__GNUC__) || defined(__clang__)
    return (vec_f64)((__typeof__(z > cut))v & (z > cut));
#else
    return z > cut ? v : 0;
#endif
}

/* moments = those of `active_moments`, for a tile x (n x PROBLEMS): the sums stay in registers. */
static void nmf_tile_moments(const double *x, ptrdiff_t n, const double *shift, const double *cut, double *moments) {
    enum { LANES = NMF_LANES(double), P = NMF_PROBLEMS };
    for (int v = 0; v < P; v += 2 * LANES) {
        vec_f64 active[2], sum[2], squares[2], from[2], least[2];
        for (int u = 0; u < 2; u++) {
            active[u] = sum[u] = squares[u] = (vec_f64){0};
            from[u] = load_f64(shift + v + u * LANES);
            least[u] = load_f64(cut + v + u * LANES);
        }
        for (ptrdiff_t i = 0; i < n; i++)
            for (int u = 0; u < 2; u++) {
                vec_f64 z = load_f64(x + i * P + v + u * LANES) - from[u], kept = nmf_above(z, least[u], z);
                active[u] += nmf_above(z, least[u], (vec_f64){0} + 1);
                sum[u] += kept;
                squares[u] += kept * kept;
            }
        for (int u = 0; u < 2; u++) {
            store_f64(moments + v + u * LANES, active[u]);
            store_f64(moments + P + v + u * LANES, sum[u]);
            store_f64(moments + 2 * P + v + u * LANES, squares[u]);
        }
    }
}

#endif
