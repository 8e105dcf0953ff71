/* Weighted least squares, row by row of a factor; included by tiles.h once for each REAL. */

#ifndef NMF_SQUARES
#define NMF_SQUARES /* what is float64 whatever REAL is: a Gram matrix that loses terms again must not lose digits */

/* G[r, :] += sum over p < n of scaled[p, r] rows[p, :] for TILE_ROWS rows r and `width` vectors; every row of the three
 * has `stride` entries. */
NMF_INLINE void nmf_square_tile(const int width, const double *scaled, const double *rows, ptrdiff_t stride, ptrdiff_t n,
                                double *G) {
    enum { LANES = NMF_LANES(double) };
    vec_f64 sum[NMF_TILE_ROWS][NMF_PANEL_VECTORS], row[NMF_PANEL_VECTORS];
    for (int r = 0; r < NMF_TILE_ROWS; r++)
        for (int v = 0; v < width; v++) sum[r][v] = load_f64(G + r * stride + v * LANES);
    for (ptrdiff_t p = 0; p < n; p++) {
        for (int v = 0; v < width; v++) row[v] = load_f64(rows + p * stride + v * LANES);
        for (int r = 0; r < NMF_TILE_ROWS; r++)
            for (int v = 0; v < width; v++) sum[r][v] += scaled[p * stride + r] * row[v];
    }
    for (int r = 0; r < NMF_TILE_ROWS; r++)
        for (int v = 0; v < width; v++) store_f64(G + r * stride + v * LANES, sum[r][v]);
}

/* G += scaled' rows (n rows each) on the blocks of TILE_ROWS on the diagonal and right of them; `stride` is a multiple
 * of 8, and so of TILE_ROWS and of the lanes. */
static void nmf_add_squares(const double *scaled, const double *rows, ptrdiff_t stride, ptrdiff_t n, double *G) {
    enum { LANES = NMF_LANES(double) };
    for (ptrdiff_t r = 0; r < stride; r += NMF_TILE_ROWS) {
        ptrdiff_t c = r;
        while (c < stride) {
            ptrdiff_t left = (stride - c) / LANES, width = left == 4 ? 2 : left < 3 ? left : 3;
            double *tile = G + r * stride + c;
            if (width == 3)
                nmf_square_tile(3, scaled + r, rows + c, stride, n, tile);
            else if (width == 2)
                nmf_square_tile(2, scaled + r, rows + c, stride, n, tile);
            else
                nmf_square_tile(1, scaled + r, rows + c, stride, n, tile);
            c += width * LANES;
        }
    }
}

/* What lies right of the blocks of TILE_ROWS on the diagonal of G, once more below them. */
static void nmf_mirror(double *G, ptrdiff_t stride) {
    for (ptrdiff_t r = 0; r + NMF_TILE_ROWS < stride; r += NMF_TILE_ROWS) {
        ptrdiff_t c = r + NMF_TILE_ROWS;
        transpose_f64(G + r * stride + c, stride, NMF_TILE_ROWS, stride - c, G + c * stride + r, stride);
    }
}
#endif

/* A row b of B whose place has the weight w, and y as the product of weight and entry: row = b, scaled = w b, c += y b;
 * filled up with zeros. */
static void NAME(gather_place)(const REAL *restrict b, ptrdiff_t k, ptrdiff_t padded, double w, double y,
                               double *restrict row, double *restrict scaled, double *restrict c) {
    for (ptrdiff_t t = 0; t < k; t++) {
        row[t] = b[t];
        scaled[t] = w * b[t];
        c[t] += y * b[t];
    }
    for (ptrdiff_t t = k; t < padded; t++) row[t] = scaled[t] = 0;
}

/* One cyclic sweep over lower <= f <= upper for 1/2 f G f' - f c, given g = c - G f, which follows f. G is symmetric, of
 * rows of `padded` entries, inverse that of its diagonal, 0 for a coordinate that stays. Returns the sum of G_tt
 * (change)^2. */
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
    double sum = 0;
    NAME(store)(lanes, v);
    for (int l = 0; l < NMF_LANES(REAL); l++) sum += lanes[l];
    return sum;
}

/* The step of a pair of coordinates, v -= w (change before), and for the pair that comes after it the sums of v b0, v b1,
 * w b0 b0, w b0 b1, w b1 b1, row by row: so v and w are read once for two coordinates. */
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

/* The steps of the coordinates t and t + 1 (if there is one) of a row: `sums` is what weighted_pair found, c - f E that of
 * the shared quadratic 1/2 f E f' - f c, whose row t begins at E. Writes the changes; returns the sum of curvature
 * (change)^2. */
static double NAME(pair_step)(double *sums, const double *E, const REAL *c, ptrdiff_t k, ptrdiff_t t, REAL *f,
                              const REAL *lower, const REAL *upper, double ridge, const double *q, REAL *change) {
    double moved = 0;
    for (int u = 0; u < 2; u++, t++, E += k) {
        change[u] = 0;
        if (t >= k) break;
        double slope = sums[u] + c[t] - ridge * q[t] * f[t], curvature = sums[u ? 4 : 2] + E[t] + ridge * q[t];
        for (ptrdiff_t s = 0; s < k; s++) slope -= f[s] * E[s];
        if (!(curvature >= DBL_MIN)) continue; /* whose inverse is finite */
        REAL new = (REAL)(f[t] + slope / curvature);
        new = new > lower[t] ? new : lower[t];
        new = new < upper[t] ? new : upper[t];
        change[u] = new - f[t];
        f[t] = new;
        moved += curvature * change[u] * change[u];
        if (u == 0) sums[1] -= change[0] * sums[3];
    }
    return moved;
}

/* w and y = w x times scale of a row of n entries, their strides given; where w is 0 what stands in x is not looked at. */
static void NAME(weigh_row)(const REAL *x, ptrdiff_t x_stride, const REAL *weights, ptrdiff_t w_stride, ptrdiff_t n,
                            double scale, REAL *w, REAL *y, ptrdiff_t stride) {
    for (ptrdiff_t j = 0; j < n; j++) {
        REAL weight = weights[j * w_stride];
        w[j * stride] = weight;
        y[j * stride] = weight > 0 ? weight * ((REAL)scale * x[j * x_stride]) : 0;
    }
}

/* Half the weighted squares w (x - m)^2 of the n entries of a row, from v = w (x - m). */
static double NAME(weighted_square)(const REAL *w, const REAL *v, ptrdiff_t n) {
    double sum[8] = {0}, total = 0;
    for (ptrdiff_t j = 0; j < n; j++) sum[j & 7] += w[j] > 0 ? (double)v[j] * v[j] / w[j] : 0;
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

/* 1/2 f (G + ridge diag(q)) f' - f c of a row of k coordinates. */
static double NAME(row_quadratic)(const REAL *f, ptrdiff_t k, const double *G, const REAL *c, double ridge,
                                  const double *q) {
    double total = 0;
    for (ptrdiff_t t = 0; t < k; t++) {
        double slope = ridge * q[t] * f[t];
        for (ptrdiff_t s = 0; s < k; s++) slope += G[t * k + s] * f[s];
        total += f[t] * (0.5 * slope - c[t]);
    }
    return total;
}
