/* Weighted least squares, row by row of a factor; included by tiles.h once for each REAL. */

#ifndef NMF_SQUARES
#define NMF_SQUARES /* in float64 whatever REAL is: a Gram matrix from which terms are subtracted must not lose digits */

/* The quadratic that is added to those of all rows f: 1/2 f (E + ridge diag(q)) f'. */
typedef struct {
    const double *E;     /* k rows of `stride` entries, filled up with zeros */
    const double *q;     /* k entries */
    const double *least; /* k entries: what a sum of w b b must reach to have digits; NULL: 0 */
    ptrdiff_t k, stride;
    int zero; /* whether all of E is 0 */
} nmf_added;

/* A row of B times w, and c += y b. */
static void nmf_scale_row(const double *restrict b, ptrdiff_t padded, double w, double y, double *restrict scaled,
                          double *restrict c) {
    for (ptrdiff_t t = 0; t < padded; t++) scaled[t] = w * b[t];
    if (y != 0)
        for (ptrdiff_t t = 0; t < padded; t++) c[t] += y * b[t];
}

/* to[r, :] = from[r, :] + sum over p < n of scaled[p, r] B[at[p], :] for TILE_ROWS rows r and `width` vectors; a row of
 * each of the four arrays has `stride` entries. */
NMF_INLINE void nmf_square_tile(const int width, const double *scaled, const double *B, const ptrdiff_t *at,
                                ptrdiff_t stride, ptrdiff_t n, const double *from, double *to) {
    enum { LANES = NMF_LANES(double) };
    vec_f64 sum[NMF_TILE_ROWS][NMF_PANEL_VECTORS], row[NMF_PANEL_VECTORS];
    for (int r = 0; r < NMF_TILE_ROWS; r++)
        for (int v = 0; v < width; v++) sum[r][v] = load_f64(from + r * stride + v * LANES);
    for (ptrdiff_t p = 0; p < n; p++) {
        for (int v = 0; v < width; v++) row[v] = load_f64(B + at[p] * stride + v * LANES);
        for (int r = 0; r < NMF_TILE_ROWS; r++)
            for (int v = 0; v < width; v++) sum[r][v] += scaled[p * stride + r] * row[v];
    }
    for (int r = 0; r < NMF_TILE_ROWS; r++)
        for (int v = 0; v < width; v++) store_f64(to + r * stride + v * LANES, sum[r][v]);
}

/* to = from + sum of scaled[p]' B[at[p]] on the blocks of TILE_ROWS on the diagonal and right of them; `stride` is a
 * multiple of 8, and so of TILE_ROWS and of the lanes. */
static void nmf_add_squares(const double *scaled, const double *B, const ptrdiff_t *at, ptrdiff_t stride, ptrdiff_t n,
                            const double *from, double *to) {
    enum { LANES = NMF_LANES(double) };
    for (ptrdiff_t r = 0; r < stride; r += NMF_TILE_ROWS) {
        ptrdiff_t c = r;
        while (c < stride) {
            ptrdiff_t left = (stride - c) / LANES, width = left == 4 ? 2 : left < 3 ? left : 3, tile = r * stride + c;
            if (width == 3)
                nmf_square_tile(3, scaled + r, B + c, at, stride, n, from + tile, to + tile);
            else if (width == 2)
                nmf_square_tile(2, scaled + r, B + c, at, stride, n, from + tile, to + tile);
            else
                nmf_square_tile(1, scaled + r, B + c, at, stride, n, from + tile, to + tile);
            c += width * LANES;
        }
    }
}

/* Copy what lies right of the blocks of TILE_ROWS on the diagonal of G to its place below them. */
static void nmf_mirror(double *G, ptrdiff_t stride) {
    for (ptrdiff_t r = 0; r + NMF_TILE_ROWS < stride; r += NMF_TILE_ROWS) {
        ptrdiff_t c = r + NMF_TILE_ROWS;
        transpose_f64(G + r * stride + c, stride, NMF_TILE_ROWS, stride - c, G + c * stride + r, stride);
    }
}
#endif

/* One cyclic sweep over lower <= f <= upper for 1/2 f G f' - f c, given g = c - G f, which is updated with f. G is
 * symmetric, with rows of `padded` entries; inverse is that of its diagonal, 0 for a coordinate that stays. Returns the
 * sum of G_tt (change)^2. */
static double NAME(bounded_sweep)(const double *restrict G, const double *inverse, ptrdiff_t k, ptrdiff_t padded,
                                  double *restrict g, REAL *f, const REAL *lower, const REAL *upper) {
    double moved = 0;
    for (ptrdiff_t t = 0; t < k; t++) {
        if (!(inverse[t] > 0)) continue;
        REAL new = (REAL)(f[t] + inverse[t] * g[t]);
        new = new > lower[t] ? new : lower[t];
        new = new < upper[t] ? new : upper[t];
        double change = (double)new - f[t];
        if (change == 0) continue;
        f[t] = new;
        moved += G[t * padded + t] * change * change;
        for (ptrdiff_t s = 0; s < padded; s++) g[s] -= change * G[t * padded + s];
    }
    return moved;
}

/* v -= w (f b) for `rows` rows f of k coordinates and as many of w and v, `size` apart; b[t * size] is coordinate t. */
NMF_INLINE void NAME(residual_width)(const int rows, const int width, const REAL *f, ptrdiff_t k, const REAL *b,
                                     ptrdiff_t size, const REAL *w, REAL *v) {
    enum { LANES = NMF_LANES(REAL) };
    NAME(vec) model[NMF_WEIGHTED_ROWS][4], row[4];
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < width; i++) model[r][i] = (NAME(vec)){0};
    for (ptrdiff_t t = 0; t < k; t++) {
        for (int i = 0; i < width; i++) row[i] = NAME(load)(b + t * size + i * LANES);
        for (int r = 0; r < rows; r++)
            for (int i = 0; i < width; i++) model[r][i] += f[r * k + t] * row[i];
    }
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < width; i++) {
            ptrdiff_t at = r * size + i * LANES;
            NAME(store)(v + at, NAME(load)(v + at) - NAME(load)(w + at) * model[r][i]);
        }
}

static void NAME(weighted_residual)(ptrdiff_t rows, const REAL *f, ptrdiff_t k, const REAL *b, ptrdiff_t size,
                                    const REAL *w, REAL *v) {
    enum { LANES = NMF_LANES(REAL) };
    ptrdiff_t j = 0;
    for (; j + 4 * LANES <= size; j += 4 * LANES)
        if (rows == 1)
            NAME(residual_width)(1, 4, f, k, b + j, size, w + j, v + j);
        else
            NAME(residual_width)(NMF_WEIGHTED_ROWS, 4, f, k, b + j, size, w + j, v + j);
    for (; j < size; j += LANES)
        if (rows == 1)
            NAME(residual_width)(1, 1, f, k, b + j, size, w + j, v + j);
        else
            NAME(residual_width)(NMF_WEIGHTED_ROWS, 1, f, k, b + j, size, w + j, v + j);
}

NMF_INLINE double NAME(lane_sum)(NAME(vec) v) {
    REAL lanes[NMF_LANES(REAL)];
    NAME(store)(lanes, v);
    for (int half = NMF_LANES(REAL) / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) lanes[l] += lanes[l + half];
    return lanes[0];
}

/* The step of a pair of coordinates, v -= w (change before), and for the next pair the sums of v b0, v b1, w b0 b0,
 * w b0 b1, w b1 b1, row by row: so v and w are read once for two coordinates. */
NMF_INLINE void NAME(pair_rows)(const int rows, const REAL *w, REAL *v, ptrdiff_t size, const REAL *before,
                                const REAL *change, const REAL *after, double *sums) {
    enum { LANES = NMF_LANES(REAL) };
    NAME(vec) sum[NMF_WEIGHTED_ROWS][5];
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < 5; i++) sum[r][i] = (NAME(vec)){0};
    for (ptrdiff_t j = 0; j < size; j += LANES) {
        NAME(vec) a0 = NAME(load)(before + j), a1 = NAME(load)(before + size + j);
        NAME(vec) b0 = NAME(load)(after + j), b1 = NAME(load)(after + size + j);
        for (int r = 0; r < rows; r++) {
            NAME(vec) weight = NAME(load)(w + r * size + j), rest = NAME(load)(v + r * size + j);
            rest -= weight * (change[2 * r] * a0 + change[2 * r + 1] * a1);
            NAME(store)(v + r * size + j, rest);
            NAME(vec) w0 = weight * b0, w1 = weight * b1;
            sum[r][0] += rest * b0;
            sum[r][1] += rest * b1;
            sum[r][2] += w0 * b0;
            sum[r][3] += w0 * b1;
            sum[r][4] += w1 * b1;
        }
    }
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < 5; i++) sums[5 * r + i] = NAME(lane_sum)(sum[r][i]);
}

static void NAME(weighted_pair)(ptrdiff_t rows, const REAL *w, REAL *v, ptrdiff_t size, const REAL *before,
                                const REAL *change, const REAL *after, double *sums) {
    if (rows == 1)
        NAME(pair_rows)(1, w, v, size, before, change, after, sums);
    else
        NAME(pair_rows)(NMF_WEIGHTED_ROWS, w, v, size, before, change, after, sums);
}

/* g = c - f E, filled up with zeros; only c where all of E is 0. */
static void NAME(shared_gradient)(const nmf_added *added, const REAL *restrict c, const REAL *restrict f,
                                  REAL *restrict g) {
    const double *restrict E = added->E;
    const ptrdiff_t k = added->k, stride = added->stride;
    const int zero = added->zero;
    memcpy(g, c, (size_t)k * sizeof(REAL));
    memset(g + k, 0, (size_t)(stride - k) * sizeof(REAL));
    for (ptrdiff_t s = 0; s < k && !zero; s++)
        for (ptrdiff_t t = 0; t < stride; t++) g[t] -= (REAL)(f[s] * E[s * stride + t]);
}

/* The steps of the coordinates t and t + 1 (if there is one) of a row. sums: those of `weighted_pair`; g = c - f E, which
 * is updated with f. Writes the changes. Returns the sum of curvature (change)^2, or -1 where the sum of w b b is below
 * `least`. */
static double NAME(pair_step)(const nmf_added *added, ptrdiff_t t, double ridge, const REAL *lower, const REAL *upper,
                              double *sums, REAL *restrict g, REAL *f, REAL *change) {
    const ptrdiff_t k = added->k, stride = added->stride;
    const double *restrict E = added->E + t * stride;
    const double *q = added->q, *least = added->least;
    const int zero = added->zero;
    double moved = 0;
    for (int u = 0; u < 2; u++, t++, E += stride) {
        change[u] = 0;
        if (t >= k) break;
        if (least && sums[u ? 4 : 2] < least[t]) return -1;
        double slope = sums[u] + g[t] - ridge * q[t] * f[t], curvature = sums[u ? 4 : 2] + E[t] + ridge * q[t];
        if (!(curvature >= DBL_MIN)) continue; /* whose inverse is finite */
        REAL new = (REAL)(f[t] + slope / curvature);
        new = new > lower[t] ? new : lower[t];
        new = new < upper[t] ? new : upper[t];
        change[u] = new - f[t];
        if (change[u] == 0) continue;
        f[t] = new;
        moved += curvature * change[u] * change[u];
        if (u == 0) sums[1] -= change[0] * sums[3];
        for (ptrdiff_t s = 0; s < stride && !zero; s++) g[s] -= (REAL)(change[u] * E[s]);
    }
    return moved;
}

/* w and y = w x times scale of a row of n entries, with strides; where w is 0, x may be anything, also NaN. */
static void NAME(weigh_row)(const REAL *restrict x, ptrdiff_t x_stride, const REAL *restrict weights, ptrdiff_t w_stride,
                            ptrdiff_t n, double scale, REAL *restrict w, REAL *restrict y, ptrdiff_t stride) {
#define NMF_EACH(x_step, w_step, step)                             \
    for (ptrdiff_t j = 0; j < n; j++) {                           \
        REAL weight = weights[j * w_step], entry = x[j * x_step]; \
        entry = weight > 0 ? entry : 0; /* no branch */           \
        w[j * step] = weight;                                     \
        y[j * step] = weight * ((REAL)scale * entry);             \
    }
    if (x_stride == 1 && w_stride == 1 && stride == 1)
        NMF_EACH(1, 1, 1)
    else
        NMF_EACH(x_stride, w_stride, stride)
#undef NMF_EACH
}

/* Half the weighted squares w (x - m)^2 of the n entries of a row, from v = w (x - m). */
static double NAME(weighted_square)(const REAL *w, const REAL *v, ptrdiff_t n) {
    double sum[8] = {0}, total = 0;
    for (ptrdiff_t j = 0; j < n; j++) sum[j & 7] += (double)v[j] * v[j] / (w[j] > 0 ? w[j] : 1); /* v is 0 where w is */
    for (int l = 0; l < 8; l++) total += sum[l];
    return 0.5 * total;
}

/* Sum over the n places of a row of 1/2 w m^2 - y m, from v = y - w m. */
static double NAME(weighted_quadratic)(const REAL *w, const REAL *y, const REAL *v, ptrdiff_t n) {
    double total = 0;
    for (ptrdiff_t p = 0; p < n; p++)
        total -= w[p] != 0 ? ((double)y[p] - v[p]) / w[p] * ((double)y[p] + v[p]) : 0;
    return 0.5 * total;
}

/* 1/2 f (E + ridge diag(q)) f' - f c of a row of k coordinates, from g = c - f E. */
static double NAME(added_quadratic)(const REAL *f, const REAL *c, const REAL *g, ptrdiff_t k, double ridge,
                                    const double *q) {
    double total = 0;
    for (ptrdiff_t t = 0; t < k; t++) total += f[t] * (ridge * q[t] * f[t] - ((double)c[t] + g[t]));
    return 0.5 * total;
}
